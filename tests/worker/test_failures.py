"""Row 10: an exception at any point of the worker is reported, costs nothing, and training goes on.

Every function that the worker's thread calls is a point; each is made to fail once.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.core import training, workspace
from maml_explorer.core.families.sine import SineSampler
from maml_explorer.core.kernels.choice import VARIABLE, chosen
from maml_explorer.core.kernels.compiled import CompiledStep
from maml_explorer.core.plan import prepare
from maml_explorer.core.replay import replay
from maml_explorer.core.training import RunState
from maml_explorer.files import writer
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run import folder, records
from maml_explorer.storage.run.gaps import Gap
from maml_explorer.worker import answers, divergence, live_answers, meta_test, slow_motion
from maml_explorer.worker.actions import runs
from maml_explorer.worker.actions import training as changes
from maml_explorer.worker.files import saving
from maml_explorer.worker.files.metrics_file import History
from maml_explorer.worker.recorder import Recorder
from tests.worker.driving import Driver, small_settings

SETTINGS = small_settings("maml", "reptile", "mtl", noise=0.1)
CHANGED = SETTINGS.with_values({"inner_lr": 0.02})
PROBE = commands.ProbeTask(np.array([-3.0, 0.5]), np.array([1.0, -1.0]), 2.0, 0.7)
WATCH = commands.WatchTasks(np.zeros((2, 3)), np.ones((2, 3)))


def used(driver: Driver, place: Path) -> None:
    """Everything a worker does, once; what failed does not end it."""

    def tell(*told: commands.Command) -> None:
        for command in told:
            driver.inbox.post(command)
        step(driver, 20)

    tell(PROBE, WATCH, commands.Train())
    tell(commands.Change(CHANGED), commands.MetaTest(), commands.Pause())
    tell(
        commands.TakeInnerStep(),
        commands.TakeInnerStep(),
        commands.TakeOuterStep(),
        commands.LimitSpeed(None),
    )
    tell(
        commands.ExportInitialization("MAML", str(place / "arm")),
        commands.SaveRun(str(place / "run")),
    )
    tell(commands.OpenRun(str(place / "run")), commands.Restart(SETTINGS), commands.BringBack(1))


def step(driver: Driver, pieces: int) -> None:
    """As the loop of the thread does it: exceptions become reports."""
    for _ in range(pieces):
        try:
            command = driver.inbox.take()
            if command is not None:
                driver.loop.obey(command)
            busy = driver.loop.work()
        except Exception as error:
            driver.loop.fail(error)
            continue
        if command is None and not busy:
            return


POINTS: dict[str, tuple[Any, str]] = {
    "drawing a batch": (SineSampler, "draw_block"),
    "an arm's step": (training, "_arm_step"),
    "a compiled step": (CompiledStep, "whole"),
    "recording": (workspace, "record"),
    "replaying": (replay.Recording, "run"),
    "the optimizer": (training, "OPTIMIZERS"),
    "noting an outer step": (Recorder, "add"),
    "reading losses": (Recorder, "flush"),
    "judging finite": (divergence, "_finite"),
    "keeping metrics": (History, "add"),
    "a probe": (live_answers, "answer_probe"),
    "the posterior of a probe": (answers, "bayes_posterior"),
    "watched tasks": (live_answers, "answer_watch"),
    "a piece of the meta-test": (meta_test, "held_out_figures"),
    "slow motion": (slow_motion.Pending, "begin"),
    "a press": (slow_motion.Pending, "press"),
    "resolving settings": (changes, "prepare"),
    "beginning a run": (training, "start_run"),
    "changing a run": (changes, "after_change"),
    "noting a change": (changes, "change_rows"),
    "exact references": (runs, "reference_losses"),
    "exporting": (saving, "save_initialization"),
    "the meta-test of an export": (records, "evaluation_record"),
    "saving a run": (saving, "save_checkpoint"),
    "rows of a run": (folder.RunFolder, "append"),
    "opening a run": (runs, "opened_run"),
    "the disk": (writer.os, "replace"),
}
"""What fails → (where it is looked up, its name)."""
FAILURES: dict[str, Callable[[], Exception]] = {
    "an exception": lambda: RuntimeError("planted"),
    "no memory": lambda: torch.OutOfMemoryError("planted"),
    "device lost": lambda: RuntimeError("CUDA error: unspecified launch failure, planted"),
}
RECORDED = ("recording", "replaying", "the optimizer")
"""Points that recorded kernels alone pass."""
AGAIN = (
    "an arm's step", "a compiled step", "recording", "replaying", "the optimizer",
    "noting an outer step", "reading losses", "keeping metrics", "a probe", "watched tasks",
)  # fmt: skip
"""Points that fail in the midst of a run as well."""
CASES = [
    *((point, 1, "an exception") for point in POINTS),
    *((point, 3, failure) for point in AGAIN for failure in ("no memory", "device lost")),
]


def plant(
    patch: pytest.MonkeyPatch, point: str, make: Callable[[], Exception], at: int
) -> list[int]:
    """Makes a point fail at its nth call; the list grows with every call."""
    owner, name = POINTS[point]
    calls: list[int] = []
    if name == "OPTIMIZERS":
        original = training.OPTIMIZERS["adam"]

        def update(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) == at:
                raise make()
            return original[1](*arguments)

        patch.setitem(training.OPTIMIZERS, "adam", (original[0], update))
        return calls
    before = getattr(owner, name)

    def failing(*arguments: Any, **keywords: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            raise make()
        return before(*arguments, **keywords)

    static = (
        isinstance(owner.__dict__.get(name), staticmethod) if isinstance(owner, type) else False
    )
    patch.setattr(owner, name, staticmethod(failing) if static else failing)
    return calls


def expected(settings: Settings, state: RunState, steps: int) -> RunState:
    plan = prepare(settings)
    for _ in range(steps):
        state, _ = training.outer_step(plan, state)
    return state


@pytest.mark.parametrize(("point", "at", "failure"), CASES)
def test_a_failure_is_reported_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, at: int, failure: str
) -> None:
    if point in RECORDED:
        monkeypatch.setenv(VARIABLE, "recorded")
    elif point == "a compiled step" and chosen().kernels is None:
        pytest.skip(f"no kernels: {chosen().reason}")
    with monkeypatch.context() as patch:
        driver = Driver(SETTINGS)
        calls = plant(patch, point, FAILURES[failure], at)
        used(driver, tmp_path)
        reports = driver.outbox.collect()
    assert len(calls) >= at, "it is not called that often in this use"
    assert driver.outbox.collect() == []
    said = [r.what for r in reports if isinstance(r, m.Failed)]
    said += [r.reason for r in reports if isinstance(r, m.Refused)]
    meant = {"an exception": "planted", "no memory": "is not enough", "device lost": "no longer"}
    assert any(meant[failure] in words for words in said), said
    for report in reports:
        if isinstance(report, m.Failed):
            assert "Traceback" in report.details
        if isinstance(report, m.Metrics):
            assert not np.isinf(report.query_after).any()
    # the run that is there goes on as one that nothing had happened to
    state, settings = driver.run.state, driver.run.settings
    assert state is not None
    for arm in state.arms.values():
        assert bool(torch.isfinite(arm.initialization).all()) and not arm.frozen
    driver.train_to(state.outer_step + 3)
    assert driver.loop.trainer.phase is m.Phase.PAUSED
    truth = expected(settings, state, 3)
    assert driver.run.state.outer_step == truth.outer_step
    for name, known in truth.arms.items():
        assert torch.equal(driver.theta(name), known.initialization), name


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("planted"), "RuntimeError: planted. The state before it is kept."),
        (torch.OutOfMemoryError("CUDA out of memory"), "lower the meta-batch"),
        (MemoryError(), "lower the meta-batch"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory"), "lower the meta-"),
        (RuntimeError("CUDA error: unspecified launch failure"), "start the program again"),
        (torch.AcceleratorError("CUDA error: device not ready"), "start the program again"),
    ],
)
def test_what_failed_is_said_with_what_to_do(error: Exception, words: str) -> None:
    driver = Driver(SETTINGS)
    driver.train_to(2)
    driver.loop.fail(error)
    (failed,) = driver.reports(m.Failed)
    assert isinstance(failed, m.Failed)
    assert words in failed.what and failed.what.endswith(".")
    assert str(error) in failed.details


def test_a_full_disk_is_said_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(SETTINGS)
    driver.train_to(3)
    driver.outbox.collect()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(History, "add", full)
        driver.train_to(5)
        patch.setattr(writer.os, "fsync", full)
        driver.tell(commands.SaveRun(str(tmp_path / "run")))
        driver.tell(commands.ExportInitialization("MAML", str(tmp_path / "arm")))
    metrics, run, arm = [r.reason for r in driver.reports(m.Refused) if isinstance(r, m.Refused)]
    assert metrics == (
        "Outer step 4 was not kept on disk: No space left on device. Training goes on."
    )
    for words, name in ((run, "run"), (arm, "arm")):
        assert words == (
            f"{tmp_path / name} was not written: No space left on device. The run goes on."
        )
    assert list(tmp_path.iterdir()) == []
    driver.train_to(8)
    assert driver.step == 8 and driver.loop.trainer.phase is m.Phase.PAUSED


def test_an_exception_while_reporting_does_not_end_the_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What flushes while a failure is reported may fail again."""
    driver = Driver(SETTINGS)
    driver.train_to(2)
    driver.tell(commands.Train())
    driver.work(3)

    def broken(*_: object) -> None:
        raise RuntimeError("the device is gone")

    monkeypatch.setattr(Recorder, "flush", broken)
    driver.outbox.collect()
    assert driver.loop.trainer.recorder.rows
    driver.loop.fail(RuntimeError("the device is lost"))
    assert driver.loop.trainer.recorder.rows == [], "what cannot be read is not read again"
    assert [r.what for r in driver.reports(m.Failed) if isinstance(r, m.Failed)] == [
        "RuntimeError: the device is lost. The state before it is kept."
    ]
    assert driver.loop.trainer.phase is m.Phase.FAILED
    # and the folder of the run says which rows are missing
    assert driver.run.history.gaps == (Gap(3, driver.step, "training failed"),)
