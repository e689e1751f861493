"""The losses: what is kept, what is drawn, and what a person can ask of it."""

import csv
import itertools
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt

from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.panels.losses.plot import NO_TIMES, NOTHING_YET
from maml_explorer.gui.panels.losses.stability_trace import NONE, WAITING
from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.plots.plot_text import EVERY_ARM_HIDDEN
from maml_explorer.gui.session.drawn_losses import loss_range, reduced
from maml_explorer.gui.session.loss_history import (
    GRADIENTS,
    INNER_LOSS,
    OUTER_LOSS,
    SECONDS,
    LossHistory,
    change,
)
from maml_explorer.gui.session.loss_traces import LossTrace
from maml_explorer.gui.session.pinned_run import BEFORE, LossGhost
from maml_explorer.gui.session.stability_verdict import STABILITY
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.protocol import reports
from maml_explorer.protocol.insight import InsightFigures, LookInside
from maml_explorer.protocol.insight_records.stability import MEDIAN
from maml_explorer.protocol.past_events import PastChange
from maml_explorer.settings.presets import load_preset, presets
from maml_explorer.settings.settings import DEFAULT_ARMS, Settings
from tests.gui.panel_bench import LEFT, Bench, nameless


def block(first, losses, names=("MAML", "FO-MAML", "ANIL", "MTL"), run=1):
    """Outer steps from `first` on; row r has `losses` times r + 1."""
    losses = np.asarray(losses, dtype=float)
    steps = np.arange(first, first + len(losses))
    rows = np.arange(1.0, len(names) + 1)[:, None]
    return reports.Metrics(
        run, names, steps, support_before=10 * rows * losses, query_after=rows * losses,
        seconds=rows * steps / 100, gradient_evaluations=(rows * steps).astype(np.int64),
    )  # fmt: skip


@pytest.fixture
def panel(bench):
    return bench.show(LossesPanel, 400, 400)


def draw(panel):
    panel._soon.stop()
    panel._draw()


def train(bench, panel, losses, first=1, **kwargs):
    bench.worker.step = first + len(losses) - 1
    bench.report(bench.worker._status())
    bench.report(block(first, losses, **kwargs))
    draw(panel)


def test_before_training_it_says_what_to_do(bench, panel):
    draw(panel)
    assert panel.plot._empty.isVisible()
    assert panel.plot._empty.toPlainText() == NOTHING_YET
    train(bench, panel, [4.0, 2.0])
    assert not panel.plot._empty.isVisible()
    bench.session.set_hidden({arm.name for arm in bench.session.settings.arms})
    draw(panel)
    assert panel.plot._empty.toPlainText() == EVERY_ARM_HIDDEN, "to train would show nothing"


@pytest.mark.parametrize("log_y", [True, False])
@pytest.mark.parametrize("size", [(300, 220), (330, 280), (700, 500)])
def test_exact_losses_are_drawn_before_training_too(bench, size, log_y):
    panel = bench.show(LossesPanel, *size)
    panel.log_y.setChecked(log_y)
    draw(panel)
    panel.grab()
    plot = panel.plot
    values = [line.value() for line in plot.references.lines if line.isVisible()]
    assert [10**value if log_y else value for value in values] == pytest.approx([4.25, 3.01])
    words = [text for text in (*plot.references.labels, plot._empty) if text.isVisible()]
    boxes = [text.mapRectToScene(text.boundingRect()) for text in words]
    assert plot._empty.isVisible() and len(boxes) > 1
    assert not any(box.intersects(boxes[-1]) for box in boxes[:-1])


def test_it_draws_the_moving_average_of_the_outer_loss(bench, panel):
    losses = np.linspace(4, 1, 50)
    panel.smoothing.setFocus()
    bench.qtbot.keyClick(panel.smoothing, Qt.Key.Key_Home)
    assert panel.smoothing_text.text() == "0"
    train(bench, panel, losses)
    drawn = panel.plot.drawn["FO-MAML"]
    np.testing.assert_allclose(drawn.x, np.arange(1, 51))
    np.testing.assert_allclose(10**drawn.y, 2 * losses, rtol=1e-6)
    smooth, raw = panel.plot._smooth["FO-MAML"], panel.plot._raw["FO-MAML"]
    np.testing.assert_array_equal(smooth.yData, drawn.y)
    np.testing.assert_array_equal(raw.yData, drawn.raw_y)
    assert smooth.opts["antialias"] and not raw.opts["antialias"]
    assert smooth.zValue() > raw.zValue()
    panel.smoothing.setValue(3)
    assert panel.smoothing_text.text() == "0.9"
    weights = 0.9 ** np.arange(49, -1, -1)
    expected = 2 * np.sum(weights * losses) / np.sum(weights)
    assert 10 ** panel.plot.drawn["FO-MAML"].y[-1] == pytest.approx(expected, rel=1e-6)


def test_the_inner_loss_is_a_choice(bench, panel):
    train(bench, panel, [4.0] * 20)
    entries = {a.text(): a for a in panel.menu("loss").actions()}
    assert [a.isChecked() for a in entries.values()] == [True, False, False]
    entries["Inner loss: support set, before adaptation"].trigger()
    assert panel.loss.text() == "inner loss ▾"
    assert 10 ** panel.plot.drawn["MAML"].y[-1] == pytest.approx(40.0)
    assert panel.plot.loss_view.loss == INNER_LOSS


def test_the_x_axis_counts_steps_seconds_or_gradients(bench, panel):
    train(bench, panel, [4.0] * 20)
    panel.choose(axis=SECONDS)
    assert panel.plot.drawn["FO-MAML"].x[-1] == pytest.approx(0.4)
    assert panel.axis.text() == "seconds ▾"
    panel.choose(axis=GRADIENTS)
    assert panel.plot.drawn["MTL"].x[-1] == 80
    assert panel.plot.drawn["MAML"].x[-1] == 20
    assert panel.plot.view().viewRange()[0][1] == pytest.approx(80 * 1.025)


