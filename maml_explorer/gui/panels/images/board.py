"""The part of a task's images that a widget shows: pointed at, chosen, moved, removed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QMenu, QWidget

from maml_explorer.gui.session import image_edits
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.protocol.images import ImagesProbed, ImageTask


class Board(QWidget):
    """Images with places in the task; a subclass lays them out and draws them."""

    chosen_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.report: ImagesProbed | None = None
        self.editable = True
        """False while an outer step is shown: its images are the batch's."""
        self.chosen: int | None = None
        """Place of the image that keys work on."""
        self.cells: dict[int, QRectF] = {}
        """Place in the task → where it is drawn."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFont(base_font())

    def show_report(self, report: ImagesProbed | None, editable: bool) -> None:
        """Draws this answer."""
        self.report, self.editable = report, editable
        if self.chosen is not None and self.chosen not in self.places():
            self.chosen = None
        self.update()

    def places(self) -> range:
        """Places of the images that stand here."""
        raise NotImplementedError

    def class_at(self, at: QPoint) -> int | None:
        """The class that an image dropped there is of; None where it stays as it was."""
        return None

    @property
    def task(self) -> ImageTask | None:
        """The task that is drawn."""
        return None if self.report is None else self.report.probe

    @property
    def ways(self) -> int:
        """Classes of the task."""
        return 0 if self.report is None else len(self.report.names)

    def place_at(self, at: QPoint) -> int | None:
        """The place of the image there."""
        return next((place for place, cell in self.cells.items() if cell.contains(at)), None)

    def choose(self, place: int | None) -> None:
        """Makes this the image that keys work on."""
        self.chosen = place
        self.update()
        self.chosen_changed.emit()

    def label_of(self, place: int) -> int | None:
        """The class that the image at this place is said to be of."""
        task = self.task
        if task is None:
            return None
        return (*task.support, *task.query)[place].label

    def edit(self, change: Callable[[ImageTask], ImageTask], text: str) -> None:
        """Shows the changed task, as an undo step."""
        if self.task is not None and self.editable:
            self.session.images.edit(change(self.task), text)

    def remove(self, place: int) -> None:
        """Removes an image."""
        self.edit(lambda task: image_edits.without(task, place), "Remove image")

    def say(self, place: int, label: int | None) -> None:
        """Says that an image is of another class."""
        name = image_edits.class_name(label)
        self.edit(lambda task: image_edits.said_to_be(task, place, label), f"Class {name}")

    # mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses the image under the pointer."""
        self.choose(self.place_at(event.position().toPoint()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Moves a support image to the class where it is dropped."""
        label = self.class_at(event.position().toPoint())
        if (
            event.button() is Qt.MouseButton.LeftButton
            and self.chosen is not None
            and label is not None
            and label != self.label_of(self.chosen)
        ):
            self.say(self.chosen, label)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Actions for an image."""
        place = self.place_at(event.pos())
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            place = self.chosen
        if place is not None and self.editable:
            self.choose(place)
            self.menu(place).popup(event.globalPos())

    def menu(self, place: int) -> QMenu:
        """The menu of one image."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        labels: list[int | None] = list(range(self.ways))
        if self.task is not None and place >= len(self.task.support):
            labels.append(None)
        for label in labels:
            name = image_edits.class_name(label)
            words = "Class not known" if label is None else f"This is class {name}"
            action = menu.addAction(words, lambda label=label: self.say(place, label))
            action.setCheckable(True)
            action.setChecked(label == self.label_of(place))
        menu.addSeparator()
        menu.addAction("Remove (Delete)", lambda: self.remove(place))
        return menu

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows choose, Delete removes, a letter says the class."""
        key, places = Qt.Key(event.key()), self.places()
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        letter = event.text().upper()
        if key in ways and len(places):
            at = places[0] if self.chosen is None else self.chosen + ways[key]
            self.choose(min(max(at, places[0]), places[-1]))
        elif self.chosen is None:
            event.ignore()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove(self.chosen)
        elif letter and letter in image_edits.LETTERS[: self.ways]:
            self.say(self.chosen, image_edits.LETTERS.index(letter))
        else:
            event.ignore()
