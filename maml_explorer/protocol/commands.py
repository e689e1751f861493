"""Commands from the window to the worker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.images import ImageTask, WatchImages
from maml_explorer.protocol.insight import (
    LookInside,
    RefreshInsight,
)
from maml_explorer.protocol.streams import StreamTask, WatchStreams
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Restart:
    """Begin a new run (new run number) from these settings, paused, or training at once."""

    settings: Settings
    train: bool = False


@dataclass(frozen=True)
class Change:
    """Use these settings from the next outer step on. Successive ones coalesce to the newest.

    Refused (report `Refused`) where a changed setting needs a restart. Arms named in `back` go on
    as they were when they left the run last, which `Returned` reports; others begin.
    """

    settings: Settings
    back: frozenset[str] = frozenset()


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
    """None where the user made the task: it has no truth."""
    phase: float | None = None
    query_x: Array | None = None
    """[point]; where given, residuals are reported there."""
    frequency: float = 1.0
    """Of the truth, where there is one."""
    numbers: tuple[float, ...] | None = None
    """The truth of a task of other curves than sines: its numbers, in the family's order."""

    @property
    def known(self) -> bool:
        """True where the task has a truth."""
        return self.numbers is not None or (self.amplitude is not None and self.phase is not None)


ShownTask = ProbeTask | ImageTask | StreamTask
"""A task that is shown: of curves, of images or a stream, as the family has it."""


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
    """Keep the present run until it is brought back, however many runs replace it."""


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
    """Path of the report, an HTML page; empty for none."""


@dataclass(frozen=True)
class SaveRun:
    """Write the run folder. Answered by `Exported` or `Refused`."""

    folder: str
    overwrite: bool = False
    autosave: bool = False
    """True for a save for crash recovery: without the arms' folders, whose meta-tests take time."""
    view: str = ""
    """JSON of the window's view, which is written beside it; empty for none."""


@dataclass(frozen=True)
class StopWriting:
    """Cancel the export or the saving in progress; `Refused` answers it."""


@dataclass(frozen=True)
class PinRun:
    """Write settings and state of the run, so that `ShowGhost` can show it at any later time.

    Without metrics, and quick. Answered by `Exported` or `Refused`; where it is to be measured as
    well, by `PinTested` later on.
    """

    folder: str
    measure: bool = False


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
    | ImageTask
    | StreamTask
    | MetaTest
    | BackToLastGood
    | BringBack
    | HoldRun
    | OpenRun
    | OpenInitialization
    | ReviveArm
    | WatchTasks
    | WatchImages
    | WatchStreams
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
