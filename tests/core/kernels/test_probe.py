"""Curves by compiled kernels are those by torch's, for every algorithm and both inner loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from maml_explorer.core import probing
from maml_explorer.core.kernels.job import ACTIVATIONS
from maml_explorer.core.meta_test import held_out_figures, meta_test, run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.core.tested_steps import test_step_sizes as step_sizes_of
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.settings import Arm, Settings
from tests.core.kernels.cases import built

pytestmark = built
ARMS = ("maml", "fomaml", "anil", "meta_sgd", "reptile", "mtl")
OWN = {"meta_sgd": (("lslr", False),)}
VALUES: dict[str, dict[str, Any]] = {
    **{name: {"activation": name} for name in ACTIVATIONS},
    "remedies": {"lslr": True, "inner_clip": 0.3, "skip": True, "activation": "tanh"},
    "double": {"precision": "float64", "hidden": (7,), "inner_steps": 0},
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shots", [0, 1, 7])
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_curves_are_those_of_torch(
    values: dict[str, Any], shots: int, training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Settings().with_values({"hidden": (11, 11), "meta_batch": 3, **values})
    chosen = chosen.with_arms(tuple(Arm(key, key, OWN.get(key, ())) for key in ARMS))
    plan, recorded = prepare(chosen), prepare(chosen, Workspace("recorded"))
    state, _ = outer_step(recorded, start_run(recorded))
    called = []

    def counted(*given: Any) -> torch.Tensor | None:
        called.append(given[0] is not None)
        return compiled(*given)

    compiled = probing.compiled_predictions
    monkeypatch.setattr(probing, "compiled_predictions", counted)
    generator = torch.Generator().manual_seed(shots)
    x, y = torch.randn(2, 2, shots, generator=generator, dtype=torch.float64)
    grid = torch.linspace(-5, 5, 33, dtype=torch.float64)
    bound = 1e-12 if plan.dtype == torch.float64 else 3e-5
    for name in ARMS:
        theta = state.arms[name].initialization
        given = (name, theta, x, y, grid, 6, training)
        fast, slow = (probing.probe(each, *given) for each in (plan, recorded))
        assert fast.predictions.shape == slow.predictions.shape == (7, 2, 33)
        assert fast.support.shape == slow.support.shape == (7, 2, shots)
        torch.testing.assert_close(fast.predictions, slow.predictions, rtol=bound, atol=bound)
        torch.testing.assert_close(fast.support, slow.support, rtol=bound, atol=bound)
        if shots and name not in ("mtl",):
            moved = bool((fast.predictions[6] - fast.predictions[0]).abs().max() > 0)
            assert moved, name
    assert called == [True, False] * len(ARMS)


def test_nan_shows_in_the_curves() -> None:
    plan = prepare(Settings().with_values({"hidden": (11, 11)}))
    theta = start_run(plan).arms["MAML"].initialization
    x, y = torch.zeros(2, 1, 3, dtype=torch.float64)
    y[0, 0] = torch.nan
    found = probing.probe(plan, "MAML", theta, x, y, torch.linspace(-5, 5, 9), 2)
    assert found.predictions[0].isfinite().all() and found.predictions[1:].isnan().all()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_meta_test_is_that_of_torch(precision: str) -> None:
    values = {"hidden": (11, 11), "meta_batch": 3, "precision": precision, "test_tasks": 60}
    chosen = Settings().with_values(values).with_arms(tuple(Arm(key, key) for key in ARMS))
    plan, steps = prepare(chosen), 4
    state, _ = outer_step(plan, start_run(plan))
    bound = 1e-12 if precision == "float64" else 1e-5
    for name in ARMS:
        theta = state.arms[name].initialization
        start, sizes = step_sizes_of(plan, name, theta)
        held = plan.family.held_out(chosen, 60, 10, "meta-test", theta.dtype)
        called = []

        def counted(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor | None:
            called.append(len(x))  # noqa: B023 - called before the next arm
            return by_kernels(x, y)  # noqa: B023

        by_kernels = probing.compiled_outputs(plan, name, theta, steps)
        fast, slow = (
            run_to_end(
                held_out_figures(
                    plan.model, theta, start, sizes, held,
                    steps=steps, task_count=60, first=10, outputs=outputs,
                )
            )
            for outputs in (counted, None)
        )  # fmt: skip
        assert fast.shape == slow.shape == (5, 50) and fast.dtype == slow.dtype
        assert called == [25, 25]
        torch.testing.assert_close(fast, slow, rtol=bound, atol=bound)
        assert bool((fast[4] != fast[0]).any())


def test_files_record_the_same_meta_test_by_any_kernels() -> None:
    chosen = Settings().with_values({"hidden": (11, 11), "test_tasks": 30})
    found = []
    for kernels in (None, "recorded"):
        plan = prepare(chosen, Workspace(kernels))
        theta = start_run(plan).arms["MAML"].initialization
        found.append(run_to_end(meta_test(plan, "MAML", theta))[1])
    assert torch.equal(*found)
