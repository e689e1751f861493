"""The driver of a sweep: gives trials to an engine, counts attempts, tells how far it is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from maml_explorer.experiments.sweep.engine import Engine, Result
from maml_explorer.experiments.sweep.folder import STOP, SweepFolder
from maml_explorer.experiments.sweep.trials import Trial
from maml_explorer.experiments.sweep.work import FAILURE, Ended, write_failure
from maml_explorer.storage.report.sweep_table import TrialState
from maml_explorer.storage.run.folder import create_run, is_run_folder

MOST_ATTEMPTS = 3
"""Deaths of its process after which a run is given up: it is likely the cause."""
LOOK_SECONDS = 1.0
"""Longest wait between two looks at the engine; as often what is seen is written."""
BUSY_SECONDS = 2.0
"""Wait before a run that another process trains is looked at again."""


@dataclass(frozen=True)
class SweepProgress:
    """Progress of a sweep."""

    done: int
    failed: int
    running: int
    total: int
    seconds_left: float | None
    """None before the first run is done."""


@dataclass
class _DriverState:
    """State of a driver beside the files."""

    waiting: deque[Trial]
    threads: dict[str, int] = field(default_factory=dict)
    """Threads of the runs that are given to the engine, by name."""
    attempts: dict[str, int] = field(default_factory=dict)
    later: list[tuple[float, Trial]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def drive(
    sweep: SweepFolder,
    engine: Engine,
    *,
    retry_failed: bool = False,
    progress: Callable[[SweepProgress], None] | None = None,
) -> SweepProgress:
    """Train every trial that is not done, and return how it ended.

    Interrupted by an exception out of `progress` or KeyboardInterrupt, the runs in progress are
    asked to save themselves first.

    Args:
        sweep: the folder; what it holds decides what is left to do.
        engine: where trials run.
        retry_failed: whether runs that were given up get another chance.
        progress: called about once a second.

    Raises:
        InUseError: where another process drives the sweep.
        OSError: where the disk fails.
    """
    held = sweep.held()
    try:
        (sweep.path / STOP).unlink(missing_ok=True)
        return _driven(sweep, engine, retry_failed, progress)
    finally:
        held.release()


def _driven(
    sweep: SweepFolder,
    engine: Engine,
    retry_failed: bool,
    progress: Callable[[SweepProgress], None] | None,
) -> SweepProgress:
    trials = {trial.name: trial for trial in sweep.spec.trials()}
    if retry_failed:
        for name in trials:
            (sweep.run(name) / FAILURE).unlink(missing_ok=True)
    states = {name: sweep.state(name) for name in trials}
    ended = (TrialState.DONE, TrialState.FAILED)
    work = _DriverState(deque(trials[name] for name, state in states.items() if state not in ended))
    count = {state: sum(found is state for found in states.values()) for state in ended}
    began = time.monotonic()
    before = count[TrialState.DONE]
    sweep.decide("began", trials=len(trials), left=len(work.waiting), workers=engine.slots)

    def seen() -> SweepProgress:
        done, left = count[TrialState.DONE], len(trials) - sum(count.values())
        fresh = done - before
        rate = fresh / (time.monotonic() - began) if fresh else None
        return SweepProgress(
            done, count[TrialState.FAILED], len(work.threads), len(trials),
            left / rate if rate else None,
        )  # fmt: skip

    try:
        while work.waiting or work.threads or work.later:
            _give(sweep, engine, work)
            for result in engine.wait(LOOK_SECONDS):
                state = _take(sweep, work, trials[result.name], result)
                if state is not None:
                    count[state] += 1
            found = seen()
            sweep.write_live(_live(found, engine))
            if progress is not None:
                progress(found)
            if not work.threads and work.later and not work.waiting:
                time.sleep(min(BUSY_SECONDS, LOOK_SECONDS))
    except BaseException:
        _stop(sweep, engine, work)
        raise
    found = seen()
    sweep.decide("ended", done=found.done, failed=found.failed)
    sweep.write_live(_live(found, engine))
    return found


def _give(sweep: SweepFolder, engine: Engine, work: _DriverState) -> None:
    """Give the engine as many trials as its slots hold; what takes two threads takes two slots."""
    now = time.monotonic()
    work.waiting.extend(trial for due, trial in work.later if due <= now)
    work.later = [(due, trial) for due, trial in work.later if due > now]
    while work.waiting:
        trial = work.waiting[0]
        threads = min(_threads(trial), engine.slots)
        if sum(work.threads.values()) + threads > engine.slots:
            return
        work.waiting.popleft()
        place = sweep.run(trial.name)
        if not is_run_folder(place):
            create_run(place, trial.settings)
        work.threads[trial.name] = threads
        engine.submit(trial.name, place)


def _take(
    sweep: SweepFolder, work: _DriverState, trial: Trial, result: Result
) -> TrialState | None:
    """The state of a trial whose attempt has ended; None where it will be tried again."""
    work.threads.pop(trial.name, None)
    if result.ended is Ended.DONE:
        return TrialState.DONE
    if result.ended is Ended.BUSY:
        work.later.append((time.monotonic() + BUSY_SECONDS, trial))
        return None
    if result.ended is Ended.STOPPED:  # asked by another driver's stop: this one goes on
        work.waiting.append(trial)
        return None
    attempts = work.attempts[trial.name] = work.attempts.get(trial.name, 0) + 1
    if result.killed and attempts < MOST_ATTEMPTS:
        sweep.decide("again", run=trial.name, attempts=attempts, reason=result.error)
        work.waiting.append(trial)
        return None
    write_failure(sweep.run(trial.name), attempts, result.error)
    sweep.decide("failed", run=trial.name, attempts=attempts, reason=result.error)
    return TrialState.FAILED


def _stop(sweep: SweepFolder, engine: Engine, work: _DriverState) -> None:
    """Ask the runs in progress to save, and wait a while until they have."""
    (sweep.path / STOP).touch()
    deadline = time.monotonic() + 20.0
    while work.threads and time.monotonic() < deadline:
        results = engine.wait(LOOK_SECONDS)
        if not results and engine.slots == 1:
            break
        for result in results:
            work.threads.pop(result.name, None)
    (sweep.path / STOP).unlink(missing_ok=True)
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
