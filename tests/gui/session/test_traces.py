"""The stream behind the loss curves, against slow loops that say the same in three lines."""

import math

import numpy as np
import pytest
from PySide6.QtGui import QFontMetricsF

from maml_explorer.gui.plots.axis import NumberAxis
from maml_explorer.gui.plots.ticks import linear_ticks, log_ticks, two_ticks
from maml_explorer.gui.session.loss_history import OUTER_LOSS, LossHistory
from maml_explorer.gui.session.loss_traces import LossTrace, columns
from maml_explorer.gui.session.moving_averages import (
    SMOOTHINGS,
    STILL,
    MovingAverages,
    recurrence,
)
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.reports import Metrics


def slow_average(values, smoothing):
    total, weight, out = 0.0, 0.0, []
    for value in values:
        if math.isfinite(value):
            total = smoothing * total + (1 - smoothing) * value
            weight = smoothing * weight + (1 - smoothing)
        out.append(total / weight if weight else math.nan)
    return np.array(out)


@pytest.mark.parametrize("blocks", [(40,), (12, 28), (10, 5, 25), (11, 29), (25, 15)])
def test_after_a_standstill_averages_begin_anew(blocks):
    values = np.array([2.0] * 11 + [np.nan] * STILL + [10.0] * (29 - STILL))
    values[3] = np.nan  # one alone is passed over
    parts = np.split(values, np.cumsum(blocks)[:-1])
    averages = MovingAverages((0.9,))
    found = np.concatenate([averages.extend(part)[0] for part in parts])
    np.testing.assert_allclose(found[: 11 + STILL], 2.0)
    np.testing.assert_allclose(found[11 + STILL :], 10.0)


def average(smoothing):
    return MovingAverages((smoothing,))


@pytest.mark.parametrize("n", [1, 63, 64, 65, 5000])
def test_moving_averages_equal_a_plain_loop(n):
    values = np.random.default_rng(n).lognormal(size=n)
    expected = [slow_average(values, smoothing) for smoothing in SMOOTHINGS]
    np.testing.assert_allclose(MovingAverages().extend(values), expected, rtol=1e-10)


def test_moving_average_does_not_depend_on_how_the_stream_is_cut():
    values = np.random.default_rng(1).normal(size=1000)
    cut = average(0.98)
    parts = [cut.extend(part)[0] for part in np.split(values, [1, 2, 70, 500, 500, 999])]
    np.testing.assert_allclose(np.concatenate(parts), average(0.98).extend(values)[0], rtol=1e-9)


def test_moving_average_of_a_constant_is_that_constant_from_the_first_step():
    np.testing.assert_allclose(average(0.999).extend(np.full(10_000, 3.5)), 3.5, rtol=1e-9)


def test_moving_average_passes_over_values_that_are_not_finite():
    values = np.array([np.nan, 1.0, np.inf, 2.0, -np.inf, np.nan, 3.0])
    result = average(0.5).extend(values)[0]
    assert math.isnan(result[0])
    np.testing.assert_allclose(result[1:], slow_average(values, 0.5)[1:], rtol=1e-12)


def test_recurrence_survives_huge_and_tiny_values():
    values = np.concatenate([np.full(300, 1e300), np.full(30_000, 1e-300)])
    result = recurrence(values[None, :], (0.5,), np.zeros(1))[0]
    assert np.all(np.isfinite(result))
    assert result[299] == pytest.approx(2e300)
    assert result[-1] == pytest.approx(2e-300)


def steps(n, start=1):
    return np.arange(start, start + n, dtype=float)[None, :]


def test_every_step_has_its_own_bin_while_there_is_room():
    trace = LossTrace(capacity=8)
    trace.extend(steps(5), np.array([5.0, 4.0, 3.0, 2.0, 1.0]))
    assert (len(trace), trace.width) == (5, 1)
    np.testing.assert_array_equal(trace.x(), [1, 2, 3, 4, 5])
    for values in (trace.low(), trace.high(), trace.mean(), trace.smoothed(0.0)):
        np.testing.assert_array_equal(values, [5, 4, 3, 2, 1])


