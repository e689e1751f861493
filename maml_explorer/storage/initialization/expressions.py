"""An exported network, and the part of it that adapts, as Python expressions. Torch-free."""

from __future__ import annotations

from itertools import pairwise

from maml_explorer.codegen import convolution
from maml_explorer.codegen.sections import ACTIVATIONS
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings


def sizes_of(settings: Settings) -> tuple[int, ...]:
    """The widths of the network from input to output."""
    inputs, outputs = settings.ends
    return (inputs, *settings.model.hidden, outputs)


def network_expression(settings: Settings) -> str:
    """The network as one Python expression, "nn.Sequential(nn.Linear(1, 40), …)"."""
    model = settings.model
    sizes = sizes_of(settings)
    activation = ACTIVATIONS[model.activation]
    if settings.model_kind.pictures:
        expression = convolution.expression(settings)
    elif model.special:
        stored = NORMS[model.norm].stored
        expression = f"Network({sizes}, {activation}, {model.skip}, {model.norm!r}, {stored})"
    else:
        layers = [f"nn.Linear({a}, {b})" for a, b in pairwise(sizes)]
        expression = f"nn.Sequential({f', {activation}, '.join(layers)})"
    if settings.model_kind.pictures and model.norm == "batch-running":
        expression += ".eval()"
    return expression + (".double()" if settings.run.precision == "float64" else "")


def is_special(settings: Settings) -> bool:
    """True if the card carries a module of its own."""
    return settings.model.special and not settings.model_kind.pictures


def adapting_module(settings: Settings, adapts: str) -> str:
    """The module whose parameters adapt, as code.

    Args:
        adapts: of an algorithm's record: "all", "head" or "body".
    """
    module = "model.linears" if is_special(settings) else "model"
    count = settings.inner.head_layers
    if adapts == "head" and count == 1:
        return f"{module}[-1]"
    if adapts == "head" and settings.model_kind.pictures:
        return f"nn.ModuleList(model[n] for n in {convolution.layer_places(settings)[-count:]})"
    if adapts == "head":  # with the activations between its layers
        return f"{module}[-{count if is_special(settings) else 2 * count - 1}:]"
    if settings.model_kind.pictures and settings.model.norm != "none":
        places = convolution.layer_places(settings)
        places = places[:-1] if adapts == "body" else places
        return f"nn.ModuleList(model[n] for n in {tuple(places)})"
    return f"{module}[:-1]" if adapts == "body" else module


def sgd_loop(settings: Settings, loss: str, steps: int) -> list[str]:
    """Lines of an inner loop by `sgd`, on support points x, y; a stream is learned in batches."""
    loop, points = f"for _ in range({steps}):  # inner steps on your own", ("x", "y")
    if settings.stream_batches:
        parts = f"zip(x.chunk({steps}), y.chunk({steps}))"
        loop, points = f"for xk, yk in {parts}:  # batches of your own", ("xk", "yk")
    return [
        f"{loop} support points x, y",
        "    model.zero_grad()",
        f"    {loss}(model({points[0]}), {points[1]}).backward()",
        "    sgd.step()",
    ]


def loss_name(settings: Settings) -> str:
    """The loss as PyTorch calls it."""
    return "nn.functional.cross_entropy" if settings.family.images else "nn.functional.mse_loss"
