"""The losses before a step that the run goes back to stay as they were, in all that is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from maml_explorer.gui.session.loss_history import OUTER_LOSS, OUTER_STEPS, LossHistory
from maml_explorer.gui.session.loss_traces import CAPACITY
from maml_explorer.gui.session.pinned_run import MOST_BINS
from maml_explorer.protocol import reports

SMOOTHING = 0.98


def losses_of(steps):
    """A falling loss with noise, the same for the same outer step."""
    return (3.0 * np.exp(-steps / 3000) + 0.5) * (1 + 0.3 * np.sin(17.0 * steps))


def metrics(steps, losses=None):
    found = (losses_of(steps) if losses is None else losses)[None]
    return reports.Metrics(1, ("MAML",), steps, found, found, 0.001 * steps[None], steps[None])


def thinned(last, every):
    """A run up to outer step `last`, a row for the mean of so many."""
    means = losses_of(np.arange(1, last + 1)).reshape(-1, every).mean(1)
    return metrics(np.arange(every, last + 1, every), means)


def live(first, last):
    return metrics(np.arange(first, last + 1))


def trace(history):
    return history.of_loss(OUTER_LOSS)["MAML"]


def until(rows, step):
    """The bins of a trace that end up to an outer step."""
    return rows[:, rows[OUTER_STEPS] <= step]


@pytest.mark.parametrize("opened", [70_000, 0], ids=["opened", "new"])
def test_history_stays_as_fine_however_long_others_trained_on_before_undo(bench, opened):
    good = opened + 1743
    if opened:
        bench.report(thinned(opened, 100))
    bench.report(live(opened + 1, good))
    fine = trace(bench.session.losses.history).rows()
    assert fine.shape[1] == opened // 100 + 1743
    bench.report(reports.Diverged(1, "MAML", good + 37, good, "MAML diverged."))
    for first in range(good + 1, good + 330_001, 10_000):
        bench.report(live(first, first + 9_999))
    bench.report(reports.Diverged(1, "ANIL", good + 330_001, good + 330_000, "ANIL diverged."))
    now = trace(bench.session.losses.history)
    assert len(now) <= 2 * CAPACITY
    np.testing.assert_array_equal(until(now.rows(), good), fine)
    bench.report(reports.Rewound(1, good))
    np.testing.assert_array_equal(now.rows(), fine)
    for first in range(good + 1, good + 330_001, 10_000):
        bench.report(live(first, first + 9_999))
    again = trace(bench.session.losses.history)
    assert len(again) <= CAPACITY and again.x()[-1] == good + 330_000
    assert again.x()[0] <= 100 and len(until(again.rows(), good)[0]) > 50


def test_a_later_divergence_is_what_is_kept_fine_once_all_were_well_again(bench):
    bench.report(live(1, 1_000))
    bench.report(reports.Diverged(1, "MAML", 1_001, 1_000, "MAML diverged."))
    bench.report(live(1_001, 50_000))
    bench.session.divergences.go_on(("MAML",))
    fine = len(trace(bench.session.losses.history))
    bench.report(reports.Diverged(1, "MAML", 50_001, 50_000, "MAML diverged."))
    kept = trace(bench.session.losses.history).rows()
    assert kept.shape[1] <= min(CAPACITY, fine)
    bench.report(live(50_001, 200_000))
    bench.report(reports.Rewound(1, 50_000))
    np.testing.assert_array_equal(trace(bench.session.losses.history).rows(), kept)


def test_rows_of_an_opened_run_merge_by_the_outer_steps_they_stand_for():
    history = LossHistory()
    history.extend(thinned(70_000, 100))
    before = trace(history).rows()
    history.extend(live(70_001, 640_000))
    assert trace(history).width < 100, "less than a row stands for"
    rows = before.shape[1] - 1  # the last one fills up
    np.testing.assert_array_equal(trace(history).rows()[:, :rows], before[:, :rows])


def test_a_run_that_was_thinned_and_went_on_is_smoothed_right_from_one_block():
    early, late = thinned(70_000, 100), live(70_001, 90_000)
    whole = LossHistory()
    whole.extend(live(1, 90_000))
    at_once = LossHistory()
    at_once.extend(
        metrics(
            np.concatenate((early.outer_step, late.outer_step)),
            np.concatenate((early.query_after[0], late.query_after[0])),
        )
    )
    for step in (6_400, 10_000, 30_000, 80_000):
        here, there = (
            np.interp(step, trace(one).x(OUTER_STEPS), trace(one).smoothed(SMOOTHING))
            for one in (at_once, whole)
        )
        assert here == pytest.approx(there, rel=0.1), step


def test_a_pinned_run_has_the_lines_of_the_run():
    history = LossHistory()
    history.extend(thinned(70_000, 100))
    history.extend(live(70_001, 72_000))
    history.hold(72_000)
    history.extend(live(72_001, 400_000))
    history.rewind(72_000)
    history.extend(live(72_001, 300_000))
    run, pinned = trace(history), trace(history.thinned(MOST_BINS))
    assert len(pinned) <= MOST_BINS
    same = np.searchsorted(run.x(), pinned.x())
    np.testing.assert_array_equal(run.x()[same], pinned.x())
    np.testing.assert_array_equal(run.smoothed(SMOOTHING)[same], pinned.smoothed(SMOOTHING))
    assert pinned.x()[0] <= 300_000 / MOST_BINS * 2


def test_a_pin_of_a_very_long_run_begins_where_the_run_does():
    history = LossHistory()
    for first in range(1, 642_001, 10_000):
        history.extend(live(first, min(first + 9_999, 642_000)))
    run, pinned = trace(history), trace(history.thinned(MOST_BINS))
    assert len(run) > 10 * MOST_BINS >= 10 * len(pinned)
    begin, end = run.x()[0], run.x()[-1]
    assert (pinned.x()[0], pinned.x()[-1]) == (begin, end)
    # of 600 pixels no bin takes more than 5 on either axis, where those of the run do not
    assert np.diff(pinned.x()).max() <= end / 120
    wide = np.diff(np.log(pinned.x())) / np.log(end / begin)
    coarse = np.diff(pinned.x()) > run.width
    assert wide[coarse].max() <= 1 / 120
    assert len(until(pinned.rows(), 2_000)[0]) > 20, "the early descent"
