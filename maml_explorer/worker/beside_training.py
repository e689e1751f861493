"""The work beside training: the meta-test and the views of the insight, piece by piece."""

from __future__ import annotations

from collections.abc import Callable

from maml_explorer.protocol.insight import Insight
from maml_explorer.worker.insight.schedule import Schedule
from maml_explorer.worker.mailbox import Inbox, Outbox
from maml_explorer.worker.meta_test import MetaTests
from maml_explorer.worker.pin_tests import PinTests
from maml_explorer.worker.run import Run
from maml_explorer.worker.urgent import look_for


class BesideTraining:
    """Meta-test and views of the current run; their results are reported and kept with the run."""

    def __init__(self, inbox: Inbox, outbox: Outbox, clock: Callable[[], float]) -> None:
        self.outbox = outbox
        self.look = look_for(inbox)
        self.meta_test = MetaTests(clock)
        self.pins = PinTests(clock, self.meta_test.lines)
        self.insight = Schedule(clock)

    def begin(self, run: Run) -> None:
        """Starts everything again: the run or its settings changed."""
        self.meta_test.begin()
        self.insight.restart(run.plan, run.state)

    def advance_meta_test(self, run: Run, paused: bool) -> bool:
        """One piece of a meta-test where it is due; False where there is nothing to do."""
        look = self.look if run.plan.long_pieces else None
        if self.pins.due(paused):
            if pinned := self.pins.advance(look):
                self.outbox.put(pinned)
            return True
        if not self.meta_test.due(run.state, paused):
            return False
        found = self.meta_test.advance(run.number, run.plan, run.state, look, paused=paused)
        if found is not None:
            self.outbox.put(found)
        return True

    def look_inside(self, run: Run, paused: bool) -> bool:
        """One piece of the view that is most due; False where there is nothing to do."""
        if not self.insight.due(run.state, paused):
            return False
        found = self.insight.advance(run.number, run.plan, run.state, paused)
        if found is not None:
            self.outbox.put(found)
        if isinstance(found, Insight) and not found.failed:
            run.figures.take(found)
            run.insights[found.request.view, found.request.values().get("arm")] = found
        return True
