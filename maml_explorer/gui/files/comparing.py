"""Compares the run with the numbers published for its preset, and has the report written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maml_explorer.gui.files.proposed_path import proposed_path
from maml_explorer.settings.presets import Preset

if TYPE_CHECKING:
    from maml_explorer.gui.window.window import MainWindow


class Reproduction:
    """What the actions of one window do; the worker computes, and training goes on after it."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def compare(self) -> None:
        """Asks the worker for the verdicts, which the adaptation speed shows."""
        if self._preset() is not None:
            self._window.session.control.compare()

    def write_report(self) -> None:
        """Asks where the report goes."""
        preset = self._preset()
        if preset is not None:
            self._window.files.ask.ask(
                "Write the report as the file",
                proposed_path(preset.name, ".html"),
                self._window.session.control.compare,
            )

    def _preset(self) -> Preset | None:
        """The preset of the run; where there is none, that is said."""
        preset = self._window.session.editor.preset
        if preset is None:
            self._window.banners.say(
                "report",
                "Choose a preset first: a run is compared with the numbers published for it.",
                "warning",
            )
        return preset
