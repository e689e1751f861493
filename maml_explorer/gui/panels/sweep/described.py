"""Description of the sweep that is typed in a form, or a refusal that names the form's fields."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass

from maml_explorer.gui.panels.sweep.point_words import which_seeds
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.elided_label import SEPARATOR
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.typed import MistypedError, whole_number
from maml_explorer.settings.words import counted
from maml_explorer.storage.sweep.axes import ALGORITHM, Axis, NotVariedError, parse_axes
from maml_explorer.storage.sweep.spec import GRID, MAX_SEEDS, SweepSpec, usual_objective
from maml_explorer.storage.sweep.trials import MAX_TRIALS

SEARCHES = {"every combination": GRID, "random points": "random", "points by TPE": "tpe"}
"""Words of a search → how its description begins."""
HALVINGS = {"none": 0, "best half": 2, "best third": 3, "best quarter": 4}
"""Words for the cells that go on → factor of the halving."""
_AT_ONCE = 500
"""Runs up to which all are made to see whether their values go together: it takes 0.1 s."""


@dataclass(frozen=True)
class Typed:
    """Texts of the form, and what was picked."""

    axes: str
    seeds: str
    outer_steps: str
    inner_steps: str
    search: str
    points: str
    halving: int


def described(base: Settings, typed: Typed) -> SweepSpec:
    """The sweep over the settings `base` that is typed.

    Raises:
        SettingsError: for what is no sweep, in words that name the fields of the form.
    """
    seeds = _number("Seeds is how many", typed.seeds, MAX_SEEDS)
    outer_steps = DECLARATIONS["outer_steps"].parse(typed.outer_steps)
    base = base.with_values({"outer_steps": outer_steps})
    inner_steps = _number("“Compared after” is an inner step of the test", typed.inner_steps,
                          base.run.test_steps)  # fmt: skip
    search, halving = typed.search, typed.halving
    if search != GRID:
        search += f":{_number('Points is how many', typed.points, MAX_TRIALS)}"
    if typed.search == "tpe":
        halving = 0  # the form offers none
        if importlib.util.find_spec("optuna") is None:
            raise SettingsError("TPE needs the library optuna: pip install 'maml-explorer[search]'")
    spec = SweepSpec(
        base,
        _axes(typed.axes, typed.search),
        _seeds(base.run.seed, seeds),
        search,
        objective=usual_objective(base, inner_steps),
        halving=halving,
    )
    runs = _cells(spec) * seeds
    if runs > MAX_TRIALS:
        raise SettingsError(f"A sweep has at most {whole(MAX_TRIALS)} runs, not {whole(runs)}.")
    if runs <= _AT_ONCE:
        spec.trials()
    return spec


def planned_words(spec: SweepSpec) -> str:
    """Number of its runs, and what each trains beside the arm that is compared."""
    cells, seeds = _cells(spec), len(spec.seeds)
    steps = counted(spec.base.outer.outer_steps, "outer step", whole)
    kind = "combination" if spec.search == GRID else "point"
    runs = f"{counted(cells * seeds, 'run', whole)} of {'up to ' if spec.halving else ''}{steps}"
    words = f"{counted(cells, kind, whole)} × {which_seeds(spec.seeds)} = {runs}"
    arms = spec.base.arms
    if len(arms) > 1 and all(axis.key != ALGORITHM for axis in spec.axes):
        words += f"{SEPARATOR}{len(arms)} arms each, {arms[0].name} is compared"
    return words


def _seeds(first: int, count: int) -> tuple[int, ...]:
    """So many seeds from the window's on; at the largest seed, those up to it."""
    largest = int(DECLARATIONS["seed"].maximum or 0)
    begin = min(first, largest - count + 1)
    return tuple(range(begin, begin + count))


def _cells(spec: SweepSpec) -> int:
    # multiplied, as making tens of thousands of runs takes seconds
    if spec.search == GRID:
        return math.prod(len(axis.values) for axis in spec.axes)
    return int(spec.search.split(":")[1])


def _axes(text: str, search: str) -> tuple[Axis, ...]:
    try:
        axes = parse_axes(text)
    except NotVariedError as error:
        raise SettingsError(f"{error.key} cannot be an axis: {_place_of(error.key)}.") from None
    for axis in axes:
        if search == GRID and not axis.values:
            raise SettingsError(
                f"The axis {axis.key} has a range and no values: give a count, such as "
                f"{axis.text()}:7, or search random points."
            )
    return axes


def _place_of(key: str) -> str:
    """Words for the place in the window that sets what is no axis."""
    if key == "seed":
        return "Seeds below says how many"
    if key == "outer_steps":
        return "set Outer steps below"
    return f"“{DECLARATIONS[key].label}” among the settings is the same for all runs"


def _number(what: str, text: str, most: int) -> int:
    try:
        number = whole_number(text)
    except MistypedError:
        number = 0
    if not 1 <= number <= most:
        raise SettingsError(f"{what}, from 1 to {whole(most)}; not “{text.strip()[:20]}”.")
    return number
