"""Opening, saving and sharing, as a person does: keys, drops, the clipboard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import begin
from maml_explorer.gui.files.file_menu import Files
from maml_explorer.gui.panels.losses.view import LossView
from maml_explorer.gui.session.example import example_folder
from maml_explorer.gui.session.loss_history import GRADIENTS, INNER_LOSS
from maml_explorer.gui.session.task_sampling import fixed
from maml_explorer.gui.window.remembered_layout import read_layout
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.reports import Exported, Written
from maml_explorer.settings.presets import load_preset, presets
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.settings.share import from_share, to_share
from maml_explorer.storage.run.folder import VIEW, create_run
from tests.gui.driving import Opener, press, said, worker_of

CTRL = Qt.KeyboardModifier.ControlModifier
CTRL_SHIFT = CTRL | Qt.KeyboardModifier.ShiftModifier


def drop(window: MainWindow, path: Path) -> None:
    """Drops a file or folder onto the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    copy = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPointF(300, 300).toPoint(), copy, data, buttons, keys)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPointF(300, 300), copy, data, buttons, keys))
    window.session.link.pull()


def prepared(window: MainWindow) -> Settings:
    """Prepares a state that differs from the start in everything a share string carries."""
    session = window.session
    session.editor.edit({"inner_lr": 0.3, "inner_steps": 2})
    session.editor.set_arms([*session.editor.edited.arms, default_arm("reptile")])
    session.task.set_probe(commands.ProbeTask(fixed([-1.0, 0.5, 2.0]), fixed([1.0, 2.0, -3.0])))
    session.link.pull()
    session.set_hidden(["ANIL"])
    window.columns.places["adaptation"].panel.slider.setValue(4)  # type: ignore[union-attr]
    hero, losses = (window.columns.places[name].panel for name in ("adaptation", "losses"))
    hero.before.click()  # type: ignore[union-attr]
    hero.canvas.curves.off = frozenset({"oracle"})  # type: ignore[union-attr]
    losses.choose(axis=GRADIENTS)  # type: ignore[union-attr]
    losses.choose(loss=INNER_LOSS)  # type: ignore[union-attr]
    losses.log_x.click()  # type: ignore[union-attr]
    window.columns.show_tab("pseudocode")
    window.columns.places["pseudocode"].panel.arm_choice.setCurrentText("FO-MAML")  # type: ignore[union-attr]
    window.columns.toggle_part("Losses")
    return session.editor.edited


def test_the_whole_prepared_state_crosses_by_the_clipboard(opened: Opener, qtbot: QtBot):
    first = opened()
    settings = prepared(first)
    qtbot.keyClick(first, Qt.Key.Key_C, CTRL_SHIFT)
    assert from_share(QApplication.clipboard().text()).settings == settings
    assert "is on the clipboard" in said(first)[-1]
    second = opened()
    qtbot.keyClick(second, Qt.Key.Key_V, CTRL_SHIFT)
    second.session.link.pull()
    assert second.session.settings == settings
    assert worker_of(second).settings == settings
    probe = second.session.task.probe
    assert probe is not None and probe.amplitude is None
    assert np.array_equal(probe.support_y, [1.0, 2.0, -3.0])
    assert second.session.hidden == {"ANIL"}
    assert second.columns.places["adaptation"].panel.inner_step == 4  # type: ignore[union-attr]
    assert second.columns.tabs.currentWidget() is second.columns.places["pseudocode"]
    assert second.columns.parts["Losses"].isHidden()
    assert not second.columns.parts["Adaptation speed"].isHidden()
    assert second.session.editor.preset is presets()["finn-10-shot"]
    hero, plot = (
        second.columns.places["adaptation"].panel,
        second.columns.places["losses"].panel.plot,
    )  # type: ignore[union-attr]
    assert hero.before.isChecked() and hero.canvas.curves.before  # type: ignore[union-attr]
    assert not hero.residuals.isChecked()  # type: ignore[union-attr]
    assert hero.canvas.curves.off == {"oracle"}  # type: ignore[union-attr]
    assert second.columns.places["pseudocode"].panel.arm.name == "FO-MAML"  # type: ignore[union-attr]
    assert plot.loss_view == LossView(INNER_LOSS, GRADIENTS, log_x=True)
    assert plot.bottom.logarithmic
    # one undo step takes it back
    second.session.editor.undo_stack.undo()
    assert second.session.editor.edited == presets()["finn-10-shot"].settings


