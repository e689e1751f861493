"""The thread contract, rule by rule, with a clock that moves only as told."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.core import training
from maml_explorer.core.kernels.choice import VARIABLE
from maml_explorer.core.plan import prepare
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.protocol.returned import Returned
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.worker import live_answers
from maml_explorer.worker.handle import Worker
from maml_explorer.worker.live_answers import PROBE_SECONDS, WATCH_SECONDS, WATCH_SHARE
from maml_explorer.worker.mailbox import Inbox, Outbox
from tests.worker.driving import Clock, Driver, small_settings

PROBE = commands.ProbeTask(np.array([-3.0, 0.5, 2.0]), np.array([1.0, -1.0, 0.5]), 2.0, 0.7)
WATCH = commands.WatchTasks(np.zeros((2, 3)), np.ones((2, 3)))


def plain_loop(settings: Settings, steps: int) -> training.RunState:
    plan = prepare(settings)
    state = training.start_run(plan)
    for _ in range(steps):
        state, _ = training.outer_step(plan, state)
    return state


def same(one: torch.Tensor, two: torch.Tensor) -> bool:
    return torch.equal(one, two)


def test_the_worker_equals_a_plain_loop_bit_for_bit() -> None:
    settings = small_settings(noise=0.1, inner_steps=2, outer_steps=60)
    expected = plain_loop(settings, 60)
    worker = Worker()
    worker.start()
    worker.post(commands.Restart(settings, train=True))
    seen: list[m.Report] = []
    deadline = time.monotonic() + 60
    # clicks all the way: probes, watched tasks, meta-tests, an export refused
    while time.monotonic() < deadline:
        worker.post(PROBE)
        worker.post(commands.WatchTasks(np.zeros((2, 1)), np.ones((2, 1))))
        worker.post(commands.MetaTest())
        seen += worker.collect()
        last = [r for r in seen if isinstance(r, m.Status)]
        if last and last[-1].phase is m.Phase.FINISHED:
            break
        time.sleep(0.005)
    assert worker.close()
    seen += worker.collect()
    steps = np.concatenate([r.outer_step for r in seen if isinstance(r, m.Metrics)])
    assert steps.tolist() == list(range(1, 61))
    driver = Driver(settings)
    driver.train_to(60)
    for name, arm in expected.arms.items():
        assert same(driver.theta(name), arm.initialization), name
    curves = [r for r in seen if isinstance(r, m.Probed) and r.outer_step == 60]
    assert curves, "the pause at the end answers the probe once more"
    from maml_explorer.worker.answers import answer_probe

    plan = prepare(settings)
    for name, arm in answer_probe(1, plan, expected, PROBE).arms.items():
        np.testing.assert_array_equal(curves[-1].arms[name].curves, arm.curves)


@pytest.mark.parametrize("norm", ["batch", "batch-running", "batch-per-step", "layer"])
def test_normed_networks_train_step_by_hand_and_change_as_in_a_plain_loop(norm: str) -> None:
    settings = small_settings(norm=norm, skip=True, inner_steps=2)
    driver = Driver(settings)
    driver.train_to(3)
    driver.tell(PROBE, commands.MetaTest())
    while driver.step < 4:
        driver.tell(commands.TakeInnerStep())
    more = settings.with_values({"inner_steps": 4})
    driver.tell(commands.Change(more))
    driver.train_to(7)
    state, plan = plain_loop(settings, 4), prepare(more)
    for _ in range(3):
        state, _ = training.outer_step(plan, state)
    for name, arm in state.arms.items():
        assert same(driver.theta(name), arm.initialization), name
        assert bool(torch.isfinite(arm.initialization).all())


def test_clicking_does_not_change_a_run() -> None:
    settings = small_settings()
    quiet, busy = Driver(settings), Driver(settings)
    quiet.train_to(20)
    busy.tell(commands.Train())
    while busy.step < 20:
        busy.tell(PROBE, commands.MetaTest(), commands.LimitSpeed(None))
        busy.work(1)
    for name in ("MAML", "Reptile", "MTL"):
        assert same(quiet.theta(name), busy.theta(name))


def test_an_arm_does_not_depend_on_its_neighbours() -> None:
    together = plain_loop(small_settings(), 12)
    for key in ("maml", "anil", "reptile", "mtl"):
        alone = plain_loop(small_settings(key), 12)
        name = default_arm(key).name
        assert same(alone.arms[name].initialization, together.arms[name].initialization)
        for one, two in zip(alone.arms[name].moments, together.arms[name].moments, strict=True):
            assert same(one, two)


def test_stepping_by_hand_equals_full_speed() -> None:
    settings = small_settings(inner_steps=2)
    fast, slow = Driver(settings), Driver(settings)
    fast.train_to(3)
    phases = []
    while slow.step < 3:
        slow.tell(commands.TakeInnerStep())
        (stepped,) = slow.reports(m.Stepped)
        assert isinstance(stepped, m.Stepped)
        phases.append((stepped.phase, stepped.inner_step))
    adapt = [("adapt", k) for k in range(1, 6)]  # Reptile takes five inner steps
    assert phases[:8] == [("sample", 0), *adapt, ("query", 5), ("update", 5)]
    for name in ("MAML", "Reptile", "MTL"):
        assert same(fast.theta(name), slow.theta(name))


def test_the_path_shown_is_the_one_trained_on() -> None:
    settings = small_settings("maml", inner_steps=1)
    driver = Driver(settings)
    driver.tell(commands.TakeInnerStep())
    (stepped,) = driver.reports(m.Stepped)
    assert isinstance(stepped, m.Stepped)
    plan = prepare(settings)
    batch, _ = training.draw_batch(plan, training.start_run(plan))
    np.testing.assert_array_equal(stepped.probe.support_x, batch.support.x[0, :, 0].double())
    x, y = batch.query.x[0].double(), batch.query.y[0].double()
    from tests import reference

    theta = driver.theta("MAML").double()
    support = batch.support.x[0].double(), batch.support.y[0].double()
    phi = reference.adapt(theta, torch.ones_like(theta), *support, 0.01, 1, (1, 8, 8, 1), "relu")
    shown = stepped.probed.arms["MAML"].query_prediction[1]
    np.testing.assert_allclose(
        shown, reference.predict(phi, x, (1, 8, 8, 1), "relu")[:, 0], rtol=1e-4, atol=1e-5
    )
    assert y.shape == (10, 1)


def test_a_change_discards_the_step_begun_by_hand() -> None:
    settings = small_settings("maml", "mtl")
    driver = Driver(settings)
    driver.tell(commands.TakeInnerStep())
    driver.tell(commands.Change(settings.with_values({"inner_lr": 0.05})))
    assert driver.step == 0
    driver.train_to(2)
    expected = plain_loop(settings.with_values({"inner_lr": 0.05}), 2)
    assert same(driver.theta("MAML"), expected.arms["MAML"].initialization)


def test_a_change_applies_from_the_next_outer_step() -> None:
    settings = small_settings("maml", "mtl")
    changed = settings.with_values({"outer_lr": 0.01, "shots": 3, "meta_batch": 2})
    driver = Driver(settings)
    driver.train_to(4)
    driver.tell(commands.Change(changed))
    driver.train_to(7)
    first, second = prepare(settings), prepare(changed)
    state = training.start_run(first)
    for index in range(7):
        state, _ = training.outer_step(first if index < 4 else second, state)
    assert same(driver.theta("MAML"), state.arms["MAML"].initialization)


def test_a_finished_run_with_more_outer_steps_is_paused() -> None:
    settings = small_settings("maml", "mtl", outer_steps=5)
    driver = Driver(settings)
    driver.tell(commands.Train())
    while driver.loop.trainer.phase is m.Phase.RUNNING:
        driver.work(1)
    assert driver.loop.trainer.phase is m.Phase.FINISHED
    driver.tell(commands.Change(settings.with_values({"inner_lr": 0.02})))
    assert driver.loop.trainer.phase is m.Phase.FINISHED
    driver.tell(commands.Change(settings.with_values({"outer_steps": 9})))
    last = driver.reports(m.Status)[-1]
    assert isinstance(last, m.Status) and last.phase is m.Phase.PAUSED


def test_a_change_that_needs_a_restart_is_refused_whole() -> None:
    settings = small_settings("maml")
    driver = Driver(settings)
    driver.tell(commands.Change(settings.with_values({"seed": 3, "inner_lr": 0.5})))
    (refused,) = driver.reports(m.Refused)
    assert isinstance(refused, m.Refused)
    assert "Seed" in refused.reason
    assert driver.run.settings == settings


def test_a_pause_drops_the_outer_step_in_progress_and_rewinds() -> None:
    settings = small_settings("maml", "fomaml", "mtl")
    driver = Driver(settings)
    driver.train_to(2)
    driver.tell(commands.Train())
    # the pause arrives while the step is under way: seen after its first piece
    arrived = []

    def clock() -> float:
        if len(arrived) == 2:
            driver.inbox.post(commands.Pause())
        arrived.append(1)
        return 100.0

    driver.loop.trainer.clock = clock
    assert not driver.loop.trainer.take_outer_step()
    assert driver.step == 2
    driver.loop.trainer.clock = Clock(1e-4)
    driver.work(1)
    assert driver.loop.trainer.phase is m.Phase.PAUSED
    driver.train_to(4)
    assert same(driver.theta("MTL"), plain_loop(settings, 4).arms["MTL"].initialization)


def test_nothing_is_computed_after_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 9: the outer step that was dropped for the stop is not begun again."""
    driver = Driver(small_settings("maml"))
    driver.inbox.post(commands.Train())
    driver.inbox.post(commands.Stop())
    worked = []
    monkeypatch.setattr(driver.loop, "work", lambda: worked.append(driver.loop.stopped) or True)
    driver.loop.run()
    assert worked == [False]
    assert driver.loop.trainer.phase is m.Phase.STOPPED


