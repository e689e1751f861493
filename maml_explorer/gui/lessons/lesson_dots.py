"""The dots of a lesson: how many steps it has, and where it is."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from maml_explorer.gui.widgets.plain_tip import plain_tip


class LessonDots(QWidget):
    """One dot a step: filled up to where the lesson is; a click goes to a step."""

    def __init__(self, jumped: object) -> None:
        super().__init__()
        self._jumped = jumped
        self._step, self._steps = 0, 1
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_step(self, step: int, steps: int) -> None:
        """Fills the dots up to this step, from 0."""
        self._step, self._steps = step, steps
        self.setAccessibleName(f"Step {step + 1} of {steps}")
        self.setToolTip(plain_tip(f"Step {step + 1} of {steps}; a click goes to a step"))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """12 pixels a dot."""
        return QSize(12 * self._steps, 16)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Goes to the step under the mouse."""
        nth = min(max(int(event.position().x() // 12), 0), self._steps - 1)
        self._jumped(nth)  # type: ignore[operator]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the dots; the one that is shown is larger."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = self.palette().color(QPalette.ColorRole.Accent)
        rest = self.palette().color(QPalette.ColorRole.PlaceholderText)
        for nth in range(self._steps):
            radius = 4.0 if nth == self._step else 2.8
            painter.setPen(accent if nth <= self._step else rest)
            painter.setBrush(accent if nth <= self._step else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(12 * nth + 6, 8), radius, radius)
        painter.end()
