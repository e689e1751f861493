"""Description of a sweep: base settings, axes, seeds, search and objective. Torch-free."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from maml_explorer.files.reader import StorageError, check_schema, read_text
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import from_toml, parse_toml, to_toml, toml_value
from maml_explorer.settings.words import counted
from maml_explorer.storage.sweep.axes import Axis, Point, is_possible, parse_axis, refuse_clashes
from maml_explorer.storage.sweep.trials import Trial, grid, random_points, trials_of

SCHEMA = 1
SPEC, BASE = "sweep.toml", "base.toml"
"""Files of a sweep folder: what varies, and the settings that it varies."""
MAX_AXES = 8
MAX_SEEDS = 100
MAX_RUNGS = 4
_PART = 400
"""Characters of an axis on one line of its file."""
GRID = "grid"
_OBJECTIVE = re.compile(r"(mse|loss|accuracy)@(\d{1,2})")
_RANDOM = re.compile(r"random:(\d{1,6})")
_TPE = re.compile(r"tpe:(\d{1,5})(?::(\d{1,3}))?")
ROUND = 8
"""Points of a round, where the search does not say."""
MAX_PROPOSED, MAX_ROUND = 10_000, 256
VALIDATION_TASKS = 200
"""Tasks on which the objective is measured: a stream of its own, never the held-out tasks."""
_KEYS = ("schema", "axes", "seeds", "search", "search_seed", "objective", "halving")


@dataclass(frozen=True)
class SweepSpec:
    """Everything that says which runs a sweep has, and by what they are compared."""

    base: Settings
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] = (0,)
    search: str = GRID
    """"grid", "random:N", or "tpe:N" and "tpe:N:B" for N points in rounds of B."""
    search_seed: int = 0
    objective: str = "mse@5"
    """The family's figure on validation tasks after so many inner steps, of the first arm."""

    halving: int = 0
    """Factor by which the cells become fewer at each rung; 0 trains all to the end."""

    def __post_init__(self) -> None:
        if self.halving and not 2 <= self.halving <= 10:
            raise SettingsError(f"Halving cannot be by {self.halving}: allowed is from 2 to 10.")
        if not 1 <= len(self.axes) <= MAX_AXES:
            raise SettingsError(f"A sweep has 1 to {MAX_AXES} axes, not {len(self.axes)}.")
        refuse_clashes(self.axes)
        if not 1 <= len(self.seeds) <= MAX_SEEDS or len(set(self.seeds)) < len(self.seeds):
            raise SettingsError(f"A sweep has 1 to {MAX_SEEDS} different seeds.")
        for seed in self.seeds:
            DECLARATIONS["seed"].check(seed)
        if self.search != GRID and not _RANDOM.fullmatch(self.search) and self.proposed is None:
            raise SettingsError(
                f"The search cannot be “{self.search[:40]}”: allowed are grid, random:N and tpe:N."
            )
        if self.proposed is not None and self.halving:
            raise SettingsError(
                "Halving compares all cells at once, and a search by TPE proposes them in rounds: "
                "give --halving or tpe:N, not both."
            )
        mine = usual_objective(self.base, self.inner_steps)
        if (self.objective.startswith("accuracy")) != mine.startswith("accuracy"):
            raise SettingsError(
                f"The objective cannot be {self.objective} for {self.base.family.label.lower()}: "
                f"allowed is {mine}."
            )
        if self.inner_steps > self.base.run.test_steps:
            raise SettingsError(
                f"The objective {self.objective} needs {counted(self.inner_steps, 'inner step')} "
                f"at test, and test_steps is {self.base.run.test_steps}."
            )

    @property
    def inner_steps(self) -> int:
        """Inner steps after which the objective is measured.

        Raises:
            SettingsError: where the objective is not written as mse@K or accuracy@K.
        """
        found = _OBJECTIVE.fullmatch(self.objective)
        if found is None:
            raise SettingsError(
                f"The objective cannot be “{self.objective[:40]}”: allowed is mse@K, such as "
                "mse@5, and accuracy@K for images."
            )
        return int(found[2])

    @property
    def proposed(self) -> tuple[int, int] | None:
        """(points in all, points in a round) of a search that proposes them; None of others.

        Raises:
            SettingsError: for numbers that are not allowed.
        """
        found = _TPE.fullmatch(self.search)
        if found is None:
            return None
        count, size = int(found[1]), int(found[2] or ROUND)
        if not 1 <= count <= MAX_PROPOSED or not 1 <= size <= MAX_ROUND:
            raise SettingsError(
                f"A search by TPE proposes 1 to {MAX_PROPOSED} points in rounds of 1 to "
                f"{MAX_ROUND}, not {self.search[:20]}."
            )
        return count, size

    @property
    def most_runs(self) -> int:
        """Runs when all are known; of a search that proposes points, at most."""
        return len(self.trials()) if self.proposed is None else self.proposed[0] * len(self.seeds)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Outer steps at which halving compares the cells; empty without it.

        At each rung the best 1/η of the cells go on, so that one or a few reach the end. The
        declared number of outer steps stays, since schedules depend on it.
        """
        if not self.halving:
            return ()
        cells = len(self.trials()) // len(self.seeds)
        steps, found = self.base.outer.outer_steps, list[int]()
        while cells > 1 and steps // self.halving >= 2 and len(found) < MAX_RUNGS:
            cells, steps = -(-cells // self.halving), steps // self.halving
            found.append(steps)
        return tuple(reversed(found))

    def trials(self, proposed: Sequence[Point] = ()) -> list[Trial]:
        """The runs of the sweep, each once, seeds of a point side by side.

        Args:
            proposed: the points so far, of a search that proposes them; those whose values do not
                go together have no runs.

        Raises:
            SettingsError: where the values of a point do not go together, or there are too many.
        """
        if self.proposed is not None:
            fit = (point for point in proposed if is_possible(self.base, point))
            return trials_of(self.base, fit, self.seeds)
        return list(self._known)

    @cached_property
    def _known(self) -> list[Trial]:
        """The runs of a grid or of drawn points: tens of thousands take seconds."""
        drawn = _RANDOM.fullmatch(self.search)
        if drawn is None:
            points = grid(self.axes)
        else:
            points = random_points(self.axes, int(drawn[1]), self.search_seed)
        return trials_of(self.base, points, self.seeds)

    def text(self) -> str:
        """The description as TOML, as :func:`read_spec` reads it; the base is a file of its own."""
        axes = ",\n".join(_axis_text(axis) for axis in self.axes)
        return (
            f"schema = {SCHEMA}\naxes = [{axes}]\nseeds = {list(self.seeds)}\n"
            f"search = {toml_value(self.search)}\nsearch_seed = {self.search_seed}\n"
            f"objective = {toml_value(self.objective)}\n"
            + (f"halving = {self.halving}\n" if self.halving else "")
        )

    def files(self) -> dict[str, str]:
        """File → its text."""
        return {SPEC: self.text(), BASE: to_toml(self.base)}


def usual_objective(base: Settings, inner_steps: int = 5) -> str:
    """The objective of a family: "mse@5", or "accuracy@5" for images."""
    return f"{base.family.figure.lower()}@{inner_steps}"


def read_spec(folder: Path) -> SweepSpec:
    """The description in a sweep folder.

    Raises:
        StorageError: where a file is missing or damaged.
        SettingsError: where a value in it is not allowed.
    """
    document = parse_toml(read_text(folder / SPEC))
    where = str(folder / SPEC)
    check_schema(document.get("schema"), SCHEMA, where)
    unknown = [key for key in document if key not in _KEYS]
    if unknown:
        raise StorageError(f"{where} has an unknown key {unknown[0][:40]!r}.")
    axes = _texts(document, "axes", where)
    seeds = document.get("seeds")
    if not isinstance(seeds, list) or not all(isinstance(s, int) for s in seeds):
        raise StorageError(f"{where} has no list of seeds.")
    search_seed = document.get("search_seed", 0)
    if not isinstance(search_seed, int) or not 0 <= search_seed < 2**31:
        raise StorageError(f"{where} has no seed of the search.")
    search, objective = document.get("search", GRID), document.get("objective", "mse@5")
    if not isinstance(search, str) or not isinstance(objective, str):
        raise StorageError(f"{where} names no search and objective.")
    halving = document.get("halving", 0)
    if not isinstance(halving, int):
        raise StorageError(f"{where} names no halving.")
    base = from_toml(read_text(folder / BASE))
    return SweepSpec(
        base, tuple(map(parse_axis, axes)), tuple(seeds), search, search_seed, objective, halving
    )


def _axis_text(axis: Axis) -> str:
    """An axis as a TOML string; a long one as a list of parts, since lines have a limit."""
    text = axis.text()
    parts = [text[at : at + _PART] for at in range(0, len(text), _PART)]
    if len(parts) == 1:
        return toml_value(text)
    return "[\n" + ",\n".join(toml_value(part) for part in parts) + "\n]"


def _texts(document: Mapping[str, Any], key: str, where: str) -> Sequence[str]:
    found = document.get(key)
    if isinstance(found, list):
        found = ["".join(map(str, part)) if isinstance(part, list) else part for part in found]
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise StorageError(f"{where} has no list of {key}.")
    return found