def test_a_late_arm_begins_at_its_own_step_0() -> None:
    settings = small_settings("maml")
    driver = Driver(settings)
    driver.train_to(5)
    both = settings.with_arms((*settings.arms, Arm("Fast", "maml", (("inner_lr", 0.1),))))
    driver.tell(commands.Change(both))
    driver.train_to(8)
    assert driver.run.state.arms["Fast"].outer_step == 3
    assert same(driver.theta("MAML"), plain_loop(settings, 8).arms["MAML"].initialization)
    driver.tell(commands.Change(settings))
    assert list(driver.run.state.arms) == ["MAML"]


def test_an_arm_that_is_brought_back_goes_on_as_it_was() -> None:
    settings = small_settings("maml", "meta_sgd")
    without = settings.with_arms(settings.arms[:1])
    driver = Driver(settings)
    driver.train_to(9)
    before, totals = driver.run.state.arms["Meta-SGD"], driver.run.totals.seconds["Meta-SGD"]
    driver.tell(commands.Change(without))
    driver.train_to(12)
    assert driver.run.good.kept("Meta-SGD") is None
    driver.outbox.collect()
    driver.tell(commands.Change(settings, frozenset({"Meta-SGD"})))
    after = driver.run.state.arms["Meta-SGD"]
    assert same(after.initialization, before.initialization)
    assert all(map(same, after.moments, before.moments)) and len(after.moments) == 2
    assert (after.outer_step, driver.step) == (9, 12)
    assert driver.run.totals.seconds["Meta-SGD"] == totals
    (returned,) = driver.reports(Returned)
    assert isinstance(returned, Returned) and returned.own_steps == {"Meta-SGD": 9}
    kept = driver.run.good.kept("Meta-SGD")
    assert kept is not None and 0 < kept.outer_step <= 9
    driver.train_to(14)
    assert driver.run.state.arms["Meta-SGD"].outer_step == 11
    # what was asked for anew begins anew, of the same name too
    driver.tell(commands.Change(without))
    driver.train_to(15)
    driver.tell(commands.Change(settings))
    assert driver.run.state.arms["Meta-SGD"].outer_step == 0
    assert not driver.reports(Returned)


