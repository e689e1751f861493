"""Compares the run with the numbers published for its preset, and has the report written."""

from __future__ import annotations

from maml_explorer.gui.session.proposed_path import proposed_path
from maml_explorer.gui.session.run_control import RunControl
from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.gui.widgets.text_prompt import Ask
from maml_explorer.settings.presets import Preset


class Reproduction:
    """Asks for verdicts and report; the worker computes, and training goes on after it."""

    def __init__(
        self, editor: SettingsEditor, control: RunControl, banners: Banners, ask: Ask
    ) -> None:
        self._editor, self._control = editor, control
        self._banners, self._ask = banners, ask

    def compare(self) -> None:
        """Asks the worker for the verdicts, which the adaptation speed shows."""
        if self._preset() is not None:
            self._control.compare()

    def write_report(self) -> None:
        """Asks where the report goes."""
        preset = self._preset()
        if preset is not None:
            self._ask.ask(
                "Write the report as the file",
                proposed_path(preset.name, ".html"),
                self._control.compare,
            )

    def _preset(self) -> Preset | None:
        """The preset of the run; where there is none, that is said."""
        preset = self._editor.preset
        if preset is None:
            self._banners.say(
                "report",
                "Choose a preset first: a run is compared with the numbers published for it.",
                "warning",
                stays=False,
            )
        return preset
