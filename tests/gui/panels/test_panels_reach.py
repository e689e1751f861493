"""The panels by keyboard and without colour: everything is reached, named and told apart."""

import itertools

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QPlainTextEdit,
    QSlider,
    QWidget,
)

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.adaptation.arm_bar import free_name
from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.adaptation_speed.panel import AdaptationSpeedPanel
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.panels.map.panel import MapPanel
from maml_explorer.gui.panels.network.panel import NetworkPanel
from maml_explorer.gui.panels.pseudocode.panel import PseudocodePanel
from maml_explorer.gui.panels.tasks.panel import TasksPanel
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.contrast import READABLE, contrast
from maml_explorer.gui.style.qt_style import apply_theme
from maml_explorer.gui.style.theme import DARK, LIGHT, THEMES
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.gui.panel_bench import nameless
from tests.gui.panels.test_losses_panel import train

PANELS = (
    AdaptationPanel, LossesPanel, AdaptationSpeedPanel, TasksPanel, PseudocodePanel, NetworkPanel,
    MapPanel,
)  # fmt: skip

CONTROLS = (QAbstractButton, QSlider, QComboBox, QPlainTextEdit, Plot)


@pytest.fixture
def bench(bench):
    bench.task()
    return bench


@pytest.mark.parametrize("kind", PANELS)
def test_tab_reaches_every_control_and_each_has_a_name(bench, kind):
    panel = bench.show(kind)
    bench.pull()
    panel.activateWindow()
    reached, widget = set(), panel
    for _ in range(200):
        widget = widget.nextInFocusChain()
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            reached.add(widget)
    controls = [
        widget
        for widget in panel.findChildren(QWidget)
        if isinstance(widget, CONTROLS) and widget.isVisible()
    ]
    assert controls
    assert [widget.accessibleName() for widget in controls if widget not in reached] == []
    assert nameless(panel) == []


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("kind", PANELS)
def test_every_word_is_readable_in_both_themes(bench, kind, theme):
    panel = bench.show(kind)
    app = QApplication.instance()
    before = app.palette(), app.styleSheet()
    apply_theme(app, theme)
    try:
        bench.session.set_theme(theme)
        panel.ensurePolished()
        words = {}
        for label in panel.findChildren(QLabel):
            label.ensurePolished()
            words[label.text()] = label.palette().color(label.foregroundRole()).name()
        for plot in panel.findChildren(Plot):
            for item in plot.getPlotItem().items:
                if isinstance(item, pg.TextItem) and item.isVisible():
                    words[item.toPlainText()] = item.color.name()
            words["ticks"] = plot.left.textPen().color().name()
    finally:
        app.setPalette(before[0])
        app.setStyleSheet(before[1])
    assert words
    for text, color in words.items():
        assert contrast(color, theme.card) >= READABLE, (text, color)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_eight_arms_are_told_apart_without_colour(theme):
    arms = tuple(default_arm(key) for key in ALGORITHMS)
    while len(arms) < 8:
        arms = (*arms, Arm(free_name(arms, "maml"), "maml"))
    settings = Settings(arms=arms[:8])
    looks = [arm_style(settings, arm, theme) for arm in settings.arms]
    for one, other in itertools.combinations(looks, 2):
        assert (one.line, one.marker) != (other.line, other.marker)
    assert all(contrast(look.text, theme.card) >= READABLE for look in looks)


def test_the_keyboard_reads_off_the_losses_and_shows_all_again(bench):
    panel = bench.show(LossesPanel, 400, 400)
    train(bench, panel, np.linspace(4, 1, 100))
    panel.plot.setFocus(Qt.FocusReason.TabFocusReason)
    bench.qtbot.keyClick(panel.plot, Qt.Key.Key_Left)
    first = panel.plot.readout.text
    assert "MAML" in first
    bench.qtbot.keyClick(panel.plot, Qt.Key.Key_Left)
    assert panel.plot.readout.text != first
    panel.plot.view().setRange(xRange=(10, 20), padding=0)
    panel.plot.view().sigRangeChangedManually.emit([True, True])
    bench.qtbot.keyClick(panel.plot, Qt.Key.Key_Home)
    end = panel.plot.view().viewRange()[0][1]
    assert panel.plot.loss_view.follows and end == pytest.approx(102.5), "the last marker is whole"


def test_the_keyboard_chooses_the_inner_step_on_adaptation_speed(bench):
    panel = bench.show(AdaptationSpeedPanel, 400, 400)
    bench.qtbot.keyClick(panel.plot, Qt.Key.Key_Right)
    assert panel.plot.hair.value() == 2
    assert panel.plot.readout.text.startswith("inner step 2")
    bench.qtbot.keyClick(panel.plot, Qt.Key.Key_Left)
    assert panel.plot.hair.value() == 1


def test_a_plot_that_the_keyboard_reached_is_framed(bench):
    panel = bench.show(LossesPanel, 400, 400)
    plot = panel.plot
    plot._show_focus(True)
    assert plot.view().border.color().name() == LIGHT.accent
    plot._show_focus(False)
    assert plot.view().border.color().alpha() == 0
