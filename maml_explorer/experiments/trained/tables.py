"""Trained runs as text, tidy rows and HTML. Nothing but numbers and escaped text is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import import_module
from typing import Any

from maml_explorer.experiments.trained.seed import TrainedSeed
from maml_explorer.settings.declaration import SettingsError, quoted
from maml_explorer.settings.families import USUAL_FIGURE
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.figures import figure_text, figure_words
from maml_explorer.storage.run.results import RESULT_COLUMNS, result_rows

Seeds = Mapping[int, TrainedSeed]
LOSS_COLUMNS = ("outer_step", "arm", "seed", "support_loss_before", "query_loss_after")
LAST = 100
"""Outer steps that the last loss of a table is the mean of."""


def loss_rows(seeds: Seeds) -> Iterator[tuple[Any, ...]]:
    """The losses as rows of LOSS_COLUMNS."""
    for seed, part in seeds.items():
        for name, found in part.metrics.items():
            columns = (found.outer_step, found.support_before, found.query_after)
            for step, inner, outer in zip(*(one.tolist() for one in columns), strict=True):
                yield step, name, seed, inner, outer


def tidy_rows(what: str, summary: Mapping[str, Any], seeds: Seeds) -> list[dict[str, Any]]:
    """The rows "results" or "losses", each a dictionary.

    Raises:
        SettingsError: for any other name.
    """
    if what not in ("results", "losses"):
        raise SettingsError(f"There is no table {quoted(what)}: allowed are results, losses.")
    columns: Sequence[str] = RESULT_COLUMNS if what == "results" else LOSS_COLUMNS
    found = result_rows(summary) if what == "results" else loss_rows(seeds)
    return [dict(zip(columns, row, strict=True)) for row in found]


def frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """A pandas DataFrame of the rows.

    Raises:
        ImportError: if pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise ImportError(
            "to_frame() needs pandas, which is not installed: install it (pip install pandas), or "
            "use rows(), which gives the same as a list of dictionaries."
        ) from error
    return pandas.DataFrame(list(rows))


def one_line(settings: Settings, seeds: Seeds, summary: Mapping[str, Any], stopped: bool) -> str:
    """Such as "TrainedRun(MAML, ANIL; 2 seeds; 800 outer steps; MSE 0.61, 0.85 after 5 steps)"."""
    names = ", ".join(arm.name for arm in settings.arms)
    known = ", ".join(map(str, seeds))
    taken = {one.outer_step for part in seeds.values() for one in part.initializations.values()}
    parts = [
        names,
        f"{len(seeds)} seeds" if len(seeds) > 3 else f"seed{'s' * (len(seeds) > 1)} {known}",
        f"{min(taken)} to {counted(max(taken), 'outer step')}"
        if len(taken) > 1
        else f"{counted(max(taken), 'step')}",
    ]
    figures = [arm["over_seeds"][0]["mean"][-1] for arm in _tested(summary)]
    if figures:
        over, figure = _tested(summary)[0]["over_seeds"][0], _figure(summary)
        shown = ", ".join(figure_text(one, None, figure) for one in figures)
        parts.append(
            f"{figure_words(figure)} {shown} after {counted(over['inner_steps'][-1], 'inner step')}"
        )
    diverged = [name for part in seeds.values() for name in part.diverged]
    parts += [f"diverged: {', '.join(dict.fromkeys(diverged))}"] if diverged else []
    return f"TrainedRun({'; '.join([*parts, *(['interrupted'] if stopped else [])])})"


def html(
    settings: Settings, seeds: Seeds, summary: Mapping[str, Any], stopped: bool, picture: str
) -> str:
    """A table of arms by inner steps, with a picture beside it."""
    head, rows, over = _results(settings, summary)
    if not rows:
        head, rows, over = _losses(seeds), *_loss_cells(seeds)
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    notes = [why for part in seeds.values() for why in part.diverged.values()]
    notes += ["Interrupted: this is what was trained until then."] if stopped else []
    return (
        "<div style='display:flex;gap:1.5em;align-items:center;flex-wrap:wrap'><div>"
        f"<table><caption>{escape(over)}</caption>"
        f"<tr>{''.join(f'<th>{escape(one)}</th>' for one in head)}</tr>{cells}</table>"
        + "".join(f"<p>{escape(note)}</p>" for note in notes)
        + f"</div><div style='width:24em'>{picture}</div></div>"
    )


def _results(
    settings: Settings, summary: Mapping[str, Any]
) -> tuple[list[str], list[list[str]], str]:
    arms = {name: arm for name, arm in summary["arms"].items() if arm["over_seeds"]}
    if not arms:
        return [], [], ""
    first, figure, seeds = next(iter(arms.values())), _figure(summary), len(summary["seeds"])
    shots = [one["shots"] for one in first["over_seeds"]]
    at = shots.index(settings.inner.shots) if settings.inner.shots in shots else 0
    rows = []
    for name, arm in arms.items():
        over = arm["over_seeds"][at]
        one = next(iter(arm["seeds"].values()))["evaluations"]
        half = over["ci95"] if seeds > 1 else one[at]["ci95"]
        pairs = zip(over["mean"], half, strict=True)
        rows.append([name, *(figure_text(mean, width, figure) for mean, width in pairs)])
    steps = first["over_seeds"][at]["inner_steps"]
    kind = f"{seeds} seeds" if seeds > 1 else "the held-out tasks"
    title = f"Query {figure_words(figure)}, {counted(shots[at], 'shot')}, mean ± 95 % over {kind}"
    return ["inner steps", *map(str, steps)], rows, title


def _losses(seeds: Seeds) -> list[str]:
    return ["arm", *(f"seed {seed}" for seed in seeds)]


def _loss_cells(seeds: Seeds) -> tuple[list[list[str]], str]:
    names = dict.fromkeys(name for part in seeds.values() for name in part.initializations)
    rows = [
        [
            name,
            *(
                f"{part.metrics[name].query_after[-LAST:].mean():.3g}"
                if name in part.metrics and part.metrics[name].query_after.size
                else "–"
                for part in seeds.values()
            ),
        ]
        for name in names
    ]
    return rows, f"Outer loss, mean of the last {LAST} outer steps; nothing was meta-tested"


def _tested(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [arm for arm in summary["arms"].values() if arm["over_seeds"]]


def _figure(summary: Mapping[str, Any]) -> str:
    first = next(iter(_tested(summary)[0]["seeds"].values()))
    return str(first["evaluations"][0].get("figure", USUAL_FIGURE))
