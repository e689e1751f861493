"""The worker takes several outer steps in one go, and nobody sees a difference but the speed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from maml_explorer.core import training
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.settings.settings import Arm
from maml_explorer.worker.divergence import past_events
from tests.core.kernels.cases import several
from tests.worker.driving import Clock, Driver, small_settings
from tests.worker.test_loop import PROBE

pytestmark = several


def rows(driver: Driver) -> dict[str, np.ndarray]:
    """The metrics that were reported, column by column."""
    blocks = [r for r in driver.outbox.collect() if isinstance(r, m.Metrics)]
    names = ("support_before", "query_after", "seconds", "gradient_evaluations")
    found = {name: np.concatenate([getattr(b, name) for b in blocks], 1) for name in names}
    return {"outer_step": np.concatenate([b.outer_step for b in blocks]), **found}


def both(*algorithms: str, **values: object) -> tuple[Driver, Driver]:
    """(one that takes several steps in one go, one that takes them one by one)."""
    settings = small_settings(*algorithms, **values)
    return Driver(settings, at_once=64), Driver(settings)


def same(one: Driver, two: Driver) -> bool:
    assert one.step == two.step and one.run.state.arms.keys() == two.run.state.arms.keys()
    return all(torch.equal(one.theta(name), two.theta(name)) for name in one.run.state.arms)


def test_the_run_and_its_losses_are_those_of_single_steps() -> None:
    fast, slow = both(noise=0.1, inner_steps=2, outer_steps=150)
    for driver in (fast, slow):
        driver.train_to(1000)
        assert driver.step == 150
    assert same(fast, slow)
    found, expected = rows(fast), rows(slow)
    assert found["outer_step"].tolist() == list(range(1, 151))
    for name in ("support_before", "query_after", "gradient_evaluations"):
        np.testing.assert_array_equal(found[name], expected[name])
    took = np.diff(found["seconds"], axis=1)
    assert (took > 0).all(), "each step has its share of what a go took"


def test_the_seconds_of_a_go_are_shared_out() -> None:
    fast, _ = both("maml", "mtl")
    fast.tell(commands.Train())
    fast.work(1)
    fast.tell(commands.Pause())
    seconds = rows(fast)["seconds"]
    assert seconds.shape == (2, 64)
    np.testing.assert_allclose(seconds[0], np.arange(1, 65) * seconds[0, 0])
    assert seconds[:, -1] == pytest.approx(list(fast.run.totals.seconds.values()))


def test_training_ends_and_pauses_exactly_where_it_is_told_to() -> None:
    fast, _ = both("maml", outer_steps=100)
    fast.tell(commands.Train(until=13))
    fast.work(5)
    assert fast.step == 13 and fast.loop.trainer.phase is m.Phase.PAUSED
    fast.tell(commands.TakeOuterStep())
    assert fast.step == 14, "a step by hand is one"
    fast.tell(commands.LimitSpeed(50.0), commands.Train())
    fast.work(1)
    assert fast.step == 15, "and so it is under a speed limit"
    fast.tell(commands.LimitSpeed(None))
    fast.tell(commands.Train())
    fast.work(5)
    assert fast.step == 100 and fast.loop.trainer.phase is m.Phase.FINISHED
    fast.tell(commands.Train(beyond=True))
    fast.work(1)
    assert fast.step == 128, "past its end only that of a block ends a go"


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_pause_drops_the_go_between_two_arms(at: int) -> None:
    fast, slow = both("maml", "fomaml", "mtl")
    fast.tell(commands.Train())
    looks = itertools.count()

    def clock() -> float:
        if next(looks) == at:
            fast.inbox.post(commands.Pause())
        return 100.0

    fast.loop.trainer.clock = clock
    assert not fast.loop.trainer.take_outer_step() and fast.step == 0
    fast.loop.trainer.clock = Clock(1e-4)
    fast.work(1)
    assert fast.loop.trainer.phase is m.Phase.PAUSED
    fast.train_to(70)
    slow.train_to(fast.step)
    assert same(fast, slow)


def test_a_task_is_answered_between_two_arms() -> None:
    fast, _ = both("maml", "mtl")
    fast.tell(commands.Train())
    fast.outbox.collect()
    fast.inbox.post(PROBE)
    assert fast.loop.trainer.take_outer_step() and fast.step == 64
    (probed,) = fast.reports(m.Probed)
    assert isinstance(probed, m.Probed) and probed.outer_step == 0, "of the state there was"


def test_a_change_and_an_arm_taken_out_apply_after_a_go() -> None:
    fast, slow = both("maml", "anil", "mtl")
    fast.tell(commands.Train())
    fast.work(1)
    slow.train_to(fast.step)
    settings = fast.run.settings.with_values({"inner_lr": 0.02})
    settings = settings.with_arms(settings.arms[:2])
    for driver in (fast, slow):
        driver.tell(commands.Change(settings))
    fast.train_to(100)
    slow.train_to(fast.step)
    assert same(fast, slow)


@pytest.mark.parametrize("lr", [30.0, 100.0])
def test_an_arm_that_diverges_within_a_go_is_frozen_alone(lr: float) -> None:
    settings = small_settings("maml", "mtl")
    wild = settings.with_arms((*settings.arms, Arm("Wild", "maml", (("inner_lr", lr),))))
    seen = []
    for at_once in (64, 1):
        driver = Driver(wild, Clock(), at_once)
        driver.train_to(192)
        reports = driver.outbox.collect()
        (diverged,) = (r for r in reports if isinstance(r, m.Diverged))
        seen.append((diverged.arm, diverged.outer_step, diverged.good_step, diverged.reason))
        assert bool(torch.isfinite(driver.theta("Wild")).all())
        (kept,) = past_events(driver.run)[1]
        assert (kept.outer_step, kept.good_step) == (diverged.outer_step, diverged.good_step)
        plan = driver.run.plan
        calm = training.start_run(plan)
        for _ in range(192):
            calm, _ = training.outer_step(plan, calm)
        assert torch.equal(driver.theta("MAML"), calm.arms["MAML"].initialization)
    assert seen[0] == seen[1] and seen[0][0] == "Wild"
