"""Meta-tests of pinned states: of all tasks, whatever the run does since."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator

from maml_explorer.core.replay.interruption import Interrupted, Look, interruptible
from maml_explorer.protocol.reports import MetaTested, PinTested
from maml_explorer.worker.bayes_error import Key, Line
from maml_explorer.worker.meta_test import FIRST_SHARE, meta_test_all
from maml_explorer.worker.run import Run

_Work = Generator[object, None, MetaTested]


class PinTests:
    """One after the other; users wait for them, so they may take as much time as first results.

    Args:
        clock: seconds.
        lines: Bayes errors that are known, shared with the meta-test of the run.
    """

    def __init__(self, clock: Callable[[], float], lines: dict[Key, Line]) -> None:
        self._clock, self._lines = clock, lines
        self._waiting: deque[tuple[str, Callable[[], _Work]]] = deque()
        self._work: _Work | None = None
        self._next_piece = 0.0

    def ask(self, folder: str, run: Run) -> None:
        """Has the state that `run` is in now tested; it is the one pinned into `folder`."""
        number, plan, state = run.number, run.plan, run.state
        self._waiting.append(
            (folder, lambda: meta_test_all(number, plan, state, self._lines, estimate=False))
        )

    def cancel(self) -> None:
        """Forgets them all."""
        self._waiting.clear()
        self._work = None

    def due(self, paused: bool) -> bool:
        """True where a piece of work may be done now."""
        return bool(self._waiting) and (paused or self._clock() >= self._next_piece)

    def advance(self, look: Look | None = None) -> PinTested | None:
        """One piece; a report where it was the last of a state. `look` may end it."""
        begin, (folder, started) = self._clock(), self._waiting[0]
        found = None
        self._work = self._work or started()
        try:
            with interruptible(look):
                next(self._work)
        except StopIteration as end:
            found = PinTested(folder, end.value)
            self._work = None
            self._waiting.popleft()
        except Interrupted:
            self._work = None
        now = self._clock()
        self._next_piece = now + (now - begin) * (1 / FIRST_SHARE - 1)
        return found
