"""Presenter mode: full screen, one row at hand, thick plots, the keys of a remote control."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from maml_explorer.files.resources import resources
from maml_explorer.gui.lessons.lesson_file import load_lesson
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.panels.pseudocode.panel import PseudocodePanel
from maml_explorer.gui.settings_form.fields import ChoiceField
from maml_explorer.gui.window.presenter import SETTLED
from maml_explorer.gui.window.stage_row import HINT
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import Opener, present, press, said

LESSONS = resources().joinpath("lessons")


@pytest.fixture
def presenting(opened: Opener, qtbot: QtBot) -> MainWindow:
    window = opened(size=(1280, 800))
    present(qtbot, window)
    return window


def scene_of(window: MainWindow, lesson: str, part: str) -> None:
    """Goes to the first scene of a lesson that points at a part."""
    window.lessons.start(load_lesson(LESSONS / f"{lesson}.toml"))
    while part not in window.lessons.scene.point_at:  # type: ignore[union-attr]
        window.lessons.forward()


def test_f5_fills_the_screen_and_escape_gives_it_back(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert window.isFullScreen() and window.appearance.presenting
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen() and not window.appearance.presenting
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.isVisible()


def test_the_whole_window_is_painted_once_it_has_its_size(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
):
    painted: list[bool] = []
    monkeypatch.setattr(
        window, "update", lambda: painted.append(window.appearance.presenting), raising=True
    )
    for presenting in (True, False):
        window.presenter.toggle()
        assert presenting not in painted
        qtbot.waitUntil(lambda presenting=presenting: presenting in painted)  # type: ignore[misc]


class Painted(QObject):
    """Writes down each way in which the window is painted."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.ways: list[tuple[object, ...]] = []
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint:
            parts, theme = self.window.columns.parts, self.window.session.theme
            shown = [(name, one.size()) for name, one in parts.items() if one.isVisible()]
            way = (self.window.size(), theme.points, *shown)
            self.ways += [way] if way not in self.ways else []
        return False


@pytest.mark.parametrize("code", [False, True])
def test_presenting_is_one_change_on_the_screen(opened: Opener, qtbot: QtBot, code: bool):
    # it went over the desk stretched, and over type of the size before
    window = opened(size=(1280, 800))
    window.columns.beside.wanted = code
    for _ in range(2):
        painted = Painted(window)
        qtbot.keyClick(window, Qt.Key.Key_F5)
        qtbot.waitUntil(lambda painted=painted: bool(painted.ways))  # type: ignore[misc]
        qtbot.wait(SETTLED + 200)
        assert len(painted.ways) == 1, painted.ways
        screen = window.screen().size()
        if window.appearance.presenting:
            assert window.size() == screen
            parts = window.columns.parts
            widths = [one.width() for one in parts.values() if one.isVisible()]
            assert not code or abs(widths[0] - widths[1]) <= 1
        window.removeEventFilter(painted)


