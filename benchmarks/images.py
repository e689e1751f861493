"""An outer step of four arms on images against torch.func vmap, and convolutions in two ways.

Settings are those of the preset of 5-way 1-shot, with the perceptron and with the convolutional
network. The peer is the exported module under functional_call, grad and vmap; its gradient is first
shown to be ours, in float64. The classic network (4 blocks of 64 on 28 pixels) is measured once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from benchmarks.measuring import (
    Times,
    Work,
    alternate,
    figure,
    milliseconds,
    percent,
    quick_asked,
    show,
)
from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.models.links import Patches
from maml_explorer.core.optimizers import OPTIMIZERS
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import draw_batch, outer_step, start_run
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.network_tensors import (
    blank_module,
    flat_vector,
    named_tensors,
)

ARMS = ("maml", "fomaml", "anil", "mtl")
NETWORKS: dict[str, dict[str, Any]] = {
    "perceptron 128-64": {"model": "mlp", "hidden": (128, 64)},
    "3 blocks of 16": {"model": "conv", "filters": 16, "blocks": 3},
}
CLASSIC = {"model": "conv", "filters": 64, "blocks": 4, "side": 28, "pooling": "mean"}
AGREEMENT = 1e-9
Named = dict[str, Tensor]


def settings_of(network: Mapping[str, Any], precision: str = "float32") -> Settings:
    """The preset with this network, all four arms, on the CPU."""
    values = {**network, "norm": "batch", "device": "cpu", "precision": precision}
    return load_preset("glyphs-5-way-1-shot").settings.with_values(values)


def arm_plan(settings: Settings, algorithm: str) -> Plan:
    """The plan of one arm alone."""
    return prepare(settings.with_arms((default_arm(algorithm),)))


class Vmapped:
    """The same outer step written with torch.func on the exported module."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.state = plan, start_run(plan)
        self.settings = plan.settings
        ((self.name, arm),) = plan.arms.items()
        self.algorithm, self.steps = arm.algorithm, arm.inner.steps
        self.alpha = self.settings.inner.inner_lr
        self.module = blank_module(self.settings)
        adapting = [
            name
            for name, parameter in self.module.named_parameters()
            if not name.startswith("affine") and parameter.dim() > 1
        ]
        linked = {name.replace("weight", "bias") for name in adapting}
        self.adapting = {*adapting, *linked}
        if self.algorithm.adapts == "head":
            last = adapting[-1]
            self.adapting = {last, last.replace("weight", "bias")}
        self.theta = self.named(self.state.arms[self.name].initialization)

    def named(self, flat: Tensor) -> Named:
        """θ as the tensors of the module."""
        found = named_tensors(flat.numpy(), self.settings)
        return {name: torch.from_numpy(array) for name, array in found.items()}

    def task_loss(self, theta: Named, x: Tensor, y: Tensor, shots: int) -> Tensor:
        def loss(phi: Named, x: Tensor, y: Tensor) -> Tensor:
            scores = functional_call(self.module, phi, (x,))
            return -(scores.log_softmax(-1) * y).sum(-1).mean()

        if self.algorithm.adapts == "none":
            return loss(theta, x, y)
        phi = theta
        for _ in range(self.steps):
            moving = {name: phi[name] for name in self.adapting}
            fixed = {name: p for name, p in phi.items() if name not in self.adapting}
            gradient = grad(lambda p, fixed=fixed: loss(fixed | p, x[:shots], y[:shots]))(moving)
            if not self.algorithm.second_order:
                gradient = {name: g.detach() for name, g in gradient.items()}
            phi = phi | {name: p - self.alpha * gradient[name] for name, p in moving.items()}
        return loss(phi, x[shots:], y[shots:])

    def gradient(self, theta: Named, x: Tensor, y: Tensor, shots: int) -> Named:
        def mean_loss(theta: Named) -> Tensor:
            each = vmap(lambda a, b: self.task_loss(theta, a, b, shots))(x, y)
            return each.mean()

        return grad(mean_loss)(theta)

    def train(self, count: int) -> None:
        """So many outer steps: sampling, gradient, Adam."""
        with torch.no_grad():
            rate, (_, update) = self.settings.outer.outer_lr, OPTIMIZERS["adam"]
            flat = torch.cat([p.reshape(-1) for p in self.theta.values()])
            moments: Any = (torch.zeros_like(flat), torch.zeros_like(flat))
            for step in range(1, count + 1):
                batch = self.plan.sampler.draw(self.plan.scratch)
                found = self.gradient(self.theta, batch.points.x, batch.y, batch.shots)
                flat_gradient = torch.cat([found[name].reshape(-1) for name in self.theta])
                flat = torch.cat([p.reshape(-1) for p in self.theta.values()])
                flat, moments = update(flat, flat_gradient, moments, step, rate, 0.0)
                sizes = [p.numel() for p in self.theta.values()]
                parts = zip(self.theta.items(), flat.split(sizes), strict=True)
                self.theta = {name: part.view(p.shape) for (name, p), part in parts}


