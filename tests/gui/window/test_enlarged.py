"""The insight over the whole window, by a key or a double click on a tab."""

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from maml_explorer.gui.window.window import MainWindow


def test_a_double_click_on_a_tab_gives_it_the_room_and_gives_it_back(
    window: MainWindow, qtbot: QtBot
):
    columns = window.columns
    columns.toggle_part("Losses")
    bar = columns.tabs.tabBar()
    before = columns.parts["Insight"].height()
    place = bar.tabRect(1).center()
    qtbot.mouseDClick(bar, Qt.MouseButton.LeftButton, pos=place)
    qtbot.wait(30)
    seen = [title for title, part in columns.parts.items() if part.isVisible()]
    assert seen == ["Insight"]
    assert columns.parts["Insight"].height() > 1.5 * before
    assert columns.hidden_parts == ("Losses",), "what is remembered is the desk"
    qtbot.keyClick(window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert columns.hidden_parts == ("Losses",) and columns.parts["Adaptation"].isVisible()


def test_presenting_ends_it(window: MainWindow, qtbot: QtBot):
    window.columns.enlarge_insight()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert window.columns.parts["Adaptation"].isVisible()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.columns.hidden_parts == ()
