"""Norms together with the tricks of training: the outer gradient against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from maml_explorer.core import training
from maml_explorer.core.outer_gradient import OuterGradient, outer_gradient
from maml_explorer.core.plan import prepare
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings, default_arm
from tests import reference
from tests.reference import Kind

TRICKS = {
    "clipped": ("maml", {"inner_clip": 0.5}),
    "Meta-SGD": ("meta_sgd", {}),
    "a rate per layer and step": ("anil", {"lslr": True}),
    "rates of the body": ("boil", {"lslr": True}),
}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("norm", NORMS)
def test_the_outer_gradient_is_the_slope_of_the_outer_loss(norm: str, trick: str) -> None:
    algorithm, values = TRICKS[trick]
    settings = Settings().with_values(
        {
            "norm": norm, "skip": True, "hidden": (4, 4), "activation": "tanh", "inner_steps": 2,
            "inner_lr": 0.1, "meta_batch": 3, "precision": "float64", "device": "cpu", **values,
        }
    )  # fmt: skip
    plan = prepare(settings.with_arms((default_arm(algorithm),)))
    state = training.start_run(plan)
    state, _ = training.outer_step(plan, state)
    name, learned = next(iter(state.arms.items()))
    arm = plan.arms[name]
    batch, _ = training.draw_batch(plan, state)
    now = arm.in_force(state.outer_step)

    def at(theta: Tensor) -> OuterGradient:
        varying = arm.varying(plan, now)
        return outer_gradient(arm.shape(plan, 3, now), theta, batch.inputs, batch.y, *varying)

    theta = learned.initialization
    mask = torch.ones_like(theta)
    trained = reference.trained_mask((1, 4, 4, 1), Kind(True, norm), theta.dtype)
    mask[: len(trained)] = trained
    found = at(theta).gradient
    assert torch.equal(found * (1 - mask), torch.zeros_like(found))
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        way = mask * torch.randn(len(theta), dtype=theta.dtype, generator=generator)
        ends = [float(at(theta + h * way).losses[1]) for h in (1e-5, -1e-5)]
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float(found @ way), rel=1e-6, abs=1e-8)
