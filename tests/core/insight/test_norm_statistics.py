"""The statistics along the adaptation against a network written out by hand."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from maml_explorer.core.insight.empty_view import ONE_LAYER, Nothing
from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.insight.norm_statistics import NormStatistics, norm_statistics
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.settings.norms import NORMS
from tests import reference
from tests.core.insight import setting
from tests.reference import Kind

SIZES = (1, 6, 6, 1)
TASKS, SHOTS, STEPS = 3, 5, 2


def looked_at(learner: Learner, shots: int = SHOTS) -> NormStatistics:
    found = run_to_end(norm_statistics(learner, setting.tasks(TASKS, shots)))
    assert isinstance(found, NormStatistics)
    return found


@pytest.mark.parametrize("kind", [Kind(skip, norm) for skip in (False, True) for norm in NORMS])
@pytest.mark.parametrize("start", [0, 2])
def test_statistics_and_errors_are_those_of_a_network_by_hand(kind: Kind, start: int) -> None:
    learner = setting.learner(SIZES, steps=STEPS, start=start, skip=kind.skip, norm=kind.norm)
    batch = setting.tasks(TASKS, SHOTS)
    found = looked_at(learner)
    assert (found.norm, found.diverged) == (kind.norm, 0)
    assert len(found.layers) == 2
    mask = reference.adapting_mask(SIZES, kind, torch.float64, start)
    values = torch.zeros(2, 2, 2, STEPS + 1, TASKS, 6, dtype=torch.float64)
    errors = torch.zeros(STEPS + 1, TASKS, dtype=torch.float64)
    for task in range(TASKS):
        sets = setting.points(batch, task)
        phi = learner.theta
        for k in range(STEPS + 1):
            at = 0 if start else k
            for which, (x, y) in enumerate(sets):
                layers, prediction = setting.by_hand(SIZES, phi, x, kind, at, learner.theta)
                for layer, z in enumerate(layers):
                    values[0, layer, which, k, task] = z.mean(0)
                    values[1, layer, which, k, task] = z.var(0, correction=0)
                if which:
                    errors[k, task] = (prediction - y).square().mean()
            x, y = sets[0]
            grad = torch.func.grad(
                lambda p, at=at, x=x, y=y: (
                    (setting.by_hand(SIZES, p, x, kind, at, learner.theta)[1] - y).square().mean()
                )
            )(phi)
            phi = phi - 0.05 * mask * grad
    for layer, ours in enumerate(found.layers):
        close = {"rtol": 1e-9, "atol": 1e-11}
        torch.testing.assert_close(ours.mean, values[0, layer].mean(2), **close)
        torch.testing.assert_close(ours.variance, values[1, layer].mean(2), **close)
        torch.testing.assert_close(ours.spread, values[0, layer].std(2), **close)
        stored = NORMS[kind.norm].stored
        if not stored:
            assert ours.stored_mean is None and ours.gap is None
            continue
        rows = reference.norm_rows(learner.theta, SIZES, kind)[layer]
        steps = [0 if start else min(k, stored - 1) for k in range(STEPS + 1)]
        assert ours.stored_mean is not None and ours.stored_variance is not None
        assert torch.equal(ours.stored_mean, rows[2 : 2 + stored][steps])
        assert torch.equal(ours.stored_variance, rows[2 + stored :][steps])
        off = (rows[2 : 2 + stored][steps] - ours.mean).abs() / ours.variance.sqrt()
        torch.testing.assert_close(ours.gap, off.mean(-1), **close)
    used = found.stored_error if NORMS[kind.norm].stored else found.current_error
    torch.testing.assert_close(used, errors.mean(1), rtol=1e-9, atol=1e-11)
    assert (found.stored_error is None) == (NORMS[kind.norm].stored == 0)


@pytest.mark.parametrize("norm", ["batch-running", "batch-per-step"])
def test_current_errors_are_those_of_batch_norm(norm: str) -> None:
    stored = setting.learner(SIZES, steps=STEPS, norm=norm)
    plain = setting.learner(SIZES, steps=STEPS, norm="batch")
    layers = zip(stored.layers, plain.layers, strict=True)
    theta = torch.cat([ours[: len(theirs)].flatten() for ours, theirs in layers])
    batch_norm = dataclasses.replace(plain, theta=theta)
    torch.testing.assert_close(looked_at(stored).current_error, looked_at(batch_norm).current_error)


def test_one_support_point_is_explained() -> None:
    learner = setting.learner(SIZES, steps=STEPS, norm="batch")
    found = looked_at(learner, shots=1)
    assert "shift alone" in found.words
    assert found.layers[0].variance[0].abs().max() == 0
    assert torch.isfinite(found.current_error).all()
    assert "shift alone" not in looked_at(learner).words


def test_where_there_is_nothing_to_show_it_says_so() -> None:
    one = setting.learner((1, 1))
    assert run_to_end(norm_statistics(one, setting.tasks())) is ONE_LAYER
    still = setting.learner(SIZES, steps=0)
    assert isinstance(run_to_end(norm_statistics(still, setting.tasks())), Nothing)
