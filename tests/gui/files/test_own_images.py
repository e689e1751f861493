"""The user's own images in the window: from the drop to accuracy, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.core.families.own import data as own_data
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, begin, open_window
from maml_explorer.gui.files.image_decoder import grey_values
from maml_explorer.gui.files.own_images import on_data
from maml_explorer.gui.panels.images.panel import ImagesPanel
from maml_explorer.gui.widgets.banner import ABSENT
from maml_explorer.gui.window.remembered_layout import read_layout
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from maml_explorer.settings.own_data import DataKey, data_key
from maml_explorer.settings.presets import Preset, load_preset, preset_toml
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.settings.share import to_share
from maml_explorer.storage.run.folder import create_run
from maml_explorer.worker.handle import Worker
from tests.gui.driving import Opener, press, said, worker_of
from tests.gui.fake_worker import FakeWorker
from tests.gui.files.test_files import drop
from tests.own_images import opened as opened_letters
from tests.own_images import write_classes

KEY = DataKey("letters", 9, 9, 20, "0123456789abcdef")


def dropped(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    """Drops a folder and waits until it is read."""
    drop(window, path)
    opening = window.files.opening.images
    qtbot.waitUntil(lambda: not opening.busy, timeout=20_000)
    window.session.link.pull()


@pytest.fixture
def trained(qtbot: QtBot, qapp: QApplication) -> Iterator[MainWindow]:
    """A window whose worker computes."""
    application()
    window = open_window(Worker(), Options(safe_mode=True))
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    begin(window, Options(safe_mode=True))
    qtbot.waitUntil(lambda: window.session.status is not None, timeout=20_000)
    yield window
    window.close()
    window.deleteLater()


def test_a_folder_trains_in_the_window_from_drop_to_accuracy(
    qtbot: QtBot, tmp_path: Path, trained: MainWindow
) -> None:
    write_classes(tmp_path / "drawn", 36, 10)
    dropped(qtbot, trained, tmp_path / "drawn")
    session = trained.session
    assert "“drawn”: 36 classes (22 for training, 7 for validation, 7 for test)" in said(trained)[0]
    assert session.editor.staged is None  # nothing was trained, so it began at once
    session.editor.edit({"outer_steps": 60, "test_tasks": 60, "hidden": (32,)})
    session.editor.set_arms((default_arm("maml"),))
    if session.editor.staged is not None:
        session.control.restart()
    hero = trained.columns.places["adaptation"].panel
    assert isinstance(hero, ImagesPanel)
    session.control.train()

    def finished() -> bool:
        status = session.status
        probed = session.images.probed
        return (
            status is not None
            and status.outer_step == 60
            and probed is not None
            and probed.outer_step == 60
        )

    qtbot.waitUntil(finished, timeout=60_000)
    probed = session.images.probed
    assert probed is not None and probed.probe.unseen
    assert all(name.startswith("class") for name in probed.names)
    assert len(probed.arms["MAML"].accuracy) > 1
    session.control.request_meta_test()
    qtbot.waitUntil(lambda: session.measured.meta_test is not None, timeout=60_000)
    curve = session.measured.meta_test.arms["MAML"].mean  # type: ignore[union-attr]
    assert curve[1] > 0.8 > 0.65 > curve[0] > 0.35  # chance before adapting, most right after
    assert session.settings.images.data.startswith("drawn:7:7:10:")


def test_a_window_that_starts_with_data_begins_with_it(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> None:
    write_classes(tmp_path / "own", 10, 8)
    application()
    options = Options(data=tmp_path / "own", safe_mode=True)
    window = open_window(FakeWorker(), options)
    try:
        window.show()
        window.files.opening.open(tmp_path / "own")
        images = window.files.opening.images
        # read before the worker has said a word
        qtbot.waitUntil(lambda: not images.reading, timeout=20_000)
        qtbot.wait(150)
        assert images.busy and window.session.editor.edited.family.key == "sine"
        window.session.start()
        window.session.link.pull()
        qtbot.waitUntil(lambda: not images.busy)
        window.session.link.pull()
        assert window.session.settings.family.key == "folder"
        assert window.session.editor.staged is None
    finally:
        window.close()
        window.deleteLater()


def test_curves_give_way_and_arms_stay(qtbot: QtBot, tmp_path: Path, window: MainWindow) -> None:
    write_classes(tmp_path / "own", 10, 8)
    window.session.editor.set_arms((default_arm("anil"),))
    dropped(qtbot, window, tmp_path / "own")
    edited = window.session.editor.edited
    assert edited.family.key == "folder" and [arm.name for arm in edited.arms] == ["ANIL"]
    posted = [one for one in worker_of(window).posted if isinstance(one, commands.Restart)]
    assert posted[-1].settings == edited
    window.session.editor.undo_stack.undo()
    assert window.session.editor.edited.family.key == "sine"


def test_what_the_data_allows_is_said() -> None:
    settings = load_preset("glyphs-5-way-5-shot").settings
    small = DataKey("few", 3, 3, 4, KEY.fingerprint)
    found, changed = on_data(settings, small)
    assert (found.images.ways, found.inner.shots, found.inner.query_points) == (3, 3, 1)
    queries = settings.inner.query_points
    assert changed == (
        f"Made smaller to fit: 5 classes to 3, 5 shots to 3, {queries} query images to 1.",
    )
    assert on_data(settings, KEY)[1] == ()
    assert on_data(Settings(), KEY)[0].images.ways == 2


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (0, "and has no sub-folder of images"),
        (4, "has 4 classes, none of them for training: at least 2"),
    ],
)
def test_what_is_no_data_is_one_sentence_and_nothing_changes(
    qtbot: QtBot, tmp_path: Path, window: MainWindow, classes: int, words: str
) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "notes.txt").touch()
    if classes:
        write_classes(folder, classes, 3)
    before = window.session.editor.edited
    dropped(qtbot, window, folder)
    assert said(window)[0].startswith("Can't open some. ") and words in said(window)[0]
    assert window.session.editor.edited == before


def test_reading_can_be_cancelled(qtbot: QtBot, tmp_path: Path, window: MainWindow) -> None:
    write_classes(tmp_path / "own", 10, 20)
    drop(window, tmp_path / "own")
    images = window.files.opening.images
    assert said(window)[0].startswith("Reading the images of own")
    images.give_up()
    assert not images.busy and said(window) == []
    assert window.session.editor.edited.family.key == "sine"


def absent() -> Settings:
    return load_preset("glyphs-5-way-5-shot").settings.with_values(
        {"family": "folder", "data": "animals:9:9:20:0123456789abcdef", "inner_lr": 0.123}
    )


def test_a_share_string_without_its_data_opens_all_else(window: MainWindow) -> None:
    assert window.files.sharing.take(to_share(absent()))
    edited = window.session.editor.edited
    assert edited.family.key == "glyphs" and edited.inner.inner_lr == 0.123
    assert any(
        "needs the images “animals” (fingerprint 0123456789abcdef)" in words
        for words in said(window)
    )


def test_the_window_starts_with_a_share_string_without_its_data(opened: Opener) -> None:
    options = Options(share=to_share(absent()), safe_mode=True)
    window = opened(options=options)
    begin(window, options)
    assert window.session.editor.edited.family.key == "glyphs"
    assert "“animals”" in said(window)[0]


def test_a_preset_without_its_data_opens_all_else(window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(preset_toml(Preset("own", "Own", "", "", absent())))
    drop(window, path)
    assert window.session.editor.edited.inner.inner_lr == 0.123
    assert "“animals”" in said(window)[0]


def test_a_run_without_its_data_is_refused_and_opens_with_it(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = opened_letters(12, 6)
    settings = Settings().with_values(
        {"family": "folder", "data": text, "shots": 1, "query_points": 2}
    )
    create_run(tmp_path / "run", settings)
    monkeypatch.setattr(own_data, "_OPEN", {})
    drop(window, tmp_path / "run")
    assert "Can't open run. This needs the images “letters”" in said(window)[0]
    monkeypatch.undo()
    drop(window, tmp_path / "run")
    posted = worker_of(window).posted
    assert any(isinstance(one, commands.OpenRun) for one in posted)


def test_a_family_without_data_is_refused_in_the_form(window: MainWindow) -> None:
    row = window.columns.form.row("family")
    field = row.fields["family"]
    field.entered.emit("folder")
    assert "Own images need a folder" in row.error.text()
    assert window.session.editor.edited.family.key == "sine"


def test_the_folder_is_remembered_and_opened_where_it_is_needed(
    qtbot: QtBot, opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_data, "_OPEN", {})
    write_classes(tmp_path / "own", 10, 6)
    layout = tmp_path / "config" / "window.json"
    first = opened(layout)
    dropped(qtbot, first, tmp_path / "own")
    text, data = first.files.sharing.text(), first.session.editor.edited.images.data
    first.close()
    assert read_layout(layout).data == str(tmp_path / "own")

    own_data._OPEN.clear()  # as in another process
    second = opened(layout)
    assert second.files.sharing.take(text)
    assert second.session.editor.edited.family.key == "glyphs"
    banner = second.banners.of(ABSENT)
    assert banner is not None and [one.text() for one in banner.buttons] == ["Open own again"]
    press(qtbot, banner.buttons[0])
    editor = second.session.editor
    qtbot.waitUntil(lambda: editor.edited.family.key == "folder", timeout=20_000)
    assert editor.edited.images.data == data
    assert second.banners.of(ABSENT) is None
    # of other images, or once the folder was read here, nothing is offered
    images = second.files.opening.images
    assert images.remedies(data_key(data), list) == ()
    third = opened(layout)
    assert third.files.sharing.take(to_share(absent()))
    banner = third.banners.of(ABSENT)
    assert banner is not None and banner.buttons == []
    # a run that needs them is refused, and opens once they are there
    create_run(tmp_path / "run", editor.edited)
    own_data._OPEN.clear()
    drop(third, tmp_path / "run")
    refusal = third.banners.of("open")
    assert refusal is not None and refusal.text.full.startswith("Can't open run. This needs the")
    press(qtbot, refusal.buttons[0])
    posted = worker_of(third).posted
    asked = commands.OpenRun
    qtbot.waitUntil(lambda: any(isinstance(one, asked) for one in posted), timeout=20_000)


def test_many_threads_read_at_once_and_none_waits_for_ever() -> None:
    picture = QImage(5, 4, QImage.Format.Format_Grayscale8)
    picture.fill(200)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert picture.save(buffer, "PNG")  # type: ignore[call-overload]
    data = bytes(buffer.data().data())
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(grey_values, [data] * 400):
            assert not isinstance(found, str) and found.shape == (4, 5) and (found == 200).all()


@pytest.mark.parametrize("side", [8, 28, 200, 1000])
@pytest.mark.parametrize("kind", ["Grayscale8", "RGB32", "ARGB32"])
def test_every_pixel_is_read_after_the_picture_s_memory_is_gone(kind: str, side: int):
    image = QImage(side, side, getattr(QImage.Format, f"Format_{kind}"))
    image.fill(QColor(120, 120, 120))
    written = QBuffer()
    written.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(written, "PNG")
    for _ in range(5):
        seen = grey_values(bytes(written.data().data()))
        assert isinstance(seen, np.ndarray) and seen.shape == (side, side)
        assert (seen == 120).all()
