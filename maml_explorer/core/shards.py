"""One meta-batch in shards: their outer gradients add up in the order of the shards.

Every process draws the whole batch, computes its shards, gathers those of all others and takes the
same outer step. So the bits depend on the number of shards, and not on the number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.outer_gradient import OuterGradient
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.words import counted

Gather = Callable[[Tensor], Tensor]
"""[shard of this process, number] → [shard, number], of all processes, in order."""


@dataclass(frozen=True)
class Shards:
    """Division of a meta-batch, and the part of it that this process computes."""

    count: int
    """Shards of the meta-batch, over all processes."""
    mine: range
    """Those of this process."""
    gather: Gather

    def tasks(self, meta_batch: int) -> Iterator[tuple[int, int]]:
        """(first task, task after the last) of each shard of this process."""
        for shard in self.mine:
            yield shard * meta_batch // self.count, (shard + 1) * meta_batch // self.count

    def added(self, parts: list[OuterGradient]) -> OuterGradient:
        """The outer gradient of the whole meta-batch, in memory of its own.

        Args:
            parts: of this process's shards, in order.
        """
        lengths = [len(part) for part in parts[0].parts()]
        rows = self.gather(torch.stack([torch.cat(part.parts()) for part in parts]))
        total = rows[0].clone()
        for row in rows[1:]:
            total += row
        return OuterGradient(*torch.split(total, lengths))


def shards_here(count: int) -> Shards:
    """All shards in this process."""
    return Shards(count, range(count), lambda rows: rows)


def shards_of(count: int, process: int, processes: int, gather: Gather) -> Shards:
    """The shards of one of several processes."""
    each = count // processes
    return Shards(count, range(process * each, (process + 1) * each), gather)


def refuse_shards(count: int, meta_batch: int, processes: int = 1) -> None:
    """Refuse a number of shards that the batch or the processes cannot be divided by.

    Raises:
        SettingsError: with what is allowed.
    """
    if not 2 <= count <= meta_batch:
        raise SettingsError(
            f"A meta-batch of {counted(meta_batch, 'task')} cannot be cut into {count} shards: "
            + (f"allowed is from 2 to {meta_batch}." if meta_batch > 1 else "it is one task.")
        )
    if count % processes:
        raise SettingsError(
            f"{count} shards cannot be shared by {processes} processes: allowed is a multiple of "
            f"{processes}, so that each process has as many."
        )
