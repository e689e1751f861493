"""Error maps cell by cell against the per-task reference."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.insight import error_map as maps
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.insight.error_map import DataMap, ErrorMap
from maml_explorer.core.insight.held_out_tasks import batch_at, held_out_batch
from maml_explorer.core.insight.learner import meta_test_learner, training_learner
from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.settings.settings import Settings, default_arm
from tests import reference
from tests.core.insight import setting

AMPLITUDES = torch.tensor([0.0, 2.0, 9.0], dtype=torch.float64)
PHASES = torch.tensor([-1.0, 0.5, 2.0, 6.0], dtype=torch.float64)


@pytest.mark.parametrize("start", [0, 2])
def test_cells_equal_adaptation_to_their_task(start: int) -> None:
    learner = setting.learner(start=start, steps=2)
    found = run_to_end(
        maps.error_map(
            learner, setting.SETTINGS, AMPLITUDES, PHASES, 5, setting.generator(4), draws=2
        )
    )
    assert isinstance(found, ErrorMap) and found.errors.shape == (3, 3, 4)
    source = setting.generator(4)
    grid = torch.cartesian_prod(AMPLITUDES, PHASES, torch.ones(1, dtype=torch.float64))
    draws = [batch_at(setting.SETTINGS, grid, 5, source, learner.theta) for _ in range(2)]
    sizes, activation = learner.model.sizes, learner.model.activation
    for a, p in ((0, 0), (1, 2), (2, 3)):
        for k in range(3):
            errors = []
            for batch in draws:
                task = a * 4 + p
                assert batch.tasks[task].tolist() == [float(AMPLITUDES[a]), float(PHASES[p]), 1.0]
                _, (x, y) = setting.points(batch, task)
                assert torch.equal(y, AMPLITUDES[a] * torch.sin(x - PHASES[p]))  # clean
                phi = setting.adapted(learner, batch, task, steps=k)
                errors.append(float(reference.loss(phi, x, y, sizes, activation)))
            assert float(found.errors[k, a, p]) == pytest.approx(sum(errors) / 2, rel=1e-10)


def test_tasks_of_a_map_share_support_and_noise() -> None:
    like = torch.empty(0, dtype=torch.float64)
    tasks = torch.tensor([[0.0, 0.0, 1.0], [2.0, 1.0, 0.8], [5.0, -3.0, 1.2]], dtype=torch.float64)
    batch = batch_at(setting.SETTINGS, tasks, 5, setting.generator(4), like)
    x = batch.support.x
    assert torch.equal(x[0], x[1]) and torch.equal(x[0], x[2])
    clean = tasks[:, :1, None] * torch.sin(tasks[:, 2:, None] * x - tasks[:, 1:2, None])
    noise = batch.support.y - clean
    torch.testing.assert_close(noise[1], noise[0])
    torch.testing.assert_close(noise[2], noise[0])
    assert 0.01 < float(noise.std()) < 0.3  # σ is 0.1


def test_supports_are_nested_over_shots() -> None:
    like = torch.empty(0, dtype=torch.float64)
    five = held_out_batch(setting.SETTINGS, 4, 5, setting.generator(), like)
    nine = held_out_batch(setting.SETTINGS, 4, 9, setting.generator(), like)
    assert torch.equal(five.support.x, nine.support.x[:, :5])
    assert torch.equal(five.support.y, nine.support.y[:, :5])
    assert torch.equal(five.query.y, nine.query.y)


def test_the_pieces_do_not_change_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = setting.learner()
    arguments = (learner, setting.SETTINGS, AMPLITUDES, PHASES, 5)
    whole = run_to_end(maps.error_map(*arguments, setting.generator(4)))
    monkeypatch.setattr("maml_explorer.core.insight.learner.CHUNK_TASKS", 5)
    assert list(maps.error_map(*arguments, setting.generator(4))) == [5, 10, 12]
    parts = run_to_end(maps.error_map(*arguments, setting.generator(4)))
    assert isinstance(whole, ErrorMap) and isinstance(parts, ErrorMap)
    torch.testing.assert_close(parts.errors, whole.errors)


def test_shots_by_steps_are_meta_tests() -> None:
    settings = Settings().with_values({"hidden": (6,), "precision": "float64"})
    plan = prepare(settings.with_arms((default_arm("anil"), default_arm("mtl"))))
    theta = training.start_run(plan).arms["ANIL"].initialization
    learner = meta_test_learner(plan, "ANIL", theta, steps=3)
    assert learner.start == 1 and meta_test_learner(plan, "MTL", theta).start == 0
    assert training_learner(plan, "MTL", theta).start == 2
    assert meta_test_learner(plan, "ANIL", theta).steps == 10
    found = run_to_end(maps.data_map(learner, settings.with_values({"seed": 3}), (2, 5), 60))
    assert isinstance(found, DataMap) and found.shots == (2, 5)
    # the same protocol under another name: with its name and seed, the same figures
    source = dataclasses.replace(settings.run, seed=3)
    plan = prepare(dataclasses.replace(settings, run=source, arms=(default_arm("anil"),)))
    record, errors = run_to_end(meta_test(plan, "ANIL", theta, shots=5, steps=3, task_count=60))
    assert len(found.records[1].mean) == len(record.mean) == errors.shape[0]
    assert found.records[1].mean != record.mean  # another stream
    assert found.records[0].mean[0] == found.records[1].mean[0]  # the same tasks for all shots
    batch = held_out_batch(
        settings.tasks, 60, 5, maps_stream(3), torch.empty(0, dtype=torch.float64)
    )
    total = 0.0
    for task in range(60):
        _, (x, y) = setting.points(batch, task)
        phi = setting.adapted(learner, batch, task)
        total += float(reference.loss(phi, x, y, learner.model.sizes, learner.model.activation))
    assert found.records[1].mean[3] == pytest.approx(total / 60, rel=1e-10)


def maps_stream(seed: int) -> torch.Generator:
    from maml_explorer.core.streams import stream

    return stream(seed, "error map")


def test_theta_itself_has_a_map() -> None:
    learner = setting.learner(steps=0)
    found = run_to_end(
        maps.error_map(learner, setting.SETTINGS, AMPLITUDES, PHASES, 5, setting.generator())
    )
    assert isinstance(found, ErrorMap) and found.errors.shape == (1, 3, 4)


def test_why_there_is_nothing() -> None:
    def reason(of: object) -> str:
        assert isinstance(of, Nothing)
        return of.reason

    learner, none = setting.learner(), torch.zeros(0, dtype=torch.float64)
    source = setting.generator()
    work = maps.error_map(learner, setting.SETTINGS, none, PHASES, 5, source)
    assert "no tasks" in reason(run_to_end(work))
    assert "no tasks" in reason(run_to_end(maps.data_map(learner, Settings(), (), 5)))
    body = setting.learner(start=3)
    work = maps.error_map(body, setting.SETTINGS, AMPLITUDES, PHASES, 5, source)
    assert "No layer" in reason(run_to_end(work))
    learner.theta[0] = torch.nan
    work = maps.error_map(learner, setting.SETTINGS, AMPLITUDES, PHASES, 5, source)
    assert "not finite" in reason(run_to_end(work))
    assert "not finite" in reason(run_to_end(maps.data_map(learner, Settings(), (5,), 5)))
    exploded = run_to_end(
        maps.error_map(
            setting.learner(steps=40, inner_lr=1e40), setting.SETTINGS, AMPLITUDES, PHASES, 5,
            source,
        )
    )  # fmt: skip
    assert isinstance(exploded, ErrorMap) and not bool(torch.isfinite(exploded.errors[-1]).any())