def test_the_command_line_applies_a_share_string(opened: Opener):
    first = opened()
    settings = prepared(first)
    text = to_share(settings, first.files.sharing.view().to_view())
    options = Options(share=text, safe_mode=True)
    second = opened(options=options)
    begin(second, options)
    second.session.link.pull()
    assert second.session.settings == settings
    assert second.columns.places["adaptation"].panel.inner_step == 4  # type: ignore[union-attr]
    assert second.columns.parts["Losses"].isHidden()
    assert not second.welcome.isVisible()


def test_a_state_shared_while_training_waits_for_a_restart(window: MainWindow, qtbot: QtBot):
    QApplication.clipboard().setText(to_share(Settings().with_values({"seed": 5})))
    window.session.control.train()
    window.session.link.pull()
    qtbot.keyClick(window, Qt.Key.Key_V, CTRL_SHIFT)
    window.session.link.pull()
    assert window.session.run == 1
    assert window.session.editor.staged_labels == ["Seed"]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "maml9.e30", "maml1.!!!", to_share(Settings(), {"x": [1.0]}),
     to_share(Settings(), {"x": ["a"], "y": [1.0]}), to_share(Settings(), {"tab": 3}),
     to_share(Settings(), {"inner_step": -1}), to_share(Settings(), {"hidden": ["a", 1]}),
     to_share(Settings(), {"before": 1}), to_share(Settings(), {"axis": 2}),
     to_share(Settings(), {"x": [1], "y": [1], "task": [1]})],
)  # fmt: skip
def test_a_damaged_share_string_is_refused_with_a_sentence(
    window: MainWindow, qtbot: QtBot, text: str
):
    before = window.session.editor.edited, window.session.task.probe
    QApplication.clipboard().setText(text)
    qtbot.keyClick(window, Qt.Key.Key_V, CTRL_SHIFT)
    (sentence,) = said(window)
    holds_one = text.startswith("maml")
    said_first = (
        "Nothing was changed. " if holds_one else "The clipboard holds neither a share string"
    )
    assert sentence.startswith(said_first)
    assert (window.session.editor.edited, window.session.task.probe) == before


def test_a_dropped_run_folder_is_gone_on_with_and_undo_goes_back(
    window: MainWindow, tmp_path: Path
):
    settings = Settings().with_values({"seed": 9, "inner_lr": 0.02})
    create_run(tmp_path / "run", settings)
    drop(window, tmp_path / "run")
    assert worker_of(window).posted_of(commands.OpenRun) == [
        commands.OpenRun(str(tmp_path / "run"))
    ]
    assert window.session.settings == window.session.editor.edited == settings
    assert window.session.editor.baseline == settings
    assert window.files.opening.recent == (str(tmp_path / "run"),)
    window.session.editor.undo_stack.undo()
    window.session.link.pull()
    assert worker_of(window).posted_of(commands.BringBack)
    assert window.session.settings == Settings() == worker_of(window).settings


@pytest.mark.parametrize("name", ["finn-10-shot", "reptile-sine", ""])
def test_an_opened_run_names_the_preset_that_it_was_trained_with(
    window: MainWindow, tmp_path: Path, name: str
):
    known = window.presets
    settings = known[name or "reptile-sine"].settings.with_values({"device": "cpu"})
    if not name:
        settings = settings.with_values({"inner_lr": 0.034})
    create_run(tmp_path / "run", settings)
    drop(window, tmp_path / "run")
    window.session.link.pull()
    assert window.session.settings == settings
    box = window.run_bar.preset
    assert (box.currentData(), window.run_bar.dot.shown) == (name or None, False)


