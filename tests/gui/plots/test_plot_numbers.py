"""The numbers behind every plot, as a table and as files."""

import csv
import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QFontMetricsF, QGuiApplication, QPainter, QPixmap
from PySide6.QtWidgets import QApplication

from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.adaptation_speed.panel import AdaptationSpeedPanel
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.plots.lines_plot import LinesPlot, PlotLine
from maml_explorer.gui.plots.plot_text import fitting
from maml_explorer.gui.plots.readout import in_pairs
from maml_explorer.gui.plots.table_window import TableWindow
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.qt_style import base_font
from tests.gui.panel_bench import Bench, nameless
from tests.gui.panels.test_losses_panel import train

PLOTS = {
    AdaptationPanel: lambda panel: panel.canvas,
    LossesPanel: lambda panel: panel.plot,
    AdaptationSpeedPanel: lambda panel: panel.plot,
}


@pytest.fixture
def bench(bench):
    bench.task()
    return bench


def open_table(bench, plot):
    entries = {action.text(): action for action in plot.menu().actions()}
    entries["Show as table…"].trigger()
    window = plot.findChild(TableWindow)
    bench.qtbot.waitExposed(window)
    return window


def rows_of(plot, path, everything=False):
    plot.save_csv(path, everything)
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", PLOTS)
def test_the_menu_ends_the_read_out(bench, kind, monkeypatch):
    """After it the plot hears nothing of a pointer that has left meanwhile."""
    panel = bench.show(kind)
    plot = PLOTS[kind](panel)
    if kind is LossesPanel:
        train(bench, panel, [4.0, 2.0, 1.0])
    middle = plot.area().center().toPoint()
    plot._read(middle)
    assert plot.readout.text
    monkeypatch.setattr(plot, "menu", lambda: SimpleNamespace(exec=lambda _: None))
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, middle, plot.mapToGlobal(middle))
    QApplication.sendEvent(plot.viewport(), asked)
    assert plot.readout.text == "" and not plot.readout._box.isVisible()
    plot.take_colors(bench.session.theme)
    assert plot.readout.text == "", "nor does new data bring it back"


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
@pytest.mark.parametrize("kind", PLOTS)
def test_the_table_has_what_the_file_has_and_is_copied(bench, kind, tmp_path):
    panel = bench.show(kind)
    plot = PLOTS[kind](panel)
    if kind is LossesPanel:
        train(bench, panel, [4.0, 2.0, 1.0])
    rows = rows_of(plot, tmp_path / "shown.csv")
    window = open_table(bench, plot)
    assert rows and nameless(window) == []
    assert window.view.model().rowCount() == len(rows)
    window.view.setFocus()
    bench.qtbot.keyClick(window.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    header, first, *_ = QGuiApplication.clipboard().text().split("\n")
    assert header.split("\t") == list(rows[0])
    assert first.split("\t") == list(rows[0].values())
    window.view.selectColumn(1)
    window.copy.click()
    assert QGuiApplication.clipboard().text().split("\n")[:2] == [
        list(rows[0])[1], list(rows[0].values())[1],
    ]  # fmt: skip
    bench.qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_everything_has_hidden_arms_and_other_steps_and_losses_too(bench, tmp_path):
    bench.session.set_hidden({"ANIL", "MTL"})
    hero, losses, speed = (bench.show(kind) for kind in PLOTS)
    train(bench, losses, [4.0, 2.0])
    shown = rows_of(hero.canvas, tmp_path / "a.csv")
    every = rows_of(hero.canvas, tmp_path / "b.csv", everything=True)
    assert [name for name in shown[0] if "MTL" in name] == []
    names = [f"MTL after inner step {k}" for k in range(11)]
    assert [name for name in every[0] if "MTL" in name] == names
    assert float(every[3][names[4]]) == bench.session.task.probed.arms["MTL"].curves[4, 3]
    assert {row["arm"] for row in rows_of(losses.plot, tmp_path / "c.csv")} == {"MAML", "FO-MAML"}
    every = rows_of(losses.plot, tmp_path / "d.csv", everything=True)
    assert {(row["arm"], row["loss"]) for row in every} == {
        (arm, loss) for arm in ("MAML", "FO-MAML", "ANIL", "MTL") for loss in ("outer", "inner")
    }
    arms = {row["arm"] for row in rows_of(speed.plot, tmp_path / "e.csv", everything=True)}
    assert arms == {"MAML", "FO-MAML", "ANIL", "MTL"}


def test_what_is_shown_of_zoomed_losses_is_what_lies_inside(bench, tmp_path):
    panel = bench.show(LossesPanel)
    train(bench, panel, [4.0] * 50)
    panel.plot.view().setRange(xRange=(10, 20), padding=0)
    panel.plot.view().sigRangeChangedManually.emit([True, True])
    steps = {float(row["outer step"]) for row in rows_of(panel.plot, tmp_path / "zoom.csv")}
    assert steps == set(range(10, 21))


def test_pictures_for_a_paper_have_title_axis_words_and_legend(bench, tmp_path):
    words = {
        AdaptationPanel: [
            "Adaptation",
            "2.0 sin(x − 0.50) · 3 support points · after inner step 1",
        ],
        LossesPanel: ["Losses", "Outer loss: query set, after adaptation · average 0.98", "MSE"],
        AdaptationSpeedPanel: ["Adaptation speed", "held-out tasks", "query MSE", "inner step"],
    }
    for kind, expected in words.items():
        panel = bench.show(kind)
        plot = PLOTS[kind](panel)
        if kind is LossesPanel:
            train(bench, panel, [4.0, 2.0, 1.0])
        before = plot.area().height(), plot.bottom.label.isVisible(), plot.left.label.isVisible()
        plot.save_svg(tmp_path / "plot.svg")
        svg = (tmp_path / "plot.svg").read_text(encoding="utf-8")
        written = re.findall(r">([^<>]*)</text>", svg)
        text = "".join(written)
        for part in (*expected, "MAML", "MTL"):
            assert part in text, part
        if kind is AdaptationPanel:
            assert {"x", "y", "truth"} <= {words.strip() for words in written}
        after = plot.area().height(), plot.bottom.label.isVisible(), plot.left.label.isVisible()
        assert after == before, "the screen is as before"
        picture = plot.picture()
        assert picture.width() == 2 * plot.width()
        assert picture.height() >= 2 * (plot.height() + 34)


@pytest.mark.parametrize(
    ("words", "room", "said"),
    [
        ("cross-entropy, nats", 1.0, "cross-entropy, nats"),
        ("cross-entropy, nats", 0.9, "cross-entropy"),
        ("mean query MSE", 0.9, "MSE"),
        ("MSE", 0.5, ""),
    ],
)
def test_words_of_an_axis_are_whole_or_shorter(
    qapp: QApplication, words: str, room: float, said: str
) -> None:
    assert fitting(words, room * (QFontMetricsF(base_font()).horizontalAdvance(words) + 1)) == said


def test_a_box_of_values_that_is_too_high_has_two_in_a_line() -> None:
    assert in_pairs("x 1<br>a<br>b<br>c") == "x 1<br>a&nbsp; b<br>c"
    assert in_pairs("x 1") == "x 1"


def test_a_wide_label_at_the_end_of_an_axis_is_drawn_where_it_has_room(bench):
    plot = LinesPlot(bench.session.theme, "One point", "outer step")
    plot.resize(420, 200)
    plot.show()
    bench.qtbot.waitExposed(plot)
    font = base_font()
    font.setPointSizeF(16)
    plot.bottom.setTickFont(font)
    at = np.array([70_000.0, 70_001.0])
    style = arm_style(bench.session.settings, "MAML", bench.session.theme)
    plot.show_lines([PlotLine("MAML", at, np.ones(2), style)], "norm")
    plot.settle()
    picture = QPixmap(10, 10)
    painter = QPainter(picture)
    painter.setFont(font)
    _, _, words = plot.bottom.generateDrawSpecs(painter)
    painter.end()
    # on the left the other axis leaves it room
    assert [text for *_, text in words][:1] == ["70\u202f000"]
    for box, *_ in words:
        assert plot.rect().contains(plot.bottom.mapRectToScene(box).toAlignedRect())
    plot.hide()


@pytest.mark.parametrize("points", [9, 13, 17])
def test_a_narrow_axis_has_two_numbers_in_any_type(bench: Bench, points: int) -> None:
    plot = LinesPlot(bench.session.theme, "Losses", "outer step")
    plot.show()
    bench.qtbot.waitExposed(plot)
    font = base_font()
    font.setPointSizeF(points)
    plot.bottom.setTickFont(font)
    style = arm_style(bench.session.settings, "MAML", bench.session.theme)
    painter = QPainter(picture := QPixmap(10, 10))
    painter.setFont(font)
    for last, width in itertools.product((300, 2000, 41_129, 70_000), range(200, 260, 6)):
        at = np.array([1.0, last])
        plot.resize(width, 160)
        plot.show_lines([PlotLine("MAML", at, np.ones(2), style)], "outer loss")
        plot.settle()
        _, _, words = plot.bottom.generateDrawSpecs(painter)
        assert len(words) >= 2, (last, width)
    painter.end()
    assert not picture.isNull()
    plot.hide()
