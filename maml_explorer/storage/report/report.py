"""A run beside the numbers published for its preset: as text table, Markdown and JSON.

Torch-free. The HTML page is made in :mod:`maml_explorer.storage.report.page`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from maml_explorer.published.statistics import over_seeds
from maml_explorer.published.verdicts import (
    Comparison,
    Records,
    comparisons,
    deviations,
)
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import to_toml
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.figures import figure_text, figure_words

SCHEMA = 1
BINS = 200
"""Averages that a curve of losses is drawn from."""
SHOWN_STEPS = (0, 1, 5, 10, 32)
"""Inner steps of the table of what was measured, and the last one."""
_AGREES = (
    "A figure agrees where it lies inside the published interval, or within 10 % where none is "
    "published. If it does not agree, and its own interval reaches the published figure, the "
    "verdict is that one cannot tell. Where a task diverged nothing is compared. Held-out tasks "
    "come from a stream of their own; "
)
_JOINT = "Joint training (MTL) is fine-tuned with the best α of 13 on 200 validation tasks."
RULE = f"{_AGREES}100 equally spaced queries with clean targets. {_JOINT}"
"""For sine curves."""
_IMAGE_RULE = f"{_AGREES}their letters are of scripts that nothing was trained on. {_JOINT}"


def rule_of(settings: Settings) -> str:
    """The protocol and the rule of verdicts, in words."""
    return _IMAGE_RULE if settings.family.images else RULE


@dataclass(frozen=True)
class Report:
    """A trained run and its preset."""

    preset: Preset
    settings: Settings
    """Settings as trained; the seed is the first one."""
    records: Records
    """Meta-tests by seed and arm name."""
    outer_steps: Mapping[str, int]
    """Arm name → outer steps taken, the fewest of all seeds."""
    losses: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    """Arm name → (outer step, outer loss) in bins; of the first seed."""
    notes: tuple[str, ...]
    """Sentences on arms that were frozen."""
    command: str
    device: str
    versions: Mapping[str, str]
    changed: tuple[str, ...] = ()
    """Changes made while it trained."""

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every published figure and its verdict."""
        return comparisons(self.preset, self.settings, self.records, self.outer_steps)

    @property
    def deviations(self) -> tuple[str, ...]:
        """Settings of the run that differ from the preset, in words."""
        whole = self.preset.settings.outer.outer_steps
        same_goal = self.settings.outer.outer_steps == whole
        steps = set(self.outer_steps.values())
        short = [
            f"{name} has taken {taken} of {counted(whole, 'outer step')}"
            for name, taken in self.outer_steps.items()
            if taken < whole and same_goal
        ]
        if len(steps) == 1 and short:
            short = [f"{steps.pop()} of {counted(whole, 'outer step')}"]
        return (*deviations(self.preset, self.settings), *short, *self.changed)


def report_json(report: Report) -> dict[str, Any]:
    """The report as JSON values, without its pictures."""
    return {
        "schema": SCHEMA,
        "preset": report.preset.name,
        "settings": to_toml(report.settings),
        "source": report.preset.source,
        "seeds": list(report.records),
        "outer_steps": dict(report.outer_steps),
        "deviations": list(report.deviations),
        "unknown": report.preset.unknown,
        "comparisons": [asdict(one) for one in report.comparisons],
        "records": {
            str(seed): {name: [dict(r) for r in found] for name, found in arms.items()}
            for seed, arms in report.records.items()
        },
        "diverged": list(report.notes),
        "command": report.command,
        "device": report.device,
        "versions": dict(report.versions),
    }


VERDICT_COLUMNS = (
    "arm", "shots", "inner steps", "published", "measured", "mean of the kept", "median",
    "diverged", "verdict",
)  # fmt: skip


def verdict_rows(report: Report) -> list[tuple[str, ...]]:
    """The table of verdicts as text, a row per published figure; see VERDICT_COLUMNS."""
    known = report.settings.family.figure
    return [
        (
            one.arm,
            str(one.shots),
            str(one.inner_step),
            figure_text(one.published, one.published_ci95, known),
            figure_text(one.mean, one.ci95, known),
            figure_text(one.mean_kept, None, known),
            figure_text(one.median, None, known),
            f"{one.diverged} of {one.tasks}",
            one.verdict.words,
        )
        for one in report.comparisons
    ]


