"""`maml-explorer sweep`: many runs over axes of settings and seeds, on all cores."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from maml_explorer.commands.arguments import (
    UsageError,
    add_hyperparameters,
    add_seeds,
    folder_path,
    given_hyperparameters,
    given_seeds,
    whole_number,
    with_algorithms,
)
from maml_explorer.commands.data import add_data, opened_data, preset_for
from maml_explorer.commands.output import say, tell
from maml_explorer.commands.own_tasks import add_own_tasks, open_own_tasks, own_task_values
from maml_explorer.commands.signals import ends_as_by_ctrl_c
from maml_explorer.commands.workers import (
    WorkersLine,
    add_workers,
    engine_of,
    workplace,
)
from maml_explorer.settings.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maml_explorer.storage.sweep.folder import SweepFolder
    from maml_explorer.storage.sweep.spec import SweepSpec
    from maml_explorer.storage.sweep.trials import Trial

MAX_SEEDS = 100
_NEW = ("vary", "search", "search_seed", "objective", "halving", "preset", "algorithms", "data")
"""Arguments of a new sweep, which a sweep that is there already has in its folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add = parser.add_argument
    add("--out", metavar="DIR", type=folder_path, required=True, help="the sweep folder")
    add("--vary", metavar="KEY=VALUES", action="append", default=[],
        help="an axis: inner_lr=0.001:0.3:log:7, inner_steps=1,5, algorithm=maml,anil, width=40,80 "
        "(repeat for more axes)")  # fmt: skip
    add_seeds(parser, "default 0")
    add("--search", metavar="grid|random:N|tpe:N",
        help="every combination (default), N drawn points, or N that TPE proposes by the results; "
        "tpe:N:B proposes B at a time")  # fmt: skip
    add("--search-seed", metavar="N", help="seed of the search (default 0)")
    add("--halving", metavar="N", help="at each of some rungs only the best 1/N of the cells go on")
    # fmt: off
    add("--objective", metavar="mse@K",
        help="what is compared: query error on validation tasks after K inner steps (mse@5; for "
        "images accuracy@5)")
    # fmt: on
    add("--preset", metavar="NAME|FILE", help="settings that are varied (default finn-10-shot)")
    add("--algorithms", metavar="A,B", help="arms; the first is compared (default: MAML)")
    add_workers(parser, "auto")
    add("--resume", action="store_true", help="go on with the sweep in --out")
    add("--retry-failed", action="store_true", help="try runs again that were given up")
    add("--extend", action="store_true", help="add the seeds of --seeds to the sweep in --out")
    add("--status", action="store_true", help="say how far the sweep in --out is, and end")
    add("--report", action="store_true", help="write the tables and the report again, and end")
    add("--dry-run", action="store_true", help="say how many runs and how much disk, and end")
    add("--quiet", action="store_true", help="no progress on stderr")
    add_data(parser)
    add_own_tasks(parser)
    add_hyperparameters(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train the sweep; 1 where a run failed or it was interrupted.

    Raises:
        UsageError: before anything was written; so do SettingsError and StorageError.
        OSError: where the disk fails.
    """
    from maml_explorer.core.families.own_tasks.opened import refuse_absent_tasks
    from maml_explorer.storage.report.sweep_table import ENDED
    from maml_explorer.storage.sweep.folder import create_sweep, extended, open_sweep

    open_own_tasks(arguments)
    workplace(arguments)  # refused before a folder is made
    there = arguments.resume or arguments.status or arguments.report or arguments.extend
    if there:
        _refuse_what_the_folder_says(arguments)
        sweep = open_sweep(arguments.out)
        if arguments.status or arguments.report:
            return _told(sweep, arguments)
        refuse_absent_tasks(sweep.spec.base)
        _refuse_without_library(sweep.spec)
        if arguments.extend:  # written when it is known that the disk holds it
            sweep = replace(sweep, spec=_extended(sweep.spec, arguments))
    else:
        spec = _spec(arguments)
        spec.trials()  # what does not go together is refused before a folder is made
        _refuse_without_library(spec)
        if arguments.dry_run:
            return _dry_run(spec, spec.trials(), spec.most_runs, arguments)
        _refuse_full_disk(spec, spec.trials(), spec.most_runs, arguments)
        sweep = create_sweep(arguments.out, spec, tasks_named=arguments.own_tasks is not None)
    if there:
        left = [trial for trial in sweep.trials() if sweep.state(trial.name) not in ENDED]
        count = max(len(left), sweep.proposed_runs - len(sweep.trials()))
        if arguments.dry_run:
            return _dry_run(sweep.spec, left, count, arguments)
        _refuse_full_disk(sweep.spec, left, count, arguments)
        sweep = extended(sweep, sweep.spec) if arguments.extend else sweep
    return _driven(sweep, arguments)


def _driven(sweep: SweepFolder, arguments: argparse.Namespace) -> int:
    from maml_explorer.experiments.sweep.driver import drive
    from maml_explorer.experiments.sweep.results import winner_tested, write_results
    from maml_explorer.experiments.sweep.tpe import next_round

    workers = workplace(arguments).at_most(sweep.spec.most_runs)
    command = "maml-explorer " + shlex.join(sys.argv[1:])
    line = WorkersLine(arguments.quiet)
    try:
        with ends_as_by_ctrl_c(), engine_of(workers, sweep.spec.inner_steps, sweep.stop) as engine:
            ended = drive(
                sweep, engine, retry_failed=arguments.retry_failed, progress=line,
                more=lambda: next_round(sweep),
            )  # fmt: skip
    except KeyboardInterrupt:
        line.close()
        write_results(sweep, command=command)
        tell(f"maml-explorer sweep: stopped; go on with --out {sweep.path} --resume.")
        return 1
    line.close()
    rows = sweep.rows()
    winner = winner_tested(sweep, rows)
    write_results(sweep, command=command, winner=winner)
    from maml_explorer.storage.report.sweep_report import sweep_text, winner_words

    say(sweep_text(sweep.axes(), rows, sweep.spec.objective))
    if winner is not None:
        say(winner_words(winner))
    if ended.failed:
        tell(
            f"maml-explorer sweep: {counted(ended.failed, 'run')} failed; try them again with "
            f"--out {sweep.path} --resume --retry-failed."
        )
        return 1
    return 0


def _refuse_without_library(spec: SweepSpec) -> None:
    if spec.proposed is not None:
        from maml_explorer.experiments.sweep.tpe import optuna_library

        optuna_library()


def _spec(arguments: argparse.Namespace) -> SweepSpec:
    from maml_explorer.storage.sweep.axes import parse_axis
    from maml_explorer.storage.sweep.spec import SweepSpec, usual_objective

    if not arguments.vary:
        raise UsageError("A sweep needs an axis: --vary inner_lr=0.001:0.3:log:7, for example.")
    base = with_algorithms(preset_for(arguments).settings, arguments.algorithms or "maml")
    base = base.with_values(
        opened_data(arguments) | own_task_values(arguments, base) | given_hyperparameters(arguments)
    )
    search_seed = arguments.search_seed or "0"
    return SweepSpec(
        base,
        tuple(parse_axis(text) for text in arguments.vary),
        given_seeds(arguments, MAX_SEEDS) or (0,),
        arguments.search or "grid",
        whole_number(search_seed, "seed", "--search-seed"),
        arguments.objective or usual_objective(base),
        halving=_halving(arguments.halving),
    )


def _halving(text: str | None) -> int:
    if text is None:
        return 0
    if not text.isdecimal() or len(text) > 2:
        raise UsageError("--halving takes a number from 2 to 10.")
    return int(text)


def _extended(spec: SweepSpec, arguments: argparse.Namespace) -> SweepSpec:
    seeds = given_seeds(arguments, MAX_SEEDS)
    if seeds is None:
        raise UsageError("--extend needs the seeds to add: --seeds 5,6,7.")
    return replace(spec, seeds=tuple(dict.fromkeys([*spec.seeds, *seeds])))


def _refuse_what_the_folder_says(arguments: argparse.Namespace) -> None:
    from maml_explorer.settings.groups import DECLARATIONS

    typed = [f"--{key.replace('_', '-')}" for key in _NEW if getattr(arguments, key)]
    typed += [DECLARATIONS[key].flag for key in given_hyperparameters(arguments)]
    if given_seeds(arguments, MAX_SEEDS) is not None and not arguments.extend:
        typed.append("--seeds")
    if typed:
        raise UsageError(f"The sweep in --out says that already: leave out {', '.join(typed)}.")


def _told(sweep: SweepFolder, arguments: argparse.Namespace) -> int:
    from maml_explorer.experiments.sweep.results import winner_tested, write_results
    from maml_explorer.storage.report.sweep_report import sweep_text

    rows = sweep.rows()
    if arguments.report:
        write_results(sweep, winner=winner_tested(sweep, rows))
    say(sweep_text(sweep.axes(), rows, sweep.spec.objective))
    return 0


def _refuse_full_disk(
    spec: SweepSpec, trials: Sequence[Trial], count: int, arguments: argparse.Namespace
) -> int:
    """Refuse more runs than the disk holds; else the bytes that they need."""
    from maml_explorer.experiments.sweep.disk import refuse_full_disk, sweep_bytes

    need = sweep_bytes([trial.at for trial in trials] or [spec.base], count)
    refuse_full_disk(arguments.out, need, count)
    return need


def _dry_run(
    spec: SweepSpec, trials: Sequence[Trial], count: int, arguments: argparse.Namespace
) -> int:
    """Say runs, core-hours and disk; the time of an outer step is measured, on one point."""
    from maml_explorer.core.plan import prepare
    from maml_explorer.core.training import outer_step, start_run
    from maml_explorer.experiments.sweep.disk import size_text
    from maml_explorer.experiments.training import threads_of

    need, workers = _refuse_full_disk(spec, trials, count, arguments), workplace(arguments).count
    plan = prepare(trials[len(trials) // 2].settings if trials else spec.base)
    with threads_of(plan):
        state, _ = outer_step(plan, start_run(plan))
        began, taken = time.perf_counter(), 0
        while taken < 200 and (taken < 5 or time.perf_counter() - began < 2.0):
            state, _ = outer_step(plan, state)
            taken += 1
        seconds = (time.perf_counter() - began) / taken
    steps = spec.base.outer.outer_steps
    hours = seconds * steps * count / 3600
    say(
        f"{counted(count, 'run')} of {counted(steps, 'outer step')}, about {hours:.2g} core-hours "
        f"({hours / workers:.2g} hours on {workers} workers) and {size_text(need)} of disk. "
        f"An outer step took {1000 * seconds:.2g} ms here, measured at one point."
    )
    return 0