def test_logarithmic_axes_are_switched_by_buttons(bench, panel):
    train(bench, panel, [4.0] * 100)
    assert panel.plot.drawn["MAML"].y[-1] == pytest.approx(np.log10(4))
    bench.qtbot.mouseClick(panel.log_y, LEFT)
    assert panel.plot.drawn["MAML"].y[-1] == pytest.approx(4.0)
    assert panel.plot.view().viewRange()[1][0] == 0
    bench.qtbot.mouseClick(panel.log_x, LEFT)
    assert panel.plot.drawn["MAML"].x[-1] == pytest.approx(2.0)
    assert panel.plot.bottom.logarithmic and not panel.plot.left.logarithmic


def test_values_that_are_not_finite_are_not_drawn(bench, panel):
    train(bench, panel, [4.0, np.nan, np.inf, 2.0, np.nan])
    drawn = panel.plot.drawn["MAML"]
    np.testing.assert_array_equal(drawn.x, [1, 4])
    assert np.isfinite(drawn.raw_y).all()
    train(bench, panel, [0.0, 0.0], first=6)
    assert np.isfinite(panel.plot.drawn["MAML"].raw_y).all(), "0 has no logarithm"
    panel.grab()


@pytest.mark.parametrize("scale", [1e-8, 1e6])
def test_tiny_and_huge_losses_have_a_range_and_ticks(bench, panel, scale):
    bench.session.measured.references = reports.ReferenceLosses(1, scale, scale / 2, "", 0.0)
    train(bench, panel, scale * np.linspace(1, 0.1, 50))
    low, high = panel.plot.view().viewRange()[1]
    assert 10**low <= 0.1 * scale and 10**high >= 4 * scale * 0.99
    values = panel.plot.left.tickValues(low, high, 300)[0][1]
    assert len(values) >= 2


def test_reference_lines_stand_at_the_exact_values(bench, panel):
    bench.session.set_hidden(["FO-MAML", "ANIL", "MTL"])
    panel.smoothing.setValue(0)
    train(bench, panel, np.geomspace(5, 0.1, 50))
    lines, labels = panel.plot.references.lines[:2], panel.plot.references.labels[:2]
    assert [10 ** line.value() for line in lines] == pytest.approx([4.25, 3.01])
    assert [label.toPlainText() for label in labels] == [
        "predict 0: 4.25", "best single predictor: 3.01",
    ]  # fmt: skip


def test_words_stand_on_the_side_where_no_other_line_is(bench):
    panel = bench.show(LossesPanel, 330, 260)
    panel.smoothing.setValue(0)
    train(bench, panel, np.geomspace(4, 0.03, 400))
    lines, boxes = panel.plot.references.lines, panel.plot.references.boxes
    heights = [panel.plot.to_pixel(0.0, line.value()).y() for line in lines[:2]]
    assert 0 < heights[1] - heights[0] < 40, "words between the two could be of either"
    upper, lower = boxes[0], boxes[1]
    assert upper is not None and upper.bottom <= heights[0] + 1
    assert lower is not None and lower.top >= heights[1] - 1


def test_a_run_of_another_figure_is_not_drawn_on_this_axis(bench, panel):
    train(bench, panel, np.linspace(4, 1, 50))
    record = panel.plot.record
    bench.session.control.restart()
    bench.pull()
    assert [ghost.name for ghost in record.ghosts] == [BEFORE]
    record.before = replace(record.before, settings=presets()["glyphs-2-way-4-shot"].settings)
    assert record.ghosts == []


@pytest.mark.parametrize("best", [4.2, 4.0, 3.0, 0.5])
@pytest.mark.parametrize("height", [220, 400, 700])
def test_reference_labels_never_overlap(bench, best, height):
    panel = bench.show(LossesPanel, 320, height)
    panel.smoothing.setValue(0)
    bench.session.set_hidden(["FO-MAML", "ANIL", "MTL"])
    bench.session.measured.references = reports.ReferenceLosses(1, 4.25, best, "", 0.0)
    train(bench, panel, np.linspace(5, 0.5, 50))
    # A label's place in the scene follows the range when it is painted.
    panel.grab()
    labels = panel.plot.references.labels[:2]
    boxes = [label.mapRectToScene(label.boundingRect()) for label in labels]
    assert all(label.isVisible() for label in labels)
    assert not boxes[0].intersects(boxes[1].adjusted(1, 2, -1, -2))
    beside = boxes[0].right() < boxes[1].left() or boxes[1].right() < boxes[0].left()
    assert beside or boxes[0].bottom() <= boxes[1].top() + 4, "in the order of their lines"
    area = panel.plot.area()
    assert all(area.top() <= box.top() + 2 for box in boxes)
    assert all(area.left() <= box.left() and box.right() <= area.right() + 1 for box in boxes)


@pytest.mark.parametrize("width", [420, 320, 280, 250, 230])
def test_words_of_a_reference_are_whole_or_shorter_or_not_there(bench, width):
    panel = bench.show(LossesPanel, width, 300)
    bench.session.set_hidden(["FO-MAML", "ANIL", "MTL"])
    panel.smoothing.setValue(0)
    bench.session.measured.references = reports.ReferenceLosses(1, 4.25, 4.25, "", 0.0)
    train(bench, panel, np.linspace(5, 0.5, 50))
    panel.grab()
    words, area = panel.plot.references.labels[0], panel.plot.area()
    assert words.isVisible() or area.width() < 100
    box = words.mapRectToScene(words.boundingRect())
    assert not words.isVisible() or (area.left() <= box.left() and box.right() <= area.right() + 1)


def test_a_question_hides_the_references_and_leaves_the_axis(bench):
    panel = bench.show(LossesPanel, 420, 320)
    bench.session.measured.references = reports.ReferenceLosses(1, 4.25, 3.01, "", 0.0)
    train(bench, panel, np.linspace(2.0, 1.0, 100))
    seen = []
    for hidden in (False, True, False):
        bench.session.hide_answers(hidden)
        panel.plot.draw()
        assert panel.plot.references.lines[0].isVisible() != hidden
        seen.append(panel.plot.view().viewRange()[1])
    assert seen[0] == seen[1] == seen[2]


