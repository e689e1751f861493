"""Corners of the thread contract: what meets what, and nothing is lost or taken for good."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.plan import intra_op_threads, prepare
from maml_explorer.core.sizing import CHUNK_FLOATS
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.worker.mailbox import Outbox
from tests import reference
from tests.worker.driving import Clock, Driver, small_settings


def with_wild(settings: Settings) -> Settings:
    return settings.with_arms((*settings.arms, Arm("Wild", "maml", (("inner_lr", 50.0),))))


@pytest.mark.parametrize(
    "change", [{"query_points": 15}, {"shots": 3}, {"meta_batch": 7}, {"inner_steps": 2}]
)
def test_every_size_may_change_in_mid_run(change: dict[str, object]) -> None:
    settings = small_settings()
    driver = Driver(settings)
    driver.train_to(3)
    driver.tell(commands.Change(settings.with_values(change)))
    driver.train_to(6)
    driver.tell(commands.Change(settings))
    driver.train_to(8)
    assert driver.step == 8
    assert not driver.reports(m.Failed)


def test_presses_that_queue_up_are_all_taken() -> None:
    driver = Driver(small_settings("maml", inner_steps=1))
    for _ in range(3):
        driver.inbox.post(commands.TakeOuterStep())
    driver.tell()
    assert driver.step == 3
    for _ in range(4):
        driver.inbox.post(commands.TakeInnerStep())
    driver.tell()
    assert driver.step == 4


def test_the_good_state_of_an_arm_moves_on_beside_a_frozen_one() -> None:
    settings = with_wild(small_settings("maml", "mtl"))
    driver = Driver(settings)
    driver.train_to(600)
    assert driver.run.state.arms["Wild"].frozen
    assert driver.run.good.of_arm["MTL"].outer_step > 400
    assert driver.run.good.whole is not None and driver.run.good.whole.outer_step < 200


@pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan])
def test_moments_that_are_not_finite_are_not_good(value: float) -> None:
    driver = Driver(small_settings("maml", "mtl"))
    driver.train_to(70)
    state = driver.run.state
    assert state is not None
    broken = dataclasses.replace(
        state.arms["MAML"],
        moments=(
            state.arms["MAML"].moments[0],
            state.arms["MAML"].moments[1].clone(),
        ),
    )
    broken.moments[1][7] = value
    driver.run.state = dataclasses.replace(state, arms={**state.arms, "MAML": broken})
    driver.train_to(72)
    kept = driver.run.state.arms["MAML"]
    assert kept.frozen and all(bool(torch.isfinite(one).all()) for one in kept.moments)


def test_a_state_before_a_divergence_is_no_candidate() -> None:
    driver = Driver(small_settings("maml", "mtl"))
    driver.train_to(70)
    state = driver.run.state
    assert state is not None
    huge = dataclasses.replace(
        state.arms["MAML"], initialization=state.arms["MAML"].initialization * 1e4
    )
    driver.run.state = dataclasses.replace(state, arms={**state.arms, "MAML": huge})
    driver.train_to(140)
    assert driver.run.state.arms["MAML"].frozen
    driver.tell(commands.ReviveArm("MAML"))
    driver.train_to(300)
    for known in (driver.run.good.whole, driver.run.good.of_arm["MAML"]):
        assert known is not None
        assert float(known.arms["MAML"].initialization.abs().max()) < 100


def test_reviving_drops_the_step_begun_by_hand() -> None:
    driver = Driver(with_wild(small_settings("maml")))
    driver.train_to(100)
    driver.tell(commands.TakeInnerStep())
    assert driver.loop.trainer.pending is not None
    driver.tell(commands.ReviveArm("Wild"))
    assert driver.loop.trainer.pending is None and driver.loop.trainer.phase is m.Phase.PAUSED
    assert not driver.run.state.arms["Wild"].frozen


def test_going_back_keeps_what_was_before() -> None:
    settings = small_settings("maml", "mtl")
    driver = Driver(settings)
    driver.train_to(300)
    driver.tell(commands.BackToLastGood())
    reports = driver.outbox.collect()
    (rewound,) = [r for r in reports if isinstance(r, m.Rewound)]
    blocks = [r for r in reports if isinstance(r, m.Metrics)]
    steps = np.concatenate([block.outer_step for block in blocks])
    assert steps.tolist() == list(range(1, rewound.outer_step + 1))
    per_step = driver.run.plan.arms["MAML"].gradient_evaluations(np.int64(1))  # type: ignore[union-attr]
    assert driver.run.totals.gradient_evaluations["MAML"] == per_step * rewound.outer_step


@pytest.mark.parametrize(
    "values",
    [
        {"amplitude_min": 0.1, "amplitude_max": 0.1, "x_min": -50.0, "x_max": 50.0},
        {"amplitude_min": 0.0, "amplitude_max": 0.0},
        {"amplitude_min": 0.01, "amplitude_max": 0.02, "noise": 10.0},
    ],
)
@pytest.mark.parametrize("initialization", ["he", "pytorch"])
def test_small_tasks_and_large_beginnings_are_no_divergence(
    values: dict[str, object], initialization: str
) -> None:
    # a step so small that whatever is large was so from the beginning
    driver = Driver(small_settings("mtl", initialization=initialization, outer_lr=1e-6, **values))
    driver.train_to(40)
    assert not driver.reports(m.Diverged)


def test_nothing_is_trained_where_all_arms_are_frozen() -> None:
    settings = small_settings("mtl")
    driver = Driver(with_wild(settings))
    driver.train_to(100)
    wild = settings.with_arms((Arm("Wild", "maml", (("inner_lr", 50.0),)),))
    driver.tell(commands.Train(), commands.Change(wild))
    assert driver.loop.trainer.phase is m.Phase.PAUSED
    step = driver.step
    for command in (commands.TakeOuterStep(), commands.TakeInnerStep(), commands.Train()):
        driver.outbox.collect()
        driver.tell(command)
        (refused,) = driver.reports(m.Refused)
        assert isinstance(refused, m.Refused) and "All arms have diverged" in refused.reason
    assert driver.step == step


def test_going_past_the_end_ends_with_going_back() -> None:
    settings = small_settings("mtl", outer_steps=100)
    driver = Driver(settings)
    driver.train_to(500)
    assert driver.step == 100
    driver.tell(commands.TakeOuterStep(), commands.Train())
    assert (driver.step, driver.loop.trainer.phase) == (101, m.Phase.FINISHED)
    driver.tell(commands.BackToLastGood())
    driver.train_to(500)
    assert driver.step == 100
    driver.tell(commands.Train(beyond=True))
    driver.work(20)
    assert driver.step > 100
    driver.tell(commands.Pause(), commands.Change(settings.with_values({"outer_steps": 300})))
    driver.train_to(500)
    assert driver.step == 300


def test_reptile_shows_the_minibatches_it_trains_on() -> None:
    settings = small_settings(
        "reptile", inner_lr=0.05, reptile_batch=4, reptile_inner_steps=3, precision="float64"
    )
    driver = Driver(settings)
    theta = driver.theta("Reptile")
    driver.tell(commands.TakeInnerStep())
    (stepped,) = driver.reports(m.Stepped)
    assert isinstance(stepped, m.Stepped)
    x, y = (torch.tensor(v)[:, None] for v in (stepped.probe.support_x, stepped.probe.support_y))
    phi = theta
    for begin, end in ((0, 4), (4, 8), (8, 10)):
        phi = reference.adapt(
            phi, torch.ones_like(phi), x[begin:end], y[begin:end], 0.05, 1, (1, 8, 8, 1), "relu"
        )
    assert stepped.probe.query_x is not None
    expected = reference.predict(
        phi, torch.tensor(stepped.probe.query_x)[:, None], (1, 8, 8, 1), "relu"
    )
    shown = stepped.probed.arms["Reptile"].query_prediction[3]
    np.testing.assert_allclose(shown, expected[:, 0], rtol=1e-9)


def test_threads_do_not_depend_on_which_arms_run() -> None:
    large = Settings().with_values({"meta_batch": 1000, "inner_steps": 3, "device": "cpu"})
    counts = {
        intra_op_threads(prepare(large.with_arms(tuple(default_arm(k) for k in keys))))
        for keys in (("maml",), ("mtl",), ("maml", "mtl"))
    }
    assert len(counts) == 1 and CHUNK_FLOATS > 0


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_limit_of_nothing_is_refused(rate: float) -> None:
    driver = Driver(small_settings("mtl"))
    driver.outbox.collect()
    driver.tell(commands.LimitSpeed(rate))
    (refused,) = driver.reports(m.Refused)
    assert isinstance(refused, m.Refused) and "above 0" in refused.reason
    assert driver.loop.trainer.limit is None


def test_points_that_are_not_finite_are_refused_and_do_not_come_again() -> None:
    driver = Driver(small_settings("mtl"))
    good = commands.ProbeTask(np.array([1.0]), np.array([1.0]), 1.0, 0.0)
    driver.tell(good)
    driver.outbox.collect()
    driver.tell(commands.ProbeTask(np.array([np.inf]), np.array([1.0]), 1.0, 0.0))
    (refused,) = driver.reports(m.Refused)
    assert isinstance(refused, m.Refused) and "finite" in refused.reason
    assert driver.loop.live.probe is good


def test_the_meta_test_goes_on_under_a_speed_limit() -> None:
    clock = Clock()
    driver = Driver(small_settings("mtl"), clock)
    driver.outbox.collect()
    driver.inbox.wait = lambda timeout: None  # type: ignore[method-assign]
    driver.tell(commands.LimitSpeed(0.1), commands.Train())
    for _ in range(10):
        clock.now += 0.1
        driver.work(1)
    assert driver.step <= 1
    assert driver.reports(m.MetaTested)


def test_metrics_keep_their_order_when_arms_come_and_go() -> None:
    outbox = Outbox()
    for first, arms in ((1, ("A",)), (11, ("A", "B")), (21, ("A",))):
        table = np.zeros((len(arms), 10))
        steps = np.arange(first, first + 10)
        outbox.put(m.Metrics(1, arms, steps, table, table, table, table.astype(np.int64)))
    blocks = [r for r in outbox.collect() if isinstance(r, m.Metrics)]
    assert [int(block.outer_step[0]) for block in blocks] == [1, 11, 21]


def test_the_committed_steps_before_a_failure_are_kept() -> None:
    driver = Driver(small_settings("mtl"))
    driver.tell(commands.Train())
    driver.work(10)
    driver.loop.fail(RuntimeError("planted"))
    blocks = [r for r in driver.outbox.collect() if isinstance(r, m.Metrics)]
    assert sum(len(block.outer_step) for block in blocks) == driver.step
    driver.tell(commands.Train())
    assert driver.loop.beside.meta_test.enabled


def test_full_losses_follow_the_minibatches_of_training() -> None:
    settings = small_settings("reptile", reptile_batch=3, inner_lr=0.05, precision="float64")
    plan = prepare(settings)
    state = training.start_run(plan)
    batch, _ = training.draw_batch(plan, state)
    theta = state.arms["Reptile"].initialization
    total = 0.0
    for x, y in zip(batch.support.x, batch.support.y, strict=True):
        phi, begin = theta, 0
        for _ in range(5):
            end = min(begin + 3, 10)
            phi = reference.adapt(
                phi, torch.ones_like(phi), x[begin:end], y[begin:end], 0.05, 1, (1, 8, 8, 1), "relu"
            )
            begin = end % 10
        total += float(reference.loss(phi, x, y, (1, 8, 8, 1), "relu")) / 3
    after, _ = training.full_losses(plan, state, "Reptile", batch)
    assert after == pytest.approx(total, rel=1e-9)
