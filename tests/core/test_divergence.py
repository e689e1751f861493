"""One rule of divergence: what it measures, and that everyone who trains judges by it."""

from __future__ import annotations

import math

import pytest
import torch

from maml_explorer.core.divergence import EXPLODING, loss_limit
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_arm
from maml_explorer.experiments.training import train_headless
from maml_explorer.protocol import reports
from maml_explorer.settings.settings import Arm, Settings
from tests import reference
from tests.worker.driving import Driver, small_settings


def expected_loss(settings: Settings, name: str) -> float:
    """Of θ_0 on noisy targets, by a million tasks and points."""
    generator = torch.Generator().manual_seed(1)
    tasks, count = settings.tasks, 1_000_000

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)

    x = uniform(tasks.x_min, tasks.x_max)
    y = uniform(tasks.amplitude_min, tasks.amplitude_max) * torch.sin(
        x - uniform(tasks.phase_min, tasks.phase_max)
    )
    theta = start_arm(prepare(settings), name).initialization.double()
    curve = reference.predict(theta, x[:, None], (1, *settings.model.hidden, 1), "relu")[:, 0]
    of_0 = float(y.square().mean())
    return max(float((curve - y).square().mean()), of_0) + tasks.noise**2


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"noise": 2.0},
        {"amplitude_min": 0.1, "amplitude_max": 0.3},
        {"x_min": -50.0, "x_max": 50.0, "phase_min": -2.0, "phase_max": 1.0},
    ],
)
def test_the_limit_is_a_multiple_of_the_expected_loss(values: dict[str, object]) -> None:
    settings = small_settings("maml", initialization="pytorch", **values)
    limit = loss_limit(prepare(settings), "MAML")
    # the grid has 100 points, and the tasks are drawn
    assert limit == pytest.approx(EXPLODING * expected_loss(settings, "MAML"), rel=0.03)


def test_tasks_of_nothing_have_a_limit() -> None:
    settings = small_settings(
        "maml", initialization="truncated-normal", amplitude_min=0.0, amplitude_max=0.0
    )
    assert 0 < loss_limit(prepare(settings), "MAML") <= 0.01


@pytest.mark.parametrize(
    "values",
    [
        {"outer_lr": 30.0, "optimizer": "sgd"},
        {"outer_lr": 2.0, "optimizer": "sgd", "noise": 3.0, "inner_lr": 0.3},
        {"amplitude_min": 0.1, "amplitude_max": 0.1, "outer_lr": 20.0, "optimizer": "sgd"},
    ],
)
def test_the_window_and_the_command_line_judge_alike(values: dict[str, object]) -> None:
    settings = small_settings("maml", outer_steps=120, **values)
    settings = settings.with_arms((*settings.arms, Arm("hot", "maml", (("inner_lr", 30.0),))))
    driver = Driver(settings)
    driver.train_to(120)
    seen = {
        d.arm: d.outer_step
        for d in driver.reports(reports.Diverged)
        if isinstance(d, reports.Diverged)
    }
    reasons = {
        name: arm.diverged for name, arm in train_headless(settings, (0,)).results[0].items()
    }
    assert {name for name, reason in reasons.items() if reason} == set(seen) != set()
    for name, step in seen.items():
        assert reasons[name].startswith(f"{name} diverged at outer step {step}:")
        assert math.isfinite(loss_limit(prepare(settings), name))
