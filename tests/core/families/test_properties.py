"""Properties of FAMILIES × MODELS × ALGORITHMS × norms.

Gradients, accuracy by chance, permuted classes.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.divergence import EXPLODING, loss_limit
from maml_explorer.core.families.table import TASK_FAMILIES, family_of
from maml_explorer.core.learned_rates import LearnedRates
from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.core.models.table import MODELS, network
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import draw_batch, outer_step, start_run
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.models import MODEL_KINDS
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.expressions import sizes_of
from tests import reference
from tests.own_images import opened
from tests.own_tasks import asked, waves

NORMED = ("none", "batch", "layer")
SMALL: dict[str, dict[str, Any]] = {
    "sine": {"shots": 4, "query_points": 5},
    "glyphs": {"ways": 3, "shots": 2, "query_points": 2, "side": 8},
    "folder": {"ways": 3, "shots": 2, "query_points": 2, "side": 8, "data": opened(more=3)},
    "own": asked(waves(), shots=4, query_points=5),
    "incremental": {"functions": 2, "batches": 2, "shots": 3, "query_points": 2},
}


NETWORKS = [
    (family, kind)
    for family in FAMILIES
    for kind in MODEL_KINDS
    if FAMILIES[family].images or not MODEL_KINDS[kind].pictures
]
"""Families with the networks that take their inputs."""


def allowed(family: str, norm: str) -> bool:
    """False where a norm looks at points of a stream that have not arrived yet."""
    return not (FAMILIES[family].stream and norm == "batch")


def plan_of(family: str, algorithm: str, norm: str, **more: Any) -> Plan:
    """A small run of one arm in float64."""
    values = {
        "family": family, "norm": norm, "hidden": (6, 5), "activation": "tanh", "meta_batch": 3,
        "inner_steps": 2, "inner_lr": 0.1, "precision": "float64", "device": "cpu",
        "filters": 3, "blocks": 2,
    }  # fmt: skip
    settings = Settings().with_values(values | SMALL.get(family, SMALL["sine"]) | more)
    return prepare(settings.with_arms((default_arm(algorithm),)))


def mean_loss(plan: Plan, flat: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The mean loss of one set of points, as torch has it; the network by the judge of tests."""
    model, classes = plan.model, plan.settings.family.images
    if plan.settings.model_kind.pictures:
        output = reference.predict_pictures(
            flat, x, model.shapes, plan.settings.images.side, model.norm
        )
    else:
        kind, sizes = reference.Kind(norm=model.norm), sizes_of(plan.settings)
        output = reference.predict(flat, x, sizes, plan.settings.model.activation, kind)
    if classes:
        return torch.nn.functional.cross_entropy(output, y)
    return torch.nn.functional.mse_loss(output, y)


def clipped(gradient: Tensor, limit: float) -> Tensor:
    """A gradient of a norm of at most the limit; 0 is none."""
    norm = gradient.norm()
    return torch.where(norm > limit, gradient * limit / norm, gradient) if limit else gradient


def through_matrices(
    plan: Plan, learned: Tensor, gradient: Tensor, clip: float = 0, second: bool = True
) -> Tensor:
    """A gradient [parameter] multiplied by Meta-Curvature's matrices, as its paper writes it."""
    adapts = torch.cat(
        [
            (torch.arange(rows)[:, None] < height).expand(rows, out).reshape(-1)
            for (height, out), (rows, _) in zip(plan.model.matrices, plan.model.shapes, strict=True)
        ]
    )
    gradient = clipped(gradient * adapts, clip)
    parts, begin, at = [], 0, 0
    blocks = len(plan.model.shapes) - 1 if plan.settings.model_kind.pictures else 0
    pairs = zip(plan.model.matrices, plan.model.shapes, strict=True)
    for nth, ((height, out), (rows, _)) in enumerate(pairs):
        g = gradient[begin : begin + rows * out].view(rows, out)
        begin += rows * out
        places = 9 if nth < blocks else 1
        inputs, own = (height - 1) // places, []
        for size in ([places] if places > 1 else []) + [inputs, out]:
            own.append(learned[at : at + size**2].view(size, size))
            at += size**2
        bias = learned[at : at + out] * g[height - 1]
        at += out
        place = own[0] if places > 1 else torch.eye(1, dtype=torch.float64)
        weight = g[: height - 1].reshape(places, inputs, out)
        weight = torch.einsum("ab,cd,bdo,oe->ace", place, own[-2], weight, own[-1])
        still = torch.zeros(rows - height, out, dtype=torch.float64)
        parts.append(torch.cat([weight.reshape(-1, out), bias[None], still]).reshape(-1))
    assert at == len(learned) and begin == len(gradient)
    return torch.cat(parts)


