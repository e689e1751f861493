"""Pinned runs: among the losses, beside the adaptation, and at the next start."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.startup import keep_pins
from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.session.loss_history import GRADIENTS, OUTER_LOSS
from maml_explorer.gui.session.pinned_run import BEFORE, GhostRun
from maml_explorer.gui.session.pins_on_disk import read_pins
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings, default_arm
from tests.gui import geometry
from tests.gui.driving import Opener, opened_window, press, said, worker_of

SETTINGS = Settings(arms=(default_arm("maml"), default_arm("mtl"))).with_values(
    {"hidden": (8, 8), "meta_batch": 4, "test_tasks": 10}
)


def trained(window: MainWindow) -> None:
    """Forty outer steps, paused."""
    window.session.control.train()
    window.session.link.pull()
    window.session.control.pause()
    window.session.link.pull()


def faint(window: MainWindow, values: float = 0.5) -> None:
    """The worker answers with the ghost's curves."""
    session = window.session
    probed = session.task.probed
    assert probed is not None and session.pins.ghost is not None
    arms = {
        arm.name: reports.ArmProbe(
            np.full_like(probed.arms["MAML"].curves, values), np.zeros(11), np.zeros(11),
            np.zeros((11, 0)),
        )
        for arm in session.pins.ghost.settings.arms
    }  # fmt: skip
    worker_of(window).report(reports.Probed(**{**vars(probed), "ghost": arms}))
    session.link.pull()


def test_pin_run_draws_the_run_faint_from_now_on(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
):
    trained(window)
    press(qtbot, window.run_bar.pin)
    (run,) = window.session.pins.runs
    worker = worker_of(window)
    assert worker.posted_of(commands.PinRun) == [commands.PinRun(run.folder, measure=True)]
    assert worker.posted_of(commands.ShowGhost) == [commands.ShowGhost(run.folder)]
    faint(window)
    curves = window.columns.places["adaptation"].panel.canvas.curves  # type: ignore[union-attr]
    assert set(curves.ghosts) == {"MAML", "FO-MAML", "ANIL", "MTL"}
    assert set(curves.ghosts["MAML"].yData) == {0.5}
    style = arm_style(run.settings, "MAML", window.session.theme)
    pen = curves.ghosts["MAML"].opts["pen"]
    assert pen.color().name() == style.color.lower() and pen.color().alphaF() < 0.5
    words = window.columns.places["adaptation"].panel.canvas.labels.texts["ghost"]  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: bool(words.isVisible()))
    assert words.toPlainText() == "faint: Run 1 · outer step 40"
    labels = window.columns.places["adaptation"].panel.canvas.labels  # type: ignore[union-attr]
    assert words.pos().x() < 0
    area = labels._plot.area()
    low = Box(area.left(), area.bottom() - 40, 80, 38)
    monkeypatch.setattr(type(labels._uncovered), "box", [low])
    labels.place()
    assert words.pos().x() > 0, "not over the figures where there are no points"
    monkeypatch.undo()
    # among the last curves before a divergence the run alone is not named
    for room in (True, False):
        monkeypatch.setattr(labels._curves, "trails", [curves.ghosts["MAML"]])
        if not room:
            everywhere = Box(area.left(), area.top(), area.width(), area.height())
            monkeypatch.setitem(labels.boxes, "all", everywhere)
        labels.place()
        assert bool(words.isVisible()) == room
        assert not room or words.toPlainText().startswith("faint: Run 1 · outer step 40 · the last")
    monkeypatch.undo()
    labels.place()
    ghost = window.session.pins.ghost
    assert ghost is not None
    long = replace(ghost, name="Inner learning rate 0.001, outer learning rate 0.0003, seed 0")
    far = replace(ghost, outer_step=69184)
    for shown, size in itertools.product(
        (ghost, far, long), ((1280, 800), (1000, 600), (800, 560))
    ):
        window.session.pins.show(shown)
        faint(window)
        window.resize(*size)
        for text_size in ("", "largest"):
            window.columns.set_text_size(text_size)
            qtbot.wait(20)
            labels.place()
            assert words.isVisible()
            said = words.toPlainText()
            assert "…" not in said and said.endswith(f"step {whole(shown.outer_step)}"), size
            hero = labels._plot.accessibleName()
            wrong = geometry.overlapping_labels(window)
            assert [one for one in wrong if one.startswith(hero)] == []
            area = words.mapRectToScene(words.boundingRect())
            assert area.right() <= labels._plot.area().right() + 1
        window.columns.set_text_size("")
    window.resize(1280, 800)
    window.session.pins.show(ghost)
    faint(window)
    # an arm that is hidden is hidden in both
    window.session.set_hidden({"MAML"})
    assert "MAML" not in curves.ghosts


