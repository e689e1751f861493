"""The window's model: what is edited, posted, staged, undone, handed on."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import CLUSTERED, LEFT_HALF
from maml_explorer.gui.session.view_state import ViewState, view_state
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import presets
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.gui.fake_worker import FakeWorker


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def session(worker: FakeWorker, qtbot: QtBot) -> Iterator[Session]:
    made = Session(worker)
    made.start()
    made.pace.stop()
    made.pull()
    yield made
    made.close()


def test_a_change_for_the_next_step_is_posted_at_once(session: Session, worker: FakeWorker):
    session.edit({"inner_lr": 0.5})
    assert session.settings.inner.inner_lr == 0.5
    assert session.staged is None
    assert worker.posted_of(commands.Change)[-1].settings == session.settings


def test_arms_wait_where_what_is_in_force_contradicts_them(session: Session, worker: FakeWorker):
    session.edit({"lslr": True})
    session.restart()
    session.pull()
    before, arms = session.settings.arms, (default_arm("maml"), default_arm("meta_sgd"))
    session.adopt(session.settings.with_values({"lslr": False, "noise": 0.2}).with_arms(arms))
    assert session.settings.arms == before and session.settings.inner.lslr
    assert session.settings.tasks.noise == 0.2, "what can apply at once does"
    assert session.staged_labels == ["Learned rates (LSLR)", "Arms"]
    session.pull()
    assert session.staged is not None and session.staged.arms == arms
    session.undo_stack.undo()
    assert session.staged is None and session.settings.tasks.noise == 0.0
    session.undo_stack.redo()
    session.restart()
    assert worker.settings.arms == arms and not worker.settings.inner.lslr


def test_an_arm_defined_anew_comes_late(session: Session, worker: FakeWorker):
    names: list[list[str]] = []
    session.came_late.connect(names.append)
    session.outer_step()
    session.pull()
    maml, *others = session.settings.arms
    session.set_arms((Arm(maml.name, "maml", (("inner_lr", 0.1),)), *others))
    assert names == [], "a value of the next step begins nothing"
    session.set_arms((Arm(maml.name, "maml", (("optimizer", "sgd"),)), *others))
    session.set_arms((*session.settings.arms, default_arm("reptile")))
    assert names == [["MAML"], ["Reptile"]]


def test_a_change_that_needs_a_restart_waits(session: Session, worker: FakeWorker):
    session.edit({"seed": 7, "activation": "tanh"})
    assert session.settings.run.seed == 0
    assert session.staged is not None
    assert session.staged.run.seed == 7
    assert session.staged_labels == ["Activation", "Seed"]
    assert not worker.posted_of(commands.Change)
    # what can apply at once still does, and the staged part stays
    session.edit({"noise": 0.3})
    assert session.settings.tasks.noise == 0.3
    assert session.settings.run.seed == 0
    assert session.staged.run.seed == 7
    assert worker.posted_of(commands.Change)[-1].settings.run.seed == 0
    session.restart()
    assert session.staged is None
    assert worker.settings.run.seed == 7
    assert worker.settings.tasks.noise == 0.3


def test_setting_a_staged_value_back_unstages_it(session: Session):
    session.edit({"seed": 7})
    session.edit({"seed": 0})
    assert session.staged is None


def test_discard_gives_up_what_waits_and_can_be_undone(session: Session):
    session.edit({"seed": 7})
    session.discard_staged()
    assert session.staged is None
    session.undo_stack.undo()
    assert session.edited.run.seed == 7


def test_a_refused_value_changes_nothing(session: Session, worker: FakeWorker):
    before = len(worker.posted)
    with pytest.raises(SettingsError, match="from 0 to 100"):
        session.edit({"inner_lr": -1.0})
    with pytest.raises(SettingsError, match="cannot be above"):
        session.edit({"amplitude_min": 6.0})
    assert session.settings == Settings()
    assert len(worker.posted) == before
    assert not session.undo_stack.canUndo()


def test_undo_and_redo_walk_through_the_edits(session: Session, worker: FakeWorker):
    for value in (0.1, 0.2, 0.3):
        session.edit({"inner_lr": value})
    session.undo_stack.undo()
    session.undo_stack.undo()
    assert session.settings.inner.inner_lr == 0.1
    assert worker.settings.inner.inner_lr == 0.1
    session.undo_stack.redo()
    assert worker.settings.inner.inner_lr == 0.2


def test_a_drag_is_one_undo_step(session: Session):
    for value in (0.1, 0.2, 0.3):
        session.edit({"inner_lr": value}, merge_key="inner_lr 1")
    for value in (0.4, 0.5):
        session.edit({"inner_lr": value}, merge_key="inner_lr 2")
    assert session.undo_stack.count() == 2
    session.undo_stack.undo()
    assert session.settings.inner.inner_lr == 0.3
    session.undo_stack.undo()
    assert session.settings.inner.inner_lr == 0.01


def test_undo_brings_back_the_run_before_a_restart(session: Session, worker: FakeWorker):
    session.train()
    session.pull()
    session.pause()
    session.edit({"seed": 7})
    session.restart()
    session.pull()
    assert worker.step == 0
    session.undo_stack.undo()
    session.pull()
    assert worker.posted_of(commands.BringBack) == [commands.BringBack(1)]
    assert (worker.step, worker.settings.run.seed) == (40, 0)
    assert session.status is not None and session.status.outer_step == 40
    assert session.settings.run.seed == 0
    assert session.edited.run.seed == 7
    session.undo_stack.undo()
    assert session.staged is None
    session.undo_stack.redo()
    session.undo_stack.redo()
    session.pull()
    assert worker.posted_of(commands.BringBack)[-1] == commands.BringBack(2)
    assert (worker.step, session.settings.run.seed) == (0, 7)


def test_reset_and_new_seed_are_one_undo_step_each(session: Session, worker: FakeWorker):
    session.train()
    session.pull()
    session.reset()
    session.pull()
    session.new_seed()
    session.pull()
    assert session.undo_stack.count() == 2
    assert worker.settings.run.seed == 1
    session.undo_stack.undo()
    session.pull()
    assert (worker.step, worker.settings.run.seed, session.edited.run.seed) == (0, 0, 0)
    session.undo_stack.undo()
    session.pull()
    assert worker.step >= 40


def test_a_run_that_is_no_longer_kept_is_said_and_the_settings_stay_true(
    session: Session, worker: FakeWorker
):
    session.edit({"seed": 3})
    session.restart()
    session.pull()
    worker._kept.clear()
    refusals: list[reports.Refused] = []
    session.refused.connect(refusals.append)
    session.undo_stack.undo()
    session.pull()
    assert [refusal.command for refusal in refusals] == ["BringBack"]
    assert session.settings.run.seed == worker.settings.run.seed == 3


def test_arms_change_at_once(session: Session, worker: FakeWorker):
    arms = (*session.settings.arms, default_arm("reptile"))
    session.set_arms(arms)
    assert worker.settings.arms == arms
    changed = Arm("MAML", "maml", (("optimizer", "sgd"), ("inner_lr", 0.1)))
    session.edit({"seed": 3})
    session.set_arms((changed, *arms[1:]))
    assert worker.settings.arm("MAML") == changed
    assert session.staged_labels == ["Seed"]


def test_new_seed_takes_the_next_one_and_keeps_training(session: Session, worker: FakeWorker):
    session.train()
    session.pull()
    session.new_seed()
    assert worker.settings.run.seed == 1
    assert worker.posted_of(commands.Restart)[-1].train
    session.undo_stack.undo()
    assert session.edited.run.seed == 0


def test_reset_keeps_the_seed_and_what_waits(session: Session, worker: FakeWorker):
    session.edit({"seed": 9})
    session.reset()
    assert worker.posted_of(commands.Restart)[-1] == commands.Restart(Settings(), train=False)
    assert session.edited.run.seed == 9


def test_toggle_trains_pauses_and_continues(session: Session, worker: FakeWorker):
    session.toggle()
    session.pull()
    assert session.running
    session.toggle()
    session.pull()
    assert session.phase is reports.Phase.PAUSED
    worker.phase = reports.Phase.FINISHED
    worker.report(worker._status())
    session.pull()
    session.toggle()
    assert worker.posted_of(commands.Train)[-1] == commands.Train(beyond=True)


def test_reports_of_an_older_run_are_dropped(session: Session, worker: FakeWorker, qtbot: QtBot):
    arrived: list[reports.Metrics] = []
    session.metrics_arrived.connect(arrived.append)
    session.train()
    session.pull()
    assert arrived
    assert arrived[-1].run == 1
    arrived.clear()
    old = worker._status()
    with qtbot.waitSignal(session.run_started) as started:
        session.restart()
        arrived.clear()
        session.pull()
    assert started.args == [2]
    worker.report(old)
    session.pull()
    assert session.status is not None
    assert session.status.run == 2
    assert not arrived


def test_a_new_run_is_announced_before_its_reports(session: Session, worker: FakeWorker):
    order: list[str] = []
    session.run_started.connect(lambda run: order.append(f"run {run}"))
    session.references_changed.connect(lambda _: order.append("references"))
    session.restart()
    session.pull()
    assert order == ["run 2", "references"]


def test_a_refused_change_goes_back_to_what_is_in_force(session: Session, worker: FakeWorker):
    worker.report(reports.Refused("Change", "No."))
    session.settings = session.settings.with_values({"noise": 1.0})
    session.pull()
    assert session.settings.tasks.noise == 0.0


def test_after_a_refusal_only_what_waits_for_a_restart_is_still_edited(
    session: Session, worker: FakeWorker
):
    session.outer_step()
    session.pull()
    session.edit({"hidden": (8,)})
    assert session.staged_labels == ["Hidden layers"]
    refused = session.edited.with_values({"inner_lr": 0.5})
    worker.report(reports.Refused("Change", "No."))
    session.settings, session.staged = session.settings.with_values({"inner_lr": 0.5}), refused
    session.pull()
    assert session.settings.inner.inner_lr == 0.01
    assert session.edited == session.settings.with_values({"hidden": (8,)})
    # and where nothing waits, nothing is edited
    worker.report(reports.Refused("Change", "No."))
    session.staged = session.settings.with_values({"inner_lr": 0.5})
    session.pull()
    assert session.staged is None


def test_halving_alpha_is_the_arms_own_and_goes_on(session: Session, worker: FakeWorker):
    session.halve_inner_lr("ANIL")
    assert dict(worker.settings.arm("ANIL").overrides) == {"inner_lr": 0.005}
    assert worker.settings.inner.inner_lr == 0.01
    kinds = [type(command) for command in worker.posted[-3:]]
    assert kinds == [commands.Change, commands.ReviveArm, commands.Train]


def test_a_dead_thread_is_said_once(session: Session, worker: FakeWorker):
    failures: list[reports.Failed] = []
    session.failed.connect(failures.append)
    worker.alive = False
    session.pull()
    session.pull()
    assert len(failures) == 1


def test_a_new_task_comes_from_the_task_family(session: Session, worker: FakeWorker):
    session.edit({"amplitude_min": 2.0, "amplitude_max": 3.0, "shots": 7, "query_points": 4})
    seen = set()
    for _ in range(20):
        session.new_task()
        probe = session.probe
        assert probe is not None and probe is worker.posted[-1]
        assert probe.amplitude is not None and probe.phase is not None
        assert 2.0 <= probe.amplitude <= 3.0
        assert 0.0 <= probe.phase <= math.pi
        assert probe.support_x.shape == (7,)
        assert probe.query_x is not None and probe.query_x.shape == (4,)
        assert np.all(np.abs(probe.support_x) <= 5.0)
        expected = probe.amplitude * np.sin(probe.support_x - probe.phase)
        np.testing.assert_allclose(probe.support_y, expected, atol=1e-12)
        assert not probe.support_y.flags.writeable
        seen.add(probe.amplitude)
    assert len(seen) == 20


def test_a_task_has_its_frequency_where_that_varies(session: Session):
    session.edit({"frequency_min": 0.8, "frequency_max": 1.2})
    frequencies = set()
    for _ in range(20):
        session.new_task()
        session.new_points()
        probe = session.probe
        assert probe is not None and probe.amplitude is not None and probe.phase is not None
        assert 0.8 <= probe.frequency <= 1.2
        expected = probe.amplitude * np.sin(probe.frequency * probe.support_x - probe.phase)
        np.testing.assert_allclose(probe.support_y, expected, atol=1e-12)
        truth = probe.amplitude * math.sin(probe.frequency * 1.5 - probe.phase)
        assert session.target(1.5) == pytest.approx(truth)
        # a share string carries it
        there = view_state(ViewState(probe).to_view()).probe
        assert there is not None and there.frequency == probe.frequency
        frequencies.add(probe.frequency)
    assert len(frequencies) == 20
    session.edit({"frequency_min": 1.0, "frequency_max": 1.0})
    session.new_task()
    assert session.probe is not None and session.probe.frequency == 1
    assert len(ViewState(session.probe).to_view()["task"]) == 2


def test_noise_is_on_the_support_points(session: Session):
    session.edit({"noise": 0.5, "shots": 1000})
    session.new_task()
    probe = session.probe
    assert probe is not None and probe.amplitude is not None and probe.phase is not None
    off = probe.support_y - probe.amplitude * np.sin(probe.support_x - probe.phase)
    assert off.std() == pytest.approx(0.5, rel=0.15)


def test_new_points_keep_the_task(session: Session):
    session.new_task()
    before = session.probe
    session.new_points(LEFT_HALF)
    after = session.probe
    assert before is not None and after is not None
    assert (after.amplitude, after.phase) == (before.amplitude, before.phase)
    assert after.support_x.max() <= 0.0
    session.new_points(CLUSTERED)
    assert session.probe is not None
    assert np.ptp(session.probe.support_x) <= 1.5


def test_new_points_of_an_own_task_are_a_new_task(session: Session):
    session.set_probe(commands.ProbeTask(np.array([1.0]), np.array([9.0])))
    assert session.target(0.0) is None
    session.new_points()
    assert session.probe is not None
    assert session.probe.amplitude is not None


def test_target_is_the_truth(session: Session):
    session.set_probe(commands.ProbeTask(np.zeros(1), np.zeros(1), amplitude=2.0, phase=0.5))
    assert session.target(1.5) == pytest.approx(2.0 * math.sin(1.0))


def test_clicking_does_not_touch_the_tasks_of_another_session(worker: FakeWorker, qtbot: QtBot):
    one, two = Session(worker), Session(FakeWorker())
    one.new_task()
    two.new_task()
    assert one.probe is not None and two.probe is not None
    assert one.probe.amplitude == two.probe.amplitude


def test_a_preset_is_taken_over_whole_and_is_the_new_baseline(session: Session):
    preset = presets()["learn2learn-sine"]
    session.load_preset(preset)
    assert session.edited == preset.settings
    assert session.baseline == preset.settings
    assert session.preset is preset


def test_a_preset_applies_at_once_only_while_nothing_is_trained(
    session: Session, worker: FakeWorker
):
    session.load_preset(presets()["learn2learn-sine"])
    assert session.staged is None
    assert worker.settings.model.hidden == (32, 32)
    session.outer_step()
    session.pull()
    session.load_preset(presets()["finn-10-shot"])
    assert session.staged_labels == ["Hidden layers"]
    assert worker.settings.model.hidden == (32, 32)


def test_the_timer_rests_while_paused_and_hurries_for_an_answer(session: Session):
    session.pull()
    session.pace._hurry_until = 0.0
    assert session.pace.interval >= 150
    session.new_task()
    assert session.pace.interval < 150
    session.train()
    session.pull()
    session.pace._hurry_until = 0.0
    assert session.pace.interval < 150


def test_hidden_arms_are_said_once(session: Session, qtbot: QtBot):
    with qtbot.waitSignal(session.hidden_changed):
        session.set_hidden(["MTL"])
    with qtbot.assertNotEmitted(session.hidden_changed):
        session.set_hidden({"MTL"})


class SlowWorker(FakeWorker):
    """Takes commands up only when it is told to: a worker that is busy with an export."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[commands.Command] = []
        self.taken = 0

    def post(self, command: commands.Command) -> None:
        self.waiting.append(command)

    def work(self) -> None:
        waiting, self.waiting = self.waiting, []
        for command in waiting:
            super().post(command)