def test_a_reference_under_a_curve_is_named_where_it_ends(bench):
    panel = bench.show(LossesPanel, 420, 320)
    bench.session.set_hidden(["FO-MAML", "ANIL"])
    panel.smoothing.setValue(0)
    bench.session.measured.references = reports.ReferenceLosses(1, 4.25, 3.01, "", 0.0)
    train(bench, panel, np.full(200, 3.01))
    panel.plot._range.end = 0.0
    for low, said in ((0.5, True), (2.9, False)):
        panel.plot.view().setYRange(np.log10(low), np.log10(6.0 if said else 3.1), padding=0)
        panel.plot.draw()
    plot = panel.plot
    unsaid = {words: y for y, words in plot.references.unsaid}
    assert unsaid == {"best single predictor: 3.01": pytest.approx(np.log10(3.01))}
    QCoreApplication.processEvents()  # the margin is laid out
    names = {end.name: end.y for end, *_ in plot.ends.placed()}
    assert names["best single"] == pytest.approx(np.log10(3.01))
    boxes = [box for _, box in plot.ends.boxes]
    assert not any(a.intersects(b) for a, b in itertools.combinations(boxes, 2))
    assert max(box.right() for box in boxes) <= plot.width()


@pytest.mark.parametrize("words, name", [
    ("predict 0: 4.25", "predict 0"), ("predict 0 = best predictor: 4.3 with σ²", "predict 0"),
    ("best single predictor: 3.01", "best single"), ("Bayes 0.31 ± 0.02 with σ²", "Bayes"),
    ("predict the mean: 2", "predict the mean"), ("chance, ln 2 = 0.693", "chance"),
])  # fmt: skip
def test_names_of_references_are_what_comes_before_the_number(bench, words, name):
    references = bench.show(LossesPanel, 420, 320).plot.references
    references.unsaid = [(0.0, words)]
    assert [end.name for end in references.ends] == [name]


@pytest.mark.parametrize("height", [300, 420])
def test_marks_of_a_divergence_and_references_keep_clear(bench, height):
    panel = bench.show(LossesPanel, 320, height)
    for arm in ("MAML", "FO-MAML", "ANIL"):
        bench.report(reports.Diverged(1, arm, 15, 14, "α"))
    train(bench, panel, np.linspace(2, 1.5, 50))
    panel.grab()
    references, marks = panel.plot.references, panel.plot.divergences
    boxes = [*marks.boxes, *(box for box in references.boxes if box is not None)]
    assert len(boxes) == 5
    for one, other in itertools.combinations(boxes, 2):
        assert one.gap(other) > -1e-9
    texts = [*(text for _, text in marks.items), *references.labels[:2]]
    for box, text in zip(boxes, texts, strict=True):
        drawn = text.mapRectToScene(text.boundingRect())
        assert (drawn.left(), drawn.top()) == pytest.approx((box.left, box.top), abs=2)


def test_words_of_a_reference_leave_the_curve_that_runs_through_them(bench):
    panel = bench.show(LossesPanel, 560, 420)
    # it falls late, through the place above the lower line where the words stand first
    train(bench, panel, np.concatenate((np.full(300, 3.6), np.full(300, 3.3))))
    panel.plot.smooth(0.0)
    panel.plot.draw()
    plot = panel.plot
    x, y = plot.to_pixels(plot.drawn["MAML"].x, plot.drawn["MAML"].y)
    box = plot.references.boxes[1]
    inside = y[(x > box.left) & (x < box.right)]
    assert not ((inside > box.top) & (inside < box.bottom)).any()
    first = box
    plot.draw()
    assert plot.references.boxes[1] == first, "words that cover nothing stay"


def test_words_of_a_reference_lie_on_no_curve_of_a_low_plot(bench):
    panel = bench.show(LossesPanel, 330, 420)
    falling = 3.4 * np.exp(-np.arange(600) / 150) + 0.4
    level = np.tile((2.6, 3.3), 300)  # as MTL's, around the line itself
    report = block(1, falling)
    rows = np.stack([falling, falling * 1.3, falling * 2, level])
    bench.report(replace(report, query_after=rows))
    draw(panel)
    panel.plot.smooth(0.0)
    low = 5 * panel.fontMetrics().height()
    for height in range(130, 300, 5):
        panel.resize(330, height)
        panel.grab()
        panel.plot.draw()
        if panel.plot.area().height() >= low:
            break
        curves = [panel.plot.to_pixels(one.x, one.y) for one in panel.plot.drawn.values()]
        for box in panel.plot.references.boxes:
            if box is None:
                continue
            for x, y in curves:
                inside = y[(x > box.left) & (x < box.right)]
                assert not ((inside > box.top) & (inside < box.bottom)).any(), height
    assert height > 130 and panel.plot.references.boxes != [None] * 3


def test_words_of_a_reference_stand_beside_their_line_off_all_curves_or_nowhere(bench):
    seen = set()
    bench.session.set_hidden(["ANIL", "MTL"])
    for height, level in itertools.product((150, 200, 300), (0.3, 1.6, 2.4, 3.4)):
        panel = bench.show(LossesPanel, 340, height)
        bench.session.measured.references = reports.ReferenceLosses(1, 4.25, 3.01, "", 0.0)
        random = np.random.default_rng(3)
        losses = np.linspace(4.3, level, 400) * random.lognormal(sigma=0.15, size=400)
        train(bench, panel, losses)
        plot, references = panel.plot, panel.plot.references
        said = [text.toPlainText() for text in references.labels if text.isVisible()]
        seen |= {*said}
        for nth, box in enumerate(references.boxes[:2]):
            if box is None:
                continue
            line = references._pixel((4.25, 3.01)[nth], True)
            assert min(abs(box.top - line), abs(box.bottom - line)) < 1
            for drawn in plot.drawn.values():
                x, y = plot.to_pixels(drawn.x, drawn.y)
                across = (x > box.left) & (x < box.right)
                over = across & (y > box.top + 1) & (y < box.bottom - 1)
                assert not over.any(), (height, level, said)
        words = plot.reading(float(plot.view().viewRange()[0][1]))
        for text in ("predict 0: 4.25", "best single predictor: 3.01"):
            there = text in said or (text.startswith("best") and "best single 3.01" in said)
            assert there or text in words, "what is not written is read off"
    assert {"best single predictor: 3.01", "best single 3.01"} <= seen


def test_a_run_opened_without_times_says_so(bench, panel):
    bench.report(replace(block(1, np.linspace(4, 3, 50)), seconds=np.zeros((4, 50))))
    draw(panel)
    assert not panel.plot._empty.isVisible()
    panel.choose(axis=SECONDS)
    assert panel.plot._empty.isVisible() and panel.plot._empty.toPlainText() == NO_TIMES


