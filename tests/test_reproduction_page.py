"""docs/reproduction.md is what the measured figures say."""

from __future__ import annotations

from tools.reproduction import DATA, PAGE, page


def test_the_page_is_current() -> None:
    assert list(DATA.glob("*.json"))
    assert PAGE.read_text(encoding="utf-8") == page()
