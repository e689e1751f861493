"""Tables, report and winner of a sweep, made from its folder."""

from __future__ import annotations

import json
from typing import Any

from maml_explorer.files.writer import write_text
from maml_explorer.published.statistics import over_seeds
from maml_explorer.storage.report.sweep_report import sweep_html, sweep_summary
from maml_explorer.storage.report.sweep_table import (
    SweepCell,
    SweepRow,
    best_cell,
    higher_is_better,
)
from maml_explorer.storage.run.folder import SUMMARY
from maml_explorer.storage.sweep.folder import REPORT, SweepFolder


def write_results(
    sweep: SweepFolder, *, command: str = "", winner: dict[str, Any] | None = None
) -> list[SweepRow]:
    """Write runs.csv, summary.json and report.html again; the rows they are made of.

    Raises:
        OSError: if the disk fails.
    """
    rows, axes = sweep.rows(), sweep.axes()
    sweep.write_table(rows)
    objective = sweep.spec.objective
    summary = sweep_summary(axes, rows, objective, winner)
    text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
    write_text(sweep.path / SUMMARY, text)
    page = sweep_html(
        f"Sweep over {', '.join(axis.label for axis in axes)}",
        axes, rows, objective, command=command, winner=winner,
    )  # fmt: skip
    write_text(sweep.path / REPORT, page)
    return rows


def winner_tested(sweep: SweepFolder, rows: list[SweepRow]) -> dict[str, Any] | None:
    """The meta-test of the best cell on the held-out tasks; None if no cell is whole.

    Only the cell that was chosen on validation tasks is tested, so that choosing costs no
    honesty.

    Raises:
        StorageError: if an initialization of it was changed or removed.
    """
    from maml_explorer.experiments.api import evaluate
    from maml_explorer.storage.initialization.folder import load_initialization
    from maml_explorer.storage.run.folder import open_run

    best = best_cell(rows, higher=higher_is_better(sweep.spec.objective))
    if best is None:
        return None
    steps = sweep.spec.inner_steps
    records = []
    for row in _of(best, rows):
        folder, settings = open_run(sweep.run(row.name))
        place = folder.initialization_folder(settings, settings.arms[0].name, None)
        found = load_initialization(place, as_exported=True)
        shots, tasks = settings.inner.shots, settings.run.test_tasks
        records.append([evaluate(found, shots, (steps,), tasks, settings.run.seed)])
    over = over_seeds(records)[0]
    return {
        "inner_steps": steps,
        "shots": over["shots"],
        "tasks": records[0][0]["tasks"],
        "seeds": len(records),
        "mean": over["mean"][0],
        "ci95": over["ci95"][0],
        "diverged": sum(record["diverged"][0] for (record,) in records),
        **({"figure": records[0][0]["figure"]} if "figure" in records[0][0] else {}),
    }


def _of(cell: SweepCell, rows: list[SweepRow]) -> list[SweepRow]:
    return [row for row in rows if row.point == cell.point]