def test_equal_references_are_one_line_and_noise_is_said(bench, panel):
    bench.report(reports.ReferenceLosses(1, 4.34, 4.34, "0", 0.09))
    train(bench, panel, [4.0, 3.0])
    assert panel.plot.references.labels[0].toPlainText() == (
        "predict 0 = best predictor: 4.34 with σ²"
    )
    assert not panel.plot.references.lines[1].isVisible()


def test_with_noise_the_bayes_optimal_answer_is_a_line(bench, panel):
    bench.session.editor.edit({"noise": 0.5})
    bench.report(reports.ReferenceLosses(1, 4.5, 3.26, "−1.62 cos x", 0.25))
    family = bench.session.settings.tasks
    bench.report(reports.MetaTested(1, 2, 10, 600, {}, (0.312, 0.0123), family))
    train(bench, panel, [4.0, 3.0])
    words = [text.toPlainText() for text in panel.plot.references.labels if text.isVisible()]
    assert words == [
        "predict 0: 4.5 with σ²", "best single predictor: 3.26 with σ²",
        "Bayes 0.312 ± 0.012 with σ²",
    ]  # fmt: skip
    assert panel.plot.references.lines[2].value() == pytest.approx(np.log10(0.312))
    assert panel.plot.view().viewRange()[1][0] < np.log10(0.312), "the floor is in view"
    # what was measured on other tasks is not drawn on these
    bench.session.editor.edit({"noise": 0.6})
    draw(panel)
    assert not panel.plot.references.lines[2].isVisible()


def test_a_change_while_training_is_marked(bench, panel):
    train(bench, panel, np.linspace(4, 1, 200))
    bench.session.editor.edit({"inner_lr": 0.05})
    bench.session.editor.edit({"inner_lr": 0.1})
    draw(panel)
    (mark,) = panel.plot.history.marks
    assert mark.outer_step == 200
    assert mark.words == "Inner learning rate α 0.01 → 0.1"
    line, text = panel.plot.marks.items[0]
    assert line.isVisible() and line.value() == 200
    assert text.toPlainText() == "α → 0.1"
    assert mark.words in panel.plot.reading(200.0)
    assert mark.words not in panel.plot.reading(100.0)
    panel.choose(axis=SECONDS)
    assert line.value() == pytest.approx(2.0), "the mark moves with the x axis"


def test_what_changed_is_read_at_its_mark_and_whole_in_the_box(bench, panel):
    panel.resize(400, 360)
    train(bench, panel, np.linspace(4, 1, 200))
    bench.session.editor.edit({"meta_batch": 20})
    train(bench, panel, [1.0] * 80, first=201)
    bench.session.editor.edit({"inner_lr": 0.05, "outer_lr": 0.002})
    train(bench, panel, [1.0] * 120, first=281)
    bench.session.editor.set_arms([*bench.session.settings.arms, *_arm("reptile")])
    draw(panel)
    bench.qtbot.wait(20)  # the names of the lines have taken their room
    draw(panel)
    plot = panel.plot
    said = [text.toPlainText() for _, text in plot.marks.items if text.isVisible()]
    assert said == ["meta-batch → 20", "α, β", "+ Reptile"]
    panel.resize(313, 360)
    bench.qtbot.wait(20)
    draw(panel)
    boxes, area = plot.marks.boxes, plot.area()
    for nth, box in enumerate(boxes):
        assert area.left() <= box.left and box.right <= area.right() + 1
        for other in boxes[:nth]:
            apart = box.left >= other.right or other.left >= box.right
            assert apart or box.top >= other.bottom - 1 or other.top >= box.bottom - 1
    at = plot.to_pixel(280, 0.0)
    bench.qtbot.mouseMove(plot.viewport(), QPoint(at.x(), round(area.center().y())))
    assert "Outer learning rate β 0.001 → 0.002" in plot.readout.text
    assert plot.readout._box.textItem.boundingRect().width() <= area.width()


@pytest.mark.parametrize("points", [9.0, 12.0])
@pytest.mark.parametrize("width", [313, 420])
@pytest.mark.parametrize("steps", [12, 20, 30, 45])
def test_words_of_changes_are_whole_and_clear_of_one_another(
    bench, panel, qapp, width, points, steps
):
    # a bare “K” stood there without its value, and half a letter behind others: “shots → 5K”
    qapp.setFont(base_font(points))
    bench.session.set_theme(replace(bench.session.theme, points=points))
    panel.resize(width, 360)
    train(bench, panel, np.linspace(4, 1, 200))
    for nth, (key, value) in enumerate((("shots", 5), ("inner_steps", 3)) * 3):
        bench.session.editor.edit({key: value + nth})
        train(bench, panel, [1.0] * steps, first=201 + steps * nth)
    for _ in range(2):
        draw(panel)
        bench.qtbot.wait(20)
    marks = panel.plot.marks
    said = {text.toPlainText() for _, text in marks.items if text.isVisible()}
    assert said and said <= {mark.brief for mark in panel.plot.history.marks}
    for one, other in itertools.combinations(marks.boxes, 2):
        gap = max(one.left - other.right, other.left - one.right)
        assert gap >= 0.9 * one.height or abs(one.top - other.top) >= one.height - 1


def test_the_newest_of_many_changes_is_read_whole(bench, panel):
    panel.resize(420, 420)
    train(bench, panel, np.linspace(4, 1, 200))
    for nth, alpha in enumerate((0.1, 0.51, 1.0, 0.2)):
        bench.session.editor.edit({"inner_lr": alpha})
        train(bench, panel, [1.0] * 10, first=201 + 10 * nth)
    draw(panel)
    bench.qtbot.wait(20)
    draw(panel)
    marks = panel.plot.marks
    said = [text.toPlainText() for _, text in marks.items if text.isVisible()]
    assert said[-3:] == ["α → 0.51", "α → 1", "α → 0.2"]
    for nth, box in enumerate(marks.boxes):
        for other in marks.boxes[:nth]:
            gap = max(box.left - other.right, other.left - box.right)
            assert gap >= 0.5 * box.height - 1 or abs(box.top - other.top) >= box.height - 1


