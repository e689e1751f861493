"""The hero, worked with mouse and keys."""

import csv
import itertools
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage

from maml_explorer.gui.panels.adaptation.arm_bar import free_name
from maml_explorer.gui.panels.adaptation.arm_chips import DENSITIES
from maml_explorer.gui.panels.adaptation.arm_overrides import overridable
from maml_explorer.gui.panels.adaptation.curve_labels import EMPTY
from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.adaptation.task_curves import ORACLE
from maml_explorer.gui.panels.adaptation.task_plot import TaskPlot
from maml_explorer.gui.panels.adaptation.uncovered_range import filled, uncovered
from maml_explorer.gui.panels.adaptation.words import step_line
from maml_explorer.gui.panels.tasks.panel import TasksPanel
from maml_explorer.gui.plots.label_placement import Box, clearance
from maml_explorer.gui.session.blamed_change import blamed_change
from maml_explorer.gui.session.task_sampling import fixed
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.style.theme import DARK
from maml_explorer.gui.widgets.text_prompt import Ask
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import DEFAULT_ARMS, Arm, Settings, default_arm
from tests.gui.panel_bench import LEFT, Bench, nameless


@pytest.fixture
def bench(bench):
    bench.task()
    return bench


@pytest.fixture
def panel(bench):
    return bench.show(AdaptationPanel)


def click(bench, panel, x, y, button=LEFT, modifier=Qt.KeyboardModifier.NoModifier):
    pixel = panel.canvas.to_pixel(x, y)
    bench.qtbot.mouseClick(panel.canvas.viewport(), button, modifier, pixel)
    bench.pull()


def chip_texts(panel):
    return {name: chip.value for name, chip in panel.arms.chips.items()}


def test_chips_show_the_query_mse_after_the_chosen_inner_step(bench, panel):
    panel.slider.setFocus()
    bench.qtbot.keyClick(panel.slider, Qt.Key.Key_Home)
    for _ in range(3):
        bench.qtbot.keyClick(panel.slider, Qt.Key.Key_Right)
    assert panel.step_text.text() == "3 / 10"
    arms = bench.session.task.probed.arms
    assert chip_texts(panel) == {
        name: number(float(arm.query_mse[3]), fixed=True) for name, arm in arms.items()
    }
    np.testing.assert_array_equal(panel.canvas.curves.arms["ANIL"].yData, arms["ANIL"].curves[3])
    assert "after inner step 3" in panel.arms.row.caption.toolTip()
    assert panel.subtitle.full == "2.0 sin(x − 0.50) · 3 support points"


def test_a_click_adds_a_support_point_on_the_truth(bench, panel):
    click(bench, panel, 1.5, -3.0)
    probe = bench.session.task.probe
    assert len(probe.support_x) == 4
    assert probe.support_x[-1] == pytest.approx(1.5, abs=0.03)
    assert probe.support_y[-1] == pytest.approx(2 * np.sin(probe.support_x[-1] - 0.5))
    assert (probe.amplitude, probe.phase) == (2.0, 0.5)
    assert bench.session.task.probed.probe is probe, "the worker was asked and has answered"


def test_a_click_outside_the_axes_adds_nothing(bench, panel):
    bench.qtbot.mouseClick(panel.canvas.viewport(), LEFT, pos=QPoint(3, 3))
    assert len(bench.session.task.probe.support_x) == 3


def test_the_caption_and_the_truth_have_the_frequency_where_it_is_not_one(bench, panel):
    bench.session.editor.edit({"frequency_min": 0.8, "frequency_max": 1.2})
    x = np.array([-4.0, 3.0])
    task = commands.ProbeTask(x, 3.2 * np.sin(1.1 * x - 0.85), 3.2, 0.85, np.array([1.0]), 1.1)
    bench.session.task.set_probe(task)
    bench.pull()
    assert panel.subtitle.full == "3.2 sin(1.1 x − 0.85) · 2 support points"
    curves = panel.canvas.curves
    np.testing.assert_allclose(curves.truth.yData, 3.2 * np.sin(1.1 * curves.truth.xData - 0.85))
    panel.canvas.labels.place()
    said = panel.canvas.labels.texts["empty"]
    assert said.isVisible()
    assert said.toPlainText() == "2 points do not determine A, φ and ω: no oracle"
    click(bench, panel, 1.5, -3.0)
    probe = bench.session.task.probe
    assert probe.support_y[-1] == pytest.approx(3.2 * np.sin(1.1 * probe.support_x[-1] - 0.85))
    panel.canvas.labels.place()
    assert not said.isVisible()
    click(bench, panel, -2.5, 4.0, modifier=Qt.KeyboardModifier.ShiftModifier)
    assert bench.session.task.probe.frequency == 1
    assert panel.subtitle.full == "your own task · 4 support points"


def test_shift_click_makes_it_the_persons_own_task(bench, panel):
    click(bench, panel, 1.5, -3.0, modifier=Qt.KeyboardModifier.ShiftModifier)
    probe = bench.session.task.probe
    assert probe.amplitude is None and probe.phase is None and probe.query_x is None
    assert probe.support_y[-1] == pytest.approx(-3.0, abs=0.05)
    assert len(panel.canvas.curves.truth.yData) == 0
    assert panel.subtitle.full == "your own task · 4 support points"
    # In an own task there is no truth to add points on: they go where the pointer is.
    click(bench, panel, -2.0, 4.0)
    assert bench.session.task.probe.support_y[-1] == pytest.approx(4.0, abs=0.05)


def test_on_your_own_task_chips_show_the_error_at_your_points_and_say_so(bench, panel):
    click(bench, panel, 1.5, -3.0, modifier=Qt.KeyboardModifier.ShiftModifier)
    panel.slider.setValue(2)
    probed, row = bench.session.task.probed, panel.arms.row
    assert chip_texts(panel) == {
        name: number(float(arm.support_mse[2]), fixed=True) for name, arm in probed.arms.items()
    }
    assert row.caption.toolTip() == "support MSE after inner step 2 · no truth, so no query MSE"
    assert "support MSE" in row.caption.text()
    assert panel.legend.shown == ("support: adapted to, MSE below",), "said where chips fill a row"
    assert not panel.residuals.isEnabled(), "there are no query points"
    chip = panel.arms.chips["MAML"]
    assert "Mean squared error at your 4 support points after inner step 2." in " ".join(
        chip.toolTip().split()
    )
    assert f"MAML, support MSE {chip.value}, shown" == chip.accessibleName()
    assert "best-fit sine" not in chip.toolTip()
    far = replace(probed, oracle=probed.arms["MAML"].curves[2] + 3)
    bench.report(replace(far, probe=bench.session.task.probe))
    assert "Mean squared distance from the best-fit sine: 9." in " ".join(chip.toolTip().split())
    bench.session.task.set_probe(commands.ProbeTask(fixed([]), fixed([])))
    bench.pull()
    assert "nothing to measure" in chip.toolTip()
    bench.task()
    assert panel.residuals.isEnabled()
    assert "squared" not in chip.toolTip() and "query MSE" in chip.accessibleName()
    assert "query MSE" in row.caption.toolTip()


