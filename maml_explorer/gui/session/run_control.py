"""Control of runs: begin, train, pause, open and write them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.halved_rate import HALVE, halved
from maml_explorer.gui.session.pins import Pins
from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.undo import Begin, Beginning, Edit
from maml_explorer.gui.session.waiting import whole_name
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol import commands
from maml_explorer.protocol.reports import Phase, Refused, Status
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings

_BEGINS = (
    commands.Restart,
    commands.BringBack,
    commands.OpenRun,
    commands.OpenInitialization,
)
_LEFT_AS_IT_WAS = (commands.Change, *_BEGINS)
"""Commands after whose refusal the run has the settings it had."""


class RunControl(QObject):
    """Begins runs, as undo steps, and steers the one there is."""

    writing = Signal(object)
    """Emitted with a command that takes a while."""
    began_other = Signal(object, str)
    """Emitted with the undo step of a run that took another's place, and what it began with."""
    opened = Signal(object, str)
    """The same where a saved run is there; None for the step where nothing was lost."""
    override_wanted = Signal(str, str)
    """Arm, and the key of a setting of it that somebody wants to see and change."""
    noted = Signal(str)
    """A sentence on something that was done in an unexpected way."""

    def __init__(self, link: WorkerLink, editor: SettingsEditor, pins: Pins) -> None:
        super().__init__(link.parent())
        self._link, self._editor, self._pins = link, editor, pins
        self.initialization = ""
        """The folder of the exported initialization that the run began from; empty for none."""
        self._opening = False
        """True until the settings of an opened run have come with its first status."""
        self.steered = False
        """True once anybody trained, stepped or began a run."""
        self._held = False
        """True where the user has paused, or stepped by hand, and not trained since."""
        self._opened_as: Preset | None = None
        """The preset that the opened run is marked against; None marks it against itself."""
        link.subscribe(Status, self._take_status)
        link.subscribe(Refused, self._take_refused)

    # beginning

    def load_preset(self, preset: Preset) -> None:
        """Takes over a preset's settings; differences are marked against them from now on.

        A run that has not begun to train restarts at once: nothing would be lost.
        """
        self.take_over(preset.settings, preset, "Load preset")

    def take_over(self, settings: Settings, preset: Preset | None, text: str) -> None:
        """Takes over whole settings; differences are marked against them from now on.

        Args:
            settings: to take over.
            preset: whose they are, if any.
            text: of the undo step, which includes the run that begins.
        """
        self._editor.mark_against(settings, preset)
        self._adopt_whole(settings, text)

    def restore(self, settings: Settings, text: str) -> None:
        """Takes over whole settings of another run; differences stay marked against the same."""
        self._editor.mark_against(self._editor.baseline, self._editor.preset)
        self._adopt_whole(settings, text)

    def _adopt_whole(self, settings: Settings, text: str) -> None:
        editor = self._editor
        if settings == editor.edited:
            editor.settings_changed.emit(editor.settings)
            return
        editor.undo_stack.beginMacro(text)
        editor.adopt(settings, whole=True)
        began = self.begin_if_untouched()
        editor.undo_stack.endMacro()
        if not began:
            editor.settings_changed.emit(editor.settings)

    @property
    def untouched(self) -> bool:
        """True where nothing would be lost by a restart."""
        status = self._link.status
        return status is not None and status.outer_step == 0 and not self._link.running

    def begin_if_untouched(self) -> bool:
        """Restarts with the staged settings where nothing would be lost; True where it did."""
        if self.untouched and self._editor.staged is not None:
            self.restart(from_seed=True)
            return True
        return False

    def restart(self, train: bool = False, from_seed: bool = False) -> None:
        """Begins a new run from what is edited, staged changes included.

        One that began from an exported initialization does so again, unless it is to begin from its
        seed, or its network has other layers now, which is said.
        """
        initialization = "" if from_seed else self.initialization
        trained, edited = self._editor.settings.model, self._editor.edited.model
        if initialization and edited.architecture != trained.architecture:
            initialization = ""
            self.noted.emit(
                "The layers of the network no longer fit the initialization that the run began "
                "from. The new run begins from its seed instead."
            )
        before = self._pins.here
        self._restart_with(Beginning(self._editor.edited, None, initialization), train, "Restart")
        self._pins.show_replaced(before)

    def restart_in_place(self) -> None:
        """Begins a run with what waits; it trains if the run there is does."""
        self.restart(train=self._link.running)

    def _begin_waiting(self, train: bool) -> bool:
        """Begins a run with whole settings that wait, a preset's say; True where it did.

        Whoever chooses a preset and trains means that preset. Undo brings the run before back.
        """
        if not self._editor.waits_whole or self._link.running:
            return False
        stack = self._editor.undo_stack
        self.restart(train=train)
        self.began_other.emit(stack.command(stack.index() - 1), whole_name(self._editor))
        return True

    def reset(self) -> None:
        """Begins the run again: same settings, seed and initialization. Keeps what is staged."""
        beginning = Beginning(self._editor.settings, self._editor.staged, self.initialization)
        self._restart_with(beginning, False, "Reset")

    def new_seed(self) -> None:
        """Begins a new run with the next seed, training if it trains now."""
        seed, training = self._editor.edited.run.seed, self._link.running
        self._editor.undo_stack.beginMacro("New seed")
        self._editor.edit({"seed": 0 if seed >= 2**31 - 1 else seed + 1})
        self.restart(train=training)
        self._editor.undo_stack.endMacro()

    def open_run(self, folder: str, preset: Preset | None = None) -> None:
        """Goes on with a saved run; its settings come with its first status.

        Args:
            preset: the one that it was trained with, where that is known.
        """
        self._opening, self._opened_as = True, preset
        beginning = Beginning(self._editor.settings, self._editor.staged)
        self._push(commands.OpenRun(folder), beginning, "Open run")

    def start_inside(self, folder: str, preset: Preset) -> None:
        """Goes on with a run that comes with the program, as if the window had begun with it.

        There is no undo step: nothing was there before.
        """
        self._opening, self._opened_as = True, preset
        self.begin(commands.OpenRun(folder), Beginning(self._editor.settings, None))

    def open_initialization(self, path: str, settings: Settings | None = None) -> None:
        """Begins a new run from an exported initialization, or from a file of weights.

        Args:
            path: of the folder or file.
            settings: of the run; None are those that it comes with.
        """
        self._opening, self._opened_as = True, None
        beginning = Beginning(self._editor.settings, self._editor.staged, path)
        command = commands.OpenInitialization(path, settings)
        self._push(command, beginning, "Open initialization")

    def begin(self, command: commands.Command, beginning: Beginning) -> None:
        """Posts a command that begins or brings back a run with these settings; no undo step."""
        editor = self._editor
        editor.take(beginning.settings, beginning.staged)
        self.initialization = beginning.initialization
        self._pins.forget_replaced()
        self._link.begin(command)
        editor.settings_changed.emit(editor.settings)

    def _restart_with(self, beginning: Beginning, train: bool, text: str) -> None:
        command: commands.Command = commands.Restart(beginning.settings, train)
        if beginning.initialization:
            command = commands.OpenInitialization(beginning.initialization, beginning.settings)
        self._push(command, beginning, text)
        if beginning.initialization and train:
            self.train()

    def _push(self, command: commands.Command, beginning: Beginning, text: str) -> None:
        self.steered = True
        self._editor.undo_stack.push(Begin(self._exchange, command, beginning, text))

    def _exchange(self, command: commands.Command, beginning: Beginning) -> tuple[Beginning, int]:
        """Replaces a run by a new one; returns what the old one has, and its number."""
        self._link.pull()
        here = Beginning(self._editor.settings, self._editor.staged, self.initialization)
        # of the run there is when this is taken up, which may not have been reported yet
        run = self._link.expected_run
        self.begin(command, beginning)
        return here, run

    # training

    def train(self) -> None:
        """Trains; past the declared number of outer steps where that is reached."""
        self.steered, self._held = True, False
        self._link.post(commands.Train(beyond=self._at_end))

    @property
    def _at_end(self) -> bool:
        """True where the declared number of outer steps is reached, here or when it was saved."""
        status = self._link.status
        if status is None:
            return False
        return status.phase is Phase.FINISHED or (
            not self._link.beginning and 0 < status.settings.outer.outer_steps <= status.outer_step
        )

    def pause(self) -> None:
        """Pauses."""
        self._link.post(commands.Pause())

    def toggle(self) -> None:
        """Trains or pauses, whichever it does not do; a preset that waits begins its run."""
        if self._link.running:
            self._held = True
            self.pause()
        elif not self._begin_waiting(train=True):
            self.train()

    def outer_step(self) -> None:
        """Takes one outer step, then pauses."""
        self._begin_waiting(train=False)
        self.steered = self._held = True
        self._link.post(commands.TakeOuterStep())

    def inner_step(self) -> None:
        """Shows the next inner step of the outer step in progress."""
        self._begin_waiting(train=False)
        self.steered = True
        self._link.post(commands.TakeInnerStep())

    def set_speed(self, steps_per_second: float | None) -> None:
        """Limits the outer steps per second; None is unlimited."""
        self._link.pace.limit(steps_per_second is not None)
        self._link.post(commands.LimitSpeed(steps_per_second))

    def back_to_last_good(self) -> None:
        """Sets every arm back to where all were last finite."""
        self._link.post(commands.BackToLastGood())

    def undo_change(self, change: Edit) -> None:
        """Takes an edit back, with remedies that followed it; the task that is shown stays."""
        stack = self._editor.undo_stack
        if change is stack.command(stack.index() - 1):
            stack.undo()
        else:
            self._editor.adopt(change.before.settings, "Undo the change")

    def undo_change_and_go_on(self, change: Edit) -> None:
        """Takes an edit back, and goes on from where all arms were last finite.

        What the user has paused stays paused.
        """
        self.undo_change(change)
        self.back_to_last_good()
        if not self._held:
            self.train()

    def halve_inner_lr(self, *names: str) -> None:
        """Halves the inner learning rate of frozen arms and lets them go on, once the run does.

        The shared one is halved for all arms that read it, or the field would no longer say what
        these train with; an arm that has its own keeps an own one.
        """
        held = self._held
        self._editor.apply(partial(halved, names=names), HALVE)
        self._revive(names)
        if not held:
            self.train()

    def let_go_on(self, *names: str) -> None:
        """Trains on with frozen arms, by the settings there are."""
        self._revive(names)
        self.train()

    def _revive(self, names: Iterable[str]) -> None:
        for name in names:
            self._link.post(commands.ReviveArm(name))

    # measuring and writing

    def request_meta_test(self) -> None:
        """Asks for a meta-test now."""
        self._link.post(commands.MetaTest())

    def compare(self, file: str = "") -> None:
        """Asks for the verdicts by the preset's published numbers, and for a report in `file`."""
        if self._editor.preset is not None:
            self.write(commands.Reproduce(self._editor.preset, file))

    def write(
        self, command: commands.ExportInitialization | commands.SaveRun | commands.Reproduce
    ) -> None:
        """Has something measured and written; it can be given up with `StopWriting`."""
        self._link.post(command)
        self.writing.emit(command)

    # reports

    def _take_status(self, status: Status) -> None:
        editor, link = self._editor, self._link
        if self._opening and status.run > 0 and status.settings != editor.settings:
            preset = self._opened_as
            editor.mark_against(status.settings if preset is None else preset.settings, preset)
            editor.replace(status.settings, None)
        # one more of the run before may be on its way
        self._opening = self._opening and status.run < link.expected_run
        if status.taken == link.settings_posted and status.run > 0:
            # nothing is under way any more: what differs was refused, and others had followed
            link.agreed(status.run)
            editor.follow(status.settings)

    def _take_refused(self, refused: Refused) -> None:
        # a refused change would leave the form showing what is not in force
        status = self._link.status
        if refused.refused in _BEGINS:
            self._link.expected_run -= 1  # or who begins another one now would wait for the next
        if refused.refused in _LEFT_AS_IT_WAS and status is not None:
            self._opening = self._link.beginning = False
            self._editor.replace(status.settings, self._editor.waiting(status.settings))
