"""The parts of the meta-gradient against double backward and against losses themselves."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.gradient_parts import (
    DifferenceCheck,
    GradientParts,
    difference_check,
    gradient_parts,
)
from maml_explorer.core.insight.learner import Learner, flat
from maml_explorer.core.meta_test import run_to_end
from tests import reference
from tests.core.insight import setting


def parts_of(
    learner: Learner, batch: TaskBatch, weights: tuple[float, ...] | None = None
) -> GradientParts:
    found = run_to_end(gradient_parts(learner, batch, weights))
    assert isinstance(found, GradientParts)
    return found


def judged(
    learner: Learner, batch: TaskBatch, sizes: Tensor, second_order: bool,
    weights: tuple[float, ...] | None, clip: float | None = None,
) -> Tensor:  # fmt: skip
    pairs = [setting.points(batch, t) for t in range(len(batch.tasks))]
    found, _ = reference.meta_gradient(
        learner.theta, sizes * setting.mask(learner), [s for s, _ in pairs], [q for _, q in pairs],
        learner.model.sizes, learner.model.activation, second_order, weights,
        clip=None if clip is None else (clip, setting.mask(learner)),
    )  # fmt: skip
    return found


def close(ours: Tensor, theirs: Tensor) -> None:
    assert float((ours - theirs).abs().max() / theirs.abs().max()) <= 1e-9


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
@pytest.mark.parametrize("start", [0, 1, 2])
@pytest.mark.parametrize("weights", [None, (0.0, 0.2, 0.3, 0.5)])
def test_the_parts_are_first_order_and_the_rest(
    activation: str, start: int, weights: tuple[float, ...] | None
) -> None:
    learner, batch = setting.learner(activation=activation, start=start), setting.tasks()
    parts = parts_of(learner, batch, weights)
    sizes = torch.full((3, len(learner.theta)), 0.05, dtype=torch.float64)
    whole = judged(learner, batch, sizes, True, weights)
    first = judged(learner, batch, sizes, False, weights)
    close(flat(parts.gradient, 1)[0], whole)
    close(flat([p.mean(0) for p in parts.first], 1)[0], first)
    correction = flat([p.mean(0) for p in parts.correction], 1)[0]
    assert float((correction - (whole - first)).abs().max() / whole.abs().max()) <= 1e-9
    assert float(correction.norm()) > 1e-3 * float(whole.norm())


@pytest.mark.parametrize("start", [0, 2])
def test_step_sizes_per_parameter_of_both_signs(start: int) -> None:
    learner, batch = setting.learner(start=start), setting.tasks()
    sizes = 0.1 * torch.randn(
        3, len(learner.theta), dtype=torch.float64, generator=setting.generator(7)
    )
    parts = parts_of(setting.with_sizes(learner, sizes), batch)
    close(flat(parts.gradient, 1)[0], judged(learner, batch, sizes, True, None))


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize("limit", [0.05, 1.0])
def test_clipping_is_part_of_the_correction(start: int, limit: float) -> None:
    learner, batch = setting.learner(start=start, inner_lr=0.3), setting.tasks()
    sizes = torch.full((3, len(learner.theta)), 0.3, dtype=torch.float64)
    parts = parts_of(setting.with_clip(learner, limit), batch)
    whole = judged(learner, batch, sizes, True, None, limit)
    close(flat(parts.gradient, 1)[0], whole)
    close(
        flat([p.mean(0) for p in parts.first], 1)[0],
        judged(learner, batch, sizes, False, None, limit),
    )
    free = judged(learner, batch, sizes, True, None)
    assert float((free - whole).norm()) > 1e-3 * float(whole.norm())


def test_parts_of_a_task_are_those_of_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, batch = setting.learner(start=1), setting.tasks(7)
    monkeypatch.setattr("maml_explorer.core.insight.learner.CHUNK_TASKS", 3)
    work = gradient_parts(learner, batch)
    assert list(work) == [3, 6, 7]
    together = parts_of(learner, batch)
    for task in (0, 3, 6):
        piece = slice(task, task + 1)
        one = TaskBatch(batch.tasks[piece], batch.inputs[piece], batch.y[piece], batch.shots)
        alone = parts_of(learner, one)
        close(flat([p[piece] for p in together.first], 1), flat(alone.first, 1))
        close(flat([p[piece] for p in together.correction], 1), flat(alone.correction, 1))


def test_norms_and_cosines_are_those_of_plain_vectors() -> None:
    learner, batch = setting.learner(), setting.tasks(3)
    parts = parts_of(learner, batch)
    summary = parts.summary()
    assert len(summary.norm) == 4  # three layers and the whole
    rows = list(zip(parts.first, parts.correction, strict=True))
    first = [a.mean(0).flatten() for a, _ in rows]
    second = [b.mean(0).flatten() for _, b in rows]
    for row, (a, b) in enumerate(
        [*zip(first, second, strict=True), (torch.cat(first), torch.cat(second))]
    ):
        assert float(summary.first_norm[row]) == pytest.approx(float(a.norm()), rel=1e-12)
        assert float(summary.correction_norm[row]) == pytest.approx(float(b.norm()), rel=1e-12)
        assert float(summary.norm[row]) == pytest.approx(float((a + b).norm()), rel=1e-12)
        cosine = torch.nn.functional.cosine_similarity(a, a + b, dim=0)
        assert float(summary.cosine[row]) == pytest.approx(float(cosine), rel=1e-10)
    whole = [torch.cat([(a[t] + b[t]).flatten() for a, b in rows]) for t in range(3)]
    expected = [
        float(torch.nn.functional.cosine_similarity(whole[i], whole[j], dim=0))
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    assert summary.mean_task_cosine == pytest.approx(sum(expected) / 3, rel=1e-10)
    assert float(summary.task_cosines[0, 2]) == pytest.approx(expected[1], rel=1e-10)
    alone = parts_of(learner, setting.tasks(1)).summary()
    assert alone.mean_task_cosine != alone.mean_task_cosine  # nan: there is no other task


def test_the_correction_vanishes_with_the_step_size() -> None:
    batch = setting.tasks()
    cosines = []
    for inner_lr in (0.1, 0.01, 0.001):
        summary = parts_of(setting.learner(inner_lr=inner_lr), batch).summary()
        cosines.append(float(summary.cosine[-1]))
    assert cosines[0] < cosines[1] < cosines[2] < 1
    assert 1 - cosines[2] < 1e-4


@pytest.mark.parametrize("start", [0, 2])
def test_finite_differences_side_with_second_order(start: int) -> None:
    learner, batch = setting.learner(start=start), setting.tasks()
    found = run_to_end(difference_check(learner, batch, setting.generator(3)))
    assert isinstance(found, DifferenceCheck)
    assert len(found.measured) == 8
    assert found.error < 1e-7
    assert found.first_order_error > 1e-2
    single = dataclasses.replace(learner, theta=learner.theta.float())
    again = run_to_end(difference_check(single, batch, setting.generator(3)))
    assert isinstance(again, DifferenceCheck) and again.error < 1e-7  # float64 all the same


def test_why_there_is_nothing() -> None:
    batch = setting.tasks()
    none = run_to_end(gradient_parts(setting.learner(steps=0), batch))
    assert isinstance(none, Nothing) and "no inner step" in none.reason
    body = run_to_end(gradient_parts(setting.learner(start=3), batch))
    assert isinstance(body, Nothing) and "No layer" in body.reason
    exploded = run_to_end(gradient_parts(setting.learner(steps=30, inner_lr=1e40), batch))
    assert isinstance(exploded, Nothing) and "diverged" in exploded.reason
    lost = setting.learner()
    lost.theta[3] = torch.nan
    checked = run_to_end(difference_check(lost, batch, setting.generator()))
    assert isinstance(checked, Nothing) and "not finite" in checked.reason
    empty = run_to_end(gradient_parts(setting.learner(), setting.tasks(0)))
    assert isinstance(empty, Nothing)


def test_one_layer_still_has_a_gradient() -> None:
    learner, batch = setting.learner(sizes=(1, 1)), setting.tasks()
    sizes = torch.full((3, 2), 0.05, dtype=torch.float64)
    close(flat(parts_of(learner, batch).gradient, 1)[0], judged(learner, batch, sizes, True, None))
