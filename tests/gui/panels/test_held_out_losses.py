"""Held-out curves among the losses: what the meta-tests found while training went on."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.session.loss_history import GRADIENTS, HELD_OUT
from maml_explorer.gui.session.meta_test_losses import MOST, HeldOutLosses
from maml_explorer.protocol import reports
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.settings.trained_steps import trained_steps
from tests.gui.panels.test_losses_panel import draw, train


def arm_test(mse, diverged=0):
    values = (9.0, mse, 0.1)
    return reports.ArmTest(values, (1.0, 0.2, 0.1), values, values, (0, diverged, 0))


@pytest.fixture
def panel(bench):
    panel = bench.show(LossesPanel, 400, 400)
    panel.plot.history.held_out = HeldOutLosses()
    train(bench, panel, np.full(100, 4.0))
    for step, mse in ((0, 4.0), (40, 2.0), (100, 1.0)):
        bench.report(
            reports.MetaTested(1, step, 10, 600, {"MAML": arm_test(mse), "MTL": arm_test(3.0, 7)})
        )
    entries = {action.text(): action for action in panel.menu("loss").actions()}
    entries["Held-out tasks: query MSE after as many inner steps as in training"].trigger()
    return panel


def test_every_meta_test_is_a_marker_at_its_outer_step(bench, panel):
    assert panel.loss.text() == "held-out ▾" and panel.plot.loss_view.loss == HELD_OUT
    assert set(panel.plot.drawn) == {"MAML", "MTL"}
    dots = panel.plot._dots["MAML"]
    np.testing.assert_allclose(dots.getData()[0], [0, 40, 100])
    np.testing.assert_allclose(10 ** dots.getData()[1], [4.0, 2.0, 1.0])
    assert len(panel.plot._raw["MAML"].xData) == 0, "there is no stream to draw"
    assert not panel.smoothing.isEnabled()
    panel.choose(loss="outer")
    assert panel.plot._dots == {} and panel.smoothing.isEnabled()


def test_a_first_estimate_is_a_marker_that_gives_way_to_a_whole_meta_test(bench, panel):
    # the mean of 75 tasks beside that of 600 looked as if the loss had jumped
    first = reports.MetaTested(1, 150, 10, 75, {"MAML": arm_test(1.5)}, declared=600)
    for report in (replace(first, outer_step=120), first):
        bench.report(report)
    draw(panel)
    plot = panel.plot
    np.testing.assert_allclose(plot._dots["MAML"].getData()[0], [0, 40, 100, 150])
    np.testing.assert_allclose(10 ** plot._smooth["MAML"].yData, [4.0, 2.0, 1.0])
    assert "MAML 1.50 ± 0.20 on the first 75 tasks at step 150" in plot.reading(150.0)
    kept = plot.history.thinned(400).held_out.points["MAML"]
    assert [point.outer_step for point in kept] == [0, 40, 100]
    bench.report(replace(first, outer_step=160, tasks=600, declared=None))
    draw(panel)
    np.testing.assert_allclose(plot._smooth["MAML"].xData, [0, 40, 100, 160])
    np.testing.assert_allclose(plot._dots["MAML"].getData()[0], [0, 40, 100, 160])


def test_diverged_tasks_are_left_out_and_hollow(panel):
    dots = panel.plot._dots
    ground = panel.plot.theme.card
    assert {p.brush().color().name() for p in dots["MTL"].points()} == {ground}
    assert ground not in {p.brush().color().name() for p in dots["MAML"].points()}
    assert [point.ci95 for point in panel.plot.tested["MTL"]] == [None] * 3


def test_they_lie_where_the_other_x_axes_have_their_outer_step(panel):
    panel.choose(axis=GRADIENTS)
    np.testing.assert_allclose(panel.plot._dots["MTL"].getData()[0][1:], [160, 400])
    panel.log_x.click()
    np.testing.assert_allclose(10 ** panel.plot._dots["MTL"].getData()[0], [160, 400])


def test_they_are_read_off_with_their_interval(bench, panel):
    pixel = panel.plot.to_pixel(42.0, 0.3)
    at, none = QPointF(pixel), Qt.MouseButton.NoButton
    move = QMouseEvent(QEvent.Type.MouseMove, at, at, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(panel.plot.viewport(), move)
    assert "MAML 2.00 ± 0.20 at step 40" in panel.plot.readout.text
    assert "MTL 3.00, 7 diverged at step 40" in panel.plot.readout.text


def test_they_follow_the_run_back_and_hide_with_their_arm(bench, panel):
    bench.session.set_hidden({"MTL"})
    bench.report(reports.Rewound(1, 50))
    draw(panel)
    assert set(panel.plot.drawn) == {"MAML"}
    assert panel.plot.drawn["MAML"].x.tolist() == [0, 40]


def test_they_are_a_table(panel, tmp_path):
    panel.plot.save_csv(tmp_path / "held-out.csv")
    with (tmp_path / "held-out.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "arm": "MAML", "outer step": "40", "inner step": "1", "query MSE": "2.0", "ci95": "0.2",
        "diverged tasks": "0", "tasks": "600",
    }  # fmt: skip


def test_the_inner_steps_of_training_are_those_of_the_arm():
    settings = Settings(arms=(default_arm("maml"), default_arm("reptile"))).with_values(
        {"inner_steps": 3, "reptile_inner_steps": 2}
    )
    assert [trained_steps(settings, arm) for arm in settings.arms] == [3, 2]


def test_a_meta_test_of_the_same_step_replaces_the_one_before_and_few_are_kept():
    held_out, settings = HeldOutLosses(), Settings()
    for step in (5, 5, *range(6, MOST + 200)):
        held_out.add(
            reports.MetaTested(1, step, 10, 600, {"MAML": arm_test(float(step))}), settings
        )
    points = held_out.points["MAML"]
    assert len(points) <= MOST and points[0].outer_step == 5 and points[-1].outer_step == MOST + 199
    nothing = replace(arm_test(1.0), mean=(None,) * 3, mean_kept=(None,) * 3)
    held_out.add(reports.MetaTested(1, 9999, 10, 600, {"MAML": nothing}), settings)
    assert held_out.points["MAML"] == points