def test_a_point_dragged_along_the_truth_stays_on_it_and_off_it_leaves_it(bench, panel):
    canvas = panel.canvas
    view = canvas.viewport()
    y = float(bench.session.task.probe.support_y[1])
    along = canvas.to_pixel(1.0, 2 * np.sin(0.5))
    off, back = canvas.to_pixel(1.0, -4.0), canvas.to_pixel(2.0, 2 * np.sin(1.5))
    bench.drag(view, canvas.to_pixel(0.0, y), along)
    probe = bench.session.task.probe
    assert probe.amplitude == 2.0
    assert probe.support_x[1] == pytest.approx(1.0, abs=0.03)
    assert probe.support_y[1] == pytest.approx(2 * np.sin(probe.support_x[1] - 0.5))
    bench.qtbot.mouseMove(view, off)
    assert bench.session.task.probe.amplitude is None
    assert bench.session.task.probe.support_y[1] == pytest.approx(-4.0, abs=0.05)
    assert not canvas.labels.texts["truth"].isVisible(), "the word goes with its curve"
    bench.qtbot.mouseMove(view, back)
    assert bench.session.task.probe.amplitude == 2.0, "back on the truth in the same drag"
    bench.qtbot.mouseRelease(view, LEFT, pos=back)
    bench.qtbot.mouseMove(view, off)
    assert bench.session.task.probe.amplitude == 2.0, "the button is up"


def test_a_dragged_noisy_point_keeps_its_noise(bench, panel):
    x = np.array([0.0])
    bench.session.task.set_probe(commands.ProbeTask(x, np.array([3.0]), 2.0, 0.5))
    bench.pull()
    canvas = panel.canvas
    bench.drag(canvas.viewport(), canvas.to_pixel(0.0, 3.0),
               canvas.to_pixel(0.5, 3.0 + 2 * np.sin(0.5)))  # fmt: skip
    probe = bench.session.task.probe
    noise = 3.0 - 2 * np.sin(-0.5)
    assert probe.amplitude == 2.0
    assert probe.support_y[0] == pytest.approx(2 * np.sin(probe.support_x[0] - 0.5) + noise)


def test_every_move_of_a_drag_is_posted_and_drawn_while_paused(bench, panel):
    assert bench.session.link.phase is reports.Phase.PAUSED
    canvas = panel.canvas
    before = len(bench.worker.posted_of(commands.ProbeTask))
    curve = canvas.curves.arms["MAML"].yData.copy()
    start = canvas.to_pixel(0.0, float(bench.session.task.probe.support_y[1]))
    bench.drag(canvas.viewport(), start, *(start - QPoint(0, 20 * n) for n in range(1, 4)))
    assert len(bench.worker.posted_of(commands.ProbeTask)) == before + 3
    assert not np.array_equal(canvas.curves.arms["MAML"].yData, curve)
    assert float(canvas.curves.support.getData()[1][1]) == bench.session.task.probe.support_y[1]


def test_a_move_is_painted_once_with_its_answer_and_labels_wait(bench, panel, monkeypatch):
    canvas = panel.canvas
    paintings, placings = [], []
    usual = TaskPlot.paintEvent
    monkeypatch.setattr(
        TaskPlot, "paintEvent", lambda plot, event: (usual(plot, event), paintings.append(1))
    )
    monkeypatch.setattr(canvas.labels, "place", lambda: placings.append(1))
    bench.session.link.pace.stop()
    start = canvas.to_pixel(0.0, float(bench.session.task.probe.support_y[1]))
    bench.qtbot.mousePress(canvas.viewport(), LEFT, pos=start)
    bench.qtbot.wait(30)
    for n in range(1, 4):
        paintings.clear()
        bench.qtbot.mouseMove(canvas.viewport(), start - QPoint(0, 20 * n))
        assert canvas.curves.report.probe is bench.session.task.probe, "nothing was waited for"
        bench.qtbot.wait(30)
        assert len(paintings) == 1
    placings.clear()
    canvas._place_soon.timeout.emit()
    assert not placings, "not in the middle of a drag"
    bench.qtbot.mouseRelease(canvas.viewport(), LEFT, pos=start - QPoint(0, 60))
    bench.qtbot.waitUntil(lambda: bool(placings))


def test_the_y_range_stands_still_while_dragging(bench, panel):
    canvas = panel.canvas
    start = canvas.to_pixel(0.0, float(bench.session.task.probe.support_y[1]))
    before = canvas.view().viewRange()
    bench.drag(canvas.viewport(), start, start - QPoint(0, 50))
    grid = bench.session.task.probed.grid
    bench.report(bench.with_arm("MAML", curves=np.tile(8 * np.sin(grid), (11, 1))))
    assert canvas.view().viewRange() == before
    bench.qtbot.mouseRelease(canvas.viewport(), LEFT, pos=start - QPoint(0, 50))
    assert canvas.view().viewRange()[1][1] >= 8.0


@pytest.mark.parametrize("phase", [-1.0, 0.0, 0.5])
def test_figures_where_no_points_are_cover_no_curve(bench, phase):
    panel = bench.show(AdaptationPanel, 592, 400)
    bench.session.set_hidden(["FO-MAML", "ANIL", "MTL"])
    x = np.array([-4.8, -4.3, -3.7, -2.7, -2.1, -1.6, -1.1, -0.6, -0.2])
    bench.task(x=tuple(x))
    grid = bench.session.task.probed.grid
    high = 5 * np.sin(grid - phase)
    bench.report(replace(bench.with_arm("MAML", curves=np.tile(high, (11, 1))), truth=high))
    panel.canvas.uncovered.draw()
    (box,) = panel.canvas.uncovered.box
    canvas = panel.canvas
    for curve in canvas.curves.drawn():
        x, y = canvas.to_pixels(curve.xData, curve.yData)
        over = (x > box.left) & (x < box.right) & (y > box.top) & (y < box.bottom)
        assert not over.any()
    assert canvas.area().left() <= box.left and box.right <= canvas.area().right() + 1


def test_where_no_points_are_is_measured(bench, panel):
    bench.task(x=(-4.5, -3.0, -1.0))
    shown = panel.canvas.uncovered
    assert shown.parts == [(-1.0, 5.0)] and shown.shades[0].isVisible()
    report = bench.session.task.probed
    inside = report.grid >= -1.0
    for name, error in shown.errors.items():
        curve = report.arms[name].curves[1]
        assert error == pytest.approx(((curve - report.truth)[inside] ** 2).mean())
    assert set(shown.errors) == {"MAML", "FO-MAML", "ANIL", "MTL"}
    words = " ".join(shown.text.toPlainText().split())
    first, second = (number(shown.errors[name]) for name in ("MAML", "FO-MAML"))
    assert words.startswith(f"MSE where there are no points MAML {first} FO-MAML {second}")
    panel.canvas.labels.place()
    (box,) = shown.box
    truth = panel.canvas.labels.boxes["truth"]
    apart = truth.top >= box.top + box.height or truth.left >= box.left + box.width
    assert apart or truth.left + truth.width <= box.left
    before = shown.errors["MAML"]
    panel.slider.setValue(10)
    assert shown.errors["MAML"] < before
    bench.session.set_hidden({"MTL"})
    assert "MTL" not in shown.errors
    far = np.tile(report.truth + 1e4, (11, 1))
    bench.report(replace(bench.with_arm("MAML", curves=far), truth=report.truth))
    assert shown.errors["MAML"] == pytest.approx(1e8), "drawn at the edge, and measured where it is"
    # at a wish not, and neither where points are everywhere or the truth is unknown
    panel._show_line("uncovered", False)
    assert not shown.shades[0].isVisible() and not shown.text.isVisible()
    panel._show_line("uncovered", True)
    assert shown.shades[0].isVisible()
    bench.task(x=(-4.5, -3.0, -1.0, 1.0, 2.5, 4.0))
    assert shown.parts == [] and not shown.shades[0].isVisible()
    bench.session.task.set_probe(commands.ProbeTask(fixed([-4.0]), fixed([1.0])))
    bench.pull()
    assert shown.parts == []