def test_a_learned_rate_follows_what_changed_while_its_arm_was_away() -> None:
    settings = small_settings("maml", "meta_sgd", inner_lr=0.01)
    driver = Driver(settings)
    driver.train_to(3)
    count = driver.run.plan.model.parameter_count
    before = driver.theta("Meta-SGD")[count:]
    driver.tell(commands.Change(settings.with_arms(settings.arms[:1])))
    driver.tell(commands.Change(driver.run.settings.with_values({"inner_lr": 0.02})))
    back = driver.run.settings.with_arms(settings.arms)
    driver.tell(commands.Change(back, frozenset({"Meta-SGD"})))
    torch.testing.assert_close(driver.theta("Meta-SGD")[count:], 2 * before)


def test_an_arm_whose_redefinition_is_taken_back_is_what_it_was() -> None:
    settings = small_settings("maml")
    driver = Driver(settings)
    driver.train_to(7)
    before, counted = driver.theta("MAML"), dict(driver.run.totals.gradient_evaluations)
    other = settings.with_arms((Arm("MAML", "maml", (("optimizer", "sgd"),)),))
    driver.tell(commands.Change(other))
    driver.train_to(9)
    assert driver.run.state.arms["MAML"].outer_step == 2
    driver.tell(commands.Change(settings, frozenset({"MAML"})))
    assert same(driver.theta("MAML"), before)
    assert driver.run.totals.gradient_evaluations == counted


