"""Cost of an outer step, measured and counted."""

from __future__ import annotations

from collections.abc import Mapping

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class CostSeen:
    """Per algorithm, against its number of inner steps; NaN where the memory is not enough."""

    inner_steps: tuple[int, ...]
    milliseconds: Mapping[str, Array]
    """Label of the algorithm → [inner steps]: median over some outer steps, on this machine."""
    working_bytes: Mapping[str, Array]
    """Label → [inner steps]: what the outer gradient of a chunk of tasks works in, as recorded."""
    multiply_adds: Mapping[str, Array]
    """Label → [inner steps]: counted, of the matrix products alone."""
    kept_bytes: Mapping[str, Array]
    """Label → [inner steps]: counted, held from the inner loop to the outer gradient."""
    device: str
    tasks: int
