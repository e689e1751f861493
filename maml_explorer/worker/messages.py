"""What crosses between the window and the worker thread.

All frozen: scalars, strings, read-only NumPy arrays, Settings. No tensor, no Qt object. Commands go
in by :meth:`Worker.post`, reports come out by :meth:`Worker.collect`; neither blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from maml_explorer.presets import Preset
from maml_explorer.settings import Settings, TaskSettings
from maml_explorer.verdicts import Comparison
from maml_explorer.worker.insight_messages import (
    Insight,
    InsightFigures,
    InsightProgress,
    LookInside,
    RefreshInsight,
)

Array = NDArray[np.float64]


class Phase(Enum):
    """What the worker is doing."""

    LOADING = "loading"
    PAUSED = "paused"
    RUNNING = "running"
    STEPPING = "stepping"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


# ---------------------------------------------------------------- commands


@dataclass(frozen=True)
class Restart:
    """Begin a new run (new run number) from these settings, paused, or training at once."""

    settings: Settings
    train: bool = False


@dataclass(frozen=True)
class Change:
    """Use these settings from the next outer step on. Successive ones coalesce to the newest.

    Refused (report `Refused`) where a changed setting needs a restart.
    """

    settings: Settings


@dataclass(frozen=True)
class Train:
    """Train until paused or the declared number of outer steps is reached.

    `beyond` continues past that number; `until` pauses exactly there, where that comes first.
    """

    beyond: bool = False
    until: int | None = None


@dataclass(frozen=True)
class Pause:
    """Pause after the current chunk; an uncommitted outer step is dropped and rewound."""


@dataclass(frozen=True)
class TakeOuterStep:
    """Take one whole outer step, then pause."""


@dataclass(frozen=True)
class TakeInnerStep:
    """Show the next inner step of an outer step that is not committed yet.

    Answered by `Stepped`: the task drawn, each inner step, the query loss, and with the last press
    the update of θ, exactly as full speed would have made it.
    """


@dataclass(frozen=True)
class LimitSpeed:
    """At most so many outer steps per second; None is unlimited."""

    steps_per_second: float | None


@dataclass(frozen=True)
class ProbeTask:
    """A task whose adaptation the window shows. Successive ones coalesce to the newest.

    Answered by `Probed` at once, and again after outer steps while training (at the pace the
    window collects).
    """

    support_x: Array
    """[point]"""
    support_y: Array
    """[point]"""
    amplitude: float | None = None
    """None where the task is the person's own: then there is no truth."""
    phase: float | None = None
    query_x: Array | None = None
    """[point]; where given, residuals are reported there."""
    frequency: float = 1.0
    """Of the truth, where there is one."""


@dataclass(frozen=True)
class MetaTest:
    """Run the meta-test now (also while paused)."""


@dataclass(frozen=True)
class BackToLastGood:
    """Set every arm back to its state at the newest outer step at which all were finite."""


@dataclass(frozen=True)
class BringBack:
    """Bring back a run that `Restart`, `OpenRun` or `BringBack` replaced; the newest few are kept.

    None is the one that `HoldRun` keeps. It goes on under a new run number, paused, and its metrics
    are reported again.
    """

    run: int | None


@dataclass(frozen=True)
class HoldRun:
    """Keep the run there is now until it is brought back, however many take its place."""


@dataclass(frozen=True)
class OpenRun:
    """Go on with a saved run folder, paused, under a new run number, its metrics reported."""

    folder: str


@dataclass(frozen=True)
class OpenInitialization:
    """Begin a new run, paused, in which an arm starts from an exported initialization.

    With its own settings and that arm alone, unless `settings` are given; arms of other names begin
    as the seed says. Refused where the network has other layers.
    """

    folder: str
    settings: Settings | None = None


@dataclass(frozen=True)
class ReviveArm:
    """Let an arm that was frozen after diverging go on from its last good state."""

    arm: str


@dataclass(frozen=True)
class WatchTasks:
    """Further tasks whose adapted curves are reported beside the probe's; empty arrays end it.

    Answered by `Watched`, now and after outer steps while training.
    """

    support_x: Array
    """[task, point]"""
    support_y: Array
    """[task, point]"""


