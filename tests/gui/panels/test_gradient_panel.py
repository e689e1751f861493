"""The Gradient tab: the numbers it shows are those that were found."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels.gradient.check_page import CHECK, CheckPage, in_words
from maml_explorer.gui.panels.gradient.cost_page import COST, CostPage
from maml_explorer.gui.panels.gradient.panel import GradientPanel
from maml_explorer.gui.panels.gradient.parts_page import COSINE, GRADIENT, NORMS, PartsPage
from maml_explorer.gui.panels.gradient.tasks_page import TasksPage
from maml_explorer.gui.plots.lines_plot import LinesPlot
from maml_explorer.gui.style.theme import DARK
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.insight import (
    Insight,
    InsightFigures,
    LookInside,
    NothingToShow,
    RefreshInsight,
)
from maml_explorer.protocol.insight_records.check import CheckSeen
from maml_explorer.protocol.insight_records.cost import CostSeen
from maml_explorer.protocol.insight_records.gradient import WHOLE, GradientSeen
from maml_explorer.protocol.reports import Rewound
from maml_explorer.settings.settings import Settings, default_arm
from tests.gui.driving import Opener, press
from tests.gui.panel_bench import Bench, nameless

LAYERS = ("layer 1", "layer 2", WHOLE)
ARMS = Settings().with_arms(tuple(default_arm(key) for key in ("maml", "anil", "mtl")))


def seen(scale: float = 1.0, tasks: int = 3) -> GradientSeen:
    cosines = np.full((tasks, tasks), 0.25)
    np.fill_diagonal(cosines, 1.0)
    return GradientSeen(
        LAYERS, scale * np.array([1.0, 2.0, 2.236]), scale * np.array([0.1, 0.2, 0.224]),
        scale * np.array([0.9, 1.8, 2.012]), np.array([0.7, 0.8, np.nan]), cosines, 0.25,
    )  # fmt: skip


def arms(scale: float = 1.0) -> dict[str, object]:
    none = NothingToShow("Joint training has no inner loop.")
    return {"MAML": seen(scale), "ANIL": seen(2 * scale), "MTL": none}


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench.start(qtbot, ARMS)


@pytest.fixture
def panel(bench: Bench) -> GradientPanel:
    return bench.show(GradientPanel, 760, 260)


def parts(panel: GradientPanel) -> PartsPage:
    page = panel.pages["Parts"]
    assert isinstance(page, PartsPage)
    return page


def cells(page: PartsPage | CheckPage) -> list[list[str]]:
    table = page.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_the_parts_of_every_layer(bench: Bench, panel: GradientPanel) -> None:
    bench.report(Insight(bench.session.run, 0, GRADIENT, arms()))
    assert cells(parts(panel)) == [
        ["layer 1", "1", "0.1", "0.9", "0.7"],
        ["layer 2", "2", "0.2", "1.8", "0.8"],
        [WHOLE, "2.24", "0.224", "2.01", "–"],
    ]
    panel.arm_choice.setCurrentText("ANIL")
    assert cells(parts(panel))[0] == ["layer 1", "2", "0.2", "1.8", "0.7"]
    panel.arm_choice.setCurrentText("MTL")
    assert parts(panel).view.words.isVisible()
    assert parts(panel).view.words.text() == "Joint training has no inner loop."


def test_a_layer_is_followed_over_training(
    bench: Bench, panel: GradientPanel, tmp_path: Path
) -> None:
    page = parts(panel)
    for step, scale in ((0, 1.0), (100, 2.0), (200, 3.0)):
        bench.report(Insight(bench.session.run, step, GRADIENT, arms(scale)))
    assert page.layer == WHOLE
    assert page.quantity.currentText() == COSINE
    page.table.selectRow(1)
    lines = {line.name: line for line in page.plot.lines}
    assert set(lines) == {"MAML", "ANIL"}
    np.testing.assert_array_equal(lines["MAML"].x, [0, 100, 200])
    np.testing.assert_array_equal(lines["MAML"].y, [0.8, 0.8, 0.8])
    bench.session.set_hidden(["ANIL"])
    assert [line.name for line in page.plot.lines] == ["MAML"]
    page.quantity.setCurrentText(NORMS)
    norms = {line.name: line.y.tolist() for line in page.plot.lines}
    assert norms == {
        "∇L_query(φ_K)": [2.0, 4.0, 6.0],
        "Hessian correction": [0.2, 0.4, pytest.approx(0.6)],
        "their sum": [1.8, 3.6, pytest.approx(5.4)],
    }
    page.plot.save_csv(tmp_path / "parts.csv")
    rows = list(csv.reader((tmp_path / "parts.csv").read_text().splitlines()))
    assert rows[0] == ["line", "outer step", "norm"]
    assert ["∇L_query(φ_K)", "100.0", "4.0"] in rows
    bench.report(Rewound(bench.session.run, 100))
    bench.report(Insight(bench.session.run, 100, GRADIENT, arms(9.0)))
    assert page.plot.lines[0].x.tolist() == [0, 100]
    assert "their sum 16.2" in page.plot.reading(99.0)


def test_the_figures_of_an_opened_run_are_drawn(bench: Bench, panel: GradientPanel) -> None:
    rows = ((0, "gradient", "MAML", f"cosine, {WHOLE}", 0.5),)
    bench.report(InsightFigures(bench.session.run, rows))
    bench.report(Insight(bench.session.run, 900, GRADIENT, arms()))
    line = next(line for line in parts(panel).plot.lines if line.name == "MAML")
    assert (line.x.tolist(), line.y[0]) == ([0, 900], 0.5)


def test_pairs_of_tasks(bench: Bench, panel: GradientPanel) -> None:
    panel.show_page("Tasks")
    bench.report(Insight(bench.session.run, 50, GRADIENT, arms()))
    page = panel.pages["Tasks"]
    assert isinstance(page, TasksPage)
    header, rows = page.map.table(True) if page.map.table else ((), [])
    assert list(header) == ["task", "other task", "cosine"]
    assert list(rows) == [[1, 2, 0.25], [1, 3, 0.25], [2, 3, 0.25]]
    assert page.plot.lines[0].y.tolist() == [0.25]
    bench.session.set_theme(DARK)
    assert page.map.theme is DARK


def test_the_check_waits_for_a_press_and_says_its_error(
    qtbot: QtBot, bench: Bench, panel: GradientPanel
) -> None:
    panel.show_page("Check")
    page = panel.pages["Check"]
    assert isinstance(page, CheckPage)
    assert all(CHECK not in c.views for c in bench.worker.posted_of(LookInside))
    assert page.view.begin.isVisible()
    press(qtbot, page.view.begin)
    assert bench.worker.posted_of(RefreshInsight) == [RefreshInsight(CHECK)]
    slopes = np.array([1.5, -0.25])
    record = CheckSeen(slopes, slopes + 1e-9, slopes + 0.1, 6.7e-10, 0.067, False, 25)
    bench.report(Insight(bench.session.run, 50, CHECK, {"MAML": record}))
    assert page.words.text() == in_words(record)
    assert "off by 6.7e−10 of the largest slope, first order alone by 0.067" in page.words.text()
    assert cells(page)[1] == ["random 1", "−0.25", "−0.25", "1e−9", "−0.15", "0.1"]


def test_costs_in_their_units(qtbot: QtBot, bench: Bench, panel: GradientPanel) -> None:
    panel.show_page("Cost")
    page = panel.pages["Cost"]
    assert isinstance(page, CostPage)
    assert not panel.arm_choice.isVisible() and page.quantity.isVisible()
    press(qtbot, page.view.begin)
    two = np.array([1.0, 2.0])
    record = CostSeen(
        (1, 5), {"MAML": two, "Reptile": two / 2}, {"MAML": two * 2**20}, {"MAML": two * 1e6},
        {"MAML": two * 2**21}, "cpu", 25,
    )  # fmt: skip
    bench.report(Insight(bench.session.run, 50, COST, record))
    assert [line.name for line in page.plot.lines] == ["MAML"], "the run has no Reptile"
    assert page.plot.left.logarithmic
    press(qtbot, page.all)
    assert [(line.name, line.y.tolist()) for line in page.plot.lines] == [
        ("MAML", [1.0, 2.0]), ("Reptile", [0.5, 1.0]),
    ]  # fmt: skip
    for words, values in (
        ("Memory", [1.0, 2.0]), ("Operations", [1.0, 2.0]),
        ("Kept memory", [2.0, 4.0]),
    ):  # fmt: skip
        page.quantity.setCurrentText(words)
        assert page.plot.lines[0].y.tolist() == values
    page.quantity.setCurrentText("Time")
    named = ["MAML", "Reptile"]  # once the plot has room for them
    qtbot.waitUntil(lambda: [name for name, _ in page.plot.ends.boxes] == named)


def test_names_of_layers_are_whole_where_the_table_is_narrow(
    bench: Bench, panel: GradientPanel
) -> None:
    table = parts(panel).table
    table.fill([["hidden 1", *["0.1234"] * 4], ["hidden 2", *["0.1234"] * 4]])
    table.setFixedWidth(160)
    needed = table.fontMetrics().horizontalAdvance("hidden 1")
    assert table.columnWidth(0) >= needed + 10
    figures = [table.columnWidth(nth) for nth in range(1, 5)]
    table.setFixedWidth(500)
    assert [table.columnWidth(nth) for nth in range(1, 5)] == figures
    assert table.columnWidth(0) + sum(figures) == table.viewport().width()


def test_arms_that_come_and_go(bench: Bench, panel: GradientPanel) -> None:
    panel.arm_choice.setCurrentText("ANIL")
    bench.session.editor.set_arms([default_arm("maml"), default_arm("anil")])
    bench.pull()
    assert panel.arm_choice.currentText() == "ANIL"
    bench.session.editor.set_arms([default_arm("maml")])
    bench.pull()
    assert (panel.arm_choice.currentText(), parts(panel).arm) == ("MAML", "MAML")


def test_every_control_has_a_name(panel: GradientPanel) -> None:
    assert nameless(panel) == []


def test_every_page_fits_beside_the_settings_at_1280(opened: Opener) -> None:
    window = opened(size=(1280, 800))
    window.columns.show_tab("gradient")
    panel = window.columns.places["gradient"].panel
    assert isinstance(panel, GradientPanel)
    for name in panel.kinds:
        panel.show_page(name)
        window.grab()
        assert window.columns.parts["Settings"].isVisible(), name
        assert window.width() == 1280


@pytest.mark.parametrize("points", [9, 12])
def test_the_table_is_as_wide_as_its_columns_in_larger_type(bench: Bench, points: int) -> None:
    panel = bench.show(GradientPanel, 780, 300)
    table = panel.pages["Parts"].table  # type: ignore[attr-defined]
    font = table.font()
    font.setPointSizeF(points)
    table.setFont(font)
    table.fill([["hidden 1", "0.1633", "0.02361", "0.1511", "0.9943"]] * 4)
    bench.qtbot.wait(20)
    assert table.width() >= table.horizontalHeader().length()
    assert not table.horizontalScrollBar().isVisible()


def test_words_of_a_reference_are_whole_or_not_there(bench: Bench) -> None:
    plot = LinesPlot(bench.session.theme, "Agreement", "outer step")
    plot.show()
    seen = set()
    for width in (500, 300, 200, 150, 120, 100):
        plot.resize(width, 160)
        plot.settle()
        bench.qtbot.wait(10)
        plot.show_lines([], "mean cosine", reference=(0.0, "no agreement"))
        words = plot._words
        seen.add(words.isVisible())
        box = words.mapRectToScene(words.boundingRect())
        assert not words.isVisible() or box.left() >= plot.area().left() - 1
    assert seen == {True, False}
    plot.hide()


def test_one_outer_step_shows_the_cosine_in_all_layers(bench: Bench, panel: GradientPanel) -> None:
    page = parts(panel)

    def report(step: int, **first: float) -> None:
        found: dict[str, object] = {
            name: replace(seen(), cosine=np.array([value, value + 0.1, value + 0.2]))
            for name, value in first.items()
        }
        bench.report(Insight(bench.session.run, step, GRADIENT, found))

    report(40, MAML=0.7, ANIL=0.5)
    assert page.by_layer.isVisible() and not page.plot.isVisible()
    assert page.by_layer.places == LAYERS
    np.testing.assert_allclose(page.by_layer.drawn["MAML"].mean, [0.7, 0.8, 0.9])
    np.testing.assert_allclose(page.by_layer.drawn["ANIL"].mean, [0.5, 0.6, 0.7])
    page.quantity.setCurrentText(NORMS)
    assert page.plot.isVisible() and not page.by_layer.isVisible()
    page.quantity.setCurrentText(COSINE)
    report(80, MAML=0.6, ANIL=0.5)
    assert page.plot.isVisible() and not page.by_layer.isVisible()


def test_a_cosine_below_zero_stays_on_the_plot(bench: Bench, panel: GradientPanel) -> None:
    page = parts(panel)

    def report(*cosines: float) -> None:
        found: dict[str, object] = {
            "MAML": seen(),
            "ANIL": replace(seen(), cosine=np.array(cosines)),
        }
        bench.report(Insight(bench.session.run, 40, GRADIENT, found))

    report(0.5, 0.6, 0.7)
    low, high = page.by_layer.view().viewRange()[1]
    assert -0.1 < low < 0 and high > 1
    report(0.5, -0.4, -0.7)
    assert page.by_layer.isVisible(), "one outer step shows all layers, whatever their sign"
    low, high = page.by_layer.view().viewRange()[1]
    assert -1.2 < low < -1 and high > 1


@pytest.mark.parametrize("quantity", [COSINE, NORMS])
@pytest.mark.parametrize("steps", [(40,), (40, 80)])
def test_the_legend_names_every_line_in_every_width_or_none(
    bench: Bench, panel: GradientPanel, qtbot: QtBot, quantity: str, steps: tuple[int, ...]
) -> None:
    page = parts(panel)
    for step in steps:
        bench.report(Insight(bench.session.run, step, GRADIENT, arms()))
    page.quantity.setCurrentText(quantity)
    legend = page.arms if page.arms.isVisible() else page.legend
    wanted = len(legend.plot.legend())
    named = {}
    for width in range(440, 1000, 40):
        panel.resize(width, 240)
        qtbot.wait(1)
        entries = legend.entries(legend.width())
        named[width] = len(entries)
        assert legend.height() == (round(max(e.words.bottom() for e in entries)) if entries else 0)
    assert set(named.values()) <= {0, wanted}, named
    assert all(count for width, count in named.items() if width >= 520), named
    assert legend.entries(40) == []


def test_a_small_plot_of_layers_names_all_of_them_and_its_arms(
    bench: Bench, panel: GradientPanel, qtbot: QtBot
) -> None:
    page = parts(panel)
    bench.report(Insight(bench.session.run, 70_000, GRADIENT, {"MAML": seen(), "ANIL": seen()}))
    for width in (560, 600, 900):
        panel.resize(width, 200)
        qtbot.wait(1)
        (ticks,) = page.by_layer.bottom._tickLevels
        assert len(ticks) == len(LAYERS), width
        assert page.arms.isVisible() and page.arms.height() >= panel.fontMetrics().height()
        assert [name for _, name in page.arms.plot.legend()] == ["MAML", "ANIL"]


def test_no_words_over_the_plot_and_no_step_are_cut_at_1280(
    bench: Bench, panel: GradientPanel, qtbot: QtBot
) -> None:
    page = parts(panel)
    bench.report(Insight(bench.session.run, 70_000, GRADIENT, {"MAML": seen(), "ANIL": seen()}))
    said = set()
    for width in range(480, 1000, 20):
        panel.resize(width, 200)
        qtbot.wait(1)
        titles = [one for one in page.findChildren(ElidedLabel) if one.isVisible()]
        assert titles and not [one.text() for one in titles if "…" in one.text()], width
        said.add(panel.said.text())
    assert {"", "at outer step 70\u202f000"} <= said
    assert not [words for words in said if "…" in words]


def test_a_place_as_high_as_wide_has_the_table_above_the_plot(bench: Bench, qtbot: QtBot) -> None:
    panel = bench.show(GradientPanel, 760, 260)
    bench.report(Insight(bench.session.run, 0, GRADIENT, arms()))
    page = parts(panel)

    def corners() -> tuple[QPoint, QPoint]:
        top = QPoint(0, 0)
        return page.table.mapTo(page, top), page.plot.mapTo(page, top)

    table, plot = corners()
    assert plot.x() > table.x() + 300
    panel.resize(560, 520)
    qtbot.wait(20)
    table, plot = corners()
    assert plot.x() == table.x() and plot.y() > table.y()
    assert page.table.horizontalScrollBar().maximum() == 0, "every column is seen"
    panel.resize(760, 260)
    qtbot.wait(20)
    table, plot = corners()
    assert plot.x() > table.x() + 300


def test_buttons_move_closer_together_before_a_choice_is_cut(opened: Opener) -> None:
    columns = opened(size=(1366, 768)).columns
    columns.show_tab("gradient")
    tab = columns.places["gradient"].panel
    assert isinstance(tab, GradientPanel)
    room = {}
    for size in ("", "large", "largest", ""):
        columns.set_text_size(size)
        for _ in range(3):
            QApplication.sendPostedEvents()
            QApplication.processEvents()
        room[size] = tab.choices.buttons()[0].property("room") or ""
        for choice in (tab.arm_choice, *tab.page.controls):
            option = QStyleOptionComboBox()
            choice.initStyleOption(option)  # type: ignore[attr-defined]
            assert option.currentText == choice.currentText(), size  # type: ignore[attr-defined]
    assert room[""] == "" and room["largest"] == "little"
