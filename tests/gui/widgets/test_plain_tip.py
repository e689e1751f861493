"""Text from files never becomes a picture or a heading in a tooltip."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtGui import Qt, QTextDocument

from maml_explorer.gui.widgets.plain_tip import LONGEST, plain_tip

GUI = Path(__file__).resolve().parents[3] / "maml_explorer" / "gui"


@pytest.mark.parametrize(
    "text",
    [
        '<h1>Free</h1><img src="/path/of/a/fifo"> text', "<b>bold</b>\nsecond & line",
        "MAML <img src=x>", "a < b > c", "plain & simple\n\nα ≥ 0", "</span><img src=y>",
    ],
)  # fmt: skip
def test_a_tooltip_shows_every_letter(text: str) -> None:
    tip = plain_tip(text)
    if not Qt.mightBeRichText(tip):
        assert tip == text
        return
    document = QTextDocument()
    document.setHtml(tip)
    assert document.toPlainText() == text
    assert "<img" not in tip


def test_lines_of_a_tooltip_are_as_long_as_one_reads_them() -> None:
    text = f"First.\n{'word ' * 40}\n\n/a/{'very/' * 30}long/path"
    lines = plain_tip(text).split("\n")
    assert lines[0] == "First." and max(map(len, lines[:-1])) <= LONGEST
    assert " ".join(plain_tip(text).split()) == " ".join(text.split())
    assert plain_tip("<b>bold</b> " + text).count("<br>") >= 4


def test_every_tooltip_is_plain() -> None:
    raw = []
    for path in sorted(GUI.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "setToolTip":
                given = node.args[-1]
                called = isinstance(given, ast.Call) and getattr(given.func, "id", "")
                short = isinstance(given, ast.Constant) and len(str(given.value)) <= LONGEST
                if not short and called != "plain_tip":
                    raw.append(f"{path.name}:{node.lineno}")
    assert raw == []
