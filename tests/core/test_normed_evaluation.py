"""Meta-test and probe of normed networks against descent written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from maml_explorer.core.families.sine import held_out, query_grid, targets
from maml_explorer.core.families.sine_family import SINE
from maml_explorer.core.meta_test import held_out_figures, run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.core.probing import probe
from maml_explorer.core.streams import stream
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings, default_arm
from tests import reference
from tests.core.insight import setting
from tests.reference import Kind

SIZES = (1, 6, 6, 1)
TASKS, SHOTS, STEPS = 3, 4, 12
"""More inner steps than a per-step norm keeps."""
KINDS = [Kind(skip, norm) for skip in (False, True) for norm in NORMS]


def paths(theta: Tensor, x: Tensor, y: Tensor, kind: Kind) -> list[Tensor]:
    """φ_0 … φ_K of one support set, by the norm of the meta-test."""
    mask = reference.adapting_mask(SIZES, kind, theta.dtype, kind.start)
    found = [theta]
    for k in range(STEPS):

        def loss(p: Tensor, k: int = k) -> Tensor:
            return (setting.by_hand(SIZES, p, x, kind, k, theta)[1] - y).square().mean()

        found.append(found[-1] - 0.05 * mask * torch.func.grad(loss)(found[-1]))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [0, 2])
def test_the_meta_test_is_descent_by_hand(kind: Kind, start: int) -> None:
    kind = kind._replace(start=start)
    learner = setting.learner(SIZES, start=start, skip=kind.skip, norm=kind.norm)
    tasks = TaskSettings()
    errors = run_to_end(
        held_out_figures(
            learner.model, learner.theta, start, learner.step_sizes,
            SINE.held_out(Settings(), TASKS, SHOTS, "meta-test", torch.float64),
            steps=STEPS, task_count=TASKS,
        )
    )  # fmt: skip
    held, support = held_out(tasks, TASKS, SHOTS, stream(0, "meta-test"), torch.float64)
    grid = query_grid(tasks)[:, None]
    truth = targets(held, grid.expand(TASKS, -1, -1))
    for task in range(TASKS):
        for k, phi in enumerate(paths(learner.theta, support.x[task], support.y[task], kind)):
            output = setting.by_hand(SIZES, phi, grid, kind, k, learner.theta)[1]
            expected = (output - truth[task]).square().mean()
            torch.testing.assert_close(errors[k, task], expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algorithm", ["maml", "anil", "mtl"])
def test_the_probe_is_descent_by_hand(kind: Kind, algorithm: str) -> None:
    kind = kind._replace(start=2 if algorithm == "anil" else 0)
    settings = Settings().with_values(
        {
            "hidden": SIZES[1:-1], "activation": "tanh", "skip": kind.skip, "norm": kind.norm,
            "inner_lr": 0.05, "precision": "float64", "device": "cpu",
        }
    )  # fmt: skip
    plan = prepare(settings.with_arms((default_arm(algorithm),)))
    theta = setting.learner(SIZES, skip=kind.skip, norm=kind.norm).theta
    x = torch.linspace(-4, 4, 7, dtype=torch.float64)
    support_x = torch.linspace(-2, 1, SHOTS, dtype=torch.float64)
    support_y = torch.cos(support_x)
    seen = probe(plan, next(iter(plan.arms)), theta, support_x[None], support_y[None], x, STEPS)
    for k, phi in enumerate(paths(theta, support_x[:, None], support_y[:, None], kind)):
        for ours, at in ((seen.predictions, x), (seen.support, support_x)):
            expected = setting.by_hand(SIZES, phi, at[:, None], kind, k, theta)[1][:, 0]
            torch.testing.assert_close(ours[k, 0], expected, rtol=1e-8, atol=1e-10)
    nothing = torch.zeros(1, 0, dtype=torch.float64)
    still = probe(plan, next(iter(plan.arms)), theta, nothing, nothing, x, STEPS)
    assert torch.isfinite(still.predictions).all()
    torch.testing.assert_close(still.predictions[0], seen.predictions[0])
