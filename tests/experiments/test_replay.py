"""A run changed live, saved and replayed: bit for bit what the window had."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from maml_explorer.cli import main
from maml_explorer.experiments.replay import differences, replay_folder
from maml_explorer.experiments.training import train_headless
from maml_explorer.files.reader import StorageError
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.storage.run.changes import (
    change_rows,
    read_changes,
    settings_after,
    settings_before,
)
from maml_explorer.storage.run.folder import create_run
from tests.worker.driving import Driver, small_settings


def saved(driver: Driver, folder: Path) -> Path:
    driver.outbox.collect()
    driver.tell(commands.SaveRun(str(folder), overwrite=True))
    assert driver.reports(reports.Exported)
    return folder


def assert_replays(driver: Driver, folder: Path) -> None:
    checkpoint, settings, state = replay_folder(folder)
    assert differences(driver.run.state, state) == []
    assert differences(checkpoint.state, state) == []
    assert settings == driver.run.settings


def test_a_run_changed_live_is_replayed_bit_for_bit(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml", "reptile", noise=0.1))
    driver.train_to(5)
    first = driver.run.settings
    # both ends of a range at once: one after the other they would cross
    driver.tell(commands.Change(first.with_values({"amplitude_min": 6.0, "amplitude_max": 20 / 3})))
    driver.tell(commands.Change(driver.run.settings.with_values({"phase_max": math.pi / 3})))
    driver.train_to(9)
    late = Arm('late "one", α', "maml", (("inner_lr", 0.1), ("optimizer", "sgd")))
    now = driver.run.settings
    driver.tell(commands.Change(now.with_arms((*now.arms, late)).with_values({"meta_batch": 7})))
    driver.train_to(70)
    # an arm that is taken away and put back begins anew
    driver.tell(commands.Change(driver.run.settings.with_arms(now.arms[1:])))
    driver.tell(commands.Change(driver.run.settings.with_arms(now.arms)))
    driver.train_to(110)
    # one that an undo brings back goes on
    driver.tell(commands.Change(driver.run.settings.with_arms(now.arms[1:])))
    driver.train_to(120)
    driver.tell(commands.Change(driver.run.settings.with_arms(now.arms), frozenset({"MAML"})))
    assert driver.run.state.arms["MAML"].outer_step == 40
    driver.train_to(140)
    folder = saved(driver, tmp_path / "run")
    assert_replays(driver, folder)
    # the story goes on after it was opened again
    other = Driver(small_settings("mtl"))
    other.tell(commands.OpenRun(str(folder)))
    other.train_to(150)
    other.tell(commands.Change(other.run.settings.with_values({"outer_lr": 0.01})))
    other.train_to(160)
    assert_replays(other, saved(other, tmp_path / "again"))


@pytest.mark.parametrize("then", ["nothing", "back", "halve"])
def test_divergence_is_replayed_too(tmp_path: Path, then: str) -> None:
    settings = small_settings("maml", "mtl")
    driver = Driver(settings)
    driver.train_to(130)
    wild = settings.with_values({"outer_lr": 100.0})
    driver.tell(commands.Change(wild.with_arms((*wild.arms, default_arm("anil")))))
    driver.train_to(300)
    assert any(arm.frozen for arm in driver.run.state.arms.values())
    if then == "back":
        driver.tell(commands.Change(driver.run.settings.with_values({"outer_lr": 0.001})))
        driver.tell(commands.BackToLastGood())
        driver.train_to(driver.step + 90)
    elif then == "halve":
        driver.tell(commands.Change(settings))
        driver.tell(*(commands.ReviveArm(name) for name in driver.run.state.arms))
        driver.train_to(driver.step + 90)
    assert_replays(driver, saved(driver, tmp_path / "run"))


def test_a_headless_run_replays_its_divergence(tmp_path: Path) -> None:
    hot = Arm("hot", "maml", (("outer_lr", 30.0), ("optimizer", "sgd")))
    settings = small_settings("maml", outer_steps=24)
    settings = settings.with_arms((*settings.arms, hot))
    train_headless(settings, (0,), folder=create_run(tmp_path / "a", settings))
    assert [row[1] for row in read_changes(tmp_path / "a" / "changes.csv")] == ["frozen"]
    checkpoint, _, state = replay_folder(tmp_path / "a")
    assert differences(checkpoint.state, state) == []


def test_the_command_says_whether_it_is_equal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = Driver(small_settings("maml"))
    driver.train_to(3)
    driver.tell(commands.Change(driver.run.settings.with_values({"inner_lr": 0.02})))
    driver.train_to(6)
    folder = saved(driver, tmp_path / "run")
    assert main(["train", "--replay", str(folder), "--quiet"]) == 0
    assert "at outer step 6 bit for bit" in capsys.readouterr().out
    changes = folder / "changes.csv"
    changes.write_text(changes.read_text().replace("3,inner_lr", "4,inner_lr"))
    assert main(["train", "--replay", str(folder), "--quiet", "--json"]) == 1
    assert "MAML" in capsys.readouterr().out
    assert main(["train", "--replay", str(folder), "--inner-lr", "0.1"]) == 2
    assert main(["train", "--replay", str(tmp_path / "none")]) == 2


def test_changes_are_written_exactly(tmp_path: Path) -> None:
    old = Settings()
    new = old.with_values({"noise": 0.1 + 0.2, "phase_max": math.pi / 7, "reptile_anneal": False})
    new = new.with_arms((Arm('a,b "q"', "anil", (("inner_lr", 1 / 3),)),))
    rows = change_rows(4, old, new)
    folder = create_run(tmp_path / "run", new)
    folder.append("changes.csv", rows)
    read = read_changes(folder.path / "changes.csv")
    assert list(read) == rows
    assert settings_before(new, read) == old
    assert settings_after(old, read) == new


@pytest.mark.parametrize(
    "text",
    ["h\n1,inner_lr,0.1\n", "h\nx,inner_lr,0.1,0.2\n", "h\n1,nothing,0,1\n",
     "h\n2,noise,0,1\n1,noise,1,0\n",
     "h\n1,noise,[,1\n", "h\n1,frozen,MAML,x\n", "h\n-1,noise,0,1\n"],
)  # fmt: skip
def test_damaged_changes_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "changes.csv"
    path.write_text(text)
    with pytest.raises(StorageError, match="not as this program writes it"):
        read_changes(path)
    assert read_changes(tmp_path / "none.csv") == ()
    with pytest.raises(SettingsError):
        settings_before(Settings(), [(1, "arms", "[[", "")])