def measured_rows(report: Report) -> list[tuple[str, ...]]:
    """Measured rows: a head, then a row per shots and arm, a column per inner step."""
    first, known = next(iter(report.records.values())), report.settings.family.figure
    steps = sorted({k for found in first.values() for record in found for k in steps_shown(record)})
    rows = [("shots", "arm", *(counted(k, "inner step") for k in steps))]
    for shots in sorted({record["shots"] for found in first.values() for record in found}):
        for name in first:
            runs = [records_with(arms[name], shots) for arms in report.records.values()]
            if not all(runs):
                continue
            over = over_seeds(runs)[0]
            rows.append((str(shots), name, *(_cell(over, runs, k, known) for k in steps)))
    return rows


def report_text(report: Report) -> str:
    """The report for a terminal."""
    parts = [f"{report.preset.title}: {how(report)}"]
    if rows := verdict_rows(report):
        parts.append("\n".join(_aligned([VERDICT_COLUMNS, *rows])))
    else:
        parts.append("No numbers are published for this preset.")
    parts.append("\n".join(_aligned(measured_rows(report))))
    parts += [f"Differs from the preset: {one}." for one in report.deviations]
    parts += report.notes
    return "\n\n".join(parts)


def report_markdown(report: Report) -> str:
    """The report as a section of a Markdown page."""
    parts = [f"## {report.preset.title}", f"Source: {report.preset.source}.", how(report)]
    if rows := verdict_rows(report):
        parts.append(_markdown(VERDICT_COLUMNS, rows))
    head, *rest = measured_rows(report)
    parts.append(_markdown(head, rest))
    parts += [f"Differs from the preset: {one}." for one in report.deviations]
    parts += report.notes
    if report.preset.unknown:
        parts.append(f"Unknown about the original: {report.preset.unknown}")
    parts.append(f"`{report.command}`")
    return "\n\n".join(parts) + "\n"


def binned(steps: Sequence[float], losses: Sequence[float]) -> tuple[list[float], list[float]]:
    """(mean outer step, mean loss) of at most BINS bins; only finite losses count."""
    known = [(s, v) for s, v in zip(steps, losses, strict=True) if math.isfinite(v) and v > 0]
    size = max(1, math.ceil(len(known) / BINS))
    bins = [known[begin : begin + size] for begin in range(0, len(known), size)]
    return [fmean(s for s, _ in part) for part in bins], [
        fmean(v for _, v in part) for part in bins
    ]


def how(report: Report) -> str:
    """Outer steps taken, and what the figures are means of."""
    seeds = len(report.records)
    over = f"Student t over {seeds} seeds" if seeds > 1 else "over the tasks of one seed"
    steps = ", ".join(f"{name} {count}" for name, count in report.outer_steps.items())
    words = figure_words(report.settings.family.figure)
    return f"Outer steps: {steps}. Query {words}, mean ± 95 % {over}."


def steps_shown(record: Mapping[str, Any]) -> list[int]:
    """The inner steps of a record that the tables show."""
    known: list[int] = record["inner_steps"]
    return [k for k in known if k in SHOWN_STEPS or k == known[-1]]


def records_with(found: Sequence[Mapping[str, Any]], shots: int) -> list[Mapping[str, Any]]:
    """The record of that many shots, or nothing."""
    return [record for record in found if record["shots"] == shots][:1]


def _cell(
    over: Mapping[str, Any], runs: Sequence[Sequence[Mapping[str, Any]]], step: int, known: str
) -> str:
    if step not in over["inner_steps"]:
        return "–"
    at = over["inner_steps"].index(step)
    half = over["ci95"][at] if len(runs) > 1 else runs[0][0]["ci95"][at]
    lost = sum(run[0]["diverged"][at] for run in runs)
    return figure_text(over["mean"][at], half, known) + (f" ({lost} diverged)" if lost else "")


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