@pytest.mark.parametrize("cuts", [[], [1], [8, 9], [3, 16, 17, 40], [50, 99]])
def test_bins_hold_minimum_mean_and_maximum_however_the_stream_is_cut(cuts):
    y = np.random.default_rng(3).lognormal(size=100)
    trace = LossTrace(capacity=16)
    for part in np.split(np.arange(100), cuts):
        trace.extend(steps(100)[:, part], y[part])
    assert trace.width == 8
    groups = [y[i : i + 8] for i in range(0, 100, 8)]
    assert len(trace) == len(groups) == 13
    np.testing.assert_allclose(trace.low(), [g.min() for g in groups])
    np.testing.assert_allclose(trace.high(), [g.max() for g in groups])
    np.testing.assert_allclose(trace.mean(), [g.mean() for g in groups])
    np.testing.assert_array_equal(trace.x(), [min(i + 8, 100) for i in range(0, 100, 8)])
    # Smoothing works on the stream, so a bin shows the average at its last step.
    stream = slow_average(y, 0.9)
    expected = [stream[min(i + 8, 100) - 1] for i in range(0, 100, 8)]
    np.testing.assert_allclose(trace.smoothed(0.9), expected, rtol=1e-6)


def test_a_long_run_stays_within_its_bins():
    trace = LossTrace(axes=3)
    total = 0
    for n in (1, 19_999, 1, 100_000, 333_333):
        trace.extend(np.tile(steps(n, total + 1), (3, 1)), np.ones(n))
        total += n
    assert trace.steps == total
    assert 10_000 < len(trace) <= 20_000
    np.testing.assert_array_equal(trace.mean(), 1.0)
    assert trace.x(2)[-1] == total
    assert np.all(np.diff(trace.x()) > 0)


def test_steps_without_a_value_leave_a_gap():
    trace = LossTrace(capacity=4)
    trace.extend(steps(4), np.array([1.0, np.nan, np.inf, 2.0]))
    np.testing.assert_array_equal(np.isfinite(trace.low()), [True, False, False, True])
    np.testing.assert_array_equal(np.isfinite(trace.smoothed(0.99)), [True, False, False, True])
    trace.extend(steps(1, 5), np.array([np.nan]))
    np.testing.assert_array_equal(trace.mean()[:2], [1.0, 2.0])


def falling_run(every):
    """A run of 2000 outer steps in means of `every`, as a lesson's metrics are."""
    n = 2000
    noise = np.random.default_rng(8).lognormal(sigma=0.3, size=n)
    losses = (3.5 * np.exp(-np.arange(n) / 900) + 0.3) * noise
    means = losses.reshape(-1, every).mean(1)[None]
    ends = np.arange(every, n + 1, every)
    return Metrics(1, ("MAML",), ends, means, means, 0.0 * means, ends[None])


@pytest.mark.parametrize("every", [10, 200])
@pytest.mark.parametrize("smoothing", [0.95, 0.98, 0.995])
def test_a_thinned_run_is_smoothed_as_the_whole_one(every, smoothing):
    traces = []
    for block in (falling_run(1), falling_run(every)):
        history = LossHistory()
        history.extend(block)
        traces.append(history.of_loss(OUTER_LOSS)["MAML"])
    whole, thinned = (trace.smoothed(smoothing) for trace in traces)
    spread = np.abs(thinned / whole[every - 1 :: every] - 1)
    # a row of 200 steps is wider than the window of 0.98, which ends in its last steps
    assert spread.max() < (0.05 if every == 10 else 0.35)
    assert np.median(spread) < (0.02 if every == 10 else 0.1)


