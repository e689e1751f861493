"""The Code tab as a person uses it: reads, chooses, copies, saves."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QLineEdit

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen.script import standalone_script
from maml_explorer.codegen.two_forms import stateful_and_functional
from maml_explorer.gui.panels.code import panel as module
from maml_explorer.gui.panels.code.panel import CodePanel
from maml_explorer.gui.style import code_colors
from maml_explorer.gui.style.contrast import READABLE, contrast
from maml_explorer.gui.style.theme import DARK, LIGHT, THEMES
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.gui.driving import press
from tests.gui.panel_bench import Bench, nameless

ARMS = (*(default_arm(key) for key in ALGORITHMS), Arm("hot", "maml", (("inner_lr", 0.7),)))


@pytest.fixture
def bench(qtbot):
    bench = Bench.start(qtbot, Settings(arms=ARMS))
    yield bench
    bench.session.close()


@pytest.fixture
def panel(bench):
    return bench.show(CodePanel, 620, 320)


def test_it_shows_the_script_of_what_is_in_force(bench, panel):
    assert panel.code.toPlainText() == standalone_script(bench.session.settings, ARMS[0])
    bench.session.editor.edit({"inner_steps": 3, "noise": 0.5})
    text = panel.code.toPlainText()
    assert text == standalone_script(bench.session.settings, ARMS[0])
    assert "INNER_LR, INNER_STEPS = 0.01, 3" in text and "NOISE = 0.5" in text
    bench.session.editor.edit({"hidden": (8,)})  # waits for a restart
    assert "nn.Linear(40, 40)" in panel.code.toPlainText()
    assert "lines · of what is in force, without what waits for a restart" in panel.said.full
    bench.session.control.restart()
    assert "nn.Linear(8, 1)" in panel.code.toPlainText()
    assert panel.said.full.endswith("lines of plain PyTorch")


def test_the_arm_is_chosen_with_the_keyboard(bench, panel):
    panel.arm_choice.setFocus()
    for _ in range(len(ALGORITHMS)):
        bench.qtbot.keyClick(panel.arm_choice, Qt.Key.Key_Down)
    assert panel.arm.name == "hot"
    assert "INNER_LR, INNER_STEPS = 0.7, 1" in panel.code.toPlainText()
    bench.session.editor.set_arms(ARMS[:2])
    assert panel.arm_choice.count() == 2
    assert panel.code.toPlainText() == standalone_script(bench.session.settings, ARMS[0])


def test_settings_without_a_script_say_why(bench, panel):
    settings = bench.session.settings.with_values({"norm": "batch-per-step"})
    bench.session.editor.settings = settings
    bench.session.editor.settings_changed.emit(settings)
    assert panel.code.toPlainText() == ""
    assert panel.said.full.startswith("A standalone script cannot have Normalization (norm)")


def test_forms_that_are_not_written_say_why_and_come_back(bench, panel):
    press(bench.qtbot, panel.forms)
    assert panel.functional.isVisible()
    curves, streams = bench.session.settings, load_preset("oml-sine").settings
    for settings in (streams, curves):
        bench.session.editor.settings = settings
        bench.session.editor.settings_changed.emit(settings)
        refused = settings is streams
        assert (panel.code.toPlainText() == panel.text == "") is refused
        assert panel.said.full.startswith("The two forms are not written for streams") is refused
        assert panel.functional.isVisible() is not refused
    press(bench.qtbot, panel.forms)
    assert panel.code.toPlainText() == standalone_script(curves, ARMS[0])


def test_copy_puts_what_is_shown_on_the_clipboard(bench, panel):
    press(bench.qtbot, panel.copy)
    assert QGuiApplication.clipboard().text() == panel.code.toPlainText()
    assert panel.said.full == f"{len(panel.text.splitlines())} lines are on the clipboard."
    bench.session.editor.edit({"inner_lr": 0.2})
    lines = len(panel.text.splitlines())
    assert panel.said.full == f"{lines} lines of plain PyTorch"


def test_code_is_written_in_the_size_of_the_text(bench, panel):
    usual = panel.code.font().pointSizeF()
    assert usual == bench.session.theme.points
    bench.session.set_theme(replace(bench.session.theme, points=12.0))
    assert panel.code.font().pointSizeF() == panel.functional.font().pointSizeF() == 12.0


def test_both_forms_stand_side_by_side(bench, panel):
    press(bench.qtbot, panel.forms)
    stateful, functional = stateful_and_functional(bench.session.settings, ARMS[0])
    assert panel.code.toPlainText() == stateful
    assert panel.functional.toPlainText() == functional
    assert panel.functional.isVisible()
    assert panel.code.geometry().right() < panel.functional.geometry().left()
    assert abs(panel.code.width() - panel.functional.width()) <= 1
    for view, first in ((panel.code, "def outer_gradient"), (panel.functional, "def adapt")):
        below = view.document().find(first).blockNumber() - view.firstVisibleBlock().blockNumber()
        assert view.verticalScrollBar().value() > 10 and 0 <= below < 8
    press(bench.qtbot, panel.copy)
    copied = QGuiApplication.clipboard().text()
    assert copied == f"{stateful}\n\n{functional}"
    ast.parse(copied)
    press(bench.qtbot, panel.forms)
    assert not panel.functional.isVisible()
    assert panel.code.toPlainText() == standalone_script(bench.session.settings, ARMS[0])


def choose(bench, panel, folder: Path, name: str) -> None:
    """Goes to a folder in the file dialog, types a name and presses Save."""
    press(bench.qtbot, panel.save)
    chooser = panel.findChildren(QFileDialog)[-1]
    bench.qtbot.waitExposed(chooser)
    chooser.setDirectory(str(folder))
    line = chooser.findChild(QLineEdit)
    assert line.text() == f"{panel.arm.algorithm}.py"
    line.setCompleter(None)  # its popup raises windows, which the offscreen platform cannot
    line.clear()
    bench.qtbot.keyClicks(line, name)
    buttons = chooser.findChild(QDialogButtonBox)
    press(bench.qtbot, buttons.button(QDialogButtonBox.StandardButton.Save))


def test_save_writes_the_file(bench, panel, tmp_path):
    panel.arm_choice.setFocus()
    bench.qtbot.keyClick(panel.arm_choice, Qt.Key.Key_Down)
    choose(bench, panel, tmp_path, "mine")
    assert (tmp_path / "mine.py").read_text(encoding="utf-8") == panel.code.toPlainText()
    assert panel.said.full == "Saved as mine.py."


def test_a_disk_that_fails_is_said(bench, panel, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_text", full)
    choose(bench, panel, tmp_path, "mine")
    assert panel.said.full == "Not saved: No space left on device."
    assert panel.said.property("role") == "error"
    bench.session.editor.edit({"inner_lr": 0.2})
    assert panel.said.property("role") == "muted"


def test_it_writes_only_what_is_looked_at_and_has_changed(bench, panel, monkeypatch):
    calls = []

    def counted(settings, arm):
        calls.append(settings)
        return standalone_script(settings, arm)

    monkeypatch.setattr(module, "standalone_script", counted)
    bench.session.editor.settings_changed.emit(bench.session.settings)
    assert calls == []
    panel.hide()
    bench.session.editor.edit({"inner_lr": 0.3})
    assert calls == [] and "= 0.3, 1" not in panel.code.toPlainText()
    panel.show()
    assert len(calls) == 1 and "= 0.3, 1" in panel.code.toPlainText()
    panel.hide()
    panel.show()
    assert len(calls) == 1


def test_a_hidden_panel_writes_nothing_when_it_is_made(bench, qtbot):
    hidden = CodePanel(bench.session)
    qtbot.addWidget(hidden)
    assert hidden.code.toPlainText() == ""


def test_the_place_is_kept_while_a_value_changes(bench, panel):
    bar = panel.code.verticalScrollBar()
    assert bar.maximum() > 40
    bar.setValue(30)
    bench.session.editor.edit({"inner_lr": 0.3})
    assert bar.value() == 30


def looks(view) -> dict[str, tuple[str, bool]]:
    """(colour, bold) of words that are coloured, by word."""
    found = {}
    block = view.document().begin()
    while block.isValid():
        for part in block.layout().formats():
            word = block.text()[part.start : part.start + part.length]
            look = part.format
            found[word] = (look.foreground().color().name(), look.fontWeight() > 400)
        block = block.next()
    return found


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_words_have_readable_colours_in_both_themes(bench, panel, theme):
    bench.session.set_theme(DARK if theme is LIGHT else LIGHT)
    bench.session.set_theme(theme)
    found = looks(panel.code)
    for word, kind in (
        ("def", "keyword"), ("for", "keyword"), ("adapt", "name"), ("0.001", "number"),
        ("# α, K", "comment"), ('"""MAML on sine regression, in plain PyTorch.', "string"),
        ("    θ* = argmin_θ E_τ L(U_K(θ, S_τ), Q_τ)", "string"), ("70_000", "number"),
    ):  # fmt: skip
        assert found[word][0] == code_colors.color(kind, theme), word
    assert "loss" in found and "model" not in found
    assert found["def"][1] and found["adapt"][1] and not found["0.001"][1]
    for kind in code_colors.HUES:
        assert contrast(code_colors.color(kind, theme), theme.card) >= READABLE
    assert len({code_colors.color(kind, theme) for kind in code_colors.HUES}) == 5


def test_code_can_be_selected_and_not_changed(bench, panel):
    bench.qtbot.keyClicks(panel.code, "x")
    assert panel.code.toPlainText().startswith('"""MAML')
    panel.code.moveCursor(QTextCursor.MoveOperation.Start)
    panel.code.setFocus()
    bench.qtbot.keyClick(panel.code, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(panel.code.textCursor().selectedText()) == len(panel.code.toPlainText())


def test_every_control_has_a_name(panel):
    assert nameless(panel) == []
    assert panel.code.accessibleName() == "Code"
