"""Results of `maml-explorer ablate`, as tables. Torch-free."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from maml_explorer.files.resources import resources
from maml_explorer.settings.families import USUAL_FIGURE
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.figures import figure_text, figure_words

PLAIN = "MAML"
"""Name of the variant without any trick."""


def shipped_ablations() -> list[Mapping[str, Any]]:
    """The results that come with the program, as the command wrote them."""
    found = resources().joinpath("ablation").iterdir()
    files = sorted((f for f in found if f.name.endswith(".json")), key=lambda f: f.name)
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


COLUMNS = ("variant", "query MSE", "median", "difference to MAML", "diverged")
"""Head of the table of sine curves."""


def columns_of(result: Mapping[str, Any]) -> tuple[str, ...]:
    """The head of a result's table, with its figure."""
    return (COLUMNS[0], f"query {figure_words(_figure(result))}", *COLUMNS[2:])


def ablation_rows(result: Mapping[str, Any], step: int) -> list[tuple[str, ...]]:
    """The table after so many inner steps, as text; see :func:`columns_of`.

    Differences are paired, on the tasks that both kept. Negative is better than plain MAML where
    the figure is an error, positive where it is accuracy.
    """
    figure = _figure(result)
    at = result["inner_steps"].index(step)
    total = len(result["seeds"]) * result["tasks"]
    return [
        (
            one["name"],
            figure_text(one["mean"][at], one["mean_ci95"][at], figure),
            figure_text(one["median"][at], one["median_ci95"][at], figure),
            "–" if one["name"] == PLAIN else figure_text(
                one["difference"][at], one["difference_ci95"][at], figure, signed=True
            ),
            f"{one['diverged'][at]} of {total}",
        )
        for one in result["variants"]
    ]  # fmt: skip


def ablation_blocks(result: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """(title, rows) of the table after each number of inner steps."""
    seeds = len(result["seeds"])
    over = f"Student t over {seeds} seeds" if seeds > 1 else "one seed, no interval"
    for step in result["inner_steps"]:
        title = (
            f"After {counted(step, 'inner step')} on {counted(result['shots'], 'shot')}, "
            f"{counted(result['outer_steps'], 'outer step')}; mean ± 95 %, {over}"
        )
        yield title, ablation_rows(result, step)


def _figure(result: Mapping[str, Any]) -> str:
    figure: str = result.get("figure", USUAL_FIGURE)
    return figure


FULL_COLUMNS = (
    "inner steps", "variant", "mean query MSE", "mean ± 95 %", "median query MSE",
    "difference to MAML", "difference ± 95 %", "tasks compared", "tasks diverged",
)  # fmt: skip


def full_table(result: Mapping[str, Any]) -> list[tuple[object, ...]]:
    """All figures as numbers, a row per inner step and variant; see FULL_COLUMNS."""
    return [
        (
            step,
            one["name"],
            one["mean"][at],
            one["mean_ci95"][at],
            one["median"][at],
            None if one["name"] == PLAIN else one["difference"][at],
            None if one["name"] == PLAIN else one["difference_ci95"][at],
            one["kept"][at],
            one["diverged"][at],
        )
        for at, step in enumerate(result["inner_steps"])
        for one in result["variants"]
    ]
