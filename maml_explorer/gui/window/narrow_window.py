"""Parts that a narrow window leaves out: the settings or, if these are wanted, the right column."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QMainWindow, QSplitter, QWidget

MARGINS = 24
LEAST = 640
_COMES_OR_GOES = (QEvent.Type.ShowToParent, QEvent.Type.HideToParent)


class Narrow(QObject):
    """Keeps three columns where there is room for them, and two where there is not."""

    def __init__(self, window: QMainWindow, columns: QSplitter, settings: QWidget) -> None:
        super().__init__(window)
        self._window, self._columns, self._settings = window, columns, settings
        self._centre, self._right = columns.widget(1), columns.widget(2)
        self.hid_settings = False
        self._busy = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.fit)
        window.installEventFilter(self)
        settings.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fits at once when the window is resized, soon when the settings come or go."""
        if watched is self._window and event.type() is QEvent.Type.Resize:
            self.fit()
        elif not self._busy and event.type() in _COMES_OR_GOES:
            self._soon.start(0)
        return False

    def fit(self) -> None:
        """Hides what has no room, and shows again what it had hidden."""
        self._busy = True
        self._window.setMinimumWidth(max(self._two, LEAST))
        if self.holds_three:
            if self.hid_settings:
                self._settings.show()
            self._right.show()
            self.hid_settings = False
        elif self._settings.isHidden():
            self._right.show()
        elif self.hid_settings:
            self._right.hide()
        else:
            self._settings.hide()
            self.hid_settings = True
        self._busy = False

    @property
    def _two(self) -> int:
        needed = self._needs(self._centre) + self._needs(self._right)
        return needed + MARGINS + self._columns.handleWidth()

    @property
    def holds_three(self) -> bool:
        """True where the window has room for three columns."""
        form = self._settings.minimumWidth() + self._columns.handleWidth()
        return self._window.width() >= self._two + form

    def show_right(self) -> None:
        """Leaves out the settings where there is no room for them beside the right column."""
        if self._right.isHidden():
            self._settings.hide()
            self.hid_settings = True
            self.fit()

    def holds(self, widget: QWidget) -> bool:
        """True where a widget stands in the right column."""
        return self._right.isAncestorOf(widget)

    @staticmethod
    def _needs(column: QWidget) -> int:
        """The width its panels need, shown or not."""
        if not isinstance(column, QSplitter):
            return column.minimumSizeHint().width()
        parts = [column.widget(nth) for nth in range(column.count())]
        return max((_least(part) for part in parts if not part.isHidden()), default=0)


def _least(part: QWidget) -> int:
    """The width that was set, or else the one that the content needs."""
    return part.minimumWidth() or part.minimumSizeHint().width()
