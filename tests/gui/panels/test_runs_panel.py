"""The table of runs: pinned, compared, sorted, restored, deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels.runs.panel import RunsPanel
from maml_explorer.gui.session.pinned_run import MOST, differences, figure, figures_of
from maml_explorer.gui.style.numbers import difference
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.gui.driving import Opener, press, worker_of


@pytest.fixture
def panel(window: MainWindow) -> RunsPanel:
    window.columns.show_tab("runs")
    found = window.columns.places["runs"].panel
    assert isinstance(found, RunsPanel)
    return found


def texts(panel: RunsPanel, column: int) -> list[str]:
    table = panel.table
    return [table.item(at, column).text() for at in range(table.rowCount())]


def tips(panel: RunsPanel) -> list[str]:
    """What differs, whole."""
    table = panel.table
    return [table.item(at, 2).toolTip() for at in range(table.rowCount())]


def pinned_twice(window: MainWindow, qtbot: QtBot) -> None:
    """Run 1 with the preset's settings at step 40, run 2 with another α at step 80."""
    session = window.session
    session.control.train()
    session.link.pull()
    press(qtbot, window.run_bar.pin)
    session.editor.edit({"inner_lr": 0.1})
    session.link.pull()
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)


def test_pinned_runs_are_listed_with_what_differs(
    window: MainWindow, panel: RunsPanel, qtbot: QtBot
):
    pinned_twice(window, qtbot)
    assert sorted(texts(panel, 0)) == ["Run 1", "Run 2", "This run"]
    by_name = dict(zip(texts(panel, 0), texts(panel, 2), strict=True))
    assert by_name["Run 1"] == "–"
    assert by_name["Run 2"] == "α 0.1; changed: α"
    steps = dict(zip(texts(panel, 0), texts(panel, 1), strict=True))
    assert (steps["Run 1"], steps["Run 2"]) == ("40", "80")
    headers = [panel.table.horizontalHeaderItem(n).text() for n in range(3, 7)]
    assert headers == ["MAML", "FO-MAML", "ANIL", "MTL"]
    assert "difference to Run 1" in panel.words.full


def test_what_was_changed_while_a_run_trained_is_said_of_it(
    window: MainWindow, panel: RunsPanel, qtbot: QtBot
) -> None:
    session = window.session
    session.control.train()
    session.link.pull()
    for change in ({"shots": 3}, {"outer_lr": 0.005}):
        session.editor.edit(change)
        session.link.pull()
    press(qtbot, window.run_bar.pin)
    whole = "changed while training: shots, β"
    assert tips(panel) == [whole, whole]
    session.editor.edit({"seed": 1})
    session.control.restart_in_place()
    session.link.pull()
    assert tips(panel) == ["Seed 1", whole]
    session.editor.edit({"shots": 7})
    session.link.pull()
    both = "Shots 7, Seed 1; changed while training: shots"
    assert tips(panel) == [both, whole]
    for width, seen in ((1500, both), (700, "Shots 7, Seed 1; changed: shots")):
        panel.table.setFixedWidth(width)
        panel.table._fit()
        assert (texts(panel, 2)[0], tips(panel)) == (seen, [both, whole])


def test_figures_come_with_the_difference_to_the_baseline(
    window: MainWindow, panel: RunsPanel, qtbot: QtBot
):
    pinned_twice(window, qtbot)
    window.session.link.pull()
    maml = dict(zip(texts(panel, 0), texts(panel, 3), strict=True))
    reached = figure(window.session.pins.runs[0].figures, "MAML", 1)
    assert reached is not None
    assert maml["Run 1"].startswith(f"{reached:.3g}"[:3])
    assert " " not in maml["Run 1"]
    assert maml["Run 2"].endswith(" (+0)")
    panel.table.choose(1)
    press(qtbot, panel.baseline)
    assert "difference to Run 2" in panel.words.full
    maml = dict(zip(texts(panel, 0), texts(panel, 3), strict=True))
    assert " " in maml["Run 1"] and " " not in maml["Run 2"]


def test_a_click_on_a_header_sorts_by_value(window: MainWindow, panel: RunsPanel, qtbot: QtBot):
    pinned_twice(window, qtbot)
    header = panel.table.horizontalHeader()

    def click(column: int) -> None:
        x = header.sectionViewportPosition(column) + 5
        at = header.viewport().rect().topLeft()
        at.setX(x)
        at.setY(5)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)

    click(1)
    up = [int(text.replace("\u202f", "")) for text in texts(panel, 1)]
    click(1)
    down = [int(text.replace("\u202f", "")) for text in texts(panel, 1)]
    assert sorted(up) in (up, down)
    assert up == down[::-1]


