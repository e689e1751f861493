"""Messages inside the window, with what can be done about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from maml_explorer.gui.widgets.controls import button, row, type_changed
from maml_explorer.gui.widgets.message import LINES, Message

OWN_IMAGES, ABSENT, OPENING = "own images", "absent", "opening"
"""Subjects: own images that were opened, those that something needs, a run on its way."""
MOST = 3
"""Banners at a time; older ones give way."""

_AIR = {1: 4, 2: 2}
"""Lines → pixels between the words and the border, above and below together: two lines reach over
the panels, and must not reach a control there."""
_WIDEST = 920
"""Pixels of the widest banner."""
_LEAST = 200
"""Pixels of text from which on a message that leaves is read beside what stands at the left."""

Choice = tuple[str, Callable[[], object]]
"""The words on a button, and what it does."""


class Banner(QFrame):
    """One message. `kind` is "notice", "warning" or "danger"."""

    def __init__(
        self, kind: str, text: str, choices: Sequence[Choice], close: Callable[[], None]
    ) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self.setProperty("kind", kind)
        self.text = Message(text)
        self.text.setProperty("kind", kind)
        self.buttons = [button(words, _both(do, close)) for words, do in choices]
        self.close_button = button("✕", close, "Hide this message", role="flat")
        self.close_button.setAccessibleName("Hide this message")
        line = row()
        line.addWidget(self.text, 1)
        for control in (*self.buttons, self.close_button):
            line.addWidget(control)
        line.setContentsMargins(12, 0, 8, 0)
        self._line = line
        self.among_others = False
        """True once others lay behind it: the button to them keeps its place when they go."""
        self.setLayout(line)

    def lines_at(self, width: int) -> int:
        """Number of lines that the text takes in a banner of this width, 1 or LINES."""
        words = self.text.full
        wide = self.text.fontMetrics().horizontalAdvance(words)
        return 1 if "\n" not in words and wide <= self._room(width) else LINES

    def fits(self, width: int, lines: int) -> bool:
        """True where the whole text has room in a banner of this width, in so many lines."""
        metrics, room = self.text.fontMetrics(), QRect(0, 0, self._room(width), 10_000)
        high = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, self.text.full).height()
        return room.width() > 0 and high <= lines * metrics.lineSpacing()

    def reads(self, width: int) -> bool:
        """True where the beginning of the text has room in a banner of this width."""
        return self._room(width) >= _LEAST

    def _room(self, width: int) -> int:
        """Pixels that the text has beside the buttons."""
        line, margins = self._line, self._line.contentsMargins()
        beside = [line.itemAt(nth) for nth in range(1, line.count())]
        taken = sum(each.sizeHint().width() + line.spacing() for each in beside)
        return width - margins.left() - margins.right() - taken - 2 * self.frameWidth() - 4

    def put_beside(self, more: QPushButton) -> None:
        """Puts a further button before the one that closes."""
        self._line.removeWidget(more)
        self._line.insertWidget(self._line.count() - 1, more)


class Banners(QWidget):
    """The messages of a window: one seen at a time, over the line at its foot.

    One line of text covers the foot alone, so no data; two lines reach a little above it, where no
    control is. It takes no room from anything, and lies there wherever the mouse is: nothing in the
    foot is clicked.
    """

    arranged = Signal()
    """Another message, or none, is seen."""
    passing = 20_000
    """Milliseconds after which a message that does not stay leaves by itself."""
    passing_fast = 8_000
    """The same where there is nothing to press, only two lines to read."""
    unarmed = 500
    """Milliseconds in which a new message takes no clicks: they were meant for what it covers."""

    def __init__(self, window: QWidget | None = None) -> None:
        super().__init__(window)
        self._shown: dict[str, Banner] = {}
        self._passing: dict[str, QTimer] = {}
        self._asks: Banner | None = None
        """The last question that later messages do not cover, unless somebody looked behind it."""
        self._over: QWidget | None = None
        self._free, self.aside = 0, False
        """Pixels to leave free at the left; whether the message that is seen does."""
        self._aside_lines = LINES
        self.spared: Callable[[], Sequence[QWidget]] = tuple
        """Parts of the window that a message must not cover while they are seen."""
        self._box = QHBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self.more = button("", self._next, "Show the next message", role="flat")
        self.more.setParent(self)
        self.more.setAccessibleName("More messages")
        keeps = self.more.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.more.setSizePolicy(keeps)
        self.more.hide()
        self._arming = QTimer(self)
        self._arming.setSingleShot(True)
        self._arming.timeout.connect(self._arm)
        self.hide()

    def lie_over(self, over: QWidget) -> None:
        """Lies below `over`, a part of the same window, and over its lower edge if it must."""
        self._over = over
        over.installEventFilter(self)
        self._place()

    def keep_free(self, pixels: int, lines: int = LINES) -> None:
        """Leaves so much of the foot free at the left, where the message has room beside it.

        Args:
            pixels: that are left free.
            lines: most lines that a message which stays may take for that.
        """
        if (pixels, lines) != (self._free, self._aside_lines):
            self._free, self._aside_lines = pixels, lines
            self._place()

    @property
    def shown(self) -> list[Banner]:
        """The banners there are, oldest first."""
        return list(self._shown.values())

    def say(
        self,
        subject: str,
        text: str,
        kind: str = "notice",
        choices: Sequence[Choice] = (),
        stays: bool | None = None,
        first: bool = False,
    ) -> None:
        """Shows a message; it takes the place of an older one on the same subject.

        Args:
            subject: what it is about.
            text: two short lines at most are seen; the rest is in the tooltip.
            kind: "notice", "warning" or "danger".
            choices: buttons.
            stays: until its cause is over or the user closes it, as all do but notices unless
                it is said; otherwise it leaves by itself.
            first: a question that waits for an answer, so messages that come later lie behind it.
        """
        self.drop(subject)
        asked = self._shown.popitem() if self._shown and self._seen is self._asks else None
        banner = Banner(kind, text, choices, lambda: self.drop(subject))
        self._shown[subject] = banner
        if first:
            self._asks = banner
        elif asked is not None:
            self._shown[asked[0]] = asked[1]
        for oldest in list(self._shown)[:-MOST]:
            self.drop(oldest)
        if not (kind != "notice" if stays is None else stays):
            self._passing[subject] = timer = QTimer(self)
            timer.timeout.connect(partial(self._leave, subject))
            timer.start(self.passing if choices else self.passing_fast)
        self._arrange()

    def reword(self, subject: str, nth: int, words: str) -> None:
        """Writes other words on a button of a message that is there."""
        control = self._shown[subject].buttons[nth]
        if words != control.text():
            control.setText(words)
            self._place()

    def of(self, subject: str) -> Banner | None:
        """The message on a subject; None where there is none."""
        return self._shown.get(subject)

    def drop(self, subject: str) -> None:
        """Removes the message on a subject, if there is one."""
        timer = self._passing.pop(subject, None)
        if timer is not None:
            timer.stop()
            timer.deleteLater()
        banner = self._shown.pop(subject, None)
        if banner is not None:
            self._box.removeWidget(banner)
            self.more.setParent(self)
            banner.hide()
            banner.deleteLater()
            self._arrange()

    def drop_passing(self, but: Collection[str] = ()) -> None:
        """Removes what does not stay, but for some subjects: something went well since."""
        for subject in list(self._passing):
            if subject not in but:
                self.drop(subject)

    def drop_all(self) -> None:
        """Removes all messages."""
        for subject in list(self._shown):
            self.drop(subject)

    def sizeHint(self) -> QSize:
        """Width of a wide window, and the height of the message that is seen."""
        return QSize(_WIDEST, self._needed(_WIDEST))

    def _needed(self, width: int, most: int = LINES) -> int:
        """Pixels of the height of the message that is seen, at this width, in so many lines."""
        seen = self._seen
        lines, buttons = (1, []) if seen is None else (seen.lines_at(width), seen.buttons)
        lines = min(lines, most)
        heights = [button.sizeHint().height() for button in (self.more, *buttons)]
        return max(lines * self.fontMetrics().lineSpacing() + _AIR[lines], *heights) + 2

    @property
    def _seen(self) -> Banner | None:
        """The newest message, the one that is seen."""
        return self._shown.get(self._newest)

    @property
    def _newest(self) -> str:
        """The subject of the newest message; empty where there is none."""
        return next(reversed(self._shown), "")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follows what it lies over."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self._place()
        return False

    def changeEvent(self, event: QEvent) -> None:
        """Takes the height of another font."""
        super().changeEvent(event)
        if type_changed(event):
            self._place()

    def _next(self) -> None:
        newest = self._newest
        self._shown = {newest: self._shown.pop(newest), **self._shown}
        self._arrange()

    def _arrange(self) -> None:
        """Shows the newest message, and how many more there are."""
        self.setVisible(bool(self._shown))
        self.aside = False
        for other in self._shown.values():
            other.hide()
        banner = self._seen
        if banner is None:
            self.arranged.emit()
            return
        others = len(self._shown) - 1
        # a message may leave, or come behind a question, while a button here is aimed at
        banner.among_others |= others > 0 or banner is self._asks
        if banner.among_others:
            self.more.setText(f"{max(others, 1)} more")
            self.more.setAccessibleName(f"{others} more messages")
            banner.put_beside(self.more)
        self.more.setVisible(others > 0)
        self._box.addWidget(banner)
        banner.show()
        self._place()
        self.raise_()
        self._take_clicks(not self.geometry().contains(self._mouse()))
        self._arming.start(self.unarmed)
        self.arranged.emit()

    def _arm(self) -> None:
        self._take_clicks(True)

    def _take_clicks(self, takes: bool) -> None:
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, not takes)

    def _leave(self, subject: str) -> None:
        """A message under the mouse is being read: it leaves the next time.

        Then even under the mouse, which may rest there for as long as nobody touches it.
        """
        timer = self._passing[subject]
        if timer.isSingleShot() or not self.geometry().contains(self._mouse()):
            self.drop(subject)
        else:
            timer.setSingleShot(True)
            timer.start()

    def _mouse(self) -> QPoint:
        window = self.parentWidget()
        return QPoint(-1, -1) if window is None else window.mapFromGlobal(QCursor.pos())

    def _place(self) -> None:
        over, window, seen = self._over, self.parentWidget(), self._seen
        if over is None or window is None:
            return
        area = QRect(over.mapTo(window, QPoint()), over.size())

        def at_foot(lines: int) -> QRect:
            # what stands there says less than a message that stays and has no room beside it
            left, beside = area.x(), area.right() + 1 - self._free
            most = min(lines, self._aside_lines)
            if seen is not None and (
                seen.fits(beside, most) or (self._newest in self._passing and seen.reads(beside))
            ):
                left = max(left, self._free)
            self.aside = seen is not None and left == self._free
            width = area.right() + 1 - left
            height = self._needed(width, lines)
            return QRect(left, window.height() - height, width, height)

        seen_parts = [part for part in self.spared() if part.isVisible()]
        spared = [QRect(part.mapTo(window, QPoint()), part.size()) for part in seen_parts]
        lines = 1 if any(at_foot(LINES).intersects(part) for part in spared) else LINES
        if seen is not None:
            seen.text.keep_to(lines)
        self.setGeometry(at_foot(lines))


def _both(do: Callable[[], object], close: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        close()
        do()

    return run
