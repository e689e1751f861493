"""Foreign tensors laid into θ: names, order and kernels are recognized, and what was done is said.

Tried one after the other: the names of the export, with any prefix; layers in their order; layers
in their order with kernels [in, out], as TensorFlow and Flax have them; layers by their shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maml_explorer.core.models.table import network
from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_arm
from maml_explorer.files.reader import quoted
from maml_explorer.settings.declaration import SettingsError, shown
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.foreign.layers import COUNTERS, ForeignLayer, hidden_of, layers_of
from maml_explorer.storage.foreign.weights import ForeignWeights
from maml_explorer.storage.initialization import conv_tensors
from maml_explorer.storage.initialization.network_tensors import flat_vector, named_shapes
from maml_explorer.storage.initialization.step_size_tensors import (
    PREFIX,
    flat_rates,
    rate_shapes,
    rates_of,
)

Array = NDArray[Any]

_SCRIPT = "alpha."
"""The beginning of names of step sizes in a generated script."""
_BESIDE = (PREFIX, _SCRIPT, "curvature.", "context.")
"""Beginnings of names of what is learned beside θ."""
BEGINS = "what is learned beside θ is not in it, so that begins as in a new run"
_LISTED = 8
"""Most tensors that a sentence names."""


def fitted(weights: ForeignWeights, settings: Settings, what: str) -> tuple[Array, list[str]]:
    """θ with the learned step sizes behind it, and clauses on what was recognized.

    Args:
        weights: of one network.
        settings: of the only arm.
        what: the file or mapping, as a sentence begins with it.

    Raises:
        SettingsError: one sentence with names and shapes, where layers do not fit.
    """
    try:
        tensors, notes = weights.of_precision(settings.run.precision)
    except ValueError as error:
        raise SettingsError(f"{what}: {error}.") from None
    if weights.entry:
        notes.append(f"its entry {quoted(weights.entry)} was taken")
    tensors = {name: one for name, one in tensors.items() if not name.endswith(COUNTERS)}
    beside = {name: one for name, one in tensors.items() if name.startswith(_BESIDE)}
    own = {name: one for name, one in tensors.items() if name not in beside}
    expected = named_shapes(settings)
    found, said = _named(own, expected) or _ordered(own, settings, expected, what)
    learned, more = _beside(beside, settings, what)
    theta = np.concatenate([flat_vector(found, settings), learned])
    return theta.astype(settings.run.precision), [*notes, *said, *more]


def has_beside(weights: ForeignWeights) -> bool:
    """True where something learned beside θ is in the weights."""
    return any(name.startswith(_BESIDE) for name in weights.tensors)


Shapes = Mapping[str, tuple[int, ...]]
_Found = tuple[dict[str, Array], list[str]]


def _named(tensors: Mapping[str, Array], expected: Shapes) -> _Found | None:
    """The tensors under the names of the export, with one prefix before all of them."""
    first = next(iter(expected))
    for name in tensors:
        prefix = name[: -len(first)] if name.endswith(first) else None
        if prefix is None or (prefix and not prefix.endswith(".")):
            continue
        names = {prefix + key: key for key in expected}
        if names.keys() != tensors.keys():
            continue
        found = {names[name]: tensor for name, tensor in tensors.items()}
        if all(found[key].shape == shape for key, shape in expected.items()):
            return found, [f"its names begin with {quoted(prefix)}"] if prefix else []
    return None


def _ordered(
    tensors: Mapping[str, Array], settings: Settings, expected: Shapes, what: str
) -> _Found:
    """The layers in the order of the file, or by their shapes.

    Raises:
        SettingsError: where they do not fit.
    """
    layers, others = layers_of(tensors)
    mixing, norms = [one for one in layers if one.mixes], [one for one in layers if not one.mixes]
    slots = [name for name, shape in expected.items() if name.endswith(".weight")
             and len(shape) > 1]  # fmt: skip
    wrong = _unfit(tensors, settings, expected, what)
    if others or len(mixing) != len(slots) or any("bias" not in one.parts for one in mixing):
        raise wrong
    tried = [(mixing, False), (mixing, True)]
    if (sorted_ones := _by_shapes(mixing, slots, expected)) is not None:
        tried.append((sorted_ones, False))
    for order, transposed in tried:
        found = dict(_laid(order, slots, settings, transposed=transposed))
        if all(found[name].shape == expected[name] for name in found):
            notes = [f"its layers were taken in the order {', '.join(n.stem for n in order)}"]
            if transposed:
                flat = settings.model_kind.pictures and settings.model.pooling == "none"
                notes.append(
                    "its kernels are transposed, [in, out]"
                    + (", and its head was taken to see places before channels" * flat)
                )
            found |= _norm_tensors(norms, settings, expected, wrong, notes)
            return found, notes
    raise wrong


def _laid(
    order: Sequence[ForeignLayer], slots: Sequence[str], settings: Settings, *, transposed: bool
) -> Iterator[tuple[str, Array]]:
    last = len(slots) - 1
    for at, (layer, slot) in enumerate(zip(order, slots, strict=True)):
        weight = layer.parts["weight"]
        if transposed and weight.ndim == 4:
            weight = weight.transpose(3, 2, 0, 1)
        elif transposed and settings.model_kind.pictures and at == last:
            rows = network(settings).fan_in[-1]
            fits = weight.shape == (rows, settings.ends[1])
            weight = conv_tensors.to_filters(weight, at, settings) if fits else weight
        elif transposed:
            weight = weight.T
        yield slot, weight
        yield f"{slot.removesuffix('weight')}bias", layer.parts["bias"]


def _by_shapes(
    layers: Sequence[ForeignLayer], slots: Sequence[str], expected: Shapes
) -> list[ForeignLayer] | None:
    """The layers in the one order in which shapes of weights and biases fit; None without one."""
    found = []
    for slot in slots:
        bias = expected[f"{slot.removesuffix('weight')}bias"]
        fitting = [
            one
            for one in layers
            if one.parts["weight"].shape == expected[slot] and one.parts["bias"].shape == bias
        ]
        if len(fitting) != 1:
            return None
        found += fitting
    return found


def _norm_tensors(
    norms: Sequence[ForeignLayer],
    settings: Settings,
    expected: Shapes,
    wrong: SettingsError,
    notes: list[str],
) -> dict[str, Array]:
    """The tensors of the norm layers, in the order of the file."""
    if settings.model.norm == "none":
        if norms:
            raise wrong
        return {}
    stored = NORMS[settings.model.norm].stored
    parts = ["weight", "bias", *(["running_mean", "running_var"] if stored else [])]
    if len(norms) != settings.hidden_layers or stored > 1:
        raise wrong
    if any(part not in one.parts for one in norms for part in parts):
        raise wrong
    if not stored and any("running_mean" in one.parts for one in norms):
        notes.append(f"its running averages were left out: norm = {settings.model.norm} has none")
    found: dict[str, Array] = {}
    if settings.model_kind.pictures:
        stems = [name.removesuffix("weight") for name, shape in expected.items()
                 if name.endswith(".weight") and len(shape) == 1]  # fmt: skip
        for stem, one in zip(stems, norms, strict=True):
            found |= {stem + part: one.parts[part] for part in parts}
    else:
        for layer, one in enumerate(norms):
            found[f"affine.{layer}"] = np.stack([one.parts["weight"], one.parts["bias"]])
            if stored:
                kept = np.stack([one.parts["running_mean"], one.parts["running_var"]])
                found[f"kept.{layer}"] = kept[:, None]
    if any(tensor.shape != expected[name] for name, tensor in found.items()):
        raise wrong
    return found


def _beside(beside: Mapping[str, Array], settings: Settings, what: str) -> tuple[Array, list[str]]:
    """The numbers learned beside θ: those of the file, or as a run begins where it has none."""
    learned, shapes = rates_of(settings), rate_shapes(settings)
    if learned is None:
        left = [f"{_listed(beside)} was left out: the arm learns nothing beside θ"]
        return np.zeros(0), left if beside else []
    if not beside:
        plan = prepare(settings.with_values({"device": "cpu"}))
        begun = start_arm(plan, settings.arms[0].name).initialization
        return begun[plan.model.parameter_count :].numpy(), [BEGINS]
    found = {}
    for name in shapes:  # a script has one vector of step sizes for weight and bias of a layer
        own = _SCRIPT + name.removeprefix(PREFIX)
        names = (name, own, own.rpartition(".")[0])
        tensor = next((beside[one] for one in names if one in beside), None)
        if tensor is None or tensor.shape != shapes[name]:
            raise SettingsError(
                f"{what} has {_listed(beside)} beside θ, and the settings give "
                f"{', '.join(f'{n} {list(s)}' for n, s in list(shapes.items())[:_LISTED])}."
            )
        found[name] = tensor
    flat = flat_rates(found, settings)
    if flat is None:
        raise SettingsError(f"{what} has two learned step sizes for one layer.")
    return flat, []


def _unfit(
    tensors: Mapping[str, Array], settings: Settings, expected: Shapes, what: str
) -> SettingsError:
    wanted = ", ".join(f"{name} {list(shape)}" for name, shape in list(expected.items())[:_LISTED])
    more = ", …" if len(expected) > _LISTED else ""
    hint, hidden = ".", None
    if not settings.model_kind.pictures:
        hidden = hidden_of(tensors, settings.ends)
    if hidden is not None and hidden != settings.model.hidden:
        hint = f"; hidden = {shown(hidden)} fits it."
    return SettingsError(
        f"{what} does not fit the network: it has {_listed(tensors)}; the settings give {wanted}"
        f"{more}{hint}"
    )


def _listed(tensors: Mapping[str, Array]) -> str:
    names = [f"{quoted(name)[1:-1]} {list(one.shape)}" for name, one in tensors.items()]
    return ", ".join([*names[:_LISTED], *(["…"] if len(names) > _LISTED else [])]) or "no tensor"
