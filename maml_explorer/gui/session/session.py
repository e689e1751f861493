"""The window's one model, put together from parts that each know one thing."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.divergences import Divergences
from maml_explorer.gui.session.inner_step import InnerStep
from maml_explorer.gui.session.insight_cache import InsightCache
from maml_explorer.gui.session.loss_record import LossRecord
from maml_explorer.gui.session.measurements import Measurements
from maml_explorer.gui.session.pins import Pins
from maml_explorer.gui.session.pointed_step import PointedStep
from maml_explorer.gui.session.run_control import RunControl
from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.shown_task import ShownTask
from maml_explorer.gui.session.worker_link import WorkerLink, WorkerThread
from maml_explorer.gui.style.theme import LIGHT, Theme
from maml_explorer.protocol.commands import Restart
from maml_explorer.protocol.reports import Status
from maml_explorer.settings.settings import Settings


class Session(QObject):
    """Parts that a window shares, and how all panels draw: theme and hidden arms."""

    theme_changed = Signal(object)
    hidden_changed = Signal()

    def __init__(
        self,
        worker: WorkerThread,
        settings: Settings | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.theme: Theme = LIGHT
        self.hidden: frozenset[str] = frozenset()
        """Names of the arms whose curves are not drawn."""
        self.link = WorkerLink(worker, self)
        self.editor = SettingsEditor(self.link, settings or Settings())
        # each forgets the run before when another is reported, before any panel hears of it
        self.measured = Measurements(self.link)
        self.insight = InsightCache(self.link)
        self.task = ShownTask(self.link, self.editor)
        self.divergences = Divergences(self.link, self.task)
        self.pins = Pins(self.link, self.editor, self.measured, lambda: self.losses.history)
        """The runs that this one is compared with."""
        self.losses = LossRecord(self.link, self.editor, self.pins)
        self.control = RunControl(self.link, self.editor, self.pins)
        self.inner = InnerStep(self.editor)
        self.pointed = PointedStep(self)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.editor.settings

    @property
    def status(self) -> Status | None:
        """The worker's newest status; None before the first."""
        return self.link.status

    @property
    def run(self) -> int:
        """The number of the run; 0 before the first report."""
        return self.link.run

    def set_hidden(self, names: Iterable[str]) -> None:
        """Draws no curves of these arms."""
        hidden = frozenset(names)
        if hidden != self.hidden:
            self.hidden = hidden
            self.hidden_changed.emit()

    def set_theme(self, theme: Theme) -> None:
        """Draws in other colours."""
        if theme != self.theme:
            self.theme = theme
            self.theme_changed.emit(theme)

    def start(self) -> None:
        """Starts the worker, the first run (paused) and the timer."""
        self.link.start()
        self.link.begin(Restart(self.settings))
        self.task.begin()
        self.link.pace.start()

    def close(self) -> bool:
        """Stops timer and worker; False where the worker did not end in time."""
        closed = self.link.close()
        self.pins.close()
        return closed
