"""A run beside the numbers published for its preset: as HTML page, text table, Markdown and JSON.

Torch-free. The page is one file without scripts or links to load; what people typed is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from statistics import fmean
from typing import Any

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.published.statistics import over_seeds
from maml_explorer.published.verdicts import (
    Comparison,
    Records,
    comparisons,
    deviations,
    verdict_words,
)
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import to_toml
from maml_explorer.storage.report.report_plots import Cross, Line, plot

SCHEMA = 1
BINS = 200
"""Averages that a curve of losses is drawn from."""
SHOWN_STEPS = (0, 1, 5, 10, 32)
"""Inner steps of the table of what was measured, and the last one."""
RULE = (
    "A figure agrees where it lies inside the published interval, or within 10 % where none is "
    "published. Where a task diverged nothing is compared. Held-out tasks come from a stream of "
    "their own; 100 equally spaced queries with clean targets. Joint training (MTL) is fine-tuned "
    "with the best α of 13 on 200 validation tasks."
)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1f25; max-width: 880px; margin: 32px auto;
  padding: 0 16px; }
h1 { font-size: 24px; margin-bottom: 0; } h2 { font-size: 18px; margin-top: 28px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid #e6e8eb; }
th { color: #5b6670; font-weight: 600; }
.agrees { color: #00714f; font-weight: 600; } .differs { color: #a84300; font-weight: 600; }
.muted, .not { color: #5b6670; } code { background: #f3f4f6; padding: 2px 4px; }
svg { max-width: 100%; height: auto; } .key { margin-right: 16px; white-space: nowrap; }
"""


