"""A walk through the states of a window that could exceed its screen or cut words."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QApplication

from maml_explorer.gui.window.window import MainWindow
from tests.gui.geometry import cut_words, off_screen, overlapping_names

LOOKS = (("light", ""), ("dark", "largest"))
"""(theme, text size): what is cut in one theme is cut in the other."""


def walk(app: QApplication, window: MainWindow, whole: bool) -> dict[str, Any]:
    """(state → what is off the screen), (state → what is cut), the number of states.

    Only the first state where `whole` is false.
    """
    off: dict[str, list[str]] = {}
    cut: dict[str, list[str]] = {}
    states = 0

    def look(name: str) -> None:
        nonlocal states
        states += 1
        for _ in range(3):
            app.sendPostedEvents()
            app.processEvents()
        if found := off_screen(window):
            off[name] = found
        if found := cut_words(window) + overlapping_names(window):
            cut[name] = found

    lesson = next(one for one in window.lessons.shelf.shipped if one.name.endswith("instability"))
    for theme, size in LOOKS:
        window.appearance.use(theme)
        window.columns.set_text_size(size)
        name = f"{theme} {size or 'normal'}"
        look(f"{name} bare")
        if not whole:
            break
        window.banners.say(
            "diverged", "A message of some length about what happened. " * 4, "warning",
            (("Undo the changes · back to 70\u202f000", int), ("Halve α to 0.0003125", int)),
        )  # fmt: skip
        window.lessons.start(lesson)
        look(f"{name} banner, lesson")
        window.banners.drop_all()
        window.columns.toggle_presenter()
        look(f"{name} presenter, lesson")
        window.lessons.leave()
        if not size:  # what else there is, in the size that needs most room
            window.columns.toggle_presenter()
            continue
        window.columns.beside.want(True)
        look(f"{name} presenter, pseudocode")
        window.share_code.show_code()
        look(f"{name} presenter, share code")
        window.share_code.dismiss()
        window.columns.toggle_presenter()
        window.columns.toggle_simple()
        look(f"{name} simple view")
        window.columns.toggle_simple()
        window.shortcut_sheet.show_sheet()
        look(f"{name} shortcuts")
        window.shortcut_sheet.dismiss()
        window.lessons.choose_lesson()
        look(f"{name} lessons")
        window.lessons.list.dismiss()
    window.columns.set_text_size("")
    return {"off": off, "cut": cut, "states": states}
