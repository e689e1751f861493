"""Runs that begin from an exported initialization."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from maml_explorer.core.training import outer_step, start_run
from maml_explorer.experiments.replay import replay_folder
from maml_explorer.files.reader import StorageError
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, default_arm
from maml_explorer.storage.initialization.folder import CHANGED
from maml_explorer.worker.files.begun_from import begun_from
from tests.worker.driving import Driver, small_settings

PROBE = commands.ProbeTask(np.array([-2.0, 0.5, 3.0]), np.array([1.0, -0.5, 0.2]), 1.0, 0.3)


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, Driver]:
    """A folder, and the run whose MAML is in it."""
    driver = Driver(small_settings("maml", "mtl", inner_lr=0.05))
    driver.train_to(40)
    folder = tmp_path / "trained"
    driver.tell(commands.ExportInitialization("MAML", str(folder)))
    return folder, driver


def test_its_weights_are_what_the_arm_starts_from(exported: tuple[Path, Driver]) -> None:
    folder, source = exported
    driver = Driver(small_settings("anil"))
    driver.tell(PROBE)
    driver.outbox.collect()
    driver.tell(commands.OpenInitialization(str(folder)))
    assert torch.equal(driver.theta("MAML"), source.theta("MAML"))
    assert driver.step == 0 and driver.loop.trainer.phase is reports.Phase.PAUSED
    assert driver.run.settings.inner.inner_lr == 0.05
    assert [arm.name for arm in driver.run.settings.arms] == ["MAML"]
    # the curves that are drawn are those of the run it was exported from
    source.tell(PROBE)
    (one,), (two,) = (d.reports(reports.Probed)[-1:] for d in (driver, source))
    assert isinstance(one, reports.Probed) and isinstance(two, reports.Probed)
    np.testing.assert_array_equal(one.arms["MAML"].curves, two.arms["MAML"].curves)


def test_training_goes_on_from_them_as_from_any_start(exported: tuple[Path, Driver]) -> None:
    folder, source = exported
    driver = Driver(small_settings("anil"))
    driver.tell(commands.OpenInitialization(str(folder)))
    driver.train_to(3)
    begun = begun_from(folder)
    plan, state = begun.plan, begun.state
    assert state.arms["MAML"].outer_step == 0
    for moment in state.arms["MAML"].moments:
        assert not moment.any(), "the optimizer starts anew"
    with torch.no_grad():
        for _ in range(3):
            state, _ = outer_step(plan, state)
    assert torch.equal(driver.theta("MAML"), state.arms["MAML"].initialization)
    assert not torch.equal(driver.theta("MAML"), source.theta("MAML"))


def test_other_arms_and_settings_beside_it(exported: tuple[Path, Driver]) -> None:
    folder, source = exported
    settings = small_settings("maml", "anil", seed=7, inner_lr=0.02)
    driver = Driver(settings)
    fresh = driver.theta("ANIL").clone()
    driver.tell(commands.OpenInitialization(str(folder), settings))
    assert driver.run.settings == settings
    assert torch.equal(driver.theta("MAML"), source.theta("MAML"))
    assert torch.equal(driver.theta("ANIL"), fresh), "as its seed says"


def test_what_does_not_fit_is_refused_in_words(
    exported: tuple[Path, Driver], tmp_path: Path
) -> None:
    folder, _ = exported
    driver = Driver(small_settings("maml"))
    driver.train_to(2)
    driver.outbox.collect()
    driver.tell(commands.OpenInitialization(str(folder), small_settings("maml", hidden=(9, 8))))
    (refused,) = driver.reports(reports.Refused)
    assert isinstance(refused, reports.Refused)
    assert refused.reason.startswith(
        "trained has the hidden layers 8,8, the run has the hidden layers 9,8"
    )
    normed = small_settings("maml", norm="layer", skip=True)
    driver.tell(commands.OpenInitialization(str(folder), normed))
    (refused,) = driver.reports(reports.Refused)
    assert isinstance(refused, reports.Refused)
    assert "has the hidden layers 8,8 with normalization layer and skip" in refused.reason
    images = small_settings("maml", family="glyphs", ways=3, side=8, shots=2, query_points=2)
    driver.tell(commands.OpenInitialization(str(folder), images))
    (refused,) = driver.reports(reports.Refused)
    assert isinstance(refused, reports.Refused)
    assert "has 1 inputs and 1 outputs, the run has 64 and 3" in refused.reason
    assert driver.step == 2
    with pytest.raises(SettingsError):
        begun_from(tmp_path / "nothing")


def test_without_its_arm_nothing_is_left_of_it(exported: tuple[Path, Driver]) -> None:
    settings = small_settings("anil")
    fresh = Driver(settings)
    begun = begun_from(exported[0], settings)
    assert torch.equal(begun.state.arms["ANIL"].initialization, fresh.theta("ANIL"))
    assert begun.rows == []
    (note,) = begun.notes
    assert note == "No arm is named MAML, as the one in trained is: all begin from the seed."


def test_a_saved_run_says_where_it_began_and_is_not_replayed(
    exported: tuple[Path, Driver], tmp_path: Path
) -> None:
    folder, _ = exported
    driver = Driver(small_settings("maml"))
    driver.tell(commands.OpenInitialization(str(folder)))
    driver.train_to(5)
    run = tmp_path / "run"
    driver.tell(commands.SaveRun(str(run)))
    lines = (run / "changes.csv").read_text().splitlines()
    assert lines[1] == "0,begun from,MAML,trained after 40 outer steps"
    other = Driver(small_settings("mtl"))
    other.tell(commands.OpenRun(str(run)))
    assert torch.equal(other.theta("MAML"), driver.theta("MAML"))
    with pytest.raises(StorageError, match="exported initialization"):
        replay_folder(run)


def test_the_seed_alone_says_nothing_of_it(exported: tuple[Path, Driver]) -> None:
    begun = begun_from(exported[0])
    plan, state = begun.plan, begun.state
    assert not torch.equal(
        state.arms["MAML"].initialization, start_run(plan).arms["MAML"].initialization
    )
    assert plan.settings.arms == (default_arm("maml"),)


def noted(driver: Driver) -> list[str]:
    return [one.what for one in driver.reports(reports.Noted) if isinstance(one, reports.Noted)]


def test_another_activation_is_said_and_the_weights_are_kept(
    exported: tuple[Path, Driver],
) -> None:
    folder, source = exported
    driver = Driver(small_settings("anil"))
    driver.tell(commands.OpenInitialization(str(folder)))
    assert noted(driver) == [], "nothing differs"
    settings = small_settings("maml", activation="tanh", precision="float64")
    driver.tell(commands.OpenInitialization(str(folder), settings))
    assert noted(driver) == [
        "trained was trained with the activation relu and precision float32, and MAML has tanh and "
        "float64 here: it begins from those weights all the same."
    ]
    assert torch.equal(driver.theta("MAML"), source.theta("MAML").double())
    other = small_settings("mtl").with_arms((Arm("MAML", "anil"),))
    driver.tell(commands.OpenInitialization(str(folder), other))
    assert "with the algorithm MAML, and MAML has ANIL here" in noted(driver)[0]


def test_learned_step_sizes_that_do_not_fit_are_said(tmp_path: Path) -> None:
    source = Driver(small_settings("maml", lslr=True))
    source.train_to(3)
    source.tell(commands.ExportInitialization("MAML", str(tmp_path / "rates")))
    begun = begun_from(tmp_path / "rates", small_settings("maml"))
    assert begun.notes == (
        "The step sizes that rates learned were left out: MAML does not learn the same ones here.",
    )
    count = begun.plan.model.parameter_count
    assert torch.equal(begun.state.arms["MAML"].initialization, source.theta("MAML")[:count])


def test_weights_tuned_elsewhere_are_opened_with_a_note(exported: tuple[Path, Driver]) -> None:
    folder, source = exported
    path = folder / "model.safetensors"
    save_file({name: 1.5 * one for name, one in load_file(path).items()}, path, {"format": "pt"})
    driver = Driver(small_settings("anil"))
    driver.tell(commands.OpenInitialization(str(folder)))
    assert noted(driver) == [f"trained: {CHANGED}"]
    assert torch.equal(driver.theta("MAML"), 1.5 * source.theta("MAML"))


def test_there_is_no_way_back_into_a_spoiled_state(exported: tuple[Path, Driver]) -> None:
    folder, _ = exported
    path = folder / "model.safetensors"
    save_file({name: 1e4 * one for name, one in load_file(path).items()}, path)
    driver = Driver(small_settings("anil"))
    driver.tell(commands.OpenInitialization(str(folder)))
    begun = driver.theta("MAML").clone()
    driver.train_to(2)
    assert driver.run.all_frozen
    driver.outbox.collect()
    driver.tell(commands.BackToLastGood())
    collected = driver.outbox.collect()
    (refused,) = [one for one in collected if isinstance(one, reports.Refused)]
    assert refused.reason == (
        "There is no good state to go back to: MAML had diverged at outer step 0 already, where "
        "this run begins. The run is kept as it is; restart it, or open another."
    )
    assert not any(isinstance(one, reports.Rewound) for one in collected)
    assert driver.run.all_frozen and torch.equal(driver.theta("MAML"), begun)
