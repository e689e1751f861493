"""Curves that lie on each other are all seen, and nothing is drawn that has not changed."""

from dataclasses import replace

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QColor, QFontMetrics, QRegion
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.panels.adaptation.arm_chips import ArmChip
from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.plots.fast_curve import Curve, Dots, from_below
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.theme import DARK, LIGHT
from maml_explorer.protocol import reports
from maml_explorer.settings.settings import Settings


def pixels_of(image, color, tolerance=40):
    """How many pixels of a picture have about this colour."""
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    blue, green, red = (raw[:, n : 4 * image.width() : 4].astype(int) for n in range(3))
    wanted = QColor(color)
    far = abs(red - wanted.red()) + abs(green - wanted.green()) + abs(blue - wanted.blue())
    return int((far < tolerance).sum())


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_all_arms_are_seen_where_their_curves_coincide(bench, theme):
    bench.session.set_theme(theme)
    panel = bench.show(AdaptationPanel)
    # As at the first outer step: nobody has learned anything yet.
    bench.task()
    probed = bench.session.task.probed
    same = next(iter(probed.arms.values()))
    bench.report(replace(probed, arms=dict.fromkeys(probed.arms, same)))
    image = panel.canvas.grab().toImage()
    for arm in bench.session.settings.arms:
        color = arm_style(bench.session.settings, arm, theme).color
        assert pixels_of(image, color) > 100, arm.name


def test_solid_lines_lie_below_broken_ones_and_the_first_of_a_kind_on_top(bench):
    settings = bench.session.settings
    styles = {arm.name: arm_style(settings, arm, LIGHT) for arm in settings.arms}
    assert from_below(styles) == ["MAML", "ANIL", "FO-MAML", "MTL"]
    twins = {"one": styles["MAML"], "two": styles["MAML"]}
    assert from_below(twins) == ["two", "one"]


def test_a_curve_is_touched_only_where_its_points_or_pen_changed(bench):
    curve, changes = Curve(), []
    curve.sigPlotChanged.connect(changes.append)
    x, y = np.arange(3.0), np.array([1.0, np.nan, 2.0])
    curve.put(x, y)
    curve.put(x.copy(), y.copy())
    assert len(changes) == 1
    curve.put(x, y + 1)
    assert len(changes) == 2
    pen = curve.opts["pen"]
    curve.ink(type(pen)(pen))
    assert curve.opts["pen"] is pen


def test_dots_look_as_pyqtgraph_draws_them_and_far_ones_are_left_out(bench):
    x = np.array([-4.0, 0.0, 0.3, 5.0, np.nan, 1e300])
    y = np.array([-2.0, 0.0, 0.1, 2.5, 0.0, 0.0])
    pictures = []
    for dots in (Dots(12), pg.ScatterPlotItem(size=12, antialias=True, useCache=False)):
        plot = Plot(LIGHT, "dots")
        bench.qtbot.addWidget(plot)
        plot.resize(300, 200)
        plot.view().setRange(xRange=(-5, 5), yRange=(-3, 3), padding=0)
        plot.getPlotItem().addItem(dots, ignoreBounds=True)
        dots.setBrush(pg.mkBrush("#336699"))
        rings = [pg.mkPen(color, width=width) for color, width in (("r", 1), ("g", 3)) * 3]
        dots.setData(x, y, pen=rings, size=[12, 15, 9, 12, 12, 12])
        pictures.append(plot.grab().toImage())
        dots.setBrush(pg.mkBrush("#993366"))
        dots.setData(x[:2], y[:2], symbol="s", pen=pg.mkPen("b"))
        pictures.append(plot.grab().toImage())
    assert pictures[0] == pictures[2] and pictures[1] == pictures[3]
    assert pictures[0] != pictures[1]


def test_what_stays_while_training_is_not_drawn_anew_and_is_vectors_in_a_picture(bench, tmp_path):
    panel = bench.show(AdaptationPanel)
    bench.task()
    panel.grab()
    curves, drawn = panel.canvas.curves, []
    arm = curves.arms["MAML"]
    for curve in (curves.truth, curves.best, arm):
        curve.getPath = lambda curve=curve, path=curve.getPath: (drawn.append(curve), path())[1]
    panel.grab()
    assert drawn == [arm]
    bench.task(amplitude=3.0)
    drawn.clear()
    panel.grab()
    assert curves.truth in drawn
    panel.canvas.save_svg(tmp_path / "a.svg")
    assert "<image" not in (tmp_path / "a.svg").read_text()
    drawn.clear()
    panel.grab()
    panel.grab()
    assert drawn.count(curves.truth) <= 1, "kept again after the picture"


class Paints(QObject):
    """Counts the painting of some widgets."""

    def __init__(self, *widgets):
        super().__init__()
        self.count = dict.fromkeys(widgets, 0)
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, widget, event):
        self.count[widget] += event.type() == QEvent.Type.Paint
        return False


def test_a_new_value_draws_its_chip_alone(opened, qtbot):
    window = opened()
    window.session.task.new_task()
    window.session.link.pull()
    panel = window.findChild(AdaptationPanel)
    chips = panel.arms.chips
    values = dict.fromkeys(chips, "1.00")
    panel.arms.show_values(values, ["MSE"])
    qtbot.wait(50)
    paints = Paints(*chips.values(), panel)
    panel.arms.show_values({**values, "MAML": "2.00"}, ["MSE"])
    qtbot.waitUntil(lambda: paints.count[chips["MAML"]] == 1)
    qtbot.wait(50)
    assert sum(paints.count.values()) == 1, "neither the other chips nor what lies behind"


