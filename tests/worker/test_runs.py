"""Runs that are replaced, brought back, saved and opened, and the metrics that go with them."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maml_explorer.core.settings_change import frozen_arm
from maml_explorer.files.reader import StorageError
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.protocol.past_events import PastEvents
from maml_explorer.settings.settings import default_arm
from maml_explorer.storage.run.folder import GAPS, METRICS, VIEW
from maml_explorer.storage.run.gaps import Gap, read_gaps
from maml_explorer.storage.run.metrics import read_losses
from maml_explorer.worker.files import metrics_file
from maml_explorer.worker.files.metrics_file import History
from tests.worker.driving import Driver, small_settings


def joined(driver: Driver) -> m.Metrics:
    """The one block of metrics that was reported."""
    (block,) = driver.reports(m.Metrics)
    assert isinstance(block, m.Metrics)
    return block


def test_a_reset_run_can_be_brought_back() -> None:
    settings = small_settings("maml", "mtl")
    driver, other = Driver(settings), Driver(settings)
    driver.train_to(70)
    other.train_to(75)
    before = joined(driver)
    driver.tell(commands.Restart(settings))
    assert driver.step == 0
    driver.train_to(3)
    status = driver.reports(m.Status)[-1]
    assert isinstance(status, m.Status) and status.kept == {1: 70}
    driver.outbox.collect()
    driver.tell(commands.BringBack(1))
    assert (driver.step, driver.run.number, driver.run.first) == (70, 3, 1)
    again = joined(driver)
    assert again.run == 3
    np.testing.assert_array_equal(again.outer_step, before.outer_step)
    np.testing.assert_array_equal(again.query_after, before.query_after)
    np.testing.assert_array_equal(again.gradient_evaluations, before.gradient_evaluations)
    driver.train_to(75)
    assert torch.equal(driver.theta("MAML"), other.theta("MAML"))
    # and the one that was reset can come back as well, but not twice
    driver.tell(commands.BringBack(2))
    assert driver.step == 3
    driver.outbox.collect()
    driver.tell(commands.BringBack(2))
    (refused,) = driver.reports(m.Refused)
    assert isinstance(refused, m.Refused) and "no longer kept" in refused.reason
    assert driver.step == 3


def test_few_runs_are_kept() -> None:
    settings = small_settings("mtl")
    driver = Driver(settings)
    for _ in range(10):
        driver.tell(commands.Restart(settings))
    assert list(driver.loop.kept.runs) == [7, 8, 9, 10]


def test_a_held_run_stays_until_it_is_brought_back() -> None:
    settings = small_settings("mtl")
    driver = Driver(settings)
    driver.train_to(5)
    driver.tell(commands.HoldRun())
    for _ in range(10):
        driver.tell(commands.Restart(settings))
    assert list(driver.loop.kept.runs) == [1, 7, 8, 9, 10]
    driver.tell(commands.BringBack(None))
    assert driver.step == 5
    driver.outbox.collect()
    driver.tell(commands.BringBack(None))
    (refused,) = driver.reports(m.Refused)
    assert isinstance(refused, m.Refused) and "no longer kept" in refused.reason
    for _ in range(10):
        driver.tell(commands.Restart(settings))
    assert 1 not in driver.loop.kept.runs and len(driver.loop.kept.runs) == 4


def test_training_pauses_exactly_where_it_is_told_to() -> None:
    settings = small_settings("mtl", outer_steps=40)
    driver = Driver(settings)

    def train(until: int | None) -> tuple[int, m.Phase]:
        driver.tell(commands.Train(until=until))
        while driver.loop.trainer.phase is m.Phase.RUNNING:
            driver.work(1)
        return driver.step, driver.loop.trainer.phase

    assert train(17) == (17, m.Phase.PAUSED)
    assert train(17) == (17, m.Phase.PAUSED)
    assert train(5) == (17, m.Phase.PAUSED)
    assert train(90) == (40, m.Phase.FINISHED)
    driver.tell(commands.Restart(settings), commands.Train(until=3), commands.Pause())
    assert train(None) == (40, m.Phase.FINISHED)


def test_a_saved_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    settings = small_settings(noise=0.1)
    driver, other = Driver(settings), Driver(settings)
    other.train_to(150)
    driver.train_to(100)
    before = joined(driver)
    driver.tell(commands.SaveRun(str(tmp_path / "run")))
    (saved,) = driver.reports(m.Exported)
    assert isinstance(saved, m.Exported) and saved.what == "run"
    opened = Driver(small_settings("mtl"))
    opened.outbox.collect()
    opened.tell(commands.OpenRun(str(tmp_path / "run")))
    assert (opened.step, opened.run.number) == (100, 2)
    assert opened.run.settings == settings
    again = joined(opened)
    np.testing.assert_array_equal(again.outer_step, before.outer_step)
    np.testing.assert_array_equal(again.support_before, before.support_before)
    np.testing.assert_array_equal(again.query_after, before.query_after)
    np.testing.assert_array_equal(again.gradient_evaluations, before.gradient_evaluations)
    opened.train_to(150)
    for name in ("MAML", "Reptile", "MTL"):
        assert torch.equal(opened.theta(name), other.theta(name)), name


def test_steps_without_a_row_are_counted_too(tmp_path: Path) -> None:
    settings = small_settings("maml", "mtl")
    driver = Driver(settings)
    driver.train_to(20)
    driver.tell(commands.Change(settings.with_arms((*settings.arms, default_arm("anil")))))
    driver.train_to(50)
    known = dict(driver.run.totals.gradient_evaluations)
    driver.tell(commands.SaveRun(str(tmp_path / "run")))
    header, *rows = (tmp_path / "run" / METRICS).read_text().splitlines()
    tenth = [row for row in rows if int(row.split(",", 1)[0]) % 10 == 0]
    (tmp_path / "run" / METRICS).write_text("\n".join([header, *tenth]) + "\n")
    opened = Driver(settings)
    opened.outbox.collect()
    opened.tell(commands.OpenRun(str(tmp_path / "run")))
    block = joined(opened)
    assert block.outer_step.tolist() == [10, 20, 30, 40, 50]
    share = dict(zip(block.arms, block.gradient_evaluations.tolist(), strict=True))
    for name in ("MAML", "MTL"):
        assert share[name] == [known[name] * step // 50 for step in (10, 20, 30, 40, 50)]
    assert share["ANIL"] == [0, 0, *(known["ANIL"] * step // 30 for step in (10, 20, 30))]


def test_a_late_arm_counts_its_own_steps_after_opening(tmp_path: Path) -> None:
    settings = small_settings("maml")
    driver = Driver(settings)
    driver.train_to(30)
    late = settings.with_arms((*settings.arms, default_arm("anil")))
    driver.tell(commands.Change(late))
    driver.train_to(50)
    known = dict(driver.run.totals.gradient_evaluations)
    driver.tell(commands.SaveRun(str(tmp_path / "run")))
    opened = Driver(settings)
    opened.outbox.collect()
    opened.tell(commands.OpenRun(str(tmp_path / "run")))
    assert opened.run.totals.gradient_evaluations == known
    counts = joined(opened).gradient_evaluations
    assert counts[:, -1].tolist() == [known["MAML"], known["ANIL"]]
    assert counts[1, 29] == 0 < counts[1, 30] == known["ANIL"] / 20
    opened.train_to(60)
    assert (np.diff(joined(opened).gradient_evaluations, axis=1) > 0).all()


def test_what_a_run_has_behind_it_is_told_where_it_is_opened_or_brought_back(
    tmp_path: Path,
) -> None:
    settings = small_settings("maml", "mtl")
    driver = Driver(settings)
    driver.train_to(10)
    first = settings.with_values({"inner_lr": 0.02})
    second = first.with_values({"outer_lr": 0.002}).with_arms((settings.arms[0],))
    third = second.with_arms(settings.arms)
    driver.tell(commands.Change(first))
    driver.train_to(20)
    driver.tell(commands.Change(second), commands.Change(third))
    driver.run.changes.append((20, "frozen", "MAML", "19"))
    driver.run.changes.append((20, "revived", "MAML", ""))
    driver.run.changes.append((21, "frozen", "MTL", "0"))
    driver.loop.trainer.run.state = frozen_arm(driver.run.plan, driver.run.state, None, "MTL")  # type: ignore[union-attr]
    driver.tell(commands.SaveRun(str(tmp_path / "run"), autosave=True, view='{"tab": "Map"}'))
    assert (tmp_path / "run" / VIEW).read_text() == '{"tab": "Map"}'
    driver.outbox.collect()
    for command, run in ((commands.OpenRun(str(tmp_path / "run")), 2), (commands.BringBack(1), 3)):
        driver.tell(command)
        got = driver.outbox.collect()
        (past,) = [report for report in got if isinstance(report, PastEvents)]
        assert past.run == run
        assert [(one.outer_step, one.before, one.after) for one in past.changes] == [
            (10, settings, first), (20, first, third),
        ]  # fmt: skip
        assert [(one.arm, one.outer_step, one.good_step) for one in past.overcome] == [
            ("MAML", 20, 19)
        ]
        (still,) = [report for report in got if isinstance(report, m.Diverged)]
        assert (still.run, still.arm, still.outer_step) == (run, "MTL", 21)
        assert still.reason == "MTL diverged at outer step 21. It is kept at its step 0."


@pytest.mark.parametrize("damage", ["missing", "checkpoint", "metrics"])
def test_a_damaged_run_is_refused_and_the_current_one_goes_on(tmp_path: Path, damage: str) -> None:
    driver = Driver(small_settings("mtl"))
    driver.train_to(5)
    folder = tmp_path / "run"
    driver.tell(commands.SaveRun(str(folder)))
    if damage == "missing":
        folder = tmp_path / "other"
    elif damage == "checkpoint":
        path = folder / "checkpoint.safetensors"
        path.write_bytes(path.read_bytes()[:-7])
    else:
        (folder / "metrics.csv").write_text("outer_step\n1,MTL,0,x,1\n")
    driver.outbox.collect()
    driver.tell(commands.OpenRun(str(folder)))
    (refused,) = driver.reports(m.Refused)
    assert isinstance(refused, m.Refused) and refused.reason.count("\n") == 0
    assert (driver.step, driver.run.number) == (5, 1)


def block(first: int, count: int, value: float) -> m.Metrics:
    table = np.full((2, count), value)
    steps = np.arange(first, first + count)
    return m.Metrics(1, ("A", "B"), steps, table, table + 1, table, table.astype(np.int64))


def test_the_history_forgets_what_came_after_a_rewind() -> None:
    history = History()
    for first in (1, 11, 21):
        history.add(block(first, 10, float(first)))
    history.cut(14)
    history.add(block(15, 2, 99.0))
    found = list(history.blocks(7))
    assert [b.run for b in found] == [7, 7, 7]
    steps = np.concatenate([b.outer_step for b in found])
    assert steps.tolist() == list(range(1, 17))
    values = np.concatenate([b.query_after[1] for b in found])
    assert values.tolist() == [2.0] * 10 + [12.0] * 4 + [100.0] * 2


def full(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


class FullDisk(io.BytesIO):
    """Takes so many bytes, and half of what goes beyond."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        if self.tell() + len(data) <= self.room:
            return super().write(data)
        if self.tell() < self.room:
            return super().write(bytes(data)[: (self.room - self.tell() + 1) // 2])
        return full()


@pytest.mark.parametrize("room", [0, 500, 1001])
def test_what_a_full_disk_refuses_is_kept_in_memory(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_file.tempfile, "TemporaryFile", lambda **_: FullDisk(room))
    history = History()
    for first in (1, 11, 21):
        history.add(block(first, 10, float(first)))
    history.cut(24)
    found = list(history.blocks(1))
    assert np.concatenate([b.outer_step for b in found]).tolist() == list(range(1, 25))
    assert np.concatenate([b.query_after[0] for b in found]).tolist() == (
        [2.0] * 10 + [12.0] * 10 + [22.0] * 4
    )
    assert history.gaps == ()


def test_without_a_folder_for_temporary_files_a_run_is_trained_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_file.tempfile, "TemporaryFile", full)
    driver = Driver(small_settings("mtl"))
    driver.train_to(10)
    driver.tell(commands.SaveRun(str(tmp_path / "run")))
    assert not driver.reports(m.Refused)
    found = read_losses(tmp_path / "run" / METRICS, 0)["MTL"]
    assert found.outer_step.tolist() == list(range(1, 11))
    assert not (tmp_path / "run" / GAPS).exists()


def test_what_fits_nowhere_is_said_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(small_settings("mtl"))
    driver.train_to(4)
    with monkeypatch.context() as patch:
        patch.setattr(History, "_written", full)
        patch.setattr(metrics_file, "IN_MEMORY", 0)
        driver.train_to(9)
    driver.train_to(12)
    driver.outbox.collect()
    path = tmp_path / "run"
    driver.tell(commands.SaveRun(str(path)))
    assert not driver.reports(m.Refused)
    lines = (path / GAPS).read_text().splitlines()
    assert lines == ["first_outer_step,last_outer_step,reason", "5,9,No space left on device"]
    kept = [1, 2, 3, 4, 10, 11, 12]
    assert read_losses(path / METRICS, 0)["MTL"].outer_step.tolist() == kept
    other = Driver(small_settings("mtl"))
    other.tell(commands.OpenRun(str(path)), commands.SaveRun(str(path), overwrite=True))
    assert (path / GAPS).read_text().splitlines() == lines
    assert read_gaps(path) == (Gap(5, 9, "No space left on device"),)
    for wrong in ("x", "first_outer_step,last_outer_step,reason\n9,5,x\n", "a,b,c\n1,2,3\n"):
        (path / GAPS).write_text(wrong)
        with pytest.raises(StorageError, match="not as this program writes it"):
            read_gaps(path)


def test_a_full_disk_does_not_stop_training(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(small_settings("mtl"))
    driver.outbox.collect()

    def full(self: History, one: m.Metrics) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(History, "add", full)
    driver.train_to(10)
    assert driver.step == 10
    reports = driver.outbox.collect()
    said = [r for r in reports if isinstance(r, m.Refused)]
    assert said and "No space left on device" in said[0].reason
    assert any(isinstance(r, m.Metrics) for r in reports)
