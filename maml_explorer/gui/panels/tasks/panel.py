"""Other tasks of the family as small multiples: how the same initialization bends to each."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.plots.fast_curve import from_below
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import sampled_task, sine, task_words
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import Slider, button, label, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.commands import Array, ProbeTask, WatchTasks
from maml_explorer.protocol.reports import Watched
from maml_explorer.settings.settings import Settings

FEWEST, MOST = 3, 12
WIDTH = 80
"""Pixels that a small plot needs, at least."""
HEIGHT = 120
"""Pixels of height from which on there are two rows of them."""
_TITLES = ("A 0.0  φ 0.0", "A 0.0  φ 0.0  ω 0.0")
"""What must fit above it: the second where frequencies vary."""
_TITLE = 20
_NONE = np.zeros((0, 0))


class TaskCell(QAbstractButton):
    """One task: truth, support points and the visible arms' curves. A click shows it above."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.task: ProbeTask | None = None
        self.grid: Array = np.zeros(0)
        self.curves: dict[str, Array] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(60)
        self.setToolTip("Show this task above")
        self.setFont(base_font())

    def sizeHint(self) -> QSize:
        """As wide as a small plot needs."""
        return QSize(WIDTH, 130)

    @property
    def title(self) -> str:
        """The task's parameters: "A 0.9 φ 0.7"."""
        return "" if self.task is None else task_words(self.task)

    def show_task(self, task: ProbeTask, grid: Array, curves: dict[str, Array]) -> None:
        """Draws `curves`, arm → [grid point], on a task."""
        self.task, self.grid, self.curves = task, grid, curves
        self.setAccessibleName(f"Task {self.title}: show above")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the small plot; all of them have the same scale."""
        theme, settings = self.session.theme, self.session.settings
        # what lies behind need not be drawn anew many times a second; a stylesheet takes this back
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.card))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse() or self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent if self.hasFocus() else theme.border), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        if self.task is None or self.task.amplitude is None or self.task.phase is None:
            return
        painter.setPen(QColor(theme.muted))
        head = QRectF(0, 2, self.width(), _TITLE)
        painter.drawText(head, Qt.AlignmentFlag.AlignCenter, self.title)
        painter.setClipRect(QRectF(0, _TITLE, self.width(), self.height() - _TITLE))
        low, high = settings.tasks.x_min, settings.tasks.x_max
        x = self.grid if len(self.grid) else np.linspace(low, high, 101)
        styles = {
            arm.name: arm_style(settings, arm, theme)
            for arm in settings.arms
            if arm.name in self.curves and arm.name not in self.session.hidden
        }
        order = from_below(styles)
        pens = [_pen(theme.muted, Qt.PenStyle.DashLine), *(styles[name].pen(1.6) for name in order)]
        lines = np.stack([sine(x, self.task), *(self.curves[name] for name in order)])
        across, down = self._pixels(x, lines)
        for pen, line in zip(pens, down, strict=True):
            self._line(painter, across, line, pen)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.text))
        columns = zip(*self._pixels(self.task.support_x, self.task.support_y), strict=True)
        for across, down in columns:
            painter.drawEllipse(QPointF(across, down), 2.0, 2.0)
        painter.end()

    def _pixels(self, x: Array, y: Array) -> tuple[Array, Array]:
        tasks = self.session.settings.tasks
        width, height = self.width() - 16, self.height() - _TITLE - 8
        scale = 1.15 * max(tasks.amplitude_max, 1e-9)
        across = 8 + (x - tasks.x_min) / ((tasks.x_max - tasks.x_min) or 1.0) * width
        # A diverged curve leaves the cell; Qt cannot draw numbers without end.
        down = _TITLE + 2 + (1 - np.clip(y / scale, -9, 9)) / 2 * height
        return across, down

    def _line(self, painter: QPainter, across: Array, down: Array, pen: QPen) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # Cosmetic pens count device pixels.
        pen.setWidthF(pen.widthF() * self.devicePixelRatioF())
        if pen.style() is not Qt.PenStyle.SolidLine:
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawPath(pg.arrayToQPath(across, down, connect="finite"))


class TasksPanel(QWidget):
    """A row of tasks, new ones at a click."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._random = np.random.default_rng(1)
        self._settings = session.settings
        self.inner = session.inner
        self.tasks: list[ProbeTask] = []
        self.watched: Watched | None = None
        self.cells: list[TaskCell] = []
        self._columns = 0
        self.said = ElidedLabel()
        self.slider = Slider()
        self.slider.setAccessibleName("Inner step of the small plots")
        self.slider.setPageStep(1)
        self.slider.setFixedWidth(140)
        self.slider.valueChanged.connect(self.inner.choose)
        self.inner.changed.connect(self._draw)
        self.step_text = label("")
        self.new_tasks = button("New tasks", self.sample, "Sample other tasks")
        head = row(self.said)
        head.setStretch(0, 1)
        for widget in (label("Inner step"), self.slider, self.step_text, self.new_tasks):
            head.addWidget(widget)
        self._grid = QGridLayout()
        self._grid.setSpacing(4)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(8)
        box.addLayout(head)
        box.addLayout(self._grid, 1)
        session.task.watched.connect(self._take_watched)
        session.link.run_started.connect(lambda _: self._watch())
        session.editor.settings_changed.connect(self._take_settings)
        session.hidden_changed.connect(self._draw)
        session.theme_changed.connect(self._take_theme)

    def sample(self) -> None:
        """Samples other tasks and watches them."""
        settings = self.session.settings
        self.tasks = [sampled_task(settings, self._random) for _ in range(MOST)]
        self._watch()
        self._draw()

    @property
    def inner_step(self) -> int:
        """The inner step that is drawn."""
        return self.inner.within(self.last_step)

    @property
    def last_step(self) -> int:
        """The last inner step there is."""
        if self.watched is None or not self.watched.arms:
            return 0
        return max(len(curves) for curves in self.watched.arms.values()) - 1

    def _watch(self) -> None:
        """Asks for the adapted curves of as many tasks as fit."""
        if self.isVisible() and self.tasks:
            shown = self.tasks[: len(self.cells)]
            points = [np.stack([getattr(t, axis) for t in shown]) for axis in _AXES]
            for values in points:
                values.setflags(write=False)
            self.session.link.post(WatchTasks(*points))

    def _take_watched(self, watched: Watched) -> None:
        if self.isVisible():
            self.watched = watched
            self._draw()

    def _take_settings(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        if (before.tasks, before.inner.shots) != (settings.tasks, settings.inner.shots):
            self.tasks = []
        if self.isVisible():
            self._fit_cells()
            if not self.tasks:
                self.sample()
            self._draw()

    def _take_theme(self, theme: Theme) -> None:
        for cell in self.cells:
            cell.update()

    def _draw(self) -> None:
        if not self.isVisible():
            return
        k, last, watched = self.inner_step, self.last_step, self.watched
        self.slider.blockSignals(True)
        self.slider.setRange(0, last)
        self.slider.setValue(k)
        self.slider.setEnabled(last > 0)
        self.slider.blockSignals(False)
        self.step_text.setText(f"{k} / {last}")
        self.said.say(f"{len(self.cells)} other tasks")
        fits = watched is not None and _is_about(watched, self.tasks[: len(self.cells)])
        for n, (cell, task) in enumerate(zip(self.cells, self.tasks, strict=False)):
            if watched is not None and fits:
                arms = watched.arms.items()
                cell.show_task(
                    task, watched.grid, {name: c[min(k, len(c) - 1), n] for name, c in arms}
                )
            else:
                cell.show_task(task, np.zeros(0), {})

    def _fit_cells(self) -> None:
        """As many small plots as there is room for, in one row or two."""
        family = self.session.settings.tasks
        three = not family.frequency_min == family.frequency_max == 1
        title = self.fontMetrics().horizontalAdvance(_TITLES[three])
        needed = max(WIDTH, title + 12) + 4
        rows = 2 if self.height() - self.new_tasks.height() > 2 * HEIGHT else 1
        columns = max(FEWEST, min(MOST // rows, self.width() // needed))
        if (rows * columns, columns) == (len(self.cells), self._columns):
            return
        while len(self.cells) > rows * columns:
            self.cells.pop().deleteLater()
        while len(self.cells) < rows * columns:
            cell = TaskCell(self.session)
            cell.clicked.connect(lambda _=False, cell=cell: self._show_above(cell))
            self.cells.append(cell)
        self._columns = columns
        for nth, cell in enumerate(self.cells):
            self._grid.addWidget(cell, nth // columns, nth % columns)
        self._watch()
        self._draw()

    def _show_above(self, cell: TaskCell) -> None:
        if cell.task is not None:
            self.session.task.set_probe(cell.task)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shows more or fewer tasks."""
        super().resizeEvent(event)
        if self.isVisible():
            self._fit_cells()

    def changeEvent(self, event: QEvent) -> None:
        """Shows more or fewer tasks where words are of another size."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and self.isVisible():
            self._fit_cells()

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to watch."""
        super().showEvent(event)
        self._fit_cells()
        if self.tasks:
            self._watch()
            self._draw()
        else:
            self.sample()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends watching: what nobody sees is not computed."""
        super().hideEvent(event)
        self.session.link.post(WatchTasks(_NONE, _NONE))


_AXES = ("support_x", "support_y")


def _is_about(watched: Watched, tasks: list[ProbeTask]) -> bool:
    """Whether a report is about these tasks, not about ones shown before."""
    x = watched.watch.support_x
    return len(x) == len(tasks) and all(
        np.array_equal(row, task.support_x) for row, task in zip(x, tasks, strict=True)
    )


def _pen(color: str, style: Qt.PenStyle) -> QPen:
    pen = QPen(QColor(color), 1.0)
    pen.setStyle(style)
    pen.setCosmetic(True)
    return pen
