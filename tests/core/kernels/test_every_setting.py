"""Every setting of an outer step means the same to the compiled and the recorded kernels."""

from __future__ import annotations

import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.plan import prepare
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.declaration import SettingsError, Value
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.settings import Settings, default_arm
from tests.codegen.test_completeness import others
from tests.core.kernels.cases import built, kernels

pytestmark = built

ARMS = tuple(default_arm(key) for key in ("maml", "meta_sgd", "reptile", "mtl"))
SCENE: dict[str, Value] = {
    "hidden": (6, 6), "meta_batch": 3, "shots": 4, "query_points": 3, "precision": "float64",
    "inner_steps": 3, "multi_step_loss": True, "multi_step_until": 4, "outer_steps": 8,
    "optimizer": "sgd", "momentum": 0.5, "schedule": "cosine",
}  # fmt: skip
"""Settings under which the others matter."""
KEYS = [key for key, one in DECLARATIONS.items() if one.group in ("model", "inner", "outer")]


def trained(settings: Settings, kind: str) -> tuple[list[torch.Tensor], set[str]]:
    """Parameters of every arm after three outer steps, and the kinds of kernels that ran."""
    plan = prepare(settings, Workspace(kind))
    state = training.start_run(plan)
    for _ in range(3):
        state, _ = training.outer_step(plan, state)
    return [arm.initialization for arm in state.arms.values()], plan.workspace.kinds


def test_the_groups_of_an_outer_step_are_there_and_compiled_kernels_run_them() -> None:
    assert {"model", "inner", "outer"} <= GROUPS.keys() and len(KEYS) > 25
    _, kinds = trained(Settings().with_values(SCENE).with_arms(ARMS), "compiled")
    assert kinds == {kernels("compiled").kind}


@pytest.mark.parametrize("key", KEYS)
def test_compiled_and_recorded_kernels_read_the_setting_alike(key: str) -> None:
    scene = Settings().with_values(SCENE).with_arms(ARMS)
    for value in others(DECLARATIONS[key], scene[key]):
        try:
            changed = scene.with_values({key: value})
            found, kinds = trained(changed, "compiled")
        except SettingsError:  # such as a width that is too large
            continue
        if kinds == {"replay"}:  # left to the recorded kernels
            continue
        expected, _ = trained(changed, "recorded")
        for one, two in zip(found, expected, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12, msg=f"{key} = {value}")
