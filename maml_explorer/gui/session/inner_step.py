"""The inner step that is looked at: one for all panels."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.settings_editor import SettingsEditor


class InnerStep(QObject):
    """Inner step that the sliders, the play button and a click on Adaptation speed choose."""

    changed = Signal()

    def __init__(self, editor: SettingsEditor) -> None:
        super().__init__(editor.parent())
        self._editor = editor
        self.chosen: int | None = None
        """None until the user chooses: as many as in training."""

    def within(self, last: int) -> int:
        """The inner step to show where there are steps 0 … `last`."""
        trained = max(self._editor.settings.inner.inner_steps, 1)
        return min(trained if self.chosen is None else self.chosen, last)

    def choose(self, step: int) -> None:
        """Shows this inner step everywhere."""
        if step != self.chosen:
            self.chosen = step
            self.changed.emit()
