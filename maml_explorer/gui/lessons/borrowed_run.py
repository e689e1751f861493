"""The run that a lesson borrows from the window, and its return to the user."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from maml_explorer.gui.lessons.lesson import EXAMPLE, Act, Scene
from maml_explorer.gui.lessons.lesson_runs import trained_run
from maml_explorer.gui.lessons.stage import Stage
from maml_explorer.gui.session.example import example_folder, example_settings
from maml_explorer.gui.session.pinned_run import GhostRun, LossGhost
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.undo import Beginning
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.settings_form.form import Folding
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings

_BEGINS = (commands.Restart, commands.OpenRun)


@dataclass(frozen=True)
class _Own:
    """State of the window before the lesson."""

    beginning: Beginning
    preset: Preset | None
    baseline: Settings
    history: QUndoStack
    ghost: GhostRun | None
    compared: frozenset[str]
    before: LossGhost | None
    view: ViewState
    speed: int
    folding: Folding


class LessonRun(QObject):
    """Brings the run to where a scene wants it, act by act: begin, change settings, train.

    The same acts give the same run, bit for bit: what the user does meanwhile is undone by going
    through them again from the beginning.
    """

    lending = Signal()
    """The person's run is about to be set aside."""
    changed = Signal()
    """Another act, or further within one."""

    def __init__(self, stage: Stage, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._stage, self._session = stage, session
        self._own: _Own | None = None
        self._before: LossGhost | None = None
        """The run that the user's was compared with."""
        self._acts: tuple[Act, ...] = ()
        self._started = 0
        """Number of acts that were started."""
        self._training: Act | None = None
        """The act among them whose training is not over."""
        self.number = 0
        """Of the lesson's run; after it was given back, of the user's."""
        self._stood: int | None = None
        """Outer step of that run when the last act was over."""
        self._diverged: set[str] = set()
        self._opened = -1
        """The number of the run that was opened, trained, from those that come with the lessons."""
        self._kept: Path | None = None
        """Its folder."""
        self._refused: set[Path] = set()
        """Those of them that could not be opened."""
        session = self._session
        session.link.status_changed.connect(self._look)
        session.link.diverged.connect(lambda report: self._diverged.add(report.arm))
        session.link.rewound.connect(lambda _: self._diverged.clear())
        session.link.refused.connect(self._take_refused)
        session.link.run_started.connect(self._take_run)

    @property
    def lent(self) -> bool:
        """True while a lesson has the run."""
        return self._own is not None

    @property
    def awaited(self) -> bool:
        """True from where another run is asked for until it is reported; the old one is shown."""
        link = self._session.link
        return link.beginning and link.expected_run == self.number

    @property
    def back(self) -> bool:
        """True where the user's run was given back and is shown."""
        status = self._session.status
        return not self.lent and status is not None and status.run == self.number

    @property
    def goal(self) -> int | None:
        """The outer step that is trained for now; None where nothing is waited for."""
        return None if self._training is None else self._training.train_until

    @property
    def untested(self) -> bool:
        """True from the end of this page's training until the whole meta-test of it is there."""
        status, test = self._session.status, self._session.measured.meta_test
        if not self._stood or status is None or status.run != self.number:
            return False
        rests = status.phase in (reports.Phase.PAUSED, reports.Phase.FINISHED)
        if not rests or status.outer_step != self._stood:
            return False
        return test is None or test.declared is not None or test.outer_step < self._stood

    def lend(self) -> None:
        """Sets the user's run, settings, history and view aside."""
        session = self._session
        self.lending.emit()
        self._own = _Own(
            Beginning(session.settings, session.editor.staged, session.control.initialization),
            session.editor.preset, session.editor.baseline, session.editor.undo_stack,
            session.pins.ghost, session.pins.compared, session.losses.before,
            self._stage.view(), self._stage.speed, self._stage.folding,
        )  # fmt: skip
        session.editor.undo_stack = QUndoStack(session)
        session.pins.show(None)
        session.pins.compare(())
        session.control.pause()
        session.link.post(commands.HoldRun())

    def give_back(self) -> None:
        """Gives the user back what was set aside; their run is paused."""
        own, self._own = self._own, None
        if own is None:
            return
        session = self._session
        self._acts, self._started, self._training = (), 0, None
        self._before = own.before
        session.editor.undo_stack.deleteLater()
        session.editor.undo_stack = own.history
        session.editor.mark_against(own.baseline, own.preset)
        session.control.begin(commands.BringBack(None), own.beginning)
        self._await_run()
        pinned = own.ghost is not None and own.ghost.command.folder
        session.pins.show(own.ghost if pinned else None)
        session.pins.compare(own.compared)
        self._stage.put_speed(own.speed)
        self._stage.show(own.view)
        self._stage.fold_as(own.folding)

    def show(self, scene: Scene, again: bool = False) -> None:
        """Brings about what `scene` shows; `again` also where the user only trained further."""
        goes_on = scene.acts[: len(self._acts)] == self._acts
        if not goes_on or self._touched(again):
            self._started, self._training = 0, None
        self._acts = scene.acts
        self._stage.limit_speed(scene.speed)
        self._go_on()
        self._stage.show_inside(scene.view)
        self.changed.emit()

    def _touched(self, again: bool) -> bool:
        """True where the user began a run, edited settings or, for `again`, trained further."""
        session, status = self._session, self._session.status
        if self._started == 0:
            return False
        if (
            session.link.expected_run != self.number
            or session.editor.edited != self._acts[self._started - 1].settings
        ):
            return True
        there = status is not None and status.run == self.number and self._stood is not None
        return again and there and status.outer_step != self._stood  # type: ignore[union-attr]

    def _go_on(self) -> None:
        """Does what can be done now: up to the first training that is not over."""
        if self._training is not None and not self._session.link.running:
            self._train(self._training)
        while self._training is None and self._started < len(self._acts):
            act = self._acts[self._started]
            kept = trained_run(self._acts, self._started)
            self._started += 1
            if kept is not None and kept not in self._refused:
                self._open(kept, act)
                self._stood = None
                continue
            if act.begin:
                self._begin(act)
            self._stood = None
            self._session.editor.adopt(act.settings)
            self._session.editor.undo_stack.clear()
            if act.train_until is not None:
                self._train(act)

    def _begin(self, act: Act) -> None:
        session = self._session
        session.link.pull()
        self._diverged.clear()
        session.editor.mark_against(act.settings, None)
        if act.begin == EXAMPLE:
            session.control.begin(
                commands.OpenRun(str(example_folder())), Beginning(example_settings(), None)
            )
        else:
            session.control.begin(commands.Restart(act.settings), Beginning(act.settings, None))
        self._await_run()

    def _open(self, folder: Path, act: Act) -> None:
        """Opens the run that this act would train: it comes with the program."""
        session = self._session
        session.link.pull()
        self._diverged.clear()
        session.editor.mark_against(act.settings, None)
        session.control.begin(commands.OpenRun(str(folder)), Beginning(act.settings, None))
        session.editor.undo_stack.clear()
        self._await_run()
        self._opened, self._kept = self.number, folder

    def _await_run(self) -> None:
        link = self._session.link
        self.number = link.expected_run
        link.leave_run()

    @property
    def ready_made(self) -> bool:
        """True where the run came with the program, trained, and was not trained further."""
        status = self._session.status
        here = status is not None and status.run == self._opened == self.number
        return here and self._stood == (None if status is None else status.outer_step)

    def _train(self, act: Act) -> None:
        self._training = act
        self._session.link.post(commands.Train(beyond=True, until=act.train_until))

    def _look(self, status: reports.Status) -> None:
        """Goes on where the training that was waited for is over."""
        if not self.lent or status.run != self.number:
            return
        act = self._training
        if act is not None and act.train_until is not None:
            all_frozen = self._diverged >= {arm.name for arm in status.settings.arms}
            over = status.outer_step >= act.train_until or all_frozen
            if over and status.phase is not reports.Phase.RUNNING:
                self._training = None
                self._go_on()
        if self._training is None and self._stood is None:
            self._stood = status.outer_step
        self.changed.emit()

    def _take_refused(self, report: reports.Refused) -> None:
        """Drops the training that was planned for a run that was not begun."""
        if self._session.shown.probed is None:
            self._session.shown.begin()  # the run that was left stays
        if self.lent and report.refused in _BEGINS:
            self._training = None
            if self.number == self._opened and self._kept is not None:
                # a damaged file: the lesson trains the run itself
                self._refused.add(self._kept)
                self._started = 0
                self._go_on()
            self.changed.emit()

    def _take_run(self, run: int) -> None:
        # on a page nobody asked for a comparison: a thin line without a word would only puzzle
        if run == self.number:
            self._session.losses.compare_with(None if self.lent else self._before)