def test_what_is_drawn_of_an_arm_that_is_gone_is_in_nobody_s_way(bench, panel, monkeypatch):
    bench.task(x=(-4.5, -3.0, -1.0))
    shown, session = panel.canvas.uncovered, bench.session
    assert "MTL" in shown.errors
    fewer = session.settings.with_arms(session.settings.arms[:2])
    with monkeypatch.context() as patch:  # a lesson brings other arms and another size in one turn
        patch.setattr(type(session), "settings", fewer)
        panel.canvas.resize(panel.canvas.width() - 60, panel.canvas.height())
    words = shown.text.toPlainText()
    assert "FO-MAML" in words and "MTL" not in words


def drawn_lines(document):
    """The lines of a text as they are laid out."""
    block, lines = document.begin(), []
    while block.isValid():
        words = block.text()
        found = (block.layout().lineAt(nth) for nth in range(block.layout().lineCount()))
        lines += [words[line.textStart() :][: line.textLength()] for line in found]
        block = block.next()
    return lines


@pytest.mark.parametrize("width", [320, 420, 560, 720])
def test_no_number_where_no_points_are_is_broken(bench, width):
    panel = bench.show(AdaptationPanel, width=width)
    bench.task(x=(-4.5, -3.0, -1.0))
    grid = bench.session.task.probed.grid
    for name in ("MAML", "FO-MAML", "ANIL"):
        bench.report(bench.with_arm(name, curves=np.tile(280 * np.sin(grid), (11, 1))))
    shown = panel.canvas.uncovered
    assert min(shown.errors[name] for name in ("MAML", "FO-MAML")) > 10_000
    lines = drawn_lines(shown.text.textItem.document())
    for name, error in shown.errors.items():
        figure = f"{name} {number(error)}"
        assert any(figure in line for line in lines), lines
    (box,) = shown.box
    area = panel.canvas.area()
    assert box.left >= area.left() - 1 and box.right <= area.right() + 1


def test_lines_are_filled_between_items():
    assert filled([30, 30, 30, 90, 10], 5, 70) == [range(2), range(2, 3), range(3, 4), range(4, 5)]
    assert filled([200], 5, 70) == [range(1)]


def test_what_is_not_covered():
    def part(*x):
        return uncovered(np.array(x), -5.0, 5.0)

    assert part() == [], "without points nothing was learned anywhere"
    assert part(0.0) == [(-5.0, 0.0), (0.0, 5.0)], "on both sides of one point"
    assert part(-2.5) == [(-5.0, -2.5), (-2.5, 5.0)]
    assert part(-4.0, -3.5, 3.0) == [(-3.5, 3.0)], "narrow parts are not worth a shade"
    assert part(*np.linspace(-5, 5, 5)) == []
    assert part(-9.0, 9.0) == [], "points outside the range cover nothing"


def test_the_box_of_values_keeps_clear_of_the_figures_where_no_points_are(bench, panel):
    bench.task(x=(0.2,))
    shown, readout = panel.canvas.uncovered, panel.canvas.readout
    assert [shade.isVisible() for shade in shown.shades] == [True, True, False, False, False]
    (figures,) = shown.box
    for x in np.linspace(-4.8, 4.8, 30):
        for y in (-1.5, 1.5):
            panel.canvas._read(panel.canvas.to_pixel(x, y))
            corner = panel.canvas.to_pixel(readout._box.pos().x(), readout._box.pos().y())
            size = readout._box.textItem.boundingRect()
            assert figures.gap(Box(corner.x(), corner.y(), size.width(), size.height())) >= -1


def test_clustered_points_lie_together_and_the_left_half_is_left(bench):
    session = bench.session
    bench.task()
    for _ in range(20):
        session.task.new_points("clustered")
        assert np.ptp(session.task.probe.support_x) <= 1.5
        session.task.new_points("left half")
        assert (session.task.probe.support_x <= 0).all()
        truth = 2.0 * np.sin(session.task.probe.support_x - 0.5)
        np.testing.assert_allclose(session.task.probe.support_y, truth)


def test_a_new_run_ends_the_step_that_was_shown(bench, panel):
    bench.task()
    bench.session.control.inner_step()
    bench.pull()
    other = commands.ProbeTask(fixed([1.0]), fixed([1.0]), 1.0, 0.0, fixed([0.0]))
    bench.report(
        reports.Stepped(1, 1, 0, 1, reports.StepPhase.SAMPLE, other, {}, bench.session.task.probed)
    )
    assert panel.canvas.curves.probe is other
    bench.session.control.reset()
    bench.pull()
    assert panel.canvas.curves.probe is bench.session.task.probe


def test_the_y_range_comes_back_with_a_change_that_is_undone(bench, panel):
    usual = panel.canvas.view().viewRange()[1][1]
    bench.session.editor.edit({"inner_lr": 0.5})
    grid = bench.session.task.probed.grid
    bench.report(bench.with_arm("MAML", curves=np.tile(7.5 * np.sin(grid), (11, 1))))
    assert panel.canvas.view().viewRange()[1][1] > usual
    bench.session.undo()
    panel.canvas.redraw()  # the answer of before is still there
    bench.report(bench.with_arm("MAML", curves=np.tile(np.sin(grid), (11, 1))))
    assert panel.canvas.view().viewRange()[1][1] == usual


def test_another_task_has_a_range_of_its_own(bench, panel):
    grid = bench.session.task.probed.grid
    bench.report(bench.with_arm("MAML", curves=np.tile(8 * np.sin(grid), (11, 1))))
    canvas = panel.canvas
    assert canvas.view().viewRange()[1][1] >= 8.0
    bench.session.task.new_task()
    before = canvas.view().viewRange()
    assert before[1][1] >= 8.0, "the curves of the old task are still there"
    bench.pull()
    assert canvas.view().viewRange()[1][1] == pytest.approx(5.5)


def test_one_wild_arm_does_not_squeeze_the_others(bench, panel):
    wild = np.full_like(bench.session.task.probed.arms["MTL"].curves, 1e6)
    bench.report(bench.with_arm("MTL", curves=wild, query_mse=np.full(11, 1e12)))
    assert panel.canvas.view().viewRange()[1][1] == pytest.approx(5.5)
    assert chip_texts(panel)["MTL"] == "↑ 1.00e12"
    assert np.abs(panel.canvas.curves.arms["MTL"].yData).max() <= 300


