"""Other runs beside the one there is: pinned ones, replaced ones, exported initializations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.worker.files.other_run import read_ghost
from tests.worker.driving import Driver, small_settings

PROBE = commands.ProbeTask(np.array([-2.0, 0.5, 3.0]), np.array([1.0, -0.5, 0.2]), 1.0, 0.3)
OTHER = commands.ProbeTask(np.array([-4.0, 1.5]), np.array([0.5, 2.0]))


def probed(driver: Driver) -> reports.Probed:
    """The newest answer to a probe."""
    report = driver.reports(reports.Probed)[-1]
    assert isinstance(report, reports.Probed)
    return report


def trained(*algorithms: str, steps: int = 30, **values: object) -> Driver:
    driver = Driver(small_settings(*algorithms, **values))
    driver.train_to(steps)
    driver.tell(PROBE)
    return driver


def test_a_pinned_run_stays_as_it_was_while_training_goes_on(tmp_path: Path) -> None:
    driver = trained("maml", "mtl")
    then = probed(driver)
    folder = tmp_path / "pins" / "one"
    driver.tell(commands.PinRun(str(folder)), commands.ShowGhost(str(folder)))
    driver.train_to(60)
    now = probed(driver)
    assert now.ghost.keys() == {"MAML", "MTL"}
    for name, arm in now.ghost.items():
        np.testing.assert_array_equal(arm.curves, then.arms[name].curves)
        np.testing.assert_array_equal(arm.query_mse, then.arms[name].query_mse)
        assert not np.array_equal(arm.curves, now.arms[name].curves)
    driver.tell(commands.ShowGhost())
    assert probed(driver).ghost == {}


def test_it_adapts_to_every_new_task_with_its_own_settings(tmp_path: Path) -> None:
    source = trained("maml", hidden=(6,), inner_lr=0.2)
    folder = str(tmp_path / "pin")
    source.tell(commands.PinRun(folder), OTHER)
    wanted = probed(source)
    driver = trained("anil", hidden=(8, 8), steps=3)
    driver.tell(commands.ShowGhost(folder), OTHER)
    found = probed(driver)
    np.testing.assert_array_equal(found.ghost["MAML"].curves, wanted.arms["MAML"].curves)
    assert found.arms.keys() == {"ANIL"}


def test_the_run_before_is_a_ghost_by_its_number() -> None:
    driver = trained("maml")
    then = probed(driver)
    driver.tell(commands.Restart(small_settings("maml", hidden=(5,))), commands.ShowGhost(run=1))
    found = probed(driver)
    np.testing.assert_array_equal(found.ghost["MAML"].curves, then.arms["MAML"].curves)
    assert found.outer_step == 0


def test_an_exported_initialization_is_a_ghost_too(tmp_path: Path) -> None:
    source = trained("maml")
    source.tell(commands.ExportInitialization("MAML", str(tmp_path / "trained")), PROBE)
    wanted = probed(source)
    driver = trained("anil", steps=2)
    driver.tell(commands.ShowGhost(str(tmp_path / "trained")))
    np.testing.assert_array_equal(probed(driver).ghost["MAML"].curves, wanted.arms["MAML"].curves)


def test_showing_a_ghost_changes_nothing_of_the_run(tmp_path: Path) -> None:
    one, two = trained("maml", "anil"), trained("maml", "anil")
    one.tell(commands.PinRun(str(tmp_path / "pin")), commands.ShowGhost(str(tmp_path / "pin")))
    for driver in (one, two):
        driver.train_to(50)
    assert np.array_equal(one.theta("MAML").numpy(), two.theta("MAML").numpy())


def test_what_cannot_be_shown_or_written_is_refused_in_words(tmp_path: Path) -> None:
    driver = trained("mtl", steps=2)
    (tmp_path / "file").write_text("x")
    driver.outbox.collect()
    for command in (
        commands.ShowGhost(run=77), commands.ShowGhost(str(tmp_path / "nothing")),
        commands.PinRun(str(tmp_path / "file" / "pin")),
    ):  # fmt: skip
        driver.tell(command)
        (refused,) = driver.reports(reports.Refused)
        assert isinstance(refused, reports.Refused) and refused.refused is type(command)
    assert driver.step == 2


def test_a_damaged_pin_is_refused(tmp_path: Path) -> None:
    driver = trained("mtl", steps=2)
    folder = tmp_path / "pin"
    driver.tell(commands.PinRun(str(folder)))
    assert read_ghost(folder).state.outer_step == 2
    data = (folder / "checkpoint.safetensors").read_bytes()
    (folder / "checkpoint.safetensors").write_bytes(data[:-9])
    driver.outbox.collect()
    driver.tell(commands.ShowGhost(str(folder)))
    assert driver.reports(reports.Refused)
    with pytest.raises(SettingsError, match="checkpoint"):
        read_ghost(folder)


def test_a_pinned_state_is_measured_whole_whatever_the_run_does_since(tmp_path: Path) -> None:
    driver = Driver(small_settings("maml", "mtl", test_tasks=60))
    driver.train_to(5)
    driver.tell(commands.Train())
    driver.work(1)
    folder, step = str(tmp_path / "pin"), driver.step
    plan, state = driver.run.plan, driver.run.state
    driver.tell(commands.PinRun(folder, measure=True))
    driver.work(1)
    driver.tell(commands.Change(small_settings("maml", "mtl", test_tasks=60, inner_lr=0.2)))
    found = []
    for _ in range(2000):
        driver.work(1)
        if found := driver.reports(reports.PinTested):
            break
    (report,) = found
    assert (report.folder, report.test.outer_step) == (folder, step) and driver.step > step
    assert (report.test.tasks, report.test.declared) == (60, None)
    assert read_ghost(Path(folder)).state.outer_step == step
    for name, arm in state.arms.items():
        expected, _ = run_to_end(
            meta_test(plan, name, arm.initialization, stream_name=plan.family.watched)
        )
        assert report.test.arms[name].mean == pytest.approx(expected.mean, rel=1e-5)
    # restarted meanwhile, it comes all the same
    driver.tell(commands.PinRun(folder + "2", measure=True), commands.Restart(driver.run.settings))
    for _ in range(2000):
        driver.work(1)
        if found := driver.reports(reports.PinTested):
            break
    assert [one.folder for one in found] == [folder + "2"]