def test_a_frozen_arm_comes_back_frozen_and_that_is_reported() -> None:
    settings = small_settings("maml", "mtl")
    wild = settings.with_arms((*settings.arms, Arm("Wild", "maml", (("inner_lr", 100.0),))))
    driver = Driver(wild)
    driver.train_to(150)
    driver.tell(commands.Change(settings))
    driver.outbox.collect()
    driver.tell(commands.Change(wild, frozenset({"Wild"})))
    assert driver.run.state.arms["Wild"].frozen
    (diverged,) = driver.reports(m.Diverged)
    assert isinstance(diverged, m.Diverged) and diverged.arm == "Wild"


@pytest.mark.parametrize("lr", [30.0, 100.0])
def test_a_diverging_arm_is_frozen_alone(lr: float) -> None:
    settings = small_settings("maml", "mtl")
    wild = settings.with_arms((*settings.arms, Arm("Wild", "maml", (("inner_lr", lr),))))
    driver = Driver(wild)
    driver.train_to(150)
    reports = driver.outbox.collect()
    diverged = [r for r in reports if isinstance(r, m.Diverged)]
    assert [r.arm for r in diverged] == ["Wild"]
    assert "Wild diverged at outer step" in diverged[0].reason
    assert bool(torch.isfinite(driver.theta("Wild")).all())
    assert same(driver.theta("MAML"), plain_loop(settings, 150).arms["MAML"].initialization)
    for block in (r for r in reports if isinstance(r, m.Metrics)):
        assert np.isfinite(block.query_after[:2]).all()
        assert not np.isinf(block.query_after).any()


def test_back_to_the_last_good_state_revives_all_arms() -> None:
    settings = small_settings("maml", "mtl")
    driver = Driver(settings)
    driver.train_to(128)
    driver.tell(commands.Change(settings.with_values({"outer_lr": 100.0})))
    driver.train_to(400)
    assert any(arm.frozen for arm in driver.run.state.arms.values())
    said = driver.reports(m.Diverged)
    driver.tell(commands.Change(settings), commands.BackToLastGood())
    assert not any(arm.frozen for arm in driver.run.state.arms.values())
    (rewound,) = driver.reports(m.Rewound)
    assert isinstance(rewound, m.Rewound)
    step = rewound.outer_step
    assert driver.step == step
    assert said and {one.back_step for one in said if isinstance(one, m.Diverged)} == {step}
    driver.train_to(step + 5)
    assert bool(torch.isfinite(driver.theta("MAML")).all())
    assert {one.outer_step for one in rewound.changes} <= {128, step}
    if step <= 128:  # nothing of the wild settings is left: the run goes on as if never changed
        assert all(one.before == one.after for one in rewound.changes)
        assert same(
            driver.theta("MAML"), plain_loop(settings, step + 5).arms["MAML"].initialization
        )


