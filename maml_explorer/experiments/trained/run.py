"""A trained run as scripts and notebooks have it: initializations by arm name, seed after seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maml_explorer.experiments.outcome import ArmMetrics, Outcome
from maml_explorer.experiments.result_tables import run_summary
from maml_explorer.experiments.trained.picture import RunPicture, picture_of
from maml_explorer.experiments.trained.seed import TrainedSeed
from maml_explorer.experiments.trained.tables import frame, html, one_line, tidy_rows
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.folder import Initialization
from maml_explorer.storage.run.checkpoint import ArmResult


@dataclass(frozen=True, eq=False, repr=False)
class TrainedRun(Mapping[str, Initialization]):
    """The initializations a run has trained, by arm name; `run.of_seed(3)` has those of a seed.

    As a mapping, and in `initializations`, `metrics` and `diverged`, it stands for its first seed.
    A notebook shows it as a table with a picture.
    """

    settings: Settings
    by_seed: Mapping[int, TrainedSeed]
    """The seeds in order; if the run was interrupted, the last one is incomplete."""
    folder: Path | None = None
    """The run folder; None if nothing was written."""
    interrupted: bool = False
    """True if Ctrl+C, or a stopped cell, ended the training early."""

    def __getitem__(self, arm_name: str) -> Initialization:
        return self._first.arm(arm_name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.initializations)

    def __len__(self) -> int:
        return len(self.initializations)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(self.by_seed)

    @property
    def initializations(self) -> Mapping[str, Initialization]:
        """By arm name what the first seed has trained."""
        return self._first.initializations

    @property
    def metrics(self) -> Mapping[str, ArmMetrics]:
        """By arm name the losses of every outer step of the first seed."""
        return self._first.metrics

    @property
    def diverged(self) -> Mapping[str, str]:
        """Arms of the first seed that were frozen at their last good state, and why."""
        return self._first.diverged

    @property
    def _first(self) -> TrainedSeed:
        return next(iter(self.by_seed.values()))

    def of_seed(self, seed: int) -> TrainedRun:
        """The part of the run that has this seed.

        Raises:
            SettingsError: if the run has no such seed.
        """
        if seed not in self.by_seed:
            known = ", ".join(map(str, self.seeds))
            raise SettingsError(f"This run has no seed {seed}: its seeds are {known}.")
        settings = self.settings.with_values({"seed": seed})
        last = seed == self.seeds[-1]
        return replace(
            self,
            settings=settings,
            by_seed={seed: self.by_seed[seed]},
            interrupted=self.interrupted and last,
        )

    def summary(self) -> dict[str, Any]:
        """The final meta-tests as JSON values, by arm and seed, and over the seeds.

        A seed that was interrupted has none, and is left out where another has.
        """
        results = {
            seed: {
                name: ArmResult(one.outer_step, one.evaluations, part.diverged.get(name, ""))
                for name, one in part.initializations.items()
            }
            for seed, part in self.by_seed.items()
        }
        tested = {
            seed: arms
            for seed, arms in results.items()
            if all(result.evaluations for result in arms.values())
        }
        results = tested or results
        return run_summary(self.settings, results, steps_per_second=None, device="", versions={})

    def rows(self, what: str = "results") -> list[dict[str, Any]]:
        """The run as tidy rows, which any table takes.

        Args:
            what: "results", a row for each arm, seed, number of shots and inner step; or "losses",
                a row for each arm, seed and outer step.

        Raises:
            SettingsError: for any other table.
        """
        return tidy_rows(what, self.summary(), self.by_seed)

    def to_frame(self, what: str = "results") -> Any:
        """The rows as a pandas DataFrame; see :meth:`rows`.

        Raises:
            ImportError: if pandas is not installed.
        """
        return frame(self.rows(what))

    def plot(self, what: str = "results", ax: Any = None) -> RunPicture | Any:
        """A picture of the run, which a notebook shows and `.save("a.svg")` writes.

        Args:
            what: "results", the figure of the meta-test by inner step, or "losses".
            ax: axes of Matplotlib to draw on; they are given back. Matplotlib is not needed
                otherwise.

        Raises:
            SettingsError: for any other picture.
        """
        picture = picture_of(what, self.settings, self.by_seed, self.summary())
        return picture if ax is None else picture.draw_on(ax)

    def __repr__(self) -> str:
        return one_line(self.settings, self.by_seed, self.summary(), self.interrupted)

    def _repr_html_(self) -> str:
        summary = self.summary()
        picture = picture_of("losses", self.settings, self.by_seed, summary)._repr_html_()
        return html(self.settings, self.by_seed, summary, self.interrupted, picture)


def trained_run(outcome: Outcome, folder: Path | None = None) -> TrainedRun:
    """The run of a headless training."""
    by_seed = {
        seed: TrainedSeed(
            initializations,
            outcome.metrics[seed],
            {
                name: result.diverged
                for name, result in outcome.results.get(seed, {}).items()
                if result.diverged
            },
            outcome.states.get(seed),
        )
        for seed, initializations in outcome.initializations.items()
    }
    return TrainedRun(outcome.settings, by_seed, folder, outcome.interrupted)
