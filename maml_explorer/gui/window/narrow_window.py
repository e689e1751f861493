"""Parts that a small window leaves out: settings, then the right column, and the insight."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QMainWindow, QSplitter, QWidget

from maml_explorer.gui.window.splitter_sizes import settle

MARGINS = 24
LEAST = 640
LOWEST = 360
_PLOT = 142
"""Pixels more than its least height that the hero has before the parts below it have any more."""
_COMES_OR_GOES = (QEvent.Type.ShowToParent, QEvent.Type.HideToParent)


class Narrow(QObject):
    """Keeps three columns where there is room for them, else two, and one on the smallest screens.

    A part that the user opens where it has no room takes the place of another.
    """

    settings_came = Signal()
    """The settings are to be seen again."""

    def __init__(self, window: QMainWindow, columns: QSplitter, parts: dict[str, QWidget]) -> None:
        super().__init__(window)
        self._window, self._columns = window, columns
        self._settings, self._insight = parts["Settings"], parts["Insight"]
        self._hero = parts["Adaptation"]
        self._centre, self._right = columns.widget(1), columns.widget(2)
        self.hid_settings = self.hid_insight = self._hid_hero = False
        self._right_first = False
        """The right column stands in the place of the centre, where one column has room."""
        self._busy = self._type_changed = False
        self._unfed: list[int] | None = None
        """Sizes that the centre had before the hero got more of them; None where it did not."""
        if isinstance(self._centre, QSplitter):
            self._centre.splitterMoved.connect(self._keep_sizes)
        self._parts = tuple(parts.values())
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._fit_settled)
        for watched in (window, *parts.values()):
            watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fits at once when the window is resized, soon when a part comes, goes or changes."""
        if watched is self._window and event.type() is QEvent.Type.Resize:
            self.fit()
            self._soon.start(0)
        elif watched is self._window and event.type() is QEvent.Type.StyleChange:
            self._type_changed = True
            self._soon.start(0)
        elif not self._busy and event.type() in _COMES_OR_GOES:
            self._soon.start(0)
        if watched is self._settings and event.type() is QEvent.Type.ShowToParent:
            self.settings_came.emit()
        return False

    @property
    def hid(self) -> set[str]:
        """Titles of parts that are left out now for want of room."""
        left_out = {"Settings": self.hid_settings, "Insight": self.hid_insight,
                    "Adaptation": self._hid_hero}  # fmt: skip
        return {title for title, hid in left_out.items() if hid}

    def fit(self) -> None:
        """Hides what has no room, and shows again what it had hidden."""
        self._busy = True
        # set, not left to the layout: what is hidden in a moment would hold the window open
        self._window.setMinimumSize(LEAST, LOWEST)
        self._fit_down()
        self._fit_across()
        self._busy = False

    def _fit_settled(self) -> None:
        if self._type_changed:
            self._type_changed = False
            for part in self._parts:
                if not part.isVisible():
                    _ask_again(part)
        settle()
        self.fit()
        self._feed_hero()

    def _feed_hero(self) -> None:
        """Gives a low hero what the parts below it can spare."""
        centre, hero, insight = self._centre, self._hero, self._insight
        if not isinstance(centre, QSplitter) or hero.isHidden() or insight.isHidden():
            return
        if self._unfed is not None and len(self._unfed) == centre.count():
            centre.setSizes(self._unfed)
        self._unfed = None
        at, below = centre.indexOf(hero), centre.indexOf(insight)
        wanted = hero.minimumSizeHint().height() + _PLOT - hero.height()
        spare = insight.height() - insight.minimumSizeHint().height()
        if min(at, below) >= 0 and min(wanted, spare) > 0:
            self._unfed, sizes = centre.sizes(), centre.sizes()
            sizes[at] += min(wanted, spare)
            sizes[below] -= min(wanted, spare)
            centre.setSizes(sizes)

    def _keep_sizes(self) -> None:
        """Takes the sizes that the person chose for the person's own."""
        self._unfed = None

    def _fit_across(self) -> None:
        if self.holds_three:
            if self.hid_settings:
                self._settings.show()
            # without parts it would be a gap beside the others
            self._right.setVisible(self._holds_any(self._right))
            self.hid_settings = False
        elif not self._settings.isHidden() and not self.hid_settings:
            self._settings.hide()
            self.hid_settings = True
        alone = self._settings.isHidden()
        self._right_first = self._right_first and not self.holds_two
        if not self.holds_three:
            self._right.setVisible(alone and (self.holds_two or self._right_first))
        beside = self._window.width() >= self._needs(self._centre) + self._form + MARGINS
        self._centre.setVisible(beside if not alone else not self._right_first)

    def _fit_down(self) -> None:
        if self._window.height() >= self._both:
            if self.hid_insight:
                self._insight.show()
            if self._hid_hero:
                self._hero.show()
            self.hid_insight = self._hid_hero = False
        elif self._insight.isHidden():
            if self._hid_hero:
                self._hero.show()
            self._hid_hero = False
        elif not self.hid_insight and not self._hero.isHidden():
            self._insight.hide()
            self.hid_insight = True
        elif not self._hero.isHidden():
            self._hero.hide()
            self._hid_hero = True

    @property
    def _form(self) -> int:
        return self._settings.minimumWidth() + self._columns.handleWidth()

    @property
    def _two(self) -> int:
        needed = self._needs(self._centre) + self._needs(self._right)
        return needed + MARGINS + self._columns.handleWidth()

    @property
    def _both(self) -> int:
        """The height that the window needs with hero and insight, one above the other."""
        parts = [self._hero, self._insight]
        if not all(self._centre.isAncestorOf(part) for part in parts):
            return 0
        handle = self._columns.handleWidth()
        return self._around + handle + sum(part.minimumSizeHint().height() for part in parts)

    @property
    def _around(self) -> int:
        """The height of what stands above and below the columns."""
        ground = self._columns.parentWidget()
        line = None if ground is None else ground.layout()
        if line is None:
            return 0
        # item by item: the layout's own figure is of before a part came or went
        items = [line.itemAt(nth) for nth in range(line.count())]
        others = [i for i in items if i is not None and i.widget() is not self._columns]
        heights = [i.minimumSize().height() + line.spacing() for i in others if not i.isEmpty()]
        margins = line.contentsMargins()
        return margins.top() + margins.bottom() + sum(heights)

    @property
    def holds_three(self) -> bool:
        """True where the window has room for three columns."""
        return self._window.width() >= self._two + self._form

    @property
    def holds_two(self) -> bool:
        """True where the window has room for two columns."""
        return self._window.width() >= self._two

    def show_for(self, widgets: Sequence[QWidget]) -> None:
        """Shows the columns that hold these widgets, where there is no room for all."""
        right = any(self._right.isAncestorOf(widget) for widget in widgets)
        centre = any(self._centre.isAncestorOf(widget) for widget in widgets)
        if right and self._right.isHidden() and not (centre and not self.holds_two):
            self._right_first = True
        elif centre and self._centre.isHidden():
            self._right_first = False
        else:
            return
        self._settings.hide()
        self.hid_settings = True
        self.fit()

    def swapped(self, part: QWidget) -> bool:
        """True where a part came to be seen because its column took another one's place."""
        column = self._right if self._right.isAncestorOf(part) else self._centre
        if part is self._settings or part.isHidden() or not column.isHidden():
            return False
        self.show_for([part])
        return True

    @staticmethod
    def _holds_any(column: QWidget) -> bool:
        """True where a part of a column is to be seen."""
        if not isinstance(column, QSplitter):
            return True
        return any(not column.widget(nth).isHidden() for nth in range(column.count()))

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


def _ask_again(part: QWidget) -> None:
    """Makes the layouts of a hidden part forget its sizes, which they keep while it is hidden."""
    for widget in reversed([part, *part.findChildren(QWidget)]):  # those inside first
        layout = widget.layout()
        if layout is not None:
            layout.invalidate()
            layout.activate()