def test_presenting_without_another_size_is_painted_too(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    window.toggle_full_screen()
    qtbot.wait(50)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(window.updatesEnabled)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(window.updatesEnabled)


def test_a_page_that_points_at_nothing_leaves_the_hero_its_room(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    window.columns.toggle_presenter()
    lessons = window.lessons
    lessons.start(next(one for one in lessons.shelf.shipped if "inner-loop" in one.name))
    window.session.link.pull()
    press(qtbot, lessons.strip.next_button)
    assert lessons.scene is not None and not lessons.scene.point_at
    assert window.columns.parts["Insight"].isHidden()
    lessons.leave()
    window.columns.toggle_presenter()


def test_the_end_of_a_lesson_leaves_the_hall_its_parts(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))

    def hidden() -> set[str]:
        return {title for title, part in window.columns.parts.items() if part.isHidden()}

    window.columns.show_tab("gradient")
    window.lessons.start(load_lesson(LESSONS / "07-instability.toml"))
    window.columns.toggle_presenter()
    window.lessons.forward()
    window.lessons.leave()
    assert hidden() == {"Settings", "Insight"}
    window.columns.reset_layout()
    assert hidden() == {"Settings", "Insight"}
    window.columns.toggle_presenter()
    assert hidden() == set()
    window.columns.toggle_presenter()
    assert hidden() == {"Settings", "Insight"}
    window.columns.toggle_presenter()


def test_presenting_leaves_a_full_screen_as_it_was(opened: Opener, qtbot: QtBot):
    window = opened()
    window.toggle_full_screen()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.isFullScreen() and not window.appearance.presenting


def test_escape_in_a_field_or_the_palette_is_theirs(presenting: MainWindow, qtbot: QtBot):
    presenting.show_palette()
    qtbot.keyClick(presenting.palette_overlay.search, Qt.Key.Key_Escape)
    assert not presenting.palette_overlay.isVisible()
    assert presenting.appearance.presenting


def test_alpha_is_at_hand_and_one_drag_is_one_undo_step(presenting: MainWindow):
    window = presenting
    bar = window.columns.stage_row
    assert bar.isVisible() and list(bar.rows) == ["inner_lr"]
    slider = bar.rows["inner_lr"].slider
    assert slider is not None
    before, count = window.session.settings.inner.inner_lr, window.session.editor.undo_stack.count()
    slider.sliderPressed.emit()
    for _ in range(3):
        slider.setValue(slider.value() + 10)
    assert window.session.settings.inner.inner_lr > before
    assert window.session.editor.undo_stack.count() == count + 1
    window.session.editor.undo_stack.undo()
    assert window.session.settings.inner.inner_lr == before
    x, y = 3 * slider.width() // 4, slider.height() // 2
    assert slider.value() < 5 * slider.maximum() // 8
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(x, y))
    assert (jumped := window.session.settings.inner.inner_lr) > before
    QTest.mouseMove(slider, QPoint(x + slider.width() // 8, y))
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(x + slider.width() // 8, y))
    assert window.session.settings.inner.inner_lr > jumped
    window.session.editor.undo_stack.undo()
    assert window.session.settings.inner.inner_lr == before, "the press is part of the drag"
    field = bar.rows["inner_lr"].field.widget
    assert isinstance(field, QLineEdit)
    field.setText("nonsense")
    field.editingFinished.emit()
    assert window.session.settings.inner.inner_lr == before


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 800)])
def test_a_page_on_stability_has_room_for_both_plots(
    presenting: MainWindow, qtbot: QtBot, size: tuple[int, int]
):
    # the lower plot took its 7.5 lines, the losses had 55 pixels, and buttons were cut below
    presenting.resize(*size)
    qtbot.wait(30)
    losses = presenting.columns.places["losses"].panel
    assert isinstance(losses, LossesPanel)
    lessons = presenting.lessons
    lessons.start(load_lesson(LESSONS / "07-instability.toml"))
    for _ in range(2):
        lessons.forward()
    qtbot.waitUntil(losses.trace.isVisible)
    qtbot.wait(50)
    assert abs(losses.plot.height() - losses.trace.height()) <= 1
    assert losses.plot.height() > 3.5 * losses.fontMetrics().lineSpacing()
    assert not losses.foot.isVisible()
    lessons.let_play()
    qtbot.wait(50)
    for choice in (losses.axis, losses.log_y, losses.stability, losses.log_x):
        if choice.isVisible():
            assert choice.height() >= choice.sizeHint().height()
    assert losses.plot.height() > 2 * losses.fontMetrics().lineSpacing()
    lessons.leave()


def test_pseudocode_is_as_large_as_its_panel_allows(presenting: MainWindow, qtbot: QtBot):
    presenting.resize(1920, 1080)
    presenting.columns.beside.want(True)
    panel = presenting.columns.places["pseudocode"].panel
    assert isinstance(panel, PseudocodePanel)
    qtbot.waitUntil(lambda: panel.text.font().pointSizeF() >= 1.3 * 12.0)
    assert panel.text.horizontalScrollBar().maximum() == 0
    presenting.columns.beside.want(False)


@pytest.mark.parametrize("size", [(1920, 1080), (2560, 1440), (1366, 768), (960, 540)])
def test_type_is_the_same_part_of_every_screen(
    presenting: MainWindow, qtbot: QtBot, size: tuple[int, int]
):
    theme = presenting.session.theme
    assert (theme.points, theme.line_scale) == (12.0, 1.6)
    presenting.resize(*size)
    qtbot.wait(30)
    part = min(size[0] / 1280, size[1] / 800)
    points = presenting.session.theme.points
    assert points == pytest.approx(max(12.0 * part, 9.0), abs=0.26)
    losses = presenting.columns.places["losses"].panel
    assert losses is not None
    axis = losses.plot.left  # type: ignore[attr-defined]
    assert axis.style["tickFont"].pointSizeF() == points == losses.font().pointSizeF()
    presenting.columns.toggle_presenter()
    assert presenting.session.theme.points == 9.0 and presenting.session.theme.line_scale == 1.0


