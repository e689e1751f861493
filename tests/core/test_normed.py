"""Skip connections and norms: closed forms against autograd, and against PyTorch's own modules."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import grad

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core import training
from maml_explorer.core.adaptation import StepSizes, tail_start, uniform_step_sizes
from maml_explorer.core.losses import SQUARED_ERROR
from maml_explorer.core.meta_gradient import InnerLoop, joint_gradient, meta_gradient
from maml_explorer.core.models.activations import ACTIVATIONS
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.streams import stream
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.norms import MOMENTUM, NORMS
from maml_explorer.settings.settings import Settings, default_arm
from tests import reference
from tests.reference import Kind

SIZES = (1, 6, 6, 4, 1)
"""Two neighbouring layers of one width and others that differ."""
TASKS, SHOTS, QUERY = 3, 5, 6
KINDS = [Kind(skip, norm) for skip in (False, True) for norm in NORMS if skip or norm != "none"]


def model_of(kind: Kind, activation: str = "tanh", sizes: tuple[int, ...] = SIZES) -> Mlp:
    return Mlp(sizes, activation, kind.skip, kind.norm)


def theta_of(model: Mlp, seed: int = 0) -> Tensor:
    """A vector [parameter] of random entries; those stored as variances are positive."""
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(model.parameter_count, dtype=torch.float64, generator=generator)
    for layer, width in zip(model.layers(theta), model.sizes, strict=False):
        stored = NORMS[model.norm].stored if len(layer) > width + 1 else 0
        layer[: width + 1] *= 0.6
        layer[width + 3 + stored :].abs_().add_(0.1)
    return theta


def points(seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = 4 * torch.rand(TASKS, SHOTS + QUERY, 1, dtype=torch.float64, generator=generator) - 2
    return x, torch.sin(x - torch.rand(TASKS, 1, 1, dtype=torch.float64, generator=generator))


def split(x: Tensor, y: Tensor) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
    pairs = list(zip(x, y, strict=True))
    return [(a[:SHOTS], b[:SHOTS]) for a, b in pairs], [(a[SHOTS:], b[SHOTS:]) for a, b in pairs]


def flat(layers: list[Tensor]) -> Tensor:
    return torch.cat([layer.flatten() for layer in layers])


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-30))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_and_hessian_vector_product(kind: Kind, activation: str) -> None:
    model = model_of(kind, activation).training
    phi = torch.stack([theta_of(model, seed) for seed in range(TASKS)])
    mask = reference.trained_mask(SIZES, kind, torch.float64)
    direction = mask * torch.stack([theta_of(model, 9 + seed) for seed in range(TASKS)])
    x, y = points()
    layers, vector = (
        [torch.stack(rows) for rows in zip(*map(model.layers, v), strict=True)]
        for v in (phi, direction)
    )
    trace = model.forward(layers, with_ones(x))
    gradients, _ = model.backward(layers, trace, SQUARED_ERROR.gradient(trace.output - y, 1.0))
    products, _ = model.hessian_vector_product(layers, trace, vector)
    for task in range(TASKS):

        def loss(p: Tensor, task: int = task) -> Tensor:
            return reference.loss(p, x[task], y[task], SIZES, activation, kind)

        def along(p: Tensor, task: int = task) -> Tensor:
            return grad(loss)(p) @ direction[task]

        expected = reference.predict(phi[task], x[task], SIZES, activation, kind)
        torch.testing.assert_close(trace.output[task], expected, rtol=1e-10, atol=1e-12)
        ours = torch.cat([layer[task].flatten() for layer in gradients])
        assert relative(ours, mask * grad(loss)(phi[task])) <= 1e-9
        ours = torch.cat([layer[task].flatten() for layer in products])
        assert relative(ours, mask * grad(along)(phi[task])) <= 1e-9


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 1, 3, 3, 1), (1, 5, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_other_widths_and_depths(kind: Kind, sizes: tuple[int, ...]) -> None:
    """A first layer as wide as the input, to which the input skips; one unit alone."""
    model = model_of(kind, sizes=sizes).training
    theta, (x, y) = theta_of(model), points()
    inner = InnerLoop(0, 2, uniform_step_sizes(0.1, model.depth, theta), True, (0.0, 0.3, 0.7))
    ours = meta_gradient(model, model.layers(theta), with_ones(x), y, SHOTS, inner)
    mask = reference.adapting_mask(sizes, kind, theta.dtype)
    theirs, _ = reference.meta_gradient(
        theta, 0.1 * mask.repeat(2, 1), *split(x, y), sizes, "tanh", True, (0.0, 0.3, 0.7), kind
    )
    theirs *= reference.trained_mask(sizes, kind, theta.dtype)
    assert relative(flat(ours.gradient), theirs) <= 1e-9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("key", ["maml", "fomaml", "anil"])
def test_meta_gradient_equals_the_reference(key: str, steps: int, multi: bool, kind: Kind) -> None:
    algorithm = ALGORITHMS[key]
    model = model_of(kind).training
    theta, (x, y) = theta_of(model), points()
    start = tail_start(model, algorithm.adapts)
    weights = tuple(0.1 + 0.2 * k for k in range(steps + 1)) if multi else (0.0,) * steps + (1.0,)
    inner = InnerLoop(
        start, steps, uniform_step_sizes(0.1, model.depth - start, theta),
        algorithm.second_order, weights,
    )  # fmt: skip
    ours = meta_gradient(model, model.layers(theta), with_ones(x), y, SHOTS, inner)
    mask = reference.adapting_mask(SIZES, kind, theta.dtype, start)
    theirs, _ = reference.meta_gradient(
        theta, 0.1 * mask.repeat(steps, 1), *split(x, y), SIZES, "tanh",
        algorithm.second_order, weights, kind._replace(start=start),
    )  # fmt: skip
    theirs *= reference.trained_mask(SIZES, kind, theta.dtype)
    assert relative(flat(ours.gradient), theirs) <= 1e-9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [0, 2])
def test_learned_step_sizes_equal_the_reference(start: int, kind: Kind) -> None:
    model, steps = model_of(kind, "softplus").training, 3
    theta, (x, y) = theta_of(model), points()
    full = 0.1 * torch.stack([theta_of(model, 20 + k) for k in range(steps)])
    mask = reference.adapting_mask(SIZES, kind, theta.dtype, start)
    weights = (0.0, 0.3, 0.2, 0.5)
    sizes = StepSizes([model.layers(row)[start:] for row in full], uniform=False)
    inner = InnerLoop(start, steps, sizes, True, weights, learned_step_sizes=True)
    ours = meta_gradient(model, model.layers(theta), with_ones(x), y, SHOTS, inner)
    by_theta, by_steps = reference.meta_gradient(
        theta, full * mask, *split(x, y), SIZES, "softplus", True, weights,
        kind._replace(start=start),
    )  # fmt: skip
    by_theta *= reference.trained_mask(SIZES, kind, theta.dtype)
    assert relative(flat(ours.gradient), by_theta) <= 1e-9
    assert ours.step_sizes is not None
    for k in range(steps):
        theirs = flat(model.layers(by_steps[k] * mask)[start:])
        assert relative(flat(ours.step_sizes[k]), theirs) <= 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_joint_gradient_is_autograd_with_each_task_s_own_statistics(kind: Kind) -> None:
    model = model_of(kind).training
    theta, (x, y) = theta_of(model), points()
    ours = joint_gradient(model, model.layers(theta), with_ones(x), y, SHOTS)

    def mean_loss(p: Tensor) -> Tensor:
        pairs = zip(x, y, strict=True)
        return torch.stack([reference.loss(p, a, b, SIZES, "tanh", kind) for a, b in pairs]).mean()

    theirs = grad(mean_loss)(theta) * reference.trained_mask(SIZES, kind, theta.dtype)
    assert relative(flat(ours.gradient), theirs) <= 1e-9


def plan_of(norm: str, algorithm: str = "maml", **changes: object) -> Plan:
    values = {
        "norm": norm, "skip": True, "hidden": (6, 6, 4), "activation": "tanh", "inner_steps": 2,
        "inner_lr": 0.1, "meta_batch": TASKS, "shots": SHOTS, "query_points": QUERY,
        "precision": "float64", "device": "cpu",
    }  # fmt: skip
    settings = Settings().with_values({**values, **changes})
    return prepare(settings.with_arms((default_arm(algorithm),)))


def test_reptile_keeps_scale_and_shift_as_its_setting_says() -> None:
    assert "Reptile, which learns from its inner loop only, keeps them at 1 and 0" in (
        DECLARATIONS["norm"].help
    )
    for algorithm, stays in (("reptile", True), ("maml", False)):
        plan = plan_of("layer", algorithm)
        state = training.start_run(plan)
        for _ in range(3):
            state, _ = training.outer_step(plan, state)
        ((name, arm),) = state.arms.items()
        rows = plan.model.layers(arm.initialization)[0][-2:]
        expected = torch.tensor([[1.0], [0.0]], dtype=rows.dtype).expand_as(rows)
        assert torch.equal(rows, expected) is stays
        begun = training.start_run(plan).arms[name].initialization
        assert not torch.equal(arm.initialization, begun)


@pytest.mark.parametrize("norm", NORMS)
def test_reptile_s_step_is_plain_descent_on_minibatches(norm: str) -> None:
    plan = plan_of(norm, "reptile", reptile_inner_steps=3, reptile_batch=2)
    kind = Kind(True, norm)
    name = next(iter(plan.arms))
    theta, (x, y) = theta_of(plan.model), points()
    shape = plan.arms[name].shape(plan, TASKS)
    found = outer_gradient(shape, theta, with_ones(x), y, plan.arms[name].inner_lr)
    mask = reference.adapting_mask(SIZES, kind, theta.dtype)
    moved = torch.zeros_like(theta)
    for task in range(TASKS):
        phi = theta
        for k, part in enumerate((slice(0, 2), slice(2, 4), slice(4, 5))):
            batch = x[task, part], y[task, part]
            if len(batch[0]) == 1 and norm in ("batch", "batch-running"):
                phi = one_point_step(phi, *batch, kind, mask)
            else:
                phi = reference.adapt(phi, mask, *batch, 0.1, 1, SIZES, "tanh", kind, k)
        moved += (theta - phi) / TASKS
    assert relative(found.gradient, moved) <= 1e-9


def one_point_step(phi: Tensor, x: Tensor, y: Tensor, kind: Kind, mask: Tensor) -> Tensor:
    """A step on one point, which a batch norm turns into its shift: h₁ = σ(β₁), and so on up."""

    def loss(p: Tensor) -> Tensor:
        h = x
        for rows in reference.norm_rows(p, SIZES, kind)[:-1]:
            below, h = h, torch.tanh(rows[1:2])
            h = h + below if below.shape == h.shape else h
        weight, bias = reference.unflatten(p, SIZES, kind)[-1]
        return ((h @ weight + bias - y) ** 2).mean()

    return phi - 0.1 * mask * grad(loss)(phi)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("algorithm", ["maml", "anil", "mtl", "reptile"])
def test_one_shot_is_finite_and_batch_norm_does_not_see_its_x(norm: str, algorithm: str) -> None:
    plan = plan_of(norm, algorithm, shots=1, skip=False)
    state = training.start_run(plan)
    for _ in range(20):
        state, losses = training.outer_step(plan, state)
    (arm,) = state.arms.values()
    assert torch.isfinite(arm.initialization).all()
    assert all(bool(torch.isfinite(loss).all()) for loss in losses.values())
    model = plan.model.training
    layers = model.layers(arm.initialization)
    x = with_ones(torch.linspace(-3, 3, 5, dtype=torch.float64)[:, None, None])
    output = model.forward(layers, x).output
    blind = norm in ("batch", "batch-running")
    assert torch.equal(output, output[:1].expand_as(output)) == blind


def test_norms_equal_those_of_pytorch_and_their_running_averages() -> None:
    x, _ = points()
    one = x[:1, :, :]
    model = Mlp((1, 6, 1), "tanh", norm="batch-running")
    theta = theta_of(model)
    layers = model.layers(theta)
    linear = torch.nn.Linear(1, 6, dtype=torch.float64)
    norm = torch.nn.BatchNorm1d(6, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(layers[0][:1].T)
        linear.bias.copy_(layers[0][1])
        norm.weight.copy_(layers[0][2])
        norm.bias.copy_(layers[0][3])
        norm.running_mean.copy_(layers[0][4])
        norm.running_var.copy_(layers[0][5])
        norm.eval()
        ours = model.forward(layers, with_ones(one)).pre[0][0]
        torch.testing.assert_close(ours, norm(linear(one[0])), rtol=1e-12, atol=1e-13)
        norm.train()
        ours = model.training.forward(layers, with_ones(one)).pre[0][0]
        torch.testing.assert_close(ours, norm(linear(one[0])), rtol=1e-12, atol=1e-13)
        affine = torch.nn.LayerNorm(6, dtype=torch.float64)
        affine.weight.copy_(layers[0][2])
        affine.bias.copy_(layers[0][3])
        ours = Mlp((1, 6, 1), "tanh", norm="layer").forward(layers, with_ones(one)).pre[0][0]
        torch.testing.assert_close(ours, affine(linear(one[0])), rtol=1e-12, atol=1e-13)
    assert norm.momentum == MOMENTUM


@pytest.mark.parametrize("algorithm", ["maml", "anil", "mtl", "reptile"])
@pytest.mark.parametrize("norm", ["batch-running", "batch-per-step"])
def test_running_averages_follow_the_statistics_of_an_outer_step(norm: str, algorithm: str) -> None:
    plan = plan_of(norm, algorithm, skip=False, reptile_inner_steps=2, reptile_batch=3)
    state = training.start_run(plan)
    for _ in range(2):
        (before,) = state.arms.values()
        batch, _ = training.draw_batch(plan, state)
        state, _ = training.outer_step(plan, state)
    (after,) = state.arms.values()
    start = {"anil": 3, "mtl": 4}.get(algorithm, 0)
    kind, theta = Kind(False, norm, start), before.initialization
    mask = reference.adapting_mask(SIZES, kind, theta.dtype, start)
    sets = {"mtl": [], "reptile": [slice(0, 3), slice(3, 5)]}.get(algorithm, [slice(0, SHOTS)] * 2)
    seen: list[list[Tensor]] = [[] for _ in range(len(sets) + 1)]  # z [point, unit] by inner step
    for task in range(TASKS):
        x, y = batch.inputs[task, :, :1], batch.y[task]
        phi = theta
        for k, part in enumerate(sets):
            seen[k].append(first_layer(phi, x[part], kind))
            phi = reference.adapt(phi, mask, x[part], y[part], 0.1, 1, SIZES, "tanh", kind, k)
        seen[-1].append(first_layer(phi, x if algorithm == "mtl" else x[SHOTS:], kind))
    old, new = (reference.norm_rows(t, SIZES, kind)[0] for t in (theta, after.initialization))
    if norm == "batch-per-step":
        for k in range(11):
            z = torch.cat(seen[min(k, len(sets))])
            follow = torch.nn.BatchNorm1d(6, dtype=torch.float64)
            with torch.no_grad():
                follow.running_mean.copy_(old[2 + k])
                follow.running_var.copy_(old[13 + k])
            follow(z)
            torch.testing.assert_close(new[2 + k], follow.running_mean, rtol=1e-9, atol=1e-11)
            # PyTorch corrects for a degree of freedom
            corrected = 0.9 * old[13 + k] + (new[13 + k] - 0.9 * old[13 + k]) * len(z) / (
                len(z) - 1
            )
            torch.testing.assert_close(corrected, follow.running_var, rtol=1e-9, atol=1e-11)
    else:
        sizes = [torch.cat(z) for z in seen]
        mean = torch.stack([z.mean(0) for z in sizes]).mean(0)
        square = torch.stack([z.square().mean(0) for z in sizes]).mean(0)
        now = torch.stack([mean, square - mean.square()])
        torch.testing.assert_close(new[2:], 0.9 * old[2:] + 0.1 * now, rtol=1e-9, atol=1e-11)


def first_layer(phi: Tensor, x: Tensor, kind: Kind) -> Tensor:
    weight, bias = reference.unflatten(phi, SIZES, kind)[0]
    return x @ weight + bias


def test_chunks_of_tasks_follow_the_same_averages() -> None:
    plan = plan_of("batch-per-step")
    name = next(iter(plan.arms))
    theta, (x, y) = theta_of(plan.model), points()
    arm, wide = plan.arms[name], with_ones(x)
    whole = outer_gradient(arm.shape(plan, TASKS), theta, wide, y, arm.inner_lr)
    one, two = (
        outer_gradient(arm.shape(plan, b - a), theta, wide[a:b], y[a:b], arm.inner_lr)
        for a, b in ((0, 1), (1, TASKS))
    )
    total = one + two
    torch.testing.assert_close(total.moments, whole.moments, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(total.gradient, whole.gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("algorithm", ["maml", "anil", "mtl"])
@pytest.mark.parametrize("norm", NORMS)
def test_full_losses_are_those_of_the_training_network(norm: str, algorithm: str) -> None:
    plan = plan_of(norm, algorithm)
    name = next(iter(plan.arms))
    state = training.start_run(plan)
    state, _ = training.outer_step(plan, state)
    batch, _ = training.draw_batch(plan, state)
    start = {"anil": 3, "mtl": 4}.get(algorithm, 0)
    kind, theta = Kind(True, norm, start), state.arms[name].initialization
    mask = reference.adapting_mask(SIZES, kind, theta.dtype, start)
    after = before = 0.0
    for task in range(TASKS):
        x, y = batch.inputs[task, :, :1], batch.y[task]
        if algorithm == "mtl":
            gap = (reference.predict(theta, x, SIZES, "tanh", kind) - y).square()
            after += float(gap[:SHOTS].mean()) / TASKS
            before += float(gap[SHOTS:].mean()) / TASKS
            continue
        support, query = (x[:SHOTS], y[:SHOTS]), (x[SHOTS:], y[SHOTS:])
        phi = reference.adapt(theta, mask, *support, 0.1, 2, SIZES, "tanh", kind)
        after += float(reference.loss(phi, *support, SIZES, "tanh", kind, 2)) / TASKS
        before += float(reference.loss(theta, *query, SIZES, "tanh", kind)) / TASKS
    found = training.full_losses(plan, state, name, batch)
    assert found == pytest.approx((after, before), rel=1e-9)


def test_weights_are_drawn_as_those_of_the_plain_network() -> None:
    plain = Mlp(SIZES)
    start = plain.initialize("pytorch", stream(0, "initialization"), torch.float64)
    for norm, record in NORMS.items():
        normed = Mlp(SIZES, norm=norm)
        theta = normed.initialize("pytorch", stream(0, "initialization"), torch.float64)
        pairs = zip(normed.layers(theta), plain.layers(start), strict=True)
        for index, (ours, theirs) in enumerate(pairs):
            assert torch.equal(ours[: len(theirs)], theirs)
            rows = ours[len(theirs) :]
            assert len(rows) == (record.rows if index < 3 else 0)
            expected = [1.0, 0.0] + [0.0] * record.stored + [1.0] * record.stored
            assert rows[:, 0].tolist() == (expected if len(rows) else [])


def test_modes_that_train_alike_train_the_same_weights() -> None:
    learned = {}
    for norm in ("batch", "batch-running"):
        plan = plan_of(norm)
        state = training.start_run(plan)
        for _ in range(5):
            state, _ = training.outer_step(plan, state)
        (arm,) = state.arms.values()
        layers = plan.model.layers(arm.initialization)
        learned[norm] = flat([layer[: w + 3] for layer, w in zip(layers, SIZES, strict=False)])
    assert torch.equal(learned["batch"], learned["batch-running"])
