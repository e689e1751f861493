"""The report of a sweep: one HTML page with its pictures, and a summary as JSON. Torch-free."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from maml_explorer.settings.declaration import shown
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.sweep_plots import heat_map, parallel_coordinates
from maml_explorer.storage.report.sweep_table import (
    SweepAxis,
    SweepCell,
    SweepRow,
    TrialState,
    best_cell,
    cells_of,
    folded,
    higher_is_better,
    paired,
)

SCHEMA = 1
MOST_MAPS = 6
MOST_ROWS = 200
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1f24; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid #e6e8eb; }
svg { width: 100%; height: auto; }
.muted { color: #5b6670; }
"""


def counts_of(rows: Sequence[SweepRow]) -> dict[str, int]:
    """State → how many runs; and "diverged", which are done as well."""
    counts = {state.value: sum(row.state is state for row in rows) for state in TrialState}
    return {**counts, "diverged": sum(row.diverged for row in rows)}


def sweep_summary(
    axes: Sequence[SweepAxis],
    rows: Sequence[SweepRow],
    objective: str,
    winner: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The cells of a sweep as JSON values.

    Args:
        axes: in order.
        rows: one a run.
        objective: as written in the description.
        winner: what the meta-test of the best cell found, where it was tested.
    """
    best = best_cell(rows, higher=higher_is_better(objective))
    return {
        "schema": SCHEMA,
        "objective": objective,
        "axes": [axis.key for axis in axes],
        "runs": counts_of(rows),
        "cells": [_cell(cell) for cell in cells_of(rows)],
        "best": None if best is None else _cell(best),
        "meta_test_of_the_best": None if winner is None else dict(winner),
    }


def sweep_html(
    title: str,
    axes: Sequence[SweepAxis],
    rows: Sequence[SweepRow],
    objective: str,
    *,
    command: str = "",
    winner: Mapping[str, Any] | None = None,
) -> str:
    """The report as one HTML page; arguments as for :func:`sweep_summary`."""
    higher = higher_is_better(objective)
    counts, best = counts_of(rows), best_cell(rows, higher=higher)
    cells = cells_of(rows)
    seeds = max((cell.seeds for cell in cells), default=0)
    over = f"mean ± 95 % (Student t over {seeds} seeds)" if seeds > 1 else "one seed, no interval"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_counted(counts, len(rows)))} The objective is the query "
        f"{_named_figure(higher)} on validation tasks, {escape(objective)}, {over}. "
        "The held-out tasks were not used to choose.</p>",
    ]
    if best is not None:
        parts.append(f"<p><b>Best:</b> {escape(_named(axes, best))}: {escape(best.words())}.</p>")
    if winner is not None:
        parts.append(f"<p>{escape(winner_words(winner))}</p>")
    varied = [axis for axis in axes if len({dict(row.point).get(axis.key) for row in rows}) > 1]
    for across, up in list(itertools.combinations(varied, 2))[:MOST_MAPS]:
        few = [len({dict(r.point)[axis.key] for r in rows}) <= 12 for axis in (across, up)]
        if all(few):
            rest = " Of the other axes, the best cell is shown." if len(varied) > 2 else ""
            parts.append(f"<h2>{escape(up.label)} against {escape(across.label)}</h2>")
            parts.append(f'<p class="muted">Hatched: a seed diverged.{rest}</p>')
            parts.append(
                heat_map(
                    folded(cells, (across.key, up.key), higher=higher), across, up, higher=higher
                )
            )
    parts.append("<h2>All axes</h2>")
    parts.append(parallel_coordinates(cells, varied or list(axes), objective, higher=higher))
    parts.append("<h2>Cells</h2>")
    parts.append(_cells_table(axes, cells, higher))
    if best is not None and seeds > 1:
        parts.append("<h2>Differences to the best cell, paired by seed</h2>")
        parts.append(_cells_table(axes, paired(rows, best.point), higher))
    failed = [row for row in rows if row.state is TrialState.FAILED]
    if failed:
        items = "".join(f"<li>{escape(f'{r.name}: {r.reason}')}</li>" for r in failed[:50])
        parts.append(f"<h2>Failed</h2><ul>{items}</ul>")
    if command:
        parts.append(f"<h2>Made by</h2><p><code>{escape(command)}</code></p>")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def sweep_text(axes: Sequence[SweepAxis], rows: Sequence[SweepRow], objective: str) -> str:
    """Counts and the ten best cells as text."""
    lines = [_counted(counts_of(rows), len(rows))]
    known = [cell for cell in cells_of(rows) if cell.mean is not None]
    sign = -1 if higher_is_better(objective) else 1
    known.sort(key=lambda cell: (cell.diverged > 0, sign * (cell.mean or 0.0)))
    if known:
        lines.append(f"Best by {objective} on validation tasks:")
        lines += [f"  {_named(axes, cell)}: {cell.words()}" for cell in known[:10]]
    return "\n".join(lines)


def winner_words(winner: Mapping[str, Any]) -> str:
    """The meta-test of the best cell in one sentence."""
    mean, half = winner["mean"], winner["ci95"]
    figure = "not finite" if mean is None else f"{mean:.3g}"
    interval = "" if half is None else f" ± {half:.2g}"
    return (
        f"On {winner['tasks']} held-out tasks the best cell reaches a query "
        f"{winner.get('figure', 'error')} of {figure}{interval} "
        f"after {counted(winner['inner_steps'], 'inner step')} "
        f"({counted(winner['seeds'], 'seed')}, {winner['diverged']} diverged tasks)."
    )


def _cell(cell: SweepCell) -> dict[str, Any]:
    return {
        "point": {
            key: list(value) if isinstance(value, tuple) else value for key, value in cell.point
        },
        "seeds": cell.seeds,
        "done": cell.done,
        "diverged": cell.diverged,
        "failed": cell.failed,
        "mean": cell.mean,
        "ci95": cell.half,
        "values": list(cell.values),
    }


def _named_figure(higher: bool) -> str:
    return "accuracy (from 0 to 1, higher is better)" if higher else "error"


def _cells_table(axes: Sequence[SweepAxis], cells: Sequence[SweepCell], higher: bool) -> str:
    sign = -1 if higher else 1
    ordered = sorted(cells, key=lambda c: (c.mean is None, c.diverged > 0, sign * (c.mean or 0.0)))
    head = "".join(f"<th>{escape(axis.label)}</th>" for axis in axes) + "<th>objective</th>"
    lines = []
    for cell in ordered[:MOST_ROWS]:
        values = dict(cell.point)
        fields = [shown(values[axis.key]) for axis in axes] + [cell.words()]
        lines.append("<tr>" + "".join(f"<td>{escape(field)}</td>" for field in fields) + "</tr>")
    more = len(cells) - MOST_ROWS
    tail = f'<p class="muted">{more} more stand in runs.csv.</p>' if more > 0 else ""
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>{tail}"


def _named(axes: Sequence[SweepAxis], cell: SweepCell) -> str:
    values = dict(cell.point)
    return ", ".join(f"{axis.label} {shown(values[axis.key])}" for axis in axes)


def _counted(counts: Mapping[str, int], total: int) -> str:
    parts = [f"{counts['done']} of {counted(total, 'run')} are done"]
    parts += [
        f"{counts[key]} {key}" for key in ("diverged", "pruned", "running", "failed") if counts[key]
    ]
    return ", ".join(parts) + "."