def test_a_change_taken_back_leaves_no_mark(bench, panel):
    train(bench, panel, [4.0] * 100)
    bench.session.editor.edit({"inner_lr": 0.05})
    bench.session.editor.edit({"inner_lr": 0.01})
    assert panel.plot.history.marks == []


def test_changes_before_training_are_not_marked(bench, panel):
    bench.session.editor.edit({"inner_lr": 0.05})
    assert panel.plot.history.marks == []


def test_arms_in_marks():
    before = Settings()
    mark = change(before, before.with_arms(before.arms[:2]), 7)
    assert mark is not None
    assert (mark.symbol, mark.words) == ("arms", "ANIL removed; MTL removed")
    both = change(before, before.with_arms(before.arms[:2]).with_values({"inner_lr": 0.3}), 7)
    assert both is not None and both.brief == "α, arms", "not “α” alone"
    assert change(before, before, 7) is None


def test_a_page_ends_the_axis_and_a_double_click_shows_everything(bench, panel):
    train(bench, panel, np.linspace(4, 1, 100))
    panel.draw_as(ViewState(axis="outer steps", axis_until=60.0))
    draw(panel)
    end = panel.plot.view().viewRange()[0][1]
    assert 60 <= end < 62
    train(bench, panel, np.linspace(1, 0.5, 100), first=101)
    assert panel.plot.view().viewRange()[0][1] == end
    panel.plot.show_all()
    assert panel.plot.view().viewRange()[0][1] > 200
    panel.draw_as(ViewState(axis_until=60.0))
    panel.draw_as(ViewState(axis="outer steps"))
    assert panel.plot.view().viewRange()[0][1] > 200


def test_a_new_run_begins_empty_with_the_old_one_as_a_ghost(bench, panel):
    train(bench, panel, np.linspace(4, 1, 30))
    bench.session.control.reset()
    bench.pull()
    draw(panel)
    assert panel.plot.history.empty
    assert set(panel.plot.ghosts.curves) == {(BEFORE, arm.name) for arm in DEFAULT_ARMS}
    np.testing.assert_allclose(panel.plot.ghosts.curves[BEFORE, "MAML"].xData[-1], 30)
    train(bench, panel, [3.0] * 10, run=2)
    assert panel.plot.drawn["MAML"].x[-1] == 10


def test_after_a_reset_the_run_before_is_seen_whole_and_lines_have_their_words(bench, panel):
    train(bench, panel, np.geomspace(4, 0.02, 400))
    bench.session.control.reset()
    bench.pull()
    draw(panel)
    for losses in ([], [3.0] * 5):
        if losses:
            train(bench, panel, losses, run=2)
        low, high = panel.plot.view().viewRange()[1]
        for name in ("MAML", "MTL"):
            y = panel.plot.ghosts.curves[BEFORE, name].yData
            assert low <= np.nanmin(y) and y[-1] <= high
    for zero in (3.2, 4.25, 4.9):
        bench.session.measured.references = reports.ReferenceLosses(1, zero, 2.0, "", 0.0)
        draw(panel)
        assert panel.plot.references.labels[0].isVisible(), zero


def test_the_previous_run_is_named_where_its_line_ends(bench, panel):
    train(bench, panel, np.linspace(4, 1, 30))
    bench.session.control.reset()
    bench.pull()
    draw(panel)
    assert list(panel.plot.ghosts.ends) == ["previous run"] and not panel.plot.ghosts.names
    train(bench, panel, [3.0] * 100, run=2)
    draw(panel)
    assert not panel.plot.ghosts.ends
    name = panel.plot.ghosts.names["previous run"]
    assert name.isVisible() and name.toPlainText() == "previous run"
    line = panel.plot.ghosts.curves[BEFORE, "MAML"]
    end = panel.plot.to_pixel(line.xData[-1], line.yData[-1])
    (box,) = panel.plot.ghosts.boxes
    assert 0 <= box.left - end.x() <= 7 and box.top - 2 <= end.y() <= box.bottom + 2
    train(bench, panel, [3.0] * 10, run=3)
    assert set(panel.plot.ghosts.names) | set(panel.plot.ghosts.ends) == {"previous run"}


@pytest.mark.parametrize("width", [290, 340, 420])
def test_names_of_runs_keep_clear_of_lines_and_words_or_are_left_out(bench, monkeypatch, width):
    panel = bench.show(LossesPanel, width, 300)
    losses = np.geomspace(4, 0.4, 200)
    train(bench, panel, losses)
    bench.session.control.reset()
    bench.pull()
    train(bench, panel, losses, run=2)
    record = panel.plot.record
    other = LossGhost("Run 1", bench.session.settings, record.before.history)
    monkeypatch.setattr(type(record), "ghosts", property(lambda self: [self.before, other]))
    changes = ("inner_lr", 0.05), ("inner_steps", 3), ("outer_lr", 0.003)
    for nth, (key, value) in enumerate(changes):
        bench.session.editor.edit({key: value})
        train(bench, panel, [0.4 + 0.2 * (nth % 2)] * 60, first=201 + 60 * nth, run=2)
    panel.grab()
    draw(panel)
    plot = panel.plot
    words = [*plot.marks.boxes, *plot.divergences.boxes, *plot.ghosts.boxes]
    words += [box for box in plot.references.boxes if box is not None]
    assert plot.marks.boxes
    for one, another in itertools.combinations(words, 2):
        assert one.gap(another) > -1e-9
    for name in plot.ghosts.boxes:
        for drawn in plot.drawn.values():
            x, y = plot.to_pixels(drawn.x, drawn.y)
            inside = (name.left < x) & (x < name.right) & (name.top < y) & (y < name.bottom)
            assert not inside.any()
    said = [run for run, text in plot.ghosts.names.items() if text.isVisible()]
    assert len(said) == len(plot.ghosts.boxes)


def test_a_mark_of_a_change_hides_the_curves_below_it(bench, panel):
    train(bench, panel, np.linspace(4, 1, 200))
    bench.session.editor.edit({"inner_lr": 0.05})
    train(bench, panel, [1.0] * 80, first=201)
    ((_, text),) = panel.plot.marks.items
    curves = [*panel.plot._raw.values(), *panel.plot._smooth.values()]
    assert text.fill.color().alpha() > 220
    assert text.zValue() > max(curve.zValue() for curve in curves)


