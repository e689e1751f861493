"""Closed formulas against what the outer gradient really calls and keeps."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.adaptation import adapt, tail_start, uniform_step_sizes
from maml_explorer.core.insight.cost import Sizes, cost_curves, outer_step_cost
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_arm
from maml_explorer.settings.settings import Settings, default_arm

aten = torch.ops.aten


class Counter(TorchDispatchMode):
    """Multiply-adds of matrix products; a column times a row, [·, n, 1] × [·, 1, m], is one."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in (aten.mm.default, aten.bmm.default):
            self.count += self.product(args[0], args[1])
        elif func in (aten.addmm_.default, aten.baddbmm_.default):
            self.count += self.product(args[1], args[2])
        elif func in (aten.mul.Tensor, aten.addcmul_.default):
            one, two = args[-2:]
            matrices = isinstance(two, Tensor) and min(one.dim(), two.dim()) >= 2
            if matrices and one.shape[-1] == two.shape[-2] == 1 < two.shape[-1]:
                self.count += math.prod(torch.broadcast_shapes(one.shape, two.shape))
        else:
            assert "mm" not in str(func), f"a product that is not counted: {func}"
        return func(*args, **(kwargs or {}))

    @staticmethod
    def product(one: Tensor, two: Tensor) -> int:
        return one.numel() * two.shape[-1]


def counted(algorithm: str, sizes: Sizes, steps: int, counter: Any) -> None:
    """One outer gradient of an algorithm under a counter."""
    settings = Settings().with_values(
        {
            "hidden": sizes.model.sizes[1:-1], "activation": sizes.model.activation,
            "shots": sizes.shots, "query_points": sizes.query_points,
            "meta_batch": sizes.tasks, "inner_steps": steps,
            "cg_steps": sizes.solve_steps,
            "reptile_inner_steps": max(1, steps), "reptile_batch": sizes.reptile_batch,
        }
    )  # fmt: skip
    plan = prepare(settings.with_arms((default_arm(algorithm),)))
    arm = next(iter(plan.arms.values()))
    theta = start_arm(plan, arm.arm.name).initialization
    points = sizes.shots + sizes.query_points
    x = with_ones(torch.randn(sizes.tasks, points, 1))
    with counter:
        outer_gradient(
            arm.shape(plan, sizes.tasks),
            theta,
            x,
            torch.randn(sizes.tasks, points, 1),
            *arm.varying(plan, arm.in_force(0)),
        )


def small(hidden: tuple[int, ...] = (7, 6), activation: str = "relu") -> Sizes:
    return Sizes(Mlp((1, *hidden, 1), activation), 4, shots=5, query_points=8, reptile_batch=2)


@pytest.mark.parametrize(
    ("key", "steps"),
    [(key, k) for key in ALGORITHMS for k in (0, 1, 3) if k or key != "reptile"],
)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [(7, 6), (9,), (5, 3, 4, 2)])
def test_operations_are_those_counted(
    key: str, steps: int, activation: str, hidden: tuple[int, ...]
) -> None:
    sizes, counter = small(hidden, activation), Counter()
    counted(key, sizes, steps, counter)
    assert outer_step_cost(key, sizes, steps).multiply_adds == counter.count


def test_torch_counts_the_same_products() -> None:
    """torch.utils.flop_counter leaves in-place and broadcast products out; joint training of one
    hidden layer has only one of these, δ Wᵀ, of tasks × points × width."""
    sizes = small((9,))
    theirs = FlopCounterMode(display=False)
    counted("mtl", sizes, 1, theirs)
    broadcast = 4 * (5 + 8) * 9
    ours = outer_step_cost("mtl", sizes, 1).multiply_adds
    assert theirs.get_total_flops() == 2 * (ours - broadcast)


def storages(tensors: Iterable[Tensor], but: set[int]) -> int:
    found = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(size for pointer, size in found.items() if pointer not in but)


@pytest.mark.parametrize("key", ["maml", "fomaml", "anil", "meta_sgd"])
@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("hidden", [(7, 6), (9,), (5, 3, 4, 2)])
def test_kept_bytes_are_those_of_the_path(key: str, steps: int, hidden: tuple[int, ...]) -> None:
    sizes = dataclasses.replace(small(hidden, "tanh"), bytes_per_number=8)
    model, record = sizes.model, ALGORITHMS[key]
    start = tail_start(model, record.adapts)
    theta = torch.randn(model.parameter_count, dtype=torch.float64)
    tail = model.layers(theta)[start:]
    x = torch.randn(4, 5, model.sizes[start] + 1, dtype=torch.float64)
    y = torch.randn(4, 5, 1, dtype=torch.float64)
    alpha = uniform_step_sizes(0.01, len(tail), theta)
    path = adapt(model, tail, x, y, alpha, steps)
    if record.second_order:
        tensors = [layer for phi in path.parameters for layer in phi]
        for trace in path.traces:
            tensors += [*trace.inputs, *trace.pre, *trace.slopes, *trace.deltas, trace.output]
    else:
        tensors = list(path.parameters[-1])
    outside = {theta.untyped_storage().data_ptr(), x.untyped_storage().data_ptr()}
    assert outer_step_cost(key, sizes, steps).kept_bytes == storages(tensors, outside)


def test_curves_say_what_is_known() -> None:
    curves = cost_curves(small(), range(6))
    assert list(curves) == list(ALGORITHMS)
    steps = {key: [c.multiply_adds for c in curve] for key, curve in curves.items()}
    assert len(set(steps["mtl"])) == 1  # no inner loop
    for key in ("maml", "fomaml", "anil", "reptile"):
        assert steps[key] == sorted(steps[key])
    for k in range(1, 6):
        assert steps["anil"][k] < steps["maml"][k] > steps["fomaml"][k]
        # at one inner step ANIL's way down the body costs more than FO-MAML's second pass
        assert (steps["anil"][k] < steps["fomaml"][k]) is (k > 1)
    assert steps["maml"][0] == steps["fomaml"][0]
    kept = {key: [c.kept_bytes for c in curve] for key, curve in curves.items()}
    assert kept["maml"][4] == 4 * kept["maml"][1] and kept["fomaml"][4] == kept["fomaml"][1]
    assert set(kept["mtl"]) == {0}
    with pytest.raises(KeyError):
        outer_step_cost("nothing", small(), 1)