def through_context(
    plan: Plan, learned: Tensor, gradient: Tensor, clip: float = 0, second: bool = True
) -> Tensor:
    """A gradient [parameter] as what the context parameters, whose step it stands for, move."""
    features = plan.settings.inner.context_enters == "features"
    layer = len(plan.model.shapes) - 2 if features else 0
    out, width = plan.model.shapes[layer][1], plan.model.matrices[layer][0] - 1
    row = width if plan.model.norm == "none" else width + 2  # the bias, or the shift of a norm
    height = 1 + (features and plan.model.norm != "none")  # its scale stands above the shift
    begin = sum(a * b for a, b in plan.model.shapes[:layer]) + (row + 1 - height) * out
    end = begin + height * out
    weights = learned.view(-1, height * out)
    by_context = weights @ gradient[begin:end]
    step = clipped(by_context if second else by_context.detach(), clip)
    below, above = gradient.new_zeros(begin), gradient.new_zeros(len(gradient) - end)
    return torch.cat([below, step @ weights, above])


def arriving_points(plan: Plan, shots: int) -> list[Tensor]:
    """The support points that each inner step sees; one part where all steps see all."""
    if not plan.settings.family.stream:
        return [torch.arange(shots)]
    parts, batches = [], plan.settings.tasks.batches
    for of_function in torch.arange(shots).split(plan.settings.inner.shots):
        ends = [int(k * len(of_function) / batches) for k in range(batches + 1)]
        parts += [of_function[a:b] for a, b in itertools.pairwise(ends)]
    return parts


MAPPED = {"matrices": through_matrices, "context": through_context}
"""Kinds of learned maps of the gradient → the judge of them."""


def nested(plan: Plan, flat: Tensor, x: Tensor, y: Tensor, shots: int) -> Tensor:
    """The outer loss of one task, by nested autograd on plain PyTorch."""
    model, arm = plan.model, next(iter(plan.arms.values()))
    rates: Any = arm.settings.inner.inner_lr
    count = model.parameter_count
    mapped = MAPPED.get(arm.algorithm.step_sizes)
    if arm.learned is not None and mapped is None:
        shape = LearnedRates("parameter", 0, arm.inner.steps)
        assert arm.learned == shape
        rates = torch.cat(
            [part.reshape(-1) for part in arm.learned.of(model, flat, flat[:0]).at(0)]
        )
    theta = flat[:count]
    if arm.algorithm.adapts == "none":
        return mean_loss(plan, theta, x, y)
    start, still = arm.inner.start, arm.algorithm.adapts == "body"  # the head of BOIL
    parts = []
    pairs = zip(model.matrices, model.shapes, strict=True)
    for layer, ((height, _), (rows, out)) in enumerate(pairs):
        adapts = torch.zeros(rows, out, dtype=torch.float64)
        adapts[:height] = start <= layer < len(model.shapes) - still
        parts.append(adapts.reshape(-1))
    mask = torch.cat(parts)
    phi = theta
    parts = arriving_points(plan, shots)
    for k in range(arm.inner.steps):
        seen = parts[k % len(parts)]

        # the body sees support and query sets apart, as here
        def support_loss(at: Tensor, seen: Tensor = seen) -> Tensor:
            return mean_loss(plan, at, x[seen], y[seen])

        gradient = torch.func.grad(support_loss)(phi)
        if not arm.inner.second_order:
            gradient = gradient.detach()
        step = mask * gradient if mapped is None else mapped(plan, flat[count:], gradient)
        phi = phi - rates * step
    return mean_loss(plan, phi, x[shots:], y[shots:])


@pytest.mark.parametrize(  # an implicit gradient has no path: tests/core/test_implicit_gradient.py
    "algorithm",
    [key for key, a in ALGORITHMS.items() if a.outer_rule == "gradient" and not a.implicit],
)
@pytest.mark.parametrize(
    ("family", "kind", "norm"),
    [(*one, norm) for one in NETWORKS for norm in NORMED if allowed(one[0], norm)],
)
def test_outer_gradients_equal_nested_autograd(
    family: str, kind: str, algorithm: str, norm: str
) -> None:
    agrees_with_nested_autograd(plan_of(family, algorithm, norm, model=kind))


@pytest.mark.parametrize("norm", NORMED)
@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_a_context_of_features_equals_nested_autograd(kind: str, norm: str) -> None:
    more = {"context_enters": "features", "context": 4}
    agrees_with_nested_autograd(plan_of("glyphs", "cavia", norm, model=kind, **more))


def agrees_with_nested_autograd(plan: Plan) -> None:
    """An outer gradient is the judge's to 1e-9, and so is its loss."""
    state = start_run(plan)
    (name, arm_plan), (arm, *_) = next(iter(plan.arms.items())), [*state.arms.values()]
    batch, _ = draw_batch(plan, state)
    theta = arm.initialization
    noise = torch.Generator().manual_seed(3)  # what is learned does not stay at its beginning
    more = torch.randn(len(theta), generator=noise, dtype=torch.float64)
    more[: plan.model.parameter_count] = 0
    theta = theta + 0.1 * more
    shape = arm_plan.shape(plan, len(batch.tasks))
    varying = arm_plan.varying(plan, arm_plan.in_force(0))
    ours = outer_gradient(shape, theta, batch.inputs, batch.y, *varying)
    total, shots = torch.zeros_like(theta), batch.shots
    losses = []
    for x, y in zip(batch.points.x, batch.y, strict=True):
        goal = y.argmax(-1) if plan.settings.family.images else y

        def loss(at: Tensor, x: Tensor = x, goal: Tensor = goal) -> Tensor:
            return nested(plan, at, x, goal, shots)

        total += torch.func.grad(loss)(theta) / len(batch.tasks)
        losses.append(float(loss(theta)))
    assert float((ours.gradient - total).abs().max() / total.abs().max()) <= 1e-9, name
    if arm_plan.algorithm.adapts != "none":
        assert float(ours.losses[1]) == pytest.approx(sum(losses) / len(losses), rel=1e-9)