def test_values_are_of_the_very_answer_that_is_drawn_while_training(bench):
    panel = bench.show(AdaptationPanel)
    bench.task()

    def values():
        return [chip.value for chip in panel.arms.chips.values()]

    def expected():
        arms = bench.session.task.probed.arms.values()
        return [f"{arm.query_mse[panel.inner_step]:#.3g}" for arm in arms]

    assert values() == expected(), "while paused"
    bench.session.control.train()
    before = values()
    for _ in range(30):
        bench.pull()
        assert values() == expected()
        np.testing.assert_array_equal(
            panel.canvas.curves.arms["MAML"].yData,
            bench.session.task.probed.arms["MAML"].curves[panel.inner_step],
        )
    assert values() != before, "many answers came"
    bench.session.control.pause()
    bench.pull()
    assert values() == expected(), "paused"


def test_a_chip_knows_its_width_after_its_name_or_font_changed(qtbot):
    chip = ArmChip("MAML")
    qtbot.addWidget(chip)

    def width(words, font):
        return QFontMetrics(font).horizontalAdvance(words)

    def bold(font):
        font.setBold(True)
        return font

    def shown(overridden, value):
        style = arm_style(Settings(), "MAML", LIGHT)
        chip.show_arm(style, LIGHT, value, True, overridden, "")
        return chip.sizeHint().width()

    for size in (10, 17):
        font = chip.font()
        font.setPointSize(size)
        chip.setFont(font)
        font = bold(font)
        least = shown(False, "1.00")
        assert shown(True, "1.00") - least == width("MAML*", font) - width("MAML", font)
        for value in ("–", "0.0953", "12345.6", "✕ diverged"):
            assert least == shown(False, value), "no value moves the chips"
        assert least > width("MAML", font) + width("0.00000", font)


def test_losses_that_stream_in_are_drawn_at_most_seven_times_a_second(bench, qtbot):
    panel = bench.show(LossesPanel, 400, 400)
    panel._soon.stop()
    drawn = []
    original = panel.plot.draw
    panel.plot.draw = lambda: (drawn.append(0), original())
    for first in range(1, 1001, 10):
        steps = np.arange(first, first + 10)
        rows = np.ones((1, 10))
        bench.report(
            reports.Metrics(1, ("MAML",), steps, rows, rows, rows * steps / 100, rows * steps)
        )
    assert drawn == [] and panel._soon.isActive() and panel._soon.interval() <= 150
    qtbot.waitUntil(lambda: len(drawn) == 1, timeout=2000)
    assert panel.plot.drawn["MAML"].x[-1] == 1000, "nothing of the stream is lost"
    patience = bench.session.link.pace._patience
    patience.learned = 2.0  # the window gives way to training
    patience.judge(0.0, 0.0)
    panel._later()
    assert panel._soon.interval() == 300


def test_while_training_the_x_axis_grows_in_strides(bench):
    panel = bench.show(LossesPanel, 400, 400)
    bench.session.control.train()
    ends = []
    for _ in range(60):
        bench.pull()
        panel._draw()
        ends.append(panel.plot.view().viewRange()[0][1])
    step = bench.session.status.outer_step
    assert step <= ends[-1] <= 1.13 * step
    assert len(set(ends[30:])) < 15, "thirty drawings, few ranges"
    bench.session.control.pause()
    bench.pull()
    panel._draw()
    assert panel.plot.view().viewRange()[0][1] == pytest.approx(1.025 * step, rel=0.02)


class Regions(QObject):
    """Parts of a widget that are painted again."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = QRegion()
        self.paints = 0

    def eventFilter(self, watched, event):
        if event.type() is QEvent.Type.Paint:
            self.seen += event.region()
            self.paints += 1
        return False


@pytest.fixture
def shown(qtbot):
    """A plot in a window."""
    window = QWidget()
    qtbot.addWidget(window)
    plot = Plot(LIGHT, "A plot", parent=window)
    for widget in (plot, window):
        widget.resize(400, 300)
    window.show()
    qtbot.waitExposed(window)
    yield plot


def test_another_range_is_painted_once(qtbot, shown):
    item, x = Curve(antialias=True), np.linspace(0.0, 1.0, 20)
    shown.getPlotItem().addItem(item, ignoreBounds=True)
    shown.view().setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
    qtbot.wait(50)
    regions = Regions()
    shown.viewport().installEventFilter(regions)
    for end in range(2, 5):
        item.put(x, end * x)
        shown.view().setXRange(0, end, padding=0)
        shown.view().setYRange(0, end, padding=0)
        qtbot.wait(50)
    assert regions.paints == 3


@pytest.mark.parametrize("made", [lambda: Curve(antialias=True), lambda: Dots(size=9)])
def test_what_a_wider_range_has_in_sight_is_painted_again(qtbot, shown, made):
    plot = shown
    item, x = made(), np.linspace(0.0, 1.0, 20)
    plot.getPlotItem().addItem(item, ignoreBounds=True)
    plot.view().setRange(xRange=(0, 1), yRange=(-5, 5), padding=0)
    item.setData(x, np.zeros(20))
    qtbot.wait(50)
    # as the hero does it: the curves first, then the range that they need
    item.setData(x, np.full(20, -8.0))
    plot.view().setRange(yRange=(-9, 9), padding=0)
    qtbot.wait(50)
    regions = Regions()
    plot.viewport().installEventFilter(regions)
    item.setData(x, np.full(20, -8.5))
    qtbot.wait(50)
    assert regions.seen.contains(plot.to_pixel(0.5, -8.5))
    assert regions.seen.contains(plot.to_pixel(0.5, 8.5))