def test_an_exception_is_reported_and_the_last_state_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = small_settings("maml")
    worker = Worker()
    worker.start()
    worker.post(commands.Restart(settings))
    calls = []
    original = training._arm_step

    def failing(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 5:
            raise RuntimeError("planted")
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "_arm_step", failing)
    worker.post(commands.Train())
    seen = wait_for(worker, m.Failed)
    failed = next(r for r in seen if isinstance(r, m.Failed))
    assert "planted" in failed.what and "Traceback" in failed.details
    assert worker.alive
    kept = max(r.outer_step[-1] for r in seen if isinstance(r, m.Metrics))
    worker.post(commands.TakeOuterStep())
    status = [r for r in wait_for(worker, m.Status) if isinstance(r, m.Status)][-1]
    assert status.outer_step == kept + 1
    worker.post(commands.Restart(settings))
    assert worker.close()


def wait_for(worker: Worker, kind: type, seconds: float = 30.0) -> list[m.Report]:
    seen: list[m.Report] = []
    deadline = time.monotonic() + seconds
    while not any(isinstance(report, kind) for report in seen):
        assert time.monotonic() < deadline, f"no {kind.__name__} in {seconds} s: {seen}"
        time.sleep(0.005)
        seen += worker.collect()
    time.sleep(0.05)
    return seen + worker.collect()


def test_training_pauses_at_the_declared_step_and_goes_on_when_told() -> None:
    settings = small_settings("maml", outer_steps=7)
    driver = Driver(settings)
    driver.train_to(100)
    assert driver.step == 7
    driver.tell(commands.Train())
    assert driver.loop.trainer.phase is m.Phase.FINISHED
    driver.tell(commands.Train(beyond=True))
    driver.work(3)
    assert driver.step == 10


def test_the_speed_limit_is_kept() -> None:
    clock = Clock()
    driver = Driver(small_settings("mtl"), clock)
    driver.tell(commands.LimitSpeed(10.0), commands.Train())
    driver.inbox.wait = lambda timeout: None  # type: ignore[method-assign]
    for _ in range(200):  # two seconds in steps of 10 ms
        clock.now += 0.01
        driver.work(2)
    assert 19 <= driver.step <= 21


def test_live_curves_are_few_and_a_persons_own_are_answered_at_once() -> None:
    driver = Driver(small_settings(), Clock(1e-3))
    driver.tell(PROBE, commands.Train())
    driver.outbox.collect()
    begin, answers = driver.clock.now, 0
    while driver.clock.now < begin + 5.0:
        driver.work(1)
        answers += sum(isinstance(report, m.Probed) for report in driver.outbox.collect())
    assert 5 <= answers <= 5.0 / PROBE_SECONDS
    driver.outbox.patience = 4.0
    begin, fewer = driver.clock.now, 0
    while driver.clock.now < begin + 5.0:
        driver.work(1)
        fewer += sum(isinstance(report, m.Probed) for report in driver.outbox.collect())
    assert 1 <= fewer <= 5.0 / (4 * PROBE_SECONDS) + 1
    driver.tell(dataclasses.replace(PROBE))
    assert any(isinstance(report, m.Probed) for report in driver.outbox.collect())