@pytest.mark.parametrize("kind", MODEL_KINDS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_before_adapting_accuracy_is_that_of_chance(algorithm: str, kind: str) -> None:
    plan = plan_of("glyphs", algorithm, "batch", precision="float32", ways=5, shots=1, model=kind)
    state = start_run(plan)
    for _ in range(30):
        state, losses = outer_step(plan, state)
    (name, arm), *_ = state.arms.items()
    assert all(math.isfinite(float(x)) for x in losses[name])
    record, _ = run_to_end(meta_test(plan, name, arm.initialization, steps=1, task_count=300))
    mean, half = record.mean[0], record.ci95[0]
    assert mean is not None and half is not None
    # twice the interval: one of twenty tests would fail by chance otherwise
    assert abs(mean - 1 / 5) <= max(2 * half, 0.02)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_permuted_classes_permute_outputs(kind: str) -> None:
    """What an arm answers depends on which images share a label, not on the label's number."""
    plan = plan_of("glyphs", "maml", "batch", model=kind)
    batch = draw_batch(plan, start_run(plan))[0]
    model, order = plan.model, torch.tensor([2, 0, 1])
    theta = start_run(plan).arms["MAML"].initialization
    layers = model.layers(theta)

    def answers(y: Tensor, head: Tensor) -> Tensor:
        from maml_explorer.core.adaptation import adapt

        arm = plan.arms["MAML"]
        x, shots = batch.inputs, batch.shots
        path = adapt(
            model, [*layers[:-1], head], x[:, :shots], y[:, :shots], arm.inner.step_sizes, 2
        )
        return model.forward(path.parameters[-1], x[:, shots:], step=2).output

    plain = answers(batch.y, layers[-1])
    permuted = answers(batch.y[..., order], layers[-1][:, order])
    torch.testing.assert_close(permuted, plain[..., order])


def test_the_tables_have_the_same_families() -> None:
    assert list(TASK_FAMILIES) == list(FAMILIES)
    for key, family in TASK_FAMILIES.items():
        settings = Settings().with_values({"family": key} | SMALL.get(key, SMALL["sine"]))
        assert family_of(settings) is family and family.about is FAMILIES[key]
        assert family.loss.key == family.about.loss
        assert family.loss.figure_label == family.about.figure
        assert family.loss.higher_is_better == family.about.higher_is_better
        for kind in MODEL_KINDS:
            model = network(settings.with_values({"model": kind}))
            assert (model.inputs, model.outputs) == settings.ends and model.loss is family.loss
    assert list(MODELS) == list(MODEL_KINDS)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_has_the_sizes_that_settings_say(family: str) -> None:
    plan = plan_of(family, "maml", "none")
    batch, _ = draw_batch(plan, start_run(plan))
    inputs, outputs = plan.settings.ends
    points = plan.settings.support_points() + plan.settings.query_points
    assert batch.inputs.shape == (3, points, inputs + 1)
    assert batch.y.shape == (3, points, outputs)
    assert batch.shots == plan.settings.support_points()
    assert bool((batch.inputs[..., -1] == 1).all())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_chunk_of_held_out_tasks_is_a_part_of_all(family: str) -> None:
    settings = Settings().with_values({"family": family} | SMALL.get(family, SMALL["sine"]))
    held = TASK_FAMILIES[family].held_out(settings, 6, 3, "meta-test", torch.float64)
    whole, part = held.batch(), held.part(2, 5)
    shots = whole.shots
    assert torch.equal(part.support_x, whole.inputs[2:5, :shots])
    assert torch.equal(part.support_y, whole.y[2:5, :shots])
    assert torch.equal(part.query_x.expand(3, -1, -1), whole.inputs[2:5, shots:])
    assert torch.equal(part.query_y, whole.y[2:5, shots:])
    fewer = TASK_FAMILIES[family].held_out(settings, 6, 2, "meta-test", torch.float64).batch()
    parts = settings.tasks.functions if settings.family.stream else 1
    few, all_ = (
        one.inputs[:, : one.shots].view(6, parts, -1, one.inputs.shape[2]) for one in (fewer, whole)
    )
    assert torch.equal(few, all_[:, :, : few.shape[2]])


def test_a_classifier_diverges_by_the_loss_of_guessing() -> None:
    plan = plan_of("glyphs", "maml", "none")
    assert loss_limit(plan, "MAML") == EXPLODING * math.log(3)
