"""Every outer step of a run, on disk: memory stays flat however long the run is."""

from __future__ import annotations

import errno
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from maml_explorer.protocol.reports import Metrics
from maml_explorer.storage.run.gaps import Gap
from maml_explorer.worker.recorder import Totals

_FIELDS = ("support_before", "query_after", "seconds", "gradient_evaluations")


IN_MEMORY = 64 * 1024 * 1024
"""Bytes that are kept in memory once the disk is full."""


@dataclass(slots=True)
class _Entry:
    """Place of a block in the file, or the block itself, and how many of its steps still count."""

    where: int | bytes
    arms: tuple[str, ...]
    length: int
    first: int
    kept: int


class History:
    """Blocks of metrics in a temporary file that disappears with it.

    Where the disk of temporary files is full or absent they are kept in memory, up to IN_MEMORY
    bytes; what does not fit there either is a gap.
    """

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        with suppress(OSError):  # there may be no folder that takes temporary files
            # a buffer would keep what a full disk refused, and fail at every later look
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)  # it lives as long as the run
        self._end = self._held = 0
        self._entries: list[_Entry] = []
        self.gaps: tuple[Gap, ...] = ()
        """The outer steps whose metrics are lost, in order."""
        self._last = 0
        """The outer step up to which all is kept, or a gap."""

    def add(self, block: Metrics) -> None:
        """Appends a block.

        Raises:
            OSError: where neither disk nor memory takes it; it is a gap then, and what was added
                before stays.
        """
        parts = [block.outer_step.astype(np.float64)[None]]
        parts += [getattr(block, name).astype(np.float64) for name in _FIELDS]
        data, steps = np.concatenate(parts).tobytes(), block.outer_step
        self._last = int(steps[-1])
        try:
            where: int | bytes = self._written(data)
        except OSError as error:
            if self._held + len(data) > IN_MEMORY:
                reason = error.strerror or "the disk is full"
                self.gaps += (Gap(int(steps[0]), int(steps[-1]), reason),)
                raise
            where = data
            self._held += len(data)
        self._entries.append(_Entry(where, block.arms, len(steps), int(steps[0]), len(steps)))

    def lose(self, outer_step: int, reason: str) -> None:
        """Notes that what there was up to an outer step, and was not added, is lost."""
        if self._last < outer_step:
            self.gaps += (Gap(self._last + 1, outer_step, reason),)
            self._last = outer_step

    def _written(self, data: bytes) -> int:
        """Place of the bytes in the file."""
        if self._file is None:
            raise OSError(errno.ENOENT, "no folder takes temporary files")
        offset, rest = self._end, memoryview(data)
        self._file.seek(offset)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._end += len(data)
        return offset

    def _bytes(self, entry: _Entry, count: int) -> bytes:
        if isinstance(entry.where, bytes):
            return entry.where[:count]
        assert self._file is not None
        self._file.seek(entry.where)
        data = b""
        while len(data) < count:
            part = self._file.read(count - len(data))
            if not part:
                raise OSError(errno.EIO, "the temporary file was cut short")
            data += part
        return data

    def cut(self, outer_step: int) -> None:
        """Forgets what came after an outer step."""
        self._last = min(self._last, outer_step)
        self.gaps = tuple(
            replace(gap, last=min(gap.last, outer_step))
            for gap in self.gaps
            if gap.first <= outer_step
        )
        while self._entries and self._entries[-1].first > outer_step:
            gone = self._entries.pop()
            self._held -= len(gone.where) if isinstance(gone.where, bytes) else 0
        if self._entries:
            last = self._entries[-1]
            steps = np.frombuffer(self._bytes(last, 8 * last.length))[: last.kept]
            last.kept = int((steps <= outer_step).sum())

    def totals(self) -> Totals:
        """Totals of each arm at the last step kept."""
        totals = Totals()
        for block in self.blocks(0):
            for row, name in enumerate(block.arms):
                totals.seconds[name] = float(block.seconds[row, -1])
                totals.gradient_evaluations[name] = int(block.gradient_evaluations[row, -1])
        return totals

    def blocks(self, run: int) -> Iterator[Metrics]:
        """All blocks in order, carrying that run number."""
        for entry in self._entries:
            rows, arms = 1 + len(_FIELDS) * len(entry.arms), len(entry.arms)
            data = np.frombuffer(self._bytes(entry, 8 * rows * entry.length))
            table = data.reshape(rows, entry.length)[:, : entry.kept]
            support, query, seconds, counts = (
                table[1 + i * arms : 1 + (i + 1) * arms] for i in range(len(_FIELDS))
            )
            yield Metrics(
                run,
                entry.arms,
                table[0].astype(np.int64),
                support,
                query,
                seconds,
                counts.astype(np.int64),
            )
