"""Every configuration that is benchmarked computes what it should; nothing is timed here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import cuda, flops, growth, meta_step, where
from benchmarks.chunks import in_chunks
from benchmarks.measuring import Times, alternate, table
from benchmarks.peers import COMPARED, PEERS
from benchmarks.problem import Array, Problem, Trainer, our_gradient
from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.training import draw_batch
from tests import reference

FEW = 3
"""Tasks per configuration: the reference goes through them one by one."""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Benchmarks choose the number of threads; the tests after them have one."""
    yield
    torch.set_num_threads(1)
    torch.set_grad_enabled(True)


def expected(problem: Problem, theta: Array, x: Array, y: Array) -> Array:
    """The outer gradient by the reference; for Reptile mean(θ − φ)."""
    flat, xs, ys = (torch.from_numpy(a) for a in (theta, x[..., None], y[..., None]))
    shots, sizes, key = problem.shots, problem.sizes, problem.algorithm
    ones = torch.ones_like(flat)
    if key == "mtl":
        whole = torch.func.grad(
            lambda p: reference.loss(p, xs.reshape(-1, 1), ys.reshape(-1, 1), sizes, "relu")
        )
        return whole(flat).numpy()
    if key == "reptile":
        parts = [slice(b, b + problem.minibatch) for b in range(0, shots, problem.minibatch)]
        moved = torch.zeros_like(flat)
        for one, two in zip(xs, ys, strict=True):
            phi = flat
            for k in range(problem.steps):
                part = parts[k % len(parts)]
                phi = reference.adapt(
                    phi, ones, one[part], two[part], problem.inner_lr, 1, sizes, "relu"
                )
            moved += (flat - phi) / len(xs)
        return moved.numpy()
    mask = reference.part_mask(ALGORITHMS[key].adapts, sizes, torch.float64)
    found, _ = reference.meta_gradient(
        flat,
        (problem.inner_lr * mask).expand(problem.steps, -1),
        [(a[:shots], b[:shots]) for a, b in zip(xs, ys, strict=True)],
        [(a[shots:], b[shots:]) for a, b in zip(xs, ys, strict=True)],
        sizes,
        "relu",
        second_order=key != "fomaml",
    )
    return found.numpy()


def benchmarked() -> list[Problem]:
    """Every distinct configuration of the benchmarks, with few tasks where many are timed."""
    # those with a reference of their own are in tests/core
    keys = ALGORITHMS.keys() - {"imaml", "cavia", "meta_curvature"}
    found = {Problem(key, steps) for key in keys for steps in meta_step.STEPS}
    found |= {problem for _, problem in where.CASES} | set(cuda.CASES.values())
    for field, values in growth.SERIES.values():
        found |= {dataclasses.replace(Problem(), **{field: value}) for value in values}
    few = {dataclasses.replace(p, tasks=min(p.tasks, FEW)) for p in found}
    return sorted(few, key=lambda p: (p.algorithm, p.steps, p.tasks, p.hidden))


def close(found: Array, wanted: Array, tolerance: float) -> bool:
    return float(np.abs(found - wanted).max()) <= tolerance * float(np.abs(wanted).max())


@pytest.mark.parametrize(
    "problem", benchmarked(), ids=lambda p: f"{p.algorithm}-{p.steps}-{p.tasks}-{p.hidden}"
)
def test_the_fast_path_is_the_reference(problem: Problem) -> None:
    if max(problem.hidden) > 40:  # the example's scale is for narrow networks
        problem = dataclasses.replace(problem, inner_lr=0.001 * 40 / max(problem.hidden))
    example = problem.example()
    wanted = expected(problem, *example)
    assert close(our_gradient(problem, *example), wanted, 1e-10)
    assert close(our_gradient(problem, *example, precision="float32"), wanted, 1e-3)


