"""Points proposed by Optuna's TPE, in rounds that are told in the order in which they were asked.

Each round is proposed by a fresh sampler that is told all rounds before. So the points depend on
the seed of the search and on results alone: they are the same for any number of workers, and after
an interruption at any round. Source: Bergstra, Bardenet, Bengio, Kégl 2011.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import Value
from maml_explorer.storage.sweep.axes import Axis, Point
from maml_explorer.storage.sweep.folder import SweepFolder
from maml_explorer.storage.sweep.rounds import ASKED, TOLD, Round, point_values


def optuna_library() -> Any:
    """The module optuna.

    Raises:
        StorageError: if it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise StorageError(
            "A search by TPE needs the library optuna: pip install 'maml-explorer[search]', or use "
            "--search random:N."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def next_round(sweep: SweepFolder) -> bool:
    """Note the results of the last round and ask for the next; False if there is none left.

    Args:
        sweep: whose runs of the last round have ended.

    Raises:
        StorageError: if the decisions cannot be read, or the library is not installed.
        OSError: if a decision cannot be written.
    """
    if sweep.spec.proposed is None:
        return False
    count, size = sweep.spec.proposed
    rounds = sweep.rounds()
    if rounds and rounds[-1].values is None:
        values = results(sweep, rounds[-1].points)
        sweep.decide(TOLD, round=len(rounds) - 1, values=list(values))
        rounds[-1] = Round(rounds[-1].points, values)
    left = count - sum(len(one.points) for one in rounds)
    if left <= 0:
        return False
    points = proposals(
        sweep.spec.axes, rounds, min(size, left), sweep.spec.search_seed, higher=sweep.higher
    )
    sweep.decide(ASKED, round=len(rounds), points=[point_values(point) for point in points])
    return True


def results(sweep: SweepFolder, points: Sequence[Point]) -> tuple[float | None, ...]:
    """Mean of the objective over seeds at each point; None if one failed or diverged."""
    found: dict[Point, list[float | None]] = {}
    for row in sweep.rows(sweep.spec.trials(points)):
        found.setdefault(row.point, []).append(row.objective)
    means = []
    for point in points:
        of_seeds = found.get(point, [])
        whole = [value for value in of_seeds if value is not None]
        complete = len(of_seeds) == len(sweep.spec.seeds) == len(whole)
        means.append(fmean(whole) if complete else None)
    return tuple(means)


def proposals(
    axes: Sequence[Axis], rounds: Sequence[Round], count: int, seed: int, *, higher: bool
) -> list[Point]:
    """The points of the next round.

    Args:
        axes: lists are drawn from without an order, ranges with their scale.
        rounds: all before, told.
        count: how many points.
        seed: of the search.
        higher: whether a higher result is better.

    Raises:
        StorageError: if the library is not installed.
    """
    optuna = optuna_library()
    space = {axis.key: _distribution(optuna, axis) for axis in axes}
    sampler = optuna.samplers.TPESampler(
        seed=_seed(seed, len(rounds)), multivariate=True, constant_liar=True
    )
    direction = "maximize" if higher else "minimize"
    study = optuna.create_study(sampler=sampler, direction=direction)
    for one in rounds:
        for point, value in zip(one.points, one.values or (), strict=True):
            params = {
                axis.key: axis.values.index(at) if axis.values else at
                for axis, (_, at) in zip(axes, point, strict=True)
            }
            # a pruned one ranks behind all that have a result
            known = {"value": value} if value is not None else {"state": _pruned(optuna)}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=space, **known))
    asked = [study.ask(space).params for _ in range(count)]
    return [tuple((axis.key, _value(axis, params[axis.key])) for axis in axes) for params in asked]


def _pruned(optuna: Any) -> Any:
    return optuna.trial.TrialState.PRUNED


def _distribution(optuna: Any, axis: Axis) -> Any:
    """The values of an axis as Optuna takes them; those of a list by their places."""
    kinds = optuna.distributions
    if axis.values:
        return kinds.CategoricalDistribution(tuple(range(len(axis.values))))
    if axis.whole:
        return kinds.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return kinds.FloatDistribution(axis.low, axis.high, log=axis.log)


def _value(axis: Axis, found: Any) -> Value:
    return axis.values[found] if axis.values else axis.checked(found)


def _seed(seed: int, round_number: int) -> int:
    digest = hashlib.sha256(f"sweep {seed} round {round_number}".encode()).digest()
    return int.from_bytes(digest[:4], "little")
