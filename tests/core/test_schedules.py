"""Schedules against their definitions, and torch's where they coincide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.schedules import (
    explained,
    in_force,
    multi_step_weights,
    outer_rate,
    reptile_step,
)
from maml_explorer.settings.groups import OuterSettings
from maml_explorer.settings.settings import Settings


def outer(**values: Any) -> OuterSettings:
    return Settings().with_values({"outer_lr": 0.02, **values}).outer


TORCHS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "constant": ({}, lambda o: lr_scheduler.ConstantLR(o, 1.0)),
    "cosine": (
        {"schedule_end": 0.1},
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=40, eta_min=0.002),
    ),
    "step": ({"schedule_end": 0.01}, lambda o: lr_scheduler.MultiStepLR(o, [20, 30], 0.1)),
    "warm-up": (
        {"warmup_steps": 8},
        lambda o: lr_scheduler.LinearLR(o, start_factor=1 / 8, total_iters=7),
    ),
}


@pytest.mark.parametrize("name", TORCHS)
def test_the_schedules_are_torchs(name: str) -> None:
    values, make = TORCHS[name]
    ours = outer(schedule=name, outer_steps=40, **values)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.02)
    theirs = make(optimizer)
    for t in range(41):
        assert outer_rate(ours, t) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        theirs.step()
    for t in (41, 60, 10_000):  # stays as it ended
        assert outer_rate(ours, t) == outer_rate(ours, 40)


def test_the_steps_of_an_odd_run() -> None:
    ours = outer(schedule="step", outer_steps=10, schedule_end=0.25)
    rates = [outer_rate(ours, t) / 0.02 for t in range(12)]
    assert rates == pytest.approx([1] * 5 + [0.5] * 3 + [0.25] * 4)


def test_a_schedule_may_end_at_nothing() -> None:
    assert outer_rate(outer(schedule="cosine", schedule_end=0.0, outer_steps=9), 9) == 0
    assert outer_rate(outer(schedule="step", schedule_end=0.0, outer_steps=9), 9) == 0


def test_reptiles_step_falls_to_nothing() -> None:
    falling = outer(reptile_step=0.5, outer_steps=10)
    assert [reptile_step(falling, t) for t in (0, 5, 10, 20)] == pytest.approx([0.5, 0.25, 0, 0])
    assert reptile_step(outer(reptile_step=0.5, reptile_anneal=False), 10**6) == 0.5


def maml_plus_plus(steps: int, epochs: int, epoch: int) -> list[float]:
    """The weights of HowToTrainYourMAMLPytorch, line by line, in epochs."""
    weights = [1.0 / steps] * steps
    decay, floor = 1.0 / steps / epochs, 0.03 / steps
    for i in range(steps - 1):
        weights[i] = max(weights[i] - epoch * decay, floor)
    weights[-1] = min(weights[-1] + epoch * (steps - 1) * decay, 1.0 - (steps - 1) * floor)
    return weights


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_weights_of_the_multi_step_loss_are_those_of_maml_plus_plus(steps: int) -> None:
    for epoch in range(10):
        found = multi_step_weights(steps, 10, epoch)
        assert found[0] == 0 and found[1:] == pytest.approx(maml_plus_plus(steps, 10, epoch))
        assert sum(found) == pytest.approx(1)
    assert multi_step_weights(steps, 10, 10) == (0.0,) * steps + (1.0,)
    assert multi_step_weights(steps, 0, 0) == (0.0,) * steps + (1.0,)


def test_the_weights_before_the_end_have_a_floor() -> None:
    found = multi_step_weights(4, 1000, 999)
    assert found[1:4] == pytest.approx([0.0075] * 3)


def test_without_inner_steps_the_loss_at_theta_counts() -> None:
    assert multi_step_weights(0, 10, 0) == (1.0,)


def test_what_is_in_force() -> None:
    own = Settings().with_values(
        {"inner_steps": 2, "multi_step_loss": True, "multi_step_until": 4, "second_order_from": 3}
    )
    maml, mtl, reptile = (ALGORITHMS[key] for key in ("maml", "mtl", "reptile"))
    assert in_force(own, maml, 0).query_weights == (0.0, 0.5, 0.5)
    assert [in_force(own, maml, t).second_order for t in (2, 3)] == [False, True]
    assert [in_force(own, maml, t).multi_step for t in (3, 4)] == [True, False]
    assert in_force(own, mtl, 0).query_weights == (1.0,) and not in_force(own, mtl, 9).second_order
    assert in_force(own, reptile, 0).outer_rate == 0.1


def test_what_does_not_do_what_one_expects_is_explained() -> None:
    def keys(algorithm: str = "maml", **values: Any) -> set[str]:
        own = Settings().with_values({"outer_steps": 100, "inner_steps": 2, **values})
        return set(explained(own, [ALGORITHMS[algorithm]]))

    assert keys() == set()
    assert keys(multi_step_until=101, warmup_steps=101) == set(), "not in use"
    assert keys(second_order_from=100) == {"second_order_from"}
    assert keys(second_order_from=99, multi_step_loss=True, multi_step_until=100) == set()
    assert keys(multi_step_loss=True, multi_step_until=101) == {"multi_step_until"}
    assert keys(multi_step_loss=True, multi_step_until=9, inner_steps=1) == {"multi_step_loss"}
    assert keys(schedule="warm-up", warmup_steps=101) == {"warmup_steps"}
    assert keys(schedule="warm-up", warmup_steps=100) == set()
    assert keys(lslr=True, test_steps=2) == set()
    assert keys(lslr=True, test_steps=10) == {"lslr"}
    assert keys("reptile", lslr=True, second_order_from=100) == set(), "not read"
    assert keys("reptile", norm="layer") == {"norm"} and keys(norm="layer") == set()
    said = explained(Settings().with_values({"inner_steps": 3, "lslr": True}), [ALGORITHMS["maml"]])
    assert said["lslr"] == (
        "Inner steps 4 to 10 of the meta-test use the rates of step 3 again: our rule, not the "
        "paper's."
    )
