"""The Sweep tab: a folder on disk, seen while it trains and after."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from maml_explorer.experiments.sweep.driver import drive
from maml_explorer.experiments.sweep.engine import InProcess
from maml_explorer.gui.panels.sweep import new_sweep, training
from maml_explorer.gui.panels.sweep import panel as panel_module
from maml_explorer.gui.panels.sweep.chosen_losses import ChosenLosses
from maml_explorer.gui.panels.sweep.coordinates import SweepCoordinates
from maml_explorer.gui.panels.sweep.panel import SweepPanel
from maml_explorer.gui.panels.sweep.point_words import objective_words
from maml_explorer.gui.panels.sweep.reader import thinned
from maml_explorer.gui.panels.sweep.table import SweepRows
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.qt_style import apply_theme
from maml_explorer.gui.style.theme import DARK
from maml_explorer.gui.widgets.controls import Card
from maml_explorer.protocol import commands
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.report.sweep_table import SweepAxis, SweepRow, TrialState
from maml_explorer.storage.run.folder import CHECKPOINT, SUMMARY, create_run
from maml_explorer.storage.run.metrics import Losses
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import (
    LIVE,
    LOG,
    REPORT,
    STOP,
    SweepFolder,
    create_sweep,
    open_sweep,
)
from maml_explorer.storage.sweep.result import OBJECTIVE, step_file
from maml_explorer.storage.sweep.spec import SweepSpec
from tests.gui.driving import Opener
from tests.gui.panel_bench import Bench

AXES = (parse_axis("inner_lr=0.001,0.01,0.1"), parse_axis("outer_lr=0.001,0.01"))
SMALL = {"hidden": (6,), "meta_batch": 2, "outer_steps": 8, "test_tasks": 6}


def described(path: Path, seeds: tuple[int, ...] = (0, 1)) -> SweepFolder:
    base = Settings().with_values(SMALL).with_arms((default_arm("maml"),))
    return create_sweep(path, SweepSpec(base, AXES, seeds))


def done(sweep: SweepFolder, nth: int, mean: float | None, diverged: str = "") -> str:
    """Files of a run that is done, as far as the table reads them."""
    trial = sweep.trials()[nth]
    place = sweep.run(trial.name)
    create_run(place, trial.settings)
    found = {"mean": mean, "seconds": 2.0, "diverged": 0, "diverged_in_training": diverged}
    (place / OBJECTIVE).write_text(json.dumps(found))
    (place / SUMMARY).write_text("{}")
    return trial.name


@pytest.fixture
def panel(bench: Bench) -> SweepPanel:
    return bench.show(SweepPanel, 900, 320)


def type_over(field: QLineEdit, text: str) -> None:
    field.selectAll()
    QTest.keyClicks(field, text)


def settle(panel: SweepPanel, qtbot: QtBot) -> None:
    """Waits until the folder was read, with what was chosen last."""
    for _ in range(2):
        panel.reader.wait()
        with qtbot.waitSignals([panel.reader.seen], timeout=20_000):
            panel.read()
    panel.reader.wait()


def test_cells_say_mean_interval_and_what_diverged(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s")
    done(sweep, 0, 0.5)
    done(sweep, 1, 0.7)
    done(sweep, 2, 0.25)
    done(sweep, 11, None, "MAML diverged at outer step 3.")
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    words = panel.words.full
    assert words == "4 of 12 runs done · 1 diverged · stopped: “Train sweep” goes on"
    shown = {item.toPlainText() for item in panel.map._items.values()}
    # two seeds: 0.6 ± 12.706 × 0.1414 / √2
    assert shown >= {"0.6\n± 1.3", "0.25", "diverged"}
    # a path of one box: its corners and the way back
    assert panel.map._hatches.path().elementCount() == 5
    header, rows = panel.map.table(False)  # type: ignore[misc]
    assert list(header)[2:] == ["mse@5", "95 %", "diverged"]
    assert sorted(row[2] for row in rows if row[2] == row[2]) == [0.25, 0.6]
    panel.session.set_theme(DARK)
    assert {item.toPlainText() for item in panel.map._items.values()} == shown


def test_words_of_all_cells_follow_the_size_of_text(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s", seeds=(0,))
    for nth in range(len(sweep.trials())):
        done(sweep, nth, 0.1 * (nth + 1))
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    usual = panel.session.theme
    for points in (12.0, usual.points):
        theme = replace(usual, points=points)
        apply_theme(app, theme)
        panel.session.set_theme(theme)
        sizes = [item.textItem.font().pointSizeF() for item in panel.map._items.values()]
        assert sizes == [points] * len(sweep.trials())


def test_words_of_cells_stay_in_their_cells(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s")
    for nth, mean in enumerate((0.5, 0.7, 0.25)):
        done(sweep, nth, mean)
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    chart = panel.map
    said = []
    for height in range(320, 160, -10):
        panel.resize(620, height)
        panel.grab()
        words = {at: item.toPlainText() for at, item in chart._items.items()}
        said.append(words.get((0, 0), ""))
        for at, item in chart._items.items():
            cell, text = chart.cell_box(*at), item.textItem.document().size()
            left = chart.to_pixel(cell.left(), cell.top())
            right = chart.to_pixel(cell.right(), cell.bottom())
            assert text.width() - 8 <= right.x() - left.x() + 1
            assert text.height() - 8 <= left.y() - right.y() + 1
    assert said[0] == "0.6\n± 1.3" and said[-1] == "0.6 ± 1.3"
    assert [len(words) for words in said] == sorted(map(len, said), reverse=True)
    assert [choice.itemText(0) for choice in (panel.axes.up, panel.axes.across)] == [
        "α Inner learning rate"
    ] * 2


def test_words_on_an_empty_plot_are_broken_into_lines(bench: Bench) -> None:
    plot = ChosenLosses(bench.session.theme)
    holder = bench.show(lambda _: Card(plot), 400, 200)
    one = plot._empty.boundingRect().height()
    holder.resize(180, 200)
    holder.grab()
    assert plot._empty.boundingRect().width() <= plot.area().width()
    assert plot._empty.boundingRect().height() > 1.8 * one


def test_a_run_that_trains_shows_how_far_it_is(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s")
    trial = sweep.trials()[3]
    create_run(sweep.run(trial.name), trial.settings)
    (sweep.run(trial.name) / CHECKPOINT).write_text("")
    step_file(sweep.run(trial.name)).write_text("5")
    live = {"at": time.time(), "workers": 2, "seconds_left": 200.0}
    (sweep.path / LIVE).write_text(json.dumps(live))
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    assert panel.words.full == "0 of 12 runs done · 1 begun · 2 workers · 3 min left"
    row = next(row for row in panel.table.runs.rows if row.name == trial.name)
    assert (row.state, row.outer_step) == (TrialState.RUNNING, 5)
    assert panel.timer.isActive()
    # a driver that wrote nothing for a while is gone
    (sweep.path / LIVE).write_text(json.dumps({**live, "at": time.time() - 60}))
    settle(panel, qtbot)
    assert "stopped: “Train sweep” goes on" in panel.words.full
    panel.words.resize(220, 20)
    assert panel.words.text() == "0 of 12 runs done · stopped"


def test_a_cell_adapts_beside_mine_and_trains_here(
    bench: Bench, panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s")
    drive(sweep, InProcess(5, lambda: False))
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    words = panel.words.full
    assert words.startswith("12 of 12 runs done · 2 diverged · best mean: α 0.")
    assert not panel.timer.isActive() and panel.map.frames == []
    assert panel.losses._empty.toPlainText() == "Click a cell to see its losses"
    panel.words.resize(200, 20)
    assert panel.words.text().startswith("best mean: α 0."), "the answer is the last to be cut"
    panel.session.pins.pin_run()
    mine = panel.session.pins.ghost
    panel.choose_cell(1, 2)  # β 0.01, α 0.1
    settle(panel, qtbot)
    # a dark frame on a light one
    assert [frame.rect() for frame in panel.map.frames] == [panel.map.cell_box(1, 2)] * 2
    chosen = panel.chosen
    assert chosen is not None
    assert (dict(chosen.point), chosen.seed) == ({"inner_lr": 0.1, "outer_lr": 0.01}, 0)
    assert len(panel.table.chosen) == 2
    ghost = panel.session.pins.ghost
    assert ghost is not None and ghost.outer_step == 8 and "α 0.1" in ghost.name
    assert bench.worker.posted[-1] == commands.ShowGhost(str(sweep.run(chosen.name)))
    assert [line.name for line in panel.losses.lines] == ["seed 0", "seed 1"]
    assert panel.losses.lines[0].x.tolist() == list(range(1, 9))
    panel.beside.click()
    assert panel.session.pins.ghost == mine is not None
    began = []
    panel.session.control.began_other.connect(lambda _, name: began.append(name))
    panel.here.click()
    assert began == ["α 0.1, β 0.01, seed 0"]  # the window offers the run before
    restart = [c for c in bench.worker.posted if isinstance(c, commands.Restart)][-1]
    assert restart.settings == chosen.settings and restart.train


def test_a_drag_along_an_axis_chooses_the_runs_that_cross_it(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s", seeds=(0,))
    names = [done(sweep, nth, mean) for nth, mean in enumerate((0.1, 0.2, 0.3, 0.4, 0.5, 0.6))]
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    panel.view.setCurrentIndex(1)
    panel._look()
    plot = panel.coordinates
    assert isinstance(plot, SweepCoordinates) and len(plot.lines) == 6
    x = round(plot._x(0))
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, round(plot._y(0.4))))
    qtbot.mouseMove(plot, QPoint(x, round(plot._y(1.0))))
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, round(plot._y(1.0))))
    # by ratios 0.001, 0.01, 0.1 lie at 0, 0.5, 1
    assert set(panel.table.chosen) == set(names[2:])
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert panel.table.chosen == () and len(plot.kept) == 6
    plot.grab()


def test_axes_are_named_by_their_letters_where_room_is_short(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s", seeds=(0,))
    for nth, mean in enumerate((0.1, 0.2, 0.3, 0.4, 0.5, 0.6)):
        done(sweep, nth, mean)
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    assert panel.map._said(0, 0) == "β 0.001, α 0.001<br>0.1"
    assert panel.table.runs.columns[:3] == ["Run", "α", "β"]
    header = panel.table.runs.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert header == "Inner learning rate α"
    panel.view.setCurrentIndex(2)
    panel._look()
    name = panel.table.runs.rows[0].name
    wide = panel.table.fontMetrics().horizontalAdvance(name)
    assert panel.table.columnWidth(0) > wide  # no name is cut


def test_a_cell_s_figure_is_said_and_arms_have_their_colours(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    base = Settings().with_values({**SMALL, "outer_steps": 30})
    base = base.with_arms((default_arm("maml"), default_arm("anil")))
    sweep = create_sweep(tmp_path / "s", SweepSpec(base, (AXES[1],), (0, 1)))
    drive(sweep, InProcess(5, lambda: False))
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    few = "MAML: validation MSE by β after inner step 5, ± 95 %, 2 seeds"
    said = (
        "MAML: query MSE by β after 5 inner steps on 200 validation tasks, "
        "mean ± 95 % over seeds 0 and 1"
    )
    assert panel.meaning.full == said
    for width, seen in (
        (320, "MAML: validation MSE by β, inner step 5, ± 95 %"),
        (500, few),
        (800, said),
    ):
        panel.meaning.resize(width, 20)  # shorter words, but no word is cut
        assert panel.meaning.text() == seen
    panel.choose_cell(0, 0)
    settle(panel, qtbot)
    lines = panel.losses.lines
    assert [line.name for line in lines] == [
        "MAML, seed 0", "ANIL, seed 0", "MAML, seed 1", "ANIL, seed 1"
    ]  # fmt: skip
    colors = [line.style.color for line in lines]
    look = arm_style(base, "MAML", panel.session.theme)
    assert colors == [look.color, colors[1], look.color, colors[1]] and colors[0] != colors[1]
    assert len({(line.style.color, line.style.line) for line in lines}) == 4


def test_one_axis_is_one_row_and_two_are_never_the_same(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    one = create_sweep(tmp_path / "one", replace(described(tmp_path / "s").spec, axes=AXES[:1]))
    panel.open_folder(str(one.path))
    settle(panel, qtbot)
    said = (
        "MAML: query MSE by α after 5 inner steps on 200 validation tasks, "
        "mean ± 95 % over seeds 0 and 1"
    )
    assert panel.meaning.full == said
    assert set(panel.map.cells) == {(0, 0), (1, 0), (2, 0)}
    assert len(panel.map.axes) == 1 and not panel.map.left.label.isVisible()
    assert panel.map._said(1, 0) == "α 0.01<br>0 of 2 done"
    assert not panel.map.scale.isVisible()  # no figure, no scale
    panel.table.choose([one.trials()[0].name])
    assert panel.here.isEnabled() and panel.map.frames
    panel.open_folder(str(tmp_path / "s"))
    assert not panel.here.isEnabled() and not panel.map.frames, "another sweep: none is chosen"
    settle(panel, qtbot)
    assert [axis.key for axis in panel.map.axes] == ["outer_lr", "inner_lr"]
    assert panel.map.left.label.isVisible()
    panel.axes.across.setCurrentIndex(0)
    panel.axes.across.activated.emit(0)
    assert [axis.key for axis in panel.map.axes] == ["inner_lr", "outer_lr"]
    panel.axes.up.setCurrentIndex(0)
    panel.axes.up.activated.emit(0)
    assert [axis.key for axis in panel.map.axes] == ["outer_lr", "inner_lr"]


def test_a_cell_says_why_it_counts_as_diverged(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s")
    name = done(sweep, 0, 9e9)
    found = {"arm": "MAML", "tasks": 200, "mean": 9e9, "seconds": 2.0, "diverged": 5}
    text = json.dumps({**found, "diverged_in_training": ""})
    (sweep.run(name) / OBJECTIVE).write_text(text)
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    assert panel.map._said(0, 0).endswith("<br>MAML diverged on 5 of 200 validation tasks.")


def test_ten_thousand_runs_are_listed_sorted_and_stay_chosen() -> None:
    axis = SweepAxis("inner_lr", "α")
    rows = [
        SweepRow(f"r{n}", (("inner_lr", n / 1e4),), 0, TrialState.DONE, float(n * 7919 % 10_007))
        for n in range(10_000)
    ]
    rows[5] = replace(rows[5], objective=None)
    model = SweepRows()
    model.put([axis], "mse@5", rows)
    assert model.rowCount() == 10_000
    kept = model.index(2, 0)
    from PySide6.QtCore import QPersistentModelIndex

    held = QPersistentModelIndex(kept)
    model.sort(4, Qt.SortOrder.DescendingOrder)
    figures = [row.objective for row in model.rows[:-1]]
    assert figures == sorted(figures, reverse=True)  # type: ignore[type-var]
    assert model.rows[-1].name == "r5"
    assert model.data(model.index(held.row(), 0)) == "r2"
    model.put([axis], "mse@5", rows)
    assert model.data(model.index(held.row(), 0)) == "r2" and model.rows[-1].name == "r5"


@pytest.mark.parametrize("size", ["", "largest"])
def test_the_axes_of_a_map_are_told_apart_in_a_narrow_window(
    opened: Opener, tmp_path: Path, qtbot: QtBot, size: str
) -> None:
    window = opened(size=(800, 720))
    window.columns.set_text_size(size)
    window.columns.show_tab("sweep")
    panel = window.columns.places["sweep"].panel
    assert isinstance(panel, SweepPanel)
    panel.open_folder(str(described(tmp_path / "s").path))
    settle(panel, qtbot)
    drawn = []
    for box in (panel.view, panel.axes.up, panel.axes.across):
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        drawn.append(option.currentText)
    assert drawn[0] == "Map"
    assert drawn[1].startswith("α I") and drawn[2].startswith("β O")
    assert panel.here.x() + panel.here.width() <= panel.width()


def test_a_new_sweep_takes_the_settings_of_the_window(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    new = panel.describe
    new.ask()
    new.axes.setText("inner_lr=0.1:0.01:3")
    new.folder.setText(str(tmp_path / "n"))
    new.make.click()
    assert "reverse it" in new.said.text() and not (tmp_path / "n").exists()
    new.axes.setText("inner_lr=0.01,0.1 outer_lr=0.001,0.01")
    assert new.said.text().startswith("4 combinations × ")
    new.seeds.setText("3")
    new.make.click()
    sweep = open_sweep(tmp_path / "n")
    assert sweep.spec.base == panel.session.settings and len(sweep.trials()) == 12
    command = f"maml-explorer sweep --out {tmp_path / 'n'} --resume"
    assert QApplication.clipboard().text() == command and not new.isVisible()
    settle(panel, qtbot)
    words = panel.words.full
    assert words.startswith("0 of 12 runs done · not begun") and words.endswith(command)
    for width, seen in ((400, "0 of 12 runs done · not begun · command copied"),
                        (150, "command copied")):  # fmt: skip
        panel.words.resize(width, 20)
        assert panel.words.text() == seen
    new.ask()
    assert new.isVisible() and not panel.progress.isVisible()
    new.make.click()
    assert "is a sweep: choose another folder" in new.said.text()
    qtbot.keyClick(new.seeds, Qt.Key.Key_Escape)
    assert not new.isVisible() and panel.both.isVisible() and panel.progress.isVisible()


def test_a_new_sweep_has_outer_steps_of_its_own(panel: SweepPanel, tmp_path: Path) -> None:
    new, editor = panel.describe, panel.session.editor
    new.ask()
    assert new.outer_steps.text() == "70\u202f000"
    editor.edit({"outer_steps": 500})
    assert new.outer_steps.text() == "500"  # those of the window, until others are typed
    new.axes.setText("outer_steps=10,20")
    assert new.said.text() == "outer_steps cannot be an axis: set Outer steps below."
    new.axes.setText("inner_lr=0.01,0.1")
    type_over(new.outer_steps, "300")
    type_over(new.inner_steps, "2")
    new.halving.setCurrentText("best half")
    new.check()
    runs = "2 combinations × seeds 0 to 4 = 10 runs of up to 300 outer steps"
    arms = len(editor.edited.arms)
    assert new.said.text() == f"{runs} · {arms} arms each, MAML is compared"
    new.axes.setText("algorithm=maml,anil")  # it is that of the only arm
    assert new.said.text() == runs
    new.axes.setText("inner_lr=0.01,0.1")
    editor.edit({"outer_steps": 600})
    new.folder.setText(str(tmp_path / "n"))
    new.make.click()
    spec = open_sweep(tmp_path / "n").spec
    assert (spec.base["outer_steps"], spec.objective, spec.halving) == (300, "mse@2", 2)
    assert editor.edited["outer_steps"] == 600


def test_points_of_a_new_sweep_are_drawn_or_proposed(panel: SweepPanel, tmp_path: Path) -> None:
    new = panel.describe
    new.ask()
    assert not new.points.isVisible()
    new.axes.setText("inner_lr=0.001:0.1:log")
    assert new.said.text().endswith("inner_lr=0.001:0.1:log:7, or search random points.")
    new.search.setCurrentText("random points")
    new.points.setText("4")
    assert (
        new.said.text().startswith("4 points × seeds 0 to 4 = 20 runs") and new.points.isVisible()
    )
    new.search.setCurrentText("points by TPE")
    new.check()
    assert not new.halving.isVisible()
    new.folder.setText(str(tmp_path / "n"))
    new.make.click()
    assert open_sweep(tmp_path / "n").spec.search == "tpe:4"


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("axes", "inner_lr=0,001 0,01", "write decimals with a point: inner_lr=0.001,0.01"),
        ("axes", "inner_lr", "An axis is written KEY=VALUES"),
        ("axes", "", "An axis is written KEY=VALUES"),
        ("axes", "inner_lr=0.01:0.1", "a range and no values: give a count"),
        ("axes", "seed=1,2", "Seeds below says how many"),
        ("axes", "device=cpu,cuda", "“Device” among the settings"),
        ("axes", "test_steps=1,2", "among the settings is the same for all runs"),
        ("axes", "inner_lr=0:1:1000 outer_lr=0:1:1000", "A sweep has at most 100\u202f000 runs"),
        ("axes", "model=cnn", ""),
        ("seeds", "0", "Seeds is how many, from 1 to 100"),
        ("outer_steps", "x", "Outer steps"),
        ("inner_steps", "99", "from 1 to 10"),
    ],
)
def test_a_refusal_stands_alone_and_goes_with_its_cause(
    panel: SweepPanel, field: str, text: str, said: str
) -> None:
    new = panel.describe
    new.ask()
    count, edit = new.said.text(), getattr(new, field)
    assert "75 runs" in count and new.said.property("role") == "muted"
    before = edit.text()
    edit.setText(text)
    refusal = new.said.text()
    assert said in refusal and " runs of " not in refusal and "--" not in refusal
    assert new.said.property("role") == "error"
    edit.setText(before)
    assert new.said.text() == count and new.said.property("role") == "muted"


def test_a_new_sweep_proposes_a_folder_and_one_is_chosen(
    panel: SweepPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_sweep, "proposed_path", lambda name: str(tmp_path / f"{name}-1"))
    new = panel.describe
    new.ask()
    assert new.folder.text() == str(tmp_path / "sweep-1")
    new.choose.click()
    (chooser,) = new.findChildren(QFileDialog)
    assert chooser.directory().absolutePath() == str(tmp_path)
    chooser.close()
    new.take_folder(str(tmp_path))
    assert new.folder.text() == str(tmp_path), "an empty one is taken as it is"
    (tmp_path / "other").mkdir()
    new.take_folder(str(tmp_path))
    assert new.folder.text() == str(tmp_path / "sweep-1"), "one in it, where it holds something"
    new.take_folder(str(tmp_path / "other"))
    new.hide()
    new.ask()
    assert new.folder.text() == str(tmp_path / "other"), "what was chosen stays"
    new.folder.setText("")
    new.ask()
    new.make.click()
    assert open_sweep(tmp_path / "sweep-1").trials()
    monkeypatch.setattr(new_sweep, "proposed_path", lambda name: str(tmp_path / f"{name}-2"))
    new.ask()
    assert new.folder.text() == str(tmp_path / "sweep-2"), "after writing it is another one"


def test_a_sweep_is_looked_for_where_sweeps_are(
    panel: SweepPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sweeps").mkdir()
    proposed = str(tmp_path / "sweeps" / "sweep-1")
    monkeypatch.setattr(panel_module, "proposed_path", lambda name: proposed)
    panel._choose_folder()
    panel.open_folder(str(described(tmp_path / "s").path))
    panel._choose_folder()
    choosers = panel.findChildren(QFileDialog)
    seen = [chooser.directory().absolutePath() for chooser in choosers]
    assert seen == [str(tmp_path / "sweeps"), str(tmp_path)]
    for chooser in choosers:
        chooser.close()


def test_an_axis_by_its_symbol_is_answered_with_its_name(panel: SweepPanel) -> None:
    panel.describe.ask()
    panel.describe.axes.setText("alpha=0.01,0.1")
    assert panel.describe.said.text() == "There is no axis “alpha”: did you mean inner_lr?"


def test_settings_that_wait_are_those_of_a_new_sweep(panel: SweepPanel, tmp_path: Path) -> None:
    editor = panel.session.editor
    editor.edit({"seed": 7})
    assert editor.staged is not None and panel.session.settings.run.seed != 7
    panel.describe.ask()
    panel.describe.seeds.setText("2")
    assert " × seeds 7 and 8 = 30 runs of " in panel.describe.said.text()
    panel.describe.folder.setText(str(tmp_path / "n"))
    panel.describe.make.click()
    spec = open_sweep(tmp_path / "n").spec
    assert (spec.base, spec.seeds) == (editor.staged, (7, 8)), "those of the window on"


@pytest.mark.parametrize(
    ("first", "count", "seeds"),
    [
        (0, "1", "seed 0"), (1, "1", "seed 1"), (1, "2", "seeds 1 and 2"), (3, "5", "seeds 3 to 7"),
        (2**31 - 1, "3", "seeds 2147483645 to 2147483647"),
    ],
)  # fmt: skip
def test_the_seeds_of_a_new_sweep_begin_at_that_of_the_window(
    panel: SweepPanel, first: int, count: str, seeds: str
) -> None:
    panel.session.editor.edit({"seed": first})
    panel.describe.ask()
    panel.describe.seeds.setText(count)
    assert f"15 combinations × {seeds} = " in panel.describe.said.text()
    spec = panel.describe.check()
    assert spec is not None and objective_words(spec)[0].endswith(seeds)


def test_a_new_sweep_trains_here_to_its_end(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    new = panel.describe
    panel.session.editor.edit(SMALL)
    new.ask()
    new.axes.setText("inner_lr=0.01,0.02")
    new.seeds.setText("1")
    new.folder.setText(str(tmp_path / "n"))
    new.begin.click()
    assert not new.isVisible()
    qtbot.waitUntil(lambda: panel.words.full == "0 of 2 runs done · starting …", timeout=20_000)
    assert panel.progress.trains.isVisible() and not panel.progress.trains.isEnabled()
    assert not panel.progress.stops.isVisible()
    panel.timer.setInterval(100)
    qtbot.waitUntil(lambda: panel.words.full.startswith("2 of 2 runs done"), timeout=90_000)
    assert not panel.progress.trains.isVisible() and not panel.progress.stops.isVisible()
    qtbot.waitUntil((tmp_path / "n" / REPORT).exists, timeout=30_000)


def test_a_sweep_is_stopped_and_goes_on_where_it_was(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_workers", lambda: "1")
    base = Settings().with_values({**SMALL, "outer_steps": 1_000_000})
    spec = SweepSpec(base.with_arms((default_arm("maml"),)), (AXES[1],), (0,))
    sweep = create_sweep(tmp_path / "s", spec)
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    panel.timer.setInterval(100)
    panel.progress.trains.click()
    qtbot.waitUntil(panel.progress.stops.isVisible, timeout=90_000)
    assert "1 worker" in panel.words.full and not panel.progress.trains.isVisible()
    panel.progress.stops.click()
    assert panel.words.full.endswith("stopping …") and not panel.progress.stops.isEnabled()
    qtbot.waitUntil(panel.progress.trains.isVisible, timeout=30_000)
    assert (
        panel.words.full.endswith("stopped: “Train sweep” goes on")
        and panel.progress.trains.isEnabled()
    )
    sweep.held().release()  # its driver is gone
    first = sweep.run(sweep.trials()[0].name)
    assert (first / CHECKPOINT).exists() and not (sweep.path / STOP).exists()


def test_what_kept_a_sweep_from_training_is_said(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    sweep = described(tmp_path / "s")
    held = sweep.held()
    panel.open_folder(str(sweep.path))
    settle(panel, qtbot)
    panel.timer.setInterval(100)
    panel.progress.trains.click()
    qtbot.waitUntil(lambda: "in use" in panel.words.full, timeout=90_000)
    assert str(os.getpid()) in panel.words.full and panel.progress.trains.isEnabled()
    held.release()
    # a folder that takes no files
    (sweep.path / LOG).unlink()
    (sweep.path / LOG).mkdir()
    panel.progress.trains.click()
    assert panel.words.full.startswith("The folder cannot be written")


def test_what_is_no_sweep_is_said(panel: SweepPanel, tmp_path: Path, qtbot: QtBot) -> None:
    panel.open_folder(str(tmp_path))
    qtbot.waitUntil(lambda: "is no sweep folder" in panel.words.full)
    assert not panel.here.isEnabled() and panel.losses.lines == ()


def test_many_runs_are_read_a_part_at_a_time(
    panel: SweepPanel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maml_explorer.gui.panels.sweep import reader

    monkeypatch.setattr(reader, "_AT_ONCE", -1.0)
    monkeypatch.setattr(reader, "_ALWAYS", 2)
    sweep = described(tmp_path / "s", seeds=(0,))
    for nth in range(6):
        done(sweep, nth, 0.5)
    panel.open_folder(str(sweep.path))
    qtbot.waitUntil(lambda: panel.seen is not None, timeout=20_000)
    assert panel.words.full.startswith("2 of 6 runs read") and not panel.seen.ended  # type: ignore[union-attr]
    settle(panel, qtbot)
    settle(panel, qtbot)
    assert panel.words.full.startswith("6 of 6 runs done") and panel.table.runs.rowCount() == 6


def test_long_losses_are_thinned_to_means() -> None:
    import numpy as np

    long = Losses(np.arange(1, 1001), np.ones(1000), np.arange(1000.0))
    short = thinned(long)
    assert len(short.outer_step) == 100 and short.outer[:2].tolist() == [4.5, 14.5]
    assert thinned(short) is short


def test_without_a_sweep_there_is_one_sentence_and_two_ways_in(bench: Bench) -> None:
    panel = bench.show(SweepPanel, 590, 240)
    assert panel.nothing.isVisible() and panel.nothing.text() == panel.words.full
    parts = (panel.view, panel.words, panel.beside, panel.here, panel.both)
    assert not any(part.isVisible() for part in parts)
    panel.open_folder("/nowhere")
    assert all(part.isVisible() for part in parts) and not panel.nothing.isVisible()


@pytest.mark.parametrize("size", [(1366, 768), (900, 600)])
def test_the_form_of_a_new_sweep_takes_no_room_from_the_other_panels(
    opened: Opener, tmp_path: Path, qtbot: QtBot, size: tuple[int, int]
) -> None:
    window = opened(size=size)
    columns = window.columns
    columns.show_tab("sweep")
    panel = columns.places["sweep"].panel
    assert isinstance(panel, SweepPanel)
    hero = columns.parts["Adaptation"]
    empty = hero.height()
    panel.ask()
    QApplication.processEvents()
    window.grab()
    assert hero.height() == empty
    panel.describe.cancel.click()
    panel.open_folder(str(described(tmp_path / "s").path))
    settle(panel, qtbot)
    window.grab()
    seen = hero.height()
    panel.ask()
    window.grab()
    assert hero.height() == seen and panel.describe.begin.isVisible()
    # what is typed, what is said of it, and the buttons are inside the tab
    for part in (panel.describe.axes, panel.describe.said, panel.describe.begin):
        at = part.mapTo(panel, QPoint())
        assert panel.rect().contains(QRect(at, part.size()))
