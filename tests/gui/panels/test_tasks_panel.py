"""The small multiples: other tasks, watched only while they are seen."""

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest
from PySide6.QtCore import Qt

from maml_explorer.gui.panels.tasks import panel as tasks_panel
from maml_explorer.gui.panels.tasks.panel import FEWEST, MOST, TasksPanel
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from tests.gui.panel_bench import LEFT, Bench, nameless


@pytest.fixture
def panel(bench):
    panel = bench.show(TasksPanel, 640, 220)
    bench.pull()
    return panel


def answer(bench, panel, value=0.5):
    """A report whose curves are value · (task + 1) at inner step 1."""
    watch = bench.worker.posted_of(commands.WatchTasks)[-1]
    grid = np.linspace(-5, 5, 50)
    n = len(watch.support_x)
    curves = np.zeros((3, n, 50))
    curves[1] = value * (1 + np.arange(n))[:, None]
    arms = {arm.name: curves for arm in bench.session.settings.arms}
    bench.report(reports.Watched(bench.session.run, 0, watch, grid, arms))
    return watch


def test_it_watches_as_many_tasks_as_it_shows(bench, panel):
    watch = answer(bench, panel)
    assert watch.support_x.shape == (len(panel.cells), 10)
    np.testing.assert_array_equal(watch.support_y[2], panel.cells[2].task.support_y)
    np.testing.assert_array_equal(panel.cells[2].curves["MAML"], np.full(50, 1.5))
    panel.steps.slider.setValue(0)
    np.testing.assert_array_equal(panel.cells[2].curves["MAML"], np.zeros(50))
    assert panel.steps.text.text() == "0 / 2"
    panel.grab()


def test_a_click_shows_the_task_above(bench, panel):
    bench.qtbot.mouseClick(panel.cells[1], LEFT)
    assert bench.session.task.probe is panel.cells[1].task
    panel.cells[0].setFocus()
    bench.qtbot.keyClick(panel.cells[0], Qt.Key.Key_Space)
    assert bench.session.task.probe is panel.cells[0].task


def test_a_title_with_a_frequency_has_room(bench, panel):
    few = len(panel.cells)
    bench.session.editor.edit({"frequency_max": 1.5})
    assert FEWEST <= len(panel.cells) < few
    for cell in panel.cells:
        assert cell.title.count("ω") == 1 and 1 < cell.task.frequency <= 1.5
        assert cell.fontMetrics().horizontalAdvance(cell.title) <= 640 / len(panel.cells)
    assert bench.worker.posted_of(commands.WatchTasks)[-1].support_x.shape[0] == len(panel.cells)


def test_the_widest_title_has_room_and_not_the_one_of_most_letters(qtbot, monkeypatch):
    narrow, wide = "i" * 24, "W" * 20
    titles = cycle([narrow, wide])
    monkeypatch.setattr(tasks_panel, "task_words", lambda *_: next(titles))
    bench = Bench.start(qtbot, Settings().with_values({"family": "line"}))
    panel = bench.show(TasksPanel, 900, 220)  # where it is first shown
    measured = panel.fontMetrics().horizontalAdvance
    assert measured(narrow) < measured(wide) <= 900 / len(panel.cells)
    bench.session.close()


def test_new_tasks_are_other_tasks(bench, panel):
    before = [cell.title for cell in panel.cells]
    bench.qtbot.mouseClick(panel.new_tasks, LEFT)
    assert [cell.title for cell in panel.cells] != before


def test_settings_that_come_back_bring_back_their_tasks(bench, panel):
    bench.qtbot.mouseClick(panel.new_tasks, LEFT)
    before = [cell.title for cell in panel.cells]
    bench.session.editor.edit({"amplitude_min": 4.9})
    assert [cell.title for cell in panel.cells] != before
    bench.session.editor.edit({"amplitude_min": 0.1})
    assert [cell.title for cell in panel.cells] == before


def test_a_report_about_tasks_of_before_is_not_drawn_on_these(bench, panel):
    old = bench.worker.posted_of(commands.WatchTasks)[-1]
    panel.another()
    arms = {"MAML": np.zeros((2, len(old.support_x), 50))}
    bench.report(reports.Watched(bench.session.run, 0, old, np.linspace(-5, 5, 50), arms))
    assert panel.cells[0].curves == {} or not np.array_equal(panel.cells[0].curves["MAML"], 0)


def test_hiding_ends_watching(bench, panel):
    panel.hide()
    assert bench.worker.posted_of(commands.WatchTasks)[-1].support_x.size == 0
    panel.show()
    assert len(bench.worker.posted_of(commands.WatchTasks)[-1].support_x) == len(panel.cells)


def test_another_family_brings_other_tasks(bench, panel):
    bench.session.editor.edit({"amplitude_min": 4.9, "shots": 3})
    assert all(cell.task.amplitude >= 4.9 for cell in panel.cells)
    assert bench.worker.posted_of(commands.WatchTasks)[-1].support_x.shape[1] == 3
    tasks = list(panel.tasks)
    bench.session.editor.edit({"inner_lr": 0.5})
    assert panel.tasks == tasks


@pytest.mark.parametrize(("width", "cells"), [(200, FEWEST), (640, 7), (3000, MOST)])
def test_as_many_as_fit(bench, width, cells):
    assert len(bench.show(TasksPanel, width, 220).cells) == cells


def test_a_high_panel_has_two_rows(bench):
    panel = bench.show(TasksPanel, 640, 320)

    def rows() -> int:
        return len({cell.y() for cell in panel.cells})

    assert len(panel.cells) == MOST
    bench.qtbot.waitUntil(lambda: rows() == 2)
    assert min(cell.width() for cell in panel.cells) > 80
    panel.resize(640, 220)
    bench.qtbot.waitUntil(lambda: rows() == 1)


def test_a_new_run_is_watched_too(bench, panel):
    before = len(bench.worker.posted_of(commands.WatchTasks))
    bench.session.control.restart()
    bench.pull()
    assert len(bench.worker.posted_of(commands.WatchTasks)) == before + 1


def test_diverged_curves_leave_the_cell(bench, panel):
    watch = bench.worker.posted_of(commands.WatchTasks)[-1]
    n = len(watch.support_x)
    curves = np.full((3, n, 50), np.nan)
    curves[:, 0] = 1e300
    bench.report(
        reports.Watched(bench.session.run, 0, watch, np.linspace(-5, 5, 50), {"MAML": curves})
    )
    panel.grab()
    assert np.isnan(panel.cells[1].curves["MAML"]).all()


def test_curves_that_training_has_left_behind_are_said_to_be_old(bench, panel):
    answer(bench, panel)
    running = replace(bench.session.status, phase=reports.Phase.RUNNING, steps_per_second=400.0)
    bench.report(replace(running, outer_step=1_000))
    assert panel.said.text() == "7 other tasks", "they come anew within seconds"
    bench.report(replace(running, outer_step=5_884))
    assert panel.said.full == "old: outer step 0 · 7 other tasks"
    assert panel.said.text() == panel.said.full
    bench.report(replace(bench.session.status, phase=reports.Phase.PAUSED))
    assert panel.said.text() == "7 other tasks", "its curves come at once"


def test_every_control_has_a_name(bench, panel):
    assert nameless(panel) == []
