"""A convolutional network: blocks of 3 × 3 filters at every second place, then a linear head.

It is the closed form of :mod:`maml_explorer.core.models.mlp` on patches: a block's layer is the
matrix [9 · channels + 1, filters], applied at all places alike. A block is convolution, norm and
activation; strides take the place of pooling, as for Omniglot in Finn, Abbeel and Levine 2017,
appendix A.1.
"""

from __future__ import annotations

from maml_explorer.core.losses import Loss
from maml_explorer.core.models.links import Averaged, Joined, Link, Patches
from maml_explorer.core.models.mlp import Mlp


def convolution(
    side: int,
    outputs: int,
    filters: int,
    blocks: int,
    activation: str,
    norm: str,
    loss: Loss,
    *,
    averaged: bool = False,
) -> Mlp:
    """The network for pictures [task, point, side² + 1] of one channel.

    Args:
        side: pixels on a side.
        outputs: of the head.
        filters: of every block.
        blocks: at least one.
        activation: a name of the setting.
        norm: a name of :data:`maml_explorer.settings.norms.NORMS`.
        loss: that its outputs are trained with.
        averaged: whether the head sees the mean over places, else all places.
    """
    links: list[Link] = []
    channels, places = 1, side
    for _ in range(blocks):
        patches = Patches(places, channels)
        links.append(patches)
        channels, places = filters, patches.side_above
    links.append((Averaged if averaged else Joined)(places**2, channels))
    sizes = (side**2, *(filters,) * blocks, outputs)
    return Mlp(sizes, activation, norm=norm, loss=loss, links=tuple(links))
