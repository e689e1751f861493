"""Learned step sizes and remedies in a run: trained, changed, frozen, saved and looked at."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.probing import probe
from maml_explorer.core.settings_change import after_change
from maml_explorer.core.training import RunState
from maml_explorer.experiments.replay import differences, replay_folder
from maml_explorer.protocol import commands
from maml_explorer.protocol.insight import (
    Insight,
    InsightRequest,
    NothingToShow,
    RefreshInsight,
)
from maml_explorer.protocol.insight_records.check import CheckSeen
from maml_explorer.protocol.insight_records.step_sizes import StepSizesSeen
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.storage.initialization.folder import load_initialization
from tests.worker.driving import Driver, small_settings

EVERYTHING: dict[str, Any] = {
    "inner_steps": 2, "multi_step_loss": True, "multi_step_until": 5, "second_order_from": 3,
    "schedule": "cosine", "outer_steps": 12, "inner_clip": 2.0, "outer_clip": 1.0,
}  # fmt: skip
LSLR = (("lslr", True),)


def tricky(**values: Any) -> Settings:
    arms = (
        default_arm("meta_sgd"), Arm("LSLR", "maml", LSLR), Arm("LSLR head", "anil", LSLR),
        Arm("LSLR body", "boil", LSLR), default_arm("mtl"),
    )  # fmt: skip
    return small_settings("maml", **{**EVERYTHING, **values}).with_arms(arms)


def trained(plan: Plan, state: RunState, steps: int) -> RunState:
    for _ in range(steps):
        state, _ = training.outer_step(plan, state)
    return state


def assert_same(driver: Driver, state: RunState) -> None:
    assert differences(driver.run.state, state) == []


@pytest.mark.parametrize("norm", ["none", "batch-per-step"])
def test_the_worker_equals_a_plain_loop_bit_for_bit(norm: str) -> None:
    settings = tricky(norm=norm)
    driver = Driver(settings)
    driver.train_to(3)
    driver.tell(
        commands.ProbeTask(np.array([-1.0, 2.0]), np.array([0.5, 1.0])), commands.MetaTest()
    )
    while driver.step < 4:
        driver.tell(commands.TakeInnerStep())
    driver.train_to(12)
    plan = prepare(settings)
    assert_same(driver, trained(plan, training.start_run(plan), 12))


def test_a_late_arm_begins_its_schedules_anew() -> None:
    settings = tricky()
    driver = Driver(settings.with_arms(settings.arms[3:]))
    driver.train_to(4)
    driver.tell(commands.Change(settings))
    driver.train_to(6)
    late = driver.run.state.arms["Meta-SGD"]
    assert late.outer_step == 2
    # at its own step 2 it is first order still, as an arm that began with the run was
    assert not driver.run.plan.arms["Meta-SGD"].in_force(late.outer_step).second_order


@pytest.mark.parametrize("steps", [1, 4, 0])
def test_more_or_fewer_inner_steps_while_training(steps: int) -> None:
    settings, other = tricky(), tricky(inner_steps=steps)
    driver = Driver(settings)
    driver.train_to(4)
    before = driver.theta("LSLR").clone()
    driver.tell(commands.Change(other))
    plan, count = prepare(settings), prepare(settings).model.parameter_count
    state = trained(plan, training.start_run(plan), 4)
    plan = prepare(other)
    state = after_change(plan, state, settings, other)
    assert_same(driver, state)
    rates = before[count:].view(2, 3)
    grown = torch.cat([rates, rates[-1:], rates[-1:]])[:steps].flatten()  # a new one as the last
    assert torch.equal(driver.theta("LSLR")[count:], grown)
    assert len(driver.theta("Meta-SGD")) == (2 * count if steps else count)
    driver.train_to(7)
    assert_same(driver, trained(plan, state, 3))
    driver.tell(commands.Change(settings))
    driver.train_to(8)
    assert len(driver.theta("LSLR")) == count + 6


def test_learned_step_sizes_follow_alpha() -> None:
    driver = Driver(tricky())
    driver.train_to(4)
    before = {name: driver.theta(name).clone() for name in ("Meta-SGD", "LSLR", "MTL")}
    driver.tell(commands.Change(tricky(inner_lr=0.005)))
    count = driver.run.plan.model.parameter_count
    for name, was in before.items():
        assert torch.equal(driver.theta(name)[:count], was[:count])
        torch.testing.assert_close(driver.theta(name)[count:], was[count:] / 2)
    driver.tell(commands.Change(tricky(inner_lr=0.0)))
    assert float(driver.theta("LSLR")[count:].abs().max()) == 0
    driver.train_to(6)
    learned = driver.theta("LSLR")[count:].clone()
    assert float(learned.abs().min()) > 0
    driver.tell(commands.Change(tricky(inner_lr=0.1)))
    torch.testing.assert_close(driver.theta("LSLR")[count:], learned + 0.1)


def test_a_frozen_arm_goes_on_with_its_step_sizes(tmp_path: Path) -> None:
    settings = tricky(schedule="constant", outer_clip=0.0, inner_clip=0.0)
    driver = Driver(settings)
    driver.train_to(130)
    wild = settings.with_values({"outer_lr": 100.0, "inner_steps": 3, "outer_steps": 1000})
    driver.tell(commands.Change(wild))
    driver.train_to(300)
    frozen = [name for name, arm in driver.run.state.arms.items() if arm.frozen]
    assert "LSLR" in frozen
    count = driver.run.plan.model.parameter_count
    assert len(driver.theta("LSLR")) == count + 9 and bool(driver.theta("LSLR").isfinite().all())
    driver.tell(commands.Change(settings.with_values({"outer_steps": 1000})))
    driver.tell(*(commands.ReviveArm(name) for name in frozen))
    driver.train_to(driver.step + 80)
    driver.tell(commands.SaveRun(str(tmp_path / "run")))
    checkpoint, _, state = replay_folder(tmp_path / "run")
    assert_same(driver, state)
    assert differences(checkpoint.state, state) == []
    opened = Driver(small_settings("mtl"))
    opened.tell(commands.OpenRun(str(tmp_path / "run")))
    assert_same(opened, state)
    assert opened.run.totals.gradient_evaluations.keys() == state.arms.keys()


def test_an_arm_may_learn_its_rates_from_now_on() -> None:
    settings = small_settings("maml", "mtl")
    driver = Driver(settings)
    driver.train_to(3)
    driver.tell(commands.Change(settings.with_arms((Arm("MAML", "maml", LSLR), settings.arms[1]))))
    driver.train_to(5)
    assert [arm.outer_step for arm in driver.run.state.arms.values()] == [2, 5]


def test_everything_adapts_with_what_was_learned(tmp_path: Path) -> None:
    driver = Driver(tricky(outer_lr=0.05, precision="float64"))
    driver.train_to(10)
    plan, state = driver.run.plan, driver.run.state
    assert plan is not None and state is not None
    x, y, grid = np.array([-1.0, 0.3, 2.0]), np.array([0.5, -1.0, 1.0]), torch.linspace(-2, 2, 5)
    for name in ("Meta-SGD", "LSLR", "LSLR head", "LSLR body"):
        learned = driver.theta(name)
        count = plan.model.parameter_count
        assert float((learned[count:] - 0.01).abs().max()) > 1e-3
        found = probe(
            plan, name, learned, torch.from_numpy(x)[None], torch.from_numpy(y)[None],
            grid.double(), steps=3,
        ).predictions[:, 0]  # fmt: skip
        driver.tell(commands.ExportInitialization(name, str(tmp_path / name)))
        loaded = load_initialization(tmp_path / name)
        np.testing.assert_array_equal(loaded.parameters, learned.numpy())
        with torch.no_grad():
            outside = loaded.adapt(x, y, steps=3)(grid.double()[:, None])[:, 0]
        torch.testing.assert_close(outside, found[3], rtol=0, atol=1e-12)
        record, _ = run_to_end(meta_test(plan, name, learned))
        plain = dataclasses.replace(plan.arms[name], learned=None)
        without = dataclasses.replace(plan, arms={name: plain})
        other, _ = run_to_end(meta_test(without, name, learned))
        assert record.mean[0] == other.mean[0] and record.mean[1] != other.mean[1]


def test_a_run_begins_from_an_export_with_its_step_sizes(tmp_path: Path) -> None:
    settings = tricky()
    driver = Driver(settings)
    driver.train_to(5)
    place = str(tmp_path / "a")
    driver.tell(commands.ExportInitialization("LSLR", place))
    expected = driver.theta("LSLR").clone()
    driver.tell(commands.OpenInitialization(place, settings))
    assert torch.equal(driver.theta("LSLR"), expected)
    plain = settings.with_arms((Arm("LSLR", "maml"),))
    driver.tell(commands.OpenInitialization(place, plain))
    count = len(expected) - 6
    assert torch.equal(driver.theta("LSLR"), expected[:count])
    longer = settings.with_values({"inner_steps": 3, "inner_lr": 0.5})
    driver.tell(commands.OpenInitialization(place, longer))
    assert torch.equal(driver.theta("LSLR")[:count], expected[:count])
    assert driver.theta("LSLR")[count:].tolist() == [0.5] * 9
    driver.train_to(2)


@pytest.mark.parametrize("view", ["step_sizes", "gradient", "check", "stability", "features"])
def test_views_look_at_what_was_learned(view: str) -> None:
    driver = Driver(tricky(activation="tanh"))
    driver.train_to(4)
    driver.tell(RefreshInsight(InsightRequest(view, (("arm", "Meta-SGD"),))))
    for _ in range(10_000):
        driver.work(1)
        found = driver.reports(Insight)
        if found:
            break
    (insight,) = found
    assert isinstance(insight, Insight) and not isinstance(insight.value, NothingToShow)
    if view == "check":  # of the loss and the step sizes in force, for every arm that has them
        assert isinstance(insight.value, dict)
        checked = [one for one in insight.value.values() if isinstance(one, CheckSeen)]
        assert len(checked) == 4 and all(one.error < 1e-6 for one in checked)
    if view == "step_sizes":
        seen, plan = insight.value, driver.run.plan
        assert isinstance(seen, StepSizesSeen) and plan is not None
        rates = driver.theta("Meta-SGD")[plan.model.parameter_count :][:16].double()
        np.testing.assert_array_equal(seen.each[0], rates.view(2, 8))
