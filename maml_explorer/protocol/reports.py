"""Reports from the worker to the window.

All that crosses is frozen: scalars, strings, read-only NumPy arrays, Settings. No tensor, no Qt
object. Commands go in by :meth:`Worker.post`, reports come out by :meth:`Worker.collect`; neither
blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum, StrEnum

import numpy as np
from numpy.typing import NDArray

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.arm_gap import ArmGap
from maml_explorer.protocol.commands import Array, Command, ProbeTask, ShownTask, WatchTasks
from maml_explorer.protocol.images import ClassReferences, ImagesProbed, ImagesWatched
from maml_explorer.protocol.insight import Insight, InsightFigures, InsightProgress
from maml_explorer.protocol.past_events import PastChange, PastEvents
from maml_explorer.protocol.returned import Returned
from maml_explorer.protocol.streams import StreamProbed, StreamsWatched
from maml_explorer.published.verdicts import Comparison
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings


class Phase(Enum):
    """Activity of the worker."""

    LOADING = "loading"
    PAUSED = "paused"
    RUNNING = "running"
    STEPPING = "stepping"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


class StepPhase(StrEnum):
    """The part of an outer step that was just shown."""

    SAMPLE = "sample"
    ADAPT = "adapt"
    QUERY = "query"
    UPDATE = "update"


class Unasked(StrEnum):
    """Work that the worker does without a command, and may fail in."""

    TRAINING = "training"
    METRICS = "metrics"
    """Rows kept on disk."""


class Written(StrEnum):
    """Content of a file or folder that was written."""

    INITIALIZATION = "initialization"
    RUN = "run"
    REPORT = "report"
    SESSION = "session"
    """An autosave."""
    PIN = "pin"


@dataclass(frozen=True)
class Status:
    """State of the run; the newest replaces older ones."""

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
    """Commands of :data:`OF_SETTINGS` taken up so far; with all of them none is under way."""
    kept: Mapping[int, int] = field(default_factory=dict)
    """Number of a run that can be brought back → its outer step."""
    first: int = 0
    """The number that the run had at first: it gets another when it is brought back."""


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


@dataclass(frozen=True, eq=False)
class HeldOutTasks:
    """Single tasks of a meta-test and what every arm gets on them, read-only."""

    parameters: Array
    """[task, 3]: amplitude, phase, frequency."""
    support_x: Array
    """[task, shot]"""
    support_y: Array
    """[task, shot]"""
    figures: Mapping[str, Array]
    """Arm → query figures [inner step, task]."""


@dataclass(frozen=True)
class MetaTested:
    """The newest meta-test of all arms."""

    run: int
    outer_step: int
    shots: int
    tasks: int
    arms: Mapping[str, ArmTest]
    bayes: tuple[float, float] | None = None
    """(mean, half-width of 95 %) of the Bayes-optimal answer's squared error; where noise > 0."""
    family: TaskSettings | None = None
    """The tasks it was measured on."""
    seen: Mapping[str, ArmTest] = field(default_factory=dict)
    """The same on classes that training draws from; empty for families without classes."""
    neighbour: float | None = None
    """Accuracy of the nearest neighbour by pixels on these tasks; None for other families."""
    declared: int | None = None
    """Tasks that the run asks for, where this is a first estimate from fewer of them."""
    held_out: HeldOutTasks | None = None
    """The tasks one by one; None for families whose tasks are not two numbers and points."""
    gaps: tuple[ArmGap, ...] = ()
    """Of every two arms, the later one against the one before."""
    arm_steps: Mapping[str, int] = field(default_factory=dict)
    """Arm → its own outer step then, as in :class:`Status`."""


@dataclass(frozen=True)
class PinTested:
    """The meta-test of a pinned state, on all tasks; of whichever run, so it has no number."""

    folder: str
    test: MetaTested


@dataclass(frozen=True)
class ReferenceLosses:
    """Exact expected losses under the settings in force (σ² of the noise is added)."""

    run: int
    predict_zero: float
    best_single: float
    best_single_formula: str
    noise_variance: float
    constant: bool = False
    """True where that of the best constant stands for the best single predictor."""
    limit: float = float("inf")
    """A squared error above this counts as diverged in the meta-test."""


@dataclass(frozen=True)
class Stepped:
    """One inner step of an uncommitted outer step, of the first task of its meta-batch."""

    run: int
    outer_step: int
    """The outer step in progress (from 1)."""
    inner_step: int
    """0 … K of the arm with most inner steps."""
    inner_steps: int
    phase: StepPhase
    probe: ShownTask
    """The task, with its support and query points."""
    shown_step: Mapping[str, int]
    """Arm → the inner step it stands at; arms with fewer steps wait at their last."""
    probed: Probed | ImagesProbed | StreamProbed
    """The answers of φ_0 … φ_K of every arm on this task."""


@dataclass(frozen=True)
class Rewound:
    """The run went back to an earlier outer step: drop what was drawn after it."""

    run: int
    outer_step: int
    changes: tuple[PastChange, ...] = ()
    """Those of settings that it has behind it then."""


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
    """Stability of its inner loop at the state it was set back to; empty where not known."""
    change: str = ""
    """The last change of a setting that it trains with; empty where there was none."""
    why: str = ""
    """Words on why its outer gradient could not be followed; empty where its loss says all."""
    back_step: int | None = None
    """The outer step of the run to which all arms can go back; None where not known."""
    settings: Settings | None = None
    """In force when it diverged; None where not known."""


@dataclass(frozen=True)
class Failed:
    """The worker met an exception; the last good state is kept and Restart works."""

    run: int
    what: str
    details: str
    """The traceback, for "Copy details"."""


@dataclass(frozen=True)
class Refused:
    """Something that could not be done, with the reason in a sentence. Nothing changed."""

    refused: type[Command] | Unasked
    """Kind of the command, or work that had none."""
    reason: str


@dataclass(frozen=True)
class Noted:
    """A command that was carried out, otherwise than one might expect."""

    run: int
    what: str
    """Sentences: what differs, and what was kept."""


@dataclass(frozen=True)
class Compared:
    """The verdicts on the run, as it was at an outer step."""

    run: int
    outer_step: int
    preset: Preset
    comparisons: tuple[Comparison, ...]
    deviations: tuple[str, ...]
    """Settings of the run that differ from the preset, in words."""


@dataclass(frozen=True)
class Exported:
    """A folder or file was written."""

    what: Written
    folder: str
    arm: str = ""
    outer_step: int = 0
    """Of a pinned run: the window may know less of how far the worker is."""


Report = (
    Status | Metrics | Probed | ImagesProbed | StreamProbed | MetaTested | PinTested
    | ReferenceLosses | ClassReferences | Stepped | Watched | ImagesWatched | StreamsWatched
    | Rewound | Diverged | Returned | PastEvents | Failed | Refused | Noted | Compared | Exported
    | Insight | InsightProgress | InsightFigures
)  # fmt: skip
