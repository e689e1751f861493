"""Modules of PyTorch that were made elsewhere: settings read off them, and a trial of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.sequential import ACTIVATION_MODULES

TRIED = 64
"""Points at which two modules are compared."""
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
"""Precision → largest difference of two predictions, in parts of the largest one."""
_ACTIVATIONS = {kind.__name__: name for name, kind in ACTIVATION_MODULES.items()}


def values_of_module(module: nn.Module) -> dict[str, Any]:
    """The settings that an `nn.Sequential` of linear layers has; of another module its precision.

    Raises:
        SettingsError: for a module of several activations, or of one that this program lacks.
    """
    found: dict[str, Any] = {}
    if any(one.dtype == torch.float64 for one in module.parameters()):
        found["precision"] = "float64"
    if not isinstance(module, nn.Sequential):
        return found
    parts = list(module)
    linear = [one for one in parts if isinstance(one, nn.Linear)]
    others = [one for one in parts if not isinstance(one, nn.Linear | nn.Identity)]
    if not linear or len(linear) + len(others) > 2 * len(linear) - 1:
        return found  # of pictures, or with a norm: the settings say which
    names = list(dict.fromkeys(type(one).__name__ for one in others))
    if len(names) > 1 or any(name not in _ACTIVATIONS for name in names):
        raise SettingsError(
            f"The module has the layers {', '.join(names)} between its linear ones: allowed is one "
            f"of {', '.join(_ACTIVATIONS)}, the same everywhere."
        )
    found["hidden"] = tuple(one.out_features for one in linear[:-1])
    if names:
        found["activation"] = _ACTIVATIONS[names[0]]
    return found


def check_same(module: nn.Module, own: nn.Module, settings: Settings) -> None:
    """Passes where both modules predict the same, as far as that can be tried.

    A norm over the points given depends on the batch, so such modules are not tried.

    Raises:
        SettingsError: where they predict something else.
    """
    if NORMS[settings.model.norm].over == "points" and settings.model.norm != "batch-running":
        return
    precision = settings.run.precision
    inputs, tasks = settings.ends[0], settings.tasks
    if settings.family.images:
        x = torch.rand(8, inputs, generator=torch.Generator().manual_seed(0))
    else:
        x = torch.linspace(tasks.x_min, tasks.x_max, TRIED)[:, None].expand(-1, inputs)
    x = x.to(torch.float64 if precision == "float64" else torch.float32)
    trained = module.training
    try:
        with torch.no_grad():
            theirs = module.eval()(x.to(next(module.parameters()).dtype)).to(x.dtype)
            ours = own.eval()(x)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        words = " ".join(str(error).split())[:120]
        raise SettingsError(f"The module does not take inputs {list(x.shape)}: {words}.") from None
    finally:
        module.train(trained)
    gap = (theirs - ours).abs().max().item() if theirs.shape == ours.shape else float("inf")
    if not gap <= TOLERANCE[precision] * max(1.0, ours.abs().max().item()):
        how = f"up to {gap:.2g}" if gap < float("inf") else f"in shape, {list(theirs.shape)}"
        raise SettingsError(
            "The module has weights that fit, but computes something else than the network of the "
            f"settings: they differ {how}. Check activation, skip connections and norm."
        )
