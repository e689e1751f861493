"""What is decided before a run: device, memory, chunks, threads."""

from __future__ import annotations

import pytest
import torch

from maml_explorer.core import plan as plans
from maml_explorer.core import sizing
from maml_explorer.core.outer_gradient import outer_gradient
from maml_explorer.core.plan import prepare
from maml_explorer.core.replay.memory_arena import Arena
from maml_explorer.core.replay.replay import Recording
from maml_explorer.core.sizing import memory_estimate
from maml_explorer.core.training import draw_batch, outer_step, start_run
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings, default_arm


def one_arm(key: str, **values: object) -> Settings:
    return Settings().with_values(values).with_arms((default_arm(key),))


@pytest.mark.parametrize("steps", [1, 5, 20])
@pytest.mark.parametrize("hidden", [(40, 40), (128,), (64, 64, 64)])
def test_the_estimate_covers_what_recording_makes(steps: int, hidden: tuple[int, ...]) -> None:
    settings = one_arm("maml", inner_steps=steps, hidden=hidden)
    plan = prepare(settings)
    state, arm = start_run(plan), plan.arms["MAML"]
    batch, _ = draw_batch(plan, state)
    theta = state.arms["MAML"].initialization
    tasks = min(25, arm.chunk_tasks)
    inputs = (theta, batch.inputs[:tasks], batch.y[:tasks], arm.inner_lr)

    def function(*buffers: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (outer_gradient(arm.shape(plan, tasks), *buffers).gradient,)

    with torch.no_grad():
        made = Recording(function, inputs, Arena()).bytes
    assert 0.2 * memory_estimate(settings) < made <= memory_estimate(settings)


def test_sizes_that_do_not_fit_are_refused_with_the_estimate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = one_arm("maml", hidden=(1024,) * 8, inner_steps=50)
    need = memory_estimate(settings)
    monkeypatch.setattr(sizing, "available_memory", lambda device: need)
    with pytest.raises(SettingsError) as refusal:
        prepare(settings)
    text = str(refusal.value)
    assert f"{need / 2**30:.1f} GiB" in text and "lower the hidden layers" in text
    pictured = one_arm("maml", family="glyphs", model="conv", filters=256, inner_steps=50)
    monkeypatch.setattr(sizing, "available_memory", lambda device: memory_estimate(pictured))
    with pytest.raises(SettingsError, match=r"lower the filters or blocks, .* images per task"):
        prepare(pictured)
    monkeypatch.setattr(sizing, "available_memory", lambda device: 2 * need)
    prepare(settings)
    monkeypatch.setattr(sizing, "available_memory", lambda device: None)
    prepare(settings)


def test_a_large_meta_batch_costs_no_more_than_a_chunk() -> None:
    few, many = (memory_estimate(one_arm("maml", meta_batch=n)) for n in (1000, 4096))
    assert many == few


def test_a_plan_after_a_change_records_only_what_is_new() -> None:
    workspace = Workspace("recorded")
    settings = one_arm("maml")
    first = prepare(settings, workspace)
    state, _ = outer_step(first, start_run(first))
    recorded = dict(workspace._recordings)
    faster = prepare(settings.with_values({"inner_lr": 0.05, "outer_lr": 0.1}), workspace)
    outer_step(faster, state)
    assert workspace._recordings == recorded
    outer_step(prepare(settings.with_values({"inner_steps": 2}), workspace), state)
    assert len(workspace._recordings) == 2
    workspace.clear()
    assert workspace.kinds == set()


def test_auto_is_the_cpu_at_the_papers_size() -> None:
    assert plans.resolve_device(Settings()).type == "cpu"
    large = Settings().with_values({"meta_batch": 4096, "hidden": (256, 256)})
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert plans.resolve_device(large).type == expected


def test_two_threads_are_for_large_tensors_and_recorded_kernels() -> None:
    assert plans.intra_op_threads(prepare(Settings())) == 1
    large = Settings().with_values({"meta_batch": 1000, "hidden": (128, 128), "device": "cpu"})
    assert plans.intra_op_threads(prepare(large, Workspace("recorded"))) == 2
    arms = {key: tuple(default_arm(each) for each in key.split()) for key in ("maml", "maml boil")}
    if Workspace().kernels is None:
        return
    assert plans.intra_op_threads(prepare(large.with_arms(arms["maml"]))) == 1
    # the compiled kernels do not know BOIL, which has two threads whatever runs beside it
    assert plans.intra_op_threads(prepare(large.with_arms(arms["maml boil"]))) == 2
    assert plans.intra_op_threads(prepare(large.with_arms(arms["maml boil"][1:]))) == 2
