"""The menus of the window, made each time they are opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from maml_explorer.gui.files.autosave_choice import MINUTES, PERCENTS
from maml_explorer.gui.files.file_menu import Files
from maml_explorer.gui.files.save_picture import SavePicture
from maml_explorer.gui.session.run_before import run_before
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.window.appearance import CHOICES, TEXT_SIZES, Appearance
from maml_explorer.gui.window.columns import Columns

FILE_MENU = (
    ("open_run", "open_file", "open_images", "run_before"),
    ("save_run", "save_preset", "export"),
    ("compare", "report", "answers"),
    ("copy_share", "paste_share", "share_code"),
    ("quit",),
)
"""Names of actions, by section."""
_VIEW_ACTIONS = ("simple", "presenter", "full_screen", "palette", "shortcuts")


class Menus:
    """Makes menus from the table of actions; `parent` owns them until they are closed."""

    def __init__(self, parent: QWidget, session: Session, actions: Mapping[str, QAction]) -> None:
        self._parent, self._session, self._actions = parent, session, actions

    def view_menu(self, columns: Columns, appearance: Appearance) -> QMenu:
        """Parts shown and hidden, theme, text size."""
        menu = self._menu()
        for title, part in columns.parts.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(not part.isHidden())
            action.toggled.connect(part.setVisible)
        menu.addSeparator()
        menu.addAction("Reset layout").triggered.connect(lambda: columns.reset_layout())
        menu.addSeparator()
        for name, title in CHOICES.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(name == appearance.choice)
            action.triggered.connect(partial(appearance.use, name))
        menu.addSeparator()
        for name, title in TEXT_SIZES.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(name == appearance.text_size)
            action.triggered.connect(partial(columns.set_text_size, name))
        menu.addSeparator()
        on = {
            "simple": columns.simple,
            "presenter": appearance.presenting,
            "full_screen": self._parent.isFullScreen(),
        }
        for name in _VIEW_ACTIONS:
            action = self._actions[name]
            action.setCheckable(name in on)
            action.setChecked(on.get(name, False))
            menu.addAction(action)
        return menu

    def file_menu(self, files: Files, pictures: SavePicture) -> QMenu:
        """Open, save, share, export, and the files opened last."""
        menu = self._menu()
        menu.setToolTipsVisible(True)
        self.offer_run_before()
        for nth, section in enumerate(FILE_MENU):
            for name in section:
                menu.addAction(self._actions[name])
            if nth == 0 and files.opening.recent:
                recent = menu.addMenu("Open recent")
                for path in files.opening.recent:
                    recent.addAction(path, partial(files.opening.open, Path(path)))
            if "save_run" in section:
                saves = pictures.menu()
                saves.setParent(menu, saves.windowFlags())
                menu.addMenu(saves)
                chosen = files.autosave
                submenu = menu.addMenu("Autosave")
                self._add_choice(submenu, "autosave", MINUTES, chosen.minutes)
                self._add_choice(submenu, "autosave share", PERCENTS, chosen.percent)
            menu.addSeparator()
        return menu

    def offer_run_before(self) -> None:
        """Says which run it is and how far, where there is one."""
        before, action = run_before(self._session), self._actions["run_before"]
        action.setEnabled(before is not None)
        words = "No trained run gave way to this one" if before is None else before.words
        action.setToolTip(plain_tip(words))

    def _menu(self) -> QMenu:
        menu = QMenu(self._parent)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _add_choice(self, menu: QMenu, kind: str, values: Iterable[int], chosen: int) -> None:
        for value in values:
            entry = self._actions[f"{kind} {value}"]
            # the palette's words stand alone; in the menu its title says the first half
            action = menu.addAction(entry.text().partition(": ")[2])
            action.setCheckable(True)
            action.setChecked(value == chosen)
            action.triggered.connect(entry.trigger)
        menu.addSeparator()
