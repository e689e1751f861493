"""The embedding of a task: fixed axes, points of the last hidden layer, parted classes."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.embedding import Embedding, embedding
from maml_explorer.core.insight.empty_view import NO_INNER_STEP, NOT_FINITE
from maml_explorer.core.insight.features import activations
from maml_explorer.core.insight.learner import Learner, meta_test_learner
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.worker.insight.shared import some_tasks


def made(algorithm: str, norm: str = "none", trained: int = 0) -> tuple[Learner, TaskBatch]:
    settings = Settings().with_values(
        {
            "family": "glyphs", "ways": 3, "shots": 2, "query_points": 2, "side": 8, "norm": norm,
            "hidden": (12, 7), "meta_batch": 2, "inner_lr": 0.3, "precision": "float64",
            "device": "cpu",
        }
    )  # fmt: skip
    plan = prepare(settings.with_arms((default_arm(algorithm),)))
    state = start_run(plan)
    for _ in range(trained):
        state, _ = outer_step(plan, state)
    (name,) = state.arms
    learner = meta_test_learner(plan, name, state.arms[name].initialization, 3)
    return learner, some_tasks(plan, 1, learner.theta)


def found(learner: Learner, batch: TaskBatch) -> Embedding:
    one = embedding(learner, batch)
    assert isinstance(one, Embedding)
    return one


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_points_are_the_last_hidden_layer_in_one_plane(norm: str) -> None:
    learner, batch = made("maml", norm)
    seen = found(learner, batch)
    hidden = []
    for step, tail in enumerate(learner.path(batch).parameters):
        sets = (batch.inputs[:, : batch.shots], batch.inputs[:, batch.shots :])
        hidden.append(
            torch.cat([activations(learner.model, list(tail), x, step)[-2][0] for x in sets])
        )
    whole = torch.stack(hidden)
    assert seen.points.shape == (4, batch.inputs.shape[1], 2)
    # a rotation and a projection: no distance grows, and the plane holds the most there is
    flat = whole.reshape(-1, whole.shape[-1])
    singular = torch.linalg.svdvals(flat - flat.mean(0)).square()
    assert seen.part == pytest.approx(float(singular[:2].sum() / singular.sum()))
    apart = torch.pdist(flat), torch.pdist(seen.points.reshape(-1, 2))
    assert (apart[1] <= apart[0] + 1e-9).all()
    assert torch.allclose(seen.points.reshape(-1, 2).mean(0), torch.zeros(2).double(), atol=1e-9)


def test_a_frozen_body_moves_no_image() -> None:
    seen = found(*made("anil"))
    assert torch.allclose(seen.points, seen.points[:1].expand_as(seen.points))
    assert not torch.equal(seen.output[0], seen.output[3])
    moved = found(*made("maml"))
    assert not torch.allclose(moved.points[0], moved.points[3])


def test_the_part_between_classes_is_that_of_their_means() -> None:
    learner, batch = made("maml", trained=3)
    seen = found(learner, batch)
    y, x = batch.y[0, batch.shots :], batch.inputs[:, batch.shots :]
    points = activations(learner.model, learner.layers, x)[-2][0]
    means = torch.stack([points[y[:, way] == 1].mean(0) for way in range(3)])
    between = (y @ means - points.mean(0)).square().sum() / (points - points.mean(0)).square().sum()
    assert float(seen.apart[0]) == pytest.approx(float(between))
    assert ((seen.apart >= 0) & (seen.apart <= 1)).all()


def test_a_layer_of_one_unit_lies_on_a_line() -> None:
    _, batch = made("maml")
    narrow = Settings().with_values(
        {"family": "glyphs", "ways": 3, "shots": 2, "query_points": 2, "side": 8, "hidden": (1,),
         "device": "cpu"}
    )  # fmt: skip
    plan = prepare(narrow.with_arms((default_arm("maml"),)))
    theta = start_run(plan).arms["MAML"].initialization
    seen = found(meta_test_learner(plan, "MAML", theta, 2), batch)
    assert seen.part == pytest.approx(1.0) and (seen.points[..., 1] == 0).all()


def test_nothing_to_show_is_said() -> None:
    learner, batch = made("maml")
    assert embedding(dataclasses.replace(learner, steps=0), batch) is NO_INNER_STEP
    spoiled = dataclasses.replace(learner, theta=learner.theta * torch.nan)
    assert embedding(spoiled, batch) is NOT_FINITE