def test_one_ghost_above_and_any_number_among_the_losses(window: MainWindow, qtbot: QtBot):
    session = window.session
    for alpha in (0.02, 0.05):
        trained(window)
        session.pins.pin_run()
        session.editor.edit({"inner_lr": alpha})
    assert session.pins.ghost == session.pins.runs[1].ghost
    plot = window.columns.places["losses"].panel.plot  # type: ignore[union-attr]
    plot.draw()
    assert {run for run, _ in plot.ghosts.curves} == {"Run 1", "Run 2"}
    assert {*plot.ghosts.ends, *plot.ghosts.names} == {"Run 1", "Run 2"}
    np.testing.assert_allclose(plot.ghosts.curves["Run 1", "MAML"].xData[-1], 40)
    # the menu of the lines chooses which one lies above
    hero = window.columns.places["adaptation"].panel
    menu = hero.lines_menu()  # type: ignore[union-attr]
    lines = {action.text(): action for action in menu.actions()}
    assert lines["Faint: Run 2 · outer step 80"].isChecked()
    lines["Faint: Run 1 · outer step 40"].trigger()
    assert session.pins.ghost == session.pins.runs[0].ghost
    assert worker_of(window).posted[-1] == commands.ShowGhost(session.pins.runs[0].folder)
    menu.close()


def test_a_run_of_another_family_is_drawn_again_only_with_its_family(window: MainWindow):
    session = window.session
    trained(window)
    session.pins.pin_run()
    losses = window.columns.places["losses"].panel.plot  # type: ignore[union-attr]
    curves = window.columns.places["adaptation"].panel.canvas.curves  # type: ignore[union-attr]
    window.columns.show_tab("runs")
    table = window.columns.places["runs"].panel.table  # type: ignore[union-attr]
    for family, drawn in (("sine", True), ("line", False), ("sine", True)):
        if family != session.settings.tasks.family:
            session.editor.edit({"family": family})
            session.control.restart_in_place()
        trained(window)
        faint(window)
        losses.draw()
        runs = {run for run, _ in losses.ghosts.curves} - {BEFORE}
        assert (runs, set(curves.ghosts) != set()) == ({"Run 1"} if drawn else set(), drawn)
        table.sortItems(1)
        (row,) = [n for n in range(2) if table.item(n, 0).text() == "Run 1"]
        boxed = table.item(row, 0).data(Qt.ItemDataRole.CheckStateRole) is not None
        assert boxed == drawn
        assert drawn or "tasks of this family" in table.item(row, 0).toolTip()


def test_the_table_says_which_are_drawn(window: MainWindow, qtbot: QtBot):
    trained(window)
    session = window.session
    session.pins.pin_run()
    window.columns.show_tab("runs")
    panel = window.columns.places["runs"].panel
    panel.table.choose(0)  # type: ignore[union-attr]
    item = panel.table.selectedItems()[0]  # type: ignore[union-attr]
    assert item.checkState() is Qt.CheckState.Checked
    item.setCheckState(Qt.CheckState.Unchecked)
    assert session.pins.compared == set()
    plot = window.columns.places["losses"].panel.plot  # type: ignore[union-attr]
    plot.draw()
    assert not plot.ghosts.curves
    assert panel.ghost.isChecked()  # type: ignore[union-attr]
    press(qtbot, panel.ghost)  # type: ignore[union-attr]
    assert session.pins.ghost is None
    assert worker_of(window).posted[-1] == commands.ShowGhost()
    press(qtbot, panel.ghost)  # type: ignore[union-attr]
    press(qtbot, panel.remove)  # type: ignore[union-attr]
    assert session.pins.ghost is None, "what was deleted is drawn no more"