def test_an_opened_run_shows_the_task_that_was_seen_when_it_was_saved(
    opened: Opener, tmp_path: Path
):
    before = opened(tmp_path / "before.json")
    x, y = [-1.0, 2.5], [0.5, -3.0]
    before.session.task.set_probe(commands.ProbeTask(fixed(x), fixed(y)))
    before.session.set_hidden({"MTL"})
    create_run(tmp_path / "run", before.session.settings)
    (tmp_path / "run" / VIEW).write_text(before.files.sharing.written())
    after = opened(tmp_path / "after.json")
    drop(after, tmp_path / "run")
    after.session.link.pull()
    probe = after.session.task.probe
    assert probe is not None and not probe.known
    assert (probe.support_x.tolist(), probe.support_y.tolist()) == (x, y)
    assert after.session.hidden == {"MTL"}
    # a view is of the run that was opened, not of one that is begun before it has come
    after.session.task.new_task()
    drop(after, tmp_path / "run")
    after.session.control.reset()
    shown = after.session.task.probe
    after.session.link.pull()
    assert after.session.task.probe is shown


def test_a_damaged_view_is_named_and_the_run_is_open(window: MainWindow, tmp_path: Path):
    create_run(tmp_path / "run", Settings().with_values({"inner_lr": 0.034}))
    (tmp_path / "run" / VIEW).write_text("{")
    drop(window, tmp_path / "run")
    window.session.link.pull()
    assert window.session.settings.inner.inner_lr == 0.034
    assert any("its view could not be restored" in sentence for sentence in said(window))


