"""The window's one model: what is edited, what the worker reported last, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from maml_explorer.gui.session import task_sampling
from maml_explorer.gui.session.example import example_probed
from maml_explorer.gui.session.pace import Pace
from maml_explorer.gui.session.pins import Pins
from maml_explorer.gui.session.undo import Begin, Beginning, Edit
from maml_explorer.gui.style.theme import LIGHT, Theme
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.protocol.insight import (
    Insight,
    InsightFigures,
    InsightProgress,
    InsightRequest,
    LookInside,
    RefreshInsight,
)
from maml_explorer.protocol.insight_series import Figures
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.restart import begun_anew, in_force_part, restart_reasons, still_waiting
from maml_explorer.settings.settings import Arm, Settings

_LEFT_AS_IT_WAS = ("Change", "Restart", "BringBack", "OpenRun", "OpenInitialization")
"""Commands after whose refusal the run has the settings it had."""
_MOST_INSIGHTS = 64
"""Values of views that are kept: a slider's drag makes a request of each of its places."""


class Worker(Protocol):
    """What the window needs of the worker's handle."""

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""

    def start(self) -> None:
        """Starts the thread."""

    def post(self, command: commands.Command) -> None:
        """Hands over a command; never blocks."""

    def collect(self, patience: float = 1.0) -> list[m.Report]:
        """What was reported since the last call; never blocks.

        Args:
            patience: how many times longer than usual the live answers may now take to come.
        """

    def close(self, timeout: float = 5.0) -> bool:
        """Ends the thread; False where it did not end in time."""


