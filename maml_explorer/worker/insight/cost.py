"""Cost of an outer step of each algorithm on this machine, against its number of inner steps.

Measured on runs of its own, of which nothing is kept: the same tasks, network and device as the
run's, one algorithm each.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Generator, Iterable, Mapping

import numpy as np
import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.insight.cost import Sizes, cost_curves
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState, outer_step_in_chunks, start_run
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.insight import Option
from maml_explorer.protocol.insight_records.cost import CostSeen
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm

INNER_STEPS = (1, 2, 3, 5, 10)
WARM_UP = 3
"""Outer steps that record and fill caches."""
MEASURED = 15
"""Outer steps whose median is taken, fewer where they are long …"""
SECONDS = 0.3
"""… than this together."""


def see_cost(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, CostSeen]:
    """Milliseconds, bytes and counted operations of an outer step."""
    measured: dict[str, list[tuple[float, float]]] = {}
    whole = len(ALGORITHMS) * len(INNER_STEPS)
    for nth, (key, algorithm) in enumerate(ALGORITHMS.items()):
        rows = measured.setdefault(algorithm.label, [])
        for place, steps in enumerate(INNER_STEPS):
            if rows and algorithm.adapts == "none":
                rows.append(rows[0])  # joint training has no inner step to vary
                continue
            share = (nth * len(INNER_STEPS) + place) / whole
            rows.append(
                (yield from _measured(_settings_of(plan.settings, key, steps), plan, share))
            )
    sizes = Sizes(
        plan.model, plan.settings.outer.meta_batch, plan.settings.inner.shots,
        plan.settings.inner.query_points, plan.settings.inner.reptile_batch,
        plan.settings.inner.cg_steps, torch.finfo(plan.dtype).bits // 8,
        plan.settings.inner.context, plan.settings.inner.context_enters == "features",
        plan.settings.inner.head_layers,
    )  # fmt: skip
    counted = {
        ALGORITHMS[key].label: costs for key, costs in cost_curves(sizes, INNER_STEPS).items()
    }
    return CostSeen(
        inner_steps=INNER_STEPS,
        milliseconds={name: _fixed(row[0] for row in rows) for name, rows in measured.items()},
        working_bytes={name: _fixed(row[1] for row in rows) for name, rows in measured.items()},
        multiply_adds={n: _fixed(c.multiply_adds for c in row) for n, row in counted.items()},
        kept_bytes={n: _fixed(c.kept_bytes for c in row) for n, row in counted.items()},
        device=plan.device.type,
        tasks=plan.settings.outer.meta_batch,
    )


def _settings_of(settings: Settings, key: str, steps: int) -> Settings:
    values = {"inner_steps": steps, "reptile_inner_steps": steps}
    return settings.with_arms((default_arm(key),)).with_values(values)


def _measured(
    settings: Settings, plan: Plan, share: float
) -> Generator[float, None, tuple[float, float]]:
    """(milliseconds, bytes) of an outer step; NaN where the memory is not enough."""
    try:
        own = prepare(settings, device=plan.device)
    except SettingsError:
        return math.nan, math.nan
    state = start_run(own)
    for _ in range(WARM_UP):
        state, _ = yield from _timed_step(own, state, share)
    times: list[float] = []
    while len(times) < MEASURED and sum(times) < SECONDS:
        state, seconds = yield from _timed_step(own, state, share)
        times.append(seconds)
    used = own.workspace.working_bytes
    return 1e3 * statistics.median(times), float(used or math.nan)


def _timed_step(
    plan: Plan, state: RunState, share: float
) -> Generator[float, None, tuple[RunState, float]]:
    """An outer step and the seconds spent in it, not those between its chunks."""
    seconds, work = 0.0, outer_step_in_chunks(plan, state)
    while True:
        begin = _now(plan)
        try:
            next(work)
        except StopIteration as end:
            return end.value[0], seconds + _now(plan) - begin
        seconds += _now(plan) - begin
        yield share


def _now(plan: Plan) -> float:
    if plan.device.type == "cuda":
        torch.cuda.synchronize(plan.device)
    return time.perf_counter()


def _fixed(values: Iterable[float]) -> Array:
    array = np.fromiter(values, dtype=float)
    array.flags.writeable = False
    return array