@dataclass(frozen=True)
class ExportInitialization:
    """Write the initialization of one arm as a folder. Answered by `Exported` or `Refused`."""

    arm: str
    folder: str
    overwrite: bool = False


@dataclass(frozen=True)
class Reproduce:
    """Meta-test the run as the numbers published for a preset were, and compare.

    Answered by `Compared`; with `file` a report is written there too, and `Exported` follows. Or
    by `Refused`.
    """

    preset: Preset
    file: str = ""
    """Where the report goes, an HTML page; empty for none."""


@dataclass(frozen=True)
class SaveRun:
    """Write the run folder. Answered by `Exported` or `Refused`."""

    folder: str
    overwrite: bool = False
    autosave: bool = False
    """What goes on after a crash, without the arms' folders, whose meta-tests take time."""


@dataclass(frozen=True)
class StopWriting:
    """Give up the export or the saving in progress: it is answered by `Refused`."""


@dataclass(frozen=True)
class PinRun:
    """Write settings and state of the run, so that `ShowGhost` can show it at any later time.

    Without metrics, and quick. Answered by `Exported` or `Refused`.
    """

    folder: str


@dataclass(frozen=True)
class ShowGhost:
    """From now on report with every probe what another run's arms make of the task.

    A run that was pinned or an exported initialization, by its folder; or a run that was replaced
    and is still kept, by its number. Without either it ends. Answered by `Probed` or `Refused`.
    """

    folder: str = ""
    run: int = 0


@dataclass(frozen=True)
class Stop:
    """End the thread."""


Command = (
    Restart
    | Change
    | Train
    | Pause
    | TakeOuterStep
    | TakeInnerStep
    | LimitSpeed
    | ProbeTask
    | MetaTest
    | BackToLastGood
    | BringBack
    | HoldRun
    | OpenRun
    | OpenInitialization
    | ReviveArm
    | WatchTasks
    | LookInside
    | RefreshInsight
    | ExportInitialization
    | Reproduce
    | SaveRun
    | StopWriting
    | PinRun
    | ShowGhost
    | Stop
)
OF_SETTINGS = (Restart, Change, BringBack, OpenRun, OpenInitialization)
"""Commands after which other settings may be in force; each is answered by a `Status`."""

# ---------------------------------------------------------------- reports


@dataclass(frozen=True)
class Status:
    """Where the run stands; the newest replaces older ones."""

    run: int
    phase: Phase
    outer_step: int
    settings: Settings
    """The settings now in force."""
    steps_per_second: float = 0.0
    device: str = "cpu"
    arm_steps: Mapping[str, int] = field(default_factory=dict)
    """Arm name → its own outer step (a late arm begins at 0)."""
    taken: int = 0
    """Commands of :data:`OF_SETTINGS` taken up so far: where that is all of them, no other settings
    are under way."""


@dataclass(frozen=True)
class Metrics:
    """A block of outer steps; blocks not collected yet are joined."""

    run: int
    arms: tuple[str, ...]
    outer_step: NDArray[np.int64]
    """[step]: the number of the outer step, from 1."""
    support_before: Array
    """[arm, step]: inner loss, support set, at θ. NaN where the arm did not train."""
    query_after: Array
    """[arm, step]: outer loss, query set, after adaptation."""
    seconds: Array
    """[arm, step]: seconds this arm has trained so far."""
    gradient_evaluations: NDArray[np.int64]
    """[arm, step]: gradients and Hessian-vector products evaluated so far, per task."""


@dataclass(frozen=True)
class ArmProbe:
    """One arm's adaptation to the probe task, k = 0 … K_test. Diverged values are NaN."""

    curves: Array
    """[inner step, grid point]: the prediction."""
    query_mse: Array
    """[inner step]: MSE against the truth on the meta-test query grid; NaN for an own task."""
    support_mse: Array
    """[inner step]"""
    query_prediction: Array
    """[inner step, point]: at `ProbeTask.query_x`; empty where none was given."""


