"""An implicit gradient in the worker and headless: shown with its residual, refused in words."""

from __future__ import annotations

import pytest
import torch

from maml_explorer.core.divergence import overshoot
from maml_explorer.core.last_good import LastGood
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_run
from maml_explorer.experiments import training as headless
from maml_explorer.protocol.insight_records.check import CheckSeen
from maml_explorer.protocol.insight_records.gradient import GradientSeen
from maml_explorer.protocol.reports import Diverged
from maml_explorer.settings.settings import default_arm
from maml_explorer.worker.insight import VIEWS
from tests.worker.driving import Driver, small_settings


def test_an_arm_stops_at_its_last_good_state_and_says_why() -> None:
    settings = small_settings("imaml", "maml", cg_steps=1, proximal=0.5, inner_steps=2)
    driver = Driver(settings)
    before = driver.theta("iMAML")
    driver.train_to(3)
    (said,) = driver.reports(Diverged)
    assert isinstance(said, Diverged)
    assert said.arm == "iMAML" and said.reason.startswith("iMAML stopped at outer step 1: ")
    assert " the residual " in said.reason or "below −λ" in said.reason
    assert driver.run.state is not None
    assert torch.equal(driver.theta("iMAML"), before)
    assert driver.run.state.arms["iMAML"].frozen and not driver.run.state.arms["MAML"].frozen


def test_it_is_said_without_a_window_too() -> None:
    plan = prepare(small_settings("imaml", cg_steps=1, proximal=0.5, inner_steps=2))
    state = start_run(plan)
    run = headless.SeedRun(plan, state, LastGood.begin(state), {})
    headless._step(run, 1)
    assert "iMAML" in run.diverged and "raise" in run.diverged["iMAML"]
    assert run.state.arms["iMAML"].frozen


def test_a_step_beyond_the_pull_is_named() -> None:
    beyond = {"proximal": 1000.0, "inner_lr": 0.4, "inner_steps": 6}
    driver = Driver(small_settings("imaml", "maml", **beyond))
    driver.train_to(3)
    said = {one.arm: one.reason for one in driver.reports(Diverged) if isinstance(one, Diverged)}
    words = "(α = 0.4 is above 2/λ = 0.002, so the pull to θ overshoots: lower α)"
    assert words in said["iMAML"] and words not in said.get("MAML", "")
    plan = prepare(small_settings("imaml", **beyond))
    state = start_run(plan)
    run = headless.SeedRun(plan, state, LastGood.begin(state), {})
    headless._step(run, 1)
    assert words in run.diverged["iMAML"]
    fitting = prepare(small_settings("imaml", proximal=1000.0, inner_lr=0.002))
    assert overshoot(fitting.arms["iMAML"]) == ""


@pytest.mark.parametrize("steps", [1, 30])
def test_the_views_say_how_far_to_trust_it(steps: int) -> None:
    settings = small_settings(
        "imaml", inner_steps=steps, precision="float64", activation="tanh", cg_steps=20
    ).with_arms((default_arm("imaml"),))
    plan = prepare(settings)
    state = start_run(plan)
    with torch.no_grad():
        found = run_to_end(VIEWS["gradient"].look(plan, state, {}))["iMAML"]
        check = run_to_end(VIEWS["check"].look(plan, state, {}))["iMAML"]
    assert isinstance(found, GradientSeen) and found.solution is not None
    assert found.solution.residual < 1e-6 and found.figures()["residual"] < 1e-6
    assert (found.solution.rest < 1e-6) == (steps == 30)
    assert "residual" in found.solution.in_words()
    # near the inner minimum it is the slope of what the inner loop does
    assert isinstance(check, CheckSeen) and check.implicit
    assert (check.error < 1e-6) == (steps == 30)