@pytest.mark.parametrize("tasks", [100, 1000])
def test_a_large_meta_batch_is_the_mean_of_small_ones(tasks: int) -> None:
    problem = Problem(tasks=tasks)
    theta, x, y = problem.example()
    parts = [
        our_gradient(Problem(tasks=50), theta, a, b)
        for a, b in zip(np.split(x, tasks // 50), np.split(y, tasks // 50), strict=True)
    ]
    assert close(our_gradient(problem, theta, x, y), np.mean(parts, 0), 1e-10)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("key", COMPARED)
def test_peers_compute_the_same_gradient(name: str, key: str) -> None:
    installed, make = PEERS[name]
    if not installed():
        pytest.skip(f"{name} is not installed")
    problem = Problem(key, steps=2, tasks=FEW, hidden=(7, 6), shots=10)
    peer = make(problem)
    if peer is None:
        pytest.skip(f"{name} has no {key}")
    assert meta_step.disagreement(problem, peer) < meta_step.AGREEMENT
    if key == "maml":
        peer.train(2)


def test_a_peer_with_another_gradient_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = dataclasses.replace(Problem(), inner_lr=0.011)
    make = PEERS["per-task loop"][1]
    monkeypatch.setitem(PEERS, "per-task loop", (lambda: True, lambda _: make(wrong)))
    with pytest.raises(AssertionError, match="per-task loop is"):
        meta_step.checked_peers(Problem(tasks=25))


def test_chunks_give_the_same_steps() -> None:
    problem = Problem(tasks=30, hidden=(8, 8))
    whole = Trainer(problem.settings(precision="float64"), kernels="recorded")
    parts = in_chunks(problem, 1_000, threads=1, precision="float64")
    assert next(iter(parts.plan.arms.values())).chunk_tasks < 30
    whole(3)
    parts(3)
    one, two = (next(iter(t.state.arms.values())).initialization for t in (whole, parts))
    assert not torch.equal(one, two)  # or nothing was cut into chunks
    assert torch.allclose(one, two, rtol=0, atol=1e-10)


@pytest.mark.parametrize("keys", [("maml",) * 8, ("maml", "fomaml", "anil", "mtl") * 2])
def test_an_arm_beside_others_is_the_arm_alone(keys: tuple[str, ...]) -> None:
    settings = growth._settings(keys)
    together = Trainer(settings)
    together(3)
    for arm in settings.arms:
        alone = Trainer(settings.with_arms((arm,)))
        alone(3)
        assert torch.equal(
            alone.state.arms[arm.name].initialization,
            together.state.arms[arm.name].initialization,
        )


class Products(TorchDispatchMode):
    """Counts the operations of matrix products."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name = function._schema.name.removeprefix("aten::").rstrip("_")
        if name in ("mm", "bmm", "addmm", "baddbmm"):
            one, two = args[-2:]
            self.count += 2 * one.numel() * two.shape[-1]
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("key", ["maml", "fomaml", "mtl"])
@pytest.mark.parametrize("hidden", [(40, 40), (8,), (5, 6, 7)])
def test_operations_are_counted_right(key: str, hidden: tuple[int, ...]) -> None:
    from maml_explorer.core.outer_gradient import outer_gradient

    problem = Problem(key, steps=2, tasks=4, shots=3, queries=6, hidden=hidden)
    trainer = Trainer(problem.settings())
    arm = next(iter(trainer.plan.arms.values()))
    batch, _ = draw_batch(trainer.plan, trainer.state)
    theta = next(iter(trainer.state.arms.values())).initialization
    with torch.no_grad(), Products() as counted:
        outer_gradient(arm.shape(trainer.plan, 4), theta, batch.inputs, batch.y, arm.inner_lr)
    assert counted.count == flops.outer_gradient(problem)


@pytest.mark.parametrize("case", where.CASES, ids=lambda case: case[0])
def test_the_small_problem_calls_the_same_kernels(case: tuple[str, Problem]) -> None:
    where.parts(case[1])


def test_after_one_step_is_that_of_the_reference() -> None:
    problem = Problem(tasks=FEW, hidden=(6, 5))
    theta, x, y = problem.example()
    moved = cuda.after_one_step(problem, "cpu", "float64") - theta
    gradient = expected(problem, theta, x, y)
    # Adam's first step is β in every direction that has a slope
    assert np.allclose(moved, -problem.outer_lr * np.sign(gradient), atol=1e-6)


def test_turns_alternate_and_ratios_are_of_rounds() -> None:
    order: list[str] = []
    works = {name: (lambda count, name=name: order.append(name)) for name in ("a", "b")}
    times = alternate(works, rounds=3, turn=0.0)
    assert order[-6:] == ["a", "b", "b", "a", "a", "b"]
    assert len(times["a"].rounds) == 3
    ratio = Times((2.0, 9.0, 6.0)).over(Times((1.0, 3.0, 3.0)))
    assert (ratio.median, ratio.minima) == (2.0, 2.0)
    assert Times((1.0, 2.0, 3.0, 4.0)).median == 2.5


def test_tables_are_markdown() -> None:
    assert table(["", "x"], [["one", "1"], ["eleven", "11"]]).splitlines() == [
        "|        |  x |",
        "|--------|---:|",
        "| one    |  1 |",
        "| eleven | 11 |",
    ]


def test_without_a_device_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["cuda"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    cuda.main()
    assert capsys.readouterr().out == "There is no CUDA device here: nothing was measured.\n"


def test_every_benchmark_is_a_module_of_its_own() -> None:
    import importlib.util

    from benchmarks.__main__ import NAMES

    assert all(importlib.util.find_spec(f"benchmarks.{name}") for name in NAMES)
    assert len(set(NAMES)) == len(NAMES)