@dataclass(frozen=True)
class Probed:
    """The answer to `ProbeTask`: what every arm makes of the task now."""

    run: int
    outer_step: int
    probe: ProbeTask
    grid: Array
    """[grid point]: the x of all curves."""
    arms: Mapping[str, ArmProbe]
    truth: Array | None = None
    """[grid point]; None for an own task."""
    best_single: Array | None = None
    """[grid point]: the best single predictor of the task family, what MTL converges to."""
    best_single_formula: str = ""
    oracle: Array | None = None
    """[grid point]: the least-squares sine; None where the support points do not determine it."""
    bayes_mean: Array | None = None
    """[grid point]; only where noise > 0."""
    bayes_sd: Array | None = None
    ghost: Mapping[str, ArmProbe] = field(default_factory=dict)
    """The arms of the run that `ShowGhost` named; empty for none."""


@dataclass(frozen=True)
class Watched:
    """The answer to `WatchTasks`."""

    run: int
    outer_step: int
    watch: WatchTasks
    grid: Array
    """[grid point]"""
    arms: Mapping[str, Array]
    """[inner step, task, grid point]; diverged values are NaN."""


@dataclass(frozen=True)
class ArmTest:
    """One arm's meta-test by the protocol; index k is the number of inner steps."""

    mean: tuple[float | None, ...]
    """[inner step]; None where any task is non-finite."""
    ci95: tuple[float | None, ...]
    """[inner step]: half-width of the 95 % interval."""
    mean_kept: tuple[float | None, ...]
    """[inner step]: over the tasks that did not diverge."""
    median: tuple[float | None, ...]
    diverged: tuple[int, ...]
    """[inner step]: number of tasks."""


@dataclass(frozen=True)
class MetaTested:
    """The newest meta-test of all arms."""

    run: int
    outer_step: int
    shots: int
    tasks: int
    arms: Mapping[str, ArmTest]
    bayes: tuple[float, float] | None = None
    """(mean, half-width of its 95 % interval) of the Bayes-optimal answer's squared error on noisy
    targets of `family`; only where noise > 0."""
    family: TaskSettings | None = None
    """The tasks it was measured on."""


@dataclass(frozen=True)
class ReferenceLosses:
    """Exact expected losses under the settings in force (σ² of the noise is added)."""

    run: int
    predict_zero: float
    best_single: float
    best_single_formula: str
    noise_variance: float


@dataclass(frozen=True)
class Stepped:
    """One inner step of an uncommitted outer step, of the first task of its meta-batch."""

    run: int
    outer_step: int
    """The outer step in progress (from 1)."""
    inner_step: int
    """0 … K of the arm with most inner steps."""
    inner_steps: int
    phase: str
    """"sample", "adapt", "query" or "update": what has just been done."""
    probe: ProbeTask
    """The task, with its support and query points."""
    shown_step: Mapping[str, int]
    """Arm → the inner step it stands at; arms with fewer steps wait at their last."""
    probed: Probed
    """The curves of φ_0 … φ_K of every arm on this task."""


@dataclass(frozen=True)
class Rewound:
    """The run went back to an earlier outer step: drop what was drawn after it."""

    run: int
    outer_step: int


@dataclass(frozen=True)
class Diverged:
    """An arm was frozen at its last good state; the others go on."""

    run: int
    arm: str
    outer_step: int
    good_step: int
    """The outer step of the state it was set back to."""
    reason: str
    """A sentence: what was seen, and what was changed last."""
    stability: str = ""
    """How stable its inner loop is at the state it was set back to; empty where not known."""


@dataclass(frozen=True)
class Failed:
    """The worker met an exception; the last good state is kept and Restart works."""

    run: int
    what: str
    details: str
    """The traceback, for "Copy details"."""


@dataclass(frozen=True)
class Refused:
    """A command that could not be carried out, with the reason in a sentence. Nothing changed."""

    command: str
    reason: str


@dataclass(frozen=True)
class Compared:
    """The verdicts on the run, as it was at an outer step."""

    run: int
    outer_step: int
    preset: Preset
    comparisons: tuple[Comparison, ...]
    deviations: tuple[str, ...]
    """What the run does otherwise than the preset says, in words."""


@dataclass(frozen=True)
class Exported:
    """A folder or file was written."""

    what: str
    """"initialization", "run", "report", "session" for an autosave, or "pin"."""
    folder: str
    arm: str = ""


Report = (
    Status
    | Metrics
    | Probed
    | MetaTested
    | ReferenceLosses
    | Stepped
    | Watched
    | Rewound
    | Diverged
    | Failed
    | Refused
    | Compared
    | Exported
    | Insight
    | InsightProgress
    | InsightFigures
)
