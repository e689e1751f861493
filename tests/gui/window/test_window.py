"""The window as a whole, with a worker that answers at once."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSlider,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from maml_explorer.files.reader import StorageError
from maml_explorer.gui import panels
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import open_window
from maml_explorer.gui.files.autosave_choice import Autosave
from maml_explorer.gui.panels import PANELS, PanelEntry
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.time_left import TimeLeft, duration
from maml_explorer.gui.settings_form.row import SettingRow
from maml_explorer.gui.style.theme import DARK, LIGHT
from maml_explorer.gui.window.remembered_layout import WindowLayout, read_layout, write_layout
from maml_explorer.gui.window.run_bar import speed_limit
from maml_explorer.gui.window.status_text import status_text
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.presets import presets
from maml_explorer.settings.settings import Settings
from tests.gui.driving import Opener, press, worker_of
from tests.gui.fake_worker import FakeWorker


def test_the_train_button_trains_and_pauses(window: MainWindow, qtbot: QtBot):
    press(qtbot, window.run_bar.train)
    window.session.link.pull()
    assert "Pause" in window.run_bar.train.text()
    # how long it takes is not known in the first seconds
    assert window.status.text().startswith("Training · outer step 40 of 70\u202f000 · 1\u202f950")
    clock = iter((0.0, 4.9, 5.1))
    left = TimeLeft(lambda: next(clock))
    assert [left.words(window.session.status, 70_000) for _ in range(2)] == ["", " · 36 s left"]
    assert window.status.text().endswith("1\u202f950 steps/s · CPU")
    press(qtbot, window.run_bar.train)
    window.session.link.pull()
    assert "Train" in window.run_bar.train.text()
    assert window.status.text().startswith("Paused")


@pytest.mark.parametrize("size", ["", "large", "largest"])
def test_nothing_moves_where_the_words_of_the_train_button_change(
    window: MainWindow, qtbot: QtBot, size: str
):
    window.columns.set_text_size(size)
    bar, places = window.run_bar, []
    words = {"Train": reports.Phase.PAUSED, "Pause": reports.Phase.RUNNING,
             "Continue": reports.Phase.FINISHED}  # fmt: skip
    for word, phase in words.items():
        bar._show_status(replace(window.session.status, phase=phase))
        qtbot.wait(20)
        assert word in bar.train.text()
        assert bar.train.width() >= bar.train.minimumSizeHint().width()
        places.append([(bar.train.width(), one.x()) for one in bar.controls.values()])
    assert places[0] == places[1] == places[2]


@pytest.mark.parametrize(
    ("key", "modifier", "command"),
    [
        (Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, commands.Train),
        (Qt.Key.Key_N, Qt.KeyboardModifier.NoModifier, commands.TakeOuterStep),
        (Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier, commands.TakeInnerStep),
        (Qt.Key.Key_T, Qt.KeyboardModifier.NoModifier, commands.ProbeTask),
        (Qt.Key.Key_P, Qt.KeyboardModifier.NoModifier, commands.ProbeTask),
    ],
)
def test_shortcuts(
    window: MainWindow, qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier, command: type
):
    before = len(worker_of(window).posted_of(command))
    qtbot.keyClick(window, key, modifier)
    assert len(worker_of(window).posted_of(command)) == before + 1


def test_space_and_letters_are_typed_in_a_field(window: MainWindow, qtbot: QtBot):
    window.columns.form.search.setFocus()
    before = list(worker_of(window).posted)
    qtbot.keyClicks(window.columns.form.search, "n t p")
    assert window.columns.form.search.text() == "n t p"
    assert worker_of(window).posted == before


def test_space_presses_the_button_that_has_the_focus(window: MainWindow, qtbot: QtBot):
    window.run_bar.new_seed.setFocus()
    qtbot.keyClick(window.run_bar.new_seed, Qt.Key.Key_Space)
    assert not worker_of(window).posted_of(commands.Train)
    assert worker_of(window).settings.run.seed == 1


def test_space_trains_after_a_click_on_another_button(window: MainWindow, qtbot: QtBot):
    press(qtbot, window.run_bar.outer_step)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert len(worker_of(window).posted_of(commands.Train)) == 1


def test_a_click_on_train_takes_over_what_is_being_typed(window: MainWindow, qtbot: QtBot):
    line = window.columns.form.row("inner_lr").fields["inner_lr"].widget
    assert isinstance(line, QLineEdit)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "0.2")
    press(qtbot, window.run_bar.train)
    assert worker_of(window).settings.inner.inner_lr == 0.2


def test_undo_by_key_after_typing_a_setting(window: MainWindow, qtbot: QtBot):
    line = window.columns.form.row("inner_lr").fields["inner_lr"].widget
    assert isinstance(line, QLineEdit)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "0.2")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.keyClick(line, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert worker_of(window).settings.inner.inner_lr == 0.01
    qtbot.keyClick(line, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert worker_of(window).settings.inner.inner_lr == 0.2


def test_the_speed_slider_limits(window: MainWindow, qtbot: QtBot):
    slider = window.run_bar.speed
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert worker_of(window).posted[-1] == commands.LimitSpeed(1.0)
    assert window.run_bar.speed_limit.text() == "≤ 1/s"
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert worker_of(window).posted[-1] == commands.LimitSpeed(None)
    assert not window.run_bar.speed_limit.isVisible()


def test_speed_limits_rise():
    limits = [speed_limit(position) for position in range(100)]
    assert limits[0] == 1.0
    assert limits[-1] == 10_000.0
    assert limits == sorted(limits, key=lambda limit: limit or 0.0)


def test_a_preset_is_loaded_and_marked_when_changed(window: MainWindow, qtbot: QtBot):
    box = window.run_bar.preset
    assert box.currentData() == "finn-10-shot"
    box.setCurrentIndex(box.findData("learn2learn-sine"))
    box.activated.emit(box.currentIndex())
    assert window.session.editor.edited == presets()["learn2learn-sine"].settings
    assert not window.run_bar.dot.shown
    window.session.editor.edit({"inner_lr": 0.3})
    assert window.run_bar.dot.shown
    assert box.currentData() == "learn2learn-sine"


def test_divergence_is_a_banner_with_a_way_on(window: MainWindow, qtbot: QtBot):
    worker = worker_of(window)
    worker.report(reports.Diverged(1, "ANIL", 120, 100, "ANIL diverged at outer step 120."))
    window.session.link.pull()
    (banner,) = window.banners.shown
    assert banner.isVisible()
    assert banner.text.full == "ANIL diverged at step 120."
    words = [button.text() for button in banner.buttons]
    assert words == ["Set all arms back", "Halve α to 0.005"]
    press(qtbot, banner.buttons[1])
    assert worker.settings.inner.inner_lr == 0.005
    assert banner not in window.banners.shown


def test_going_back_posts_and_clears(window: MainWindow, qtbot: QtBot):
    worker = worker_of(window)
    worker.report(reports.Diverged(1, "MAML", 120, 100, "MAML diverged."))
    window.session.link.pull()
    press(qtbot, window.banners.shown[0].buttons[0])
    assert worker.posted_of(commands.BackToLastGood)


def test_failure_offers_restart_and_details(window: MainWindow, qtbot: QtBot):
    worker_of(window).report(reports.Failed(1, "RuntimeError: no memory.", "Traceback: line 1"))
    window.session.link.pull()
    (banner,) = window.banners.shown
    assert "RuntimeError: no memory." in banner.text.full
    press(qtbot, banner.buttons[1])
    assert "Traceback: line 1" in QApplication.clipboard().text()
    worker_of(window).report(reports.Failed(1, "Again.", ""))
    window.session.link.pull()
    press(qtbot, window.banners.shown[0].buttons[0])
    window.session.link.pull()
    assert window.session.run == 2
    assert not window.banners.shown


def test_banners_are_few_and_one_for_each_subject(window: MainWindow):
    for number in range(6):
        window.banners.say(f"subject {number}", f"Message {number}")
    window.banners.say("subject 5", "Message five")
    texts = [banner.text.full for banner in window.banners.shown]
    assert texts == ["Message 3", "Message 4", "Message five"]


def test_exporting_posts_and_says_where(window: MainWindow, qtbot: QtBot, tmp_path: Path):
    window.export()
    dialog = window.findChild(QWidget, "export")
    assert dialog is not None and dialog.isVisible()
    dialog.arm.setCurrentText("FO-MAML")  # type: ignore[attr-defined]
    dialog.folder.setText(str(tmp_path / "out"))  # type: ignore[attr-defined]
    press(qtbot, dialog.export)  # type: ignore[attr-defined]
    assert worker_of(window).posted[-1] == commands.ExportInitialization(
        "FO-MAML", str(tmp_path / "out"), False
    )
    window.session.link.pull()
    assert window.banners.shown[0].text.full.startswith("The initialization of FO-MAML was")


def test_a_report_is_asked_for_and_said(window: MainWindow, qtbot: QtBot, tmp_path: Path):
    worker = worker_of(window)

    def texts() -> list[str]:
        return [banner.text.full for banner in window.banners.shown]

    assert window.session.editor.preset is not None
    window.actions_table["report"].trigger()
    line = window.files.ask.line
    assert "finn-10-shot-" in line.text() and line.text().endswith(".html")
    line.setText(str(tmp_path / "r.html"))
    qtbot.keyClick(line, Qt.Key.Key_Return)
    asked = worker.posted[-1]
    assert asked == commands.Reproduce(window.session.editor.preset, str(tmp_path / "r.html"))
    worker.report(reports.Exported(reports.Written.REPORT, asked.file))
    window.session.link.pull()
    assert f"The report was written to {asked.file}." in " ".join(texts())
    window.actions_table["compare"].trigger()
    assert worker.posted[-1] == commands.Reproduce(window.session.editor.preset)
    qtbot.waitUntil(lambda: any(text.startswith("Comparing: measuring") for text in texts()))
    worker.report(reports.Compared(window.session.run, 0, window.session.editor.preset, (), ()))
    window.session.link.pull()
    assert not any(text.startswith("Comparing") for text in texts())
    window.session.editor.preset = None
    for name in ("compare", "report"):
        window.actions_table[name].trigger()
        assert "Choose a preset first" in texts()[-1]
    assert len(worker.posted_of(commands.Reproduce)) == 2


def test_exporting_over_a_folder_needs_consent(window: MainWindow, tmp_path: Path):
    (tmp_path / "there.txt").write_text("mine")
    window.export()
    dialog = window.findChild(QWidget, "export")
    assert dialog is not None
    dialog.folder.setText(str(tmp_path))  # type: ignore[attr-defined]
    assert not dialog.export.isEnabled()  # type: ignore[attr-defined]
    dialog.overwrite.click()  # type: ignore[attr-defined]
    assert dialog.export.isEnabled()  # type: ignore[attr-defined]
    dialog.close()


class Broken(QWidget):
    """A panel that draws, then fails when told."""

    title = "Broken"

    def __init__(self, session: Session) -> None:
        super().__init__()
        if session.run < 0:
            raise ValueError("never built")

    def fail(self) -> None:
        raise ValueError("no curve")


def test_a_panel_that_cannot_be_built_leaves_its_error(
    opened: Opener, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(PANELS, "losses", PanelEntry("nothing", "Losses", panels.RIGHT, "None"))
    window = opened()
    place = next(place for place in window.columns.places.values() if place.entry.name == "nothing")
    assert place.failed
    texts = [label.text() for label in place.findChildren(QLabel)]
    assert any("Losses could not be shown" in text for text in texts)
    # the rest goes on
    press(qtbot, window.run_bar.train)
    window.session.link.pull()
    assert window.status.text().startswith("Training")


def test_a_panel_that_fails_later_is_replaced_and_can_be_tried_again(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
):
    place = window.columns.places["losses"]
    broken = Broken(window.session)
    monkeypatch.setattr(PanelEntry, "build", lambda self, session: broken)
    place.build()
    try:
        broken.fail()
    except ValueError as error:
        assert window.panel_failed(error)
    assert place.failed
    assert not window.columns.places["adaptation"].failed
    again = Broken(window.session)
    monkeypatch.setattr(PanelEntry, "build", lambda self, session: again)
    press(qtbot, next(b for b in place.findChildren(QAbstractButton) if b.text() == "Try again"))
    assert place.panel is again
    assert not window.panel_failed(ValueError("from elsewhere"))


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_that_was_replaced_hears_of_nothing(window: MainWindow, qtbot: QtBot, name: str):
    session, place = window.session, window.columns.places[name]
    window.columns.show_tab(name)
    gone = place.panel
    assert gone is not None
    place.fail(ValueError("a picture went wrong"))
    QCoreApplication.sendPostedEvents(gone, QEvent.Type.DeferredDelete)
    assert not isValid(gone)
    with qtbot.captureExceptions() as raised:
        session.control.train()
        session.link.pull()
        session.task.new_task()
        session.editor.edit({"test_steps": 7})
        session.control.pause()
        session.link.pull()
        session.measured.compared.emit(None)
        session.link.refused.emit(reports.Refused(reports.Unasked.TRAINING, "It cannot."))
        session.set_theme(DARK)
        session.control.restart()
        session.link.pull()
    assert not raised, raised


def test_losses_outlive_the_panel_that_showed_them(window: MainWindow):
    window.session.control.train()
    window.session.link.pull()
    place = window.columns.places["losses"]
    place.fail(ValueError("a picture went wrong"))
    window.session.link.pull()
    place.build()
    plot = place.panel.plot  # type: ignore[union-attr]
    plot.draw()
    assert plot.drawn["MAML"].x[-1] == 80, "what arrived meanwhile is there as well"
    assert len(plot.history.traces["MAML", "outer"]) == 80


@pytest.mark.parametrize("entry", PANELS.values(), ids=PANELS)
def test_every_panel_in_the_table_is_there(window: MainWindow, entry: PanelEntry):
    window.columns.show_tab(entry.name)
    place = window.columns.places[entry.name]
    assert place.panel is not None and not place.failed
    assert getattr(place.panel, "title", entry.title) == entry.title


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_nothing_is_cut(opened: Opener, qtbot: QtBot, size: tuple[int, int]):
    window = opened(size=size)
    press(qtbot, window.run_bar.train)
    window.session.link.pull()
    qtbot.wait(30)
    assert (window.width(), window.height()) == size
    ground = window.centralWidget()
    for child in ground.findChildren(QWidget):
        if not child.isVisible() or window.columns.form.area.isAncestorOf(child):
            continue
        if isinstance(child, QAbstractButton | QComboBox | QSlider | QLabel):
            right = child.mapTo(ground, QPoint(child.width(), child.height()))
            assert right.x() <= ground.width(), child
            assert right.y() <= ground.height(), child
        if isinstance(child, QAbstractButton) and child.text():
            assert child.width() >= child.minimumSizeHint().width(), child.text()


def test_only_the_form_scrolls(window: MainWindow):
    areas = [area for area in window.findChildren(QScrollArea) if area.isVisible()]
    assert areas == [window.columns.form.area]
    for other in window.findChildren(QAbstractScrollArea):
        if other is not window.columns.form.area and other.isVisible():
            assert other.verticalScrollBar().maximum() == 0
    assert window.columns.form.area.horizontalScrollBar().maximum() == 0


def test_every_control_is_named_and_reachable(window: MainWindow):
    for kind in (QAbstractButton, QComboBox, QSlider, QLineEdit):
        for control in window.run_bar.findChildren(kind) + window.columns.form.findChildren(kind):
            if control.objectName() == "qt_spinbox_lineedit":
                continue
            text = getattr(control, "text", lambda: "")()
            assert control.accessibleName() or text, control
            assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control.accessibleName()


def test_the_layout_is_remembered(opened: Opener, tmp_path: Path, qtbot: QtBot):
    path = tmp_path / "config" / "window.json"
    first = opened(path)
    first.columns.splitters["columns"].setSizes([400, 500, 340])
    first.columns.tabs.setCurrentIndex(1)
    first.columns.parts["Losses"].hide()
    first.appearance.use("dark")
    first.resize(1300, 820)
    sizes = first.columns.splitters["columns"].sizes()
    first.close()
    remembered = read_layout(path)
    assert remembered.geometry[2:] == (1300, 820)
    second = open_window(FakeWorker(), Options(), path)
    second.show()
    qtbot.waitExposed(second)
    assert (second.width(), second.height()) == (1300, 820)
    assert second.columns.splitters["columns"].sizes() == pytest.approx(sizes, abs=3)
    assert second.columns.tabs.currentIndex() == 1
    assert second.columns.parts["Losses"].isHidden()
    assert second.session.theme is DARK
    second.columns.reset_layout()
    assert not second.columns.parts["Losses"].isHidden()
    second.appearance.use("")
    second.close()
    second.deleteLater()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"schema": 99}', '{"schema": 1, "geometry": [1e400, 0, 0, 0]}',
     '{"schema": 1, "splitters": {"columns": ["x"]}}', "[" * 30_000],
)  # fmt: skip
def test_a_layout_that_cannot_be_read_is_set_aside(opened: Opener, tmp_path: Path, text: str):
    path = tmp_path / "window.json"
    path.write_text(text)
    window = opened(path)
    (banner,) = window.banners.shown
    assert "was not used" in banner.text.full
    assert (tmp_path / "window.unreadable.json").read_text() == text
    window.close()
    assert json.loads(path.read_text())["schema"] == 1


def test_a_program_that_is_killed_has_remembered_its_layout(opened: Opener, tmp_path: Path):
    path = tmp_path / "window.json"
    window = opened(path)
    window.appearance.use("dark")
    assert read_layout(path).theme == "dark"
    window.columns.set_text_size("large")
    assert read_layout(path).text_size == "large"
    window.columns.hide_parts(("Losses",))
    window.welcome.finish()
    window.remember()  # as the program does now and then
    kept = read_layout(path)
    assert (kept.theme, kept.text_size, kept.hidden) == ("dark", "large", ("Losses",))
    assert kept.welcomed
    path.unlink()
    window.remember()
    assert not path.exists()  # nothing is new
    window.appearance.present(True)
    window.columns.hide_parts(())
    window.remember()
    assert not path.exists()
    window.appearance.present(False)


def test_layouts_round_trip(tmp_path: Path):
    path = tmp_path / "window.json"
    layout = WindowLayout(
        (-5, 3, 900, 700), True, {"columns": (1, 2, 3)}, ("Losses",), "tasks", "dark", "large",
        ("/a/run",), True, Autosave(15, 10), "/a/images",
    )  # fmt: skip
    assert all(value != getattr(WindowLayout(), name) for name, value in vars(layout).items())
    write_layout(path, layout)
    assert read_layout(path) == layout
    # what is not offered, or of an older version, is the usual choice
    for older in ('"autosave": {"minutes": 3, "percent": "x"}', '"autosave": 7', '"tab": "tasks"'):
        path.write_text(f'{{"schema": 1, {older}}}')
        assert read_layout(path).autosave == Autosave(2, 2)
    path.write_text('{"schema": 2}')
    with pytest.raises(StorageError, match="schema"):
        read_layout(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StorageError):
        read_layout(path)
    assert read_layout(tmp_path / "none.json") == WindowLayout()


def test_the_view_menu_hides_shows_and_dresses(window: MainWindow):
    def choose(words: str) -> None:
        menu = window.view_menu()
        next(action for action in menu.actions() if action.text() == words).trigger()
        menu.deleteLater()

    choose("Adaptation speed")
    assert window.columns.parts["Adaptation speed"].isHidden()
    choose("Dark theme")
    assert window.session.theme is DARK
    assert DARK.card in QApplication.instance().styleSheet()  # type: ignore[union-attr]
    choose("Light theme")
    assert window.session.theme is LIGHT
    choose("System theme")
    choose("Reset layout")
    assert not window.columns.parts["Adaptation speed"].isHidden()


def test_closing_ends_the_worker(window: MainWindow):
    window.close()
    assert not worker_of(window).alive
    assert not window.session.link.pace.timer.isActive()


def test_windows_that_were_closed_are_gone(opened: Opener, qapp: QApplication):
    def sizes() -> tuple[int, int]:
        window = open_window(FakeWorker(), Options(safe_mode=True))
        window.show()
        window.session.start()
        window.session.link.pull()
        window.close()
        window.deleteLater()
        del window
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # type: ignore[arg-type]
        qapp.processEvents()
        gc.collect()
        return len(qapp.allWidgets()), len(gc.get_objects())

    before = [sizes() for _ in range(3)][-1]
    after = [sizes() for _ in range(5)][-1]
    assert after[0] == before[0]
    assert after[1] - before[1] < 100


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (26, "26 s"), (100, "2 min"), (6000, "1 h 40 min"), (1e6, "12 days")],
)
def test_durations_in_words(seconds: float, words: str):
    assert duration(seconds) == words


def test_the_status_line_before_the_first_report_and_at_the_end():
    assert status_text(None).startswith("Loading")
    done = reports.Status(1, reports.Phase.FINISHED, 70_000, Settings(), 0.0, "cpu")
    assert status_text(done) == "Finished · outer step 70\u202f000 of 70\u202f000 · CPU"
    beyond = reports.Status(1, reports.Phase.PAUSED, 75_713, Settings(), 0.0, "cpu")
    assert "outer step 75\u202f713 (70\u202f000 planned)" in status_text(beyond)


def test_importing_the_gui_loads_no_torch():
    code = (
        "import sys, maml_explorer.gui.app.startup, maml_explorer.worker.handle;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_start_styles_a_line_of_the_form_seldom(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each new parent of what it lies in: eight times where it is built first."""
    told: Counter[SettingRow] = Counter()

    def count(line: SettingRow, event: QEvent) -> None:
        told[line] += event.type() is QEvent.Type.StyleChange

    monkeypatch.setattr(SettingRow, "changeEvent", count)
    opened()
    assert told and max(told.values()) <= 4
