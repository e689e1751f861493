"""Answers about a stream: the held-out streams of the core, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maml_explorer.core.forgetting import stream_errors
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState, draw_batch, outer_step, start_run
from maml_explorer.protocol.streams import StreamTask, WatchStreams
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import presets
from maml_explorer.worker import stream_answers
from maml_explorer.worker.slow_motion import Pending

ONE = presets()["oml-sine"].settings.with_values(
    {"precision": "float64", "hidden": (8, 8), "meta_batch": 2}
)


@pytest.fixture(scope="module")
def trained() -> tuple[Plan, RunState]:
    plan = prepare(ONE)
    state = start_run(plan)
    with torch.no_grad():
        for _ in range(3):
            state, _ = outer_step(plan, state)
    return plan, state


def test_errors_are_those_of_the_cores_held_out_streams(trained: tuple[Plan, RunState]) -> None:
    plan, state = trained
    found = stream_answers.answer_stream(4, plan, state, StreamTask(11))
    assert (found.run, found.outer_step, found.batches) == (4, 3, 2)
    assert found.support_x.shape == (5, 10) and found.truth.shape == (5, 101)
    again = prepare(ONE.with_values({"seed": 11}))
    for name, arm in state.arms.items():
        work = stream_errors(again, name, arm.initialization, 1, stream_name="validation")
        expected = run_to_end(work)[:, :, 0].numpy()
        assert found.arms[name].error.shape == (11, 5)
        np.testing.assert_allclose(found.arms[name].error[::2], expected, rtol=1e-9)


def test_curves_go_through_what_was_learned(trained: tuple[Plan, RunState]) -> None:
    plan, state = trained
    found = stream_answers.answer_stream(1, plan, state, StreamTask(0))
    arm = found.arms["MAML"]
    at = np.array([np.interp(x, found.grid, truth) for x, truth in
                   zip(found.support_x, found.truth, strict=True)])  # fmt: skip
    np.testing.assert_allclose(at, found.support_y, atol=5e-3 * np.abs(found.truth).max())
    # before anything has arrived every function is answered by θ, and steps change that
    assert np.isfinite(arm.curves).all() and not np.allclose(arm.curves[0], arm.curves[1])
    # the head of OML is learned along the stream, and nothing is when it is over
    assert not np.allclose(found.arms["OML"].curves[9], found.arms["OML"].curves[10])


def test_a_step_by_hand_shows_the_stream_that_was_drawn(trained: tuple[Plan, RunState]) -> None:
    plan, state = trained
    with torch.no_grad():
        after, losses = outer_step(plan, state)
    pending = Pending.begin(1, plan, state, after, losses)
    batch, _ = draw_batch(plan, state)
    probed = pending.probed
    np.testing.assert_allclose(
        probed.support_x.ravel(), batch.inputs[0, : batch.shots, 0].numpy(), rtol=1e-6
    )
    assert pending.presses == 13 and probed.arms["MAML"].error.shape == (11, 5)
    assert pending.press().probe is probed.probe


def test_watched_streams_are_answered_each(trained: tuple[Plan, RunState]) -> None:
    plan, state = trained
    watch = WatchStreams((StreamTask(1), StreamTask(2)))
    found = stream_answers.answer_watched(1, plan, state, watch)
    alone = stream_answers.answer_stream(1, plan, state, StreamTask(2))
    assert found.watch is watch and len(found.tasks) == 2
    np.testing.assert_array_equal(found.tasks[1].arms["OML"].error, alone.arms["OML"].error)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(SettingsError, match="The seed of a stream is from 0 to 2147483647"):
        stream_answers.refuse_damaged(StreamTask(seed))
