"""The bar on top: what the run does, how fast, from which preset, and what is taken away."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.numbers import whole
from maml_explorer.gui.session import Session
from maml_explorer.gui.widgets import ComboBox, Dot, Slider, button, label, row
from maml_explorer.presets import Preset
from maml_explorer.settings import Settings
from maml_explorer.worker.messages import Phase, Status

FASTEST = 10_000.0
"""Outer steps per second at the last position before "unlimited"."""
_POSITIONS = 100
_TRAIN = {Phase.RUNNING: "❚❚  Pause", Phase.FINISHED: "▶  Continue"}
_READY = (Phase.PAUSED, Phase.RUNNING, Phase.STEPPING, Phase.FINISHED)


class RunBar(QWidget):
    """Train or pause, steps, reset, new seed, speed, preset, export."""

    def __init__(
        self, session: Session, presets: Mapping[str, Preset], export: Callable[[], None]
    ) -> None:
        super().__init__()
        self._session, self._presets = session, presets
        self.train = button(
            "▶  Train", session.toggle, "Train or pause (Space)", role="primary"
        )  # fmt: skip
        self.train.setMinimumWidth(88)
        self.outer_step = button("Outer step", session.outer_step, "Take one outer step (N)")
        self.inner_step = button(
            "Inner step", session.inner_step, "Show the next inner step (Shift+N)"
        )
        self.reset = button(
            "Reset", session.reset, "Begin again: same settings, seed and initialization"
        )
        self.new_seed = button("New seed", session.new_seed, "Begin again with the next seed")
        self.speed_limit = label(role="muted")
        self.speed = Slider()
        self.speed.setRange(0, _POSITIONS)
        self.speed.setValue(_POSITIONS)
        self.speed.setFixedWidth(104)
        self.speed.setAccessibleName("Speed limit")
        self.speed.valueChanged.connect(self._limit)
        self._show_limit(None)
        self.preset = ComboBox()
        self.preset.setAccessibleName("Preset")
        self.preset.setMinimumWidth(160)
        for key, preset in presets.items():
            self.preset.addItem(preset.title, key)
            about = f"{preset.description}\n\nSource: {preset.source}"
            self.preset.setItemData(self.preset.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
        self.preset.activated.connect(self._load)
        self.dot = Dot()
        self.export = button(
            "Export initialization…", export, "Write an arm's initialization as a folder"
        )
        self.setLayout(
            row(
                self.train, self.outer_step, self.inner_step, self.reset, self.new_seed, 8,
                label("Speed", "muted"), self.speed, self.speed_limit, 8,
                label("Preset", "muted"), self.preset, self.dot, None, self.export,
            )
        )  # fmt: skip
        session.status_changed.connect(self._show_status)
        session.settings_changed.connect(self._show_preset)
        self._show_status(session.status)
        self._show_preset(session.settings)

    def add(self, widget: QWidget) -> None:
        """Puts another control at the right end."""
        line = self.layout()
        if line is not None:
            line.addWidget(widget)

    def _show_status(self, status: Status | None) -> None:
        phase = Phase.LOADING if status is None else status.phase
        words = _TRAIN.get(phase, "▶  Train")
        if self.train.text() != words:
            self.train.setText(words)
            self.train.setAccessibleName(words[3:].strip())
        ready = phase in _READY
        for control in (self.train, self.outer_step, self.inner_step):
            control.setEnabled(ready)
        self.export.setEnabled(ready)

    def _show_preset(self, _: Settings) -> None:
        preset = self._session.preset
        self.preset.setCurrentIndex(-1 if preset is None else self.preset.findData(preset.name))
        differs = preset is not None and self._session.edited != preset.settings
        self.dot.show_dot(differs)
        self.dot.setToolTip("The settings differ from the preset." if differs else "")
        self.preset.setToolTip("" if preset is None else f"{preset.description}")

    def _load(self, index: int) -> None:
        preset = self._presets.get(self.preset.itemData(index))
        if preset is not None:
            self._session.load_preset(preset)

    def _limit(self, position: int) -> None:
        limit = speed_limit(position)
        self._show_limit(limit)
        self._session.set_speed(limit)

    def _show_limit(self, limit: float | None) -> None:
        words = "unlimited" if limit is None else f"at most {whole(limit)} outer steps/s"
        self.speed_limit.setText("" if limit is None else f"≤ {whole(limit)}/s")
        self.speed_limit.setVisible(limit is not None)
        self.speed.setToolTip(f"Speed: {words}")


def speed_limit(position: int) -> float | None:
    """Outer steps per second at a position of the slider, 1 to 10 000; None at the last one."""
    if position >= _POSITIONS:
        return None
    exact = FASTEST ** (position / (_POSITIONS - 1))
    return float(round(exact)) if exact < 10 else float(f"{exact:.1e}")