def test_what_a_run_in_passing_took_the_place_of_comes_back(window: MainWindow, tmp_path: Path):
    session, pins = window.session, window.session.pins
    trained(window)
    pins.pin_run()
    trained(window)
    pins.pin_run()
    first, second = pins.runs
    pins.show(first.ghost)
    cells = [
        GhostRun(name, session.settings, 8, commands.ShowGhost(str(tmp_path / name)))
        for name in ("α 0.1", "α 0.2")
    ]
    for cell in cells:
        pins.show_in_passing(cell)
    pins.show_as_before()
    assert pins.ghost == first.ghost and pins.compared == {first.name, second.name}
    assert worker_of(window).posted[-1] == commands.ShowGhost(first.folder)
    pins.show_in_passing(cells[0])
    pins.delete(second)
    assert pins.ghost == cells[0], "another run is gone"
    pins.delete(first)
    pins.show_as_before()
    assert pins.ghost is None, "it is gone by now"
    pins.show_in_passing(cells[0])
    pins.show(None)
    pins.show_in_passing(cells[1])
    pins.show_as_before()
    assert pins.ghost is None


def test_the_run_before_comes_back_after_a_run_in_passing(window: MainWindow, tmp_path: Path):
    session, pins = window.session, window.session.pins
    cell = GhostRun("α 0.1", session.settings, 8, commands.ShowGhost(str(tmp_path)))
    for _ in range(2):  # while the cell is shown there is another restart, so another run before
        trained(window)
        session.control.restart()
        session.link.pull()
        pins.show_in_passing(cell)
    pins.show_as_before()
    assert pins.ghost == pins.replaced is not None


def test_a_restart_keeps_the_run_before_as_a_ghost_with_its_state(window: MainWindow, qtbot: QtBot):
    trained(window)
    session = window.session
    session.editor.edit({"hidden": (80, 80)})
    press(qtbot, window.columns.form.restart_bar.restart)
    session.link.pull()
    ghost = session.pins.ghost
    assert ghost is not None and ghost.words == f"{BEFORE} · outer step 40"
    assert ghost.settings.model.hidden == (40, 40)
    assert worker_of(window).posted_of(commands.ShowGhost) == [commands.ShowGhost(run=1)]
    plot = window.columns.places["losses"].panel.plot  # type: ignore[union-attr]
    plot.draw()
    assert {run for run, _ in plot.ghosts.curves} == {BEFORE}
    assert plot.history.marks == [] and plot.record.before.history.marks == []
    session.editor.undo_stack.undo()
    session.link.pull()
    assert session.pins.ghost is None, "it is the run itself again"


def test_a_reset_and_an_untrained_run_leave_no_ghost_above(window: MainWindow):
    session = window.session
    session.editor.edit({"hidden": (8,)})
    session.control.restart()
    session.link.pull()
    assert session.pins.ghost is None
    trained(window)
    session.control.reset()
    session.link.pull()
    assert session.pins.ghost is None


def test_a_dropped_initialization_is_pinned_on_request(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
):
    from tests.gui.files.test_files import drop
    from tests.gui.files.test_initialization_opened import SETTINGS as OTHER
    from tests.gui.files.test_initialization_opened import exported

    folder = exported(tmp_path)
    trained(window)
    before = window.session.settings
    drop(window, folder)
    press(qtbot, window.banners.shown[-1].buttons[1])
    (run,) = window.session.pins.runs
    assert (run.name, run.settings, run.outer_step) == ("trained", OTHER, 700)
    assert {path.name for path in Path(run.folder).iterdir()} == {
        "config.json", "model.safetensors"
    }  # fmt: skip
    assert worker_of(window).posted[-1] == commands.ShowGhost(run.folder)
    assert window.session.settings == before


@pytest.fixture
def started(qtbot: QtBot) -> Callable[[Path], MainWindow]:
    def start(place: Path) -> MainWindow:
        window = opened_window(qtbot, SETTINGS)
        window.session.start()
        window.pins = keep_pins(window, place)  # type: ignore[attr-defined]
        qtbot.waitUntil(lambda: window.session.task.probed is not None, timeout=30_000)
        return window

    return start


def close(window: MainWindow) -> None:
    window.close()
    window.pins.close()  # type: ignore[attr-defined]


