"""The insight beside the hero while presenting; its button is lit while the pseudocode is seen."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from maml_explorer.gui.lessons.lesson_file import load_lesson
from maml_explorer.gui.panels.insight.tab import InsightTab
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import Opener, present
from tests.gui.window.test_presenter import LESSONS, scene_of


@pytest.fixture
def presenting(opened: Opener, qtbot: QtBot) -> MainWindow:
    window = opened(size=(1280, 800))
    present(qtbot, window)
    return window


def test_a_lit_button_means_that_the_pseudocode_is_seen(presenting: MainWindow, qtbot: QtBot):
    columns = presenting.columns
    code = columns.places["pseudocode"]

    def lit_and_seen() -> tuple[bool, bool]:
        seen = columns.tabs.currentWidget() is code and columns.parts["Insight"].isVisible()
        return columns.stage_row.code.isChecked(), seen

    columns.prepare_tab("tasks")
    qtbot.mouseClick(columns.stage_row.code, Qt.MouseButton.LeftButton)
    assert lit_and_seen() == (True, True) and columns.open_tab == "tasks"
    columns.prepare_tab("runs")  # as a lesson's view does
    assert lit_and_seen() == (True, True)
    scene_of(presenting, "05-first-order", "tab.gradient.parts")
    assert lit_and_seen() == (False, False) and columns.open_tab == "gradient"
    presenting.lessons.leave()
    assert lit_and_seen() == (True, True)
    columns.show_tab("map")
    assert lit_and_seen() == (False, False) and columns.open_tab == "map"
    columns.beside.want(False)
    scene_of(presenting, "04-outer-loop", "tab.pseudocode.sample")
    assert lit_and_seen() == (True, True)
    presenting.lessons.leave()
    assert lit_and_seen() == (False, False)


def test_pointing_at_a_line_leaves_the_keys_to_the_window(presenting: MainWindow, qtbot: QtBot):
    qtbot.mouseClick(presenting.columns.stage_row.code, Qt.MouseButton.LeftButton)
    text = presenting.columns.places["pseudocode"].panel.text  # type: ignore[union-attr]
    qtbot.mouseClick(text.viewport(), Qt.MouseButton.LeftButton)
    assert not text.hasFocus() and not text.textInteractionFlags()
    qtbot.keyClick(presenting.focusWidget() or presenting, Qt.Key.Key_Space)
    assert presenting.session.link.running or presenting.session.control.steered
    presenting.presenter.toggle()
    assert text.textInteractionFlags(), "at the desk it can be copied"


def test_page_down_takes_an_inner_step_where_no_lesson_runs(presenting: MainWindow, qtbot: QtBot):
    qtbot.keyClick(presenting, Qt.Key.Key_PageDown)
    presenting.session.link.pull()
    assert presenting.session.link.last_part is not None


def test_a_tab_looks_into_the_arm_that_a_page_speaks_of(presenting: MainWindow):
    presenting.lessons.start(load_lesson(LESSONS / "10-learned-rates.toml"))
    scene_of(presenting, "10-learned-rates", "tab.network.learned")
    panel = presenting.columns.places["network"].panel
    assert isinstance(panel, InsightTab)
    assert (panel.shown, panel.arm_choice.currentText()) == ("Learned", "Meta-SGD")
    presenting.lessons.leave()


def test_page_down_once_too_often_takes_no_step_after_a_lesson(
    presenting: MainWindow, qtbot: QtBot
):
    lessons, link = presenting.lessons, presenting.session.link
    shown = load_lesson(LESSONS / "05-first-order.toml")
    lessons.start(shown)
    for _ in shown.scenes:
        lessons.forward()
    lessons.leave()  # its last page is closed
    for _ in range(3):
        qtbot.keyClick(presenting, Qt.Key.Key_PageDown)
        link.pull()
        assert link.last_part is None
    qtbot.waitUntil(lambda: not lessons.after.rests)
    qtbot.keyClick(presenting, Qt.Key.Key_PageDown)
    link.pull()
    assert link.last_part is not None


def test_a_tab_stands_beside_the_hero_which_keeps_its_height(presenting: MainWindow, qtbot: QtBot):
    columns = presenting.columns
    hero, insight, losses, speed = (
        columns.parts[title] for title in ("Adaptation", "Insight", "Losses", "Adaptation speed")
    )
    presenting.lessons.start(load_lesson(LESSONS / "05-first-order.toml"))
    strip = presenting.lessons.strip
    qtbot.waitUntil(lambda: strip.height() == strip.sizeHint().height())
    whole = hero.height()
    scene_of(presenting, "05-first-order", "tab.gradient.parts")
    qtbot.wait(20)
    assert insight.isVisible() and hero.height() == insight.height() == whole
    assert losses.isHidden() and speed.isHidden()
    assert not columns.stage_row.code.isChecked() and columns.tabs.tabBar().isVisible()
    scene_of(presenting, "08-batch-norm", "tab.network.norm")  # points at the speed, too
    qtbot.wait(20)
    assert speed.isVisible() and losses.isHidden() and insight.height() > speed.height() > 100
    assert columns.places["network"].panel.shown == "Norm"  # type: ignore[union-attr]
    scene_of(presenting, "05-first-order", "losses")
    assert losses.isVisible() and speed.isVisible() and insight.isHidden()
    presenting.lessons.leave()
    qtbot.keyClick(presenting, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier)
    qtbot.wait(20)
    assert insight.isVisible() and columns.open_tab == "runs" and losses.isHidden()
    assert insight.parentWidget() is columns.splitters["right"]
    columns.toggle_part("Insight")
    assert losses.isVisible() and speed.isVisible() and insight.isHidden()
    columns.toggle_part("Insight")
    assert insight.isVisible() and losses.isHidden()
    presenting.presenter.toggle()
    assert insight.parentWidget() is columns.splitters["centre"] and losses.isVisible()


@pytest.mark.parametrize("name", ["04-outer-loop", "08-batch-norm"])
def test_panels_keep_their_place_from_page_to_page(presenting: MainWindow, qtbot: QtBot, name: str):
    # with the pseudocode wanted, the hero was wider or narrower by turns, and the adaptation
    # speed stood above the insight on one page and at the foot of the column on the next
    columns = presenting.columns
    widths = columns.sizes()
    qtbot.mouseClick(columns.stage_row.code, Qt.MouseButton.LeftButton)
    lesson = load_lesson(LESSONS / f"{name}.toml")
    presenting.lessons.start(lesson)
    places: dict[str, set[tuple[int, int, bool]]] = {}
    for nth in range(len(lesson.scenes)):
        if nth:
            presenting.lessons.forward()
        qtbot.wait(50)
        for title, part in columns.parts.items():
            if part.isVisible():
                at = part.mapTo(columns, QPoint(0, 0))
                foot = part.height() < columns.height() and at.y() > 0.3 * columns.height()
                places.setdefault(title, set()).add((at.x(), part.width(), foot))
    assert {"Adaptation", "Losses", "Adaptation speed", "Insight"} <= places.keys()
    assert all(len(found) == 1 for found in places.values()), places
    presenting.lessons.leave()
    qtbot.mouseClick(columns.stage_row.code, Qt.MouseButton.LeftButton)
    qtbot.wait(50)
    assert columns.sizes() == widths
