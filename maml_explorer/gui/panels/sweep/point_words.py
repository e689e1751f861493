"""Words for points of a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from maml_explorer.settings.declaration import Value, shown
from maml_explorer.settings.words import counted
from maml_explorer.storage.report.sweep_table import (
    SweepAxis,
    SweepRow,
    best_cell,
    higher_is_better,
)
from maml_explorer.storage.sweep.axes import ALGORITHM, Axis
from maml_explorer.storage.sweep.spec import VALIDATION_TASKS, SweepSpec
from maml_explorer.storage.sweep.trials import Trial


def objective_words(spec: SweepSpec) -> tuple[str, ...]:
    """Meaning of a cell, the longest wording first.

    Such as "MAML: query MSE after 5 inner steps on 200 validation tasks, mean ± 95 % over seeds 1
    to 3":
    Adaptation speed has others, the held-out ones, so its figure of the same run differs.
    """
    first = spec.base.arms[0]
    if any(axis.key == ALGORITHM for axis in spec.axes):
        arm = "The algorithm"
    else:
        arm = first.name
    figure = "accuracy" if spec.objective.startswith("accuracy") else "MSE"
    if len(spec.axes) == 1:  # no choice of axes names it, and a low plot does not
        figure += f" by {short_name(spec.axes[0])}"
    inner, count, seeds = spec.inner_steps, len(spec.seeds), which_seeds(spec.seeds)
    several = count > 1
    return (
        f"{arm}: query {figure} after {counted(inner, 'inner step')} on {VALIDATION_TASKS} "
        "validation tasks, " + (f"mean ± 95 % over {seeds}" if several else seeds),
        f"{arm}: validation {figure} after inner step {inner}, "
        + (f"± 95 %, {count} seeds" if several else seeds),
        f"{arm}: validation {figure}, inner step {inner}" + (", ± 95 %" if several else ""),
        f"Validation {figure}, inner step {inner}" + (", ± 95 %" if several else ""),
    )


def which_seeds(seeds: Sequence[int]) -> str:
    """Words on the seeds of every cell: "seed 1", "seeds 1 and 2", "seeds 1 to 5"."""
    first, last = seeds[0], seeds[-1]
    if len(seeds) == 1:
        return f"seed {first}"
    if len(seeds) == 2:
        return f"seeds {first} and {last}"
    if tuple(seeds) == tuple(range(first, last + 1)):
        return f"seeds {first} to {last}"
    return f"{len(seeds)} seeds"


def best_words(rows: Sequence[SweepRow], axes: Sequence[SweepAxis], spec: SweepSpec) -> list[str]:
    """The best cell, such as "best mean: α 0.01, β 0.003"; nothing where none is known."""
    best = best_cell(rows, higher=higher_is_better(spec.objective))
    if best is None or all(row.point == best.point for row in rows):
        return []
    point = dict(best.point)
    words = ", ".join(f"{short_name(axis)} {value_words(point[axis.key])}" for axis in axes)
    return [f"best{' mean' if best.seeds > 1 else ''}: {words}"]


def value_words(value: Value) -> str:
    """A value with as many digits as tell it from its neighbours: "0.0316"."""
    return f"{value:.3g}" if isinstance(value, float) else shown(value)


def name_of(trial: Trial, axes: Sequence[SweepAxis]) -> str:
    """Name of a run by its point: "α 0.01, Width 40, seed 3"."""
    labels = {axis.key: short_name(axis) for axis in axes}
    words = [f"{labels[key]} {value_words(value)}" for key, value in trial.point]
    return ", ".join([*words, f"seed {trial.seed}"])


def names_apart(trials: Iterable[Trial], axes: Sequence[SweepAxis]) -> dict[str, str]:
    """Run → name by what tells it from the others alone: "β 0.01, seed 3"."""
    found = list(trials)
    differ = [axis for axis in axes if len({dict(one.point).get(axis.key) for one in found}) > 1]
    seeds = len({one.seed for one in found}) > 1 or not differ
    names = {}
    for one in found:
        point = dict(one.point)
        words = [f"{short_name(axis)} {value_words(point[axis.key])}" for axis in differ]
        names[one.name] = ", ".join([*words, *([f"seed {one.seed}"] if seeds else [])])
    return names


def short_name(axis: SweepAxis | Axis) -> str:
    """The letter at the end of a label, as in "Inner learning rate α"; else the label."""
    last = axis.label.rpartition(" ")[2]
    return axis.label if last.isascii() else last


def leading_symbol(label: str) -> str:
    """A setting's name with its symbol in front: what is seen of it in a narrow box tells most."""
    words, _, last = label.rpartition(" ")
    return f"{last} {words}" if words and len(last) == 1 else label