def test_a_thinned_run_goes_on_live_and_back_as_the_whole_one():
    lines, whole = [], falling_run(1)
    parts = (whole.outer_step, whole.support_before, whole.query_after, whole.seconds)
    live = (one[..., 1500:] for one in (*parts, whole.gradient_evaluations))
    live = Metrics(1, ("MAML",), *live)
    for every in (1, 10):
        history = LossHistory()
        history.extend(falling_run(every))
        history.rewind(1500)
        history.extend(live)
        lines.append(history.of_loss(OUTER_LOSS)["MAML"].smoothed(0.98)[-500:])
    np.testing.assert_allclose(lines[1], lines[0], rtol=0.03)


def test_an_empty_block_changes_nothing():
    trace = LossTrace()
    trace.extend(np.zeros((1, 0)), np.zeros(0))
    assert len(trace) == 0 and len(trace.mean()) == 0


@pytest.mark.parametrize("width_steps", [0, 30])
def test_a_rewound_trace_goes_on_as_if_nothing_had_come_after(width_steps):
    y = np.random.default_rng(5).lognormal(size=64)
    straight, rewound = LossTrace(capacity=16), LossTrace(capacity=16)
    for trace in (straight, rewound):
        trace.extend(steps(32), y[:32])
    rewound.extend(steps(width_steps, 33), np.full(width_steps, 1e9))
    rewound.rewind(32)
    straight.extend(steps(20, 33), y[32:52])
    rewound.extend(steps(20, 33), y[32:52])
    assert rewound.x()[-1] == 52
    for smoothing in SMOOTHINGS:
        assert rewound.smoothed(smoothing)[-1] == pytest.approx(
            straight.smoothed(smoothing)[-1], rel=1e-5
        )
    assert rewound.high().max() < 1e9


def test_a_trace_rewound_to_its_beginning_is_empty():
    trace = LossTrace()
    trace.extend(steps(10), np.arange(10.0))
    trace.rewind(0)
    assert len(trace) == 0
    trace.extend(steps(1), np.array([7.0]))
    assert trace.smoothed(0.999)[0] == pytest.approx(7.0)


def test_columns_group_bins_by_pixel():
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    first, last = columns(x, np.array([0.5, 2.5, 2.6, 4.5]))
    np.testing.assert_array_equal(first, [0, 1, 3, 5])
    np.testing.assert_array_equal(last, [0, 2, 4, 5])
    first, last = columns(x, np.array([-1.0, 10.0]))
    np.testing.assert_array_equal(first, [0])
    np.testing.assert_array_equal(last, [5])
    first, last = columns(x, np.array([7.0, 8.0]))
    np.testing.assert_array_equal(last, [5])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4.2517, "4.25"), (3.0057, "3.01"), (0.21, "0.21"), (10_000, "10\u202f000"),
        (4252.3, "4\u202f250"), (999.9, "1\u202f000"), (1e6, "1\u202f000\u202f000"),
        (1.234e9, "1.23e9"), (1e-8, "1e−8"), (-1.6234, "−1.62"), (0.0012345, "0.00123"),
        (0, "0"), (None, "–"), (math.nan, "–"), (math.inf, "–"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value, text):
    assert number(value) == text


def test_live_numbers_keep_their_width():
    assert [number(v, fixed=True) for v in (0.21, 1.0, 12.0)] == ["0.210", "1.00", "12.0"]


def test_counts_keep_all_their_digits():
    assert whole(70_001) == "70\u202f001"


def room(labels):
    return max((7.0 * len(label) for label in labels), default=0.0) + 8.0


@pytest.mark.parametrize("pixels", [40, 90, 200, 333, 1000, 4000])
@pytest.mark.parametrize(
    ("low", "high"),
    [(-5.1, 5.1), (0, 1e-8), (-4e5, 1e6), (0, 70_000), (1e6, 1e6 + 1), (-1e-300, 1e-300)],
)
def test_linear_ticks_never_overlap_and_lie_inside(low, high, pixels):
    values, labels = linear_ticks(low, high, pixels, room)
    gaps = np.diff(values) / (high - low) * pixels
    assert len(values) == len(labels)
    assert len(values) < 2 or gaps.min() >= room(labels) * (1 - 1e-9)
    assert all(low - 1e-9 * (high - low) <= v <= high + 1e-9 * (high - low) for v in values)
    assert pixels < 333 or len(values) >= 2
    assert len(set(labels)) == len(labels), "no label twice"


