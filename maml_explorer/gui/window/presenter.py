"""Presenter mode: full screen, large type, one row at hand, and the keys of a remote control."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QMainWindow, QWidget

from maml_explorer.gui.window.appearance import Appearance
from maml_explorer.gui.window.columns import Columns

REMOTE = ("remote_next", "remote_back", "blank")
"""Names of the actions whose keys belong to others while nobody presents."""
SETTLED = 300
"""Milliseconds after which the window has its new size on the screen."""


class Presenter(QObject):
    """Enters and leaves the mode; Esc leaves it, and full screen too."""

    toggled = Signal()
    """The mode is another, and so are the parts that are shown."""

    def __init__(self, window: QMainWindow, columns: Columns, appearance: Appearance) -> None:
        super().__init__(window)
        self._window, self._columns, self._appearance = window, columns, appearance
        self._remote: list[QAction] = []
        self._before = Qt.WindowState.WindowNoState
        self.blanked = Blank(window)
        self._sized = QTimer(self)
        self._sized.setSingleShot(True)
        self._sized.timeout.connect(self._fill)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.timeout.connect(self._reveal)
        appearance.presenting_changed.connect(self._follow)
        window.installEventFilter(self)

    def take_keys(self, actions: Iterable[QAction]) -> None:
        """Gives these actions their keys while presenting, and only then."""
        self._remote = list(actions)
        self._follow()

    def toggle(self) -> None:
        """Fills the screen for the back row, or goes back to the desk, in one change to the eye."""
        window, before = self._window, self._window.windowState()
        window.setUpdatesEnabled(False)
        if self._appearance.presenting:
            self.blanked.hide()
            wanted = self._before
            self._columns.toggle_presenter()
        else:
            self._before = before
            wanted = before | Qt.WindowState.WindowFullScreen
            screen = window.screen().size()
            # type of the size to come: it takes long to put on, and would be put on twice
            self._appearance.fill(screen.width(), screen.height())
            self._columns.toggle_presenter()
            self._columns.beside.put(self._columns.beside.wanted)
        # last: what the screen shows stays whole while all the above is done
        window.setWindowState(wanted)
        self._settled.start(0 if wanted == before else SETTLED)
        # a desktop may keep pixels of the size before where nothing is drawn anew
        QTimer.singleShot(SETTLED, window, window.update)
        self.toggled.emit()

    def blank(self) -> None:
        """Makes the screen black, so that the hall looks at the person; any key shows it again."""
        if self._appearance.presenting:
            self.blanked.show_over()

    def escape(self) -> bool:
        """Leaves presenter mode, or else full screen; False where there is neither."""
        if self._appearance.presenting:
            self.toggle()
        elif self._window.isFullScreen():
            self._window.setWindowState(
                self._window.windowState() & ~Qt.WindowState.WindowFullScreen
            )
        else:
            return False
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Takes the Escape that no part of the window wanted, and the size of the window."""
        if isinstance(event, QResizeEvent):
            self._sized.start(0)  # a style that is put on amid a resize begins another one
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            return event.key() == Qt.Key.Key_Escape and self.escape()
        return False

    def _fill(self) -> None:
        narrow = self._columns.narrow
        if self._appearance.fill(self._window.width(), self._window.height()) and narrow:
            narrow.fit()  # larger type needs more room
        if self._settled.isActive():
            self._columns.beside.halve()  # large type had no room for it in the size before
            self._settled.start(0)  # once the parts have taken their places in the new size

    def _reveal(self) -> None:
        """Paints the window again; where no other size came, in the type of the one it has."""
        self._fill()
        self._window.setUpdatesEnabled(True)
        # not update(): Qt takes that for asked before, by a resize that it was not to paint
        self._window.repaint()

    def _follow(self) -> None:
        for action in self._remote:
            action.setEnabled(self._appearance.presenting)


class Blank(QWidget):
    """A black sheet over the window; a click or any key takes it away."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAccessibleName("The screen is blank: press any key")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.hide()

    def show_over(self) -> None:
        """Covers the whole window."""
        window = self.parentWidget()
        if window is not None:
            self.setGeometry(window.rect())
        self.show()
        self.raise_()
        self.setFocus()

    def event(self, event: QEvent) -> bool:
        """Takes every key before the shortcuts of the window do."""
        if event.type() is QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shows the window again."""
        event.accept()
        self.hide()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Shows the window again."""
        event.accept()
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Black."""
        QPainter(self).fillRect(self.rect(), Qt.GlobalColor.black)
