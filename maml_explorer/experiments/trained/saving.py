"""A trained run from memory, written as a run folder: it can be opened, resumed and shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maml_explorer.core.plan import kernels_of, prepare
from maml_explorer.experiments.trained.run import TrainedRun
from maml_explorer.experiments.trained.tables import loss_rows
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.initialization.folder import save_initialization
from maml_explorer.storage.run.checkpoint import ArmResult, Checkpoint, save_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, EVALUATIONS, METRICS, whole_run

_FIGURES = ("mean", "ci95", "mean_kept", "median", "diverged")


def save_run(run: TrainedRun, path: str | Path) -> Path:
    """Write the run to a new folder and return its path: either all of it is written or nothing.

    Args:
        run: a run that :func:`train` returned.
        path: the new folder; nothing may exist there yet.

    Raises:
        SettingsError: if the run came from a folder: there is nothing new to write.
        StorageError: if something exists there already, or nothing can be written.
    """
    path, last = Path(path), run.by_seed[run.seeds[-1]]
    if last.state is None:
        raise SettingsError(f"This run was read from {run.folder}: copy that folder instead.")
    first = run.settings.with_values({"seed": run.seeds[0]})
    several = len(run.seeds) > 1
    with whole_run(path, first) as folder:
        folder.append(METRICS, ((*row, None, None) for row in loss_rows(run.by_seed)))
        folder.append(EVALUATIONS, _final_rows(run))
        for seed, part in run.by_seed.items():
            for name, one in part.initializations.items():
                place = folder.initialization_folder(first, name, seed if several else None)
                save_initialization(place, one)
        settings = run.settings.with_values({"seed": run.seeds[-1]})
        finished = run.seeds[:-1] if run.interrupted else run.seeds
        save_checkpoint(
            folder.path / CHECKPOINT,
            Checkpoint(
                settings,
                last.state,
                run.seeds,
                {seed: _results(run, seed) for seed in finished},
                dict(last.diverged),
                folder.file_sizes(),
                kernels=kernels_of(prepare(settings)),
            ),
        )
        folder.write_summary(run.summary())
    return path


def _results(run: TrainedRun, seed: int) -> dict[str, ArmResult]:
    part = run.by_seed[seed]
    return {
        name: ArmResult(one.outer_step, one.evaluations, part.diverged.get(name, ""))
        for name, one in part.initializations.items()
    }


def _final_rows(run: TrainedRun) -> Iterator[tuple[Any, ...]]:
    for seed, part in run.by_seed.items():
        for name, one in part.initializations.items():
            for record in one.evaluations:
                for at, step in enumerate(record["inner_steps"]):
                    figures = (record[key][at] for key in _FIGURES)
                    yield one.outer_step, name, seed, record["shots"], step, *figures
