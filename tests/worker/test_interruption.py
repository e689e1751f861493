"""Row 9: a pause or a stop is taken up between two kernels, whatever is being computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from maml_explorer.core import plan as plans
from maml_explorer.core import training
from maml_explorer.core.kernels.choice import VARIABLE
from maml_explorer.core.plan import prepare
from maml_explorer.core.replay import replay
from maml_explorer.core.replay.interruption import Interrupted, interruptible
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.worker.mailbox import Inbox
from tests.worker.driving import Driver, small_settings

PROBE = commands.ProbeTask(np.array([-3.0, 0.5, 2.0]), np.array([1.0, -1.0, 0.5]), 2.0, 0.7)
WATCH = commands.WatchTasks(np.zeros((2, 3)), np.ones((2, 3)))


class TimedInbox(Inbox):
    """An inbox where a command arrives at a look of a given number: that is the clock here."""

    looks: int
    command: commands.Command
    at: int

    def __bool__(self) -> bool:
        self.looks += 1
        if self.looks == self.at:
            self.post(self.command)
        return super().__bool__()


@pytest.fixture
def every_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small sizes are looked at as the largest ones are: before every kernel of torch."""
    monkeypatch.setenv(VARIABLE, "recorded")
    monkeypatch.setattr(replay, "PIECE", 0)
    monkeypatch.setattr(plans, "LONG_DRAW", 0)


def with_inbox(driver: Driver, command: commands.Command, at: int) -> TimedInbox:
    """The driver's inbox becomes one, where it stands: every part of the worker holds it."""
    inbox = driver.inbox
    inbox.__class__ = TimedInbox
    assert isinstance(inbox, TimedInbox)
    inbox.looks, inbox.command, inbox.at = 0, command, at
    return inbox


def replayed(driver: Driver) -> None:
    training.outer_step(driver.run.plan, driver.run.state)  # records
    driver.loop.trainer.take_outer_step()


Work = Callable[[Driver], object]
WORKS: dict[str, Work] = {
    "recording": lambda d: d.loop.trainer.take_outer_step(),
    "replay": replayed,
    "probe": lambda d: d.loop.live.answer_probe(d.run),
    "watched tasks": lambda d: d.loop.live.answer_watch(d.run),
    "meta-test": lambda d: d.loop.beside.advance_meta_test(d.run, paused=True),
    "slow motion": lambda d: d.loop.trainer.press(),
}
AT = (1, 4, 15, 30)


@pytest.mark.usefixtures("every_kernel")
@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize("what", WORKS)
def test_a_pause_is_taken_up_at_the_next_kernel(what: str, at: int) -> None:
    driver = Driver(small_settings("maml", "mtl"))
    driver.tell(PROBE, WATCH, commands.Train())
    driver.outbox.collect()
    inbox = with_inbox(driver, commands.Pause(), at)
    WORKS[what](driver)
    assert inbox.looks <= at + 1, "the look at which it arrived, and asking what it is"
    assert inbox.holds((commands.Pause,)), "it was there in time"
    assert driver.step == 0 and driver.outbox.collect() == []
    driver.work(1)
    assert driver.loop.trainer.phase is m.Phase.PAUSED
    # dropped, not lost: what is shown then is what an undisturbed run shows
    reports = driver.outbox.collect()
    probed = next(r for r in reports if isinstance(r, m.Probed))
    calm = Driver(small_settings("maml", "mtl"))
    calm.tell(PROBE)
    (expected,) = calm.reports(m.Probed)
    assert isinstance(expected, m.Probed)
    np.testing.assert_array_equal(probed.arms["MAML"].curves, expected.arms["MAML"].curves)


@pytest.mark.usefixtures("every_kernel")
@pytest.mark.parametrize(("at", "drawn"), [(4, False), (40, True)])
def test_neither_a_batch_nor_a_recording_is_finished_first(at: int, drawn: bool) -> None:
    driver = Driver(small_settings("maml"))
    with_inbox(driver, commands.Pause(), at)
    assert not driver.loop.trainer.take_outer_step()
    assert bool(driver.run.plan.blocks) == drawn
    assert driver.run.plan.workspace.kinds == set()


@pytest.mark.usefixtures("every_kernel")
def test_a_meta_test_that_was_ended_begins_anew() -> None:
    found = []
    for disturbed in (False, True):
        driver = Driver(small_settings("maml", test_tasks=60))
        driver.outbox.collect()
        if disturbed:
            inbox = with_inbox(driver, commands.Pause(), 50)
            driver.loop.beside.advance_meta_test(driver.run, paused=True)
            assert inbox.holds((commands.Pause,))
        driver.work(20)
        (tested,) = driver.reports(m.MetaTested)
        assert isinstance(tested, m.MetaTested)
        found.append(tested.arms["MAML"].mean)
    assert found[0] == found[1]