def test_settings_of_a_run_are_restored_as_one_undo_step(
    window: MainWindow, panel: RunsPanel, qtbot: QtBot
):
    pinned_twice(window, qtbot)
    panel.table.choose(0)
    press(qtbot, panel.restore)
    assert window.session.editor.edited.inner.inner_lr == 0.01
    window.session.editor.undo_stack.undo()
    assert window.session.editor.edited.inner.inner_lr == 0.1


def test_delete_and_undo(window: MainWindow, panel: RunsPanel, qtbot: QtBot):
    pinned_twice(window, qtbot)
    panel.table.choose(0)
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_Delete)
    assert sorted(texts(panel, 0)) == ["Run 2", "This run"]
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert sorted(texts(panel, 0)) == ["Run 1", "Run 2", "This run"]


def test_the_run_that_is_there_cannot_be_deleted(panel: RunsPanel):
    panel.table.selectRow(0)
    assert panel.chosen is None
    assert not panel.remove.isEnabled()
    assert not panel.restore.isEnabled()


def test_figures_come_with_the_meta_test_of_the_pinned_step(window: MainWindow):
    session = window.session
    session.control.outer_step()
    session.link.pull()
    assert session.measured.meta_test is not None
    session.measured.meta_test = replace(session.measured.meta_test, outer_step=0)  # the newest yet
    session.pins.pin_run()
    assert session.pins.runs[0].figures == {}
    session.link.pull()
    assert session.pins.runs[0].outer_step == 1
    assert session.pins.runs[0].figures.keys() == {"MAML", "FO-MAML", "ANIL", "MTL"}


def test_steps_and_figures_are_of_one_state(window: MainWindow, panel: RunsPanel):
    session = window.session
    session.control.train()
    session.link.pull()
    assert session.status is not None and session.measured.meta_test is not None
    assert (session.status.outer_step, session.measured.meta_test.outer_step) == (40, 0)
    assert texts(panel, 1) == ["0"], "the step of the figures beside it"
    session.pins.pin_run()
    (run,) = session.pins.runs
    assert (run.outer_step, run.figures) == (40, {}), "those there are belong to an earlier state"
    # the worker, which was ahead, tests what it pinned; the run has gone on, and has new settings
    session.editor.edit({"inner_lr": 0.5})
    arms = {"MAML": reports.ArmTest(*[(4.0, 3.0)] * 4, diverged=(0, 0))}
    measured = reports.MetaTested(1, 47, 10, 600, arms, arm_steps={"MAML": 47})
    worker_of(window)._outbox.clear()
    pinned = reports.Exported(reports.Written.PIN, run.folder, outer_step=47)
    worker_of(window).report(pinned)
    session.link.pull()
    assert session.pins.runs[0].outer_step == 47 and session.pins.ghost.outer_step == 47
    worker_of(window).report(reports.PinTested(run.folder, measured))
    session.link.pull()
    (run,) = session.pins.runs
    assert (run.outer_step, run.figures) == (47, {"MAML": (4.0, 3.0)})
    assert session.pins.ghost == run.ghost
    by_name = dict(zip(texts(panel, 0), texts(panel, 1), strict=True))
    assert by_name["Run 1"] == "47"


def test_means_over_other_tasks_are_not_subtracted(window: MainWindow, panel: RunsPanel):
    session, worker = window.session, worker_of(window)
    session.pins.pin_run()
    session.link.pull()
    arms = {"MAML": reports.ArmTest(*[(4.5, 4.28)] * 4, diverged=(0, 0))}
    few = reports.MetaTested(worker.run, 40, 10, 75, arms, declared=600)

    def cells() -> dict[str, str]:
        session.link.pull()
        return dict(zip(texts(panel, 0), texts(panel, 3), strict=True))

    worker.report(few)
    assert cells()["This run"] == "4.28" and "this run: first 75 of 600 tasks" in panel.words.full
    worker.report(replace(few, tasks=600, declared=None))
    assert cells()["This run"].startswith("4.28 (+")
    # what is pinned of a first estimate is measured on all
    worker.report(few)
    session.link.pull()
    session.pins.pin_run()
    assert worker.posted_of(commands.PinRun)[-1].measure


