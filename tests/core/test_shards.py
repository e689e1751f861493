"""One meta-batch in shards: the bits depend on the shards, not on the processes that share them."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from maml_explorer.core.plan import prepare
from maml_explorer.core.shards import Shards, refuse_shards, shards_here, shards_of
from maml_explorer.core.training import RunState, outer_step, start_run
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm

STEPS = 2


class Table:
    """Where threads that stand for processes lay what each has computed."""

    def __init__(self, processes: int) -> None:
        self.rows: list[Tensor | None] = [None] * processes
        self.full, self.read = threading.Barrier(processes), threading.Barrier(processes)

    def shards(self, count: int, process: int) -> Shards:
        def gather(rows: Tensor) -> Tensor:
            self.rows[process] = rows
            self.full.wait(60)
            found = torch.cat([row for row in self.rows if row is not None])
            self.read.wait(60)
            return found

        return shards_of(count, process, len(self.rows), gather)


def settings(**values: object) -> Settings:
    arms = tuple(map(default_arm, ("maml", "meta_sgd", "reptile")))
    small = {"hidden": (7, 5), "meta_batch": 10, "inner_steps": 2, "shots": 4}
    return Settings().with_arms(arms).with_values({**small, **values})


def trained(chosen: Settings, kernels: str, shards: Shards | None) -> RunState:
    plan = prepare(chosen, Workspace(kernels), shards=shards)
    state = start_run(plan)
    for _ in range(STEPS):
        state, _ = outer_step(plan, state)
    return state


def together(chosen: Settings, kernels: str, count: int, processes: int) -> list[RunState]:
    table = Table(processes)
    with ThreadPoolExecutor(processes) as pool:
        works = [
            pool.submit(trained, chosen, kernels, table.shards(count, process))
            for process in range(processes)
        ]
        return [work.result() for work in works]


@pytest.mark.parametrize(
    ("values", "kernels"),
    [({}, "compiled"), ({}, "recorded"), ({"norm": "batch-running"}, "recorded")],
)
def test_any_number_of_processes_gives_the_same_bits(
    values: dict[str, object], kernels: str
) -> None:
    chosen = settings(**values)
    alone = trained(chosen, kernels, shards_here(4))
    for processes in (2, 4):
        for state in together(chosen, kernels, 4, processes):
            for name, arm in state.arms.items():
                assert torch.equal(arm.initialization, alone.arms[name].initialization), name
    # the same gradient as without shards, but for rounding
    plain = trained(chosen, kernels, None)
    for name, arm in alone.arms.items():
        torch.testing.assert_close(
            arm.initialization, plain.arms[name].initialization, atol=3e-3, rtol=0
        )
        beginning = start_run(prepare(chosen)).arms[name].initialization
        assert not torch.allclose(arm.initialization, beginning, atol=1e-4)


def test_shards_hold_every_task_once_and_add_up_in_their_order() -> None:
    of = [shards_of(4, process, 2, torch.clone) for process in range(2)]
    cuts = [cut for shards in of for cut in shards.tasks(10)]
    assert cuts == [(0, 2), (2, 5), (5, 7), (7, 10)]


def test_a_shard_that_needs_more_memory_is_computed_in_chunks() -> None:
    chosen, parts = settings(precision="float64"), []
    for chunk in (1, 2, 100):
        plan = prepare(chosen, Workspace("recorded"), shards=shards_here(5 if chunk == 2 else 3))
        arms = {n: dataclasses.replace(arm, chunk_tasks=chunk) for n, arm in plan.arms.items()}
        plan = dataclasses.replace(plan, arms=arms)
        parts.append(outer_step(plan, start_run(plan))[0])
    for name, arm in parts[0].arms.items():
        for other in parts[1:]:
            torch.testing.assert_close(
                arm.initialization, other.arms[name].initialization, rtol=1e-9, atol=1e-11
            )


def test_what_cannot_be_divided_is_refused() -> None:
    refuse_shards(8, 25, 4)
    with pytest.raises(SettingsError, match="allowed is from 2 to 25"):
        refuse_shards(26, 25)
    with pytest.raises(SettingsError, match="it is one task"):
        refuse_shards(2, 1)
    with pytest.raises(SettingsError, match="a multiple of 3"):
        refuse_shards(8, 25, 3)
    with pytest.raises(SettingsError, match="cannot be cut into 26 shards"):
        prepare(Settings(), shards=shards_here(26))
