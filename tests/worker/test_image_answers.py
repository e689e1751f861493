"""Tasks of images that the window shows: their pictures, and what arms make of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import RunState, start_run
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.protocol.images import (
    ClassReferences,
    Example,
    ImagesProbed,
    ImagesWatched,
    ImageTask,
    WatchImages,
)
from maml_explorer.protocol.insight import NothingToShow, ViewName
from maml_explorer.protocol.insight_records.embedding import EmbeddingSeen
from maml_explorer.protocol.insight_records.landscape import LandscapeSeen
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.worker.image_answers import answer_images, made, nearest
from maml_explorer.worker.insight import VIEWS
from tests.worker.driving import Driver

SUPPORT = tuple(Example(way, way, nth) for nth in range(2) for way in range(3))
QUERY = tuple(Example(way, way, 5) for way in range(3))
TASK = ImageTask(3, 4, SUPPORT, QUERY)


def settings(**values: object) -> Settings:
    return (
        Settings()
        .with_arms((default_arm("maml"), default_arm("anil")))
        .with_values(
            {
                "family": "glyphs", "ways": 3, "shots": 2, "query_points": 2, "side": 8,
                "hidden": (16, 8), "meta_batch": 2, "test_tasks": 10, "test_steps": 3,
                "inner_lr": 0.4, "norm": "batch", **values,
            }
        )
    )  # fmt: skip


def asked(task: ImageTask, state: RunState | None = None, **values: object) -> ImagesProbed:
    plan = prepare(settings(**values))
    return answer_images(1, plan, start_run(plan) if state is None else state, task)


def test_pictures_follow_from_seeds_and_strokes_alone() -> None:
    line = (((0.1, 0.5), (0.9, 0.5)),)
    task = dataclasses.replace(TASK, query=(*QUERY, Example(None, strokes=line)))
    one, two = (made(settings(), task) for _ in range(2))
    assert np.array_equal(one.images, two.images)
    assert len(one.images) == 6 + 4 and one.label[-1] == -1
    # a level stroke: ink in the two middle rows, none at the upper edge
    drawn = one.images[-1].astype(int)
    assert drawn[3:5].sum() > 0.8 * drawn.sum() and drawn[0].sum() == 0
    other = made(settings(), dataclasses.replace(task, drawings=9))
    assert other.names == one.names
    assert not np.array_equal(other.images[:6], one.images[:6])
    assert made(settings(), dataclasses.replace(task, seed=5)).names != one.names


def test_probabilities_are_what_the_network_gives() -> None:
    found = asked(TASK)
    plan = prepare(settings())
    state = start_run(plan)
    these = made(plan.settings, TASK)
    theta = state.arms["MAML"].initialization
    output = plan.model.forward(
        plan.model.layers(theta), these.inputs[None].to(theta), shots=6
    ).output[0, 6:]
    expected = torch.softmax(output.double(), 1)
    arm = found.arms["MAML"]
    assert arm.probability.shape == (4, 3, 3)
    assert np.allclose(arm.probability[0], expected.numpy(), atol=1e-6)
    assert np.allclose(arm.probability.sum(2), 1)
    assert arm.support_loss[3] < 0.5 * arm.support_loss[0]
    right = (arm.probability[3].argmax(1) == np.arange(3)).mean()
    assert arm.accuracy[3] == pytest.approx(right)


def test_permuting_classes_permutes_what_the_adapted_steps_are_told() -> None:
    turned = dataclasses.replace(
        TASK, support=tuple(dataclasses.replace(one, label=(one.way + 1) % 3) for one in SUPPORT)
    )
    before, after = nearest(made(settings(), TASK)), nearest(made(settings(), turned))
    assert after == tuple((label + 1) % 3 for label in before)


def test_one_query_at_a_time_sees_no_other() -> None:
    alone = dataclasses.replace(TASK, together=False)
    fewer = dataclasses.replace(alone, query=QUERY[:1])
    whole, part = asked(alone).arms["ANIL"], asked(fewer).arms["ANIL"]
    assert np.allclose(whole.probability[:, 0], part.probability[:, 0], atol=1e-6)
    both = asked(TASK).arms["ANIL"].probability
    assert not np.allclose(both[:, 0], whole.probability[:, 0], atol=1e-3)
    # without batch norm there is nothing to tell apart
    plain = [asked(one, norm="layer").arms["MAML"].probability for one in (TASK, alone)]
    assert np.array_equal(*plain)


def test_a_query_of_no_known_class_counts_for_nothing() -> None:
    unknown = dataclasses.replace(TASK, query=(Example(None, 0, 5), *QUERY[1:]))
    known = asked(TASK).arms["MAML"]
    some = asked(unknown).arms["MAML"]
    right = known.probability[3].argmax(1) == np.arange(3)
    assert some.accuracy[3] == pytest.approx(right[1:].mean())
    nobody = dataclasses.replace(TASK, query=(Example(None, 0, 5),))
    assert np.isnan(asked(nobody).arms["MAML"].accuracy).all()


def test_the_worker_answers_trains_steps_and_tests_images() -> None:
    driver = Driver(settings())
    (reference,) = driver.reports(ClassReferences)
    assert reference.loss == pytest.approx(np.log(3)) and reference.accuracy == 1 / 3
    driver.tell(TASK, WatchImages((TASK, dataclasses.replace(TASK, seed=8))))
    found = driver.outbox.collect()
    assert [one.probe for one in found if isinstance(one, ImagesProbed)] == [TASK]
    (watched,) = [one for one in found if isinstance(one, ImagesWatched)]
    assert len(watched.tasks) == 2
    driver.train_to(3)
    driver.tell(commands.TakeInnerStep())
    reports = driver.outbox.collect()
    assert not [one.details for one in reports if isinstance(one, m.Failed)]
    (stepped,) = [one for one in reports if isinstance(one, m.Stepped)]
    assert isinstance(stepped.probed, ImagesProbed)
    assert stepped.probed.images.shape == (3 * (2 + 2), 8, 8)
    driver.tell(commands.Pause())
    driver.work(400)
    (test,) = driver.reports(m.MetaTested)[-1:]
    assert isinstance(test, m.MetaTested)
    assert test.arms.keys() == test.seen.keys() == {"MAML", "ANIL"}
    assert test.neighbour is not None and 1 / 3 < test.neighbour < 1
    # the guess before adapting is chance, whatever the classes
    assert test.seen["MAML"].mean[0] == pytest.approx(1 / 3, abs=0.1)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (dataclasses.replace(TASK, support=(Example(None),)), "Every support image has a class"),
        (
            dataclasses.replace(TASK, query=(Example(0, strokes=(((0.5, 1.5),),)),)),
            "Strokes are lines in the unit square",
        ),
        (dataclasses.replace(TASK, query=QUERY * 200), "at most 500 images"),
    ],
)
def test_a_damaged_task_is_refused_in_a_sentence(task: ImageTask, words: str) -> None:
    driver = Driver(settings())
    driver.tell(TASK)
    driver.outbox.collect()
    driver.tell(task)
    (refused,) = driver.reports(m.Refused)
    assert isinstance(refused, m.Refused)
    assert words in refused.reason and "the task shown is kept" in refused.reason
    assert driver.loop.live.probe is TASK


def test_a_task_of_the_other_family_is_passed_over() -> None:
    driver = Driver(settings())
    driver.outbox.collect()
    driver.tell(commands.ProbeTask(np.zeros(1), np.ones(1), 1.0, 0.0))
    assert not driver.outbox.collect()
    curves = Driver(Settings().with_values({"hidden": (8,), "test_tasks": 5}))
    curves.outbox.collect()
    curves.tell(TASK)
    assert not curves.outbox.collect()


def test_views_that_images_lack_say_why() -> None:
    plan = prepare(settings())
    state = start_run(plan)
    for name in (ViewName.ERROR_MAP, ViewName.LAYER, ViewName.PARAMETER_MAP):
        found = run_to_end(VIEWS[name].begin(plan, state, {"arm": "MAML"}))
        assert isinstance(found, NothingToShow), name
        assert found.reason.endswith(".")


def test_a_curve_that_was_shown_before_does_not_reach_the_views_of_images() -> None:
    plan = prepare(settings())
    options = {"arm": "MAML", "x": (0.0, 1.0), "y": (1.0, 2.0), "amplitude": 1.0, "phase": 0.0}
    found = run_to_end(VIEWS[ViewName.LANDSCAPE].begin(plan, start_run(plan), options))
    assert isinstance(found, LandscapeSeen)
    assert not found.shown


def test_the_embedding_is_of_the_classes_that_are_shown() -> None:
    plan = prepare(settings())
    state = start_run(plan)
    options = {"arm": "MAML", "steps": 2, "seed": 5, "drawings": 6, "unseen": False}
    found = run_to_end(VIEWS[ViewName.EMBEDDING].begin(plan, state, options))
    assert isinstance(found, EmbeddingSeen)
    count = 3 * 2 + 3 * 18  # all drawings of three classes, two of them as support
    assert found.points.shape == (3, count, 2) and found.images.shape == (count, 8, 8)
    assert found.shots == 6 and found.label[:6] == (0, 1, 2, 0, 1, 2)
    task = ImageTask(5, 6, tuple(Example(way, way, 0) for way in range(3)), (), unseen=False)
    these = made(plan.settings, task)
    np.testing.assert_array_equal(found.images[:3], these.images)
    assert found.names == these.names
    assert set(found.told.flatten()) <= {0.0, 1.0, 2.0}
    assert list(found.figures()) == ["between classes before", "between classes after"]
    curves = prepare(Settings())
    nothing = run_to_end(VIEWS[ViewName.EMBEDDING].begin(curves, start_run(curves), {}))
    assert isinstance(nothing, NothingToShow)
