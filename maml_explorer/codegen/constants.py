"""Constants at the head of generated code. Torch-free: text only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from maml_explorer.algorithms import Algorithm
from maml_explorer.codegen.beside_theta import BESIDE, context_enters
from maml_explorer.codegen.convolution import layer_places, norm_places
from maml_explorer.codegen.families import data_code
from maml_explorer.settings.phases import Adapt, Phases, Query, phases
from maml_explorer.settings.settings import Settings

HEADS = {"head": "adapts", "body": "stays"}
"""Layers that adapt, where the head is told apart → what the head alone does."""


def constants(own: Settings, record: Algorithm) -> str:
    """An assignment per value in use, with its symbol beside it."""
    outer, step = own.outer, phases(own, record)
    # the program's own choice is the CPU but for large meta-batches of wide networks
    device = "cuda" if own.run.device == "cuda" else "cpu"
    lines = [
        f"SEED = {own.run.seed}  # of θ_0 and the tasks",
        f'DEVICE, DTYPE = "{device}", torch.{own.run.precision}',
        "",
        *data_code(own).constants(own),
        f"META_BATCH = {outer.meta_batch}  # tasks per outer step",
        f"OUTER_STEPS = {outer.outer_steps:_}",
    ]
    if own.model_kind.pictures:
        lines.append(f"LAYERS = {_tuple(layer_places(own))}  # of the model: they adapt")
        if record.has_inner_loop and own.model.norm != "none":
            names = _tuple(f"{n}." for n in norm_places(own))
            lines.append(f"NORMS = {names.replace(chr(39), chr(34))}  # they do not")
    elif own.model.special:
        lines.append(f"SIZES = {network_sizes(own)}  # x to y")
    if step.adapt:
        lines += _of_inner_loop(own, step.adapt)
    lines += _of_update(own, step)
    return "\n".join(line for n, line in enumerate(lines) if line or n == 2)


def _of_inner_loop(own: Settings, adapt: Adapt) -> list[str]:
    begins = BESIDE[adapt.step_sizes].begins if adapt.step_sizes else ""
    lines = [f"INNER_LR, INNER_STEPS = {own.inner.inner_lr!r}, {adapt.steps}  # α, K{begins}"]
    if adapt.pull:
        lines.append(f"PROXIMAL = {adapt.pull!r}  # λ: what holds φ near θ")
    if adapt.clip:
        lines.append(f"INNER_CLIP = {adapt.clip!r}  # largest norm of an inner gradient")
    if adapt.layers in HEADS:
        several = adapt.layers == "head" and own.inner.head_layers > 1
        last = (
            "layers, which alone adapt" if several else f"layer, which alone {HEADS[adapt.layers]}"
        )
        lines.append(f"HEAD = {head_names(own, adapt.layers)}  # the last {last}")
    if adapt.context:
        lines.append(f"CONTEXT = {adapt.context}  # context parameters, which alone adapt")
        names = ", ".join(f'"{name}"' for name in context_enters(own))
        lines.append(f"CONTEXT_ENTERS = {f'({names})' if ', ' in names else names}")
    if adapt.minibatch:
        lines.append(f"INNER_BATCH = {adapt.minibatch}  # support points per inner step")
    return lines


def _of_update(own: Settings, step: Phases) -> list[str]:
    update = step.update
    if not update.optimizer:
        falls = ", which falls to 0" if update.anneals else ""
        return [f"EPSILON = {update.rate!r}  # ε{falls}"]
    lines = [f"OUTER_LR = {update.rate!r}  # β"]
    if update.schedule == "warm-up":
        lines.append(f"WARMUP_STEPS = {own.outer.warmup_steps:_}")
    elif update.schedule:
        lines.append(f"SCHEDULE_END = {own.outer.schedule_end!r}  # the part of β it ends with")
    if update.clip:
        lines.append(f"OUTER_CLIP = {update.clip!r}  # largest norm of the outer gradient")
    if step.query:
        lines += _of_query(step.query)
    return lines


def _of_query(query: Query) -> list[str]:
    lines = []
    if query.second_order_from:
        lines.append(f"SECOND_ORDER_FROM = {query.second_order_from:_}  # outer step")
    if query.solve_steps:
        lines.append(f"CG_STEPS = {query.solve_steps}  # of conjugate gradients")
    if query.multi_step_until:
        lines.append(f"MULTI_STEP_UNTIL = {query.multi_step_until:_}  # outer step")
    return lines


def head_names(own: Settings, layers: str) -> str:
    """The names of the head's parameters, as a tuple in code.

    Args:
        layers: those that adapt; a head that stays is the last layer.
    """
    count = own.inner.head_layers if layers == "head" else 1
    numbers = range(len(own.model.hidden) + 1)
    places: Sequence[object] = [2 * nth for nth in numbers]
    if own.model_kind.pictures:
        places = layer_places(own)
    elif own.model.special:
        places = [f"linears.{nth}" for nth in numbers]
    names = [f'"{place}.{part}"' for place in places[-count:] for part in ("weight", "bias")]
    return f"({', '.join(names)})"


def _tuple(values: Iterable[object]) -> str:
    return repr(tuple(values))


def network_sizes(own: Settings) -> tuple[int, ...]:
    """Widths of the network from inputs to outputs."""
    inputs, outputs = own.ends
    return (inputs, *own.model.hidden, outputs)