def test_pins_are_there_at_the_next_start(
    started: Callable[[Path], MainWindow], qtbot: QtBot, tmp_path: Path
):
    first = started(tmp_path / "pins")
    session = first.session
    session.control.train()
    qtbot.waitUntil(lambda: session.status is not None and session.status.outer_step > 20,
                    timeout=30_000)  # fmt: skip
    session.control.pause()
    qtbot.waitUntil(lambda: session.measured.meta_test is not None
                    and session.measured.meta_test.outer_step == session.status.outer_step,
                    timeout=30_000)  # fmt: skip
    session.pins.pin_run()
    session.pins.pin_run()
    (run, _) = session.pins.runs
    qtbot.waitUntil(lambda: len(list((tmp_path / "pins").glob("*/pin.json"))) == 2, timeout=30_000)
    session.pins.delete(session.pins.runs[1])
    kept = session.task.probed
    assert kept is not None
    curves = kept.arms["MAML"].curves
    task = session.task.probe
    close(first)
    assert len(list((tmp_path / "pins").iterdir())) == 1, "the deleted one is gone"

    second = started(tmp_path / "pins")
    pins = second.session.pins
    (found,) = pins.runs
    assert (found.name, found.settings, found.outer_step) == (run.name, run.settings,
                                                              run.outer_step)  # fmt: skip
    assert found.arm_steps == {arm.name: run.outer_step for arm in run.settings.arms}
    assert found.figures == run.figures and "MAML" in found.figures
    assert found.losses is not None and run.losses is not None
    for key, trace in run.losses.traces.items():
        np.testing.assert_allclose(found.losses.traces[key].rows(), trace.rows(), rtol=1e-4)
    assert pins.ghost is None and pins.compared == frozenset(), "nobody has asked for it yet"
    assert task is not None
    second.session.task.set_probe(task)
    pins.show(found.ghost)
    qtbot.waitUntil(
        lambda: second.session.task.probed is not None and bool(second.session.task.probed.ghost),
        timeout=30_000,
    )
    assert second.session.task.probed is not None
    np.testing.assert_array_equal(second.session.task.probed.ghost["MAML"].curves, curves)
    pins.pin_run()
    assert [one.name for one in pins.runs] == ["Run 1", "Run 2"]
    close(second)


@pytest.mark.parametrize(
    "damage",
    [
        {"schema": 7}, {"name": ""}, {"outer_step": -1}, {"settings": "[model]\nhidden = 3"},
        {"arm_steps": {"MAML": -1}}, {"arm_steps": [3]}, {"changed": [3]}, {"changed": "arms"},
        {"figures": {"MAML": ["x"]}}, {"losses": [{"arm": "MAML", "loss": "outer", "rows": [[1]]}]},
        {"losses": [{"arm": ["MAML"], "loss": "outer", "rows": []}]},
    ],
)  # fmt: skip
def test_a_damaged_pin_is_refused_with_a_sentence(
    opened: Opener, tmp_path: Path, damage: dict[str, object]
):
    from maml_explorer.gui.session.pinned_run import PinnedRun
    from maml_explorer.gui.session.pins_on_disk import to_json

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        content = to_json(PinnedRun(name, SETTINGS, 3, {"MAML": (1.0, None)}))
        if name == "a":
            content |= damage
        else:  # as earlier versions wrote it
            del content["arm_steps"], content["changed"]
        (tmp_path / name / "pin.json").write_text(json.dumps(content))
    window = opened()
    keep_pins(window, tmp_path)
    assert [run.name for run in window.session.pins.runs] == ["b"]
    assert "The pinned run in a was not read" in said(window)[-1]
    other_version = not damage.keys().isdisjoint({"schema", "settings"})
    kept = "pin.json" if other_version else "pin.unreadable.json"
    assert (tmp_path / "a" / kept).exists()
    assert said(window)[-1].endswith("It was kept as pin.unreadable.json.") != other_version
    again = opened()
    keep_pins(again, tmp_path)
    assert any("was not read" in words for words in said(again)) == other_version, "said once"


def test_a_thinned_history_draws_what_the_whole_one_drew():
    from maml_explorer.gui.session.loss_history import LossHistory
    from tests.gui.panels.test_losses_panel import block

    whole = LossHistory()
    whole.extend(block(1, np.linspace(4, 1, 3000)))
    thin = whole.thinned(400)
    trace, few = whole.traces["MAML", OUTER_LOSS], thin.traces["MAML", OUTER_LOSS]
    assert len(few) <= 400 < len(trace)
    same = np.searchsorted(trace.x(), few.x())
    for axis in (0, GRADIENTS):
        np.testing.assert_array_equal(few.x(axis), trace.x(axis)[same])
    np.testing.assert_array_equal(few.smoothed(0.98), trace.smoothed(0.98)[same])
    whole.extend(block(3001, [9.0]))
    assert len(whole.traces["MAML", OUTER_LOSS]) == 3001 and few.high().max() <= 4.0
    assert read_pins(Path("/nowhere")) == ([], [])
