"""The report of a reproduction as one HTML page.

Torch-free. The page has no scripts and loads nothing; its links lead to sources and papers. What
people typed is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from statistics import fmean

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.published.statistics import over_seeds
from maml_explorer.published.verdicts import verdict_words
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import is_written
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.figures import figure_text, figure_words, scale_of
from maml_explorer.storage.report.report import (
    VERDICT_COLUMNS,
    Report,
    how,
    measured_rows,
    records_with,
    rule_of,
    steps_shown,
    verdict_rows,
)
from maml_explorer.storage.report.report_plots import Cross, ReportLine, line_key, plot

_REPOSITORY = re.compile(r"github\.com/[A-Za-z0-9._-]+/[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1f25; max-width: 880px; margin: 32px auto;
  padding: 0 16px; }
h1 { font-size: 24px; margin-bottom: 0; } h2 { font-size: 18px; margin-top: 28px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid #e6e8eb; }
th { color: #5b6670; font-weight: 600; }
.agrees { color: #00714f; font-weight: 600; } .differs { color: #a84300; font-weight: 600; }
.muted, .not { color: #5b6670; } code { background: #f3f4f6; padding: 2px 4px; }
svg { max-width: 100%; height: auto; } a { color: inherit; } summary { cursor: pointer; }
.key { margin-right: 16px; white-space: nowrap; }
"""


def report_html(report: Report) -> str:
    """The report as one HTML page with its pictures."""
    preset = report.preset
    title = escape(f"{preset.title}: reproduction")
    verdicts = verdict_rows(report)
    kinds = [one.verdict.kind.split()[0] for one in report.comparisons]
    head, *measured = measured_rows(report)
    parts = [
        f"<h1>{escape(preset.title)}</h1>",
        f'<p class="muted">{_linked(preset.source or "own settings")}</p>',
        _papers(report.settings),
        f"<p>{escape(preset.description)}</p>",
        f"<p>{escape(how(report))}</p>",
        "<h2>Verdict</h2>",
        f"<p>{escape(verdict_words(report.comparisons)) or 'No numbers are published.'}</p>",
        _table(VERDICT_COLUMNS, verdicts, kinds) if verdicts else "",
        f'<p class="muted">{escape(rule_of(report.settings))}</p>',
        _listed("What this run does otherwise", report.deviations),
        _listed("Diverged while training", report.notes),
        f"<h2>Unknown about the original</h2><p>{escape(preset.unknown)}</p>"
        if preset.unknown
        else "",
        "<h2>Measured</h2>",
        _table(head, measured),
        _by_seed(report),
        _fine_tuning(report),
        *(_adaptation(report, shots) for shots in sorted({int(row[0]) for row in measured})),
        _loss_picture(report),
        "<h2>Settings</h2>",
        _folded("All settings", _table(("setting", "value"), list(_settings(report.settings)))),
        f"<h2>Made by</h2><p><code>{escape(report.command)}</code></p>",
        f'<p class="muted">{escape(_made_with(report))}</p>',
    ]
    body = "\n".join(part for part in parts if part)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _made_with(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"Seeds {', '.join(map(str, report.records))}; {report.device}; {versions}."


def _linked(source: str) -> str:
    """A source as HTML, in which every repository is a link."""
    return _REPOSITORY.sub(r'<a href="https://\g<0>">\g<0></a>', escape(source))


def _papers(settings: Settings) -> str:
    """Links to the papers of the algorithms that were trained."""
    papers = {
        ALGORITHMS[arm.algorithm].label: ALGORITHMS[arm.algorithm].paper for arm in settings.arms
    }
    links = [
        f'<a href="https://doi.org/10.48550/arXiv.{number}">{escape(label)} (arXiv:{number})</a>'
        for label, number in papers.items()
        if number
    ]
    return f'<p class="muted">Papers: {", ".join(links)}</p>' if links else ""


def _by_seed(report: Report) -> str:
    """The means of every seed, folded; nothing where there is one seed."""
    if len(report.records) < 2:
        return ""
    known, rows = report.settings.family.figure, []
    for seed, arms in report.records.items():
        for name, found in arms.items():
            for record in found:
                at = [(k, record["inner_steps"].index(k)) for k in steps_shown(record)]
                means = ", ".join(
                    f"{figure_text(record['mean'][place], None, known)} after {k}"
                    for k, place in at
                )
                lost = max(record["diverged"][place] for _, place in at)
                rows.append((str(record["shots"]), name, str(seed), means, str(lost)))
    rows.sort(key=lambda row: (int(row[0]), row[1]))
    head = ("shots", "arm", "seed", f"{figure_words(known)} after inner steps", "diverged")
    return _folded("Each seed by itself", _table(head, rows))


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


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
                        if k in steps_shown(record) and rate
                    )
                    said.append(
                        f"{name}, seed {seed}, {counted(record['shots'], 'shot')}: {chosen}"
                    )
    return _listed("Fine-tuning α by inner steps, chosen on validation tasks", said)


def _adaptation(report: Report, shots: int) -> str:
    lines, crosses, diverged = [], [], False
    figure = report.settings.family.figure
    scale = scale_of(figure)
    for arm in report.settings.arms:
        runs = [records_with(arms.get(arm.name, ()), shots) for arms in report.records.values()]
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
        lines.append(
            ReportLine(
                arm.name,
                record.color,
                record.line,
                over["inner_steps"],
                [_scaled(one, scale) for one in shown],
                [_scaled(one, scale) for one in band],
            )
        )
        diverged = diverged or any(
            bad and one is not None for one, bad in zip(shown, lost, strict=True)
        )
    for one in report.comparisons:
        if one.shots == shots:
            color = ALGORITHMS[one.algorithm].color
            half = _scaled(one.published_ci95, scale)
            crosses.append(Cross(one.inner_step, scale * one.published, color, half))
    known = "".join(line_key(line) for line in lines)
    published = '<span class="key">+ published</span>' if crosses else ""
    said = "Where tasks diverged, the line is the mean of the others." if diverged else ""
    picture = plot(lines, crosses, "inner step", f"query {figure_words(figure)}")
    return (
        f"<h2>Adaptation with {counted(shots, 'shot')}</h2>{picture}<p>{known}{published}{said}</p>"
    )


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value


def _loss_picture(report: Report) -> str:
    lines = []
    for arm in report.settings.arms:
        if arm.name in report.losses:
            record, (steps, losses) = ALGORITHMS[arm.algorithm], report.losses[arm.name]
            lines.append(ReportLine(arm.name, record.color, record.line, steps, losses))
    if not lines:
        return ""
    loss = "cross-entropy" if report.settings.family.images else "MSE"
    picture = plot(lines, (), "outer step", f"outer loss ({loss})", log_y=True)
    keys = "".join(map(line_key, lines))
    return f"<h2>Outer loss while training, first seed</h2>{picture}<p>{keys}</p>"


def _settings(settings: Settings) -> Iterable[tuple[str, str]]:
    for key, declaration in DECLARATIONS.items():
        if not is_written(settings, key):
            continue
        group, unit = (
            GROUPS[declaration.group][0],
            f" {declaration.unit_of(settings.family)}" if declaration.unit else "",
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