def test_an_arm_that_began_later_is_shown_with_its_own_steps(window: MainWindow, panel: RunsPanel):
    session, worker = window.session, worker_of(window)
    arms = {name: reports.ArmTest(*[(4.5, 4.28)] * 4, diverged=(0, 0)) for name in ("MAML", "ANIL")}
    steps = {"MAML": 20_000, "ANIL": 0}
    assert session.status is not None
    worker.report(replace(session.status, outer_step=20_000, arm_steps=steps))
    worker.report(reports.MetaTested(worker.run, 20_000, 10, 600, arms, arm_steps=steps))
    session.link.pull()
    session.pins.pin_run()
    assert dict(zip(texts(panel, 0), texts(panel, 3), strict=True)) == {
        "This run": "4.28 (+0)", "Run 1": "4.28",
    }  # fmt: skip
    assert dict(zip(texts(panel, 0), texts(panel, 5), strict=True)) == {
        "This run": "4.28 (+0), step\u00a00", "Run 1": "4.28, step\u00a00",
    }  # fmt: skip
    table, least = panel.table, 3 * panel.table.fontMetrics().height()
    assert table.columnWidth(5) > table.sizeHintForColumn(5) or table.rowHeight(0) >= least
    then = replace(session.status, outer_step=20_400, arm_steps={"MAML": 20_400, "ANIL": 400})
    worker.report(then)
    worker.report(reports.MetaTested(worker.run, 20_400, 10, 600, arms, arm_steps=then.arm_steps))
    session.link.pull()
    anil = dict(zip(texts(panel, 0), texts(panel, 5), strict=True))
    assert anil == {"This run": "4.28 (+0), step\u00a0400", "Run 1": "4.28, step\u00a00"}, (
        "the pinned one as it was then"
    )


@pytest.mark.parametrize(
    ("value", "other", "written"),
    [
        (206.0, 1.2, "+205"), (198.0, 0.4, "+198"), (4.28, 0.427, "+3.85"), (0.05, 3.5, "−3.45"),
        (0.4392, 0.364, "+0.075"), (0.42765, 0.4275, "+1.5e−4"), (10.3, 20.1, "−9.8"),
        (1.0, 1.0, "+0"), (0.0, 0.5, "−0.50"), (0.46, 0.662, "−0.202"), (0.26, 0.34, "−0.080"),
    ],
)  # fmt: skip
def test_a_difference_is_no_coarser_than_its_value(value: float, other: float, written: str):
    assert difference(value, other) == written


def test_figures_have_equally_many_digits(window: MainWindow, panel: RunsPanel, qtbot: QtBot):
    """Those of a reopened run all ended in 0 once, and seemed to be rounded to two digits."""
    pinned_twice(window, qtbot)
    first, second = window.session.pins.runs
    first.figures.update({"MAML": (3.0, 0.5991), "ANIL": (3.0, 1.0631)})
    second.figures.update({"MAML": (3.0, 0.39004), "ANIL": (3.0, 0.8001)})
    window.session.pins.changed.emit()
    panel._show()
    assert {"0.599", "0.390 (−0.209)"} <= set(texts(panel, 3))
    assert {"1.06", "0.800 (−0.263)"} <= set(texts(panel, 5))


@pytest.mark.parametrize(
    ("size", "type_size", "presented"),
    [
        ((640, 360), "largest", False), ((1280, 800), "", False), ((1280, 800), "largest", False),
        ((1366, 768), "", False), ((1366, 768), "large", True), ((1920, 1080), "", True),
    ],
)  # fmt: skip
def test_what_differences_are_to_is_said_in_every_size(
    opened: Opener, qtbot: QtBot, size: tuple[int, int], type_size: str, presented: bool
):
    window = opened(size=size)
    window.appearance.set_text_size(type_size)
    if presented:
        window.columns.toggle_presenter()
        window.resize(*size)
    window.columns.show_tab("runs")
    panel = window.columns.places["runs"].panel
    assert isinstance(panel, RunsPanel)
    pinned_twice(window, qtbot)
    QApplication.processEvents()
    assert panel.words.text().endswith(" Run 1)")
    assert "MSE" in panel.words.text()


def test_pins_are_capped(window: MainWindow):
    for _ in range(MOST + 3):
        window.session.pins.pin_run()
    names = [run.name for run in window.session.pins.runs]
    assert len(names) == MOST
    assert names[-1] == f"Run {MOST + 3}"


def test_differences_in_words():
    base = Settings()
    assert differences(base, base) == ""
    other = base.with_values({"inner_lr": 0.5, "shots": 3})
    assert differences(other, base) == "α 0.5, Shots 3"
    more = base.with_arms([default_arm("maml")])
    assert differences(more, base) == "arms MAML"
    maml, *others = base.arms
    own = base.with_arms((Arm(maml.name, "maml", (("inner_lr", 0.1),)), *others))
    assert differences(own, base) == "MAML α 0.1"
    assert differences(base, own) == "MAML α 0.01"
    swapped = base.with_arms((Arm(maml.name, "fomaml"), *others))
    assert differences(swapped, base) == "MAML is FO-MAML"


