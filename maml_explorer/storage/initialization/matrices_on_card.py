"""Meta-Curvature's matrices on the card of an exported initialization. Text only."""

from __future__ import annotations

from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings

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
    imports, _, model, _, points = lines
    alpha, clip = settings.inner.inner_lr, settings.inner.inner_clip
    pictures = settings.model_kind.pictures
    by = 'einsum("po,oc...,cd->pd...", saved[n + ".out"], d, saved[n + ".in"])'
    if pictures:
        placed = f"({by}.flatten(2) @ saved[n + '.places']).view_as(d)"
        by = f"{placed} if d.dim() == 4 else {by}"
    scaled = f"{alpha!r} * s" if clip else f"{alpha!r}"
    counts = "; model.step += 1" if NORMS[settings.model.norm].stored > 1 else ""
    return [
        imports,
        imports_by_hand.replace("autograd, ", "autograd, einsum, "),
        model,
        load,
        'phi = {c: p for n, p in model.named_parameters() if any(k.startswith(c := "curvature." '
        "+ n) for k in saved)}",
        points,
        f"for k in range({max(1, settings.inner.inner_steps)}):  # inner steps on your own points",
        f"    g = autograd.grad({loss}(model(x), y), list(phi.values()))",
        *([CLIP.format(limit=clip)] if clip else []),
        f"    [p.data.sub_({scaled} * (saved[n] * d if d.dim() == 1 else {by})) "
        f"for (n, p), d in zip(phi.items(), g)]{counts}",
    ]
