"""Plot of the losses: traces, averages, reference lines, marks and a read-out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent

from maml_explorer.gui.panels.losses.change_marks import ChangeMarks
from maml_explorer.gui.panels.losses.divergence_marks import DeadEnds, DivergenceMarks
from maml_explorer.gui.panels.losses.following_range import FollowingRange
from maml_explorer.gui.panels.losses.other_runs import GhostLines
from maml_explorer.gui.panels.losses.readings import DrawnLosses, reading, table
from maml_explorer.gui.panels.losses.reference_lines import (
    ReferenceLines,
    reference_words,
)
from maml_explorer.gui.panels.losses.view import LossView, loss_words
from maml_explorer.gui.plots.fast_curve import Curve, from_below
from maml_explorer.gui.plots.label_placement import Box
from maml_explorer.gui.plots.line_ends import LineEnd
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import EVERY_ARM_HIDDEN, label, recolor
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.drawn_losses import Drawn
from maml_explorer.gui.session.loss_history import (
    HELD_OUT,
    OUTER_STEPS,
    SECONDS,
    X_LABELS,
    LossHistory,
)
from maml_explorer.gui.session.meta_test_losses import HeldOutPoint
from maml_explorer.gui.session.moving_averages import Array
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style, looks_of
from maml_explorer.gui.style.theme import Theme

_KEY_STEP = 8
"""Pixels that an arrow key moves the read-out."""
_Line = tuple[Array, Array]
_REACH = 6
"""Pixels within which a mark is named in the read-out."""
NOTHING_YET = "Press Train: the losses appear here"
LED = "Not trained yet: no losses"
"""Words while a lesson says what comes next."""
NO_TIMES = "No times were saved with this run"


class LossPlot(Plot):
    """Draws the losses of the run, and of other runs beside it, as `loss_view` says."""

    moved = Signal()
    """Another range is in sight: the traces must be reduced again."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.theme, "Losses", X_LABELS[OUTER_STEPS], "MSE", movable=True)
        self.session = session
        self.record = session.losses
        self._words = "MSE"
        self.loss_view = LossView()
        """A double click makes it follow the training again."""
        self._range = FollowingRange(self)
        self.drawn: dict[str, Drawn] = {}
        self.tested: dict[str, list[HeldOutPoint]] = {}
        """The meta-tests that are drawn, where they are the quantity shown."""
        self._dots: dict[str, pg.ScatterPlotItem] = {}
        self._raw: dict[str, Curve] = {}
        self._smooth: dict[str, Curve] = {}
        self.references, self.marks = ReferenceLines(self), ChangeMarks(self)
        self.ghosts = GhostLines(self)
        self.divergences = DivergenceMarks(self)
        self.dead = DeadEnds(self)
        self._empty = label(NOTHING_YET, session.theme.muted)
        self._empty.setZValue(40)
        self.getPlotItem().addItem(self._empty, ignoreBounds=True)
        self.setAccessibleDescription(
            "Left and Right read off values, Home shows everything. "
            "The menu shows the numbers as a table."
        )
        self.readout = ReadOut(self)
        self.pointed = session.pointed
        self.table = self._table
        self.view().sigRangeChangedManually.connect(self._taken_over)
        self.take_colors(session.theme)

    @property
    def history(self) -> LossHistory:
        """The losses of the run."""
        return self.record.history

    @property
    def reference_words(self) -> list[tuple[float, str]]:
        """(value, words) of the reference lines; none while a question is asked."""
        return [] if self.session.answers_hidden else self._references()

    def _references(self) -> list[tuple[float, str]]:
        session, test = self.session, self.session.measured.meta_test
        now = session.settings.tasks, session.settings.inner.shots
        fits = test is not None and (test.family, test.shots) == now
        held_out = self.loss_view.loss == HELD_OUT
        return reference_words(session.measured.references, test if fits else None, held_out)

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        recolor(self._empty, theme.muted)
        self.references.restyle(theme)
        self.readout.restyle(theme)
        self.draw()

    def legend(self) -> list[tuple[ArmStyle, str]]:
        """The arms that are drawn."""
        return looks_of(self.session.settings, self.drawn, self.theme)

    def show_as(self, view: LossView) -> None:
        """Takes up another loss, x axis or scale, and follows the training."""
        self.loss_view = replace(view, follows=True)
        self.bottom.logarithmic = view.log_x
        self.bottom.whole = view.axis != SECONDS
        self.label_x(X_LABELS[view.axis])
        self._range.end = 0.0
        self.bottom.picture = self.left.picture = None
        self.draw()

    def smooth(self, smoothing: float) -> None:
        """Averages otherwise from the next drawing on; the range stays."""
        self.loss_view = replace(self.loss_view, smoothing=smoothing)

    def follow(self) -> None:
        """Follows the training from the next drawing on."""
        self.loss_view = replace(self.loss_view, follows=True)

    def _taken_over(self, _: object) -> None:
        self.loss_view = replace(self.loss_view, follows=False)
        self.draw()
        self.moved.emit()

    # drawing

    def draw(self) -> None:
        """Draws all visible arms, reduced to the pixels there are."""
        accuracy = self.record.family.higher_is_better
        self.loss_view = view = replace(self.loss_view, accuracy=accuracy)
        self.left.logarithmic = view.log_y
        settings, theme = self.session.settings, self.session.theme
        history, ghosts, hidden = self.history, self.record.ghosts, self.session.hidden
        # those of a run that is about to begin have no losses yet
        figure = loss_words(self.record.family, view.loss)
        if figure != self._words:
            self._words = figure
            self.label_y(figure)
        if view.follows:
            others = [ghost.history for ghost in ghosts]
            self._range.x(view, history, others, hidden, running=self.session.link.running)
        edges = self._edges()
        known = view.arms(history, hidden)
        shown = [arm for arm in settings.arms if arm.name in known]
        names = {arm.name for arm in shown}
        for curves in (self._raw, self._smooth, self._dots):
            for name in set(curves) - names:
                self.getPlotItem().removeItem(curves.pop(name))
        self.drawn = {arm.name: view.drawn(history, arm.name, edges) for arm in shown}
        self.tested = {arm.name: view.tested(history, arm.name) for arm in shown}
        styles = {arm.name: arm_style(settings, arm, theme) for arm in shown}
        for z, name in enumerate(from_below(styles)):
            drawn, style = self.drawn[name], styles[name]
            raw = self._curve(self._raw, name, antialias=False)
            raw.setZValue(10 + z / 10)
            faint = self.pen(style.color)
            color = faint.color()
            # Many steps a pixel fill an area: it must stay behind the averages.
            dense = len(drawn.raw_x) > 0.5 * len(edges)
            color.setAlphaF((0.09 if dense else 0.25) * (1.3 if theme.dark else 1.0))
            faint.setColor(color)
            raw.ink(faint)
            raw.put(*drawn.raw_line())
            smooth = self._curve(self._smooth, name, antialias=True)
            smooth.setZValue(20 + z / 10)
            smooth.ink(self.arm_pen(style, 1.8))
            # a mean of the first tasks beside means of all would be a bend that no training made
            (x, y), firsts = drawn.line(), sum(point.first for point in self.tested[name])
            smooth.put(x[: len(x) - firsts], y[: len(y) - firsts])
            self._draw_dots(name, style, 22 + z / 10)
        self.ghosts.draw(ghosts, view, hidden, edges)
        known_lines = self._references()
        references = [] if self.session.answers_hidden else known_lines
        if view.follows:
            # a question hides the lines; the axis stays as it is
            lines = [value for value, _ in known_lines]
            frozen = self.session.divergences.frozen
            self._range.y(view, self.drawn, lines, frozen, self.ghosts.averages)
        averages, below = self._in_pixels(references)
        diverged, place = self.session.divergences, self._losses().place
        self.divergences.draw(diverged.seen, place, list(diverged.frozen.values()))
        self.marks.draw(history.marks, place, averages, self.divergences.boxes)
        words = [*self.divergences.boxes, *self.marks.boxes]
        self.ghosts.name(averages, below, words)
        ends = [
            LineEnd(name, styles[name].text, float(self.drawn[name].y[-1]))
            for name in styles
            if len(self.drawn[name].y) and name not in self.session.divergences.frozen
        ]
        self.ends.show_ends([*ends, *self.ghosts.ends.values()])
        ended = [(styles[name], self.drawn[name]) for name in styles if name in diverged.frozen]
        self.dead.draw(
            [(style.color, drawn.x[-1], drawn.y[-1]) for style, drawn in ended if len(drawn.x)]
        )
        taken = [*words, *self.marks.lines, *self.ghosts.boxes, *self._say_empty()]
        self.references.draw(references, view.log_y, averages, taken, below)
        self.ends.name_also(self.references.ends)
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)

    def _in_pixels(self, references: object) -> tuple[list[_Line], list[_Line]]:
        """(averages, raw losses) in pixels, where there are words that keep off them."""
        worded = references or self.ghosts.curves or self.history.marks
        kept_off = self.drawn.values() if worded else ()
        averages = [self.to_pixels(*piece) for d in kept_off for piece in d.pieces()]
        below = [_zigzag(*self.to_pixels(*piece)) for d in kept_off for piece in d.raw_pieces()]
        return averages, below

    def _say_empty(self) -> list[Box]:
        """Says why no line is drawn; the box of these words, none where lines are."""
        kept = [drawn for drawn in self.drawn.values() if len(drawn.x)]
        seconds = self.loss_view.axis == SECONDS
        timeless = seconds and bool(kept) and not any(drawn.x.max() > 0 for drawn in kept)
        if timeless:
            words = NO_TIMES
        elif not self.history.empty and not self.session.shown_arms:
            words = EVERY_ARM_HIDDEN
        else:
            words = LED if self.session.led else NOTHING_YET
        self._empty.setText(words)
        self._empty.setVisible(timeless or (not kept and not self.ghosts.curves))
        if not self._empty.isVisible():
            return []
        area, size = self.area(), self._empty.boundingRect()
        low_middle = QPoint(round(area.center().x()), round(area.top() + 0.8 * area.height()))
        self._empty.setAnchor((0.5, 0.5))
        self._empty.setPos(*self.to_data(low_middle))
        width, height = size.width(), size.height()
        return [Box(low_middle.x() - width / 2, low_middle.y() - height / 2, width, height)]

    def _draw_dots(self, name: str, style: ArmStyle, z: float) -> None:
        """A marker for each meta-test, hollow where diverged tasks are left out, or a lone loss."""
        held_out = self.loss_view.loss == HELD_OUT
        if not held_out and len(self.drawn[name].x) != 1:
            if name in self._dots:
                self.getPlotItem().removeItem(self._dots.pop(name))
            return
        if name not in self._dots:
            self._dots[name] = pg.ScatterPlotItem(antialias=True, useCache=False)
            self.getPlotItem().addItem(self._dots[name], ignoreBounds=True)
        dots, drawn, pen = self._dots[name], self.drawn[name], self.pen(style.color, width=1.2)
        hollow = [bool(point.diverged) for point in self.tested[name]] if held_out else [False]
        fill = [pg.mkBrush(self.theme.card if one else style.color) for one in hollow]
        dots.setData(
            drawn.x, drawn.y, symbol=style.marker, brush=fill or None, pen=pen, size=self.dot(6)
        )
        dots.setZValue(z)

    def _curve(self, curves: dict[str, Curve], name: str, antialias: bool) -> Curve:
        if name not in curves:
            curves[name] = Curve(antialias=antialias, connect="finite")
            self.getPlotItem().addItem(curves[name], ignoreBounds=True)
        return curves[name]

    def _edges(self) -> Array:
        low, high = self.view().viewRange()[0]
        return np.linspace(low, high, max(int(self.area().width()), 2) + 1)

    # reading off values

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off values, or pans."""
        super().mouseMoveEvent(event)
        if event.buttons():
            self.readout.hide()
        else:
            self._read(event.position().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Shows everything again."""
        self.show_all()
        event.accept()

    def show_all(self) -> None:
        """Shows everything, and follows the training."""
        self.loss_view = replace(self.loss_view, follows=True, until=None)
        self.draw()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right move the read-out, Home shows everything again."""
        way = {Qt.Key.Key_Left: -_KEY_STEP, Qt.Key.Key_Right: _KEY_STEP}.get(Qt.Key(event.key()))
        area = self.area().toRect().adjusted(1, 1, -2, -2)
        if event.key() == Qt.Key.Key_Home:
            self.show_all()
        elif way is not None:
            at = self.readout.pointer or area.center()
            across = max(area.left(), min(at.x() + way, area.right()))
            self._read(QPoint(across, area.center().y()))
        else:
            event.ignore()

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self.readout.hide()
        self.pointed.point(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Reduces what is drawn to the new number of pixels."""
        super().resizeEvent(event)
        if hasattr(self, "readout"):
            self.moved.emit()

    def _read(self, pixel: QPoint) -> None:
        x = self.readout.over(pixel)
        if x is None or not self.drawn:
            self.readout.hide()
            self.pointed.point(None)
        else:
            self.readout.show(self.reading(x))
            view, steps = self.loss_view, self.loss_view.axis == OUTER_STEPS
            self.pointed.point(round(view.value(x)) if steps else None)

    def reading(self, x: float) -> str:
        """The values at `x` of the plot as HTML, and what was changed near it."""
        reach = _REACH * self.view().viewPixelSize()[0]
        read = reading(self._losses(), x, self.session.settings, self.session.theme, reach)
        return "<br>".join([read, *(words for _, words in self.references.unsaid)])

    def _table(self, everything: bool) -> Table:
        low, high = self.view().viewRange()[0]
        return table(self._losses(), (low, high), everything)

    def _losses(self) -> DrawnLosses:
        return DrawnLosses(self.loss_view, self.history, self.drawn, self.tested)


def _zigzag(x: Array, y: Array) -> tuple[Array, Array]:
    """Raw losses in pixels, of which two share a column, with x that rises: half a pixel apart."""
    return x + 0.5 * (np.arange(len(x)) % 2), y
