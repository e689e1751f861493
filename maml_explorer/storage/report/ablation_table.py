"""Results of `maml-explorer ablate`, as tables. Torch-free."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from maml_explorer.files.resources import resources

PLAIN = "MAML"
"""Name of the variant without any trick."""


def shipped_ablations() -> list[Mapping[str, Any]]:
    """The results that come with the program, as the command wrote them."""
    found = resources().joinpath("ablation").iterdir()
    files = sorted((f for f in found if f.name.endswith(".json")), key=lambda f: f.name)
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


COLUMNS = ("variant", "query MSE", "median", "difference to MAML", "diverged")


def ablation_rows(result: Mapping[str, Any], step: int) -> list[tuple[str, ...]]:
    """The table after so many inner steps, as text; see COLUMNS.

    Differences are paired, on the tasks that both kept; negative is better than plain MAML.
    """
    at = result["inner_steps"].index(step)
    total = len(result["seeds"]) * result["tasks"]
    return [
        (
            one["name"],
            _number(one["mean"][at], one["mean_ci95"][at]),
            _number(one["median"][at], one["median_ci95"][at]),
            "–" if one["name"] == PLAIN else _number(
                one["difference"][at], one["difference_ci95"][at], signed=True
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
            f"After {step} inner step{'' if step == 1 else 's'} on {result['shots']} shots, "
            f"{result['outer_steps']} outer steps; mean ± 95 %, {over}"
        )
        yield title, ablation_rows(result, step)


def _number(value: float | None, half: float | None, signed: bool = False) -> str:
    if value is None:
        return "not finite"
    text = (f"{value:+.3g}" if signed else f"{value:.3g}").replace("-", "−")
    return text if half is None else f"{text} ± {half:.2g}"


FULL_COLUMNS = (
    "inner steps", "variant", "query MSE", "± 95 %", "median", "difference to MAML", "± 95 %",
    "tasks compared", "diverged",
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