def test_space_trains_once_a_value_was_entered(presenting: MainWindow, qtbot: QtBot):
    edit = presenting.columns.stage_row.rows["inner_lr"].field.widget
    assert isinstance(edit, QLineEdit)
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClicks(edit, "0.05")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert presenting.session.settings.inner.inner_lr == 0.05 and not edit.hasFocus()
    qtbot.keyClick(presenting, Qt.Key.Key_Space)
    assert presenting.session.link.running or presenting.session.control.steered


def test_the_line_just_taken_stands_under_the_hero(presenting: MainWindow, qtbot: QtBot):
    bar = presenting.columns.stage_row
    assert bar.line.full == HINT
    presenting.session.control.inner_step()
    presenting.session.link.pull()
    assert "inner step" in bar.line.full


def test_pseudocode_is_large_and_beside_the_hero(presenting: MainWindow, qtbot: QtBot):
    window, columns = presenting, presenting.columns
    small = 9.0
    qtbot.mouseClick(columns.stage_row.code, Qt.MouseButton.LeftButton)
    panel = columns.places["pseudocode"].panel
    assert panel is not None
    qtbot.waitUntil(panel.isVisible)
    qtbot.wait(30)
    assert not columns.parts["Losses"].isVisible() and columns.parts["Adaptation"].isVisible()
    assert panel.text.font().pointSizeF() > window.session.theme.points > small  # type: ignore[attr-defined]
    assert window.width() == 1280
    assert columns.parts["Insight"].width() >= 420
    qtbot.mouseClick(columns.stage_row.code, Qt.MouseButton.LeftButton)
    assert columns.parts["Losses"].isVisible() and columns.parts["Insight"].isHidden()
    # leaving with the pseudocode open leaves the desk as it was
    qtbot.mouseClick(columns.stage_row.code, Qt.MouseButton.LeftButton)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert columns.parts["Insight"].parentWidget() is columns.splitters["centre"]
    assert columns.tabs.tabBar().isVisible() and not columns.stage_row.code.isChecked()
    assert columns.hidden_parts == ()
    assert not columns.stage_row.isVisible()


def test_the_pseudocode_is_there_again_and_leaves_for_what_a_lesson_shows(
    presenting: MainWindow, qtbot: QtBot
):
    columns = presenting.columns
    insight, losses = columns.parts["Insight"], columns.parts["Losses"]
    qtbot.mouseClick(columns.stage_row.code, Qt.MouseButton.LeftButton)
    qtbot.keyClick(presenting, Qt.Key.Key_F5)
    assert not columns.stage_row.code.isChecked()
    qtbot.waitUntil(losses.isVisible)  # a window gets the size of the desk back a little later
    qtbot.keyClick(presenting, Qt.Key.Key_F5)
    assert columns.stage_row.code.isChecked() and losses.isHidden()
    qtbot.waitUntil(insight.isVisible)  # and the size of the screen too
    presenting.lessons.start(load_lesson(LESSONS / "03-inner-loop.toml"))
    assert insight.isVisible() and losses.isHidden()
    scene_of(presenting, "07-instability", "losses")
    assert losses.isVisible() and insight.isHidden() and not columns.stage_row.code.isChecked()
    presenting.lessons.leave()


def test_the_view_menu_ticks_what_is_on(presenting: MainWindow):
    def ticked() -> dict[str, bool]:
        return {
            action.objectName(): action.isChecked()
            for action in presenting.view_menu().actions()
            if action.objectName() and action.isCheckable()
        }

    full = presenting.isFullScreen()
    assert ticked() == {"simple": False, "presenter": True, "full_screen": full}
    presenting.presenter.escape()
    presenting.showNormal()
    assert ticked() == {"simple": False, "presenter": False, "full_screen": False}
    presenting.toggle_full_screen()
    presenting.columns.toggle_simple()
    assert ticked() == {"simple": True, "presenter": False, "full_screen": True}
    presenting.columns.toggle_simple()


