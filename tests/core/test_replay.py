"""Recordings: the same bits as the function, whatever is replayed in between."""

from __future__ import annotations

import pytest
import torch

from maml_explorer.core.losses import CROSS_ENTROPY, SQUARED_ERROR, Loss
from maml_explorer.core.models.activations import ACTIVATIONS
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.outer_gradient import Shape, outer_gradient
from maml_explorer.core.replay.kernel_recorder import KernelRecorder
from maml_explorer.core.replay.memory_arena import Arena
from maml_explorer.core.replay.replay import Eager, Recording, record
from maml_explorer.core.workspace import Workspace

TASKS, SHOTS, POINTS = 6, 4, 9

KINDS = {
    "maml": ("query", 0, 2, True),
    "maml without inner steps": ("query", 0, 0, False),
    "fomaml": ("query", 0, 2, False),
    "anil": ("query", 2, 3, True),
    "mtl": ("all", 0, 0, False),
    "reptile": ("interpolation", 0, 3, False),
}


def shape(kind: str, activation: str, tasks: int = TASKS, loss: Loss = SQUARED_ERROR) -> Shape:
    outputs = 3 if loss is CROSS_ENTROPY else 1
    rule, start, steps, second_order = KINDS[kind]
    return Shape(
        model=Mlp((1, 6, 5, outputs), activation, loss=loss),
        rule=rule,
        start=start,
        steps=steps,
        second_order=second_order,
        multi_step=False,
        inner_clip=False,
        learned=None,
        shots=SHOTS,
        points=POINTS,
        tasks=tasks,
        total_tasks=tasks,
        minibatch=2,
    )


def example(dtype: torch.dtype, seed: int, tasks: int = TASKS) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(Mlp((1, 6, 5, 1)).parameter_count, dtype=dtype, generator=generator)
    x = torch.randn(tasks, POINTS, 1, dtype=dtype, generator=generator)
    y = torch.randn(tasks, POINTS, 1, dtype=dtype, generator=generator)
    return theta, with_ones(x), y, torch.tensor(0.05 * seed, dtype=dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_a_classifier_is_replayed_to_the_same_bits(kind: str) -> None:
    workspace, of = Workspace("recorded"), shape(kind, "relu", loss=CROSS_ENTROPY)
    with torch.no_grad():
        for seed in (1, 2):
            _, x, y, rate = example(torch.float32, seed)
            theta = torch.randn(of.model.parameter_count)
            targets = torch.nn.functional.one_hot((3 * y[..., 0]).long() % 3, 3).float()
            ours = workspace.outer_gradient(of, theta, x, targets, rate).copy()
            theirs = outer_gradient(of, theta, x, targets, rate)
            for one, two in zip(ours.parts(), theirs.parts(), strict=True):
                assert torch.equal(one, two)
    assert workspace.kinds == {"replay"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_replays_are_the_same_bits(activation: str, dtype: torch.dtype) -> None:
    workspace = Workspace("recorded")
    with torch.no_grad():
        for seed in (1, 2, 3):  # later seeds replay what the first one recorded
            inputs = example(dtype, seed)
            for kind in KINDS:
                of = shape(kind, activation)
                fast = workspace.outer_gradient(of, *inputs)
                slow = outer_gradient(of, *inputs)
                assert torch.equal(fast.gradient, slow.gradient), kind
                assert torch.equal(fast.losses, slow.losses), kind
    assert workspace.kinds == {"replay"}


def test_memory_is_used_again() -> None:
    of = shape("maml", "relu")
    inputs = example(torch.float32, 1)
    with torch.no_grad():

        def function(*buffers: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (outer_gradient(of, *buffers).gradient,)

        recorded = Recording(function, inputs, Arena())
        with KernelRecorder() as recorder:
            function(*inputs)
    everything = 4 * sum(elements for elements, _ in recorder.storages)
    assert 0 < recorded.bytes < 0.6 * everything


def test_what_is_kept_while_recording_needs_no_memory() -> None:
    kept: list[torch.Tensor] = []

    def function(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        kept.extend((x.mT, x.mT * 2, (x > 0) * x, x.sum(0), torch.cat([x, x.mT])))
        return (kept[-1] + kept[1].sum(),)

    x = torch.arange(9.0).view(3, 3)
    with torch.no_grad():
        recorded = Recording(function, [x], Arena())
        assert {tensor.device.type for tensor in kept} == {"meta"}
        assert kept[1].stride() == (x.mT * 2).stride() == (1, 3), "laid out as it would be"
        kept.clear()
        x.mul_(-2)
        assert torch.equal(recorded.run()[0], function(x)[0])


def test_a_function_without_a_fast_form_is_still_right() -> None:
    x = torch.linspace(-1, 1, 7)
    with torch.no_grad():
        recorded = record(lambda t: (torch.erf(t).cumsum(0) + torch.flip(t, (0,)),), [x])
        assert recorded.kind == "replay"
        for value in (0.3, -2.0):
            x.fill_(value)
            expected = torch.erf(x).cumsum(0) + torch.flip(x, (0,))
            assert torch.equal(recorded.run()[0], expected)


def test_what_cannot_be_recorded_runs_as_it_is() -> None:
    x = torch.tensor([3.0, 1.0, 2.0])
    with torch.no_grad():
        recorded = record(lambda t: (torch.sort(t).values,), [x])
        assert isinstance(recorded, Eager) and recorded.kind == "eager"
        x.neg_()
        assert recorded.run()[0].tolist() == [-3.0, -2.0, -1.0]


def test_a_workspace_holds_several_sizes_at_once() -> None:
    workspace = Workspace("recorded")
    with torch.no_grad():
        for tasks in (6, 2, 6, 2):
            inputs = example(torch.float64, 4, tasks)
            of = shape("maml", "tanh", tasks)
            fast = workspace.outer_gradient(of, *inputs)
            assert torch.equal(fast.gradient, outer_gradient(of, *inputs).gradient)