@pytest.mark.parametrize("size", [(1280, 800), (1366, 768)])
def test_all_columns_are_seen_where_figures_have_no_room_in_one_line(
    opened: Opener, qtbot: QtBot, size: tuple[int, int]
):
    window = opened(size=size)
    window.columns.show_tab("runs")
    panel = window.columns.places["runs"].panel
    assert isinstance(panel, RunsPanel)
    pinned_twice(window, qtbot)
    table, header = panel.table, panel.table.horizontalHeader()
    shift = {"MAML": 0.041, "FO-MAML": 0.075, "ANIL": 0.0152, "MTL": -0.25}
    session = window.session
    for at, run in enumerate(session.pins.runs):
        run.figures.update({arm: (0.0, 0.364 + at * by) for arm, by in shift.items()})
    session.pins.changed.emit()
    panel._show()
    table.sortItems(1)
    QApplication.processEvents()
    assert "0.439 (+0.075)" in texts(panel, 4)
    assert table.horizontalScrollBar().maximum() == 0
    assert header.length() == table.viewport().width()
    measure = table.fontMetrics().horizontalAdvance
    for column in range(3, 7):
        widest = max(measure(word) for text in texts(panel, column) for word in text.split(" "))
        assert header.sectionSize(column) >= widest + 18
        assert header.sectionSize(column) >= measure(table.horizontalHeaderItem(column).text()) + 9
    assert table.rowHeight(0) >= 2 * table.fontMetrics().height(), "in two lines"


def test_a_figure_that_is_not_there():
    assert figure({}, "MAML", 3) is None
    assert figure({"MAML": (3.0, None)}, "MAML", 1) is None
    assert figure({"MAML": (3.0, 1.0)}, "MAML", 9) == 1.0


def test_figures_are_those_that_adaptation_speed_draws(window: MainWindow, panel: RunsPanel):
    session, worker = window.session, worker_of(window)
    lost = reports.ArmTest((4.0, 34_500.0), (0.1, 0.1), (4.0, 1.1), (4.0, 1.0), diverged=(0, 3))
    most = replace(lost, diverged=(0, 60))
    assert figures_of(reports.MetaTested(worker.run, 40, 10, 75, {"MTL": most})) == {
        "MTL": (4.0, None)
    }
    worker.report(reports.MetaTested(worker.run, 40, 10, 75, {"MAML": lost}, declared=600))
    session.link.pull()
    assert texts(panel, 3) == ["1.10"], "without the tasks that diverged"
    assert panel.words.full == "Query MSE after 1 inner step, this run: first 75 of 600 tasks"


def test_a_run_with_another_figure_is_compared_nowhere(
    window: MainWindow, panel: RunsPanel, qtbot: QtBot
):
    session, worker = window.session, worker_of(window)
    pinned_twice(window, qtbot)
    session.link.pull()
    for run in session.pins.runs:
        run.figures["MAML"] = (1.0, 0.681)
    session.editor.edit({"family": "glyphs"})
    session.control.restart()
    session.link.pull()
    arms = {"MAML": reports.ArmTest(*[(0.4, 0.5)] * 4, diverged=(0, 0))}
    worker.report(reports.MetaTested(worker.run, 40, 10, 100, arms))
    session.link.pull()
    maml = dict(zip(texts(panel, 0), texts(panel, 3), strict=True))
    assert maml == {"This run": "0.500", "Run 1": "0.681 MSE", "Run 2": "0.681 MSE"}
    assert panel.words.full == (
        "Query accuracy after 1 inner step. Run 1 learns other tasks: it is not drawn, no "
        "difference shown."
    )
    plot = window.columns.places["losses"].panel.plot  # type: ignore[union-attr]
    plot.draw()
    assert not plot.ghosts.curves, "no MSE on an axis of cross-entropies"
    panel.table.choose(0)
    first = panel.table.selectedItems()[0]
    assert first.data(Qt.ItemDataRole.CheckStateRole) is None
    assert " ".join(first.toolTip().split()).endswith("it has no losses on tasks of this family")
    assert not panel.ghost.isEnabled() and not panel.ghost.isChecked()
    assert " ".join(panel.ghost.toolTip().split()).startswith("A run is drawn faint where")
    # a run on the same tasks is compared, whichever was pinned first
    session.pins.pin_run()
    session.link.pull()
    assert "(difference to Run 3)" in panel.words.full