def test_a_setting_that_a_lesson_points_at_is_a_row(presenting: MainWindow, qtbot: QtBot):
    columns = presenting.columns
    scene_of(presenting, "09-reptile", "settings.reptile_step")
    row = columns.stage_row.rows["reptile_step"]
    qtbot.waitUntil(lambda: row.isVisible() and row in presenting.lessons.frames.framed)
    assert columns.parts["Settings"].isHidden() and columns.parts["Insight"].isHidden()
    for title in ("Adaptation", "Adaptation speed"):
        assert columns.parts[title].isVisible()
    presenting.lessons.leave()
    assert list(columns.stage_row.rows) == ["inner_lr"]


@pytest.mark.parametrize("size", [(1280, 800), (1366, 768), (1920, 1080)])
def test_settings_at_hand_have_whole_names_that_differ(
    presenting: MainWindow, qtbot: QtBot, size: tuple[int, int]
):
    presenting.resize(*size)
    shown = set[tuple[str, ...]]()
    for file in sorted(LESSONS.glob("*.toml")):
        for scene in load_lesson(file).scenes:
            found = (at.split(".")[1] for at in scene.point_at if at.startswith("settings."))
            shown.add(tuple(found))
    assert ("reptile_inner_steps", "reptile_batch") in shown
    stage = presenting.columns.stage_row
    for keys in sorted(shown - {()}):
        stage.show_settings(keys)
        qtbot.wait(20)
        names = [row.name for row in stage.rows.values()]
        for name in names:
            # the whole, or the short one
            words = name.fontMetrics().horizontalAdvance(name.text())
            assert "…" not in name.text() and words <= name.width(), name.full
        assert "" not in {name.text() for name in names}
        assert len({name.text() for name in names}) == len(keys)
        for row in stage.rows.values():
            if isinstance(row.field, ChoiceField):
                assert row.field.widget.width() >= row.field.widget.sizeHint().width()


def test_presenting_in_the_middle_of_a_lesson_points_anew(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    scene_of(window, "07-instability", "settings.inner_lr")
    assert window.columns.stage_row.isHidden()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    row = window.columns.stage_row.rows["inner_lr"]
    qtbot.waitUntil(lambda: row in window.lessons.frames.framed)
    qtbot.waitUntil(window.columns.parts["Losses"].isVisible)


def test_the_remote_runs_a_lesson_only_while_presenting(opened: Opener, qtbot: QtBot):
    window = opened()
    window.lessons.take_tour()
    first = window.lessons.scene
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    assert window.lessons.scene is first
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    assert window.lessons.scene is not first
    qtbot.keyClick(window, Qt.Key.Key_PageUp)
    assert window.lessons.scene is first
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert said(window) == ["Presenting has ended. The lesson goes on here: F5 presents it again."]
    window.banners.shown[0].buttons[0].click()
    assert window.appearance.presenting and window.banners.shown == []


def test_b_blanks_and_any_key_shows_again(presenting: MainWindow, qtbot: QtBot):
    blank = presenting.presenter.blanked
    qtbot.keyClick(presenting, Qt.Key.Key_B)
    assert blank.isVisible() and blank.size() == presenting.size()
    assert blank.cursor().shape() is Qt.CursorShape.BlankCursor, "nothing is to be seen on it"
    assert blank.grab().toImage().pixelColor(400, 300).lightness() == 0
    seed = presenting.session.settings.run.seed
    qtbot.keyClick(blank, Qt.Key.Key_T)
    assert not blank.isVisible() and presenting.appearance.presenting
    assert presenting.session.settings.run.seed == seed


def test_lines_and_points_are_thicker_in_every_plot(opened: Opener, qtbot: QtBot):
    window = opened()
    adaptation, losses = (window.columns.places[n].panel for n in ("adaptation", "losses"))
    assert adaptation is not None and losses is not None
    canvas, plot = adaptation.canvas, losses.plot  # type: ignore[attr-defined]

    def widths() -> tuple[float, float, float]:
        point = max(canvas.curves.support.data["size"])
        own = plot.arm_pen(plot_style(), 1.8).widthF()
        return point, own, plot.pen("#000000").widthF()

    def plot_style():  # type: ignore[no-untyped-def]
        from maml_explorer.gui.style.arm_style import arm_style

        return arm_style(window.session.settings, "MAML", window.session.theme)

    desk = widths()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    # by as much as the theme says; how much that is: `test_type_is_the_same_part_of_every_screen`
    thicker = window.session.theme.line_scale
    assert thicker >= 1.6
    assert [large / small for large, small in zip(widths(), desk, strict=True)] == pytest.approx(
        [thicker] * 3
    )
