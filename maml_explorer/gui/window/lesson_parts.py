"""The parts of the window that a lesson can point at, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.settings.groups import DECLARATIONS

if TYPE_CHECKING:
    from maml_explorer.gui.window.window import MainWindow

Finder = Callable[["MainWindow"], QWidget | None]
"""The widget of a window; None where its panel failed."""


def _inside(panel: str, *names: str) -> Finder:
    def find(window: MainWindow) -> QWidget | None:
        part: object = window.places[panel].panel
        for name in names:
            part = getattr(part, name, None)
        return part if isinstance(part, QWidget) else None

    return find


def _of_the_window(*names: str) -> Finder:
    def find(window: MainWindow) -> QWidget | None:
        part: object = window
        for name in names:
            part = getattr(part, name)
        return part if isinstance(part, QWidget) else None

    return find


def _card(title: str) -> Finder:
    return lambda window: window.parts[title]


def _setting(key: str) -> Finder:
    return lambda window: window.form.row(key)


def _tab(name: str) -> Finder:
    return lambda window: window.places[name]


PARTS: dict[str, Finder] = {
    **{
        name: _of_the_window("run_bar", name)
        for name in ("train", "outer_step", "inner_step", "reset", "new_seed", "speed", "preset")
    },
    "learn": _of_the_window("learn_button"),
    "file": _of_the_window("file_button"),
    "view": _of_the_window("view_button"),
    "status": _of_the_window("status"),
    "stability": _of_the_window("stability"),
    "settings": _card("Settings"),
    "adaptation": _card("Adaptation"),
    "adaptation.plot": _inside("adaptation", "canvas"),
    "adaptation.inner_step": _inside("adaptation", "bar"),
    "adaptation.arms": _inside("adaptation", "arms"),
    "adaptation.new_task": _inside("adaptation", "new_task"),
    "adaptation.new_points": _inside("adaptation", "new_points"),
    "adaptation.before": _inside("adaptation", "before"),
    "adaptation.residuals": _inside("adaptation", "residuals"),
    "losses": _card("Losses"),
    "losses.plot": _inside("losses", "plot"),
    "losses.loss": _inside("losses", "loss"),
    "losses.axis": _inside("losses", "axis"),
    "adaptation_speed": _card("Adaptation speed"),
    "insight": _card("Insight"),
    **{f"settings.{key}": _setting(key) for key in DECLARATIONS},
    **{f"tab.{entry.name}": _tab(entry.name) for entry in PANELS.values() if entry.place == TAB},
}
"""Name → the widget. A lesson that names another one is refused."""