def test_one_slow_answer_alone_does_not_keep_watched_tasks_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first one of a run may take long on a busy machine; a quick one comes soon after it."""
    clock, costs = Clock(), [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    driver = Driver(small_settings("mtl"), clock)
    live, whole = driver.loop.live, live_answers.answer_watch

    def answer(*known: Any) -> m.Watched:
        clock.now += costs.pop(0)
        return whole(*known)

    monkeypatch.setattr(live_answers, "answer_watch", answer)
    driver.tell(WATCH)

    def wait() -> float:
        driver.outbox.collect()
        clock.now = live.watches.due
        live.refresh(driver.run)
        return live.watches.due - clock.now

    assert wait() == pytest.approx(WATCH_SECONDS), "of the slow one"
    assert wait() == pytest.approx(WATCH_SECONDS)
    assert wait() == pytest.approx(WATCH_SECONDS)
    assert wait() == pytest.approx(1 / WATCH_SHARE), "two are a rule"
    driver.tell(commands.Restart(small_settings("mtl")))
    assert live.due(clock.now), "another run begins anew"


def test_successive_changes_and_probes_coalesce() -> None:
    inbox = Inbox()
    settings = Settings()
    for value in (0.1, 0.2, 0.3):
        inbox.post(commands.Change(settings.with_values({"inner_lr": value})))
        inbox.post(dataclasses.replace(PROBE, amplitude=value))
    taken = []
    while (command := inbox.take()) is not None:
        taken.append(command)
    changes = [c for c in taken if isinstance(c, commands.Change)]
    probes = [c for c in taken if isinstance(c, commands.ProbeTask)]
    assert changes[-1].settings["inner_lr"] == 0.3
    assert [p.amplitude for p in probes] == [0.3]


def test_a_change_that_gives_way_does_not_take_back_what_it_brings_back() -> None:
    inbox, settings = Inbox(), Settings()
    inbox.post(commands.Change(settings, frozenset({"ANIL"})))
    inbox.post(commands.Change(settings.with_values({"inner_lr": 0.2})))
    change = inbox.take()
    assert isinstance(change, commands.Change) and not inbox
    assert (change.settings["inner_lr"], change.back) == (0.2, {"ANIL"})


def test_a_status_says_how_many_commands_of_settings_were_taken() -> None:
    """Changes that gave way count as taken; a refused one is answered by a status as well."""
    settings = small_settings("maml")
    driver = Driver(settings)
    for value in (0.1, 0.2, 0.3):
        driver.inbox.post(commands.Change(settings.with_values({"inner_lr": value})))
    driver.inbox.post(PROBE)
    assert driver.inbox.gone == 3  # the restart, and two changes that gave way
    driver.outbox.collect()
    driver.tell(commands.BringBack(99))
    reports = driver.outbox.collect()
    assert [r.refused for r in reports if isinstance(r, m.Refused)] == [commands.BringBack]
    (status,) = [r for r in reports if isinstance(r, m.Status)]
    assert (status.taken, status.settings.inner.inner_lr) == (5, 0.3)


def test_the_outbox_is_bounded_and_joins_metrics() -> None:
    outbox = Outbox()
    for step in range(1, 4):
        column = np.full((1, 1), float(step))
        outbox.put(
            m.Metrics(1, ("MAML",), np.array([step]), column, column, column, np.array([[step]]))
        )
        outbox.put(m.Status(1, m.Phase.RUNNING, step, Settings()))
    metrics, status = outbox.collect()
    assert isinstance(metrics, m.Metrics) and metrics.outer_step.tolist() == [1, 2, 3]
    assert metrics.query_after.tolist() == [[1.0, 2.0, 3.0]]
    assert isinstance(status, m.Status) and status.outer_step == 3
    assert outbox.collect() == []
    for _ in range(5000):
        outbox.put(m.Refused(m.Unasked.TRAINING, "y"))
    assert len(outbox.collect()) == 1000


def test_reports_carry_the_run_number() -> None:
    driver = Driver(small_settings("maml"))
    driver.tell(PROBE, commands.Restart(small_settings("maml", seed=4)))
    (probed,) = driver.reports(m.Probed)
    assert isinstance(probed, m.Probed) and probed.run == 2


def test_cuda_asked_for_and_absent_is_refused_in_words() -> None:
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    driver = Driver(small_settings("maml"))
    driver.outbox.collect()
    driver.tell(commands.Restart(small_settings("maml", device="cuda")))
    (refused,) = driver.reports(m.Refused)
    assert isinstance(refused, m.Refused) and "CUDA" in refused.reason
    assert driver.run.number == 1


def test_an_empty_support_set_shows_the_initialization() -> None:
    driver = Driver(small_settings("maml", "anil"))
    driver.tell(commands.ProbeTask(np.zeros(0), np.zeros(0), 1.0, 0.0))
    (probed,) = driver.reports(m.Probed)
    assert isinstance(probed, m.Probed)
    curves = probed.arms["MAML"].curves
    assert np.isfinite(curves).all()
    np.testing.assert_array_equal(curves, np.broadcast_to(curves[0], curves.shape))
    assert np.isnan(probed.arms["MAML"].support_mse).all()
    assert probed.oracle is None


def test_where_recording_fails_training_is_eager_and_the_status_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from maml_explorer.core.replay import replay

    def refuse(*arguments: object) -> None:
        raise NotImplementedError("planted")

    monkeypatch.setenv(VARIABLE, "recorded")
    settings = small_settings("maml", "mtl")
    expected = plain_loop(settings, 3)
    monkeypatch.setattr(replay, "Recording", refuse)
    driver = Driver(settings)
    driver.train_to(3)
    (status,) = driver.reports(m.Status)
    assert isinstance(status, m.Status) and status.device == "cpu, eager"
    assert same(driver.theta("MAML"), expected.arms["MAML"].initialization)


def test_memory_that_is_not_enough_is_said_with_what_to_lower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Driver(small_settings("maml"))
    driver.train_to(3)
    driver.loop.fail(torch.OutOfMemoryError("planted"))
    (failed,) = driver.reports(m.Failed)
    assert isinstance(failed, m.Failed) and "lower the meta-batch" in failed.what
    driver.train_to(5)
    assert driver.step == 5


def test_a_task_carries_its_frequency() -> None:
    driver = Driver(small_settings("maml", frequency_min=0.8, frequency_max=1.2, shots=4))
    x = np.array([-3.0, -1.0, 0.5, 2.0, 4.0])
    task = commands.ProbeTask(x, 2 * np.sin(1.1 * x - 0.5), 2.0, 0.5, frequency=1.1)
    driver.tell(task)
    (probed,) = driver.reports(m.Probed)
    assert isinstance(probed, m.Probed) and probed.truth is not None and probed.oracle is not None
    np.testing.assert_allclose(probed.truth, 2 * np.sin(1.1 * probed.grid - 0.5), atol=1e-12)
    np.testing.assert_allclose(probed.oracle, probed.truth, atol=1e-4)
    # two points leave a family of answers, and so no oracle
    driver.tell(dataclasses.replace(task, support_x=x[:2], support_y=task.support_y[:2]))
    (probed,) = driver.reports(m.Probed)
    assert isinstance(probed, m.Probed) and probed.oracle is None
    # the task of a step in slow motion too
    driver.tell(commands.TakeInnerStep())
    (stepped,) = driver.reports(m.Stepped)
    assert isinstance(stepped, m.Stepped)
    seen = stepped.probe
    assert 0.8 <= seen.frequency <= 1.2 and seen.frequency != 1
    assert seen.amplitude is not None and seen.phase is not None
    expected = seen.amplitude * np.sin(seen.frequency * seen.support_x - seen.phase)
    np.testing.assert_allclose(seen.support_y, expected, atol=1e-5)


def test_the_status_says_why_there_are_no_compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    from maml_explorer.core import workspace
    from maml_explorer.core.kernels.choice import Choice

    monkeypatch.setattr(workspace, "chosen", lambda _: Choice(None, "none built"))
    driver = Driver(small_settings("maml"))
    driver.train_to(2)
    status = driver.reports(m.Status)[-1]
    assert isinstance(status, m.Status)
    assert status.device == "cpu, recorded (no compiled kernels: none built)"
