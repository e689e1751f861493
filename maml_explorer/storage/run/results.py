"""Results of a run as rows: one for each arm, seed, number of shots and inner step. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from maml_explorer.settings.families import USUAL_FIGURE

RESULT_COLUMNS = (
    "arm", "algorithm", "seed", "outer_step", "shots", "inner_step", "tasks", "figure", "mean",
    "ci95", "mean_kept", "median", "diverged",
)  # fmt: skip
"""Columns of results.csv. `mean` to `median` are of the figure: MSE, or accuracy from 0 to 1."""


def result_rows(summary: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The final meta-tests of a summary as rows of RESULT_COLUMNS."""
    for name, arm in summary.get("arms", {}).items():
        for seed, result in arm["seeds"].items():
            for record in result["evaluations"]:
                figure = record.get("figure", USUAL_FIGURE)
                known = (record["shots"], record["tasks"], figure)
                for at, step in enumerate(record["inner_steps"]):
                    shots, tasks, figure = known
                    yield (
                        name, arm["algorithm"], int(seed), result["outer_steps"], shots, step,
                        tasks, figure, *(record[key][at] for key in RESULT_COLUMNS[8:]),
                    )  # fmt: skip
