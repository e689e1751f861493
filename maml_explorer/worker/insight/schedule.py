"""Schedule of the views: beside training, in pieces, within a budget of time."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import Insight, InsightProgress, InsightRequest
from maml_explorer.worker.insight import VIEWS

SHARE = 0.15
"""Part of training time that all visible views together may take."""
ASKED_SHARE = 0.5
"""The same while the user waits for a requested view."""
PROGRESS_SECONDS = 0.1


@dataclass(slots=True)
class _Job:
    """One view: what is done of it, and when it is due."""

    request: InsightRequest
    spent: float
    """Seconds so far; the least served goes first."""
    visible: bool = True
    asked: bool = False
    """True where the user waits for it: it is computed once, even if not visible."""
    failed: bool = False
    work: Generator[float, None, object] | None = None
    subject: RunState | None = None
    """The state it looks at."""
    seen: RunState | None = None
    """The state that the last value is of."""
    due: float = 0.0
    took: float = 0.0
    """Seconds of the computation in progress."""

    def begin(self, plan: Plan, state: RunState) -> None:
        """Begins to look at a state, which training may leave meanwhile."""
        self.subject, self.took = state, 0.0
        self.work = VIEWS[self.request.view].begin(plan, state, self.request.values())

    def drop(self) -> None:
        """Forgets its progress, and that it failed."""
        self.work = self.subject = self.seen = None
        self.failed = False
        self.due = 0.0

    def wants(self, state: RunState, now: float, paused: bool) -> bool:
        """True where a piece of it may be computed now."""
        if self.work is not None or self.asked:
            return True
        return not self.failed and self.seen is not state and (paused or now >= self.due)


class Schedule:
    """The visible views, one piece of one at a time; each looks at the state at which it began.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.jobs: dict[InsightRequest, _Job] = {}
        self.next_piece = 0.0
        self.next_progress = 0.0

    def show(self, requests: Iterable[InsightRequest]) -> None:
        """Makes these visible. Others cost nothing from now on, unless requested."""
        wanted = tuple(requests)
        for job in tuple(self.jobs.values()):
            job.visible = job.request in wanted
            if not job.visible and not job.asked:
                del self.jobs[job.request]
        for request in wanted:
            self._job(request).visible = True

    def ask(self, request: InsightRequest) -> None:
        """Computes a view again now, ahead of the others."""
        if request not in self.jobs:
            self._job(request).visible = False
        self.jobs[request].drop()
        self.jobs[request].asked = True
        self.next_piece = self.clock()

    def restart(self, plan: Plan, state: RunState) -> None:
        """Starts unfinished views again: the run or the settings changed.

        They look at the start of a new run even where training has left it by their first piece:
        figures over the outer steps begin there.
        """
        for job in self.jobs.values():
            job.drop()
            if state.outer_step == 0:
                job.begin(plan, state)

    def due(self, state: RunState, paused: bool) -> bool:
        """True where a piece of work may be done now."""
        if not self.jobs or (not paused and self.clock() < self.next_piece):
            return False
        return self._next(state, paused) is not None

    def advance(
        self, run: int, plan: Plan, state: RunState, paused: bool
    ) -> Insight | InsightProgress | None:
        """One piece of the view that is most due; its report where there is one.

        An exception in a view is a report of its own and ends that view alone.
        """
        job = self._next(state, paused)
        if job is None:
            return None
        begin = self.clock()
        if job.work is None:
            job.begin(plan, state)
        report: Insight | InsightProgress | None = None
        assert job.work is not None and job.subject is not None
        step = job.subject.outer_step
        try:
            share = next(job.work)
        except StopIteration as end:
            report = Insight(run, step, job.request, end.value)
        except Exception as error:
            trace = "".join(traceback.format_exception(error))
            report = Insight(run, step, job.request, None, _in_words(error), trace)
        else:
            if begin >= self.next_progress:
                self.next_progress = begin + PROGRESS_SECONDS
                report = InsightProgress(run, job.request, share)
        now = self.clock()
        job.spent += now - begin
        job.took += now - begin
        part = ASKED_SHARE if any(other.asked for other in self.jobs.values()) else SHARE
        self.next_piece = now + (now - begin) * (1 / part - 1)
        if isinstance(report, Insight):
            self._ended(job, bool(report.failed), now)
        return report

    def _ended(self, job: _Job, failed: bool, now: float) -> None:
        job.work, job.seen, job.subject = None, job.subject, None
        job.failed, job.asked = failed, False
        view = VIEWS[job.request.view]
        job.due = now + max(view.seconds, job.took * (1 / view.share - 1))
        if not job.visible:
            del self.jobs[job.request]

    def _job(self, request: InsightRequest) -> _Job:
        if request not in self.jobs:
            # it must not make up for the time of the others
            spent = min((job.spent for job in self.jobs.values()), default=0.0)
            self.jobs[request] = _Job(request, spent)
        return self.jobs[request]

    def _next(self, state: RunState, paused: bool) -> _Job | None:
        now = self.clock()
        able = [job for job in self.jobs.values() if job.wants(state, now, paused)]
        return min(able, key=lambda job: (not job.asked, job.spent), default=None)


def _in_words(error: Exception) -> str:
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return "There is not enough memory for this view."
    return f"{type(error).__name__}: {error}"
