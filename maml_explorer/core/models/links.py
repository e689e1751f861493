"""Links between layers: how the rows that one layer hands on enter the next one.

Activations are [task, row, channel], a row being a point, or a place of a point's picture, rows of
one point together. A convolution is a layer on patches: the link below it makes of every place a
row with the 3 × 3 places around it, and the layer is the same matrix at all places. So everything
that is known of a layer (gradient, Hessian-vector product, norm, step sizes, clipping) holds for a
convolution as it stands. A link is linear: forward passes, and the derivatives along a vector, go
through :meth:`spread`, what comes back goes through :meth:`gather`, its transpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

KERNEL, STRIDE = 3, 2


class Link(Protocol):
    """A linear map between the rows of two layers, without parameters."""

    @property
    def rows(self) -> int:
        """Rows of a point above it."""

    @property
    def width(self) -> int:
        """Channels of a row above it."""

    @property
    def places_seen(self) -> int:
        """Places of a picture that a row above it is made of, where a filter passes over it."""

    def spread(self, h: Tensor, ones: bool) -> Tensor:
        """Rows above [task, row, width], from those below [task, row, channel].

        Args:
            ones: whether a column of ones follows.
        """

    def gather(self, delta: Tensor) -> Tensor:
        """The transpose: from above [task, row, width] to below [task, row, channel]."""


@dataclass(frozen=True)
class Patches:
    """3 × 3 patches at every second place, zeros around the picture: stride 2, padding 1."""

    side: int
    """Places on a side of the picture below."""
    channels: int

    @property
    def side_above(self) -> int:
        """Places on a side above."""
        return (self.side + 1) // STRIDE

    @property
    def rows(self) -> int:
        """Places above."""
        return self.side_above**2

    @property
    def width(self) -> int:
        """Numbers of a patch: row by row, the channels of a place together."""
        return KERNEL**2 * self.channels

    @property
    def places_seen(self) -> int:
        """Those of a patch."""
        return KERNEL**2

    @property
    def _framed(self) -> int:
        """Places on a side with the frame of zeros that is looked at."""
        return STRIDE * self.side_above + 1

    def spread(self, h: Tensor, ones: bool) -> Tensor:
        """See :class:`Link`."""
        side, above, c, wide = self.side, self.side_above, self.channels, self._framed
        pictures = h.numel() // (side * side * c)
        framed = h.new_zeros(pictures, wide, wide, c)
        framed[:, 1 : side + 1, 1 : side + 1].copy_(h.reshape(pictures, side, side, c))
        # three places in a line lie together in memory: a patch is three such runs
        patches = framed.as_strided(
            (pictures, above, above, KERNEL, KERNEL * c),
            (wide * wide * c, STRIDE * wide * c, STRIDE * c, wide * c, 1),
        )
        found = h.new_empty(pictures, above, above, self.width + ones)
        rows = found[..., : self.width]
        rows.view(pictures, above, above, KERNEL, KERNEL * c).copy_(patches)
        if ones:
            found[..., -1].fill_(1)
        return found.view(h.shape[0], -1, self.width + ones)

    def gather(self, delta: Tensor) -> Tensor:
        """See :class:`Link`."""
        side, above, c, wide = self.side, self.side_above, self.channels, self._framed
        patches = delta.reshape(-1, above, above, KERNEL, KERNEL, c)
        framed = delta.new_zeros(len(patches), wide, wide, c)
        # the first two lines and columns of patches lie side by side, the third ones overlap them
        pairs, count = (above, 2), len(patches)
        even = framed[:, :-1, :-1].view(count, *pairs, *pairs, c)
        even.copy_(patches[:, :, :, :2, :2].permute(0, 1, 3, 2, 4, 5))
        framed[:, 2::2, :-1].view(count, above, *pairs, c).add_(patches[:, :, :, 2, :2])
        lines = framed[:, :-1, 2::2].view(count, *pairs, above, c)
        lines.add_(patches[:, :, :, :2, 2].permute(0, 1, 3, 2, 4))
        framed[:, 2::2, 2::2].add_(patches[:, :, :, 2, 2])
        inside = framed[:, 1 : side + 1, 1 : side + 1]
        return inside.contiguous().view(delta.shape[0], -1, c)  # as a recording likes it


@dataclass(frozen=True)
class Joined:
    """All places of a picture in one row, place by place."""

    places: int
    channels: int

    @property
    def rows(self) -> int:
        """One row a point."""
        return 1

    @property
    def width(self) -> int:
        """Numbers of a picture."""
        return self.places * self.channels

    @property
    def places_seen(self) -> int:
        """No filter is above it."""
        return 1

    def spread(self, h: Tensor, ones: bool) -> Tensor:
        """See :class:`Link`."""
        rows = h.reshape(h.shape[0], -1, self.width)
        return with_column(rows) if ones else rows

    def gather(self, delta: Tensor) -> Tensor:
        """See :class:`Link`."""
        return delta.reshape(delta.shape[0], -1, self.channels)


@dataclass(frozen=True)
class Averaged:
    """The mean over the places of a picture."""

    places: int
    channels: int

    @property
    def rows(self) -> int:
        """One row a point."""
        return 1

    @property
    def width(self) -> int:
        """Channels."""
        return self.channels

    @property
    def places_seen(self) -> int:
        """No filter is above it."""
        return 1

    def spread(self, h: Tensor, ones: bool) -> Tensor:
        """See :class:`Link`."""
        rows = h.reshape(h.shape[0], -1, self.places, self.channels).mean(2)
        return with_column(rows) if ones else rows

    def gather(self, delta: Tensor) -> Tensor:
        """See :class:`Link`."""
        each = (delta * (1 / self.places)).unsqueeze(2)
        every = each.expand(-1, -1, self.places, -1).contiguous()
        return every.view(delta.shape[0], -1, self.channels)


def with_column(rows: Tensor) -> Tensor:
    """[task, row, in] → [task, row, in + 1], the last column ones."""
    found = rows.new_empty(rows.shape[0], rows.shape[1], rows.shape[2] + 1)
    found[..., :-1].copy_(rows)
    found[..., -1].fill_(1)
    return found