@pytest.mark.usefixtures("every_kernel")
def test_interrupted_runs_are_the_same_bits() -> None:
    settings = small_settings(noise=0.1, inner_steps=2)
    calm, disturbed = Driver(settings), Driver(settings)
    calm.train_to(12)
    dropped = 0
    at = 1
    while disturbed.step < 12:
        inbox = with_inbox(disturbed, commands.Pause(), at)
        disturbed.tell(commands.Train())
        before = disturbed.step
        disturbed.work(2)
        dropped += disturbed.step == before
        at = at + 7 if disturbed.step == before else 40 * disturbed.step
        assert inbox.looks
    assert dropped > 20
    for name in calm.run.settings.arms:
        assert torch.equal(calm.theta(name.name), disturbed.theta(name.name)), name


@pytest.mark.usefixtures("every_kernel")
def test_an_export_goes_on_while_a_pause_and_probes_are_obeyed(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml", "mtl"))
    driver.train_to(3)
    driver.tell(commands.Train())
    driver.outbox.collect()
    inbox = with_inbox(driver, commands.Pause(), 40)
    inbox.post(commands.ExportInitialization("MAML", str(tmp_path / "a")))
    driver.work(1)
    assert driver.loop.trainer.phase is m.Phase.PAUSED
    assert inbox.looks > 200, "the meta-test went on"
    found = load_initialization(tmp_path / "a")
    assert torch.equal(torch.tensor(found.parameters), driver.theta("MAML"))
    # what begins something waits its turn
    inbox = with_inbox(driver, commands.Train(), 40)
    driver.loop.obey(commands.ExportInitialization("MAML", str(tmp_path / "b")))
    assert driver.loop.trainer.phase is m.Phase.PAUSED and inbox.holds((commands.Train,))


@pytest.mark.usefixtures("every_kernel")
@pytest.mark.parametrize("run", [False, True])
def test_a_stop_ends_an_export_which_leaves_nothing(tmp_path: Path, run: bool) -> None:
    driver = Driver(small_settings("maml", "mtl"))
    driver.train_to(3)
    driver.outbox.collect()
    inbox = with_inbox(driver, commands.Stop(), 40)
    place = str(tmp_path / "a")
    driver.loop.obey(
        commands.SaveRun(place) if run else commands.ExportInitialization("MAML", place)
    )
    assert inbox.looks <= 41 and inbox.holds((commands.Stop,))
    (refused,) = driver.reports(m.Refused)
    assert (
        isinstance(refused, m.Refused) and "was not written: that was cancelled" in refused.reason
    )
    assert list(tmp_path.iterdir()) == []


LARGEST: dict[str, dict[str, object]] = {
    "large network": {"hidden": (512, 512)},
    "widest network": {"hidden": (1024, 1024, 1024, 1024), "meta_batch": 1},
    "most points": {"shots": 1000, "query_points": 1000},
    "most held-out tasks": {"test_tasks": 10_000, "shots": 500},
    "largest meta-batch": {"meta_batch": 4096},
}


@pytest.mark.parametrize("size", LARGEST)
def test_the_largest_sizes_are_looked_at(size: str) -> None:
    assert prepare(Settings().with_values(LARGEST[size])).long_pieces


@pytest.mark.parametrize("name", ["maml", "fomaml", "anil", "reptile", "mtl"])
def test_nothing_is_asked_at_the_size_of_the_paper(name: str) -> None:
    plan = prepare(Settings().with_arms((default_arm(name),)))
    state = training.start_run(plan)
    looks: list[int] = []
    for _ in range(2):
        looks.clear()  # of the recording
        work = training.outer_step_in_chunks(plan, state, lambda: looks.append(1))
        assert len(list(work)) == 1
    assert looks == [] and not plan.long_pieces


def test_kernels_are_the_same_within() -> None:
    plan = prepare(small_settings("maml", noise=0.2))
    looks: list[int] = []
    with interruptible(lambda: looks.append(1)):
        seen = plan.sampler.draw(torch.Generator().manual_seed(3))
    plain = plan.sampler.draw(torch.Generator().manual_seed(3))
    assert torch.equal(seen.y, plain.y) and torch.equal(seen.inputs, plain.inputs)
    assert len(looks) > 5


def test_what_runs_as_it_is_can_be_told_to_end_too() -> None:
    x = torch.tensor([3.0, 1.0, 2.0])
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise Interrupted

    recorded = replay.record(lambda t: (torch.sort(t).values.neg().neg().neg(),), [x])
    assert isinstance(recorded, replay.Eager)
    with pytest.raises(Interrupted):
        recorded.run(look)
    assert len(looks) == 3
    assert recorded.run()[0].tolist() == [-1.0, -2.0, -3.0]
