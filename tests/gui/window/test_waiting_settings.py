"""Settings that wait for a restart: what is said, and what Train does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from maml_explorer.gui.session.view_state import same_task, view_state
from maml_explorer.gui.session.waiting import named
from maml_explorer.gui.window.waiting_settings import SUBJECT
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import default_arm
from maml_explorer.settings.share import from_share, to_share
from tests.gui.driving import Opener, press, said, worker_of

WAITS = "“OML · incremental sines” waits. Restart begins a new run with it, and so does Train."


def test_few_are_named_and_more_are_counted() -> None:
    assert named(["Shots", "Seed"]) == "Shots, Seed"
    assert named(list("abcde")) == "a, b, c and 2 more"


def choose_oml(window: MainWindow) -> None:
    """Takes an outer step, and chooses another preset, which waits."""
    window.session.control.load_preset(load_preset("finn-10-shot"))
    window.session.control.outer_step()
    window.session.link.pull()
    window.session.control.load_preset(load_preset("oml-sine"))
    window.session.link.pull()


def test_a_hall_is_told_and_can_restart_or_discard(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    window.presenter.toggle()
    qtbot.waitUntil(lambda: not window.columns.form.isVisible())
    assert window.banners.of(SUBJECT) is None
    choose_oml(window)
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is not None)
    told = window.banners.of(SUBJECT)
    assert told is not None and told.text.full == WAITS
    window.presenter.toggle()  # the form says it now
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is None)
    assert window.columns.form.restart_bar.text.text() == WAITS
    window.presenter.toggle()
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is not None)
    told = window.banners.of(SUBJECT)
    assert told is not None
    press(qtbot, told.buttons[0])
    session.link.pull()
    assert session.settings.family.stream and worker_of(window).settings.family.stream
    qtbot.waitUntil(lambda: window.banners.of(SUBJECT) is None)


def test_train_begins_the_preset_that_waits_and_the_run_before_comes_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    session, worker = window.session, worker_of(window)
    choose_oml(window)
    before = session.run
    assert not session.settings.family.stream and session.editor.waits_whole
    press(qtbot, window.run_bar.train)
    session.link.pull()
    assert session.settings.family.stream and worker.settings.family.stream
    assert worker.posted_of(commands.Restart)[-1].train, "the preset trains, not the run before"
    assert said(window)[-1] == "A new run began with “OML · incremental sines”."
    press(qtbot, window.banners.shown[-1].buttons[0])
    session.link.pull()
    assert worker.posted_of(commands.BringBack)[-1].run == before
    assert not session.settings.family.stream and session.editor.waits_whole


def test_a_step_begins_it_too_and_a_pause_does_not(window: MainWindow) -> None:
    session, worker = window.session, worker_of(window)
    session.control.train()
    session.link.pull()
    session.control.load_preset(load_preset("oml-sine"))
    began = len(worker.posted_of(commands.Restart))
    session.control.toggle()
    session.link.pull()
    assert len(worker.posted_of(commands.Restart)) == began and session.editor.waits_whole
    session.control.outer_step()
    session.link.pull()
    assert len(worker.posted_of(commands.Restart)) == began + 1
    assert session.settings.family.stream


def test_chips_are_of_the_run_there_is_while_a_preset_waits(window: MainWindow) -> None:
    session, worker = window.session, worker_of(window)
    session.editor.set_arms([*session.settings.arms, default_arm("meta_sgd")])
    session.control.train()
    session.link.pull()
    there = [arm.name for arm in session.settings.arms]
    session.control.load_preset(load_preset("oml-sine"))
    arms = window.columns.places["adaptation"].panel.arms  # type: ignore[union-attr]
    assert list(arms.chips) == there, "the arms that train and are drawn"
    waiting = session.editor.edited
    # and what is done with a chip is done to the run there is
    arms.remove("Meta-SGD")
    assert "Meta-SGD" not in arms.chips and session.editor.edited == waiting
    assert [arm.name for arm in worker.settings.arms] == there[:-1]
    session.undo()
    assert list(arms.chips) == there and session.editor.waits_whole
    arms.rename("Meta-SGD", "Mine")
    assert "Mine" in arms.chips and session.editor.edited == waiting
    session.undo()
    maml, *others = session.editor.at_hand.arms
    session.editor.set_arms((replace(maml, overrides=(("inner_lr", 0.3),)), *others))
    assert dict(worker.settings.arm("MAML").overrides) == {"inner_lr": 0.3}
    session.control.restart()
    session.link.pull()
    assert set(arms.chips) == {arm.name for arm in waiting.arms}


def test_settings_of_another_run_wait_as_a_whole(window: MainWindow) -> None:
    session, worker = window.session, worker_of(window)
    session.control.outer_step()
    session.pins.pin_run()
    pinned = session.settings
    session.editor.edit({"family": "glyphs", "inner_lr": 0.4, "outer_steps": 2000})
    session.control.restart()
    session.control.outer_step()
    session.link.pull()
    here, marked = session.settings, session.editor.baseline
    changes = len(worker.posted_of(commands.Change))
    session.control.restore(pinned, "Restore settings of Run 1")
    assert session.settings == worker.settings == here, "the run there is stays as it is"
    assert len(worker.posted_of(commands.Change)) == changes
    assert session.editor.waits_whole and session.editor.edited == pinned
    session.undo()
    assert session.settings == session.editor.edited == here
    session.control.restore(pinned, "Restore settings of Run 1")
    session.editor.discard_staged()
    assert session.editor.edited == here and session.editor.baseline == marked
    # those that need no other run are in force at once
    session.control.restore(here.with_values({"inner_lr": 0.1}), "Restore settings of Run 2")
    assert worker.settings.inner.inner_lr == 0.1
    session.undo()
    assert worker.settings == here


def test_single_settings_that_wait_leave_train_to_the_run_there_is(window: MainWindow) -> None:
    session, worker = window.session, worker_of(window)
    session.control.outer_step()
    session.link.pull()
    session.editor.edit({"seed": 7})
    began = len(worker.posted_of(commands.Restart))
    session.control.toggle()
    session.link.pull()
    assert session.link.running and len(worker.posted_of(commands.Restart)) == began
    assert window.columns.form.restart_bar.text.text() == (
        "These wait for a restart: Seed. The run goes on without them."
    )


def test_discarding_a_preset_names_the_one_in_force_again(window: MainWindow) -> None:
    choose_oml(window)
    window.session.editor.discard_staged()
    preset = window.session.editor.preset
    assert preset is not None and preset.name == "finn-10-shot"
    assert window.run_bar.preset.currentText() == preset.title


@pytest.mark.parametrize(
    ("changes", "trained", "said_now"),
    [
        ({"seed": 5}, False, "Settings, arms, task and panels were taken from the share string."),
        ({"inner_lr": 0.1}, True, "Settings, arms, task and panels were taken from the share "
         "string."),
        ({"seed": 5}, True, "Task and panels were taken from the share string. Its settings and "
         "arms wait for Restart."),
    ],
)  # fmt: skip
def test_what_was_taken_from_a_share_string_and_what_waits_is_said(
    window: MainWindow, changes: dict[str, object], trained: bool, said_now: str
) -> None:
    session = window.session
    view = window.files.sharing.view().to_view()
    if trained:
        session.control.outer_step()
        session.link.pull()
    text = to_share(session.settings.with_values(changes), view)
    assert window.files.sharing.take(text)
    assert said(window)[-1] == said_now
    assert bool(session.editor.staged) is ("wait" in said_now)


@pytest.mark.parametrize("lesson", [False, True])
def test_a_task_of_another_family_waits_for_its_run(
    window: MainWindow, opened: Opener, lesson: bool
) -> None:
    window.session.editor.edit({"family": "harmonics"})
    window.session.control.begin_if_untouched()
    window.session.link.pull()
    text = window.files.sharing.text()
    shared = view_state(from_share(text).view).probe
    assert shared is not None and shared.numbers is not None
    other = opened()
    session = other.session
    session.control.outer_step()
    session.link.pull()
    there = session.task.probe
    assert other.files.sharing.take(text)
    session.link.pull()
    assert session.editor.waits_whole and session.task.probe is there, "a sine, as the run has"
    assert said(other)[-1] == (
        "Panels were taken from the share string. Its settings, arms and task wait for Restart."
    )
    if lesson:
        # which may be of harmonics itself
        other.lessons.take_tour()
        session.link.pull()
        assert not same_task(shared, session.task.probe)
        other.lessons.leave()
        session.link.pull()
        assert session.editor.staged is not None
    session.control.restart()
    session.link.pull()
    assert same_task(shared, session.task.probe)


def test_images_that_wait_are_shown_and_those_given_up_are_not(
    window: MainWindow, opened: Opener
) -> None:
    window.session.control.load_preset(load_preset("glyphs-5-way-1-shot"))
    window.session.link.pull()
    window.session.images.new_task()
    text, shared = window.files.sharing.text(), window.session.images.task
    for given_up in (True, False):
        other = opened()
        session = other.session
        session.control.outer_step()
        session.link.pull()
        assert other.files.sharing.take(text)
        if given_up:
            session.editor.discard_staged()
            session.control.load_preset(load_preset("glyphs-5-way-1-shot"))
        session.control.restart()
        session.link.pull()
        assert session.settings.family.images
        assert (session.images.task == shared) is not given_up