class Session(QObject):
    """What the window knows. All signals are emitted on the GUI thread, from the pull timer."""

    settings_changed = Signal(object)
    """The settings in force, the staged ones or the baseline changed: `Settings` in force."""
    status_changed = Signal(object)
    run_started = Signal(int)
    metrics_arrived = Signal(object)
    probed_arrived = Signal(object)
    watched = Signal(object)
    """What every arm makes of the further tasks: `Watched`."""
    rewound = Signal(object)
    """The run went back to an earlier outer step: `Rewound`."""
    meta_tested = Signal(object)
    references_changed = Signal(object)
    stepped = Signal(object)
    diverged = Signal(object)
    failed = Signal(object)
    refused = Signal(object)
    exported = Signal(object)
    compared = Signal(object)
    writing = Signal(object)
    """What takes a while was asked for: the command."""
    came_late = Signal(object)
    """Names of arms that begin at an outer step 0 of their own while the others have trained."""
    noted = Signal(str)
    """A sentence: what was done otherwise than one might expect."""
    insight_arrived = Signal(object)
    """What a view of the insight found: `Insight`."""
    insight_progressed = Signal(object)
    hidden_changed = Signal()
    theme_changed = Signal(object)
    probe_changed = Signal(object)
    example_ended = Signal()
    """The curves that come with the program gave way to those of the run."""

    def __init__(
        self, worker: Worker, settings: Settings | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.worker = worker
        self.settings = settings or Settings()
        """In force: what the run trains with from the next outer step on."""
        self.staged: Settings | None = None
        """The settings with changes that wait for a restart, or None."""
        self.baseline = self.settings
        """The preset's settings; what differs from them is marked."""
        self.preset: Preset | None = None
        self.run = 0
        self.initialization = ""
        """The folder of the exported initialization that the run began from; empty for none."""
        self.status: m.Status | None = None
        self.references: m.ReferenceLosses | None = None
        self.meta_test: m.MetaTested | None = None
        self.comparison: m.Compared | None = None
        """The newest verdicts on this run."""
        self.probed: m.Probed | None = None
        self.probe: commands.ProbeTask | None = None
        self.hidden: frozenset[str] = frozenset()
        """Names of the arms whose curves are not drawn."""
        self.beginning = False
        """Whether a run was begun that has not been reported yet."""
        self.expected_run = 0
        """The number of the run there will be once the worker has taken up what was posted."""
        self._sent = 0
        """Commands of `OF_SETTINGS` posted so far."""
        self.theme: Theme = LIGHT
        self.insights: dict[InsightRequest, Insight] = {}
        """What the views found last in this run, those that are visible or were asked for."""
        self.figures = Figures()
        """What the views found over the outer steps of this run."""
        self._visible: dict[object, tuple[InsightRequest, ...]] = {}
        self.undo_stack = QUndoStack(self)
        self._random = np.random.default_rng(0)
        self._end_reported = False
        self._opening = False
        self._example: m.Probed | None = None
        self._latest: m.Probed | None = None
        self.pace = Pace(self.pull, self)
        self.pins = Pins(self)
        """The runs that this one is compared with."""
        self._take: dict[type, Callable[[Any], None]] = {
            m.Status: self._take_status,
            m.Metrics: self.metrics_arrived.emit,
            m.Probed: self._take_probed,
            m.Watched: self.watched.emit,
            m.Rewound: self._take_rewound,
            m.MetaTested: self._take_meta_test,
            m.ReferenceLosses: self._take_references,
            m.Stepped: self.stepped.emit,
            m.Diverged: self.diverged.emit,
            m.Failed: self.failed.emit,
            m.Refused: self._take_refused,
            m.Exported: self.exported.emit,
            m.Compared: self._take_compared,
            Insight: self._take_insight,
            InsightFigures: self._take_figures,
            InsightProgress: self.insight_progressed.emit,
        }

    # what is edited

    @property
    def edited(self) -> Settings:
        """What the form shows: the staged settings, or those in force."""
        return self.staged or self.settings

    @property
    def staged_labels(self) -> list[str]:
        """What waits for a restart, in words."""
        return restart_reasons(self.settings, self.edited)

    def edit(self, changes: Mapping[str, object], merge_key: str | None = None) -> None:
        """Changes settings, key → value, as one undo step.

        Edits in a row with the same `merge_key` (a slider drag) are one undo step together.

        Raises:
            SettingsError: where a value is not allowed; then nothing has changed.
        """
        self.adopt(self.edited.with_values(changes), merge_key=merge_key)

    def set_arms(self, arms: Iterable[Arm]) -> None:
        """Changes the arms (added, removed, renamed, other overrides) as one undo step.

        Raises:
            SettingsError: for none, too many, or two of one name; then nothing has changed.
        """
        self.adopt(self.edited.with_arms(tuple(arms)), "Change arms")

    def adopt(
        self, settings: Settings, text: str = "Change settings", merge_key: str | None = None
    ) -> None:
        """Takes over whole settings as one undo step; what needs a restart is staged."""
        if settings != self.edited:
            self.undo_stack.push(Edit(self._put, self.edited, settings, text, merge_key))

    def load_preset(self, preset: Preset) -> None:
        """Takes over a preset's settings; differences are marked against them from now on.

        A run that has not begun to train begins anew at once: nothing would be lost.
        """
        self.preset, self.baseline = preset, preset.settings
        if preset.settings == self.edited:
            self.settings_changed.emit(self.settings)
            return
        self.undo_stack.beginMacro("Load preset")  # with the run that begins, one undo step
        self.adopt(preset.settings)
        began = self.begin_if_untouched()
        self.undo_stack.endMacro()
        if not began:
            self.settings_changed.emit(self.settings)

    @property
    def untouched(self) -> bool:
        """Whether nothing would be lost by beginning anew."""
        return self.status is not None and self.status.outer_step == 0 and not self.running

    def begin_if_untouched(self) -> bool:
        """Begins anew with what is staged where nothing would be lost; whether it did."""
        if self.untouched and self.staged is not None:
            self.restart(from_seed=True)
            return True
        return False

    def discard_staged(self) -> None:
        """Gives up the changes that wait for a restart."""
        if self.staged is not None:
            self.adopt(self.settings, "Discard staged changes")

    def _put(self, edited: Settings) -> None:
        """Makes `edited` what is edited: posts what can apply at once, stages the rest."""
        now = in_force_part(self.settings, edited)
        self.staged = edited if edited != now else None
        anew = begun_anew(self.settings, now)
        if now != self.settings:
            self.settings = now
            self.post(commands.Change(now))
        self.settings_changed.emit(self.settings)
        late = [arm.name for arm in now.arms if arm.name in anew]
        if late and self.status is not None and self.status.outer_step:
            self.came_late.emit(late)

    # what the run does

    @property
    def phase(self) -> m.Phase:
        """What the worker was doing when it last said so."""
        return m.Phase.LOADING if self.status is None else self.status.phase

    @property
    def running(self) -> bool:
        """Whether it trains."""
        return self.phase is m.Phase.RUNNING

    def restart(self, train: bool = False, from_seed: bool = False) -> None:
        """Begins a new run from what is edited, staged changes included.

        One that began from an exported initialization does so again, unless it is to begin from its
        seed, or its network has other layers now, which is said.
        """
        initialization = "" if from_seed else self.initialization
        trained, edited = self.settings.model, self.edited.model
        if initialization and edited.architecture != trained.architecture:
            initialization = ""
            self.noted.emit(
                "The network has other layers than the initialization that the run began from: "
                "it begins from its seed."
            )
        before = self.pins.here
        self._restart_with(Beginning(self.edited, None, initialization), train, "Restart")
        self.pins.show_replaced(before)

    def reset(self) -> None:
        """Begins the run again: same settings, seed and initialization. Keeps what is staged."""
        beginning = Beginning(self.settings, self.staged, self.initialization)
        self._restart_with(beginning, False, "Reset")

    def _restart_with(self, beginning: Beginning, train: bool, text: str) -> None:
        command: commands.Command = commands.Restart(beginning.settings, train)
        if beginning.initialization:
            command = commands.OpenInitialization(beginning.initialization, beginning.settings)
        self.undo_stack.push(Begin(self, command, beginning, text))
        if beginning.initialization and train:
            self.train()

    def new_seed(self) -> None:
        """Begins a new run with the next seed, training if it trains now."""
        seed, training = self.edited.run.seed, self.running
        self.undo_stack.beginMacro("New seed")
        self.edit({"seed": 0 if seed >= 2**31 - 1 else seed + 1})
        self.restart(train=training)
        self.undo_stack.endMacro()

    def open_run(self, folder: str) -> None:
        """Goes on with a saved run; its settings come with its first status."""
        self._opening = True
        beginning = Beginning(self.settings, self.staged)
        self.undo_stack.push(Begin(self, commands.OpenRun(folder), beginning, "Open run"))

    def open_initialization(self, folder: str) -> None:
        """Begins a new run from an exported initialization, with the settings it comes with."""
        self._opening = True
        beginning = Beginning(self.settings, self.staged, folder)
        command = commands.OpenInitialization(folder)
        self.undo_stack.push(Begin(self, command, beginning, "Open initialization"))

    def begin(self, command: commands.Command, beginning: Beginning) -> None:
        """Posts a command that begins or brings back a run with these settings."""
        self.settings, self.staged = beginning.settings, beginning.staged
        self.initialization = beginning.initialization
        self.beginning = True
        self.expected_run += 1
        self.pins.forget_replaced()
        self.post(command)
        self.settings_changed.emit(self.settings)

    def train(self) -> None:
        """Trains; past the declared number of outer steps where that is reached."""
        self.post(commands.Train(beyond=self.phase is m.Phase.FINISHED))

    def pause(self) -> None:
        """Pauses."""
        self.post(commands.Pause())

    def toggle(self) -> None:
        """Trains or pauses, whichever it does not do."""
        if self.running:
            self.pause()
        else:
            self.train()

    def outer_step(self) -> None:
        """Takes one outer step, then pauses."""
        self.post(commands.TakeOuterStep())

    def inner_step(self) -> None:
        """Shows the next inner step of the outer step in progress."""
        self.post(commands.TakeInnerStep())

    def set_speed(self, steps_per_second: float | None) -> None:
        """Limits the outer steps per second; None is unlimited."""
        self.pace.limit(steps_per_second is not None)
        self.post(commands.LimitSpeed(steps_per_second))

    def compare(self, file: str = "") -> None:
        """Asks for the verdicts by the preset's published numbers, and for a report in `file`."""
        if self.preset is not None:
            self.write(commands.Reproduce(self.preset, file))

    def write(
        self, command: commands.ExportInitialization | commands.SaveRun | commands.Reproduce
    ) -> None:
        """Has something measured and written; it can be given up with `StopWriting`."""
        self.post(command)
        self.writing.emit(command)

    def request_meta_test(self) -> None:
        """Asks for a meta-test now."""
        self.post(commands.MetaTest())

    def back_to_last_good(self) -> None:
        """Sets every arm back to where all were last finite."""
        self.post(commands.BackToLastGood())

    def halve_inner_lr(self, *names: str) -> None:
        """Halves the inner learning rate of frozen arms and lets them go on."""
        arms = [self._halved(arm) if arm.name in names else arm for arm in self.edited.arms]
        self.set_arms(arms)
        for name in names:
            self.post(commands.ReviveArm(name))
        self.train()

    def _halved(self, arm: Arm) -> Arm:
        halved = self.edited.of_arm(arm).inner.inner_lr / 2
        return replace(arm, overrides=tuple({**dict(arm.overrides), "inner_lr": halved}.items()))

    # what is seen inside

    def look_inside(self, looker: object, *requests: InsightRequest) -> None:
        """Asks for the views that `looker` shows from now on; none where it shows none."""
        if self._visible.get(looker, ()) == requests:
            return
        self._visible.pop(looker, None)
        if requests:
            self._visible[looker] = requests
        together = {request: None for views in self._visible.values() for request in views}
        self.post(LookInside(tuple(together)))

    def refresh_insight(self, request: InsightRequest) -> None:
        """Asks for a view once more now, visible or not."""
        last = self.insights.get(request)
        if last is not None and last.failed:
            del self.insights[request]
        self.post(RefreshInsight(request))

    # the task that is shown

    def set_probe(self, probe: commands.ProbeTask) -> None:
        """Shows the adaptation to this task from now on."""
        self.end_example()
        self.probe = probe
        self.post(probe)
        self.pace.await_answer()
        self.probe_changed.emit(probe)

    def show_example(self) -> m.Probed | None:
        """Shows the curves that come with the program until the person does something."""
        self._example = found = example_probed()
        if found is not None and not found.arms.keys() >= {arm.name for arm in self.settings.arms}:
            self._example = found = None
        if found is not None:
            self.probe = found.probe
            self.probed = found
            self.probe_changed.emit(found.probe)
            self.probed_arrived.emit(found)
        return found

    def end_example(self) -> None:
        """Shows what the run's own arms make of the task."""
        if self._example is not None:
            self._example, self.probed = None, self._latest
            if self._latest is not None:
                self.probed_arrived.emit(self._latest)
            self.example_ended.emit()

    def watch(self, tasks: commands.WatchTasks) -> None:
        """Asks for the curves of further tasks, now and while training."""
        self.post(tasks)

    def new_task(self) -> None:
        """Samples another task from the task family."""
        self.set_probe(task_sampling.sampled_task(self.settings, self._random))

    def new_points(self, where: str = task_sampling.ANYWHERE) -> None:
        """Samples other support points of the same task; another task where it has no truth.

        Raises:
            KeyError: where `where` is not one of `probing.PLACES`.
        """
        probe = self.probe
        if probe is None or probe.amplitude is None or probe.phase is None:
            self.new_task()
            return
        x = task_sampling.sampled_x(self.settings, self._random, where)
        y = task_sampling.sine(x, probe)
        y = task_sampling.noisy(y, self.settings, self._random)
        self.set_probe(
            replace(probe, support_x=task_sampling.fixed(x), support_y=task_sampling.fixed(y))
        )

    def target(self, x: float) -> float | None:
        """What a new support point at `x` shows: truth plus noise; None without a truth."""
        probe = self.probe
        if probe is None or probe.amplitude is None or probe.phase is None:
            return None
        y = task_sampling.sine(np.array([x]), probe)
        return float(task_sampling.noisy(y, self.settings, self._random)[0])

    # how it is shown

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

    # to and from the worker

    def start(self) -> None:
        """Starts the worker, the first run (paused) and the timer."""
        self.worker.start()
        self.expected_run = 1
        self.post(commands.Restart(self.settings))
        if self.probe is None:
            self.new_task()
        else:
            self.post(self.probe)
        self.pace.start()

    def close(self) -> bool:
        """Stops timer and worker; False where the worker did not end in time."""
        self.pace.stop()
        self._end_reported = True
        closed = self.worker.close()
        self.pins.close()
        return closed

    def post(self, command: commands.Command) -> None:
        """Hands a command to the worker, and looks for the answer soon."""
        self._sent += isinstance(command, commands.OF_SETTINGS)
        self.worker.post(command)
        self.pace.hurry()

    def pull(self) -> None:
        """Hands on what the worker reported; drops what is of an older run."""
        reports = self.worker.collect(self.pace.patience)
        newest = max((getattr(report, "run", self.run) for report in reports), default=self.run)
        if newest > self.run:
            self._begin(newest)
        for report in reports:
            if getattr(report, "run", self.run) == self.run:
                self._take[type(report)](report)
        if not self._end_reported and not self.worker.alive and self.status is not None:
            self._end_reported = True
            self.failed.emit(m.Failed(self.run, "The training thread has ended.", ""))

    def _begin(self, run: int) -> None:
        self.run, self.beginning = run, False
        self.references = self.meta_test = self._latest = self.comparison = None
        self.insights, self.figures = {}, Figures()
        self.probed = self._example
        self.run_started.emit(run)

    def _take_status(self, status: m.Status) -> None:
        if self._opening and status.run > 0 and status.settings != self.settings:
            self.settings, self.staged, self.preset = status.settings, None, None
            self.baseline = status.settings
            self.settings_changed.emit(self.settings)
        self._opening = False
        if status.taken == self._sent and status.run > 0:
            self._agree(status)
        self.status = status
        self.pace.relax(status.phase is not m.Phase.RUNNING)
        self.status_changed.emit(status)

    def _agree(self, status: m.Status) -> None:
        """Shows what is in force, now that nothing is under way any more.

        It differs only after a refusal that other commands had followed.
        """
        self.expected_run, self.beginning = status.run, False
        staged = still_waiting(status.settings, self.staged)
        if (status.settings, staged) != (self.settings, self.staged):
            self.settings, self.staged = status.settings, staged
            self.settings_changed.emit(self.settings)

    def _take_probed(self, probed: m.Probed) -> None:
        self._latest = probed
        if probed.probe is self.probe:
            self.pace.answered()
        if self._example is None:
            self.probed = probed
            self.probed_arrived.emit(probed)

    def _take_meta_test(self, meta_test: m.MetaTested) -> None:
        self.meta_test = meta_test
        self.meta_tested.emit(meta_test)

    def _take_compared(self, compared: m.Compared) -> None:
        self.comparison = compared
        self.compared.emit(compared)

    def _take_rewound(self, rewound: m.Rewound) -> None:
        self.figures.rewind(rewound.outer_step)
        self.rewound.emit(rewound)

    def _take_figures(self, figures: InsightFigures) -> None:
        self.figures = Figures(figures.rows)

    def _take_insight(self, insight: Insight) -> None:
        self.figures.take(insight)
        self.insights.pop(insight.request, None)
        self.insights[insight.request] = insight
        if len(self.insights) > _MOST_INSIGHTS:
            del self.insights[next(iter(self.insights))]
        self.insight_arrived.emit(insight)

    def _take_references(self, references: m.ReferenceLosses) -> None:
        self.references = references
        self.references_changed.emit(references)

    def _take_refused(self, refused: m.Refused) -> None:
        # a refused change would leave the form showing what is not in force
        if refused.command in _LEFT_AS_IT_WAS and self.status is not None:
            self.settings, self._opening = self.status.settings, False
            self.staged = still_waiting(self.settings, self.staged)
            self.beginning = False
            self.settings_changed.emit(self.settings)
        self.refused.emit(refused)
