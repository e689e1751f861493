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
from maml_explorer.gui.session.shown_images import ShownImages
from maml_explorer.gui.session.shown_streams import ShownStreams
from maml_explorer.gui.session.shown_task import ShownTask
from maml_explorer.gui.session.worker_link import WorkerLink, WorkerThread
from maml_explorer.gui.style.theme import LIGHT, Theme
from maml_explorer.protocol.commands import Restart
from maml_explorer.protocol.reports import Status
from maml_explorer.settings.settings import Arm, Settings


class Session(QObject):
    """Parts that a window shares, and how all panels draw: theme and hidden arms."""

    theme_changed = Signal(object)
    hidden_changed = Signal()
    answers_hidden_changed = Signal()
    led_changed = Signal()

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
        self.answers_hidden = False
        """True where a question is asked, and lines with exact answers are not drawn."""
        self.led = False
        """True where a lesson says what comes next, and no panel invites to train."""
        self.link = WorkerLink(worker, self)
        self.editor = SettingsEditor(self.link, settings or Settings())
        # each forgets the run before when another is reported, before any panel hears of it
        self.measured = Measurements(self.link, self.editor)
        self.insight = InsightCache(self.link)
        self.task = ShownTask(self.link, self.editor)
        self.divergences = Divergences(self.link, self.task)
        self.images = ShownImages(self.link, self.editor)
        """The task that is shown where the family is one of images."""
        self.streams = ShownStreams(self.link, self.editor)
        """The stream that is shown where tasks are streams."""
        self.pins = Pins(self.link, self.editor, self.measured, lambda: self.losses.history)
        """The runs that this one is compared with."""
        self.losses = LossRecord(self.link, self.editor, self.pins, self.divergences)
        self.losses.left.connect(self.divergences.go_on)
        self.control = RunControl(self.link, self.editor, self.pins)
        self.inner = InnerStep(self.editor)
        self.pointed = PointedStep(self)
        self._asked = about_the_task(self.settings)
        self.editor.settings_changed.connect(lambda _: self._take_settings())

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

    def undo(self) -> None:
        """Takes the last edit back: of settings, arms or the shown task, or a run begun."""
        stack = self.editor.undo_stack  # a lesson has one of its own
        stack.undo() if stack.canUndo() else self.control.noted.emit("There is nothing to undo.")

    def redo(self) -> None:
        """Makes the edit again that was taken back last."""
        stack = self.editor.undo_stack
        stack.redo() if stack.canRedo() else self.control.noted.emit("There is nothing to redo.")

    @property
    def shown(self) -> ShownTask | ShownImages | ShownStreams:
        """The part that shows a task of the family in force."""
        family = self.settings.family
        return self.images if family.images else self.streams if family.stream else self.task

    def _take_settings(self) -> None:
        """Asks about a task that the settings in force can have."""
        before, self._asked = self._asked, about_the_task(self.settings)
        if self._asked != before:
            self.shown.begin()

    @property
    def shown_arms(self) -> list[Arm]:
        """The arms that nobody has hidden."""
        return [arm for arm in self.settings.arms if arm.name not in self.hidden]

    def set_hidden(self, names: Iterable[str]) -> None:
        """Draws no curves of these arms."""
        hidden = frozenset(names)
        if hidden != self.hidden:
            self.hidden = hidden
            self.hidden_changed.emit()

    def hide_answers(self, hidden: bool) -> None:
        """Draws no lines that would answer the question that is asked; or draws them again."""
        if hidden != self.answers_hidden:
            self.answers_hidden = hidden
            self.answers_hidden_changed.emit()

    def lead(self, led: bool) -> None:
        """Lets a lesson say what comes next, or the panels again."""
        if led != self.led:
            self.led = led
            self.led_changed.emit()

    def set_theme(self, theme: Theme) -> None:
        """Draws in other colours."""
        if theme != self.theme:
            self.theme = theme
            self.theme_changed.emit(theme)

    def start(self) -> None:
        """Starts the worker, the first run (paused) and the timer."""
        self.link.start()
        self.link.begin(Restart(self.settings))
        self.shown.begin()
        self.link.pace.start()

    def close(self) -> bool:
        """Stops timer and worker; False where the worker did not end in time."""
        closed = self.link.close()
        self.pins.close()
        return closed


def about_the_task(settings: Settings) -> tuple[object, ...]:
    """Settings that a task must fit: where they change, another one is shown."""
    tasks, shots = settings.tasks, settings.inner.shots
    sizes: tuple[int, ...] = ()
    if settings.family.images:
        sizes = settings.images.ways, shots
    elif settings.family.stream:
        sizes = tasks.functions, tasks.batches, shots
    shape = (tasks.mixture, tasks.harmonics, tasks.length_scale, tasks.formula)
    return settings.family.key, *sizes, *shape