@pytest.fixture
def slow(qtbot: QtBot) -> Iterator[Session]:
    made = Session(SlowWorker())
    made.start()
    made.pace.stop()
    answer(made)
    yield made
    made.close()


def answer(session: Session) -> SlowWorker:
    worker = session.worker
    assert isinstance(worker, SlowWorker)
    worker.work()
    session.pull()
    return worker


def test_runs_that_were_not_reported_yet_are_undone_and_redone(slow: Session):
    slow.edit({"seed": 7})
    slow.restart()
    slow.undo_stack.undo()
    slow.undo_stack.redo()
    slow.edit({"seed": 8})
    slow.restart()
    worker = answer(slow)
    assert not [r for r in worker.posted_of(commands.BringBack) if r.run not in (1, 2, 3)]
    assert (slow.settings.run.seed, worker.settings.run.seed) == (8, 8)
    while slow.undo_stack.canUndo():  # the edit that was staged is a step of its own
        slow.undo_stack.undo()
        slow.undo_stack.undo()
        worker = answer(slow)
        assert worker.settings == slow.settings
    assert slow.settings.run.seed == 0


def test_a_refusal_that_a_change_had_followed_shows_what_is_in_force(slow: Session):
    slow.edit({"seed": 7})
    slow.restart()
    worker = answer(slow)
    worker._kept.clear()  # the worker keeps some runs only
    slow.undo_stack.undo()
    slow.edit({"inner_lr": 0.5})
    worker = answer(slow)
    assert worker.settings == slow.settings
    assert slow.staged is None and not slow.beginning