class Ours:
    """Outer steps of the program."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.state = plan, start_run(plan)

    def train(self, count: int) -> None:
        """So many outer steps."""
        with torch.no_grad():
            for _ in range(count):
                self.state, _ = outer_step(self.plan, self.state)


def check(network: Mapping[str, Any], algorithm: str) -> None:
    """Shows that both compute one gradient.

    Raises:
        AssertionError: where they do not.
    """
    plan = arm_plan(settings_of(network, "float64"), algorithm)
    peer = Vmapped(plan)
    batch, _ = draw_batch(plan, peer.state)
    ((_, arm),) = plan.arms.items()
    theta = peer.state.arms[peer.name].initialization
    shape = arm.shape(plan, len(batch.tasks))
    ours = outer_gradient(shape, theta, batch.inputs, batch.y, arm.inner_lr).gradient
    with torch.no_grad():
        found = peer.gradient(peer.theta, batch.points.x, batch.y, batch.shots)
    arrays = {name: tensor.numpy() for name, tensor in found.items()}
    theirs = torch.from_numpy(flat_vector(arrays, plan.settings))
    apart = float((ours - theirs).abs().max() / ours.abs().max())
    assert apart < AGREEMENT, f"{algorithm}: {apart:.1e} apart"


def measure(network: Mapping[str, Any], rounds: int, turn: float) -> dict[str, Times]:
    """Seconds of an outer step by arm and contender."""
    works: dict[str, Work] = {}
    for algorithm in ARMS:
        settings = settings_of(network)
        works[f"{algorithm} ours"] = Ours(arm_plan(settings, algorithm)).train
        works[f"{algorithm} vmap"] = Vmapped(arm_plan(settings, algorithm)).train
    return alternate(works, rounds, turn)


def two_ways(rounds: int, turn: float) -> dict[str, Times]:
    """Forward pass and gradient of a block of 16 filters on 10 × 10 places, by patches or groups.

    8 tasks of 20 pictures, a filter bank per task: what an adapted network computes.
    """
    tasks, points, side, channels = 8, 20, 10, 16
    link = Patches(side, channels)
    h = torch.randn(tasks, points * side * side, channels)
    rows = torch.randn(tasks, link.width + 1, channels)
    pictures = torch.randn(points, tasks * channels, side, side)
    filters = torch.randn(tasks * channels, channels, 3, 3)
    bias = torch.randn(tasks * channels)

    def patches(count: int) -> None:
        for _ in range(count):
            wide = link.spread(h, True)
            delta = torch.bmm(wide, rows)
            torch.bmm(wide.mT, delta)
            link.gather(torch.bmm(delta, rows[:, :-1].mT))

    def groups(count: int) -> None:
        for _ in range(count):
            z = nn.functional.conv2d(pictures, filters, bias, stride=2, padding=1, groups=tasks)
            torch.ops.aten.convolution_backward(
                z, pictures, filters, [tasks * channels], [2, 2], [1, 1], [1, 1], False, [0, 0],
                tasks, [True, True, True],
            )  # fmt: skip

    works: dict[str, Callable[[int], object]] = {"patches": patches, "groups": groups}
    return alternate(works, rounds, turn)


def main() -> None:
    """Prints a table per network, and one of the two ways."""
    quick = quick_asked(__doc__)
    torch.set_num_threads(1)
    rounds, turn = (3, 0.05) if quick else (7, 0.3)
    for name, network in NETWORKS.items():
        for algorithm in ARMS:
            check(network, algorithm)
        times = measure(network, rounds, turn)
        lines, ours, theirs = [], 0.0, 0.0
        for algorithm in ARMS:
            one, other = times[f"{algorithm} ours"], times[f"{algorithm} vmap"]
            ours, theirs = ours + one.minimum, theirs + other.minimum
            ratio = other.over(one)
            lines.append(
                [
                    ALGORITHMS[algorithm].label, milliseconds(one.minimum),
                    milliseconds(other.minimum), figure(ratio.minima), figure(ratio.median),
                    percent(one.spread),
                ]
            )  # fmt: skip
        lines.append(["four arms", milliseconds(ours), milliseconds(theirs), figure(theirs / ours)])
        lines[-1] += ["", ""]
        show(
            f"Images, {name}: an outer step of 8 tasks, 5-way 1-shot, 3 queries of a class",
            ["", "ours, ms", "vmap, ms", "vmap × (fastest)", "× (median)", "± spread"],
            lines,
            "",
        )
    ways = two_ways(rounds, turn)
    show(
        "A block per task, forward pass and gradient",
        ["", "ms"],
        [[name, milliseconds(one.minimum)] for name, one in ways.items()],
        "",
    )
    if not quick:
        plan = arm_plan(settings_of({**CLASSIC, "meta_batch": 32, "query_points": 1}), "maml")
        classic = alternate({"classic": Ours(plan).train}, 3, turn)["classic"]
        show(
            "The classic network, MAML, 32 tasks of 28 × 28 pixels",
            ["", "ms"],
            [["4 blocks of 64", milliseconds(classic.minimum)]],
            "",
        )


if __name__ == "__main__":
    main()
