"""An outer step shown piece by piece before it is committed.

The whole step is computed first and kept aside; each press shows the next phase on the first task
of its meta-batch; the last press commits what was computed, so stepping by hand equals full speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maml_explorer.core import training
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import Losses, RunState
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.images import ImagesProbed
from maml_explorer.protocol.reports import Probed, Stepped, StepPhase
from maml_explorer.protocol.streams import StreamProbed
from maml_explorer.worker.answers import answer_probe, frozen_array
from maml_explorer.worker.image_answers import answer_images, made_of_batch
from maml_explorer.worker.stream_answers import answer_drawn


@dataclass(slots=True)
class Pending:
    """An outer step that is computed, not committed."""

    run: int
    state: RunState
    """After the step."""
    losses: dict[str, Losses]
    probed: Probed | ImagesProbed | StreamProbed
    inner_steps: dict[str, int]
    shown: int = -1
    """Presses so far, minus one: 0 sample, 1 … K adapt, K + 1 query, K + 2 update."""

    @staticmethod
    def begin(
        run: int, plan: Plan, before: RunState, state: RunState, losses: dict[str, Losses]
    ) -> Pending:
        """The step from `before` to `state`, seen on the first task of its meta-batch."""
        batch, _ = training.draw_batch(plan, before)
        steps = {name: arm.inner.steps for name, arm in plan.arms.items()}
        if plan.settings.family.images:
            images, these = made_of_batch(batch, plan.settings.images.side)
            answer = answer_images(
                run, plan, before, images, these, steps, training_inner_loop=True
            )
            return Pending(run, state, losses, answer, steps)
        if plan.settings.family.stream:
            return Pending(run, state, losses, answer_drawn(run, plan, before, batch), steps)
        truth: dict[str, Any] = {}
        if plan.settings.family.curve is not None:
            truth = {"numbers": tuple(batch.tasks[0].tolist())}
        if plan.settings.tasks.family == "sine":
            names = ("amplitude", "phase", "frequency")
            truth = dict(zip(names, batch.tasks[0].tolist(), strict=True))
        task = ProbeTask(
            support_x=frozen_array(batch.support.x[0, :, 0]),
            support_y=frozen_array(batch.support.y[0, :, 0]),
            query_x=frozen_array(batch.query.x[0, :, 0]),
            **truth,
        )
        probed = answer_probe(run, plan, before, task, steps, training_inner_loop=True)
        return Pending(run, state, losses, probed, steps)

    @property
    def most(self) -> int:
        """Inner steps of the arm that takes most."""
        return max(self.inner_steps.values())

    @property
    def presses(self) -> int:
        """Presses of a whole outer step."""
        return self.most + 3

    def press(self) -> Stepped:
        """Shows the next phase."""
        self.shown += 1
        k = min(self.shown, self.most)
        if self.shown == 0:
            phase = StepPhase.SAMPLE
        elif self.shown <= self.most:
            phase = StepPhase.ADAPT
        else:
            phase = StepPhase.QUERY if self.shown == self.most + 1 else StepPhase.UPDATE
        return Stepped(
            run=self.run,
            outer_step=self.state.outer_step,
            inner_step=k,
            inner_steps=self.most,
            phase=phase,
            probe=self.probed.probe,
            shown_step={name: min(k, steps) for name, steps in self.inner_steps.items()},
            probed=self.probed,
        )
