"""The bar on top: what the run does, how fast, from which preset, and what is taken away."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QWidget

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.widgets.controls import (
    ComboBox,
    Dot,
    Slider,
    button,
    label,
    row,
    type_changed,
)
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.reports import Phase, Status
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.presets import Preset, Presets
from maml_explorer.settings.restart import changed_keys, differs
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted

FASTEST = 10_000.0
"""Outer steps per second at the last position before "unlimited"."""
_POSITIONS = 100
_TRAIN = "▶  Train"
_OTHERWISE = {Phase.RUNNING: "❚❚  Pause", Phase.FINISHED: "▶  Continue"}
"""Words of the primary button where it does not say Train."""
_LEAST_PRESET, _BESIDE_PRESET = 160, 48
"""Pixels of the box of presets at least, and of its frame and chevron beside a title."""
_ELSEWHERE = 4
"""The first so many that give way go before a preset's title is cut."""
_READY = (Phase.PAUSED, Phase.RUNNING, Phase.STEPPING, Phase.FINISHED)


class RunBar(QWidget):
    """Train or pause, steps, reset, new seed, speed, preset, export."""

    _fitting = False

    def __init__(self, session: Session, presets: Presets, export: Callable[[], None]) -> None:
        super().__init__()
        self._session = session
        self._presets = presets
        self.train = button(
            _TRAIN, session.control.toggle, "Train or pause (Space)", role="primary"
        )  # fmt: skip
        self.outer_step = button(
            "Outer step", session.control.outer_step, "Take one outer step (N)"
        )
        self.inner_step = button(
            "Next inner step",
            session.control.inner_step,
            "Take an outer step apart: sample, adapt, query, update (Shift+N)",
        )
        self.reset = button(
            "Reset", session.control.reset, "Begin again: same settings, seed and initialization"
        )
        self.new_seed = button(
            "New seed", session.control.new_seed, "Begin again with the next seed"
        )
        self._simple = False
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
        self.preset.setMinimumWidth(_LEAST_PRESET)
        self.preset.setPlaceholderText("Own settings")
        self.offer(presets.titles)
        self.preset.activated.connect(self._load)
        self.preset.opening.connect(self._explain_presets)
        self.dot = Dot()
        self.export = button(
            "Export…", export, "Export initialization: write an arm's θ as a folder"
        )
        self.pin = button("Pin run", session.pins.pin_run, "Keep this run to compare with (Ctrl+P)")
        words = label("Speed", "muted"), label("Preset", "muted")
        self.controls: dict[str, QWidget] = {
            "train": self.train, "outer_step": self.outer_step, "inner_step": self.inner_step,
            "reset": self.reset, "new_seed": self.new_seed, "speed": self.speed,
            "preset": self.preset,
        }  # fmt: skip
        """The controls that a lesson can point at, by name."""
        self.more = button("»", self._open_more, "Buttons that have no room in this line")
        self.more.setAccessibleName("More actions")
        self.more.hide()
        self.setLayout(
            row(
                self.train, self.outer_step, self.inner_step, self.reset, self.new_seed, 4,
                words[0], self.speed, self.speed_limit, 4,
                words[1], self.preset, self.dot, None, self.pin, self.export, self.more,
            )
        )  # fmt: skip
        self._gives_way: list[QWidget] = [
            *words, self.export, self.pin, self.new_seed, self.inner_step, self.reset,
            self.outer_step, self.speed,
        ]  # fmt: skip
        """Widgets that a narrow window leaves to “»” and the palette, the first ones first."""
        self.everything = button(
            "Show everything", lambda: None, "All settings, panels and tabs (Ctrl+9)"
        )
        self.everything.hide()
        self.add(self.everything)
        self._not_simple: list[QWidget] = [
            *self._gives_way, self.speed_limit, self.preset, self.dot,
        ]  # fmt: skip
        session.link.status_changed.connect(self._show_status)
        session.editor.settings_changed.connect(self._show_preset)
        self._show_status(session.status)
        self._show_preset(session.settings)

    def add(self, widget: QWidget) -> None:
        """Puts another control at the right end; it stays in a narrow window."""
        line = self.layout()
        if line is not None:
            line.addWidget(widget)

    def show_simple(self, on: bool) -> None:
        """Leaves out all but training and the way back to everything; or brings all back."""
        self._simple = on
        for widget in self._not_simple:
            widget.setVisible(not on)
        self.speed_limit.setVisible(not on and bool(self.speed_limit.text()))
        self.everything.setVisible(on)
        self._fit()

    def offer(self, titles: Mapping[str, str]) -> None:
        """Offers further presets, name → title; one of the same name takes the other's place."""
        for name, title in titles.items():
            at = self.preset.findData(name)
            if at < 0:
                at = self.preset.count()
                self.preset.addItem(title, name)
            self.preset.setItemText(at, title)

    def _explain_presets(self) -> None:
        """Says of every preset in the list that opens what is known of it."""
        for at in range(self.preset.count()):
            words = preset_words(self._presets[self.preset.itemData(at)])
            self.preset.setItemData(at, plain_tip(words), Qt.ItemDataRole.ToolTipRole)

    def limit_speed(self, steps_per_second: float | None) -> None:
        """Moves the slider to a speed; None is unlimited."""
        self.speed.setValue(speed_position(steps_per_second))

    def minimumSizeHint(self) -> QSize:
        """Width without everything that may give way."""
        hint, line = super().minimumSizeHint(), self.layout()
        if line is None:
            return hint
        shown = [w for w in self._gives_way if not w.isHidden()]
        room = sum(w.minimumSizeHint().width() + line.spacing() for w in shown)
        room += self.preset.minimumWidth() - _LEAST_PRESET
        room -= self.more.minimumSizeHint().width() + line.spacing() if self.more.isHidden() else 0
        return QSize(hint.width() - room, hint.height())

    @property
    def left_out(self) -> list[QAbstractButton]:
        """Buttons that have no room in the bar."""
        ways = () if self._simple else reversed(self._gives_way)
        return [way for way in ways if isinstance(way, QAbstractButton) and way.isHidden()]

    def more_menu(self) -> QMenu:
        """The buttons that have no room, as actions."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        for one in self.left_out:
            action = menu.addAction(one.text(), one.click)
            action.setEnabled(one.isEnabled())
            action.setToolTip(plain_tip(one.toolTip()))
        return menu

    def _open_more(self) -> None:
        self.more_menu().popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Hides what has no room, and shows what has."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Fits again in another font."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit()

    def _fit(self) -> None:
        """Fits once: what it shows and hides can resize the bar, which fits again."""
        if self._fitting:
            return
        self._fitting = True
        try:
            self._hide_what_has_no_room()
        finally:
            self._fitting = False

    def _hide_what_has_no_room(self) -> None:
        line = self.layout()
        self.train.setMinimumWidth(self._train_width)
        if line is None:
            return
        title = self.preset.currentText() or self.preset.placeholderText()
        whole_title = self.preset.fontMetrics().horizontalAdvance(title) + _BESIDE_PRESET
        for least, may_go in (
            (max(_LEAST_PRESET, whole_title), self._gives_way[:_ELSEWHERE]),
            (_LEAST_PRESET, self._gives_way),
        ):  # fmt: skip
            self.preset.setMinimumWidth(least)
            for widget in self._gives_way:
                widget.setVisible(not self._simple or widget is self.reset)
            for left_out in (None, *may_go):
                if left_out is not None:
                    left_out.hide()
                self.more.setVisible(bool(self.left_out))
                line.invalidate()
                if line.minimumSize().width() <= self.width():
                    return

    @property
    def _train_width(self) -> int:
        """Pixels of the primary button, whichever of its words it shows."""
        metrics, flag = self.train.fontMetrics(), Qt.TextFlag.TextShowMnemonic
        now, *widths = (
            metrics.size(flag, words).width()
            for words in (self.train.text(), _TRAIN, *_OTHERWISE.values())
        )
        return self.train.minimumSizeHint().width() - now + max(widths)

    def _show_status(self, status: Status | None) -> None:
        phase = Phase.LOADING if status is None else status.phase
        words = _OTHERWISE.get(phase, _TRAIN)
        if self.train.text() != words:
            self.train.setText(words)
            self.train.setAccessibleName(words[3:].strip())
            self._fit()
        ready = phase in _READY
        for control in (self.train, self.outer_step, self.inner_step):
            control.setEnabled(ready)
        self.export.setEnabled(ready)

    def _show_preset(self, _: Settings) -> None:
        preset = self._session.editor.preset
        self.preset.setCurrentIndex(-1 if preset is None else self.preset.findData(preset.name))
        changed = (
            [] if preset is None else changed_words(preset.settings, self._session.editor.edited)
        )
        self.dot.show_dot(bool(changed))
        differs = f"Changed since the preset: {', '.join(changed)}" if changed else ""
        self.dot.setToolTip(plain_tip(differs))
        about = [] if preset is None else [preset_words(preset)]
        self.preset.setToolTip(plain_tip("\n\n".join([*about, *([differs] if differs else [])])))
        self.preset.setAccessibleDescription(differs or "Unchanged")
        self._fit()

    def _load(self, index: int) -> None:
        preset = self._presets.get(self.preset.itemData(index))
        if preset is not None:
            self._session.control.load_preset(preset)

    def _limit(self, position: int) -> None:
        limit = speed_limit(position)
        self._show_limit(limit)
        self._session.control.set_speed(limit)

    def _show_limit(self, limit: float | None) -> None:
        words = "unlimited" if limit is None else f"at most {whole(limit)} outer steps/s"
        self.speed_limit.setText("" if limit is None else f"≤ {whole(limit)}/s")
        self.speed_limit.setVisible(limit is not None and not self._simple)
        self.speed.setToolTip(plain_tip(f"Speed: {words}"))


def preset_words(preset: Preset) -> str:
    """A preset's description, source, and the numbers to reach."""
    lines = [preset.description, f"Source: {preset.source}"]
    for entry in preset.published:
        name = ALGORITHMS[entry.algorithm].label
        figures = ", ".join(
            f"{number(mse)} after {k}" for k, mse in zip(entry.inner_steps, entry.mse, strict=True)
        )
        lines.append(
            f"To reach: {name}, {counted(entry.shots, 'shot')}, query MSE {figures} inner steps"
        )
    return "\n".join(line for line in lines if line)


def changed_words(before: Settings, after: Settings) -> list[str]:
    """Differences between two settings, in words."""
    words = [
        DECLARATIONS[key].label
        for key in changed_keys(before, after)
        if differs(before, after, key)
    ]
    return [*words, *(["arms"] if before.arms != after.arms else [])]


def speed_limit(position: int) -> float | None:
    """Outer steps per second at a position of the slider, 1 to 10 000; None at the last one."""
    if position >= _POSITIONS:
        return None
    exact = FASTEST ** (position / (_POSITIONS - 1))
    return float(round(exact)) if exact < 10 else float(f"{exact:.1e}")


def speed_position(steps_per_second: float | None) -> int:
    """The position of the slider nearest to a speed; the last one for None."""
    if steps_per_second is None:
        return _POSITIONS
    part = math.log(max(steps_per_second, 1.0)) / math.log(FASTEST)
    return min(round(part * (_POSITIONS - 1)), _POSITIONS - 1)
