"""Every outer step of a run, on disk: memory stays flat however long the run is."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from maml_explorer.protocol.reports import Metrics
from maml_explorer.worker.recorder import Totals

_FIELDS = ("support_before", "query_after", "seconds", "gradient_evaluations")


@dataclass(slots=True)
class _Entry:
    """Where a block lies in the file, and how many of its steps still count."""

    offset: int
    arms: tuple[str, ...]
    length: int
    first: int
    kept: int


class History:
    """Blocks of metrics in a temporary file that disappears with it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, self._file.close)  # it lives as long as the run
        self._entries: list[_Entry] = []

    def add(self, block: Metrics) -> None:
        """Appends a block.

        Raises:
            OSError: where the disk is full; what was added before stays.
        """
        offset = self._file.seek(0, 2)
        parts = [block.outer_step.astype(np.float64)[None]]
        parts += [getattr(block, name).astype(np.float64) for name in _FIELDS]
        self._file.write(np.concatenate(parts).tobytes())
        steps = block.outer_step
        self._entries.append(_Entry(offset, block.arms, len(steps), int(steps[0]), len(steps)))

    def cut(self, outer_step: int) -> None:
        """Forgets what came after an outer step."""
        while self._entries and self._entries[-1].first > outer_step:
            self._entries.pop()
        if self._entries:
            last = self._entries[-1]
            self._file.seek(last.offset)
            steps = np.frombuffer(self._file.read(8 * last.length))[: last.kept]
            last.kept = int((steps <= outer_step).sum())

    def totals(self) -> Totals:
        """What each arm had taken at the last step kept."""
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
            self._file.seek(entry.offset)
            data = np.frombuffer(self._file.read(8 * rows * entry.length))
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
