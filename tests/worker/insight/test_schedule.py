"""The views beside training: their budget, and that they leave the run alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState, start_run
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.insight import (
    Insight,
    InsightProgress,
    InsightRequest,
    LookInside,
    NothingToShow,
    RefreshInsight,
)
from maml_explorer.protocol.insight_records.cost import CostSeen
from maml_explorer.settings.settings import Arm
from maml_explorer.worker import insight
from maml_explorer.worker.insight import View
from maml_explorer.worker.insight.gradient import TASKS
from maml_explorer.worker.insight.schedule import ASKED_SHARE, SHARE, Schedule
from maml_explorer.worker.insight.shared import some_tasks
from maml_explorer.worker.mailbox import MAX_INSIGHTS, Inbox, Outbox
from tests import reference
from tests.worker.driving import Clock, Driver, small_settings

PIECES = 4
GRADIENT = InsightRequest.of("gradient")


class Stub:
    """A view that takes time by a clock of its own, and writes down what it was asked."""

    def __init__(self, clock: Clock, seconds: float = 0.01) -> None:
        self.clock, self.seconds = clock, seconds
        self.begun: list[tuple[int, dict[str, object]]] = []
        self.pieces = 0
        self.closed = 0

    def __call__(
        self, plan: Plan, state: RunState, options: Mapping[str, Any]
    ) -> Generator[float, None, object]:
        self.begun.append((state.outer_step, dict(options)))
        try:
            for piece in range(PIECES):
                self.clock.now += self.seconds
                self.pieces += 1
                if options.get("breaks") and piece == 1:
                    raise ValueError("this view is broken")
                yield (piece + 1) / PIECES
        except GeneratorExit:
            self.closed += 1
            raise
        return state.outer_step


@pytest.fixture
def clock() -> Clock:
    return Clock(1e-4)


@pytest.fixture
def stub(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    made = Stub(clock)
    monkeypatch.setitem(insight.VIEWS, "stub", View(made, seconds=0.0))
    yield made


def asked(**options: Any) -> InsightRequest:
    return InsightRequest.of("stub", **options)


def values(driver: Driver) -> list[Insight]:
    return [r for r in driver.reports(Insight) if isinstance(r, Insight)]


def test_a_view_sees_the_start_of_a_run_that_trains_at_once(clock: Clock, stub: Stub) -> None:
    # a lesson begins a run and trains it: the line of α λ began at outer step 190
    driver = Driver(small_settings("maml", outer_steps=10**6), clock)
    driver.tell(LookInside((asked(),)))
    driver.work(100)
    assert values(driver)
    driver.loop.beside.insight.next_piece = clock.now + 1000  # spent beside another run
    driver.tell(commands.Restart(driver.run.settings), commands.Train())
    driver.work(3)
    found = []
    for _ in range(12):
        clock.now += 1000
        driver.work(1)
        found += [one.outer_step for one in values(driver)]
    assert found[0] == 0 < found[1]


def test_visible_views_take_their_share_of_training_together(clock: Clock, stub: Stub) -> None:
    driver = Driver(small_settings("maml", outer_steps=10**6), clock)
    driver.tell(LookInside((asked(nth=1), asked(nth=2), asked(nth=3))), commands.Train())
    driver.loop.beside.meta_test.cancel()
    begin = clock.now
    driver.work(4000)
    share = stub.pieces * stub.seconds / (clock.now - begin)
    assert 0.9 * SHARE < share <= SHARE
    # the three are served alike
    served = [sum(options == {"nth": n} for _, options in stub.begun) for n in (1, 2, 3)]
    assert max(served) - min(served) <= 1


def test_a_view_that_is_asked_for_goes_ahead(clock: Clock, stub: Stub) -> None:
    driver = Driver(small_settings("maml", outer_steps=10**6), clock)
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside((asked(nth=1),)), commands.Train())
    driver.work(10)
    driver.outbox.collect()
    begin, pieces = clock.now, stub.pieces
    driver.tell(RefreshInsight(asked(nth=2)))
    while not (found := [v for v in values(driver) if v.request == asked(nth=2)]):
        driver.work(1)
    assert found[0].value == found[0].outer_step
    assert stub.pieces - pieces == PIECES
    # the pieces themselves, and as much training between them
    assert clock.now - begin < PIECES * stub.seconds / ASKED_SHARE + 0.02
    driver.work(500)
    assert [v for v in values(driver) if v.request == asked(nth=2)] == []


def test_a_hidden_view_costs_nothing(clock: Clock, stub: Stub) -> None:
    driver = Driver(small_settings("maml", outer_steps=10**6), clock)
    driver.tell(LookInside((asked(),)), commands.Train())
    driver.work(50)
    assert stub.pieces
    driver.tell(LookInside(()))
    before = stub.pieces
    driver.work(400)
    assert stub.pieces == before
    assert not driver.loop.beside.insight.jobs
    assert stub.closed == 1


def test_paused_a_view_runs_to_its_end_once_and_commands_come_between(
    clock: Clock, stub: Stub
) -> None:
    driver = Driver(small_settings("maml"), clock)
    driver.train_to(3)
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside((asked(),)))
    driver.work(1)
    assert stub.pieces == 1
    probe = commands.ProbeTask(np.array([0.5]), np.array([1.0]), 1.0, 0.5)
    driver.inbox.post(probe)
    driver.work(1)
    assert driver.reports(reports.Probed)
    driver.work(100)
    (found,) = values(driver)
    assert (found.outer_step, found.value) == (3, 3)
    assert stub.pieces == PIECES
    assert not driver.loop.work()  # the thread waits for a command
    driver.tell(RefreshInsight(asked()))
    driver.work(100)
    assert len(values(driver)) == 1
    assert stub.pieces == 2 * PIECES


def test_a_view_looks_at_the_state_at_which_it_began(clock: Clock, stub: Stub) -> None:
    driver = Driver(small_settings("maml", outer_steps=10**6), clock)
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside((asked(),)), commands.Train())
    while not (found := values(driver)):
        driver.work(1)
    assert driver.step > found[0].outer_step == found[0].value == stub.begun[0][0]


def test_a_view_begins_anew_where_settings_or_options_change(clock: Clock, stub: Stub) -> None:
    settings = small_settings("maml")
    driver = Driver(settings, clock)
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside((asked(size=1),)))
    driver.work(2)
    driver.tell(LookInside((asked(size=2),)))
    driver.work(50)
    assert stub.begun == [(0, {"size": 1}), (0, {"size": 2})]
    assert [v.request for v in values(driver)] == [asked(size=2)]
    driver.tell(commands.Change(settings.with_values({"inner_lr": 0.02})))
    driver.loop.beside.meta_test.cancel()
    driver.work(50)
    assert len(stub.begun) == 3, "the state is the same, but α is not"
    driver.tell(commands.Restart(settings))
    driver.work(200)
    assert values(driver)[-1].run == 2


def test_an_exception_ends_that_view_alone(clock: Clock, stub: Stub) -> None:
    driver = Driver(small_settings("maml", outer_steps=10**6), clock)
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside((asked(breaks=True), asked())), commands.Train())
    driver.work(2000)
    assert driver.loop.trainer.phase is reports.Phase.RUNNING
    found = {v.request: v for v in values(driver)}
    broken = found[asked(breaks=True)]
    assert broken.failed == "ValueError: this view is broken"
    assert "Stub" in broken.details or "__call__" in broken.details
    assert broken.value is None
    assert found[asked()].failed == ""
    begun = [options for _, options in stub.begun if options]
    assert len(begun) == 1, "it is not tried again by itself"
    driver.tell(RefreshInsight(asked(breaks=True)))
    driver.work(200)
    assert len([options for _, options in stub.begun if options]) == 2


def test_a_view_that_does_not_exist_is_refused_in_words(clock: Clock) -> None:
    driver = Driver(small_settings("maml"), clock)
    for command in (
        LookInside((InsightRequest.of("aura"),)),
        RefreshInsight(InsightRequest.of("aura")),
    ):
        driver.tell(command)
        (refused,) = driver.reports(reports.Refused)
        assert isinstance(refused, reports.Refused)
        assert "There is no view 'aura'" in refused.reason
        assert not driver.loop.beside.insight.jobs


def test_progress_is_reported_now_and_then(clock: Clock, stub: Stub) -> None:
    stub.seconds = 0.06
    driver = Driver(small_settings("maml"), clock)
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside((asked(),)))
    seen = []
    for _ in range(PIECES + 1):
        driver.work(1)
        seen += driver.reports(InsightProgress)
    shares = [r.share for r in seen if isinstance(r, InsightProgress)]
    assert shares == [0.25, 0.75]


def test_every_view_leaves_the_run_bit_identical() -> None:
    settings = small_settings(noise=0.1, inner_steps=2)
    quiet, busy = Driver(settings), Driver(settings)
    quiet.train_to(20)
    views = tuple(InsightRequest.of(name) for name in insight.VIEWS)
    busy.tell(LookInside(views), commands.Train())
    while busy.step < 20:
        busy.work(1)
        if busy.step in (5, 12):
            busy.tell(commands.Pause(), *(RefreshInsight(view) for view in views))
            busy.work(5000)
            busy.tell(commands.Train())
    assert {v.request for v in values(busy)} == set(views)
    for name in ("MAML", "FO-MAML", "ANIL", "Reptile", "MTL"):
        assert torch.equal(quiet.theta(name), busy.theta(name))


def test_the_gradient_view_is_what_autograd_says() -> None:
    settings = small_settings("maml", "fomaml", "reptile", "mtl", inner_steps=2)
    settings = settings.with_values({"precision": "float64", "activation": "tanh"})
    driver = Driver(settings)
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside((GRADIENT,)))
    driver.work(100)
    (found,) = values(driver)
    assert isinstance(found.value, dict)
    maml = found.value["MAML"]
    plan = prepare(settings)
    theta = driver.theta("MAML")
    batch = some_tasks(plan, TASKS, theta)
    x, y = batch.inputs[..., :1], batch.y
    shots = batch.shots
    exact = [
        reference.meta_gradient(
            theta, torch.full((2, len(theta)), settings.inner.inner_lr, dtype=torch.float64),
            [(x[t, :shots], y[t, :shots]) for t in range(TASKS)],
            [(x[t, shots:], y[t, shots:]) for t in range(TASKS)],
            plan.model.sizes, "tanh", second, (0.0, 0.0, 1.0),
        )[0]
        for second in (True, False)
    ]  # fmt: skip
    whole, first = exact
    assert maml.norm[-1] == pytest.approx(float(whole.norm()), rel=1e-9)
    assert maml.first_norm[-1] == pytest.approx(float(first.norm()), rel=1e-9)
    assert maml.correction_norm[-1] == pytest.approx(float((whole - first).norm()), rel=1e-9)
    cosine = float(whole @ first / whole.norm() / first.norm())
    assert maml.cosine[-1] == pytest.approx(cosine, rel=1e-9)
    assert isinstance(found.value["Reptile"], NothingToShow)
    assert "no inner loop" in found.value["MTL"].reason


def test_the_stability_view_is_what_dense_eigenvalues_say() -> None:
    settings = small_settings("maml", "mtl", precision="float64", activation="tanh", inner_steps=2)
    driver = Driver(settings)
    driver.loop.beside.meta_test.cancel()
    driver.tell(LookInside((InsightRequest.of("stability"),)))
    driver.work(200)
    (found,) = values(driver)
    assert isinstance(found.value, dict)
    seen = found.value["MAML"]
    assert isinstance(found.value["MTL"], NothingToShow)
    plan, theta, alpha = prepare(settings), driver.theta("MAML"), settings.inner.inner_lr
    batch = some_tasks(plan, len(seen.radius), theta)
    shots, sizes = batch.shots, plan.model.sizes
    for task in range(3):
        x, y = batch.inputs[task, :shots, :1], batch.y[task, :shots]
        phi, largest, radius = theta, -np.inf, 0.0
        for _ in range(2):
            inner = partial(reference.loss, x=x, y=y, sizes=sizes, activation="tanh")
            hessian = torch.func.jacrev(torch.func.grad(inner))(phi)
            values_ = alpha * torch.linalg.eigvalsh(hessian)
            largest = max(largest, float(values_.max()))
            radius = max(radius, float((1 - values_).abs().max()))
            mask = torch.ones_like(theta)
            phi = reference.adapt(phi, mask, x, y, alpha, 1, sizes, "tanh")
        # twelve iterations find the ends to a few parts in a thousand
        assert seen.eigenvalue[task] == pytest.approx(largest, rel=1e-3)
        assert seen.radius[task] == pytest.approx(radius, rel=5e-3)
    assert seen.largest == seen.eigenvalue.max()
    assert seen.median == pytest.approx(np.median(seen.eigenvalue))


def test_a_divergence_is_reported_with_the_stability_where_it_is_kept() -> None:
    driver = Driver(small_settings("maml", "mtl", inner_lr=30.0))
    driver.tell(commands.Train())
    driver.work(200)
    found = [r for r in driver.reports(reports.Diverged) if isinstance(r, reports.Diverged)]
    assert found and found[0].arm == "MAML"
    words = "In the last good state, 100 % of inner steps raise the support loss (α λ_max up to "
    assert found[0].stability.startswith(words)
    assert "Its outer gradient has norm " in found[0].stability
    assert found[0].settings == driver.run.settings


def test_a_divergence_names_the_last_change_of_what_its_arm_trains_with() -> None:
    settings = small_settings("maml", "mtl")
    driver = Driver(settings)
    driver.train_to(20)
    settings = settings.with_arms((Arm("MAML", "maml", (("inner_lr", 40.0),)), settings.arms[1]))
    driver.tell(commands.Change(settings))
    # of no concern to an arm that has an inner learning rate of its own
    driver.tell(commands.Change(settings.with_values({"inner_lr": 0.02})))
    driver.tell(commands.Train())
    driver.work(200)
    (found,) = driver.reports(reports.Diverged)
    assert isinstance(found, reports.Diverged) and found.arm == "MAML"
    assert found.reason.endswith(" Last change: α from 0.01 to 40 at outer step 20.")


def test_a_view_with_a_share_of_its_own_waits_longer(
    clock: Clock, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(insight.VIEWS, "stub", View(stub, seconds=0.0, share=0.01))
    plan = prepare(small_settings("maml"))
    states = [start_run(plan), start_run(plan)]
    schedule = Schedule(clock)
    schedule.show((asked(),))
    begin = clock.now
    for nth in range(200_000):
        clock.now += 1e-3
        state = states[nth % 2]  # another one at every step, as in training
        if schedule.due(state, paused=False):
            schedule.advance(1, plan, state, paused=False)
    share = stub.pieces * stub.seconds / (clock.now - begin)
    assert 0.009 < share <= 0.0105


def test_commands_to_look_coalesce_and_values_are_bounded() -> None:
    inbox, outbox = Inbox(), Outbox()
    for nth in range(5):
        inbox.post(LookInside((asked(nth=nth),)))
    assert inbox.take() == LookInside((asked(nth=4),))
    assert inbox.take() is None
    for nth in range(1000):
        outbox.put(Insight(1, 0, asked(nth=nth), nth))
        outbox.put(Insight(1, 1, asked(nth=nth), nth))
    kept = outbox.collect()
    assert len(kept) == MAX_INSIGHTS
    assert kept[-1] == Insight(1, 1, asked(nth=999), 999)


def test_the_schedule_asks_no_clock_of_its_own(clock: Clock, stub: Stub) -> None:
    plan = prepare(small_settings("maml"))
    schedule = Schedule(clock)
    schedule.show((asked(),))
    state = start_run(plan)
    now = clock.now
    while schedule.due(state, paused=True):
        schedule.advance(1, plan, state, paused=True)
    assert clock.now - now < 0.05


def test_the_check_and_the_costs_are_of_this_network() -> None:
    settings = small_settings("maml", "reptile", precision="float64", activation="tanh")
    driver = Driver(settings)
    driver.loop.beside.meta_test.cancel()
    check, cost = InsightRequest.of("check"), InsightRequest.of("cost")
    driver.tell(RefreshInsight(check), RefreshInsight(cost))
    driver.work(5000)
    found = {v.request: v.value for v in values(driver)}
    checked = found[check]
    assert isinstance(checked, dict)
    maml = checked["MAML"]
    assert maml.error < 1e-6 < maml.first_order_error
    assert maml.smooth
    np.testing.assert_allclose(maml.second_order, maml.measured, atol=1e-7)
    assert isinstance(checked["Reptile"], NothingToShow)
    seen = found[cost]
    assert isinstance(seen, CostSeen)
    assert list(seen.milliseconds) == [algorithm.label for algorithm in ALGORITHMS.values()]
    for field in (seen.milliseconds, seen.working_bytes, seen.multiply_adds, seen.kept_bytes):
        assert all(len(row) == len(seen.inner_steps) for row in field.values())
    assert all((row > 0).all() for row in seen.milliseconds.values())
    # MAML keeps every φ_k and works in more with each; joint training has none
    assert (np.diff(seen.working_bytes["MAML"]) > 0).all()
    assert np.ptp(seen.working_bytes["MTL"]) == 0
    assert (seen.working_bytes["MAML"] > seen.working_bytes["FO-MAML"]).all()
    parameters = prepare(settings).model.parameter_count
    assert seen.kept_bytes["FO-MAML"].tolist() == [8.0 * 3 * parameters] * 5
