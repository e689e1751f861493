"""The Network tab draws what it is handed, asks for what is chosen, and says why it is empty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels.network.layer_page import WEIGHTS
from maml_explorer.gui.panels.network.panel import NetworkPanel
from maml_explorer.gui.plots.category_plot import Means
from maml_explorer.gui.session.task_sampling import chosen_task
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import DARK, LIGHT
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.insight import (
    Insight,
    InsightRequest,
    LookInside,
    NothingToShow,
    RefreshInsight,
)
from maml_explorer.settings.settings import default_arm
from tests.gui import insight_records as records
from tests.gui.driving import press
from tests.gui.panel_bench import Bench


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.task()
    return bench


def shown(bench: Bench, title: str) -> Any:
    panel = bench.show(NetworkPanel, 760, 320)
    panel.show_page(title)
    return panel


def asked(bench: Bench) -> InsightRequest:
    (request,) = bench.worker.posted_of(LookInside)[-1].views
    return request


def answer(bench: Bench, value: object, step: int = 1200) -> None:
    bench.report(Insight(bench.session.run, step, asked(bench), value))


def test_features_of_every_arm_at_their_places(bench: Bench) -> None:
    panel = shown(bench, "Features")
    assert asked(bench) == InsightRequest.of("features", steps=1)
    answer(bench, {"MAML": records.features(), "ANIL": records.features(0.25)})
    page = panel.page
    assert list(page.similarity.drawn) == ["MAML", "ANIL"]
    items = page.similarity._items["ANIL"]
    x, y = items.dots.getData()
    np.testing.assert_allclose(x, [0.175, 1.175, 2.175])
    np.testing.assert_allclose(y, [1.0, 0.9, 0.25])
    np.testing.assert_allclose(items.bars.opts["top"], [0.0, 0.05, 0.1], atol=1e-12)
    x, _ = page.similarity._items["MAML"].dots.getData()
    np.testing.assert_allclose(x, [-0.175, 0.825, 1.825])
    # ratios above ten are drawn on a logarithmic axis
    assert page.change.left.logarithmic
    _, y = page.change._items["MAML"].dots.getData()
    np.testing.assert_allclose(10**y, [0.03, 0.002, 0.007])
    assert page.frozen.places == ("0", "1", "2", "all")
    assert page.frozen.reading(0) == (
        "layers frozen 0<br>"
        f'<span style="color:{page.frozen.legend()[0][0].text}">MAML 0.2 ± 0.05</span><br>'
        f'<span style="color:{page.frozen.legend()[1][0].text}">ANIL 0.45 ± 0.05</span>'
    )
    header, rows = page.frozen.table(False)
    assert header == ["arm", "layers frozen", "mean", "half of the interval"]
    assert next(iter(rows)) == ["MAML", "0", 0.2, 0.05]
    assert "MAML: 2 tasks diverged and are left out" in panel.said.full
    assert panel.said.full.endswith("at outer step 1\u202f200")
    bench.session.set_hidden({"ANIL"})
    assert list(page.similarity.drawn) == ["MAML"]


def test_a_column_where_all_tasks_diverged_says_so(bench: Bench) -> None:
    panel = shown(bench, "Features")
    plot = panel.page.frozen
    one = records.features()
    lost = one.frozen_error.copy()
    lost[:2] = np.nan
    gone = replace(one, frozen_error=lost)
    answer(bench, {"MAML": gone, "ANIL": one})
    assert plot.empty_places == [], "ANIL has a mean there"
    assert "MAML diverged" in plot.reading(0) and "ANIL 0.2" in plot.reading(0)
    bench.session.set_hidden({"ANIL"})
    assert plot.empty_places == [0, 1]
    (low, high), words = plot.view().viewRange()[1], plot._empty
    assert [(item.toPlainText(), item.pos().x()) for item in words] == [
        ("diverged", 0.0), ("diverged", 1.0),
    ]  # fmt: skip
    assert all(low < item.pos().y() < high for item in words)
    bench.session.set_hidden(())
    assert plot._empty == []


@pytest.mark.parametrize("width", [240, 420, 640])
def test_words_below_the_features_end_with_a_whole_part(bench: Bench, width: int) -> None:
    panel = shown(bench, "Features")
    answer(bench, {"MAML": records.features(), "ANIL": records.features(0.25)})
    panel.said.resize(width, 20)
    panel.said.say(panel.said.full, *panel.said._shorter)
    assert "…" not in panel.said.text() and panel.said.text().startswith("After 1 inner step")


def test_nothing_is_said_of_a_freeze_test_that_is_left_out(bench: Bench) -> None:
    panel = shown(bench, "Features")
    answer(bench, {"MAML": records.features()})
    for hidden in (False, True, False):
        bench.session.hide_answers(hidden)
        assert ("freeze test" not in panel.page.summary) == hidden
        assert panel.page._places[-1].isHidden() == hidden


def test_names_of_places_never_overlap(bench: Bench) -> None:
    panel = shown(bench, "Features")
    plot = panel.page.similarity
    many = [*(str(nth + 1) for nth in range(8)), "out"]
    plot.show_arms(many, {"MAML": Means(np.ones(9), np.full(9, np.nan))})
    room = QFontMetricsF(base_font()).horizontalAdvance("out") + 6
    for width in (900, 300, 160):
        plot.resize(width, 160)
        plot.grab()
        (ticks,) = plot.bottom._tickLevels
        assert ticks[-1] == (8, "out")
        places = [plot.to_pixel(at, 0).x() for at, _ in ticks]
        assert np.diff(places).min() >= room - 2
    assert len(ticks) < 9


def test_arms_are_named_over_features_that_are_too_narrow_for_it(bench: Bench) -> None:
    panel = shown(bench, "Features")
    answer(bench, {"MAML": records.features(), "ANIL": records.features(0.25)})
    page = panel.page
    for width, over in ((760, True), (1200, False), (620, True)):
        panel.resize(width, 320)
        bench.qtbot.wait(20)
        said = [entry.name for entry in page.legend.entries(page.legend.width())]
        assert said == (["MAML", "ANIL"] if over else []), width
        assert page.legend.height() == page.legend.heightForWidth(page.legend.width())
        for plot in page.plots:
            assert [name for name, _ in plot.ends.boxes] == ([] if over else ["MAML", "ANIL"])
    bench.session.hide_answers(True)  # two plots have room for names of their own
    bench.qtbot.wait(20)
    assert page.legend.height() == 0 and page.similarity.named


def test_features_follow_the_inner_step_shown_above(bench: Bench) -> None:
    panel = shown(bench, "Features")
    bench.session.inner.choose(4)
    bench.qtbot.waitUntil(lambda: asked(bench) == InsightRequest.of("features", steps=4))
    bench.session.inner.choose(0)  # θ itself: one step is the least there is to see
    bench.qtbot.waitUntil(lambda: asked(bench) == InsightRequest.of("features", steps=1))
    assert not panel.arm_choice.isVisible()


def test_why_there_are_no_features(bench: Bench) -> None:
    panel = shown(bench, "Features")
    nothing = NothingToShow("The network has one layer only.")
    answer(bench, {"MAML": nothing, "MTL": nothing})
    assert panel.page.view.words.text() == "The network has one layer only."
    diverged = NothingToShow("The arm has diverged.")
    answer(bench, {"MAML": records.features(), "MTL": diverged})
    assert panel.page.view.currentWidget() is panel.page.view.content
    assert "MTL: The arm has diverged." in panel.said.full


def test_the_layer_of_the_arm_and_task(bench: Bench) -> None:
    panel = shown(bench, "Layer")
    task = bench.session.task.probe
    assert asked(bench).values() == {
        "arm": "MAML", "layer": 0, "steps": 1, "x": tuple(task.support_x),
        "y": tuple(task.support_y), "amplitude": 2.0, "phase": 0.5, "frequency": 1.0,
    }  # fmt: skip
    answer(bench, records.layer())
    page, seen = panel.page, records.layer()
    before, after, change = page.plots
    np.testing.assert_array_equal(before.image.image, seen.before)
    np.testing.assert_array_equal(after.image.image, seen.after)
    np.testing.assert_allclose(change.image.image, 0.25)
    # one scale for both, as wide on both sides of 0
    assert tuple(before.image.getLevels()) == tuple(after.image.getLevels()) == (-10.25, 10.25)
    assert page.cell_text(0, 0, 3) == "unit 4 at x −5<br>−10"
    page.what.setCurrentText(WEIGHTS)
    page.what.activated.emit(1)
    np.testing.assert_array_equal(before.image.image, seen.weights_before)
    assert page.cell_text(1, 1, 2) == "unit 3, bias<br>5"
    assert page.cell_text(1, 0, 2) == "unit 3, input 1<br>1"
    header, rows = before.table(False)
    assert header == ["input", "unit", "before", "after"]
    assert list(rows)[5] == [2, 2, 5.0, 4.0]


def test_the_layer_follows_choice_arm_and_task(bench: Bench) -> None:
    panel = shown(bench, "Layer")
    page = panel.page
    assert [page.layer_choice.itemText(n) for n in range(3)] == ["Hidden 1", "Hidden 2", "Output"]
    page.layer_choice.setCurrentIndex(2)
    page.layer_choice.activated.emit(2)
    assert asked(bench).values()["layer"] == 2
    panel.arm_choice.setCurrentText("ANIL")
    assert asked(bench).values()["arm"] == "ANIL"
    bench.session.task.set_probe(
        chosen_task(bench.session.settings, 3.0, 1.0, 1.0, np.array([0.5]))
    )
    bench.qtbot.waitUntil(lambda: asked(bench).values()["x"] == (0.5,))
    assert asked(bench).values()["layer"] == 2


def test_an_arm_that_is_removed_gives_way_to_the_first(bench: Bench) -> None:
    panel = shown(bench, "Layer")
    panel.arm_choice.setCurrentText("ANIL")
    session = bench.session
    session.editor.set_arms([arm for arm in session.editor.edited.arms if arm.name != "ANIL"])
    bench.pull()
    assert panel.arm_choice.currentText() == "MAML"
    assert asked(bench).values()["arm"] == "MAML"


def test_step_sizes_layer_by_step_and_negative_ones(bench: Bench) -> None:
    panel = shown(bench, "Learned")
    assert asked(bench) == InsightRequest.of("step_sizes", arm="MAML")
    answer(bench, records.lslr())
    plot = panel.page.plot
    np.testing.assert_array_equal(plot.image.image, records.lslr().mean.T)
    assert tuple(plot.image.getLevels()) == (-0.3, 0.3)
    low, high = plot.scale.color_of(np.array([-0.3, 0.3]))
    assert low[2] > low[0] and high[0] > high[2], "blue below 0, orange above"
    assert panel.page.cell_text(1, 0) == "hidden 1, inner step 2<br>α 0.2"
    assert "α from −0.05 to 0.3 · negative ones in hidden 2" in panel.said.full
    assert not panel.page.which.isEnabled()


def test_no_picture_of_one_arm_stands_under_the_name_of_another(bench: Bench) -> None:
    panel = shown(bench, "Learned")
    answer(bench, records.lslr())
    view = panel.page.view
    assert view.currentWidget() is view.content
    panel.arm_choice.setCurrentText("ANIL")
    assert view.currentWidget() is not view.content and view.words.text() == "Computing…"
    answer(bench, records.per_parameter())
    assert view.currentWidget() is view.content


def test_step_sizes_of_every_parameter(bench: Bench) -> None:
    panel = shown(bench, "Learned")
    answer(bench, records.per_parameter())
    page = panel.page
    assert [page.which.itemText(n) for n in range(3)] == ["Layer by step", "hidden 1", "output"]
    page.which.setCurrentIndex(1)
    page.which.activated.emit(1)
    np.testing.assert_array_equal(page.plot.image.image, records.per_parameter().each[0])
    assert page.cell_text(0, 1) == "input 1, unit 2<br>α −0.2"
    header, rows = page.plot.table(False)
    assert page.cell_text(1, 1) == "bias, unit 2<br>α 0.05"
    assert header == ["input", "unit", "step size"] and list(rows)[1] == [1, 2, -0.2]
    box = page.plot.box
    assert (box.left(), box.top()) == (0.5, 0.5), "inputs and units are counted from 1"
    page.which.setCurrentIndex(0)
    page.which.activated.emit(0)
    assert page.cell_text(0, 1).startswith("output, every inner step<br>")
    assert "% of the parameters have a negative one" in panel.said.full


def test_the_first_matrix_shown_is_more_than_one_number(bench: Bench) -> None:
    panel, seen = shown(bench, "Learned"), records.curvature()
    first = seen.matrices[0]
    one = replace(
        first, name="hidden 1: inputs", values=first.values[:1, :1], begun=first.begun[:1, :1]
    )
    answer(bench, replace(seen, matrices=(one, *seen.matrices)), 0)
    assert panel.page.which.currentText() == "hidden 1: outputs"
    answer(bench, replace(seen, matrices=(one,)), 0)
    assert panel.page.which.currentText() == "hidden 1: inputs"


def test_learned_matrices_and_their_course(bench: Bench) -> None:
    panel = shown(bench, "Learned")
    page, seen = panel.page, records.curvature()
    for step, distance in ((0, 0.0), (500, 0.5), (1000, 0.9)):
        course = (("distance, hidden 1", distance), ("distance, output", 0.1))
        answer(bench, replace(seen, course=course), step)
        assert page.course_place.isVisibleTo(page) == (step > 0), "a point is no course"
    np.testing.assert_array_equal(page.plot.image.image, [[0.5, 0.25], [-0.5, 0.0]])
    assert page.cell_text(1, 0) == "to output 2, from output 1<br>−0.5"
    assert [page.which.itemText(n) for n in range(2)] == ["hidden 1: outputs", "hidden 1: biases"]
    assert "hidden 1: outputs: change from the identity from −0.5 to 0.5" in panel.said.full
    lines = {line.name: list(line.y) for line in page.course.lines}
    assert lines == {"hidden 1": [0.0, 0.5, 0.9], "output": [0.1] * 3}
    page.which.setCurrentIndex(1)
    page.which.activated.emit(1)
    np.testing.assert_array_equal(page.plot.image.image, [[0.0], [-0.5]])
    assert page.cell_text(1, 0) == "unit 2<br>0.5"
    header, rows = page.plot.table(False)
    assert header == ["matrix", "column", "row", "value"]
    assert list(rows)[1] == ["hidden 1: biases", 2, 1, 0.5]
    assert len(list(page.plot.table(True)[1])) == 6


def test_step_sizes_that_are_not_learned_in_words(bench: Bench) -> None:
    panel = shown(bench, "Learned")
    reason = "The step sizes of this arm are not learned: α is 0.01 everywhere."
    answer(bench, NothingToShow(reason))
    assert panel.page.view.words.isVisible() and panel.page.view.words.text() == reason


def test_norm_statistics_beside_stored_ones(bench: Bench) -> None:
    panel = shown(bench, "Norm")
    assert asked(bench) == InsightRequest.of("norm", arm="MAML")
    answer(bench, records.norm())
    page, layer = panel.page, records.norm().layers[0]
    np.testing.assert_array_equal(page.current.image.image, layer.mean[0])
    np.testing.assert_array_equal(page.stored.image.image, layer.stored_mean)
    assert tuple(page.current.image.getLevels()) == tuple(page.stored.image.getLevels())
    assert page.cell_text(page.current, 1, 2) == "unit 3, inner step 1<br>mean 1"
    own, stored = page.errors.lines
    np.testing.assert_array_equal(own.y, [3.0, 1.0, 0.5])
    np.testing.assert_array_equal(stored.y, [3.5, 2.0, 1.5])
    assert (
        "stored means: up to 2 σ off · norm: batch-running · Words about the norm."
        in panel.said.full
    )
    page.which_set.setCurrentIndex(1)
    page.what.setCurrentText("Variance")
    page.what.activated.emit(1)
    np.testing.assert_allclose(10**page.current.image.image, layer.variance[1])
    _, rows = page.current.table(False)
    assert next(iter(rows)) == ["query", 0, 1, 7.0, 50.0, -4.5, 25.0]
    assert len(list(page.current.table(True)[1])) == 24


def test_steps_that_explode_do_not_set_the_scale_of_the_statistics(bench: Bench) -> None:
    panel, seen = shown(bench, "Norm"), records.norm()
    layer = seen.layers[0]
    mean = layer.mean.copy()
    mean[:, -1] = 1e10
    answer(bench, replace(seen, layers=(replace(layer, mean=mean), *seen.layers[1:])))
    most = 10 * np.abs(mean[0][0]).max()
    assert max(panel.page.current.image.getLevels()) == most < 1e3


def test_of_two_lines_only_the_stored_one_is_dashed(bench: Bench) -> None:
    bench.session.editor.set_arms([default_arm("anil")])
    assert arm_style(bench.session.settings, "ANIL", LIGHT).line is Qt.PenStyle.DashLine
    panel = shown(bench, "Norm")
    answer(bench, records.norm())
    own, stored = panel.page.errors.lines
    assert own.style.line is Qt.PenStyle.SolidLine
    assert stored.style.line is Qt.PenStyle.DashLine


def test_without_a_norm_nothing_is_stored(bench: Bench) -> None:
    panel = shown(bench, "Norm")
    answer(bench, records.norm(stored=False))
    assert not panel.page.stored_place.isVisible()
    assert len(panel.page.errors.lines) == 1
    titles = {label.full for label in panel.page.findChildren(ElidedLabel) if label.isVisible()}
    assert "Query MSE" in titles and not any("dashed" in title for title in titles)
    answer(bench, records.norm())
    titles = {label.full for label in panel.page.findChildren(ElidedLabel) if label.isVisible()}
    assert "Query MSE (dashed: stored)" in titles
    answer(bench, records.norm(stored=False))
    assert panel.said.full.startswith("no norm · Words about the norm.")


def test_only_the_page_that_is_seen_is_computed(bench: Bench) -> None:
    panel = shown(bench, "Layer")
    assert asked(bench).view == "layer"
    panel.show_page("Features")
    assert asked(bench).view == "features"
    panel.hide()
    assert bench.worker.posted_of(LookInside)[-1].views == ()


def test_words_stand_at_the_foot_beside_the_choices_of_the_page(bench: Bench) -> None:
    panel = shown(bench, "Layer")
    answer(bench, records.layer())
    panel.grab()
    page = panel.page
    assert panel.said.y() > page.view.mapTo(panel, page.view.rect().bottomLeft()).y()
    assert page.what.isVisible() and page.what.width() < 200
    panel.show_page("Features")
    assert not page.what.isVisible()


def test_the_button_computes_it_now(bench: Bench) -> None:
    panel = shown(bench, "Features")
    press(bench.qtbot, panel.refresh)
    assert bench.worker.posted_of(RefreshInsight) == [RefreshInsight(asked(bench))]


def test_the_keyboard_reads_off_places_and_cells(bench: Bench) -> None:
    panel = shown(bench, "Features")
    answer(bench, {"MAML": records.features()})
    plot = panel.page.similarity
    plot.setFocus(Qt.FocusReason.TabFocusReason)
    for words in ("layer 1", "layer 2", "layer out", "layer out"):
        bench.qtbot.keyClick(plot, Qt.Key.Key_Right)
        assert plot.readout.text.startswith(words)
    panel.show_page("Layer")
    answer(bench, records.layer())
    heat = panel.page.plots[0]
    heat.setFocus(Qt.FocusReason.TabFocusReason)
    bench.qtbot.keyClick(heat, Qt.Key.Key_Up)
    assert heat.cell == (5, 3)
    assert heat.readout.text == "unit 4 at x 0<br>0"


def test_both_themes(bench: Bench) -> None:
    panel = shown(bench, "Layer")
    answer(bench, records.layer())
    plot = panel.page.plots[2]
    zero = plot.scale.color_of(np.array([0.0]))[0]
    assert tuple(zero[:3]) == (255, 255, 255)
    bench.session.set_theme(DARK)
    zero = plot.scale.color_of(np.array([0.0]))[0]
    assert tuple(zero[:3]) == (0x1C, 0x1F, 0x25), "what is 0 has the ground's colour"
    np.testing.assert_allclose(plot.image.image, 0.25)


def test_another_theme_draws_no_arm_that_is_gone(bench: Bench, qtbot: QtBot) -> None:
    panel = shown(bench, "Features")
    answer(bench, {"MAML": records.features(), "ANIL": records.features(0.25)})
    bench.session.editor.set_arms(
        [arm for arm in bench.session.settings.arms if arm.name != "ANIL"]
    )
    bench.session.set_theme(DARK)
    assert list(panel.page.similarity.drawn) == ["MAML"]


def test_a_lesson_that_hides_its_answer_names_no_arm_that_is_gone(
    bench: Bench, qtbot: QtBot
) -> None:
    panel = shown(bench, "Features")
    panel.resize(620, 320)
    answer(bench, {"MAML": records.features(), "ANIL": records.features(0.25)})
    with qtbot.captureExceptions() as raised:
        bench.session.editor.set_arms((default_arm("maml"), default_arm("fomaml")))
        bench.session.hide_answers(True)
        bench.session.hide_answers(False)
        bench.qtbot.wait(20)
    assert not raised, raised
    assert [name for _, name in panel.page.similarity.legend()] == ["MAML"]


def test_no_interval_leaves_what_can_be(bench: Bench) -> None:
    panel = shown(bench, "Features")
    wide = np.array([0.3, 0.3, 0.6])
    value = replace(records.features(), similarity_spread=wide, change_spread=10 * wide)
    answer(bench, {"MAML": value})
    for plot, most in ((panel.page.similarity, 1.0), (panel.page.change, np.inf)):
        options = plot._items["MAML"].bars.opts
        high, low = options["y"] + options["top"], options["y"] - options["bottom"]
        assert plot.left.logarithmic or (low >= -1e-12).all()
        assert (high <= most + 1e-12).all()
    bars = panel.page.similarity._items["MAML"].bars.opts
    assert (bars["y"] + bars["top"])[0] == pytest.approx(1.0)


@pytest.mark.parametrize("width", [1200, 760, 480, 400])
def test_titles_of_small_plots_are_whole_or_shorter(bench: Bench, width: int) -> None:
    panel = bench.show(NetworkPanel, width, 260)
    for page in ("Features", "Layer", "Norm"):
        panel.show_page(page)
        seen: object = getattr(records, page.lower())()
        answer(bench, {"MAML": seen} if page == "Features" else seen)
        bench.qtbot.wait(10)
        titles = [label for label in panel.page.findChildren(ElidedLabel) if label.isVisible()]
        assert len(titles) >= 3
        assert not [t.text() for t in titles if not t.text() or t.text().endswith("…")]