@pytest.mark.parametrize("pixels", [40, 90, 200, 333, 1000])
@pytest.mark.parametrize(
    ("low", "high"), [(-0.5, 1.5), (-8, 2), (0.3, 0.4), (-300, 300), (5.9, 6.1), (0, 0.9)]
)
def test_log_ticks_never_overlap_and_say_their_value(low, high, pixels):
    values, labels = log_ticks(low, high, pixels, room)
    gaps = np.diff(values) / (high - low) * pixels
    assert len(values) < 2 or gaps.min() >= room(labels) * (1 - 1e-9)
    assert pixels < 333 or len(values) >= 2
    for value, label in zip(values, labels, strict=True):
        said = float(label.replace("\u202f", "").replace("−", "-"))
        assert said == pytest.approx(10**value, rel=1e-6)


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("pixels", [40, 60, 90, 200, 1000])
@pytest.mark.parametrize(
    ("low", "high"),
    [(-0.5, 1.5), (0.3, 0.6), (-1.2, 0.6), (0.03, 0.9), (-7.3, -0.4), (5.9, 6.1), (0, 70_000)],
)
def test_an_axis_with_room_for_two_labels_has_two(qapp, low, high, pixels, logarithmic):
    if logarithmic and high > 300:
        return
    axis = NumberAxis("left")
    axis.logarithmic = logarithmic
    ((_, values),) = axis.tickValues(low, high, pixels)
    labels = axis.tickStrings(values, 1.0, 1.0)
    assert len(values) == len(set(labels)) >= 2
    height = QFontMetricsF(axis.style["tickFont"]).height()
    assert np.diff(values).min() / (high - low) * pixels >= height
    for value, label in zip(values, labels, strict=True):
        said = float(label.replace("\u202f", "").replace("−", "-"))
        assert said == pytest.approx(10**value if logarithmic else value, rel=1e-6, abs=1e-9)


def test_labels_in_large_type_keep_away_from_ends_at_which_they_would_not_be_drawn(qapp):
    axis = NumberAxis("left")
    axis.logarithmic = True
    font = axis.style["tickFont"]
    font.setPixelSize(26)
    axis.setTickFont(font)
    ((_, values),) = axis.tickValues(math.log10(2), math.log10(5), 178)
    assert axis.tickStrings(values, 1.0, 1.0) == ["3", "4"], "2 and 5 are at the very ends"


def test_no_ticks_are_made_up_where_there_are_none():
    assert two_ticks(0, 1e-320, 300, room) == ([], [])
    assert two_ticks(-400, 400, 300, room, logarithmic=True) == ([], [])
    assert two_ticks(0.3, 1.2, 300, room, whole=True) == ([], [])
    assert two_ticks(0.2, 3.4, 300, room, whole=True)[1] == ["1", "2"]
    assert two_ticks(0, 1, 10, room) == ([], []), "no room"


def test_ticks_of_the_design():
    assert linear_ticks(-5.12, 5.12, 660, room)[1][:3] == ["−5", "−4", "−3"]
    assert linear_ticks(0, 20_000, 300, room)[1] == ["0", "5\u202f000", "10\u202f000",
                                                     "15\u202f000", "20\u202f000"]  # fmt: skip
    assert log_ticks(np.log10(0.2), np.log10(7), 300, room)[1] == ["0.2", "0.5", "1", "2", "5"]
    assert linear_ticks(0, 3, 900, room, whole=True)[1] == ["0", "1", "2", "3"]
    assert linear_ticks(1, 1, 300, room) == ([], [])
    assert linear_ticks(0, math.inf, 300, room) == ([], [])
