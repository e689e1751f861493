"""The convolutional network as an `nn.Sequential` of plain PyTorch. Torch-free: text and names.

Its parts, one by one: the picture, per block a convolution, its norm and its activation, then all
places in one row, or their mean, and the head.
"""

from __future__ import annotations

from maml_explorer.codegen.sections import ACTIVATIONS
from maml_explorer.settings.settings import Settings


def parts(own: Settings) -> list[str]:
    """The modules as expressions, in order; those of the network in these settings."""
    model, side = own.model, own.images.side
    found, channels = [f"nn.Unflatten(1, (1, {side}, {side}))"], 1
    for _ in range(model.blocks):
        found.append(f"nn.Conv2d({channels}, {model.filters}, 3, stride=2, padding=1)")
        channels = model.filters
        found += _norm(own)
        found.append(ACTIVATIONS[model.activation])
        side = (side + 1) // 2
    if model.pooling == "mean":
        found.append("nn.AdaptiveAvgPool2d(1)")
    width = channels if model.pooling == "mean" else side * side * channels
    return [*found, "nn.Flatten()", f"nn.Linear({width}, {own.ends[1]})"]


def _norm(own: Settings) -> list[str]:
    channels = own.model.filters
    if own.model.norm == "layer":  # over all units of a layer
        return [f"nn.GroupNorm(1, {channels})"]
    kept = "" if own.model.norm == "batch-running" else ", track_running_stats=False"
    return [] if own.model.norm == "none" else [f"nn.BatchNorm2d({channels}{kept})"]


def layer_places(own: Settings) -> list[int]:
    """Places of convolutions and head in the sequence: they adapt."""
    return [n for n, part in enumerate(parts(own)) if part.startswith(("nn.Conv2d", "nn.Linear"))]


def norm_places(own: Settings) -> list[int]:
    """Places of the norms in the sequence: they do not adapt."""
    return [n for n, part in enumerate(parts(own)) if "Norm" in part]


def module_lines(own: Settings) -> str:
    """The network as an assignment to `model`, a module per line, all with current statistics."""
    plain = (part.replace(")", ", track_running_stats=False)") if _running(part) else part
             for part in parts(own))  # fmt: skip
    return "model = nn.Sequential(\n" + "".join(f"    {part},\n" for part in plain) + ")"


def _running(part: str) -> bool:
    return part.startswith("nn.BatchNorm2d") and "track" not in part


def expression(own: Settings) -> str:
    """The network as one Python expression."""
    return f"nn.Sequential({', '.join(parts(own))})"
