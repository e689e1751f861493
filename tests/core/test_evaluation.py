"""The meta-test protocol against a per-task loop, and its figures under divergence."""

from __future__ import annotations

import math

import pytest
import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core import meta_test, training
from maml_explorer.core.families.sine import held_out, query_grid, targets
from maml_explorer.core.paired_difference import paired_difference
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.streams import stream
from maml_explorer.core.student_t import student_t_975
from maml_explorer.settings.settings import Settings, default_arm
from tests import reference

SIZES = (1, 6, 1)


def plan_of(*algorithms: str, **values: object) -> Plan:
    settings = Settings().with_values(
        {"hidden": (6,), "precision": "float64", "activation": "tanh", "test_tasks": 120, **values}
    )
    return prepare(settings.with_arms(tuple(default_arm(a) for a in algorithms)))


@pytest.mark.parametrize("key", ["maml", "anil", "boil", "mtl"])
def test_errors_equal_a_per_task_loop(key: str) -> None:
    plan = plan_of(key, inner_lr=0.05, noise=0.2)
    name = default_arm(key).name
    theta = training.start_run(plan).arms[name].initialization
    _, errors = meta_test.run_to_end(
        meta_test.meta_test(plan, name, theta, shots=5, steps=3, task_count=120)
    )
    assert errors.shape == (4, 120)
    tasks, support = held_out(plan.settings.tasks, 120, 5, stream(0, "meta-test"), theta.dtype)
    x = query_grid(plan.settings.tasks)[:, None]
    mask = reference.part_mask(ALGORITHMS[key].test_adapts, SIZES, theta.dtype)
    for task in (0, 49, 50, 119):
        truth = targets(tasks[task : task + 1], x[None])[0]
        for k in range(4):
            phi = reference.adapt(
                theta, mask, support.x[task], support.y[task], 0.05, k, SIZES, "tanh"
            )
            expected = float((reference.predict(phi, x, SIZES, "tanh") - truth).square().mean())
            assert float(errors[k, task]) == pytest.approx(expected, rel=1e-9)


def test_the_summary_never_rewards_failing() -> None:
    errors = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, math.nan, 1e9]], dtype=torch.float64)
    record = meta_test.summarize(errors, Settings())
    assert record.mean == (2.5, None)
    assert record.ci95[0] == pytest.approx(student_t_975(3) * errors[0].std().item() / 2)
    assert record.ci95[1] is None
    assert record.mean_kept == (2.5, 1.5)
    assert record.diverged == (0, 2)
    assert record.median[1] is not None and record.median[1] >= 2.0
    worst = meta_test.summarize(torch.full((1, 4), math.inf).double(), Settings())
    assert worst.mean == (None,) and worst.median == (None,) and worst.diverged == (4,)


def test_medians_are_true_and_tasks_of_amplitude_0_have_not_diverged() -> None:
    errors = torch.tensor([[4.0, 1.0, 2.0, 3.0], [math.inf, 1.0, math.nan, 2.0]]).double()
    assert meta_test.summarize(errors, Settings()).median == (2.5, None)
    assert meta_test.summarize(errors[:, :3], Settings()).median == (2.0, None)
    flat = Settings().with_values({"amplitude_min": 0.0, "amplitude_max": 0.0})
    small = torch.tensor([[2e-5, 0.3, 1.01]]).double()
    assert meta_test.summarize(small, flat).diverged == (1,)
    assert meta_test.summarize(100 * small, Settings()).diverged == (0,)


def test_the_fine_tuning_rate_is_the_best_of_the_grid() -> None:
    plan = plan_of("mtl")
    theta = training.start_run(plan).arms["MTL"].initialization
    rates = meta_test.run_to_end(meta_test.fine_tuning_rates(plan, "MTL", theta, shots=5, steps=2))
    rate = rates[1]
    assert rate in meta_test.FINE_TUNING_GRID
    assert len(meta_test.FINE_TUNING_GRID) == 13
    assert meta_test.FINE_TUNING_GRID[0] == 1e-4
    assert meta_test.FINE_TUNING_GRID[-1] == pytest.approx(1.0)

    def error(alpha: float) -> float:
        tasks, support = held_out(plan.settings.tasks, 200, 5, stream(0, "validation"), theta.dtype)
        x = query_grid(plan.settings.tasks)[:, None]
        total = 0.0
        for t in range(200):
            phi = reference.adapt(
                theta, torch.ones_like(theta), support.x[t], support.y[t], alpha, 2, SIZES, "tanh"
            )
            truth = targets(tasks[t : t + 1], x[None])[0]
            total += float((reference.predict(phi, x, SIZES, "tanh") - truth).square().mean())
        return total / 200

    index = meta_test.FINE_TUNING_GRID.index(rate)
    near = meta_test.FINE_TUNING_GRID[max(0, index - 1) : index + 2]
    assert min(near, key=error) == rate


@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_the_final_test_fine_tunes_joint_training_alone(clip: float) -> None:
    plan = plan_of("maml", "mtl", inner_lr=0.01, inner_clip=clip)
    theta = training.start_run(plan).arms["MTL"].initialization
    steps = [0, 2, 1]
    maml = meta_test.run_to_end(meta_test.final_test(plan, "MAML", theta, 5, steps, 60))
    _, errors = meta_test.run_to_end(meta_test.meta_test(plan, "MAML", theta, 5, 2, 60))
    assert maml.fine_tuning is None
    assert torch.equal(maml.errors, errors[[0, 2, 1]])
    mtl = meta_test.run_to_end(meta_test.final_test(plan, "MTL", theta, 5, steps, 60))
    rates = meta_test.run_to_end(meta_test.fine_tuning_rates(plan, "MTL", theta, 5, 2))
    assert mtl.fine_tuning == (0.0, rates[1], rates[0])
    for row, k in enumerate(steps):
        other = plan_of("maml", inner_lr=rates[k - 1] if k else 0.01, inner_clip=clip)
        _, expected = meta_test.run_to_end(meta_test.meta_test(other, "MAML", theta, 5, 2, 60))
        torch.testing.assert_close(mtl.errors[row], expected[k])


def test_paired_differences_leave_out_what_either_lost() -> None:
    one = torch.tensor([[1.0, 2.0, 3.0, 1e9]], dtype=torch.float64)
    two = torch.tensor([[0.5, 1.0, math.nan, 1.0]], dtype=torch.float64)
    found = paired_difference(one, two, Settings())
    assert found.kept == (2,) and found.mean == (0.75,)
    assert found.ci95[0] == pytest.approx(student_t_975(1) * math.sqrt(0.125) / math.sqrt(2))


def test_meta_test_tasks_are_never_training_tasks() -> None:
    plan = plan_of("mtl")
    batch, _ = training.draw_batch(plan, training.start_run(plan))
    tasks, _ = held_out(plan.settings.tasks, 600, 2, stream(0, "meta-test"), torch.float64)
    gaps = (batch.tasks[:, None] - tasks[None]).abs().amax(2)
    assert float(gaps.min()) > 0