def test_words_of_a_mark_keep_off_the_end_of_a_line(bench, panel):
    train(bench, panel, np.linspace(4, 1, 200))
    bench.session.editor.edit({"inner_lr": 0.3})
    draw(panel)
    plot = panel.plot
    area, place = plot.area(), plot._losses().place
    ((_, text),) = plot.marks.items
    usual = plot.marks.boxes[0]

    def drawn_beside(*heights: float) -> Box:
        """The box of the words where lines run along the bottom, so many pixels above it."""
        ends = np.array([area.left(), area.right()])
        lines = [(ends, np.full(2, area.bottom() - height)) for height in heights]
        plot.marks.draw(plot.history.marks, place, lines)
        (box,) = plot.marks.boxes
        return box

    assert drawn_beside() == usual
    assert drawn_beside(usual.height / 2).bottom == pytest.approx(usual.top)
    assert text.fill.color().alpha() > 220
    rows = int(area.height() / usual.height) + 1
    higher = drawn_beside(*(usual.height * (row + 0.5) for row in range(4)))
    assert higher.bottom == pytest.approx(area.bottom() - 4 * usual.height)
    assert text.fill.color().alpha() > 220
    assert drawn_beside(*(usual.height * (row + 0.5) for row in range(rows))) == usual
    assert text.fill.color().alpha() < 180, "a line is seen below them"


def test_marks_at_the_end_of_a_low_line_are_named_beside_it(bench):
    panel = bench.show(LossesPanel, 330, 280)
    train(bench, panel, np.append(np.linspace(4, 0.35, 50), np.full(400, 0.35)), names=("MAML",))
    for edit in ({"test_steps": 30}, {"inner_lr": 0.005}):
        bench.session.editor.edit(edit)
    bench.qtbot.wait(20)
    draw(panel)
    plot = panel.plot
    said = {text.toPlainText() for _, text in plot.marks.items if text.isVisible()}
    assert said == {"test inner steps → 30", "α → 0.005"}
    x, y = plot.to_pixels(plot.drawn["MAML"].x, plot.drawn["MAML"].y)
    for box in plot.marks.boxes:
        assert not ((x > box.left) & (x < box.right) & (y > box.top) & (y < box.bottom)).any()
    (one, other) = plot.marks.boxes
    assert one.gap(other) > -1


def test_a_change_runs_through_no_words_of_a_reference(bench, panel):
    bench.session.measured.references = reports.ReferenceLosses(1, 60.0, 30.0, "", 0.0)
    train(bench, panel, np.linspace(2.5, 1, 50))
    for first, alpha in ((51, 0.05), (251, 0.1)):  # one at each side
        bench.session.editor.edit({"inner_lr": alpha})
        train(bench, panel, [1.0] * (200 if first == 51 else 50), first=first)
    draw(panel)
    lines = panel.plot.marks.lines
    assert len(lines) == 2
    boxes = [box for box in panel.plot.references.boxes if box is not None]
    assert boxes, "there is room between them"
    assert all(box.gap(line) >= 0 for box in boxes for line in lines)


def test_a_rewound_run_drops_what_came_after(bench, panel):
    train(bench, panel, [4.0] * 20 + [1e9] * 5)
    bench.report(reports.Rewound(1, 20))
    draw(panel)
    assert panel.plot.drawn["MAML"].x[-1] == 20
    assert 10 ** panel.plot.drawn["MAML"].raw_y.max() == pytest.approx(4.0)


def test_hidden_arms_are_not_drawn_and_removed_ones_are_forgotten(bench, panel):
    train(bench, panel, [4.0] * 20)
    bench.session.set_hidden({"MTL"})
    draw(panel)
    assert set(panel.plot.drawn) == {"MAML", "FO-MAML", "ANIL"}
    bench.session.editor.set_arms(bench.session.settings.arms[:2])
    assert {name for name, _ in panel.plot.history.traces} == {"MAML", "FO-MAML"}


def test_a_late_arm_begins_where_it_was_added(bench, panel):
    train(bench, panel, [4.0] * 20)
    names = ("MAML", "FO-MAML", "ANIL", "MTL", "Reptile")
    bench.session.editor.set_arms([*bench.session.settings.arms, *_arm("reptile")])
    train(bench, panel, [4.0] * 10, first=21, names=names)
    assert panel.plot.drawn["Reptile"].x[0] == 21
    assert panel.plot.drawn["MAML"].x[0] == 1


def _arm(key):
    from maml_explorer.settings.settings import default_arm

    return [default_arm(key)]


def test_nothing_is_drawn_while_hidden_but_nothing_is_lost(bench, panel):
    panel._soon.stop()
    panel.hide()
    bench.report(block(1, [4.0] * 20))
    assert not panel._soon.isActive() and panel.plot.drawn == {}
    panel.show()
    draw(panel)
    assert len(panel.plot.drawn["MAML"].x) == 20


def test_the_read_out_has_the_averages_at_the_pointer(bench, panel):
    panel.smoothing.setValue(0)
    train(bench, panel, np.linspace(4, 1, 100))
    area = panel.plot.area().center().toPoint()
    bench.qtbot.mouseMove(panel.plot.viewport(), area)
    x = panel.plot.to_data(area)[0]
    loss = np.linspace(4, 1, 100)[round(x) - 1]
    assert f"MAML {number(loss)}" in panel.plot.readout.text
    assert f"outer step {round(x)}" in panel.plot.readout.text


def test_zooming_stops_following_and_a_double_click_goes_on(bench, panel):
    train(bench, panel, np.linspace(4, 1, 100))
    view = panel.plot.view()
    view.setRange(xRange=(10, 20), padding=0)
    view.sigRangeChangedManually.emit([True, True])
    train(bench, panel, [1.0] * 100, first=101)
    assert view.viewRange()[0] == [10, 20]
    assert panel.plot.drawn["MAML"].x[0] == 9, "one step on either side reaches the border"
    bench.qtbot.mouseDClick(panel.plot.viewport(), LEFT, pos=QPoint(200, 150))
    assert view.viewRange()[0][1] == pytest.approx(205)


