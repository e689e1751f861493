"""What the worker writes can be read, resumed, and is refused in words where it cannot be."""

from __future__ import annotations

from pathlib import Path

import torch

from maml_explorer.core.plan import prepare
from maml_explorer.core.training import outer_step
from maml_explorer.protocol import commands, reports
from maml_explorer.storage.initialization.folder import load_initialization
from maml_explorer.storage.run.checkpoint import load_checkpoint
from maml_explorer.storage.run.folder import CHANGES, CHECKPOINT, open_run
from tests.worker.driving import Driver, small_settings


def test_an_exported_arm_is_its_newest_state(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml", "anil"))
    driver.train_to(7)
    driver.reports(reports.Exported)
    driver.tell(commands.ExportInitialization("ANIL", str(tmp_path / "a")))
    assert driver.reports(reports.Exported) == [
        reports.Exported(reports.Written.INITIALIZATION, str(tmp_path / "a"), "ANIL")
    ]
    loaded = load_initialization(tmp_path / "a")
    assert torch.equal(torch.tensor(loaded.parameters), driver.theta("ANIL"))
    assert (loaded.arm.name, loaded.outer_step) == ("ANIL", driver.step)
    assert [record["shots"] for record in loaded.evaluations] == [5, 10]


def test_a_card_tells_what_was_changed_while_it_trained(tmp_path: Path) -> None:
    """The settings are those at the end, so they alone would claim another training."""
    driver = Driver(small_settings("maml", "anil"))
    driver.train_to(5)
    driver.tell(commands.ExportInitialization("MAML", str(tmp_path / "plain")))
    assert "history" not in (tmp_path / "plain" / "config.json").read_text()
    changed = driver.step
    driver.tell(commands.Change(driver.run.settings.with_values({"inner_lr": 0.02})))
    driver.train_to(changed + 4)
    driver.tell(commands.Change(driver.run.settings.with_values({"outer_steps": changed})))
    driver.tell(commands.ExportInitialization("MAML", str(tmp_path / "changed")))
    beyond = driver.step - changed
    history = load_initialization(tmp_path / "changed").history
    assert history.startswith(f"It went on for {beyond} outer steps after the {changed} of its")
    assert f"Inner learning rate α from 0.01 to 0.02 after outer step {changed}" in history
    assert history in (tmp_path / "changed" / "README.md").read_text()


def test_a_saved_run_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml", "reptile"))
    driver.train_to(5)
    driver.tell(commands.Change(driver.run.settings.with_values({"inner_lr": 0.02})))
    driver.train_to(9)
    driver.tell(commands.SaveRun(str(tmp_path / "run")))
    assert driver.reports(reports.Exported) == [
        reports.Exported(reports.Written.RUN, str(tmp_path / "run"))
    ]
    folder, settings = open_run(tmp_path / "run")
    assert settings == driver.run.settings and settings["inner_lr"] == 0.02
    plan = prepare(settings)
    checkpoint = load_checkpoint(folder.path / CHECKPOINT, plan)
    state = driver.run.state
    assert state is not None and checkpoint.state.outer_step == state.outer_step
    resumed, _ = outer_step(plan, checkpoint.state)
    expected, _ = outer_step(prepare(settings), state)
    for name, arm in expected.arms.items():
        assert torch.equal(arm.initialization, resumed.arms[name].initialization)
    changes = (folder.path / CHANGES).read_text().splitlines()
    assert changes[1].split(",")[1:] == ["inner_lr", "0.01", "0.02"]
    assert load_initialization(folder.path / "reptile").outer_step == driver.step
    driver.tell(commands.SaveRun(str(tmp_path / "run"), overwrite=True))
    assert len((folder.path / CHANGES).read_text().splitlines()) == 2


def test_folders_that_are_there_are_refused_in_words(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml"))
    driver.train_to(2)
    (tmp_path / "thesis.tex").write_text("years of work")
    for command in (
        commands.ExportInitialization("MAML", str(tmp_path)),
        commands.ExportInitialization("MAML", str(tmp_path), overwrite=True),
        commands.ExportInitialization("MAML", str(tmp_path / "thesis.tex"), overwrite=True),
        commands.ExportInitialization("MAML", "a\0b"),
        commands.ExportInitialization("MTL", str(tmp_path / "new")),
        commands.SaveRun(str(tmp_path)),
        commands.SaveRun(str(tmp_path), overwrite=True),
        commands.SaveRun(str(tmp_path / "thesis.tex" / "run")),
    ):
        driver.outbox.collect()
        driver.tell(command)
        (refused,) = driver.reports(reports.Refused)
        assert isinstance(refused, reports.Refused)
        assert refused.refused is type(command)
        assert refused.reason.endswith(".") and "\n" not in refused.reason
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    assert driver.loop.trainer.phase is reports.Phase.PAUSED


def test_an_export_is_given_up_when_that_is_asked_meanwhile(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml"))
    driver.train_to(3)
    driver.outbox.collect()
    driver.inbox.post(commands.StopWriting())
    # it is looked for between the pieces of the meta-test that goes with the folder
    driver.loop.obey(commands.ExportInitialization("MAML", str(tmp_path / "a")))
    (refused,) = driver.reports(reports.Refused)
    assert isinstance(refused, reports.Refused)
    assert refused.reason == f"{tmp_path / 'a'} was not written: that was cancelled."
    assert list(tmp_path.iterdir()) == []
    driver.tell(commands.ExportInitialization("MAML", str(tmp_path / "a")))
    assert load_initialization(tmp_path / "a").outer_step == 3, "the next one is not given up"
