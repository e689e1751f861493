"""The driver of a sweep: gives trials to an engine, counts attempts, tells how far it is."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from maml_explorer.experiments.sweep.engine import Engine, Result
from maml_explorer.experiments.sweep.halving import in_rung, prune
from maml_explorer.experiments.sweep.work import Ended
from maml_explorer.files.lock import Held
from maml_explorer.files.opening import is_file
from maml_explorer.files.writer import write_passing
from maml_explorer.settings.text import to_toml
from maml_explorer.storage.report.sweep_table import ENDED, TrialState
from maml_explorer.storage.run.folder import SETTINGS, is_run_folder
from maml_explorer.storage.sweep.axes import Point
from maml_explorer.storage.sweep.result import FAILURE, rung_file, step_of, write_failure
from maml_explorer.storage.sweep.trials import Trial

MOST_ATTEMPTS = 3
"""Deaths of its process at the same place after which a run is given up: it is the cause."""
LOOK_SECONDS = 1.0
"""Longest wait between two looks at the engine; as often what is seen is written."""
LOOK_SPARES = 20
"""Time without a look, in durations of the last: with thousands of runs a look takes long."""
BUSY_SECONDS = 2.0
"""Wait before a run that another process trains is looked at again."""


@dataclass(frozen=True)
class SweepProgress:
    """Progress of a sweep, or of several seeds."""

    done: int
    failed: int
    running: int
    total: int
    seconds_left: float | None
    """None before the first outer step."""
    outer_steps: int = 0
    """Over all runs."""
    total_steps: int = 0
    """Over all runs, when they are done."""
    rate: float | None = None
    """Outer steps a second, of all runs together."""


class Driven(Protocol):
    """Runs that a driver trains: those of a sweep, or the seeds of ordinary runs."""

    @property
    def rungs(self) -> tuple[int, ...]:
        """Outer steps at which halving compares the cells; empty without it."""

    @property
    def halving(self) -> int:
        """Factor by which the cells become fewer at each rung."""

    @property
    def higher(self) -> bool:
        """True if a higher objective is better."""

    @property
    def stop(self) -> Path:
        """The file that asks the workers to save and stop."""

    @property
    def proposed_runs(self) -> int:
        """Runs at the end of a search that will propose more; 0 where all are known."""

    def trials(self) -> Sequence[Trial]:
        """All runs that are known, each once."""

    def held(self) -> Held:
        """The right to drive them."""

    def run(self, name: str) -> Path:
        """The run folder of a trial."""

    def state(self, name: str) -> TrialState:
        """The state of a trial, by its files."""

    def decide(self, what: str, **details: Any) -> None:
        """Note a decision."""

    def write_live(self, live: Mapping[str, Any]) -> None:
        """Show how far it is."""


@dataclass
class _DriverState:
    """State of a driver beside the files."""

    waiting: deque[Trial]
    until: int | None = None
    """Outer step at which they pause; None trains to the end."""
    threads: dict[str, int] = field(default_factory=dict)
    """Threads of the runs that are given to the engine, by name."""
    sizes: dict[Point, int] = field(default_factory=dict)
    """Threads that the runs of a point ask for."""
    attempts: dict[str, int] = field(default_factory=dict)
    died_at: dict[str, int] = field(default_factory=dict)
    """Outer step at which a run last died, by name."""
    later: list[tuple[float, Trial]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def drive(
    sweep: Driven,
    engine: Engine,
    *,
    retry_failed: bool = False,
    progress: Callable[[SweepProgress], None] | None = None,
    more: Callable[[], bool] = lambda: False,
) -> SweepProgress:
    """Train every trial that is not done, and return how it ended.

    Interrupted by an exception out of `progress` or KeyboardInterrupt, the runs in progress are
    asked to save themselves first. The file `stop` of the sweep asks for the same: a window, or
    another machine, makes it.

    Args:
        sweep: the folder; what it holds decides what is left to do.
        engine: where trials run.
        retry_failed: whether runs that were given up get another chance.
        progress: called about once a second.
        more: called when all known runs have ended; true where the sweep has got further ones.

    Raises:
        KeyboardInterrupt: if the file `stop` asked for it.
        InUseError: if another process drives the sweep.
        OSError: if the disk fails.
    """
    held = sweep.held()
    try:
        sweep.stop.unlink(missing_ok=True)
        trials = {trial.name: trial for trial in sweep.trials()}
        if retry_failed:
            for name in trials:
                (sweep.run(name) / FAILURE).unlink(missing_ok=True)
        for rung in sweep.rungs:
            going = in_rung(sweep, trials.values(), rung)
            _driven(sweep, engine, trials, {t.name for t in going}, rung, progress)
            prune(sweep, going, rung)
        ended = _driven(sweep, engine, trials, set(trials), None, progress)
        while more():
            trials = {trial.name: trial for trial in sweep.trials()}
            ended = _driven(sweep, engine, trials, set(trials), None, progress)
        return ended
    finally:
        held.release()


def _driven(
    sweep: Driven,
    engine: Engine,
    trials: Mapping[str, Trial],
    going: Set[str],
    until: int | None,
    progress: Callable[[SweepProgress], None] | None,
) -> SweepProgress:
    """Train the trials that are going, to their end or to the outer step `until`."""
    states = {name: sweep.state(name) for name in trials}
    left = [name for name, state in states.items() if state not in ENDED and name in going]
    if until is not None:
        left = [name for name in left if not is_file(rung_file(sweep.run(name), until))]
    work = _DriverState(deque(trials[name] for name in left), until)
    count = {state: sum(found is state for found in states.values()) for state in ENDED}
    expected = max(len(trials), sweep.proposed_runs)
    each = max((trial.at.outer.outer_steps for trial in trials.values()), default=0)
    partly = {
        name: step_of(sweep.run(name)) for name, state in states.items() if state not in ENDED
    }
    began = time.monotonic()
    sweep.decide("began", trials=len(trials), left=len(work.waiting), workers=engine.slots)

    def steps() -> int:
        """Outer steps over all runs; a run that was given up counts as one that is done."""
        partly.update({name: step_of(sweep.run(name)) for name in work.threads})
        return sum(count.values()) * each + sum(partly.values())

    def seen() -> SweepProgress:
        done, taken, total = count[TrialState.DONE], steps(), expected * each
        fresh, seconds = taken - before, time.monotonic() - began
        rate = fresh / seconds if fresh > 0 and seconds > 0 else None
        return SweepProgress(
            done, count[TrialState.FAILED], len(work.threads), expected,
            (total - taken) / rate if rate else None, taken, total, rate,
        )  # fmt: skip

    next_look = 0.0

    def look(*, last: bool = False) -> None:
        nonlocal next_look
        begun = time.monotonic()
        if begun < next_look and not last:
            return
        found = seen()
        sweep.write_live(_live(found, engine))
        if progress is not None:
            progress(found)
        now = time.monotonic()
        next_look = now + LOOK_SPARES * (now - begun)

    before = steps()
    engine.look = look
    try:
        while work.waiting or work.threads or work.later:
            _give(sweep, engine, work)
            for result in engine.wait(LOOK_SECONDS):
                state = _take(sweep, work, trials[result.name], result)
                if state is not None:
                    count[state] += 1
                    partly.pop(result.name, None)
                elif result.ended is Ended.PAUSED:
                    partly[result.name] = until or 0
            if is_file(sweep.stop):
                raise KeyboardInterrupt
            look(last=not work.threads)
            if not work.threads and work.later and not work.waiting:
                time.sleep(min(BUSY_SECONDS, LOOK_SECONDS))
    except BaseException:
        _stop(sweep, engine, work)
        sweep.write_live({**_live(seen(), engine), "workers": 0, "running": 0})
        raise
    found = seen()
    sweep.decide("ended", done=found.done, failed=found.failed)
    sweep.write_live(_live(found, engine))
    return found


def _give(sweep: Driven, engine: Engine, work: _DriverState) -> None:
    """Give the engine as many trials as its slots hold; what takes two threads takes two slots."""
    now = time.monotonic()
    work.waiting.extend(trial for due, trial in work.later if due <= now)
    work.later = [(due, trial) for due, trial in work.later if due > now]
    slots = engine.slots
    while work.waiting:
        trial = work.waiting[0]
        if trial.point not in work.sizes:
            work.sizes[trial.point] = _threads(trial)
        threads = min(work.sizes[trial.point], slots)
        if sum(work.threads.values()) + threads > slots:
            return
        work.waiting.popleft()
        place = sweep.run(trial.name)
        if not is_run_folder(place):  # its worker makes the rest of it
            place.mkdir(parents=True, exist_ok=True)
            write_passing(place / SETTINGS, to_toml(trial.settings))
        work.threads[trial.name] = threads
        engine.submit(trial.name, place, work.until)


def _take(sweep: Driven, work: _DriverState, trial: Trial, result: Result) -> TrialState | None:
    """The state of a trial whose attempt has ended; None if it will be tried again."""
    work.threads.pop(trial.name, None)
    if result.ended is Ended.DONE:
        return TrialState.DONE
    if result.ended is Ended.PAUSED:
        return None
    if result.ended is Ended.BUSY:
        work.later.append((time.monotonic() + BUSY_SECONDS, trial))
        return None
    if result.ended is Ended.STOPPED:
        work.waiting.append(trial)
        return None
    step = step_of(sweep.run(trial.name))
    if step > work.died_at.get(trial.name, -1):  # it got further: its process was not to blame
        work.attempts[trial.name] = 0
    work.died_at[trial.name] = step
    attempts = work.attempts[trial.name] = work.attempts.get(trial.name, 0) + 1
    if result.killed and attempts < MOST_ATTEMPTS:
        sweep.decide("again", run=trial.name, attempts=attempts, reason=result.error)
        work.waiting.append(trial)
        return None
    write_failure(sweep.run(trial.name), attempts, result.error)
    sweep.decide("failed", run=trial.name, attempts=attempts, reason=result.error)
    return TrialState.FAILED


def _stop(sweep: Driven, engine: Engine, work: _DriverState) -> None:
    """Ask the runs in progress to save, and wait a while until they have."""
    sweep.stop.touch()
    deadline = time.monotonic() + 20.0
    with contextlib.suppress(OSError):  # the scheduler of a cluster may be gone
        while work.threads and time.monotonic() < deadline:
            asked = time.monotonic()
            results = engine.wait(LOOK_SECONDS)
            if not results and time.monotonic() - asked < LOOK_SECONDS / 2:
                break  # this process trained, and trains no more
            for result in results:
                work.threads.pop(result.name, None)
    sweep.stop.unlink(missing_ok=True)
    sweep.decide("stopped", running=len(work.threads))


def _live(found: SweepProgress, engine: Engine) -> dict[str, object]:
    left = found.seconds_left
    return {
        "done": found.done,
        "failed": found.failed,
        "running": found.running,
        "total": found.total,
        "workers": engine.slots,
        "seconds_left": None if left is None else round(left, 1),
        "at": round(time.time(), 1),
    }


def _threads(trial: Trial) -> int:
    from maml_explorer.core.plan import intra_op_threads, prepare

    return intra_op_threads(prepare(trial.settings))