def test_a_table_has_every_bin_of_what_is_shown(bench, panel, tmp_path):
    panel.smoothing.setValue(0)
    train(bench, panel, [4.0, 2.0])
    bench.session.set_hidden({"ANIL", "MTL"})
    draw(panel)
    panel.plot.save_csv(tmp_path / "losses.csv")
    with (tmp_path / "losses.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["arm"] for row in rows] == ["MAML", "MAML", "FO-MAML", "FO-MAML"]
    assert float(rows[3]["mean"]) == 4.0 and float(rows[3]["smoothed"]) == 4.0
    assert float(rows[1]["outer step"]) == 2.0


def test_every_control_has_a_name(panel):
    assert nameless(panel) == []


# the pure parts


def test_reduced_keeps_the_extremes_of_every_pixel_column():
    trace = LossTrace(axes=3)
    y = np.random.default_rng(0).lognormal(size=5000)
    trace.extend(np.tile(np.arange(1.0, 5001), (3, 1)), y)
    drawn = reduced(trace, 0, 0.0, np.linspace(0.5, 5000.5, 101), log_x=False, log_y=False)
    groups = y.reshape(100, 50)
    np.testing.assert_allclose(drawn.raw_y[0::2], groups.min(axis=1))
    np.testing.assert_allclose(drawn.raw_y[1::2], groups.max(axis=1))
    np.testing.assert_allclose(drawn.y, groups[:, -1], rtol=1e-6)


def test_the_range_moves_in_steps_and_ignores_single_spikes():
    values = np.full(1000, 3.0)
    values[7] = 1e6
    low, high = loss_range([values], [4.25, 3.01], log=False)
    assert low == 0 and high == pytest.approx(5.0)
    low, high = loss_range([np.log10(values)], [4.25, 3.01], log=True)
    assert 10**low == pytest.approx(2.0) and 10**high == pytest.approx(5.0)
    assert loss_range([], [], log=False) == (0.0, 1.0)


def test_a_history_finds_its_steps_on_every_axis():
    history = LossHistory()
    history.extend(block(1, [1.0] * 10))
    assert history.at(5, SECONDS, "FO-MAML", OUTER_LOSS) == pytest.approx(0.1)
    assert history.at(5, SECONDS, "nobody", OUTER_LOSS) is None


def test_a_loss_that_nobody_looked_at_is_whole_once_somebody_does():
    history, both = LossHistory(), LossHistory()
    for first in range(1, 400, 7):
        values = np.linspace(first, first + 1, 7).tolist()
        for each in (history, both):
            each.extend(block(first, values))
        history.of_loss(OUTER_LOSS)
        assert both.traces
    history.rewind(300)
    both.rewind(300)
    assert history.traces.keys() == both.traces.keys()
    assert {loss for _, loss in history.traces} == {OUTER_LOSS, INNER_LOSS}
    for key, trace in history.traces.items():
        assert trace.x(0)[-1] == 300
        np.testing.assert_allclose(trace.rows(), both.traces[key].rows(), rtol=1e-6)


@pytest.mark.parametrize("together", [True, False])
def test_an_arm_defined_anew_has_a_trace_of_its_own(together):
    one, two = block(1, [1.0] * 10), block(11, [2.0] * 5)
    seconds, counts = two.seconds.copy(), two.gradient_evaluations.copy()
    counts[0] = np.arange(1, 6)  # the first arm alone counts from 0 again
    seconds[0] = counts[0] / 1000
    two = replace(two, seconds=seconds, gradient_evaluations=counts)
    history = LossHistory()
    history.extend(one)
    if not together:
        assert len(history.traces[one.arms[0], OUTER_LOSS]) == 10
    history.extend(two)
    first, second = (history.traces[arm, OUTER_LOSS] for arm in one.arms[:2])
    assert first.x(0).tolist() == [11, 12, 13, 14, 15]
    assert second.x(0).tolist() == list(range(1, 16))
    for axis in range(3):
        assert (np.diff(first.x(axis)) >= 0).all()


def test_a_huge_beginning_does_not_squeeze_what_comes_after():
    losses = np.concatenate((np.geomspace(800, 5, 60), np.full(540, 2.0)))
    low, high = loss_range([np.log10(losses)], [4.25, 3.01], log=True)
    assert 10**low == pytest.approx(1.5) and 10**high == pytest.approx(15.0)
    low, high = loss_range([losses], [4.25, 3.01], log=False)
    assert high == pytest.approx(15.0)
    # What most of a run does is seen, however far above the lines it is.
    away = np.concatenate((np.full(300, 2.0), np.full(300, 700.0)))
    assert 10 ** loss_range([np.log10(away)], [4.25], log=True)[1] >= 700


@pytest.mark.parametrize("log", [True, False])
def test_an_explosion_is_seen_going_up(bench: Bench, panel, log: bool) -> None:
    panel.log_y.setChecked(log)
    losses = np.concatenate((np.full(600, 2.0), [30.0, 4e5]))
    bench.report(block(1, losses, ("MAML",)))
    draw(panel)

    def top() -> float:
        high = panel.plot.view().viewRange()[1][1]
        return float(10**high if log else high)

    usual = top()
    assert usual < 30
    bench.report(reports.Diverged(1, "MAML", 602, 600, "MAML diverged."))
    draw(panel)
    assert top() == pytest.approx(usual * (100 if log else 4))
    bench.session.divergences.go_on(["MAML"])
    draw(panel)
    assert top() == pytest.approx(usual)


def test_stability_is_a_second_trace_below(bench: Bench) -> None:
    panel = bench.show(LossesPanel, 360, 420)
    assert not panel.trace.isVisible()
    assert not any(STABILITY in c.views for c in bench.worker.posted_of(LookInside))
    panel.stability.click()
    assert panel.trace.isVisible()
    assert bench.worker.posted_of(LookInside)[-1].views == (STABILITY,)
    rows = tuple((step, "stability", "MAML", MEDIAN, 0.01 * step) for step in (0, 100, 300))
    bench.report(InsightFigures(bench.session.run, rows))
    panel.trace.show_now()
    (line,) = panel.trace.lines
    assert (line.name, line.x.tolist(), line.y.tolist()) == ("MAML", [0, 100, 300], [0, 1, 3])
    bench.session.control.train()
    bench.pull()
    panel._draw()
    assert panel.trace.view().viewRange()[0] == panel.plot.view().viewRange()[0]
    bench.pull()
    above, below = panel.plot.area(), panel.trace.area()
    assert (below.left(), below.right()) == (above.left(), above.right()), "one axis for both"
    assert panel.trace.left.labelText == "α λ"
    assert panel.trace.table is not None
    assert list(panel.trace.table(True)[1])[-1] == ("MAML", MEDIAN, 300, 3.0)
    bench.session.set_hidden(["MAML"])
    assert panel.trace.lines == ()
    panel.stability.click()
    assert not panel.trace.isVisible()
    assert bench.worker.posted_of(LookInside)[-1].views == ()


@pytest.mark.parametrize("last", [0.4, 1.4, 2.4, 6.0])
def test_a_stability_trace_has_room_for_its_labels_and_shows_all_of_its_line(
    bench: Bench, last: float
) -> None:
    panel = bench.show(LossesPanel, 420, 460)
    train(bench, panel, [3.0] * 1500)
    panel.stability.click()
    values = np.geomspace(0.36, last, 16)
    steps = range(0, 1501, 100)
    rows = tuple(
        (step, "stability", "MAML", MEDIAN, float(value))
        for step, value in zip(steps, values, strict=True)
    )
    bench.report(InsightFigures(bench.session.run, rows))
    trace = panel.trace
    trace.show_now()
    for _ in range(3):
        bench.qtbot.wait(20)
        trace.grab()
    axis = trace.left
    label = 0.8 * axis.label.boundingRect().height()
    assert axis.width() >= axis.textWidth + axis.style["tickTextOffset"][0] + label
    assert panel.plot.left.width() == axis.width()
    assert trace.area().left() == panel.plot.area().left()
    assert trace._words.isVisible()
    box = trace.mapFromScene(trace._words.mapRectToScene(trace._words.boundingRect()))
    box = box.boundingRect()
    for step, value in zip(range(0, 1501, 10), np.geomspace(0.36, last, 151), strict=True):
        assert not box.contains(trace.to_pixel(step, float(np.log10(value)))), step
    panel.stability.click()
    panel.grab()
    assert panel.plot.left.least == 0


def test_words_of_a_trace_without_figures_are_alone_and_true(bench: Bench) -> None:
    panel = bench.show(LossesPanel, 360, 420)
    panel.stability.click()
    trace = panel.trace
    assert trace._empty.isVisible() and not trace._words.isVisible()
    assert trace._empty.toPlainText() == WAITING
    bench.session.set_hidden(arm.name for arm in bench.session.settings.arms)
    assert trace._empty.toPlainText() == NONE
    assert not trace._words.isVisible()


def test_one_outer_step_is_a_point_and_a_last_one_is_whole(bench, panel):
    train(bench, panel, [4.0])
    dots = panel.plot._dots["MAML"]
    (x,), (y,) = dots.getData()
    assert (x, 10**y) == (1, pytest.approx(4.0))
    for logarithmic in (False, True):
        panel.log_x.setChecked(logarithmic)
        draw(panel)
        (x,), (y,) = dots.getData()
        area, place = panel.plot.area(), panel.plot.to_pixel(x, y)
        assert area.left() + 4 <= place.x() <= area.right() - 4, logarithmic
    train(bench, panel, [4.0] * 20)
    assert panel.plot._dots == {}, "a line needs no marker"


def test_a_line_that_ended_has_a_cross_there_and_no_name_at_the_edge(bench, panel):
    train(bench, panel, [4.0] * 20)
    assert "MAML" in {end.name for end in panel.plot.ends._ends}
    bench.report(reports.Diverged(1, "MAML", 20, 19, "MAML diverged."))
    draw(panel)
    x, y = panel.plot.dead.item.getData()
    assert x.tolist() == [20] and 10**y == pytest.approx([4.0])
    assert {end.name for end in panel.plot.ends._ends} == {"FO-MAML", "ANIL", "MTL"}
    assert panel.plot.divergences.items[0][1].toPlainText() == "✕ MAML"
    bench.report(reports.Rewound(1, 19))
    draw(panel)
    assert len(panel.plot.dead.item.getData()[0]) == 0
    assert not panel.plot.divergences.items[0][1].isVisible(), "it has not happened to this run"


def test_a_change_that_was_taken_back_leaves_no_mark_after_going_back(bench, panel):
    train(bench, panel, [4.0] * 20)
    bench.session.editor.edit({"inner_lr": 1.0})
    train(bench, panel, [8.0] * 20, first=21)
    assert [mark.outer_step for mark in panel.plot.history.marks] == [20]
    bench.session.editor.edit({"inner_lr": 0.01})
    assert len(panel.plot.history.marks) == 2
    first = bench.session.settings.with_values({"outer_lr": 0.01})
    earlier = PastChange(7, first, bench.session.settings)
    bench.report(reports.Rewound(1, 20, (earlier,)))
    (mark,) = panel.plot.history.marks
    assert (mark.outer_step, mark.brief) == (7, "β → 0.001"), "as the worker has it"


def test_the_run_before_is_not_drawn_among_losses_of_other_tasks(bench, panel):
    train(bench, panel, [4.0] * 30)
    bench.session.control.load_preset(load_preset("oml-sine"))
    bench.session.control.restart()
    bench.pull()
    draw(panel)
    assert panel.plot.record.before is not None and not panel.plot.ghosts.curves


def test_the_axis_is_of_the_losses_until_another_run_is_there(bench, panel):
    train(bench, panel, [4.0] * 30)
    bench.session.editor.edit({"family": "glyphs"})
    bench.session.control.restart()
    draw(panel)
    assert panel.plot.left.labelText == "MSE", "the losses are still those of the sines"
    bench.pull()
    draw(panel)
    assert panel.plot.left.labelText == "cross-entropy, nats"


def test_words_of_an_axis_stay_in_its_middle(bench, panel):
    for nth in range(3):
        panel.choose(axis=nth)
        panel.grab()
        bottom = panel.plot.bottom
        words = bottom.label.mapRectToScene(bottom.label.boundingRect())
        whole = bottom.mapRectToScene(bottom.rect())
        assert words.center().x() == pytest.approx(whole.center().x(), abs=3), bottom.labelText
    panel.plot.label_y("cross-entropy, nats")
    left = panel.plot.left
    words = left.label.mapRectToScene(left.label.boundingRect())
    assert words.top() >= 0
