"""Panel of the losses: outer, inner or held-out, as a stream and as its moving average."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.panels.losses.plot import LossPlot
from maml_explorer.gui.panels.losses.stability_trace import LINES, StabilityTrace
from maml_explorer.gui.panels.losses.view import AXES, LOSSES
from maml_explorer.gui.session.loss_history import HELD_OUT
from maml_explorer.gui.session.moving_averages import SMOOTHINGS
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import Slider, button, label, row
from maml_explorer.gui.widgets.plain_tip import plain_tip

_FRAME = 150
"""Milliseconds between two drawings while training, where the window has no patience."""
_LOW = 13
"""Lines of text that the panel is high where its choices below are left out."""
LOG_Y = "Logarithmic y axis"
_AT_ONCE = 15
"""Milliseconds from a choice to its drawing."""


class LossesPanel(QWidget):
    """Plot and its few choices."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.plot = LossPlot(session)
        self.plot.caption = self._caption
        self.loss = button("", partial(self._open, "loss"), "Which loss is shown", "flat")
        self.loss.setAccessibleName("Loss shown")
        self.axis = button("", partial(self._open, "axis"), "What the x axis counts")
        self.axis.setAccessibleName("X axis")
        self.log_y = self._toggle("log y", LOG_Y, self._set_log_y)
        self.log_x = self._toggle("log x", "Logarithmic x axis", self._set_log_x)
        self.log_y.setChecked(True)
        self._trace: StabilityTrace | None = None
        words = "Stability of the inner steps, below"
        self.stability = self._toggle("stability", words, self._show_trace)
        self.smoothing = Slider()
        self.smoothing.setRange(0, len(SMOOTHINGS) - 1)
        self.smoothing.setValue(SMOOTHINGS.index(self.plot.loss_view.smoothing))
        self.smoothing.setPageStep(1)
        self.smoothing.setAccessibleName("Smoothing")
        self.smoothing.setToolTip(
            plain_tip(
                "How much of the moving average (debiased) stays from one outer step to the next"
            )
        )
        self.smoothing_text = label("", "muted")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setTimerType(Qt.TimerType.PreciseTimer)
        self._soon.timeout.connect(self._draw)
        self._lay_out()
        self._say()
        self.smoothing.valueChanged.connect(self._set_smoothing)
        self.plot.moved.connect(self._at_once)
        self.plot.record.changed.connect(self._later)
        session.link.run_started.connect(self._take_run)
        session.editor.settings_changed.connect(self._later)
        session.measured.references_changed.connect(self._later)
        session.hidden_changed.connect(self._at_once)
        session.answers_hidden_changed.connect(self._at_once)
        session.led_changed.connect(self._at_once)
        session.led_changed.connect(self._fit)
        session.divergences.changed.connect(self._at_once)
        session.theme_changed.connect(self._take_theme)
        self.plot.show_as(self.plot.loss_view)

    def _lay_out(self) -> None:
        head = row(label("Losses", "title"), self.loss, None, self.axis, self.log_y)
        self.foot = QWidget()
        """Choices that a low panel leaves out: its curves need the room."""
        foot = row(label("Smoothing", "muted"))
        foot.addWidget(self.smoothing, 1)
        foot.addWidget(self.smoothing_text)
        foot.addWidget(self.stability)
        foot.addWidget(self.log_x)
        self.foot.setLayout(foot)
        self.smoothing_text.setMinimumWidth(self.fontMetrics().horizontalAdvance("0.999") + 2)
        box = self._box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addLayout(head)
        box.addWidget(self.plot, 1)
        box.addWidget(self.foot)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leaves out the choices below where the panel is low."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        # a page of a lesson that speaks of the second plot gives it the room of the choices
        two = self.stability.isChecked() and self.session.led
        least = _LOW + (LINES if two else 0)
        self.foot.setVisible(self.height() >= least * self.fontMetrics().lineSpacing())

    def _toggle(self, text: str, name: str, changed: object) -> QPushButton:
        made = button(text, lambda: None, name)
        made.setAccessibleName(name)
        made.setCheckable(True)
        made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        made.toggled.connect(changed)
        return made

    @property
    def trace(self) -> StabilityTrace:
        """The plot below, which is built when it is first wanted."""
        if self._trace is None:
            self._trace = StabilityTrace(self.session, self.plot)
            self._trace.hide()
            self._box.insertWidget(self._box.indexOf(self.plot) + 1, self._trace, 1)
        return self._trace

    def _show_trace(self, on: bool) -> None:
        self.trace.setVisible(on)
        self._fit()

    # from the session

    def _take_run(self, run: int) -> None:
        self.plot.follow()
        self._later()

    def _take_theme(self, theme: Theme) -> None:
        self.plot.take_colors(theme)

    def _later(self) -> None:
        if self.isVisible() and not self._soon.isActive():
            pace = self.session.link.pace
            self._soon.start(pace.after_a_look(pace.patience * _FRAME))

    def _at_once(self) -> None:
        if self.isVisible():
            self._soon.start(_AT_ONCE)

    def _draw(self) -> None:
        if self.isVisible():
            self.plot.draw()
            self._say_scale()
            if self._trace is not None:
                self._trace.show_now()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what arrived while hidden."""
        super().showEvent(event)
        self._later()

    # prepared states

    def drawn(self) -> dict[str, str | bool | float]:
        """Part of a prepared state that says how this panel draws."""
        return {**self.plot.loss_view.stored(), "stability": self.stability.isChecked()}

    def draw_as(self, state: ViewState) -> None:
        """Draws as a prepared state says."""
        view = self.plot.loss_view
        wanted = view.changed_by(state)
        self.log_x.setChecked(wanted.log_x)
        self._set_log_y(wanted.wants_log_y)
        self.smoothing.setValue(SMOOTHINGS.index(wanted.smoothing))
        if state.stability is not None:
            self.stability.setChecked(state.stability)
        now = view.loss, view.axis, view.until
        if (wanted.loss, wanted.axis, wanted.until) != now:
            self.plot.show_as(wanted)
            self._say()

    # choices

    def menu(self, which: str) -> QMenu:
        """The choices of the loss ("loss") or of the x axis ("axis")."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        view = self.plot.loss_view
        chosen = [(words, key, view.axis) for key, (_, words) in LOSSES.items()]
        if which == "axis":
            chosen = [(words, view.loss, key) for key, (_, words) in AXES.items()]
        for words, loss, axis in chosen:
            action = menu.addAction(words, partial(self.choose, loss, axis))
            action.setCheckable(True)
            action.setChecked((loss, axis) == (view.loss, view.axis))
        return menu

    def choose(self, loss: str | None = None, axis: int | None = None) -> None:
        """Shows another loss, another x axis, or both."""
        view = self.plot.loss_view
        loss, axis = loss or view.loss, view.axis if axis is None else axis
        self.plot.show_as(replace(view, loss=loss, axis=axis, until=None))
        self._say()

    def _open(self, which: str) -> None:
        opener = self.loss if which == "loss" else self.axis
        self.menu(which).popup(opener.mapToGlobal(opener.rect().bottomLeft()))

    def _caption(self) -> str:
        view = self.plot.loss_view
        words = LOSSES[view.loss][1]
        return words if view.loss == HELD_OUT else f"{words} · average {view.smoothing:g}"

    def _say(self) -> None:
        view = self.plot.loss_view
        self.loss.setText(f"{LOSSES[view.loss][0]} ▾")
        self.loss.setAccessibleDescription(LOSSES[view.loss][1])
        self.loss.setToolTip(plain_tip(f"{LOSSES[view.loss][1]}. A click chooses another."))
        self.axis.setText(f"{AXES[view.axis][0]} ▾")
        self.axis.setAccessibleDescription(AXES[view.axis][1])
        self.axis.setToolTip(plain_tip(f"{AXES[view.axis][1]}. A click chooses another axis."))
        self.smoothing_text.setText(f"{view.smoothing:g}")
        self._say_scale()
        # A meta-test is no stream: nothing is averaged.
        self.smoothing.setEnabled(view.loss != HELD_OUT)

    def _set_smoothing(self, position: int) -> None:
        self.plot.smooth(SMOOTHINGS[position])
        self._say()
        self._draw()

    def _set_log_y(self, on: bool) -> None:
        self.plot.show_as(replace(self.plot.loss_view, wants_log_y=on))
        self._say_scale()

    def _say_scale(self) -> None:
        """Shows the scale that is drawn: accuracies leave no choice."""
        linear = self.plot.loss_view.linear
        with QSignalBlocker(self.log_y):
            self.log_y.setChecked(self.plot.loss_view.log_y)
        self.log_y.setEnabled(not linear)
        self.log_y.setToolTip(plain_tip("Accuracies have a linear axis" if linear else LOG_Y))

    def _set_log_x(self, on: bool) -> None:
        self.plot.show_as(replace(self.plot.loss_view, log_x=on))
