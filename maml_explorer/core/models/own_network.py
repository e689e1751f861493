"""The user's own networks that are open in this process, as models by torch.func."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.func import replace_all_batch_norm_modules_

from maml_explorer.core.families.batch import with_ones
from maml_explorer.core.losses import LOSSES
from maml_explorer.core.models.functional import Functional, _staged, _whole_name, functional
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_network import NetworkKey, network_key
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A module of the user's, as it was handed over."""

    key: NetworkKey
    module: nn.Module
    """A copy; θ_0 is what it holds, for every seed."""
    names: tuple[str, ...]
    """Names of its parameters in the order of θ."""
    models: dict[str, Functional] = field(default_factory=dict)
    """Key of the loss → the model."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name of each parameter, in the order of θ → its shape."""
        return {name: tuple(self.module.get_parameter(name).shape) for name in self.names}


_OPEN: dict[str, OwnNetwork] = {}
"""Text of the key → module."""


def open_network(model: nn.Module | Callable[[], nn.Module], settings: Settings) -> NetworkKey:
    """Makes a module known to this process; its key.

    Args:
        model: the module, or what makes it.
        settings: of the run that it is to train on.

    Raises:
        SettingsError: naming what is wrong with it, and what is allowed.
    """
    module = model if isinstance(model, nn.Module) else _made(model)
    name, (inputs, outputs) = type(module).__name__[:40], settings.ends
    loss = LOSSES[settings.family.loss]
    said = f"The network “{name}” cannot be used: "
    allowed = f"allowed is a module from [point, {inputs}] to [point, {outputs}]"
    try:
        found = functional(module, inputs, loss)
    except Exception as error:
        raise SettingsError(f"{said}{_reason(error)}; {allowed}.") from error
    if found.outputs != outputs:
        raise SettingsError(f"{said}it gives {found.outputs} numbers a point; {allowed}.")
    theta = found.initialize("", torch.Generator(), torch.float32)
    if not bool(torch.isfinite(theta).all()):
        raise SettingsError(f"{said}it holds parameters that are not finite numbers.")
    try:
        layers = [layer.expand(2, -1, -1) for layer in found.layers(theta)]
        trace = found.forward(layers, with_ones(torch.ones(2, 3, inputs)))
        found.backward(layers, trace, torch.ones(2, 3, outputs))
        found.hessian_vector_product(layers, trace, layers)
    except Exception as error:
        raise SettingsError(
            f"{said}torch.func cannot differentiate it twice for several tasks at once "
            f"({_reason(error)}); {allowed} without in-place changes of its own state."
        ) from error
    names = _parameter_names(module, found)
    shapes = [(n, tuple(module.get_parameter(n).shape)) for n in names]
    fingerprint = hashlib.sha256(repr(shapes).encode()).hexdigest()[:16]
    key = NetworkKey(name, inputs, outputs, found.parameter_count, fingerprint)
    own = copy.deepcopy(module)
    replace_all_batch_norm_modules_(own)  # as it is trained
    kept = OwnNetwork(key, own.eval(), names, {loss.key: found})
    _OPEN[key.text] = kept
    return key


def opened_network(settings: Settings) -> OwnNetwork:
    """The module that settings name.

    Raises:
        SettingsError: where it is not open.
    """
    text = settings.model.own_network
    found, key = _OPEN.get(text), network_key(text)
    if found is None:
        words = "" if key is None else f" {key.words}"
        raise SettingsError(
            f"This needs the network{words}, which is not here: give the same module, model=…."
        )
    return found


def own_model(settings: Settings) -> Functional:
    """The model of the module that settings name.

    Raises:
        SettingsError: where it is not open.
    """
    network, loss = opened_network(settings), LOSSES[settings.family.loss]
    if loss.key not in network.models:
        network.models[loss.key] = functional(network.module, network.key.inputs, loss)
    return network.models[loss.key]


def _parameter_names(module: nn.Module, model: Functional) -> tuple[str, ...]:
    """Names of a module's parameters in the order of θ of its model."""
    return tuple(
        _whole_name(module, begin, name)
        for (begin, _), stage in zip(_staged(module), model.stages, strict=True)
        for name in stage.names
    )


def _made(model: object) -> nn.Module:
    try:
        found = model() if callable(model) else None
    except Exception as error:
        raise SettingsError(f"The network cannot be made: {_reason(error)}.") from error
    if not isinstance(found, nn.Module):
        what = type(model if found is None else found).__name__
        raise SettingsError(
            f"The network cannot be a {what}: allowed is an nn.Module, or a function without "
            "arguments that makes one."
        )
    return found


def _reason(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
