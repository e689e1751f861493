"""A page of an insight tab that looks at what the window's choices say: arm, task, inner step."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.panels.insight.page import InsightPage
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.insight import InsightRequest, Option, ViewName
from maml_explorer.settings.settings import Settings

_PAUSE = 120
"""Milliseconds that a drag rests before its task is looked into."""

_LOW = 64
"""Least pixels of a plot under its title: a tab that opens fits below a lesson in 800 pixels."""


def task_options(task: ProbeTask | None) -> dict[str, Option]:
    """The task shown above, as options of a request."""
    if task is None:
        return {}
    return {
        "x": tuple(float(x) for x in task.support_x),
        "y": tuple(float(y) for y in task.support_y),
        "amplitude": task.amplitude,
        "phase": task.phase,
        "frequency": task.frequency,
        **({} if task.numbers is None else {"numbers": task.numbers}),
    }


def titled(title: str, plot: QWidget, *shorter: str) -> QWidget:
    """A plot under a line that says what it shows, in shorter words where it is narrow."""
    made = QWidget()
    box = QVBoxLayout(made)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(0)
    words = ElidedLabel()
    words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    words.say(title, *shorter)
    plot.setMinimumHeight(_LOW)
    box.addWidget(words)
    box.addWidget(plot, 1)
    return made


def retitle(place: QWidget, title: str, *shorter: str) -> None:
    """Says something else above a plot that `titled` made."""
    words = place.findChild(ElidedLabel)
    if isinstance(words, ElidedLabel):
        words.say(title, *shorter)


class ChosenPage(InsightPage):
    """Asks for its view again whenever a choice that it follows changes.

    Args:
        view: its name in the worker's table.
        content: what `draw` draws on.
        of_task: it looks at the task shown above.
        of_step: it looks at the adaptation up to the inner step shown above.
    """

    def __init__(
        self,
        session: Session,
        view: ViewName,
        content: QWidget,
        *,
        of_task: bool = False,
        of_step: bool = False,
    ) -> None:
        super().__init__(session, InsightRequest.of(view), content)
        self.of_task, self.of_step = of_task, of_step
        self.arm = session.settings.arms[0].name
        self.inner = session.inner
        self.soon = QTimer(self)
        """Asks again once choices rest."""
        self.soon.setSingleShot(True)
        self.soon.setInterval(_PAUSE)
        self.soon.timeout.connect(self.reask)
        session.editor.settings_changed.connect(self.take_settings)
        if of_task:
            session.task.probe_changed.connect(self.reask_soon)
        if of_step:
            self.inner.changed.connect(self.soon.start)

    def reask_soon(self) -> None:
        """Asks again once choices rest."""
        self.soon.start()

    def extra(self) -> Mapping[str, Option]:
        """Further options of the request."""
        return {}

    def take_settings(self, settings: Settings) -> None:
        """Looks again where inner steps or the network changed."""
        self.reask()

    def show_arm(self, name: str) -> None:
        """Looks at this arm from now on."""
        if name != self.arm:
            self.view.forget()
        self.arm = name
        self.reask()

    @property
    def last_step(self) -> int:
        """Inner steps of the meta-test."""
        return self.session.settings.run.test_steps

    @property
    def step(self) -> int:
        """The inner step that is looked at: that shown above, 1 at the least where there is one."""
        last = self.last_step
        return max(1, self.inner.within(last)) if last else 0

    def reask(self) -> None:
        """Asks for what the choices say now."""
        options: dict[str, Option] = dict(self.extra())
        if self.of_an_arm:
            options["arm"] = self.arm
        if self.of_step:
            options["steps"] = self.step
        if self.of_task:
            options |= task_options(self.session.task.probe)
        self.view.ask(InsightRequest.of(self.view.request.view, **options))
