"""The record of a meta-test, as it stands in JSON files and in `evaluate --json`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.families import FAMILIES, USUAL_FIGURE

if TYPE_CHECKING:
    from torch import Tensor

    from maml_explorer.core.meta_test import FinalTest
    from maml_explorer.core.plan import Plan
    from maml_explorer.core.replay.interruption import Look

TOGETHER, ALONE = "together", "alone"
"""Source of batch norm's statistics at meta-test: all query points of a task together, or
one of them at a time and the support set."""
FIGURES = ("mean", "ci95", "mean_kept", "median")
SHOWN_STEPS = (0, 1, 5, 10)
"""Inner steps of tables and records unless others are asked for."""
SHOTS = 5
"""Shots of a record unless others are asked for, as published tables have it."""
_MAX_RECORDS = 16
_MAX_STEPS = 101


def evaluation_record(
    plan: Plan,
    arm_name: str,
    initialization: Tensor,
    *,
    shots: int = SHOTS,
    inner_steps: Sequence[int] = SHOWN_STEPS,
    task_count: int | None = None,
    alone: bool = False,
    look: Look | None = None,
) -> dict[str, Any]:
    """The meta-test of one arm by the protocol of :mod:`maml_explorer.core.meta_test`.

    Args:
        plan: of the run; its seed names the held-out tasks.
        arm_name: the arm whose way of adapting is used.
        initialization: θ [parameter].
        shots: support points per task.
        inner_steps: the numbers of inner steps to report.
        task_count: held-out tasks; those of the settings unless given.
        alone: whether each query point is seen beside the support set alone.
        look: called between pieces of the work, and between kernels where they are long; it may
            raise.

    Returns:
        algorithm, shots, tasks, seed, inner_steps, and per inner step mean, ci95, mean_kept,
        median (None where not finite), diverged, and for MTL the α it was fine-tuned with.
    """
    from maml_explorer.core.meta_test import final_test, run_to_end
    from maml_explorer.core.replay.interruption import interruptible

    count = plan.settings.run.test_tasks if task_count is None else task_count
    work = final_test(plan, arm_name, initialization, shots, inner_steps, count, alone)
    with interruptible(look if plan.long_pieces else None):
        found = run_to_end(work, look)
    return record_of(plan, arm_name, found, shots, inner_steps, count, alone)


def record_of(
    plan: Plan,
    arm_name: str,
    found: FinalTest,
    shots: int,
    inner_steps: Sequence[int],
    task_count: int,
    alone: bool = False,
) -> dict[str, Any]:
    """A finished meta-test as JSON values, as :func:`evaluation_record` returns it."""
    about = plan.family.about
    # records of squared errors are as they were before there was another figure
    figure = {} if about.figure == USUAL_FIGURE else {"figure": about.figure}
    # likewise those of all query points together
    seen = {"transduction": ALONE} if alone else {}
    return {
        **figure,
        **seen,
        "algorithm": plan.settings.arm(arm_name).algorithm,
        "shots": shots,
        "tasks": task_count,
        "seed": plan.settings.run.seed,
        "inner_steps": list(inner_steps),
        **{name: list(values) for name, values in dataclasses.asdict(found.record).items()},
        "fine_tuning_lr": None if found.fine_tuning is None else list(found.fine_tuning),
    }


def arm_records(
    plan: Plan, arm_name: str, initialization: Tensor, look: Look | None = None
) -> tuple[dict[str, Any], ...]:
    """The meta-test of an arm with the shots it was trained with, and those usual in its family.

    Args:
        plan: of the run.
        arm_name: the arm.
        initialization: θ [parameter].
        look: as for :func:`evaluation_record`.
    """
    most = plan.settings.run.test_steps
    steps = [k for k in SHOWN_STEPS if k <= most]
    steps += [] if most in steps else [most]
    shots = sorted({*plan.family.about.record_shots, plan.settings.inner.shots})
    return tuple(
        evaluation_record(plan, arm_name, initialization, shots=n, inner_steps=steps, look=look)
        for n in shots
    )


def checked_records(found: object, where: str) -> tuple[Mapping[str, Any], ...]:
    """The records read from a file.

    Raises:
        StorageError: where they are not as :func:`evaluation_record` makes them.
    """
    if not isinstance(found, list) or len(found) > _MAX_RECORDS or not all(map(_is_record, found)):
        raise StorageError(f"{where} has a meta-test that is not as this program writes it.")
    return tuple(found)


def _is_record(record: object) -> bool:
    known = ("algorithm", "shots", "tasks", "seed", "inner_steps", "diverged", "fine_tuning_lr")
    if not isinstance(record, dict) or record.keys() - {"figure", "transduction"} != {
        *known,
        *FIGURES,
    }:
        return False
    if record.get("figure", USUAL_FIGURE) not in {one.figure for one in FAMILIES.values()}:
        return False
    if record.get("transduction", ALONE) != ALONE:
        return False
    algorithm = record["algorithm"]
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        return False
    if not all(_is_count(record[key]) for key in ("shots", "tasks", "seed")):
        return False
    steps = record["inner_steps"]
    if not isinstance(steps, list) or not 1 <= len(steps) <= _MAX_STEPS:
        return False
    tuned = record["fine_tuning_lr"]
    if tuned is not None and not (
        isinstance(tuned, list) and len(tuned) == len(steps) and all(map(_is_figure, tuned))
    ):
        return False
    columns = [record[key] for key in (*FIGURES, "diverged")]
    if not all(isinstance(column, list) and len(column) == len(steps) for column in columns):
        return False
    figures = [value for key in FIGURES for value in record[key]]
    return all(map(_is_count, [*steps, *record["diverged"]])) and all(map(_is_figure, figures))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_figure(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
