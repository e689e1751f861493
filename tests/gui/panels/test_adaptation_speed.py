"""Adaptation speed: the newest meta-test, drawn and said."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QMouseEvent
from PySide6.QtWidgets import QApplication

from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.adaptation_speed.comparison import shortened
from maml_explorer.gui.panels.adaptation_speed.panel import AdaptationSpeedPanel
from maml_explorer.gui.panels.adaptation_speed.published_marks import (
    published_points,
    published_words,
)
from maml_explorer.gui.panels.adaptation_speed.speed_items import STALE
from maml_explorer.gui.panels.adaptation_speed.statistics import (
    bootstrap,
    median_interval,
    speed_line,
)
from maml_explorer.gui.panels.adaptation_speed.words import NOT_TRAINED, SOON
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.plots.plot_text import EVERY_ARM_HIDDEN
from maml_explorer.gui.plots.table_window import TableWindow
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.style.theme import DARK, LIGHT
from maml_explorer.protocol import commands, reports
from maml_explorer.published.verdicts import Comparison, verdict_of
from maml_explorer.settings.presets import Preset, presets
from maml_explorer.settings.presets import Published as PublishedEntry
from maml_explorer.settings.settings import Settings
from tests.gui.panel_bench import LEFT, Bench, nameless
from tests.gui.panels.test_losses_panel import train

FINE = reports.ArmTest(
    mean=(4.0, 1.0, 0.5), ci95=(0.4, 0.1, 0.05), mean_kept=(4.0, 1.0, 0.5),
    median=(3.0, 0.8, 0.4), diverged=(0, 0, 0),
)  # fmt: skip
WILD = reports.ArmTest(
    mean=(4.0, 5000.0, None), ci95=(0.4, 900.0, None), mean_kept=(4.0, 2.0, 1.5),
    median=(3.0, 1.8, 1.4), diverged=(0, 3, 17),
)  # fmt: skip

CALM = "MTL trains without an inner loop: its losses stay calm."


@pytest.fixture
def panel(bench):
    return bench.show(AdaptationSpeedPanel, 400, 400)


def test_arm(bench, panel, outer_step=20_000, **arms):
    bench.report(reports.MetaTested(1, outer_step, 10, 600, arms))


test_arm.__test__ = False


def test_it_draws_mean_and_band_against_the_inner_step(bench, panel):
    test_arm(bench, panel, MAML=FINE)
    items = panel.plot._items["MAML"]
    np.testing.assert_array_equal(items.line.xData, [0, 1, 2])
    np.testing.assert_array_equal(items.line.yData, [4.0, 1.0, 0.5])
    np.testing.assert_allclose(items.band_low.yData, [3.6, 0.9, 0.45])
    np.testing.assert_allclose(items.band_high.yData, [4.4, 1.1, 0.55])
    assert panel.subtitle.full == (
        "outer step 20\u202f000 · 600 held-out tasks · mean ± 95 % · 10 shots"
    )
    assert panel.in_words() == "" and not panel.diverged.isVisible()


def test_lines_of_seen_classes_are_named(bench, panel):
    bench.report(reports.MetaTested(1, 40, 4, 600, {"MAML": FINE}, seen={"MAML": FINE}))
    assert panel.subtitle.full.endswith(" · 4 shots · dotted: seen classes")
    assert panel.subtitle.text().endswith("dotted: seen classes")


def test_diverged_tasks_are_said_and_never_flatter_or_squeeze(bench, panel):
    test_arm(bench, panel, MAML=FINE, MTL=WILD)
    assert panel.diverged.text() == (
        "MTL: 17 of 600 tasks diverged at inner step 2. "
        f"Hollow markers: mean of the others at that step. {CALM}"
    )
    np.testing.assert_array_equal(panel.plot.drawn["MTL"].mean, [4.0, 2.0, 1.5])
    np.testing.assert_array_equal(panel.plot.drawn["MTL"].kept, [False, True, True])
    assert panel.plot.view().viewRange()[1][1] < 6
    assert "17 diverged, others 1.5" in panel.plot.reading(2)
    assert "MAML 0.500 ± 0.050" in panel.plot.reading(2)


def test_an_arm_that_adapts_away_leaves_the_plot_and_that_is_said(bench, panel):
    away = replace(FINE, mean=(4.0, 150.0, 30.0), mean_kept=(4.0, 150.0, 30.0))
    test_arm(bench, panel, MAML=FINE, MTL=away)
    # the axis follows, until the person chooses one
    assert panel.log_y.isChecked() and panel.in_words() == ""
    assert panel.plot.view().viewRange()[1][1] > np.log10(150)
    panel.log_y.click()
    assert panel.plot.view().viewRange()[1][1] == pytest.approx(1.06 * 4.4)
    assert panel.diverged.text() == f"Above the plot: MTL reaches 150. {CALM}"
    test_arm(bench, panel, MAML=FINE, MTL=away, outer_step=20_100)
    assert not panel.log_y.isChecked()


@pytest.mark.parametrize(("family", "ends"), [("line", (0.1, 10.0)), ("glyphs", (0.1, 1.0))])
def test_an_empty_axis_of_accuracies_ends_at_one(qtbot, family, ends):
    unpublished = {"family": family, "shots": 7}
    bench = Bench.start(qtbot, Settings().with_values(unpublished))
    panel = bench.show(AdaptationSpeedPanel, 400, 400)
    panel.plot.test, panel.plot.log_y = None, True
    panel.plot.draw()
    assert 10 ** np.array(panel.plot.view().viewRange()[1]) == pytest.approx(ends)
    bench.session.close()


def test_many_diverged_arms_are_said_in_one_short_sentence(bench, panel):
    worse = replace(WILD, diverged=(0, 4, 23))
    test_arm(bench, panel, MAML=worse, ANIL=FINE, MTL=WILD)
    hollow = "Hollow markers: mean of the others at that step."
    assert panel.diverged.text() == (
        f"Of 600 tasks diverged at inner step 2: MAML 23, MTL 17. {hollow} {CALM}"
    )
    # a mean drawn at one step does not contradict those that diverged at another
    wrecked = replace(WILD, mean=(None, 5.0, 0.8), mean_kept=(None, 5.0, 0.8), diverged=(600, 9, 0))
    test_arm(bench, panel, MAML=wrecked, ANIL=FINE, MTL=WILD)
    said = "Of 600 tasks diverged: MAML 600 at inner step 0, MTL 17 at inner step 2."
    assert panel.in_words().startswith(said)
    assert panel.plot.drawn["MAML"].step.tolist() == [1, 2]


def test_markers_that_nobody_sees_have_no_words(bench, panel):
    gone = replace(
        WILD, mean=(4.0, None, None), mean_kept=(4.0, None, None), diverged=(0, 600, 600)
    )
    test_arm(bench, panel, MTL=gone)
    assert panel.diverged.text() == f"MTL: 600 of 600 tasks diverged at inner step 1. {CALM}"
    panel.choose("median")
    test_arm(bench, panel, MAML=WILD)
    assert panel.in_words() == "MAML: 17 of 600 tasks diverged at inner step 2."


def test_the_mean_of_a_few_that_are_left_is_not_drawn(bench, panel):
    few = replace(WILD, mean=(4.0, 5000.0, None), mean_kept=(4.0, 2.0, 0.8), diverged=(0, 300, 590))
    test_arm(bench, panel, MAML=FINE, MTL=few)
    assert panel.plot.drawn["MTL"].step.tolist() == [0, 1]
    assert panel.plot.drawn["MTL"].kept.tolist() == [False, True]
    assert (
        "Hollow markers: mean of the others at that step. No mean is drawn at steps where most"
        in (panel.diverged.text())
    )
    panel.choose("median")
    assert panel.plot.drawn["MTL"].step.tolist() == [0, 1, 2]
    assert "No mean" not in panel.diverged.text()


def test_a_line_breaks_off_where_only_some_steps_have_no_mean(bench, panel):
    # One step away from a wrecked θ can bring most tasks back, and the next throw them out again.
    back = replace(WILD, mean=(None, 5.0, None), mean_kept=(None, 5.0, 0.8), diverged=(600, 9, 590))
    again = replace(
        back, ci95=(None,) * 4, mean=(None, 5.0, None, 4.0), mean_kept=(None, 5.0, 0.8, 3.0),
        median=(None,) * 4, diverged=(600, 9, 590, 9),
    )  # fmt: skip
    test_arm(bench, panel, MAML=FINE, MTL=again)
    assert panel.plot.drawn["MTL"].step.tolist() == [1, 3]
    assert "MTL: 600 of 600 tasks diverged at inner step 0." in panel.diverged.text()
    line = panel.plot._items["MTL"].line.getData()[0]
    assert line[0] == 1 and np.isnan(line[1]) and line[2] == 3


def test_a_low_panel_says_what_diverged_in_brief(bench, panel):
    test_arm(bench, panel, MAML=WILD)
    for width, words in ((520, "Of 600 tasks diverged at step 2: MAML 17. ○: mean of the others."),
                         (300, "Of 600 tasks diverged at step 2: MAML 17.")):  # fmt: skip
        panel.resize(width, 170)
        bench.qtbot.wait(10)
        assert panel.diverged.text() == words and panel.diverged.isVisible()
        assert "17 of 600 tasks diverged at inner step 2" in " ".join(
            panel.diverged.toolTip().split()
        )


def test_one_line_has_room_in_the_height_of_one_line_in_type_of_any_size(qapp):
    font = QFont(qapp.font())
    for quarters in range(32, 140):
        font.setPointSizeF(quarters / 4)
        metrics = QFontMetrics(font)
        words = "Of 600 tasks diverged at step 2: MAML 17."
        assert shortened(words, metrics, 1200, metrics.lineSpacing()) == words, font.pointSizeF()
        assert shortened(words, metrics, 80, metrics.lineSpacing()) != words


def test_an_arm_alone_that_runs_away_has_a_logarithmic_axis(bench, panel):
    away = replace(FINE, mean=(4.0, 1e9, 1e25), mean_kept=(4.0, 1e9, 1e25), median=(4.0, 60.0, 1e9))
    panel.choose("median")
    test_arm(bench, panel, MAML=away)
    assert panel.log_y.isChecked()
    test_arm(bench, panel, MAML=FINE, outer_step=20_100)
    assert panel.log_y.isChecked(), "an axis that came and went by itself would be two plots"
    bench.session.control.restart()
    bench.pull()
    bench.report(reports.MetaTested(bench.session.run, 0, 10, 600, {"MAML": FINE}))
    assert not panel.log_y.isChecked(), "another run begins anew"


def test_steps_without_any_number_are_left_out():
    lost = replace(WILD, mean_kept=(4.0, 2.0, None), diverged=(0, 3, 600))
    np.testing.assert_array_equal(speed_line(lost).step, [0, 1])
    nothing = reports.ArmTest((None,), (None,), (None,), (None,), (600,))
    assert len(speed_line(nothing).step) == 0


def test_an_arm_without_numbers_does_not_break_the_plot(bench, panel):
    test_arm(
        bench,
        panel,
        MAML=reports.ArmTest((None,) * 3, (None,) * 3, (None,) * 3, (None,) * 3, (600,) * 3),
    )
    panel.grab()
    assert "600 of 600" in panel.diverged.text()


def test_before_the_first_meta_test_it_says_so(bench, panel):
    bench.session.measured.meta_test = None
    panel._show()
    assert panel.plot._empty.isVisible()
    assert panel.plot._empty.toPlainText() == SOON
    test_arm(bench, panel, MAML=FINE)
    assert panel.plot._empty.toPlainText() == ""


def test_an_empty_plot_says_why_and_no_size_of_a_sample(bench, panel):
    # the first page of a lesson hides its arm until something is trained
    test_arm(bench, panel, MAML=FINE, outer_step=0)
    assert "600 held-out tasks" in panel.subtitle.full
    bench.session.set_hidden({arm.name for arm in bench.session.settings.arms})
    bench.session.lead(True)
    words = panel.plot._empty.toPlainText
    assert (words(), panel.subtitle.full) == (NOT_TRAINED, "held-out tasks")
    test_arm(bench, panel, MAML=FINE, outer_step=100)
    assert words() == EVERY_ARM_HIDDEN
    bench.session.lead(False)
    assert (words(), panel.subtitle.full) == (EVERY_ARM_HIDDEN, "held-out tasks")
    bench.session.set_hidden(())
    assert words() == "" and "600 held-out tasks" in panel.subtitle.full


def test_the_logarithmic_axis_is_a_button(bench, panel):
    test_arm(bench, panel, MAML=replace(FINE, ci95=(0.4, 1.0, 0.05)))
    panel.log_y.setFocus()
    bench.qtbot.keyClick(panel.log_y, Qt.Key.Key_Space)
    items = panel.plot._items["MAML"]
    np.testing.assert_allclose(items.line.yData, np.log10([4.0, 1.0, 0.5]))
    assert np.isfinite(items.band_low.yData).all(), "an interval down to 0 has no lower end"
    assert panel.plot.left.logarithmic
    bench.qtbot.mouseClick(panel.log_y, LEFT)
    np.testing.assert_allclose(items.line.yData, [4.0, 1.0, 0.5])


@pytest.mark.parametrize("scale", [1e-8, 1e6])
@pytest.mark.parametrize("log", [False, True])
def test_tiny_and_huge_values_fill_the_plot(bench, panel, scale, log):
    scaled = replace(
        FINE, mean=tuple(scale * v for v in FINE.mean), ci95=tuple(scale * v for v in FINE.ci95)
    )
    panel.log_y.setChecked(log)
    test_arm(bench, panel, MAML=scaled)
    low, high = panel.plot.view().viewRange()[1]
    top = np.log10(4.4 * scale) if log else 4.4 * scale
    assert low < top <= high
    assert (top - low) / (high - low) > 0.85
    assert len(panel.plot.left.tickValues(low, high, 300)[0][1]) >= 2


def test_the_axis_reaches_as_far_as_the_slider_before_the_next_test(bench, panel):
    test_arm(bench, panel, MAML=FINE)
    assert panel.plot.view().viewRange()[0][1] == pytest.approx(1.04 * 10)
    bench.session.editor.edit({"test_steps": 30})
    bench.pull()
    assert panel.plot.view().viewRange()[0][1] == pytest.approx(1.04 * 30)
    bench.session.inner.choose(20)
    assert panel.plot.hair.value() == 20


def test_an_arm_whose_curve_breaks_off_has_no_name_at_the_edge(bench, panel):
    gone = reports.ArmTest(
        mean=(4.0, None, None), ci95=(0.4, None, None), mean_kept=(4.0, 9.0, 9.0),
        median=(3.0, 8.0, 8.0), diverged=(0, 600, 600),
    )  # fmt: skip
    test_arm(bench, panel, MAML=FINE, ANIL=gone)
    assert len(panel.plot.drawn["ANIL"].step) == 1
    assert [name for name, _ in panel.plot.ends.boxes] == ["MAML"]


def test_hidden_arms_are_not_drawn(bench, panel):
    test_arm(bench, panel, MAML=FINE, MTL=WILD)
    bench.session.set_hidden({"MTL"})
    assert set(panel.plot._items) == {"MAML"}
    assert panel.in_words() == ""


def published(*steps):
    entry = PublishedEntry("maml", 5, steps, tuple(0.7 / k for k in steps), "Paper, table 2")
    return Preset("p", "P", "S", "D", Settings(), (entry,))


def test_published_points_are_crosses_with_their_source(bench, panel):
    bench.session.editor.preset = published(1, 2)
    test_arm(bench, panel, MAML=FINE)
    marks = panel.plot.published
    assert [v.tolist() for v in marks.item.getData()] == [[1.0, 2.0], [0.7, 0.35]]
    (first, second) = marks.item.points()
    assert first.symbol() == "+" != arm_style(bench.session.settings, "MAML", LIGHT).marker
    text = arm_style(bench.session.settings, "MAML", LIGHT).text
    assert first.pen().color().name() == text
    assert second.data().source == "Paper, table 2"
    assert "+ MAML 0.7, published, 5 shots" in panel.plot.reading(1)
    assert panel.source.full == "+ published, 5 shots (lines: 10) · Paper, table 2"
    assert panel.source.isVisible()
    details = "MAML, 5 shots: 0.7 after 1, 0.35 after 2 inner steps. Published in Paper, table 2"
    assert " ".join(details.split()) in " ".join(panel.source.toolTip().split())
    panel.resize(panel.width() + 40, panel.height())
    assert " ".join(details.split()) in " ".join(panel.source.toolTip().split()), (
        "in another width too"
    )
    bench.session.set_hidden({"MAML"})
    assert len(marks.item.getData()[0]) == 0, "they go with their arm"
    bench.session.set_hidden(())
    panel.log_y.click()
    np.testing.assert_allclose(marks.item.getData()[1], np.log10([0.7, 0.35]))
    bench.session.editor.preset = None
    bench.session.editor.settings_changed.emit(bench.session.settings)
    assert len(marks.item.getData()[0]) == 0 and not panel.source.isVisible()


def test_shots_of_published_numbers_give_way_last(bench, panel):
    # a bare "+ published" stood beside lines of twice as many shots
    bench.session.editor.preset = published(1, 2)
    test_arm(bench, panel, MAML=FINE)
    said = set()
    for width in range(60, 700, 10):
        panel.source.resize(width, 20)
        said.add(panel.source.text())
        assert not panel.source.text() or panel.source.text().startswith("+ ")
        assert "lines" in panel.source.text() or width < 200
    assert "+ published" not in said
    assert {"+ published, 5 shots (lines: 10)", "+ 5 shots (lines: 10)", "+ 5 shots"} <= said
    bench.report(reports.MetaTested(1, 90, 5, 600, {"MAML": FINE}))
    panel.source.resize(120, 20)
    assert panel.source.text() == "+ published", "lines of the same shots need no caveat"


@pytest.mark.parametrize("height", [90, 110, 400])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_marks_at_the_ends_of_the_axis_are_whole(bench, panel, height, logarithmic):
    bench.session.editor.preset = published(1, 40)
    test_arm(bench, panel, MAML=FINE)
    panel.log_y.setChecked(logarithmic)
    plot = panel.plot
    plot.setMinimumHeight(height)
    plot.resize(400, height)
    points = plot.published.item.points()
    half = plot.dot(14) / 2
    area = plot.area()
    for point in points:
        y = plot.to_pixel(point.pos().x(), point.pos().y()).y()
        assert area.top() <= y - half and y + half <= area.bottom()
    assert len(points) == 2


def test_a_comparison_that_training_has_left_behind_says_so(bench, panel):
    session = bench.session
    session.control.load_preset(presets()["finn-10-shot"])
    bench.pull()
    bench.report(replace(session.status, outer_step=400))
    compared(bench, outer_step=400)
    assert not panel._verdict.startswith("old") and panel.plot.published.here.opacity() == 1.0
    bench.report(replace(session.status, outer_step=16_118))
    bench.report(reports.MetaTested(1, 16_000, 10, 600, {"MAML": FINE}))
    assert panel._verdict.startswith("old: outer step 400")
    assert all(words.startswith("old: ") for words in panel._brief)
    assert panel.plot.published.here.opacity() == STALE
    assert "◆ here, old" in panel.source.full


def test_measured_diamonds_are_named_in_every_wording():
    points = published_points(published(1, 2))
    assert points and not any("◆" in words for words in published_words(points, None))
    marked = [replace(point, measured=point) for point in points]
    test = reports.MetaTested(1, 90, 10, 600, {"MAML": FINE})
    assert all("◆" in words for words in published_words(marked, test))


def test_published_points_of_other_tasks_are_not_drawn(bench, panel):
    bench.session.editor.preset = published(1, 2)
    test_arm(bench, panel, MAML=FINE)
    bench.session.editor.edit({"noise": 0.5})
    assert panel.plot.published.points == []
    assert panel.source.full == "Published numbers are for other tasks: not drawn"
    bench.session.editor.undo_stack.undo()
    assert len(panel.plot.published.points) == 2


def test_every_preset_s_published_figures_are_drawn():
    drawn = {name: len(published_points(preset)) for name, preset in presets().items()}
    assert drawn["finn-10-shot"] == 6
    assert published_points(None) == []


def test_a_click_chooses_the_inner_step_for_all_panels(bench, panel):
    hero = bench.show(AdaptationPanel)
    test_arm(bench, panel, MAML=FINE)
    assert panel.plot.hair.value() == 1
    pixel = panel.plot.to_pixel(1.9, 2.0)
    bench.qtbot.mouseClick(panel.plot.viewport(), LEFT, pos=pixel)
    assert panel.plot.hair.value() == 2
    assert hero.step_text.text().startswith("2 /")
    hero.slider.setValue(0)
    assert panel.plot.hair.value() == 0


def test_the_line_stands_where_the_hero_does_while_stepping_by_hand(bench, panel):
    hero = bench.show(AdaptationPanel)
    test_arm(bench, panel, MAML=FINE)
    bench.task()
    hero.slider.setValue(2)
    seen = []
    for _ in range(4):
        bench.session.control.inner_step()
        bench.pull()
        seen.append(panel.plot.hair.value())
        assert hero.step_text.text().startswith(f"{seen[-1]:.0f} /")
    assert seen == [0, 1, 1, 0], "sample, adapt and query, update, the next outer step"
    bench.session.control.reset()
    bench.pull()
    assert panel.plot.hair.value() == hero.slider.value() == 2


def test_pointing_at_the_losses_looks_back(bench, panel):
    losses = bench.show(LossesPanel, 400, 400)
    test_arm(bench, panel, outer_step=0, MAML=WILD)
    test_arm(bench, panel, outer_step=60, MAML=replace(FINE, mean=(4.0, 2.0, 1.0)))
    test_arm(bench, panel, outer_step=100, MAML=FINE)
    train(bench, losses, np.full(100, 4.0))
    pixel = losses.plot.to_pixel(70.0, np.log10(4.0))
    # Sent by hand: with two windows the pointer belongs to the one the platform says.
    at, none = QPointF(pixel), Qt.MouseButton.NoButton
    move = QMouseEvent(QEvent.Type.MouseMove, at, at, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(losses.plot.viewport(), move)
    np.testing.assert_array_equal(panel.plot._items["MAML"].line.yData, [4.0, 2.0, 1.0])
    assert panel.subtitle.full == "as at outer step 60"
    QApplication.sendEvent(losses.plot, QEvent(QEvent.Type.Leave))
    np.testing.assert_array_equal(panel.plot._items["MAML"].line.yData, [4.0, 1.0, 0.5])


def test_a_new_run_begins_without_a_test(bench, panel):
    test_arm(bench, panel, MAML=FINE)
    bench.session.link.begin_report(2)
    assert panel.plot.test is None
    assert panel.plot._empty.isVisible()


def test_nothing_is_drawn_while_hidden(bench, panel):
    panel.hide()
    test_arm(bench, panel, outer_step=5, MAML=FINE)
    assert panel.plot.test is None or panel.plot.test.outer_step != 5
    panel.show()
    assert panel.plot.test.outer_step == 5


def test_the_theme_reaches_lines_and_markers(bench, panel):
    test_arm(bench, panel, MAML=FINE)
    bench.session.set_theme(DARK)
    color = arm_style(bench.session.settings, "MAML", DARK).color
    assert panel.plot._items["MAML"].line.opts["pen"].color().name() == color


def test_a_table_has_everything_of_the_test(bench, panel, tmp_path):
    test_arm(bench, panel, MAML=FINE, MTL=WILD)
    panel.plot.save_csv(tmp_path / "speed.csv")
    with (tmp_path / "speed.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert rows[5] == {
        "arm": "MTL", "inner step": "2", "mean": "", "ci95": "", "mean of kept": "1.5",
        "median": "1.4", "diverged": "17",
    }  # fmt: skip


def test_every_control_has_a_name(panel):
    assert nameless(panel) == []


def test_arms_of_one_fate_are_said_together(bench, panel):
    test_arm(bench, panel, MAML=WILD, MTL=WILD)
    assert panel.diverged.text().startswith("MAML, MTL: 17 of 600 tasks diverged at inner step 2.")


def test_its_controls_stand_in_the_header(panel):
    assert panel.log_y.parentWidget() is panel
    assert panel.log_y.geometry().bottom() < panel.plot.y()


def compared(bench, **changes):
    preset = presets()["finn-10-shot"]
    entry = preset.published[0]
    one = Comparison(
        "MAML", "maml", 5, 1, 0.67, None, entry.source, 0.7, 0.05, 0.7, 0.4, 0, 600,
        verdict_of(0.7, 0.67, None, 0, 600),
    )  # fmt: skip
    two = replace(
        one, inner_step=5, published=0.38, mean=0.5, verdict=verdict_of(0.5, 0.38, None, 0, 600)
    )
    found = reports.Compared(1, 20_000, preset, (one, two), ("Noise σ: 0 → 0.3", "Shots: 10 → 5"))
    bench.report(replace(found, **changes))


def test_a_comparison_is_asked_for_and_said_in_words(bench, panel):
    assert not panel.compare.isVisible(), "nothing is published without a preset"
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.pull()
    assert panel.compare.isVisible() and not panel.verdict.isVisible()
    bench.qtbot.mouseClick(panel.compare, LEFT)
    (asked,) = bench.worker.posted_of(commands.Reproduce)
    assert (asked.preset, asked.file) == (presets()["finn-10-shot"], "")
    assert panel.compare.text() == "Comparing…" and not panel.compare.isEnabled()
    compared(bench)
    assert panel.compare.text() == "Compare" and panel.compare.isEnabled()
    assert panel.verdict.text() == (
        "Outer step 20\u202f000, tested with 5 shots. MAML agrees after 1 step. "
        "MAML is 32 % higher after 5 steps. "
        "Changed from the preset: Noise σ: 0 → 0.3, and 1 more."
    )
    points = {(p.algorithm, p.inner_step): p.measured for p in panel.plot.published.points}
    known = points["maml", 5]
    assert known is not None and known.verdict.words == "differs by 32 % (higher)"
    assert points["mtl", 1] is None
    rows = " ".join(panel.plot.published.rows(1))
    assert "+ MAML 0.67, published, 5 shots; ◆ here 0.700 ± 0.050: agrees" in rows
    bench.report(reports.Rewound(bench.session.run, 10_000))
    assert bench.session.measured.comparison is None
    assert not panel.verdict.isVisible(), "of a state that is gone"


def test_the_buttons_keep_their_place_while_the_words_grow(bench, panel):
    # the words stood below the buttons, which moved up with every line of them
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.pull()
    panel.resize(350, 480)
    places = []
    for arms in ({"MAML": FINE}, {"MAML": WILD}):
        test_arm(bench, panel, **arms)
        bench.qtbot.wait(1)
        places.append(panel.compare.geometry())
    compared(bench, run=bench.session.run)
    bench.qtbot.wait(1)
    places.append(panel.compare.geometry())
    assert panel.verdict.isVisible() and panel.figures.isVisible()
    assert places[1:] == places[:1] * 2


def test_measured_figures_are_drawn_and_listed_beside_the_published(bench, panel):
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.pull()
    test_arm(bench, panel, MAML=FINE, MTL=FINE)
    assert not panel.figures.isVisible()
    compared(bench)
    x, y = panel.plot.published.here.getData()
    assert x.tolist() == [1, 5] and (10**y if panel.plot.log_y else y) == pytest.approx([0.7, 0.5])
    assert "◆ here" in panel.source.full
    bench.qtbot.mouseClick(panel.figures, LEFT)
    (opened,) = panel.findChildren(TableWindow)
    head = opened.view.horizontalHeader()
    assert opened.view.viewport().width() >= head.length(), "all columns are seen"
    rows = opened.view.model().rows
    assert rows[1] == ("MAML", 5, 5, "0.38", "0.500 ± 0.050", 0, "differs by 32 % (higher)")
    opened.close()
    lost = replace(bench.session.measured.comparison.comparisons[0], diverged=2)
    compared(bench, comparisons=(lost,))
    assert len(panel.plot.published.here.getData()[0]) == 0, "the mean leaves out what diverged"


@pytest.mark.parametrize("width", [300, 400])
@pytest.mark.parametrize("name", [name for name, one in presets().items() if one.published])
def test_a_low_panel_says_a_whole_verdict(bench, panel, name, width):
    bench.session.control.load_preset(presets()[name])
    bench.pull()
    panel.resize(width, 240)
    known = presets()[name]
    arms = {arm.algorithm: arm.name for arm in known.settings.arms}
    found = tuple(
        Comparison(
            arms.get(entry.algorithm, "MAML"), entry.algorithm, entry.shots, step, mse, None,
            entry.source, mse * 1.4, 0.05, mse, mse, 0, 600,
            verdict_of(1.4 * mse, mse, None, 0, 600),
        )
        for entry in known.published
        for step, mse in zip(entry.inner_steps, entry.mse, strict=True)
    )  # fmt: skip
    compared(bench, run=bench.session.run, preset=known, comparisons=found)
    assert panel.verdict.isVisible() and not panel.verdict.text().endswith("…")
    assert "published figure" in panel.verdict.text().lower()
    assert "agree" in panel.verdict.text()


def test_a_long_verdict_leaves_the_plot_its_height_and_the_rest_is_a_tooltip(bench, panel):
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.pull()
    test_arm(bench, panel, MAML=WILD)
    ways = "; ".join(
        f"Inner learning rate α from 0.{n}1 to 0.{n}2 after outer step {n}" for n in "12345678"
    )
    for height in (330, 400, 480):
        panel.resize(350, height)
        compared(bench, run=bench.session.run, deviations=(f"Changed while it trained: {ways}",))
        bench.qtbot.wait(20)
        assert panel.plot.height() >= 140, height
        assert "Changed from the preset: Changed" not in panel._verdict
        said = panel.verdict.toolTip() + panel.verdict.text()
        assert ways.split("; ")[-1] in " ".join(said.split())


def test_a_low_panel_keeps_its_plot_beside_a_verdict(bench, panel):
    metrics = panel.fontMetrics()
    whole = "MAML differs by 15 % after 1 step; not comparable after 5, 10 steps. MTL agrees."
    short = shortened(whole, metrics, 160, 2 * metrics.lineSpacing())
    assert short.endswith("…") and whole.startswith(short[:-1]) and len(short) > 30
    assert shortened(whole, metrics, 160, math.inf) == whole
    assert shortened("", metrics, 160, 0) == ""
    panel.plot.resize(200, 200)
    assert panel.plot.left.label.isVisible()
    panel.plot.resize(200, 70)
    assert panel.plot.left.labelText == "MSE", "a whole word says more than cut ones"


def test_a_refused_comparison_may_be_asked_for_again(bench, panel):
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.pull()
    bench.qtbot.mouseClick(panel.compare, LEFT)
    bench.report(reports.Refused(commands.Reproduce, "Nothing was compared."))
    assert panel.compare.isEnabled()
    compared(bench)
    # another preset, or another run: the old verdict is about something else
    bench.session.control.load_preset(presets()["pytorch-maml"])
    bench.pull()
    assert not panel.verdict.isVisible() and not panel.compare.isVisible()
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.session.control.restart()
    bench.pull()
    assert bench.session.measured.comparison is None and not panel.verdict.isVisible()


def test_intervals_stay_where_errors_can_be(bench, panel):
    wide = replace(FINE, ci95=(0.4, 1.5, 0.05))
    assert speed_line(wide).low[1] == 0.0 and speed_line(wide).high[1] == 2.5
    figures = np.full((3, 200), 0.5)
    figures[1, :] = 0.1
    figures[1, 0] = 180.1  # mean 1.0, carried by one task
    line = speed_line(wide, figures=figures)
    low, high = bootstrap(figures[1])
    assert (line.low[1], line.high[1]) == (low, high)
    assert low == pytest.approx(0.1) and 1.0 < high < 6
    # where the symmetric interval is possible it stays
    assert line.low[0] == pytest.approx(3.6)


def test_the_interval_of_the_median_is_by_order_statistics():
    low, high = median_interval(np.arange(600.0))
    assert (low, high) == (275.0, 324.0)
    assert median_interval(np.array([2.0])) == (2.0, 2.0)
    covered = 0
    generator = np.random.default_rng(3)
    for _ in range(400):
        low, high = median_interval(generator.exponential(size=101))
        covered += low <= np.log(2) <= high
    assert 0.93 <= covered / 400 <= 0.985


@pytest.fixture
def one_by_one(bench, panel):
    generator = np.random.default_rng(0)
    figures = generator.uniform(0.2, 0.6, (3, 50))
    figures[2, 7] = 900.0
    held = reports.HeldOutTasks(
        parameters=np.column_stack(
            [np.linspace(1, 5, 50), np.linspace(0, 3, 50), np.ones(50)]
        ),
        support_x=generator.uniform(-5, 5, (50, 10)),
        support_y=generator.uniform(-5, 5, (50, 10)),
        figures={"MAML": figures},
    )  # fmt: skip
    bench.report(reports.MetaTested(1, 20_000, 10, 50, {"MAML": FINE}, declared=600, held_out=held))
    return held


def test_mean_median_and_every_task_by_one_switch(panel, one_by_one):
    assert panel.plot._y_label == "mean query MSE"
    assert "first 50 of 600 tasks · mean ± 95 %" in panel.subtitle.full
    labels = {a.text(): a for a in panel.statistics_menu().actions() if a.text()}
    labels["Median"].trigger()
    np.testing.assert_array_equal(panel.plot.drawn["MAML"].mean, [3.0, 0.8, 0.4])
    assert panel.plot._y_label == "median query MSE" and panel.statistic.text() == "median ▾"
    labels["Every task"].trigger()
    every = panel.plot._items["MAML"].every
    assert np.isnan(every.yData).sum() == 50 and len(every.yData) == 50 * 4
    assert panel.log_y.isChecked(), "a task of 900 would press the others flat"
    labels["Mean"].trigger()
    assert len(every.yData) == 0


def test_a_runaway_task_can_be_clicked_and_becomes_the_main_task(bench, panel, one_by_one):
    panel.choose("every")
    pixel = panel.plot.to_pixel(1.9, float(np.log10(one_by_one.figures["MAML"][1, 7]) +
        0.9 * (np.log10(900.0) - np.log10(one_by_one.figures["MAML"][1, 7]))))  # fmt: skip
    assert panel.plot.task_at(pixel) == 7
    press = QMouseEvent(QEvent.Type.MouseButtonPress, QPointF(pixel), QPointF(pixel), LEFT, LEFT,
                        Qt.KeyboardModifier.NoModifier)  # fmt: skip
    panel.plot.mousePressEvent(press)
    probe = bench.session.task.probe
    assert probe.amplitude == pytest.approx(one_by_one.parameters[7, 0])
    np.testing.assert_allclose(probe.support_y, one_by_one.support_y[7])


def test_the_worst_task_is_in_the_menu(bench, panel, one_by_one):
    bench.session.inner.choose(2)
    panel.statistics_menu().actions()[-1].trigger()
    assert bench.session.task.probe.phase == pytest.approx(one_by_one.parameters[7, 1])


def test_only_the_newest_test_keeps_single_tasks(bench, panel, one_by_one):
    test_arm(bench, panel, outer_step=20_001, MAML=FINE)
    assert [test.held_out for test in panel.tests] == [None, None]


def test_lines_of_an_older_state_are_faint(bench, panel):
    test_arm(bench, panel, outer_step=bench.session.status.outer_step, MAML=FINE)
    line = panel.plot._items["MAML"].line
    assert line.opacity() == 1.0
    later = replace(bench.session.status, outer_step=bench.session.status.outer_step + 500)
    bench.report(later)
    assert line.opacity() == STALE
    test_arm(bench, panel, outer_step=later.outer_step, MAML=FINE)
    assert panel.plot._items["MAML"].line.opacity() == 1.0


def test_a_change_or_a_divergence_soon_makes_a_test_old_and_that_is_said(bench, panel):
    bench.worker.step = 70_000
    bench.report(replace(bench.session.status, outer_step=70_000, phase=reports.Phase.RUNNING))
    test_arm(bench, panel, outer_step=70_000, MAML=WILD)
    assert not panel.plot.stale and panel.diverged.text().startswith("MAML: 17 of 600")
    later = replace(bench.session.status, outer_step=72_000)
    bench.report(later)
    assert not panel.plot.stale, "2 000 of 72 000 steps change little"
    test_arm(bench, panel, outer_step=72_000, MAML=WILD)
    bench.session.editor.edit({"inner_lr": 0.5})
    assert panel.plot.stale and panel.subtitle.full.startswith("old: outer step 72\u202f000 · 600")
    assert panel.diverged.text().startswith("At outer step 72\u202f000: MAML: 17 of 600")
    other = replace(WILD, diverged=(0, 0, 9))
    test_arm(bench, panel, MAML=WILD, MTL=other, outer_step=72_000)
    panel.plot.stale = True
    assert panel.in_words().startswith(
        "At outer step 72\u202f000: of 600 tasks diverged at inner step 2"
    )
    test_arm(bench, panel, outer_step=72_001, MAML=FINE)
    assert not panel.plot.stale and panel.subtitle.full.startswith("outer step 72\u202f001")
    now = replace(bench.session.status, outer_step=72_300, settings=bench.session.settings)
    bench.report(now)
    assert panel.plot.stale, "of the 300 steps since the change it has seen one"
    test_arm(bench, panel, outer_step=72_300, MAML=FINE)
    bench.report(reports.Diverged(1, "MTL", 72_310, 72_300, "MTL diverged."))
    assert panel.plot.stale


def test_a_test_of_arms_that_diverged_is_of_their_last_good_state(bench, panel):
    test_arm(bench, panel, outer_step=1502, MAML=FINE)
    assert panel.subtitle.full.startswith("outer step 1 502")
    bench.report(reports.Diverged(1, "MAML", 1501, 1500, "MAML diverged."))
    test_arm(bench, panel, outer_step=1502, MAML=FINE)
    assert panel.subtitle.full.startswith("outer step 1 500")
    test_arm(bench, panel, outer_step=1502, MAML=FINE, ANIL=FINE)
    assert panel.subtitle.full.startswith("outer step 1 502"), "ANIL went on"
    assert (
        panel.diverged.text() == f"MAML is shown at outer step {whole(1500)}, before it diverged."
    )
    bench.report(reports.Diverged(1, "ANIL", 1502, 900, "ANIL diverged."))
    assert panel.subtitle.full.startswith(f"outer step {whole(1500)}")
    assert panel.diverged.text() == "ANIL is shown at outer step 900, before it diverged."
    bench.session.divergences.go_on(["MAML", "ANIL"])
    assert panel.diverged.text() == ""


def test_figures_of_parameters_that_were_lost_are_dropped_until_the_next_test(bench, panel):
    arms, steps = {"MAML": FINE, "MTL": WILD}, {"MAML": 3_685, "MTL": 3_685}
    test = reports.MetaTested(1, 3_685, 10, 75, arms, arm_steps=steps)
    bench.report(test)
    assert set(panel.plot.drawn) == {"MAML", "MTL"} and "MTL" in panel.in_words()
    bench.report(reports.Diverged(1, "MTL", 3_679, 3_644, "MTL diverged."))
    assert set(panel.plot.drawn) == {"MAML"} and panel.in_words() == ""
    bench.report(replace(test, arms={**arms, "MTL": FINE}, arm_steps={**steps, "MTL": 3_644}))
    assert set(panel.plot.drawn) == {"MAML", "MTL"}
    assert "MTL is shown at outer step 3\u202f644, before it diverged." in panel.in_words()


def test_an_arm_that_began_later_is_named_with_its_own_step(bench, panel):
    test = reports.MetaTested(1, 20_000, 10, 600, {"MAML": FINE, "ANIL": FINE, "MTL": FINE})
    bench.report(replace(test, arm_steps={"MAML": 20_000, "ANIL": 0, "MTL": 20_000}))
    assert panel.subtitle.full.startswith(f"outer step {whole(20_000)}")
    none = "ANIL has taken 0 of the 20\u202f000 outer steps."
    assert panel.diverged.text() == none
    bench.report(reports.Diverged(1, "MTL", 20_000, 120, "MTL diverged."))
    assert panel.in_words() == none, "MTL's is not its last good state"
    bench.report(replace(test, arm_steps={"MAML": 20_000, "ANIL": 0, "MTL": 120}))
    assert panel.in_words() == f"{none} MTL is shown at outer step 120, before it diverged."
    bench.report(reports.Diverged(1, "ANIL", 20_000, 19_900, "ANIL diverged."))
    both = "ANIL is shown at outer step 0 and MTL at 120, before they diverged."
    assert panel.in_words() == both, "of its own steps, not the run's"


def test_one_step_of_several_arms_is_said_once(bench, panel):
    test = reports.MetaTested(1, 1_400, 10, 600, {"MAML": FINE, "ANIL": FINE, "MTL": FINE})
    bench.report(replace(test, arm_steps={"MAML": 1_362, "ANIL": 1_362, "MTL": 1_400}))
    both = f"MAML and ANIL have taken {whole(1_362)}"
    assert panel.in_words() == f"{both} of the {whole(1_400)} outer steps."
    bench.report(replace(test, arm_steps={"MAML": 1_362, "ANIL": 1_362, "MTL": 20}))
    assert panel.in_words() == f"{both} and MTL 20 of the {whole(1_400)} outer steps."


def test_the_first_inner_step_at_which_most_tasks_diverged_is_named(bench, panel):
    steps = len(FINE.mean)
    lost = (0, 10, 350, *(576,) * (steps - 3))
    arm = replace(FINE, diverged=lost, mean=(4.0,) * 2 + (np.nan,) * (steps - 2))
    bench.report(reports.MetaTested(1, 400, 10, 600, {"MAML": arm}))
    assert "MAML: 350 of 600 tasks diverged at inner step 2." in panel.in_words()
    assert list(panel.plot.drawn["MAML"].step) == [0, 1], "where its line ends"
    # an arm of an earlier step whose line has no point is not spoken of
    gone = replace(FINE, diverged=(600,) * steps, mean=(np.nan,) * steps)
    test = reports.MetaTested(1, 400, 10, 600, {"MAML": FINE, "ANIL": gone})
    bench.report(reports.Diverged(1, "ANIL", 400, 120, "ANIL diverged."))
    bench.report(replace(test, arm_steps={"MAML": 400, "ANIL": 120}))
    assert "shown at" not in panel.in_words()


def test_a_run_that_is_too_short_is_said_with_spaced_thousands(bench, panel):
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.pull()
    short = verdict_of(0.7, 0.67, None, 0, 600, None, (3000, 70_000))
    compared(bench)
    one = replace(bench.session.measured.comparison.comparisons[0], verdict=short)
    compared(bench, comparisons=(one,))
    assert "after 1 step: 3\u202f000 of 70\u202f000 outer steps." in panel._verdict
    too_early = "Too early to compare with the published figures"
    said = [f"{too_early}: 3\u202f000 of 70\u202f000 outer steps.", f"{too_early}."]
    assert panel._brief[:2] == said


def test_an_arm_without_an_inner_loop_is_told_apart_where_it_runs_away(bench, panel):
    test_arm(bench, panel, MAML=WILD, MTL=FINE)
    assert "inner loop" not in panel.in_words()
    test_arm(bench, panel, MAML=FINE, MTL=WILD)
    assert panel.in_words().endswith("MTL trains without an inner loop: its losses stay calm.")
