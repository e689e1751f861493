"""Learned maps of the gradient on the card of an exported initialization. Text only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from maml_explorer.codegen.beside_theta import context_enters, of_features
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings

PULL = " + {half!r} * sum((p - t).square().sum() for p, t in zip(phi, theta))"
"""λ/2 ‖φ − θ‖², which holds φ near θ."""
CLIP = "    s = ({limit!r} / sum(d.square().sum() for d in g).sqrt()).clamp(max=1)"
"""Line that clips an inner gradient g."""
MATRICES = (
    "The matrices that an inner gradient goes through were learned with θ: that of a weight `NAME` "
    "has `curvature.NAME.out` on its left and `curvature.NAME.in` on its right, and a filter's "
    "nine places go through `curvature.NAME.places`; that of a bias `NAME` is multiplied by "
    "`curvature.NAME`. They serve every inner step."
)


def with_matrices(
    lines: list[str], settings: Settings, load: str, imports_by_hand: str, loss: str
) -> list[str]:
    """The card's snippet where gradients go through matrices.

    Args:
        lines: imports, imports of torch, network, loading, support points.
        load: the line that loads what was learned as well.
        imports_by_hand: imports of torch where `torch.optim` is not used.
        loss: as PyTorch calls it.
    """
    by = 'einsum("po,oc...,cd->pd...", saved[n + ".out"], d, saved[n + ".in"])'
    if settings.model_kind.pictures:
        placed = f"({by}.flatten(2) @ saved[n + '.places']).view_as(d)"
        by = f"{placed} if d.dim() == 4 else {by}"
    return _snippet(
        [lines[0], imports_by_hand.replace("autograd, ", "autograd, einsum, "), lines[2], load],
        'phi = {c: p for n, p in model.named_parameters() if any(k.startswith(c := "curvature." '
        "+ n) for k in saved)}",
        lines[4],
        settings,
        f"g = autograd.grad({loss}(model(x), y), list(phi.values()))",
        f"[p.data.sub_({_scale(settings)} * (saved[n] * d if d.dim() == 1 else {by})) "
        "for (n, p), d in zip(phi.items(), g)]",
    )


CONTEXT = (
    "The inner loop changes context parameters c alone, which begin at 0. If they enter the input, "
    "they are seen as if they were appended to it: the first layer's bias moves by "
    "`context.weight` @ c, or where a norm follows that layer, the norm's shift does. If they "
    "enter features, scale and shift of the last hidden layer's norm move by it, or without a norm "
    "the bias. All other parameters stay as they are."
)


def with_context(
    lines: list[str], settings: Settings, load: str, imports_by_hand: str, loss: str
) -> list[str]:
    """The card's snippet where context parameters adapt; arguments as of the other one."""
    name, *more = context_enters(settings)
    if of_features(settings) and (more or name.startswith("affine")):
        return _with_features(lines, settings, load, imports_by_hand, loss)
    row = "[1]" if name == "affine.0" else ""
    return _snippet(
        [lines[0], imports_by_hand, lines[2], load],
        f'V, p = saved["context.weight"], model.get_parameter("{name}")  # V c moves p',
        lines[4],
        settings,
        f"g = [autograd.grad({loss}(model(x), y), p)[0]{row} @ V]  # by c",
        f"p.data{row}.sub_({_scale(settings)} * V @ g[0])",
    )


def _with_features(
    lines: list[str], settings: Settings, load: str, imports_by_hand: str, loss: str
) -> list[str]:
    """The same where the context moves scale and shift of a norm."""
    names = [f'"{name}"' for name in context_enters(settings)]
    return _snippet(
        [lines[0], imports_by_hand.replace("autograd, ", "autograd, cat, "), lines[2], load],
        f'V, ps = saved["context.weight"], [*map(model.get_parameter, [{", ".join(names)}])]',
        lines[4],
        settings,
        f"g = [cat([d.flatten() for d in autograd.grad({loss}(model(x), y), ps)]) @ V]  # by c",
        f"[p.data.sub_({_scale(settings)} * d.view_as(p)) for p, d in "
        f"zip(ps, (V @ g[0]).chunk({len(names)}))]",
    )


def _snippet(
    loaded: list[str], adapts: str, points: str, settings: Settings, gradient: str, update: str
) -> list[str]:
    """The lines up to loading, what adapts, the support points, and the inner loop."""
    clip = settings.inner.inner_clip
    counts = "; model.step += 1" if NORMS[settings.model.norm].stored > 1 else ""
    return [
        *loaded,
        adapts,
        points,
        f"for k in range({max(1, settings.inner.inner_steps)}):  # inner steps on your own points",
        f"    {gradient}",
        *([CLIP.format(limit=clip)] if clip else []),
        f"    {update}{counts}",
    ]


def _scale(settings: Settings) -> str:
    """α, by what clipping leaves of it."""
    return f"{settings.inner.inner_lr!r}{' * s' if settings.inner.inner_clip else ''}"


@dataclass(frozen=True)
class MapOnCard:
    """One kind of learned map."""

    words: str
    snippet: Callable[[list[str], Settings, str, str, str], list[str]]


OTHERS = {
    "matrices": MapOnCard(MATRICES, with_matrices),
    "context": MapOnCard(CONTEXT, with_context),
}
"""Unit of the record of an algorithm → its part of the card."""