@dataclass(frozen=True)
class Report:
    """A trained run and its preset."""

    preset: Preset
    settings: Settings
    """As trained; the seed is the first one."""
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
    """What was changed while it trained."""

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every published figure and its verdict."""
        return comparisons(self.preset, self.settings, self.records)

    @property
    def deviations(self) -> tuple[str, ...]:
        """What the run does otherwise than the preset says, in words."""
        whole = self.preset.settings.outer.outer_steps
        same_goal = self.settings.outer.outer_steps == whole
        steps = set(self.outer_steps.values())
        short = [
            f"{name} has taken {taken} of {whole} outer steps"
            for name, taken in self.outer_steps.items()
            if taken < whole and same_goal
        ]
        if len(steps) == 1 and short:
            short = [f"{steps.pop()} of {whole} outer steps"]
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
    return [
        (
            one.arm,
            str(one.shots),
            str(one.inner_step),
            figure(one.published, one.published_ci95),
            figure(one.mean, one.ci95),
            figure(one.mean_kept),
            figure(one.median),
            f"{one.diverged} of {one.tasks}",
            one.verdict.words,
        )
        for one in report.comparisons
    ]


def measured_rows(report: Report) -> list[tuple[str, ...]]:
    """What was measured: a head, then a row per shots and arm, a column per inner step."""
    first = next(iter(report.records.values()))
    steps = sorted({k for found in first.values() for record in found for k in _steps(record)})
    rows = [("shots", "arm", *(f"{k} inner step{'' if k == 1 else 's'}" for k in steps))]
    for shots in sorted({record["shots"] for found in first.values() for record in found}):
        for name in first:
            runs = [_records(arms[name], shots) for arms in report.records.values()]
            if not all(runs):
                continue
            over = over_seeds(runs)[0]
            rows.append((str(shots), name, *(_cell(over, runs, k) for k in steps)))
    return rows


def report_text(report: Report) -> str:
    """The report for a terminal."""
    parts = [f"{report.preset.title}: {_how(report)}"]
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
    parts = [f"## {report.preset.title}", f"Source: {report.preset.source}.", _how(report)]
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


def report_html(report: Report) -> str:
    """The report as one HTML page with its pictures."""
    preset = report.preset
    title = escape(f"{preset.title}: reproduction")
    verdicts = verdict_rows(report)
    kinds = [one.verdict.kind.split()[0] for one in report.comparisons]
    head, *measured = measured_rows(report)
    parts = [
        f"<h1>{escape(preset.title)}</h1>",
        f'<p class="muted">{escape(preset.source or "own settings")}</p>',
        f"<p>{escape(preset.description)}</p>",
        f"<p>{escape(_how(report))}</p>",
        "<h2>Verdict</h2>",
        f"<p>{escape(verdict_words(report.comparisons)) or 'No numbers are published.'}</p>",
        _table(VERDICT_COLUMNS, verdicts, kinds) if verdicts else "",
        f'<p class="muted">{escape(RULE)}</p>',
        _listed("What this run does otherwise", report.deviations),
        _listed("Diverged while training", report.notes),
        f"<h2>Unknown about the original</h2><p>{escape(preset.unknown)}</p>"
        if preset.unknown
        else "",
        "<h2>Measured</h2>",
        _table(head, measured),
        _fine_tuning(report),
        *(_adaptation(report, shots) for shots in sorted({int(row[0]) for row in measured})),
        _loss_picture(report),
        "<h2>Settings</h2>",
        _table(("setting", "value"), list(_settings(report.settings))),
        f"<h2>Made by</h2><p><code>{escape(report.command)}</code></p>",
        f'<p class="muted">{escape(_made_with(report))}</p>',
    ]
    body = "\n".join(part for part in parts if part)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def binned(steps: Sequence[float], losses: Sequence[float]) -> tuple[list[float], list[float]]:
    """(mean outer step, mean loss) of at most BINS bins; only finite losses count."""
    known = [(s, v) for s, v in zip(steps, losses, strict=True) if math.isfinite(v) and v > 0]
    size = max(1, math.ceil(len(known) / BINS))
    bins = [known[begin : begin + size] for begin in range(0, len(known), size)]
    return [fmean(s for s, _ in part) for part in bins], [
        fmean(v for _, v in part) for part in bins
    ]


def figure(value: float | None, half: float | None = None) -> str:
    """A mean and its interval: "0.68 ± 0.041"."""
    if value is None:
        return "not finite"
    return f"{value:.3g}" if half is None else f"{value:.3g} ± {half:.2g}"


def _how(report: Report) -> str:
    seeds = len(report.records)
    over = f"Student t over {seeds} seeds" if seeds > 1 else "over the tasks of one seed"
    steps = ", ".join(f"{name} {count}" for name, count in report.outer_steps.items())
    return f"Outer steps: {steps}. Query MSE, mean ± 95 % {over}."


def _made_with(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"Seeds {', '.join(map(str, report.records))}; {report.device}; {versions}."


def _steps(record: Mapping[str, Any]) -> list[int]:
    known: list[int] = record["inner_steps"]
    return [k for k in known if k in SHOWN_STEPS or k == known[-1]]


def _records(found: Sequence[Mapping[str, Any]], shots: int) -> list[Mapping[str, Any]]:
    return [record for record in found if record["shots"] == shots][:1]


def _cell(over: Mapping[str, Any], runs: Sequence[Sequence[Mapping[str, Any]]], step: int) -> str:
    if step not in over["inner_steps"]:
        return "–"
    at = over["inner_steps"].index(step)
    half = over["ci95"][at] if len(runs) > 1 else runs[0][0]["ci95"][at]
    lost = sum(run[0]["diverged"][at] for run in runs)
    return figure(over["mean"][at], half) + (f" ({lost} diverged)" if lost else "")


def _fine_tuning(report: Report) -> str:
    """The α that joint training was fine-tuned with, where there is one."""
    said = []
    for seed, arms in report.records.items():
        for name, found in arms.items():
            for record in found:
                rates = record["fine_tuning_lr"]
                if rates:
                    chosen = ", ".join(
                        f"{rate:.2g} for {k}"
                        for k, rate in zip(record["inner_steps"], rates, strict=True)
                        if k in _steps(record) and rate
                    )
                    said.append(f"{name}, seed {seed}, {record['shots']} shots: {chosen}")
    return _listed("Fine-tuning α by inner steps, chosen on validation tasks", said)


def _adaptation(report: Report, shots: int) -> str:
    lines, crosses, diverged = [], [], False
    for arm in report.settings.arms:
        runs = [_records(arms.get(arm.name, ()), shots) for arms in report.records.values()]
        if not all(runs):
            continue
        record, over = ALGORITHMS[arm.algorithm], over_seeds(runs)[0]
        half = over["ci95"] if len(runs) > 1 else runs[0][0]["ci95"]
        lost = [any(run[0]["diverged"][k] for run in runs) for k in range(len(half))]
        kept = [[run[0]["mean_kept"][k] for run in runs] for k in range(len(half))]
        shown = [
            (None if None in others else fmean(others)) if bad else mean
            for mean, others, bad in zip(over["mean"], kept, lost, strict=True)
        ]
        band = [None if bad else width for width, bad in zip(half, lost, strict=True)]
        lines.append(Line(arm.name, record.color, record.line, over["inner_steps"], shown, band))
        diverged = diverged or any(lost)
    for one in report.comparisons:
        if one.shots == shots:
            color = ALGORITHMS[one.algorithm].color
            crosses.append(Cross(one.inner_step, one.published, color, one.published_ci95))
    known = "".join(_key(line) for line in lines)
    published = '<span class="key">+ published</span>' if crosses else ""
    said = "Where tasks diverged, the line is the mean of the others." if diverged else ""
    picture = plot(lines, crosses, "inner step", "query MSE")
    return f"<h2>Adaptation with {shots} shots</h2>{picture}<p>{known}{published}{said}</p>"


def _loss_picture(report: Report) -> str:
    lines = []
    for arm in report.settings.arms:
        if arm.name in report.losses:
            record, (steps, losses) = ALGORITHMS[arm.algorithm], report.losses[arm.name]
            lines.append(Line(arm.name, record.color, record.line, steps, losses))
    if not lines:
        return ""
    picture = plot(lines, (), "outer step", "outer loss (MSE)", log_y=True)
    keys = "".join(map(_key, lines))
    return f"<h2>Outer loss while training, first seed</h2>{picture}<p>{keys}</p>"


def _key(line: Line) -> str:
    return f'<span class="key" style="color: {escape(line.color)}">━ {escape(line.name)}</span>'


def _settings(settings: Settings) -> Iterable[tuple[str, str]]:
    for key, declaration in DECLARATIONS.items():
        group, unit = (
            GROUPS[declaration.group][0],
            f" {declaration.unit}" if declaration.unit else "",
        )
        yield f"{group}: {declaration.label}", f"{shown(settings[key])}{unit}"
    for arm in settings.arms:
        overrides = ", ".join(f"{DECLARATIONS[k].label} {shown(v)}" for k, v in arm.overrides)
        yield (
            f"Arm: {arm.name}",
            ALGORITHMS[arm.algorithm].label + (f", {overrides}" if overrides else ""),
        )


def _listed(title: str, entries: Sequence[str]) -> str:
    if not entries:
        return ""
    items = "".join(f"<li>{escape(entry)}</li>" for entry in entries)
    return f"<h2>{escape(title)}</h2><ul>{items}</ul>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[str] = ()) -> str:
    """An HTML table; `kinds` are classes of the last cell of each row."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = []
    for n, row in enumerate(rows):
        *cells, last = (escape(cell) for cell in row)
        kind = f' class="{escape(kinds[n])}"' if kinds else ""
        lines.append("".join(f"<td>{c}</td>" for c in cells) + f"<td{kind}>{last}</td>")
    return f"<table><tr>{top}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