def test_a_dropped_preset_is_loaded(window: MainWindow, tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text('schema = 1\n[preset]\ntitle = "Mine"\n[inner]\ninner_lr = 0.05\n')
    drop(window, path)
    assert window.session.settings.inner.inner_lr == 0.05
    assert window.session.editor.preset is not None and window.session.editor.preset.title == "Mine"


def test_a_dropped_file_with_a_share_string_is_taken_over(window: MainWindow, tmp_path: Path):
    path = tmp_path / "prepared.txt"
    path.write_text(to_share(Settings().with_values({"inner_lr": 0.07})) + "\n")
    drop(window, path)
    assert window.session.settings.inner.inner_lr == 0.07


@pytest.mark.parametrize(
    ("name", "content"),
    [("photo.png", b"\x89PNG"), ("notes.txt", b"hello"), ("bad.toml", b"schema = 99"),
     ("bad2.toml", b"\xff\xfe"), ("big.txt", b"x" * 100_000), ("model.safetensors", b"1"),
     ("config.json", b"{}"), ("empty", None)],
)  # fmt: skip
def test_what_is_nothing_of_ours_is_refused_with_one_sentence(
    window: MainWindow, tmp_path: Path, name: str, content: bytes | None
):
    before = window.session.editor.edited
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    drop(window, path)
    (sentence,) = said(window)
    assert sentence.startswith(f"Can't open {name}. ")
    assert sentence.endswith(".")
    assert window.session.editor.edited == before
    assert window.files.opening.recent == ()


def test_ctrl_s_asks_once_and_then_saves_in_place(window: MainWindow, qtbot: QtBot, tmp_path: Path):
    ask = window.files.ask
    qtbot.keyClick(window, Qt.Key.Key_S, CTRL)
    assert ask.isVisible() and ask.line.hasFocus()
    assert "run-" in ask.line.text()
    ask.line.setText(str(tmp_path / "mine"))
    qtbot.keyClick(ask.line, Qt.Key.Key_Return)
    window.session.link.pull()
    seen = window.files.sharing.written()
    assert worker_of(window).posted_of(commands.SaveRun) == [
        commands.SaveRun(str(tmp_path / "mine"), view=seen)
    ]
    assert said(window) == [f"The run was written to {tmp_path / 'mine'}."]
    qtbot.keyClick(window, Qt.Key.Key_S, CTRL)
    assert not ask.isVisible()
    again = commands.SaveRun(str(tmp_path / "mine"), overwrite=True, view=seen)
    assert worker_of(window).posted[-1] == again
    # another run is another folder
    window.session.control.reset()
    window.session.link.pull()
    qtbot.keyClick(window, Qt.Key.Key_S, CTRL)
    assert ask.isVisible()


@pytest.mark.parametrize("keys", [CTRL, CTRL_SHIFT])
def test_ctrl_o_opens_a_chooser_that_does_not_stop_the_run(
    window: MainWindow, qtbot: QtBot, keys: Qt.KeyboardModifier
):
    qtbot.keyClick(window, Qt.Key.Key_O, keys)
    (chooser,) = window.findChildren(QFileDialog)
    mode = QFileDialog.FileMode.Directory if keys == CTRL else QFileDialog.FileMode.ExistingFile
    assert chooser.fileMode() == mode
    if keys == CTRL_SHIFT:
        assert chooser.testOption(QFileDialog.Option.HideNameFilterDetails)
        kinds, _, endings = chooser.nameFilters()[0].partition(" (")
        assert len(kinds) < 30, "longer words are cut in the box"
        assert "*.toml" in endings and "*.csv" in endings
    chooser.fileSelected.emit(str(example_folder()))
    chooser.close()
    assert worker_of(window).posted_of(commands.OpenRun)


def test_ctrl_o_begins_where_the_newest_run_is(window: MainWindow, qtbot: QtBot, tmp_path: Path):
    def begun_in() -> Path:
        window.files.open_run()
        (chooser,) = window.findChildren(QFileDialog)
        directory = Path(chooser.directory().absolutePath())
        chooser.close()
        qtbot.waitUntil(lambda: not window.findChildren(QFileDialog))
        return directory

    run = create_run(tmp_path / "runs" / "mine", Settings()).path
    window.session.link.exported.emit(Exported(Written.RUN, str(run)))
    assert window.files.opening.recent == (str(run),), "what was saved is among the recent ones"
    assert begun_in() == tmp_path / "runs"
    # a file of another kind that was opened since is not beside the runs
    preset = tmp_path / "settings.toml"
    preset.write_text((example_folder() / "settings.toml").read_text())
    assert window.files.opening.open(preset)
    assert begun_in() == tmp_path / "runs"


def test_a_file_of_a_run_opens_the_run(window: MainWindow, qtbot: QtBot):
    drop(window, example_folder() / "metrics.csv")
    (opened_run,) = worker_of(window).posted_of(commands.OpenRun)
    assert opened_run.folder == str(example_folder())
    drop(window, example_folder() / "settings.toml")
    assert len(worker_of(window).posted_of(commands.OpenRun)) == 1, "settings alone are a preset"


def test_own_presets_are_saved_marked_and_there_at_the_next_start(
    opened: Opener, qtbot: QtBot, tmp_path: Path
):
    first = opened(tmp_path / "window.json")
    first.session.editor.edit({"inner_lr": 0.2})
    assert first.run_bar.dot.shown
    assert "Inner learning rate" in " ".join(first.run_bar.dot.toolTip().split())
    qtbot.keyClick(first, Qt.Key.Key_S, CTRL_SHIFT)
    qtbot.keyClicks(first.files.ask.line, "For my class")
    press(qtbot, first.files.ask.ok)
    assert first.run_bar.preset.currentText() == "For my class"
    assert not first.run_bar.dot.shown
    saved = load_preset(tmp_path / "presets" / "own-for-my-class.toml")
    assert saved.settings.inner.inner_lr == 0.2
    (tmp_path / "presets" / "own-broken.toml").write_text("schema = 7")
    second = opened(tmp_path / "window.json")
    assert second.run_bar.preset.findText("For my class") >= 0
    assert "own-broken.toml was not read" in said(second)[-1]


def test_a_preset_without_a_name_is_refused(window: MainWindow, tmp_path: Path):
    own = window.files
    files = Files(
        window, window.session, window.banners, own.opening, own.sharing, window.offer_presets,
        tmp_path,
    )  # fmt: skip
    files._save_preset("???")
    assert "at least one letter" in said(window)[-1]
    assert list(tmp_path.iterdir()) == []


def test_presets_say_source_and_numbers_to_reach(window: MainWindow):
    box = window.run_bar.preset
    box.opening.emit()  # as its list does
    tip = box.itemData(box.findData("finn-10-shot"), Qt.ItemDataRole.ToolTipRole)
    tip = " ".join(tip.split())
    assert "Source: Finn, Abbeel, Levine 2017" in tip
    assert "To reach: MAML, 5 shots, query MSE 0.67 after 1, 0.38 after 5" in tip
    assert tip in " ".join(box.toolTip().split())


def test_a_run_that_is_opened_is_announced_until_it_is_there(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
):
    painted: list[list[str]] = []
    monkeypatch.setattr(window.banners, "repaint", lambda: painted.append(said(window)))
    folder = example_folder()
    announced = "Opening the run…"
    assert window.files.opening.open(folder)
    assert painted == [[announced]], "before the worker reads it"
    assert said(window) == [announced]
    window.session.link.pull()
    assert said(window) == [f"The run {folder.name} is open, at outer step 500."]
    assert window.banners.shown[0].buttons == [], "nothing was lost"
    # nor does it stay where the worker cannot read it
    assert window.files.opening.open(folder)
    worker_of(window)._outbox.clear()
    worker_of(window).report(reports.Refused(commands.OpenRun, "Its state is damaged."))
    window.session.link.pull()
    assert said(window)[-1] == "Its state is damaged." and announced not in said(window)


def test_a_run_that_took_the_place_of_another_is_named_and_can_be_gone_back_from(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
):
    session = window.session
    session.control.outer_step()
    session.link.pull()
    before = session.run
    create_run(tmp_path / "evening", Settings())
    assert window.files.opening.open(tmp_path / "evening")
    session.link.pull()
    assert session.run > before
    assert said(window) == ["The run evening is open, at outer step 0."]
    (back,) = window.banners.shown[0].buttons
    assert back.text() == "Back to the run before"
    press(qtbot, back)
    session.link.pull()
    assert worker_of(window).posted_of(commands.BringBack) == [commands.BringBack(before)]
    session.control.outer_step()
    session.link.pull()
    window.files.open_example()
    session.link.pull()
    assert said(window)[-1].startswith("The trained example is open, at outer step ")


def test_recent_files_are_remembered_and_offered(opened: Opener, tmp_path: Path):
    layout = tmp_path / "window.json"
    first = opened(layout)
    for name in ("a", "b"):
        create_run(tmp_path / name, Settings())
        drop(first, tmp_path / name)
    drop(first, tmp_path / "a")
    first.close()
    assert read_layout(layout).recent == (str(tmp_path / "a"), str(tmp_path / "b"))
    second = opened(layout)
    menu = second.file_menu()
    (recent,) = [one for one in menu.findChildren(QMenu) if one.title() == "Open recent"]
    paths = [action.text() for action in recent.actions()]
    assert paths == [str(tmp_path / "a"), str(tmp_path / "b")]
    recent.actions()[1].trigger()
    second.session.link.pull()
    assert worker_of(second).posted_of(commands.OpenRun) == [commands.OpenRun(str(tmp_path / "b"))]
    menu.deleteLater()
