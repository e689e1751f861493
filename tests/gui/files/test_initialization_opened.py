"""An exported initialization that is dropped: its weights are used, or nothing is done yet."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pytestqt.qtbot import QtBot
from torch import nn

from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_run
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.folder import Initialization, save_initialization
from maml_explorer.worker.files.begun_from import begun_from
from tests.gui.driving import press, said, worker_of
from tests.gui.files.test_files import drop

SETTINGS = Settings(arms=(default_arm("maml"),)).with_values({"hidden": (8, 8), "inner_lr": 0.05})


def exported(place: Path) -> Path:
    """A folder with an initialization."""
    theta = start_run(prepare(SETTINGS)).arms["MAML"].initialization.numpy()
    save_initialization(place / "trained", Initialization(SETTINGS, theta, 700))
    return place / "trained"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return exported(tmp_path)


def test_an_untouched_window_begins_from_it(window: MainWindow, folder: Path):
    drop(window, folder)
    session = window.session
    opened = worker_of(window).posted_of(commands.OpenInitialization)
    assert opened == [commands.OpenInitialization(str(folder))]
    assert session.settings == SETTINGS and session.run == 2
    assert said(window)[-1].startswith("A new run began from the initialization")
    assert "MAML after 700 outer steps); its curves are drawn." in said(window)[-1]
    window.banners.drop_all()  # a message leaves room for how far the run is, and no more
    assert "from trained" in window.status.text()


def test_where_something_was_trained_it_asks_first(window: MainWindow, folder: Path, qtbot: QtBot):
    session = window.session
    session.control.outer_step()
    session.link.pull()
    before = session.settings
    drop(window, folder / "config.json")
    assert not worker_of(window).posted_of(commands.OpenInitialization)
    assert session.settings == before
    press(qtbot, window.banners.shown[-1].buttons[0])
    session.link.pull()
    assert session.settings == SETTINGS
    session.editor.undo_stack.undo()
    session.link.pull()
    assert session.settings == before and session.status is not None
    assert session.status.outer_step == 1 and session.control.initialization == ""
    assert "from trained" not in window.status.text()


def test_reset_and_a_new_seed_begin_from_it_again(window: MainWindow, folder: Path):
    drop(window, folder)
    session = window.session
    session.editor.edit({"inner_lr": 0.2})
    session.control.reset()
    opened = worker_of(window).posted_of(commands.OpenInitialization)
    assert len(opened) == 2 and opened[-1] == commands.OpenInitialization(
        str(folder), session.settings
    )
    assert session.settings.inner.inner_lr == 0.2
    session.control.new_seed()
    opened = worker_of(window).posted_of(commands.OpenInitialization)
    assert opened[-1].settings.run.seed == 1


def test_other_layers_begin_from_the_seed_and_that_is_said(window: MainWindow, folder: Path):
    drop(window, folder)
    session = window.session
    session.editor.edit({"hidden": (9,)})
    session.control.restart()
    session.link.pull()
    assert worker_of(window).posted_of(commands.Restart)[-1].settings == session.settings
    assert session.control.initialization == "" and session.settings.model.hidden == (9,)
    assert "begins from its seed" in said(window)[-1]
    session.editor.undo_stack.undo()
    session.link.pull()
    assert session.control.initialization == str(folder), "the run before has its beginning again"


def test_a_preset_begins_from_its_own_seed(window: MainWindow, folder: Path):
    drop(window, folder)
    window.session.control.load_preset(window.presets["torch-func"])
    window.session.link.pull()
    assert window.session.control.initialization == ""
    assert worker_of(window).posted_of(commands.Restart)[-1].settings == window.session.settings


def test_a_folder_that_is_gone_is_refused_and_the_run_stays(window: MainWindow, folder: Path):
    (folder / "model.safetensors").unlink()
    before = window.session.settings
    drop(window, folder)
    assert "Can't open" in said(window)[-1]
    assert window.session.settings == before
    assert not worker_of(window).posted_of(commands.OpenInitialization)


def test_weights_of_a_plain_script_are_dropped_and_begin_a_run(window: MainWindow, tmp_path: Path):
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(1, 6), nn.ReLU(), nn.Linear(6, 1))
    torch.save({f"net.{name}": one for name, one in plain.state_dict().items()}, tmp_path / "x.pt")
    drop(window, tmp_path / "x.pt")
    session = window.session
    session.link.pull()
    assert session.settings.model.hidden == (6,) and session.run == 2
    assert "its names begin with 'net.'" in " ".join(said(window))
    (posted,) = worker_of(window).posted_of(commands.OpenInitialization)
    assert posted.settings is not None
    begun = begun_from(Path(posted.folder), posted.settings)
    for arm in begun.state.arms.values():
        assert torch.equal(arm.initialization[:6], plain[0].weight.detach()[:, 0])


def test_a_hostile_file_is_refused_and_the_run_stays(window: MainWindow, tmp_path: Path):
    torch.save({"a": Path("x")}, tmp_path / "x.pt")
    before = window.session.settings
    drop(window, tmp_path / "x.pt")
    assert "only a state_dict of tensors is read" in said(window)[-1]
    assert window.session.settings == before and window.session.run == 1
