"""The Map tab draws what it is handed; a click shows a task above, sliders ask or choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels.map.landscape_page import MEAN_QUERY, MEAN_SUPPORT, SUPPORT
from maml_explorer.gui.panels.map.panel import MapPanel
from maml_explorer.gui.panels.map.parameters_page import AMPLITUDE
from maml_explorer.gui.plots.color_scale import CYCLIC, DIVERGING, SEQUENTIAL, value_range
from maml_explorer.gui.style.theme import DARK
from maml_explorer.protocol.insight import (
    Insight,
    InsightProgress,
    InsightRequest,
    LookInside,
    NothingToShow,
)
from maml_explorer.settings.settings import Settings
from tests.gui import insight_records as records
from tests.gui.panel_bench import LEFT, Bench


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.task()
    return bench


def shown(bench: Bench, title: str) -> Any:
    panel = bench.show(MapPanel, 760, 340)
    panel.show_page(title)
    return panel


def asked(bench: Bench) -> InsightRequest:
    (request,) = bench.worker.posted_of(LookInside)[-1].views
    return request


def answer(bench: Bench, panel: Any, value: object) -> Any:
    bench.report(Insight(bench.session.run, 700, asked(bench), value))
    panel.grab()  # the first painting settles the axes
    return panel.page


def test_the_parameter_map(bench: Bench) -> None:
    panel = shown(bench, "Parameters")
    assert asked(bench).view == "parameter_map"
    assert {"arm": "MAML", "steps": 1, "amplitude": 2.0}.items() <= asked(bench).values().items()
    page, seen = answer(bench, panel, records.parameter_map()), records.parameter_map()
    plot = page.plot
    x, y = plot.dots.getData()
    np.testing.assert_allclose(np.stack([x, y], 1), seen.coordinates[:8])
    colors = [tuple(spot.brush().color().getRgb()) for spot in plot.dots.points()]
    expected = [tuple(int(part) for part in c) for c in plot.scale.color_of(seen.phase[:8])]
    assert colors == expected
    assert (plot.scale.low, plot.scale.high, plot.scale.kind) == (0.0, 3.0, SEQUENTIAL)
    np.testing.assert_array_equal(plot.path_line.getData()[0], [0, 1, 1.5])
    assert "9 tasks after 2 inner steps · 1 diverged · 85 % of the variance" in panel.said.full
    assert "R² of (A cos φ, A sin φ) 0.93" in panel.said.full
    assert "60 %" in plot._x_label and "25 %" in plot._y_label
    page.color_by.setCurrentText(AMPLITUDE)
    page.color_by.activated.emit(1)
    assert (plot.scale.low, plot.scale.high) == (0.5, 4.5)
    assert plot.reading(0) == "A 0.5  φ 0<br>0.5 from θ on the map"
    header, rows = plot.table(False)
    assert header[0] == "amplitude" and len(list(rows)) == 9


def test_distances_on_the_map_are_to_one_scale(bench: Bench) -> None:
    panel = shown(bench, "Parameters")
    plot = answer(bench, panel, records.parameter_map()).plot
    across, up = (
        plot.to_pixel(1, 0) - plot.to_pixel(0, 0),
        plot.to_pixel(0, 1) - plot.to_pixel(0, 0),
    )
    assert across.x() == pytest.approx(-up.y(), abs=1)


def test_a_click_on_the_map_shows_that_task_above(bench: Bench) -> None:
    panel = shown(bench, "Parameters")
    page, seen = answer(bench, panel, records.parameter_map()), records.parameter_map()
    pixel = page.plot.to_pixel(*seen.coordinates[6])
    bench.qtbot.mouseMove(page.plot.viewport(), pixel)
    assert page.plot.task_at(pixel) == 6
    bench.qtbot.mouseClick(page.plot.viewport(), LEFT, pos=pixel)
    task = bench.session.task.probe
    assert (task.amplitude, task.phase, task.frequency) == (4.0 - 0.5, 2.25, 1.0)
    np.testing.assert_allclose(task.support_x, seen.support_x[6])
    np.testing.assert_allclose(task.support_y, seen.support_y[6], rtol=1e-12)
    before = bench.session.task.probe
    bench.qtbot.mouseClick(page.plot.viewport(), LEFT, pos=page.plot.to_pixel(-3.0, -1.0))
    assert bench.session.task.probe is before, "there is no task there"


def test_the_keyboard_goes_from_task_to_task(bench: Bench) -> None:
    panel = shown(bench, "Parameters")
    page, seen = answer(bench, panel, records.parameter_map()), records.parameter_map()
    page.plot.setFocus(Qt.FocusReason.TabFocusReason)
    bench.qtbot.keyClick(page.plot, Qt.Key.Key_Right)
    assert page.plot.at == 0 and page.plot.readout.text == page.plot.reading(0)
    bench.qtbot.keyClick(page.plot, Qt.Key.Key_Left)
    assert page.plot.at == 7, "around θ, and past the one that diverged"
    bench.qtbot.keyClick(page.plot, Qt.Key.Key_Return)
    assert bench.session.task.probe.phase == seen.phase[7]


def test_all_phases_have_colours_that_close(bench: Bench) -> None:
    import dataclasses

    panel = shown(bench, "Parameters")
    around = records.frozen(np.linspace(0, 6.28, 9))
    page = answer(bench, panel, dataclasses.replace(records.parameter_map(), phase=around))
    assert page.plot.scale.kind == CYCLIC
    first, last = page.plot.scale.color_of(np.array([0.0, 6.28]))
    assert np.abs(first.astype(int) - last.astype(int)).max() < 12


def test_the_error_map_at_the_inner_step_shown_above(bench: Bench) -> None:
    panel = shown(bench, "Errors")
    assert asked(bench) == InsightRequest.of("error_map", arm="MAML")
    page, seen = answer(bench, panel, records.error_map()), records.error_map()
    plot = page.plot
    # one inner step is what training takes
    np.testing.assert_array_equal(plot.values, seen.errors[1].T)
    np.testing.assert_allclose(10**plot.image.image, seen.errors[1].T)
    assert (plot.scale.low, plot.scale.high, plot.scale.logarithmic) == (1.0, 89.0, True)
    frame = plot.frames[0].rect()
    assert (frame.left(), frame.right(), frame.top(), frame.bottom()) == (0.0, 3.0, 1.0, 3.0)
    inside = seen.errors[1, 1:4, 1:5].mean()
    assert f"ranges of training {inside:.3g}" in panel.said.full
    page.steps.slider.setValue(2)
    assert bench.session.inner.chosen == 2
    expected = seen.errors[2].T.copy()
    expected[5, 4] = np.nan  # beyond the limit
    np.testing.assert_array_equal(plot.values, expected)
    assert "2 of 30 tasks diverged (blank)" in panel.said.full
    assert page.cell_text(0, 0) == "A 0  φ −1<br>diverged<br>beyond training"
    assert page.cell_text(1, 2) == "A 2  φ 0<br>query MSE 74<br>in the ranges of training"
    assert len(list(plot.table(False)[1])) == 30
    assert len(list(plot.table(True)[1])) == 90


def test_a_click_on_the_error_map_shows_that_task_above(bench: Bench) -> None:
    panel = shown(bench, "Errors")
    page = answer(bench, panel, records.error_map())
    bench.qtbot.mouseClick(page.plot.viewport(), LEFT, pos=page.plot.to_pixel(2.1, 2.9))
    task = bench.session.task.probe
    assert (task.amplitude, task.phase) == (3.0, 2.0)
    np.testing.assert_array_equal(task.support_x, [-1.0, 2.0])
    clean = 3.0 * np.sin(np.array([-1.0, 2.0]) - 2.0)
    np.testing.assert_allclose(task.support_y, clean + np.array([0.5, -0.25]), rtol=1e-12)
    assert len(task.query_x) == bench.session.settings.inner.query_points
    page.plot.setFocus(Qt.FocusReason.TabFocusReason)
    bench.qtbot.keyClick(page.plot, Qt.Key.Key_Left)
    assert page.plot.cell == (2, 2)
    bench.qtbot.keyClick(page.plot, Qt.Key.Key_Return)
    assert (bench.session.task.probe.amplitude, bench.session.task.probe.phase) == (2.0, 1.0)


def test_shots_and_steps(bench: Bench) -> None:
    panel = shown(bench, "Shots")
    page, seen = answer(bench, panel, records.data_map()), records.data_map()
    np.testing.assert_array_equal(page.plot.values, seen.errors.T)
    frame = page.plot.frames[0].rect()
    assert (frame.center().x(), frame.center().y()) == (1.0, 1.0)
    bench.qtbot.mouseClick(page.plot.viewport(), LEFT, pos=page.plot.to_pixel(2.0, 0.0))
    assert bench.session.inner.chosen == 2
    assert page.plot.frames[0].rect().center().x() == 2.0
    words = "5 shots, inner step 2<br>query MSE 1<br>median 0.5<br>1 of 60 tasks diverged"
    assert page.cell_text(2, 0) == words


def test_the_landscape_and_its_paths(bench: Bench) -> None:
    panel = shown(bench, "Landscape")
    assert {"axes": "tasks", "m": 0, "arm": "MAML"}.items() <= asked(bench).values().items()
    page, seen = answer(bench, panel, records.landscape()), records.landscape()
    plot = page.plot
    np.testing.assert_array_equal(plot.values, seen.query)
    np.testing.assert_allclose(10**plot.image.image, seen.query)
    # contours lie between the least and the largest loss, at places with that loss
    assert len(plot.contours) == 8
    assert np.all(np.diff(plot.levels) > 0)
    assert seen.query.min() < plot.levels[0] and plot.levels[-1] < seen.query.max()
    box = plot.contours[3].mapRectToParent(plot.contours[3].boundingRect())
    assert box.left() >= -2.25 and box.right() <= 2.25
    x, y = plot.paths[0].getData()
    np.testing.assert_array_equal(np.stack([x, y], 1), seen.paths[:, 0])
    x, _ = plot.paths[3].getData()
    assert len(x) == 2, "a path ends where it is no longer finite"
    for choice, values, words in (
        (SUPPORT, seen.support, "Support loss, this task"),
        (MEAN_QUERY, seen.mean_query, "Query loss, mean of 8 tasks"),
        (MEAN_SUPPORT, seen.mean_support, "Support loss, mean of 8 tasks"),
    ):
        page.loss.setCurrentText(choice)
        page.loss.activated.emit(0)
        np.testing.assert_array_equal(plot.values, values)
        assert panel.said.full.startswith(words)


def test_the_slider_asks_for_the_meta_loss(bench: Bench) -> None:
    panel = shown(bench, "Landscape")
    answer(bench, panel, records.landscape())
    panel.page.loss.setCurrentText(MEAN_QUERY)
    panel.page.steps.slider.setValue(3)
    bench.qtbot.waitUntil(lambda: asked(bench).values()["m"] == 3)
    answer(bench, panel, records.landscape(m=3))
    assert "after 3 inner steps from every point (the meta-loss)" in panel.said.full
    panel.page.axes.setCurrentText("Components")
    panel.page.axes.activated.emit(1)
    assert asked(bench).values()["axes"] == "components"
    bench.session.editor.edit({"test_steps": 2})
    assert asked(bench).values()["m"] == 2
    assert panel.page.steps.slider.maximum() == 2


@pytest.mark.parametrize(
    ("record", "field", "words"),
    [
        (records.landscape(truth=False), "support", "the task above has no truth"),
        (records.landscape(shown=False), "mean_query", "the task above has no support points"),
    ],
)
def test_a_loss_that_there_is_none_of_gives_way_in_words(
    bench: Bench, record: Any, field: str, words: str
) -> None:
    panel = shown(bench, "Landscape")
    page = answer(bench, panel, record)
    np.testing.assert_array_equal(page.plot.values, getattr(record, field))
    assert words in panel.said.full


@pytest.mark.parametrize("family", ["glyphs", "incremental"])
def test_the_landscape_of_other_tasks_says_that_the_one_above_is_not_in_it(
    qtbot: QtBot, family: str
) -> None:
    bench = Bench.start(qtbot, Settings().with_values({"family": family}))
    panel = shown(bench, "Landscape")
    answer(bench, panel, records.landscape(shown=False))
    assert "not of the task above" in panel.said.full
    assert "support points" not in panel.said.full and "8 others" not in panel.said.full
    bench.session.close()


@pytest.mark.parametrize("width", [180, 240, 330, 480, 640])
@pytest.mark.parametrize(
    ("title", "record", "begins"),
    [
        ("Parameters", records.parameter_map(), ("",)),
        ("Errors", records.error_map(), ("",)),
        ("Shots", records.data_map(), ("Query MSE, mean of", "Mean query MSE")),
        ("Landscape", records.landscape(), ("Query loss",)),
        ("Landscape", records.landscape(shown=False, m=2), ("Query loss, mean", "Mean query")),
        ("Embedding", records.embedding(), ("Last hidden layer", "90 %")),
    ],
)
def test_words_below_a_map_become_shorter_and_are_never_cut(
    bench: Bench, title: str, record: Any, begins: tuple[str, ...], width: int
) -> None:
    panel = shown(bench, title)
    bench.session.inner.choose(2)
    answer(bench, panel, record)
    panel.said.resize(width, 20)
    words = panel.said.text()
    assert words.startswith(begins) and words and "…" not in words


@pytest.mark.parametrize("title", ["Parameters", "Errors", "Shots", "Landscape"])
def test_computing_nothing_and_failed_in_words(bench: Bench, title: str) -> None:
    panel = shown(bench, title)
    page = panel.page
    assert page.view.words.isVisible() and page.view.words.text() == "Computing…"
    bench.report(InsightProgress(bench.session.run, asked(bench), 0.3))
    assert page.view.words.text() == "Computing… 30 %"
    answer(bench, panel, NothingToShow("There is no inner step."))
    assert page.view.words.text() == "There is no inner step."
    bench.report(Insight(bench.session.run, 1, asked(bench), None, "ValueError: no.", "trace"))
    assert page.view.again.isVisible() and "The run goes on." in page.view.words.text()


def test_other_colours(bench: Bench) -> None:
    panel = shown(bench, "Landscape")
    page = answer(bench, panel, records.landscape())
    bench.session.set_theme(DARK)
    np.testing.assert_allclose(10**page.plot.image.image, records.landscape().query)
    assert page.plot.theta.color.name() == DARK.text


@pytest.mark.parametrize(
    ("values", "kind", "span"),
    [
        ([0.01, 5.0], SEQUENTIAL, (0.01, 5.0, True)),
        ([1.0, 5.0], SEQUENTIAL, (1.0, 5.0, False)),
        ([0.0, 5.0], SEQUENTIAL, (0.0, 5.0, False)),
        ([1e-12, 5.0], SEQUENTIAL, (5e-6, 5.0, True)),
        ([3.0, 3.0], SEQUENTIAL, (1.5, 4.5, False)),
        ([0.0, 0.0], SEQUENTIAL, (-0.5, 0.5, False)),
        ([np.nan, np.inf], SEQUENTIAL, (0.0, 1.0, False)),
        ([-0.1, 0.4], DIVERGING, (-0.4, 0.4, False)),
        ([0.0, 0.0], DIVERGING, (-1.0, 1.0, False)),
    ],
)
def test_the_span_of_colours(values: list[float], kind: str, span: tuple[Any, ...]) -> None:
    assert value_range(np.array(values), kind) == pytest.approx(span)