def test_a_chip_says_that_its_curve_is_outside_the_plot(bench, panel):
    curves = np.full_like(bench.session.task.probed.arms["MTL"].curves, -70.0)
    mse = np.full(11, 4913.0)
    bench.report(bench.with_arm("MTL", curves=curves, query_mse=mse))
    assert chip_texts(panel)["MTL"] == "↓ 4\u202f910"
    assert "Its curve is below the plot." in panel.arms.chips["MTL"].toolTip()
    curves[:, : curves.shape[1] // 2] = 0.0  # half of it is seen
    bench.report(bench.with_arm("MTL", curves=curves, query_mse=mse))
    assert chip_texts(panel)["MTL"] == "4\u202f910"
    assert "the plot" not in panel.arms.chips["MTL"].toolTip()
    bench.report(bench.with_arm("MTL", curves=curves + 90.0, query_mse=mse))
    assert "Its curve is above the plot." in panel.arms.chips["MTL"].toolTip()
    others = [text for name, text in chip_texts(panel).items() if name != "MTL"]
    assert not any("↑" in text or "↓" in text for text in others)


def test_a_chip_of_a_hidden_arm_points_nowhere(bench, panel):
    wild = np.full_like(bench.session.task.probed.arms["MTL"].curves, 1e6)
    bench.report(bench.with_arm("MTL", curves=wild, query_mse=np.full(11, 1e12)))
    bench.session.set_hidden({"MTL"})
    assert chip_texts(panel)["MTL"] == "1.00e12"
    bench.session.set_hidden(())
    assert chip_texts(panel)["MTL"] == "↑ 1.00e12"


def test_right_click_and_delete_remove_until_none_is_left(bench, panel):
    y = bench.session.task.probe.support_y
    click(bench, panel, -4.0, float(y[0]), Qt.MouseButton.RightButton)
    np.testing.assert_array_equal(bench.session.task.probe.support_x, [0.0, 3.0])
    click(bench, panel, 0.0, float(y[1]))
    assert len(bench.session.task.probe.support_x) == 2, "a click on a point chooses it"
    bench.qtbot.keyClick(panel.canvas, Qt.Key.Key_Delete)
    np.testing.assert_array_equal(bench.session.task.probe.support_x, [3.0])
    bench.qtbot.keyClick(panel.canvas, Qt.Key.Key_Right)
    bench.qtbot.keyClick(panel.canvas, Qt.Key.Key_Delete)
    bench.pull()
    panel.canvas.labels.place()
    assert panel.subtitle.full == "2.0 sin(x − 0.50) · no support points"
    assert panel.canvas.labels.texts["empty"].isVisible()
    assert panel.canvas.labels.texts["empty"].toPlainText() == EMPTY
    click(bench, panel, 1.0, 0.0)
    panel.canvas.labels.place()
    assert not panel.canvas.labels.texts["empty"].isVisible()


def test_arrow_keys_choose_and_move_points(bench, panel):
    canvas = panel.canvas
    canvas.setFocus()
    bench.qtbot.keyClick(canvas, Qt.Key.Key_Left)
    assert canvas.editor.selected == 2, "the rightmost"
    bench.qtbot.keyClick(canvas, Qt.Key.Key_Left)
    assert canvas.editor.selected == 1
    bench.qtbot.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    probe = bench.session.task.probe
    assert probe.support_x[1] == pytest.approx(0.02 * 10.24)
    assert probe.support_y[1] == pytest.approx(2 * np.sin(probe.support_x[1] - 0.5))
    bench.qtbot.keyClick(canvas, Qt.Key.Key_Up)
    assert bench.session.task.probe.amplitude is None
    assert bench.session.task.probe.support_y[1] == pytest.approx(probe.support_y[1] + 0.02 * 11)
    bench.qtbot.keyClick(canvas, Qt.Key.Key_Insert)
    assert len(bench.session.task.probe.support_x) == 4


def test_new_task_new_points_and_clear(bench, panel):
    bench.qtbot.mouseClick(panel.new_task, LEFT)
    task = bench.session.task.probe
    assert task.amplitude != 2.0
    menu = panel.places_menu()
    assert [action.text() for action in menu.actions()] == ["Anywhere", "Left half", "Clustered"]
    menu.actions()[1].trigger()
    assert bench.session.task.probe.amplitude == task.amplitude
    assert bench.session.task.probe.support_x.max() <= 0
    bench.qtbot.mouseClick(panel.clear, LEFT)
    assert len(bench.session.task.probe.support_x) == 0
    assert bench.session.task.probe.amplitude == task.amplitude


def test_playing_goes_through_all_inner_steps_and_stops(bench, panel):
    panel.bar.timer.setInterval(1)
    seen = []
    panel.slider.rangeChanged.connect(lambda *_: None)
    original = panel.canvas.show_report
    panel.canvas.show_report = lambda report, steps: (
        seen.append(steps["MAML"]), original(report, steps)
    )  # fmt: skip
    bench.qtbot.mouseClick(panel.play, LEFT)
    bench.qtbot.waitUntil(lambda: not panel.bar.timer.isActive())
    assert seen == list(range(11))
    assert panel.step_text.text() == "10 / 10"
    assert panel.play.text() == "▶"


def test_a_click_on_a_chip_hides_and_shows_the_arm(bench, panel):
    bench.qtbot.mouseClick(panel.arms.chips["ANIL"], LEFT, pos=QPoint(30, 12))
    assert bench.session.hidden == {"ANIL"}
    assert "ANIL" not in panel.canvas.curves.arms
    assert "hidden" in panel.arms.chips["ANIL"].accessibleName()
    bench.qtbot.keyClick(panel.arms.chips["ANIL"], Qt.Key.Key_Space)
    assert bench.session.hidden == frozenset()
    assert "ANIL" in panel.canvas.curves.arms


def test_an_arm_that_has_not_trained_is_renamed_from_its_menu(bench, panel, qtbot):
    session, said = bench.session, []
    session.control.noted.connect(said.append)
    panel.arms.add("maml")
    bench.pull()
    session.set_hidden({"MAML 2"})
    menu_action(panel, "MAML 2", "Rename…").trigger()
    (ask,) = panel.window().findChildren(Ask)
    assert ask.line.text() == "MAML 2"
    ask.line.setText("MAML, large α")
    qtbot.keyClick(ask.line, Qt.Key.Key_Return)
    bench.pull()
    assert list(panel.arms.chips)[-1] == "MAML, large α"
    assert session.settings.arms[-1] == Arm("MAML, large α", "maml")
    assert session.hidden == {"MAML, large α"}, "it stays hidden"
    panel.arms.rename("MAML, large α", "MTL")
    assert said[-1].startswith("Two arms are named MTL")
    session.undo()
    assert session.settings.arms[-1].name == "MAML 2"
    session.control.outer_step()
    bench.pull()
    refused = menu_action(panel, "MAML 2", "Rename…")
    assert not refused.isEnabled() and "losses are recorded under" in " ".join(
        refused.toolTip().split()
    )


def menu_action(panel, arm, text):
    return next(action for action in panel.arms.menu(arm).actions() if action.text() == text)


def test_solo_remove_and_add(bench, panel):
    menu_action(panel, "MAML", "Solo").trigger()
    assert bench.session.hidden == {"FO-MAML", "ANIL", "MTL"}
    menu_action(panel, "MAML", "Show all").trigger()
    assert bench.session.hidden == frozenset()
    menu_action(panel, "MTL", "Remove").trigger()
    assert [arm.name for arm in bench.session.settings.arms] == ["MAML", "FO-MAML", "ANIL"]
    entries = {action.text(): action for action in panel.arms.algorithms_menu().actions()}
    entries["MAML"].trigger()
    entries["MAML"].trigger()
    bench.pull()
    names = ["MAML", "FO-MAML", "ANIL", "MAML 2", "MAML 3"]
    assert [arm.name for arm in bench.session.settings.arms] == names
    assert list(panel.arms.chips) == names
    styles = [
        arm_style(bench.session.settings, n, bench.session.theme) for n in (names[0], names[3])
    ]
    assert styles[0].line != styles[1].line and styles[0].marker != styles[1].marker


def test_the_last_arm_stays_and_twelve_are_enough(bench, panel):
    bench.session.editor.set_arms([default_arm("maml")])
    assert not menu_action(panel, "MAML", "Remove").isEnabled()
    for _ in range(11):
        panel.arms.add("reptile")
    assert len(panel.arms.chips) == 12
    assert not panel.arms.plus.isEnabled()


def test_every_edit_of_the_task_is_one_undo_step(bench, panel):
    """A drag is one step however far it goes; the truth comes back with the point."""
    session, canvas, said = bench.session, panel.canvas, []
    session.control.noted.connect(said.append)
    seen = [session.task.probe]
    start = canvas.to_pixel(float(seen[0].support_x[1]), float(seen[0].support_y[1]))
    bench.drag(canvas.viewport(), start, *(start - QPoint(0, 20 * n) for n in range(1, 4)))
    bench.qtbot.mouseRelease(canvas.viewport(), LEFT, pos=start - QPoint(0, 60))
    seen.append(session.task.probe)
    assert seen[0].known and not seen[1].known
    click(bench, panel, 1.5, -3.0)
    seen.append(session.task.probe)
    bench.qtbot.mouseClick(panel.new_task, LEFT)
    seen.append(session.task.probe)
    bench.qtbot.mouseClick(panel.clear, LEFT)
    stack = session.editor.undo_stack
    assert [stack.text(at) for at in range(stack.count())] == [
        "Move point", "Add point", "New task", "Clear",
    ]  # fmt: skip
    for before in reversed(seen):
        bench.qtbot.mouseClick(panel.undo, LEFT)
        assert session.task.probe is before
    assert said == []
    session.undo()
    assert session.task.probe is seen[0] and said == ["There is nothing to undo."]
    session.redo()
    assert session.task.probe is seen[1]


def test_a_press_without_a_drag_is_no_undo_step(bench, panel):
    probe = bench.session.task.probe
    at = panel.canvas.to_pixel(float(probe.support_x[1]), float(probe.support_y[1]))
    bench.qtbot.mouseClick(panel.canvas.viewport(), LEFT, pos=at)
    assert not bench.session.editor.undo_stack.canUndo()


def test_another_family_keeps_its_own_tasks_when_undone(bench, panel):
    """A task with a frequency is no task of plain sines: undo leaves what is shown."""
    session = bench.session
    session.task.new_task()
    plain = session.task.probe
    session.editor.edit({"frequency_min": 0.8, "frequency_max": 1.2})
    session.task.new_task()
    while session.editor.undo_stack.canUndo():
        session.undo()
        assert session.task.probe.frequency == 1 or session.settings.tasks.frequency_max == 1.2
    assert plain is not session.task.probe


def test_the_last_change_is_undone_beneath_edits_of_the_task(bench, panel):
    """“Undo the change” of a divergence means the settings; the task on screen stays."""
    session = bench.session
    before = session.settings.inner.inner_lr
    session.editor.edit({"inner_lr": 1.0})
    session.task.new_task()
    shown = session.task.probe
    said = "α from 0.01 to 1 at outer step 0"
    report = reports.Diverged(1, "MAML", 1, 0, "MAML diverged.", change=said)
    blamed = blamed_change(session.editor.undo_stack, session.settings, [report])
    assert blamed is not None and blamed.words == "α from 0.01 to 1"
    session.control.undo_change_and_go_on(blamed.edit)
    assert session.settings.inner.inner_lr == before
    assert session.task.probe is shown


def test_meta_sgd_is_added_beside_lslr(bench, panel):
    session, said = bench.session, []
    session.control.noted.connect(said.append)
    session.editor.edit({"lslr": True})
    session.control.restart()
    bench.pull()
    panel.arms.add("meta_sgd")
    arm = session.settings.arm("Meta-SGD")
    assert arm.overrides == (("lslr", False),) and session.settings.inner.lslr
    assert said == [
        "Meta-SGD learns a step size per parameter: Learned rates (LSLR) is off for this arm alone."
    ]
    session.editor.undo_stack.undo()
    session.editor.edit({"lslr": False})
    panel.arms.add("meta_sgd")
    assert session.editor.edited.arm("Meta-SGD").overrides == () and len(said) == 1


def test_free_names():
    assert free_name(DEFAULT_ARMS, "reptile") == "Reptile"
    assert free_name(DEFAULT_ARMS, "maml") == "MAML 2"


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_an_arm_gets_settings_of_its_own(bench, panel):
    popup = panel.arms.edit_overrides("MAML")
    field = popup.fields["inner_lr"]
    assert field.text() == "0.01"
    field.selectAll()
    bench.qtbot.keyClicks(field, "0.1")
    bench.qtbot.keyClick(field, Qt.Key.Key_Return)
    assert bench.session.settings.arm("MAML").overrides == (("inner_lr", 0.1),)
    assert popup.shared_buttons["inner_lr"].text() == "use shared 0.01"
    field.selectAll()
    bench.qtbot.keyClicks(field, "-3")
    bench.qtbot.keyClick(field, Qt.Key.Key_Return)
    assert "allowed is from 0 to 100" in popup.error.text()
    assert field.selectedText() == field.text(), "the next value takes its place"
    assert bench.session.settings.arm("MAML").overrides == (("inner_lr", 0.1),)
    bench.qtbot.mouseClick(popup.shared_buttons["inner_lr"], LEFT)
    assert bench.session.settings.arm("MAML").overrides == ()
    assert nameless(popup) == []
    popup.close()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_choices_of_an_arm_are_written_as_in_the_form(bench, panel):
    popup = panel.arms.edit_overrides("MAML")
    box = popup.fields["optimizer"]
    assert (box.currentText(), box.currentData()) == ("Adam", "adam")
    box.setCurrentIndex(box.findData("sgd"))
    box.activated.emit(box.currentIndex())
    assert dict(bench.session.editor.edited.arm("MAML").overrides) == {"optimizer": "sgd"}
    assert box.currentText() == "SGD"
    popup.close()


def test_the_popup_offers_what_the_algorithm_reads():
    assert "inner_steps" in {declared.key for declared in overridable("maml")}
    reptile = {declared.key for declared in overridable("reptile")}
    assert "reptile_step" in reptile and "inner_steps" not in reptile
    assert all(declared.per_arm for declared in overridable("mtl"))


def test_a_diverged_arm_says_so_and_the_others_are_drawn(bench, panel):
    nan = np.full_like(bench.session.task.probed.arms["FO-MAML"].curves, np.nan)
    bench.report(bench.with_arm("FO-MAML", curves=nan, query_mse=np.full(11, np.nan)))
    panel.grab()
    assert chip_texts(panel)["FO-MAML"] == "diverged"
    assert np.isfinite(panel.canvas.curves.arms["MAML"].yData).all()


@pytest.mark.parametrize(("mse", "text"), [(1e-8, "1.00e−8"), (1e6, "1\u202f000\u202f000")])
def test_tiny_and_huge_numbers_are_readable(bench, panel, mse, text):
    bench.report(bench.with_arm("MAML", query_mse=np.full(11, mse)))
    assert chip_texts(panel)["MAML"] == text


@pytest.mark.parametrize("size", [(520, 400), (720, 560), (1100, 760)])
def test_labels_keep_clear_of_curves_and_points(bench, size):
    panel = bench.show(AdaptationPanel, *size)
    canvas = panel.canvas
    canvas.labels.place()
    curves = canvas.curves.drawn()
    x = canvas.to_pixels(curves[0].xData, curves[0].yData)[0]
    rows = np.array([canvas.to_pixels(c.xData, c.yData)[1] for c in curves])
    points = np.stack(canvas.to_pixels(*canvas.curves.points()), axis=1)
    boxes = canvas.labels.boxes
    assert set(boxes) == {"truth", "best"}
    assert boxes["truth"].gap(boxes["best"]) > 0
    for box in boxes.values():
        assert clearance(box, x, rows, points, []) > 0
        assert canvas.area().contains(box.left, box.top)
        assert canvas.area().contains(box.right, box.bottom)
    assert canvas.labels.texts["best"].toPlainText() == "best single predictor  −1.62 cos x"


@pytest.mark.parametrize("size", [(520, 400), (592, 440), (720, 560)])
def test_words_of_the_best_predictor_are_beside_its_curve_and_inside(bench, size):
    panel = bench.show(AdaptationPanel, *size)
    canvas = panel.canvas
    labels = canvas.labels
    labels.place()
    x, own = canvas.to_pixels(canvas.curves.best.xData, canvas.curves.best.yData)
    box, text = labels.boxes["best"], labels.texts["best"]
    part = own[(x >= box.left) & (x <= box.right)]
    if text.isVisible():
        assert np.maximum(box.top - part, part - box.bottom).min() <= 15
    # a wider axis, as in a saved picture, takes the room on the left
    labels.boxes["best"] = replace(box, left=canvas.area().left() - 8)
    labels.place()
    assert labels.boxes["best"].left >= canvas.area().left()


def test_words_are_gone_until_they_have_a_place_in_another_size(bench, panel):
    labels = panel.canvas.labels
    bench.qtbot.waitUntil(lambda: labels.texts["truth"].isVisible())
    panel.resize(panel.width() - 80, panel.height() - 90)
    bench.qtbot.waitUntil(lambda: not labels.texts["truth"].isVisible())
    bench.qtbot.waitUntil(lambda: labels.texts["truth"].isVisible())
    area, box = panel.canvas.area(), labels.boxes["truth"]
    assert area.contains(box.left, box.top) and area.contains(box.right, box.bottom)


def test_clearance_sees_a_steep_curve_between_two_samples():
    box = Box(10, 10, 20, 10)
    x = np.array([0.0, 15.0, 16.0, 40.0])
    none = np.zeros((0, 2))
    steep = np.array([[0.0, 0.0, 100.0, 100.0]])
    assert clearance(box, x, steep, none, []) < 0
    assert clearance(box, x, np.zeros((1, 4)), none, []) == 10.0
    assert clearance(box, x, np.zeros((1, 4)), np.array([[20.0, 23.0]]), []) < 0
    assert clearance(box, x, np.zeros((1, 4)), none, [Box(35, 10, 5, 5)]) == 5.0


def test_residuals_join_query_points_and_prediction(bench, panel):
    assert panel.canvas.curves.residual.xData is None or not len(panel.canvas.curves.residual.xData)
    bench.qtbot.mouseClick(panel.residuals, LEFT)
    line = panel.canvas.curves.residual
    np.testing.assert_array_equal(line.xData, [-3.0, -3.0, 1.0, 1.0])
    predicted = bench.session.task.probed.arms["MAML"].query_prediction[panel.inner_step]
    np.testing.assert_allclose(line.yData[1::2], predicted)
    np.testing.assert_allclose(line.yData[0::2], 2 * np.sin(np.array([-3.0, 1.0]) - 0.5))


def test_the_read_out_has_truth_and_arms(bench, panel):
    canvas = panel.canvas
    bench.qtbot.mouseMove(canvas.viewport(), canvas.to_pixel(1.0, 4.0))
    x = canvas.to_data(canvas.to_pixel(1.0, 4.0))[0]
    assert f"truth {number(2 * np.sin(x - 0.5))}" in canvas.readout.text
    maml = np.interp(x, bench.session.task.probed.grid, canvas.curves.arms["MAML"].yData)
    assert f"MAML {number(float(maml))}" in canvas.readout.text


def test_stepping_by_hand_shows_the_step_in_progress(bench, panel):
    bench.session.editor.edit({"inner_steps": 2})
    bench.pull()
    for _ in range(2):
        bench.session.control.inner_step()
    bench.pull()
    stepped = panel.shown.at
    assert stepped is not None
    assert panel.step_text.text().startswith(f"{stepped.inner_step} /")
    assert panel.subtitle.full.startswith(
        f"adapted on the support set · inner step {stepped.inner_step} of 2 · outer step 1"
    )
    assert not panel.slider.isEnabled()
    assert panel.canvas.curves.residuals
    bench.session.control.outer_step()
    bench.pull()
    assert panel.shown.at is None and panel.slider.isEnabled()


def test_nothing_is_drawn_while_hidden_and_all_of_it_afterwards(bench, panel):
    panel.hide()
    before = panel.canvas.curves.report
    bench.task(amplitude=4.0)
    assert panel.canvas.curves.report is before
    panel.show()
    assert panel.canvas.curves.report is bench.session.task.probed
    assert panel.canvas.curves.probe.amplitude == 4.0


def test_the_oracle_appears_where_it_differs_from_the_truth(bench, panel):
    assert len(panel.canvas.curves.oracle.yData) == 0
    probed = bench.session.task.probed
    bench.report(replace(probed, oracle=probed.truth + 0.5))
    np.testing.assert_allclose(panel.canvas.curves.oracle.yData, probed.truth + 0.5)
    assert panel.canvas.curves.ends()[-1].name == ORACLE, "no line is without a name"
    sd = np.full_like(probed.truth, 0.2)
    bench.report(replace(probed, bayes_mean=probed.truth, bayes_sd=sd))
    assert panel.canvas.curves.band.isVisible()


def test_the_theme_changes_everything_at_once(bench, panel):
    bench.session.set_theme(DARK)
    style = arm_style(bench.session.settings, "MAML", DARK)
    assert panel.canvas.curves.arms["MAML"].opts["pen"].color().name() == style.color
    assert panel.canvas.curves.truth.opts["pen"].color().name() == DARK.text
    image = panel.canvas.grab().toImage()
    assert image.pixelColor(1, 1).name() == DARK.card


def test_pictures_and_tables(bench, panel, tmp_path):
    panel.canvas.save_png(tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert image.width() == 2 * panel.canvas.width()
    assert image.height() > 2 * panel.canvas.height(), "the legend is below"
    assert panel.canvas.legend()[0][1] == "MAML"
    panel.canvas.save_svg(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    panel.canvas.save_csv(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(bench.session.task.probed.grid)
    assert float(rows[5]["truth"]) == pytest.approx(bench.session.task.probed.truth[5])
    step = panel.inner_step
    expected = bench.session.task.probed.arms["MTL"].curves[step, 7]
    assert float(rows[7][f"MTL after inner step {step}"]) == pytest.approx(expected)
    with pytest.raises(OSError):
        panel.canvas.save_png(tmp_path / "nowhere" / "a.png")


def test_lines_of_a_picture_are_as_thick_as_on_the_screen(bench, panel):
    bench.session.set_hidden({"FO-MAML", "ANIL", "MTL"})
    widths = []
    pen = panel.canvas.curves.arms["MAML"].opts["pen"].widthF()
    with panel.canvas._inked(2.0):
        widths.append(panel.canvas.curves.arms["MAML"].opts["pen"].widthF())
    widths.append(panel.canvas.curves.arms["MAML"].opts["pen"].widthF())
    assert widths == [pytest.approx(2 * pen), pytest.approx(pen)]


def test_chips_wrap_and_nothing_is_cut_off(bench, qtbot):
    panel = bench.show(AdaptationPanel, 480, 480)
    panel.arms.add("reptile")
    panel.arms.add("maml")
    rows = {chip.y() for chip in panel.arms.chips.values()}
    assert len(rows) > 1
    for chip in panel.arms.chips.values():
        assert chip.geometry().right() <= panel.arms.row.width()
        assert chip.geometry().bottom() <= panel.arms.row.height()


@pytest.mark.parametrize("width", (500, 590, 640, 680, 760))
def test_no_value_moves_a_chip_or_changes_the_number_of_rows(bench, width):
    bench.session.editor.set_arms((*bench.session.settings.arms, default_arm("meta_sgd")))
    line = bench.show(AdaptationPanel, width, 480).arms
    places = set()
    for value in ("1", "0.134", "0.0953", "0.00123", "1.23e12", "diverged", "✕ diverged"):
        line.show_values(dict.fromkeys(line.chips, value), ["query MSE"])
        chips = [*line.chips.values(), line.plus, line.row.caption]
        places.add(tuple(chip.geometry().getRect() for chip in chips))
    assert len(places) == 1


def test_every_control_has_a_name(panel):
    assert nameless(panel) == []
    assert panel.canvas.accessibleName() == "Adaptation"


def test_a_family_of_one_amplitude_zero_has_a_range(qtbot):
    bench = Bench.start(qtbot, Settings().with_values({"amplitude_min": 0.0, "amplitude_max": 0.0}))
    panel = bench.show(AdaptationPanel)
    assert panel.canvas.view().viewRange()[1][1] > 0
    panel.grab()
    bench.session.close()


@pytest.mark.parametrize("width", [527, 760])
def test_four_chips_the_plus_and_the_caption_fit_in_one_row(bench, width):
    panel = bench.show(AdaptationPanel, width, 480)
    line = panel.arms
    places = [*line.chips.values(), line.plus, line.row.caption]
    assert len({place.y() for place in places}) == 1
    assert "MSE" in line.row.caption.text()
    for one, other in itertools.pairwise(places):
        assert one.y() < other.y() or one.geometry().right() < other.x()
    assert all(place.geometry().right() < line.row.width() for place in places)


@pytest.fixture
def large_text(qapp):
    font = qapp.font()
    font.setPointSize(11)
    qapp.setFont(font)


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_large_numbers_of_an_arm_are_grouped_as_in_the_form(bench, panel):
    bench.session.editor.edit({"second_order_from": 12_000})
    popup = panel.arms.edit_overrides("MAML")
    assert popup.fields["second_order_from"].text() == whole(12_000) != "12000"
    popup._set("second_order_from", 23_000)
    assert popup.fields["second_order_from"].text() == whole(23_000)
    assert popup.shared_buttons["second_order_from"].text() == f"use shared {whole(12_000)}"
    popup.close()


def test_no_caption_is_worth_a_row_of_chips(large_text, bench):
    panel = bench.show(AdaptationPanel, 570, 480)
    line = panel.arms
    assert len({place.y() for place in (*line.chips.values(), line.plus)}) == 1
    assert line.row.height() < 2 * 26
    # the chips fill the row: short words fit beside them, or none
    assert line.row.caption.text() in ("", "MSE", "query MSE")
    assert "query MSE" in line.chips["MAML"].accessibleName()


def test_the_subtitle_names_the_points_where_there_is_room(large_text, bench):
    wide, narrow = (bench.show(AdaptationPanel, width, 480) for width in (760, 527))
    short = "2.0 sin(x − 0.50) · 3 points"
    narrow.subtitle.setFixedWidth(narrow.subtitle.fontMetrics().horizontalAdvance(short) + 2)
    bench.qtbot.wait(20)
    assert wide.subtitle.text() == "2.0 sin(x − 0.50) · 3 support points"
    assert narrow.subtitle.text() == short
    assert narrow.subtitle.accessibleName() == wide.subtitle.text()


def test_no_part_of_a_formula_is_shown_where_it_has_no_room(bench, panel):
    subtitle = panel.subtitle
    whole_words = [*panel._subtitle(), "2.0 sin(x − 0.50)"]
    for width in range(8, 400, 6):
        subtitle.setFixedWidth(width)
        subtitle.resize(width, subtitle.height())
        assert subtitle.text() in whole_words


def curve_of(panel, name):
    return getattr(panel.canvas.curves, name)


def test_theta_is_drawn_beside_the_adapted_curves_on_request(bench, panel):
    assert panel.canvas.curves.starts == {}
    panel.before.setFocus()
    bench.qtbot.keyClick(panel.before, Qt.Key.Key_Space)
    for name, arm in bench.session.task.probed.arms.items():
        start = panel.canvas.curves.starts[name]
        np.testing.assert_array_equal(start.yData, arm.curves[0])
        assert start.zValue() < panel.canvas.curves.arms[name].zValue()
        assert start.opts["pen"].color().alphaF() == pytest.approx(0.5, abs=0.01)
    bench.session.set_hidden({"MTL"})
    assert set(panel.canvas.curves.starts) == {"MAML", "FO-MAML", "ANIL"}
    bench.qtbot.mouseClick(panel.before, LEFT)
    assert panel.canvas.curves.starts == {}


def test_exact_answers_are_hidden_and_shown_from_a_menu(bench, panel):
    probed = bench.session.task.probed
    bench.report(
        replace(probed, oracle=probed.truth + 0.5, bayes_mean=probed.truth, bayes_sd=probed.truth)
    )
    entries = {action.text(): action for action in panel.lines_menu().actions()}
    assert all(action.isChecked() for action in entries.values())
    for words, name in (
        ("Truth", "truth"), ("Best single predictor", "best"),
        ("Oracle: the least-squares sine", "oracle"),
    ):  # fmt: skip
        assert len(curve_of(panel, name).yData)
        entries[words].trigger()
        assert len(curve_of(panel, name).yData) == 0
    entries["Bayes band"].trigger()
    entries["Where no points are"].trigger()
    assert not panel.canvas.curves.band.isVisible()
    panel.canvas.labels.place()
    assert not panel.canvas.labels.texts["truth"].isVisible()
    assert "truth" not in panel.canvas.reading(1.0), "a hidden answer is not read off either"
    assert len(panel.canvas.curves.query.getData()[0]) == 0
    entries = {action.text(): action for action in panel.lines_menu().actions()}
    assert not any(action.isChecked() for action in entries.values())
    entries["Truth"].trigger()
    np.testing.assert_allclose(
        panel.canvas.curves.truth.yData, 2 * np.sin(panel.canvas.curves.grid - 0.5)
    )


def test_the_inner_step_is_one_for_all_panels(bench, panel):
    other = bench.show(TasksPanel, 700, 240)
    bench.pull()
    panel.slider.setFocus()
    bench.qtbot.keyClick(panel.slider, Qt.Key.Key_End)
    assert (other.steps.slider.value(), other.steps.text.text()) == (10, "10 / 10")
    other.steps.slider.setFocus()
    bench.qtbot.keyClick(other.steps.slider, Qt.Key.Key_Home)
    assert panel.step_text.text() == "0 / 10"
    np.testing.assert_array_equal(
        panel.canvas.curves.arms["MAML"].yData, bench.session.task.probed.arms["MAML"].curves[0]
    )


def test_short_words_on_a_step_still_name_the_set_and_what_waits():
    def said(phase, *arms):
        at = reports.Stepped(1, 7, 1, 2, phase, None, {}, None)
        return step_line(at, [default_arm(arm) for arm in arms])

    assert said(reports.StepPhase.QUERY)[0].endswith("query set · inner step 1 of 2 · outer step 7")
    assert all("support" in words for words in said(reports.StepPhase.ADAPT))
    assert all("query" in words for words in said(reports.StepPhase.QUERY))
    assert min(map(len, said(reports.StepPhase.QUERY))) <= 12
    waits = "MTL waits: no inner loop in training"
    assert waits in said(reports.StepPhase.ADAPT, "maml", "mtl")[0]
    for others in (
        said(reports.StepPhase.QUERY, "maml", "mtl"),
        said(reports.StepPhase.ADAPT, "maml"),
    ):
        assert waits not in " ".join(others)


def test_a_line_that_nobody_sees_has_no_words(bench):
    panel = bench.show(AdaptationPanel, 720, 560)
    labels, curves = panel.canvas.labels, panel.canvas.curves
    labels.place()
    assert labels.texts["best"].isVisible()
    arm = next(iter(curves.arms.values()))
    arm.put(curves.best.xData, curves.best.yData)
    labels.place()
    assert not labels.texts["best"].isVisible() and "best" not in labels.boxes
    assert curves.oracle.opts["pen"].style() is Qt.PenStyle.SolidLine
    dots = curves.best.opts["pen"]
    assert dots.dashPattern()[0] < 0.1 < 2 <= dots.dashPattern()[1], "Qt's own look like dashes"
    assert dots.capStyle() is Qt.PenCapStyle.RoundCap


def test_words_at_the_edge_move_where_names_take_their_room(bench):
    panel = bench.show(AdaptationPanel, 720, 560)
    labels, area = panel.canvas.labels, panel.canvas.area()
    labels.place()
    box = labels.boxes["truth"]
    labels.boxes["truth"] = replace(box, left=area.right() - box.width + 1)
    labels._clear["truth"] = -100.0
    labels.place()
    assert labels.boxes["truth"].right <= area.right() - 2


def _extent(image: QImage, ground: str) -> tuple[int, int]:
    """(width, height) of what is not of the colour of the ground."""
    pixels = [
        (x, y)
        for x in range(image.width())
        for y in range(image.height())
        if QColor(image.pixel(x, y)).lightness() < QColor(ground).lightness() - 60
    ]
    across, down = zip(*pixels, strict=True)
    return max(across) - min(across) + 1, max(down) - min(down) + 1


def test_marks_in_the_legend_are_as_large_as_those_in_the_plot(bench, panel):
    bench.session.set_hidden({arm.name for arm in bench.session.settings.arms})
    for key in ("best", "oracle", "band", "uncovered"):
        panel._show_line(key, False)
    probe = bench.task(x=(-3.0, 3.0))
    panel._show_line("truth", False)
    canvas, legend, theme = panel.canvas, panel.legend, bench.session.theme
    at = canvas.to_pixel(-3.0, float(probe.support_y[0]))
    around = QRect(at - QPoint(9, 9), QSize(18, 18))
    support = _extent(canvas.grab(around).toImage(), theme.card)
    legend.show_items(support=True, query=True, truth=True)
    (first, second, third), _ = legend.placed()
    drawn = [
        legend.grab(QRect(round(box.left()), 0, 18, legend.height())).toImage()
        for box, _ in (first, second)
    ]
    assert support == pytest.approx(_extent(drawn[0], theme.card), abs=1)
    panel._show_line("truth", True)
    bench.session.task.set_probe(replace(probe, query_x=fixed([0.5])))
    bench.pull()
    at = canvas.to_pixel(0.5, float(2 * np.sin(0.0)))
    canvas.curves.truth.hide()
    around = QRect(at - QPoint(9, 9), QSize(18, 18))
    query = _extent(canvas.grab(around).toImage(), theme.card)
    assert query == pytest.approx(_extent(drawn[1], theme.card), abs=1)
    assert third[0].width() > 30, "two dashes of the truth are seen"


@pytest.mark.parametrize("density", DENSITIES)
def test_a_chips_value_keeps_off_its_arrow(bench, panel, density):
    chip = panel.arms.chips["MAML"]
    chip.pack(density)
    chip.resize(chip.sizeHint())
    chip.value = density.widest
    image = chip.grab().toImage()
    middle = range(8, image.height() - 8)
    ground = image.pixelColor(chip._value_room().left() - 2, image.height() // 2)
    inked = [
        x
        for x in range(chip._value_room().left(), image.width() - 2)
        if any(image.pixelColor(x, y) != ground for y in middle)
    ]
    gaps = [after - before - 1 for before, after in itertools.pairwise(inked)]
    assert next(gap for gap in reversed(gaps) if gap) >= 4
