"""The window on other families of curves than sines: tasks, truth, words, refusals in place."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from maml_explorer.gui.session.shown_task import ShownTask
from maml_explorer.gui.session.task_sampling import (
    given_task,
    has_family,
    height,
    sampled_task,
    task_words,
    truth,
)
from maml_explorer.gui.session.view_state import ViewState, same_task, view_state
from maml_explorer.gui.settings_form.form import SettingsForm
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.tasks import TaskSettings

CURVES = [key for key, family in FAMILIES.items() if family.curve and key != "sine"]


@pytest.mark.parametrize("family", CURVES)
def test_sampled_tasks_have_a_truth_and_points_on_it(family):
    settings = Settings().with_values({"family": family, "shots": 5})
    task = sampled_task(settings, np.random.default_rng(4))
    assert task.known and task.amplitude is None and has_family(task, settings.tasks)
    clean = truth(task.support_x, task, settings.tasks)
    np.testing.assert_array_equal(task.support_y, clean)
    assert task_words(task, settings.tasks) and 0.5 < height(settings.tasks) < 30
    same = given_task(settings, np.array(task.numbers), task.support_x, task.support_y)
    assert same.numbers == task.numbers
    sines = Settings().tasks
    assert not has_family(task, sines) and np.isnan(truth(task.support_x, task, sines)).all()
    seen = view_state(ViewState(probe=task).to_view()).probe
    assert seen is not None and (seen.numbers is None) == (len(task.numbers or ()) > 20)
    assert same_task(task, task) and (family == "gaussian" or same_task(task, seen))


def test_a_task_of_sines_gives_way_to_one_of_the_family_in_force(window):
    shown: ShownTask = window.session.task
    window.session.editor.edit({"family": "line"})
    window.session.control.restart()
    assert window.session.settings.tasks.family == "line"
    assert shown.probe is not None and shown.probe.numbers is not None
    assert len(shown.probe.numbers) == 2
    window.session.editor.edit({"slope_min": 1.0})
    assert len(shown.probe.numbers) == 2


def test_a_formula_is_typed_in_the_form_with_its_error_in_place(window):
    editor = window.session.editor
    editor.edit({"family": "formula"})
    line = window.findChild(SettingsForm).row("formula")
    edit = line.fields["formula"].edit
    edit.setText("A*sin(x) + Q")
    edit.editingFinished.emit()
    assert "Q has no range" in line.error.text()
    assert editor.edited.tasks.formula == "A*sin(w*x - p) + B*x"
    edit.setText("A*x^2")
    edit.editingFinished.emit()
    assert line.error.text() == "" and editor.edited.tasks.formula == "A*x^2"


def test_the_plot_of_curves_keeps_a_height_while_images_are_shown() -> None:
    tasks = dataclasses.replace(TaskSettings(), family="glyphs")
    assert height(tasks) == tasks.amplitude_max
