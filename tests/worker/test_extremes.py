"""Row 11: where training explodes, arms are frozen, data stay finite, and there is a way back."""

from __future__ import annotations

import random

import numpy as np
import torch

from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from tests.worker.driving import Driver, small_settings

COUNT = 20


def extreme(dice: random.Random) -> dict[str, object]:
    """Values at which most arms diverge within some steps."""
    return {
        "inner_lr": dice.choice((0.01, 1.0, 30.0, 100.0)),
        "outer_lr": dice.choice((0.001, 1.0, 100.0)),
        "optimizer": dice.choice(("adam", "sgd")),
        "inner_steps": dice.choice((1, 5, 20)),
        "activation": dice.choice(("relu", "tanh", "sine", "softplus")),
        "precision": dice.choice(("float32", "float64")),
        "seed": dice.randrange(1000),
    }


def test_extreme_settings_end_in_words_and_a_way_back() -> None:
    ended = [
        _ends(small_settings("maml", "fomaml", "mtl", **extreme(random.Random(number))))
        for number in range(COUNT)
    ]
    assert COUNT // 3 <= sum(ended) < COUNT, "some diverge and some do not"


def _ends(settings: Settings) -> bool:
    """Trains, checks what must hold, goes back and trains on; whether an arm diverged."""
    driver = Driver(settings)
    driver.train_to(80)
    got = driver.outbox.collect()
    assert not [r for r in got if isinstance(r, reports.Failed)]
    diverged = {r.arm: r for r in got if isinstance(r, reports.Diverged)}
    state = driver.run.state
    assert state is not None
    assert {name for name, arm in state.arms.items() if arm.frozen} == set(diverged)
    for name, report in diverged.items():
        assert report.reason.startswith(f"{name} diverged at outer step {report.outer_step}: ")
        assert report.good_step < report.outer_step and "\n" not in report.reason
    for arm in state.arms.values():
        assert all(bool(torch.isfinite(one).all()) for one in (arm.initialization, *arm.moments))
    for block in (r for r in got if isinstance(r, reports.Metrics)):
        assert not np.isinf(block.query_after).any() and not np.isinf(block.support_before).any()
        assert not np.isnan(block.query_after[:, :1]).all() or diverged
    calm = settings.with_values({"inner_lr": 0.01, "outer_lr": 0.001, "inner_steps": 1})
    driver.tell(commands.Change(calm), commands.BackToLastGood())
    step = driver.step
    assert not any(arm.frozen for arm in driver.run.state.arms.values())  # type: ignore[union-attr]
    driver.train_to(step + 5)
    assert driver.step == step + 5
    for name in ("MAML", "FO-MAML", "MTL"):
        assert bool(torch.isfinite(driver.theta(name)).all())
    return bool(diverged)
