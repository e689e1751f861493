"""The window's model: what is edited, posted, staged, undone, handed on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maml_explorer.gui.session.blamed_change import blamed_change
from maml_explorer.gui.session.loss_history import change
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import CLUSTERED, LEFT_HALF
from maml_explorer.gui.session.view_state import ViewState, view_state
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.past_events import PastChange, PastDivergence, PastEvents
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import load_preset, presets
from maml_explorer.settings.settings import Arm, Settings, default_arm
from tests.gui.fake_worker import FakeWorker


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def session(worker: FakeWorker, qtbot: QtBot) -> Iterator[Session]:
    made = Session(worker)
    made.start()
    made.link.pace.stop()
    made.link.pull()
    yield made
    made.close()


def test_a_change_for_the_next_step_is_posted_at_once(session: Session, worker: FakeWorker):
    session.editor.edit({"inner_lr": 0.5})
    assert session.settings.inner.inner_lr == 0.5
    assert session.editor.staged is None
    assert worker.posted_of(commands.Change)[-1].settings == session.settings


def test_what_waits_as_a_whole_goes_on_waiting_after_a_run_and_a_refusal(
    session: Session, worker: FakeWorker
) -> None:
    """A preset of another network must not reach the run on screen with half of its settings."""
    session.control.train()
    session.link.pull()
    preset = session.settings.with_values({"hidden": (7,), "inner_lr": 0.5})
    session.editor.adopt(preset, "Load preset", whole=True)
    assert session.editor.waits_whole and session.settings.inner.inner_lr == 0.01
    session.control.restart()
    session.link.pull()
    assert session.settings == preset and not session.editor.waits_whole
    session.editor.undo_stack.undo()
    session.link.pull()
    assert session.editor.staged == preset and session.editor.waits_whole
    worker.report(reports.Refused(commands.OpenRun, "No."))
    session.link.pull()
    assert session.editor.staged == preset and session.editor.waits_whole
    session.editor.edit({"outer_lr": 0.5})
    assert session.settings.outer.outer_lr == 0.001, "it waits with the rest"


def test_arms_wait_where_what_is_in_force_contradicts_them(session: Session, worker: FakeWorker):
    session.editor.edit({"lslr": True})
    session.control.restart()
    session.link.pull()
    before, arms = session.settings.arms, (default_arm("maml"), default_arm("meta_sgd"))
    session.editor.adopt(
        session.settings.with_values({"lslr": False, "noise": 0.2}).with_arms(arms)
    )
    assert session.settings.arms == before and session.settings.inner.lslr
    assert session.settings.tasks.noise == 0.2, "what can apply at once does"
    assert session.editor.staged_labels == ["Learned rates (LSLR)", "Arms"]
    session.link.pull()
    assert session.editor.staged is not None and session.editor.staged.arms == arms
    session.editor.undo_stack.undo()
    assert session.editor.staged is None and session.settings.tasks.noise == 0.0
    session.editor.undo_stack.redo()
    session.control.restart()
    assert worker.settings.arms == arms and not worker.settings.inner.lslr


def test_an_arm_defined_anew_comes_late(session: Session, worker: FakeWorker):
    names: list[list[str]] = []
    session.editor.came_late.connect(names.append)
    session.control.outer_step()
    session.link.pull()
    maml, *others = session.settings.arms
    session.editor.set_arms((Arm(maml.name, "maml", (("inner_lr", 0.1),)), *others))
    assert names == [], "a value of the next step begins nothing"
    session.editor.set_arms((Arm(maml.name, "maml", (("optimizer", "sgd"),)), *others))
    session.editor.set_arms((*session.settings.arms, default_arm("reptile")))
    assert names == [["MAML"], ["Reptile"]]


def test_a_change_that_needs_a_restart_waits(session: Session, worker: FakeWorker):
    session.editor.edit({"seed": 7, "activation": "tanh"})
    assert session.settings.run.seed == 0
    assert session.editor.staged is not None
    assert session.editor.staged.run.seed == 7
    assert session.editor.staged_labels == ["Activation", "Seed"]
    assert not worker.posted_of(commands.Change)
    # what can apply at once still does, and the staged part stays
    session.editor.edit({"noise": 0.3})
    assert session.settings.tasks.noise == 0.3
    assert session.settings.run.seed == 0
    assert session.editor.staged.run.seed == 7
    assert worker.posted_of(commands.Change)[-1].settings.run.seed == 0
    session.control.restart()
    assert session.editor.staged is None
    assert worker.settings.run.seed == 7
    assert worker.settings.tasks.noise == 0.3


def test_setting_a_staged_value_back_unstages_it(session: Session):
    session.editor.edit({"seed": 7})
    session.editor.edit({"seed": 0})
    assert session.editor.staged is None


def test_discard_gives_up_what_waits_and_can_be_undone(session: Session):
    session.editor.edit({"seed": 7})
    session.editor.discard_staged()
    assert session.editor.staged is None
    session.editor.undo_stack.undo()
    assert session.editor.edited.run.seed == 7


def test_a_refused_value_changes_nothing(session: Session, worker: FakeWorker):
    before = len(worker.posted)
    with pytest.raises(SettingsError, match="from 0 to 100"):
        session.editor.edit({"inner_lr": -1.0})
    with pytest.raises(SettingsError, match="cannot be above"):
        session.editor.edit({"amplitude_min": 6.0})
    assert session.settings == Settings()
    assert len(worker.posted) == before
    assert not session.editor.undo_stack.canUndo()


def test_undo_and_redo_walk_through_the_edits(session: Session, worker: FakeWorker):
    for value in (0.1, 0.2, 0.3):
        session.editor.edit({"inner_lr": value})
    session.editor.undo_stack.undo()
    session.editor.undo_stack.undo()
    assert session.settings.inner.inner_lr == 0.1
    assert worker.settings.inner.inner_lr == 0.1
    session.editor.undo_stack.redo()
    assert worker.settings.inner.inner_lr == 0.2


def test_a_drag_is_one_undo_step(session: Session):
    for value in (0.1, 0.2, 0.3):
        session.editor.edit({"inner_lr": value}, merge_key="inner_lr 1")
    for value in (0.4, 0.5):
        session.editor.edit({"inner_lr": value}, merge_key="inner_lr 2")
    assert session.editor.undo_stack.count() == 2
    session.editor.undo_stack.undo()
    assert session.settings.inner.inner_lr == 0.3
    session.editor.undo_stack.undo()
    assert session.settings.inner.inner_lr == 0.01


def test_undo_brings_back_the_run_before_a_restart(session: Session, worker: FakeWorker):
    session.control.train()
    session.link.pull()
    session.control.pause()
    session.editor.edit({"seed": 7})
    session.control.restart()
    session.link.pull()
    assert worker.step == 0
    session.editor.undo_stack.undo()
    session.link.pull()
    assert worker.posted_of(commands.BringBack) == [commands.BringBack(1)]
    assert (worker.step, worker.settings.run.seed) == (40, 0)
    assert session.status is not None and session.status.outer_step == 40
    assert session.settings.run.seed == 0
    assert session.editor.edited.run.seed == 7
    session.editor.undo_stack.undo()
    assert session.editor.staged is None
    session.editor.undo_stack.redo()
    session.editor.undo_stack.redo()
    session.link.pull()
    assert worker.posted_of(commands.BringBack)[-1] == commands.BringBack(2)
    assert (worker.step, session.settings.run.seed) == (0, 7)


def test_reset_and_new_seed_are_one_undo_step_each(session: Session, worker: FakeWorker):
    session.control.train()
    session.link.pull()
    session.control.reset()
    session.link.pull()
    session.control.new_seed()
    session.link.pull()
    assert session.editor.undo_stack.count() == 2
    assert worker.settings.run.seed == 1
    session.editor.undo_stack.undo()
    session.link.pull()
    assert (worker.step, worker.settings.run.seed, session.editor.edited.run.seed) == (0, 0, 0)
    session.editor.undo_stack.undo()
    session.link.pull()
    assert worker.step >= 40


def test_a_run_that_is_no_longer_kept_is_said_and_the_settings_stay_true(
    session: Session, worker: FakeWorker
):
    session.editor.edit({"seed": 3})
    session.control.restart()
    session.link.pull()
    worker._kept.clear()
    refusals: list[reports.Refused] = []
    session.link.refused.connect(refusals.append)
    session.editor.undo_stack.undo()
    session.link.pull()
    assert [refusal.refused for refusal in refusals] == [commands.BringBack]
    assert session.settings.run.seed == worker.settings.run.seed == 3


def test_arms_change_at_once(session: Session, worker: FakeWorker):
    arms = (*session.settings.arms, default_arm("reptile"))
    session.editor.set_arms(arms)
    assert worker.settings.arms == arms
    changed = Arm("MAML", "maml", (("optimizer", "sgd"), ("inner_lr", 0.1)))
    session.editor.edit({"seed": 3})
    session.editor.set_arms((changed, *arms[1:]))
    assert worker.settings.arm("MAML") == changed
    assert session.editor.staged_labels == ["Seed"]


def test_new_seed_takes_the_next_one_and_keeps_training(session: Session, worker: FakeWorker):
    session.control.train()
    session.link.pull()
    session.control.new_seed()
    assert worker.settings.run.seed == 1
    assert worker.posted_of(commands.Restart)[-1].train
    session.editor.undo_stack.undo()
    assert session.editor.edited.run.seed == 0


def test_reset_keeps_the_seed_and_what_waits(session: Session, worker: FakeWorker):
    session.editor.edit({"seed": 9})
    session.control.reset()
    assert worker.posted_of(commands.Restart)[-1] == commands.Restart(Settings(), train=False)
    assert session.editor.edited.run.seed == 9


def test_toggle_trains_pauses_and_continues(session: Session, worker: FakeWorker):
    session.control.toggle()
    session.link.pull()
    assert session.link.running
    session.control.toggle()
    session.link.pull()
    assert session.link.phase is reports.Phase.PAUSED
    worker.phase = reports.Phase.FINISHED
    worker.report(worker._status())
    session.link.pull()
    session.control.toggle()
    assert worker.posted_of(commands.Train)[-1] == commands.Train(beyond=True)


def test_reports_of_an_older_run_are_dropped(session: Session, worker: FakeWorker, qtbot: QtBot):
    arrived: list[reports.Metrics] = []
    session.link.metrics_arrived.connect(arrived.append)
    session.control.train()
    session.link.pull()
    assert arrived
    assert arrived[-1].run == 1
    arrived.clear()
    old = worker._status()
    with qtbot.waitSignal(session.link.run_started) as started:
        session.control.restart()
        arrived.clear()
        session.link.pull()
    assert started.args == [2]
    worker.report(old)
    session.link.pull()
    assert session.status is not None
    assert session.status.run == 2
    assert not arrived


def test_a_new_run_is_announced_before_its_reports(session: Session, worker: FakeWorker):
    order: list[str] = []
    session.link.run_started.connect(lambda run: order.append(f"run {run}"))
    session.measured.references_changed.connect(lambda _: order.append("references"))
    session.control.restart()
    session.link.pull()
    assert order == ["run 2", "references"]


def test_an_opened_run_has_the_marks_it_had_and_no_others(session: Session, worker: FakeWorker):
    begun = Settings().with_values({"inner_steps": 3})
    then = begun.with_values({"inner_lr": 0.02})
    session.link.begin(commands.HoldRun())  # stands for the command that opens it
    gone = PastDivergence("MAML", 300, 290)
    worker.report(PastEvents(2, (PastChange(250, begun, then),), (gone,)))
    worker.report(reports.Status(2, reports.Phase.PAUSED, 500, then))
    session.control._opening = True
    session.link.pull()
    assert session.settings == then
    assert [(one.outer_step, one.symbol) for one in session.losses.history.marks] == [(250, "α")]
    assert (
        session.divergences.seen == [reports.Diverged(2, "MAML", 300, 290, "")]
        and not session.divergences.frozen
    )
    session.editor.edit({"outer_lr": 0.01})
    assert [mark.words for mark in session.losses.history.marks[1:]] == [
        "Outer learning rate β 0.001 → 0.01"
    ]


def test_a_refused_change_goes_back_to_what_is_in_force(session: Session, worker: FakeWorker):
    worker.report(reports.Refused(commands.Change, "No."))
    session.editor.settings = session.settings.with_values({"noise": 1.0})
    session.link.pull()
    assert session.settings.tasks.noise == 0.0


def test_after_a_refusal_only_what_waits_for_a_restart_is_still_edited(
    session: Session, worker: FakeWorker
):
    session.control.outer_step()
    session.link.pull()
    session.editor.edit({"hidden": (8,)})
    assert session.editor.staged_labels == ["Hidden layers"]
    refused = session.editor.edited.with_values({"inner_lr": 0.5})
    worker.report(reports.Refused(commands.Change, "No."))
    session.editor.settings, session.editor.staged = (
        session.settings.with_values({"inner_lr": 0.5}),
        refused,
    )
    session.link.pull()
    assert session.settings.inner.inner_lr == 0.01
    assert session.editor.edited == session.settings.with_values({"hidden": (8,)})
    # and where nothing waits, nothing is edited
    worker.report(reports.Refused(commands.Change, "No."))
    session.editor.staged = session.settings.with_values({"inner_lr": 0.5})
    session.link.pull()
    assert session.editor.staged is None


def test_halving_alpha_changes_the_field_and_goes_on(session: Session, worker: FakeWorker):
    session.control.halve_inner_lr("ANIL")
    assert worker.settings.inner.inner_lr == 0.005
    assert all(arm.overrides == () for arm in worker.settings.arms)
    kinds = [type(command) for command in worker.posted[-3:]]
    assert kinds == [commands.Change, commands.ReviveArm, commands.Train]
    mark = change(Settings(), worker.settings, 40)
    assert mark is not None and mark.brief == "α → 0.005"


def test_what_the_user_has_paused_stays_paused(session: Session, worker: FakeWorker):
    session.control.train()
    session.link.pull()
    session.control.toggle()
    session.link.pull()
    session.editor.edit({"inner_lr": 1.0})
    report = reports.Diverged(1, "MAML", 40, 40, "x", change="α from 0.01 to 1 at outer step 40")
    blamed = blamed_change(session.editor.undo_stack, session.settings, [report])
    assert blamed is not None
    for way in (
        lambda: session.control.undo_change_and_go_on(blamed.edit),
        lambda: session.control.halve_inner_lr("MAML"),
    ):
        worker.posted.clear()
        way()
        assert not worker.posted_of(commands.Train)
    assert worker.posted_of(commands.ReviveArm)
    # one that is told to go on goes on, and from then on so do the others
    session.control.let_go_on("MAML")
    assert worker.posted_of(commands.Train)
    worker.posted.clear()
    session.control.halve_inner_lr("MAML")
    assert worker.posted_of(commands.Train)


def test_halving_alpha_leaves_a_preset_that_waits(session: Session, worker: FakeWorker):
    session.control.train()
    session.link.pull()
    before, waiting = session.settings, load_preset("oml-sine")
    session.control.load_preset(waiting)
    assert session.editor.waits_whole
    session.control.halve_inner_lr("MAML")
    halved = before.with_values({"inner_lr": before.inner.inner_lr / 2})
    assert worker.settings == session.settings == halved
    assert session.editor.edited == waiting.settings and session.editor.waits_whole
    session.undo()
    assert worker.settings == before and session.editor.edited == waiting.settings


def test_halving_alpha_is_an_arms_own_where_it_had_one(session: Session, worker: FakeWorker):
    maml, fomaml, anil, mtl = session.settings.arms
    others = [replace(arm, overrides=(("inner_lr", 0.1),)) for arm in (fomaml, anil, mtl)]
    session.editor.set_arms((maml, *others))
    session.control.halve_inner_lr("MAML", "ANIL")
    assert worker.settings.inner.inner_lr == 0.005
    assert [dict(arm.overrides) for arm in worker.settings.arms] == [
        {}, {"inner_lr": 0.1}, {"inner_lr": 0.05}, {"inner_lr": 0.1},
    ]  # fmt: skip
    session.editor.edit({"inner_lr": 0.003})
    assert worker.settings.of_arm(worker.settings.arm("MAML")).inner.inner_lr == 0.003
    session.control.halve_inner_lr("ANIL")
    assert dict(worker.settings.arm("ANIL").overrides) == {"inner_lr": 0.025}
    assert worker.settings.inner.inner_lr == 0.003


def test_a_dead_thread_is_said_once(session: Session, worker: FakeWorker):
    failures: list[reports.Failed] = []
    session.link.failed.connect(failures.append)
    worker.alive = False
    session.link.pull()
    session.link.pull()
    assert len(failures) == 1


def test_a_new_task_comes_from_the_task_family(session: Session, worker: FakeWorker):
    session.editor.edit({"amplitude_min": 2.0, "amplitude_max": 3.0, "shots": 7, "query_points": 4})
    seen = set()
    for _ in range(20):
        session.task.new_task()
        probe = session.task.probe
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
    session.editor.edit({"frequency_min": 0.8, "frequency_max": 1.2})
    frequencies = set()
    for _ in range(20):
        session.task.new_task()
        session.task.new_points()
        probe = session.task.probe
        assert probe is not None and probe.amplitude is not None and probe.phase is not None
        assert 0.8 <= probe.frequency <= 1.2
        expected = probe.amplitude * np.sin(probe.frequency * probe.support_x - probe.phase)
        np.testing.assert_allclose(probe.support_y, expected, atol=1e-12)
        truth = probe.amplitude * math.sin(probe.frequency * 1.5 - probe.phase)
        assert session.task.target(1.5) == pytest.approx(truth)
        # a share string carries it
        there = view_state(ViewState(probe).to_view()).probe
        assert there is not None and there.frequency == probe.frequency
        frequencies.add(probe.frequency)
    assert len(frequencies) == 20
    session.editor.edit({"frequency_min": 1.0, "frequency_max": 1.0})
    session.task.new_task()
    assert session.task.probe is not None and session.task.probe.frequency == 1
    assert len(ViewState(session.task.probe).to_view()["task"]) == 2


def test_noise_is_on_the_support_points(session: Session):
    session.editor.edit({"noise": 0.5, "shots": 1000})
    session.task.new_task()
    probe = session.task.probe
    assert probe is not None and probe.amplitude is not None and probe.phase is not None
    off = probe.support_y - probe.amplitude * np.sin(probe.support_x - probe.phase)
    assert off.std() == pytest.approx(0.5, rel=0.15)


def test_new_points_keep_the_task(session: Session):
    session.task.new_task()
    before = session.task.probe
    session.task.new_points(LEFT_HALF)
    after = session.task.probe
    assert before is not None and after is not None
    assert (after.amplitude, after.phase) == (before.amplitude, before.phase)
    assert after.support_x.max() <= 0.0
    session.task.new_points(CLUSTERED)
    assert session.task.probe is not None
    assert np.ptp(session.task.probe.support_x) <= 1.5


def test_new_points_of_an_own_task_are_a_new_task(session: Session):
    session.task.set_probe(commands.ProbeTask(np.array([1.0]), np.array([9.0])))
    assert session.task.target(0.0) is None
    session.task.new_points()
    assert session.task.probe is not None
    assert session.task.probe.amplitude is not None


def test_target_is_the_truth(session: Session):
    session.task.set_probe(commands.ProbeTask(np.zeros(1), np.zeros(1), amplitude=2.0, phase=0.5))
    assert session.task.target(1.5) == pytest.approx(2.0 * math.sin(1.0))


def test_clicking_does_not_touch_the_tasks_of_another_session(worker: FakeWorker, qtbot: QtBot):
    one, two = Session(worker), Session(FakeWorker())
    one.task.new_task()
    two.task.new_task()
    assert one.task.probe is not None and two.task.probe is not None
    assert one.task.probe.amplitude == two.task.probe.amplitude


def test_a_preset_is_taken_over_whole_and_is_the_new_baseline(session: Session):
    preset = presets()["learn2learn-sine"]
    session.control.load_preset(preset)
    assert session.editor.edited == preset.settings
    assert session.editor.baseline == preset.settings
    assert session.editor.preset is preset


def test_a_preset_applies_at_once_only_while_nothing_is_trained(
    session: Session, worker: FakeWorker
):
    session.control.load_preset(presets()["learn2learn-sine"])
    assert session.editor.staged is None
    assert worker.settings.model.hidden == (32, 32)
    session.control.outer_step()
    session.link.pull()
    session.control.load_preset(presets()["finn-10-shot"])
    assert session.editor.staged_labels == ["Hidden layers"]
    assert worker.settings.model.hidden == (32, 32)


def test_a_preset_that_needs_a_restart_waits_as_a_whole(session: Session, worker: FakeWorker):
    session.control.outer_step()
    session.link.pull()
    before, images = worker.settings, presets()["glyphs-2-way-4-shot"]
    session.control.load_preset(images)
    session.link.pull()
    assert session.editor.edited == images.settings
    assert session.editor.settings == worker.settings == before, "the run is not half a preset's"
    session.editor.edit({"inner_lr": 0.3})
    session.link.pull()
    assert session.editor.edited.inner.inner_lr == 0.3 and worker.settings == before
    session.editor.undo_stack.undo()
    session.editor.undo_stack.undo()
    assert session.editor.staged is None and session.editor.settings == before
    session.editor.undo_stack.redo()
    assert session.editor.edited == images.settings and worker.settings == before
    session.control.restart()
    session.link.pull()
    assert worker.settings == images.settings and session.editor.staged is None


def test_the_timer_rests_while_paused_and_hurries_for_an_answer(session: Session):
    session.link.pull()
    session.link.pace._hurry_until = 0.0
    assert session.link.pace.interval >= 150
    session.task.new_task()
    assert session.link.pace.interval < 150
    session.control.train()
    session.link.pull()
    session.link.pace._hurry_until = 0.0
    assert session.link.pace.interval < 150


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
    made.link.pace.stop()
    answer(made)
    yield made
    made.close()


def answer(session: Session) -> SlowWorker:
    worker = session.link.worker
    assert isinstance(worker, SlowWorker)
    worker.work()
    session.link.pull()
    return worker


def test_runs_that_were_not_reported_yet_are_undone_and_redone(slow: Session):
    slow.editor.edit({"seed": 7})
    slow.control.restart()
    slow.editor.undo_stack.undo()
    slow.editor.undo_stack.redo()
    slow.editor.edit({"seed": 8})
    slow.control.restart()
    worker = answer(slow)
    assert not [r for r in worker.posted_of(commands.BringBack) if r.run not in (1, 2, 3)]
    assert (slow.settings.run.seed, worker.settings.run.seed) == (8, 8)
    while slow.editor.undo_stack.canUndo():  # the edit that was staged is a step of its own
        slow.editor.undo_stack.undo()
        slow.editor.undo_stack.undo()
        worker = answer(slow)
        assert worker.settings == slow.settings
    assert slow.settings.run.seed == 0


def test_a_refusal_that_a_change_had_followed_shows_what_is_in_force(slow: Session):
    slow.editor.edit({"seed": 7})
    slow.control.restart()
    worker = answer(slow)
    worker._kept.clear()  # the worker keeps some runs only
    slow.editor.undo_stack.undo()
    slow.editor.edit({"inner_lr": 0.5})
    worker = answer(slow)
    assert worker.settings == slow.settings
    assert slow.editor.staged is None and not slow.link.beginning
