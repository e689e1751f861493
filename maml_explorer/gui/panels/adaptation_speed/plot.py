"""The plot of a meta-test: query MSE against inner step, mean and 95 % band."""

from __future__ import annotations

import math
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent

from maml_explorer.gui.panels.adaptation_speed.class_lines import ClassLines
from maml_explorer.gui.panels.adaptation_speed.comparison import with_interval
from maml_explorer.gui.panels.adaptation_speed.published_marks import PublishedMarks
from maml_explorer.gui.panels.adaptation_speed.single_tasks import (
    nearest_task,
    probe_of,
    task_lines,
    worst_task,
)
from maml_explorer.gui.panels.adaptation_speed.speed_items import (
    STALE,
    SpeedItems,
    mark_room,
    with_gaps,
)
from maml_explorer.gui.panels.adaptation_speed.statistics import (
    EVERY,
    MEAN,
    STATISTICS,
    SpeedLine,
    speed_line,
    test_table,
)
from maml_explorer.gui.panels.adaptation_speed.step_line import StepLine
from maml_explorer.gui.panels.adaptation_speed.words import words_where_empty
from maml_explorer.gui.plots.fast_curve import from_below
from maml_explorer.gui.plots.line_ends import LineEnd
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.plot_text import label, recolor
from maml_explorer.gui.plots.readout import ReadOut
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style, looks_of
from maml_explorer.gui.style.numbers import number
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array
from maml_explorer.protocol.reports import MetaTested, ReferenceLosses


class SpeedPlot(Plot):
    """Mean and 95 % band of every visible arm."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.theme, "Adaptation speed", "inner step", "", whole_x=True)
        self.setMinimumHeight(64)
        self.session = session
        self.test: MetaTested | None = None
        self.published = PublishedMarks(self)
        self.classes = ClassLines(self)
        self.inner = session.inner
        self.log_y = False
        self._figure, self.statistic = "", MEAN
        self.stale = False
        """The lines are of a state that training has left behind: they are drawn faint."""
        self.drawn: dict[str, SpeedLine] = {}
        self._items: dict[str, SpeedItems] = {}
        self.hair = StepLine(session, lambda: self.last_shown)
        self._empty = label("", session.theme.muted)
        for z, item in ((1, self.hair), (40, self._empty)):
            item.setZValue(z)
            self.getPlotItem().addItem(item, ignoreBounds=True)
        self.readout = ReadOut(self)
        self.table = self._table
        session.editor.settings_changed.connect(self._name_figure)
        session.link.status_changed.connect(self._place_empty)
        self.setAccessibleDescription(
            "A click, Left and Right choose the inner step that all panels show. Where every task "
            "is drawn, a click on a line shows that task above."
        )
        self.take_colors(session.theme)
        # names at the ends of lines take room from the view too, not the window alone
        self.view().sigResized.connect(self._take_size)

    def take_colors(self, theme: Theme) -> None:
        """Draws everything in the colours of `theme`."""
        self.restyle(theme)
        recolor(self._empty, theme.muted)
        self.hair.setPen(self.pen(theme.muted, Qt.PenStyle.DotLine))
        self.readout.restyle(theme)
        self.classes.restyle(theme)
        self.draw()

    def legend(self) -> list[tuple[ArmStyle, str]]:
        """The arms that are drawn."""
        return looks_of(self.session.settings, self.drawn, self.theme)

    def _name_figure(self) -> None:
        of = "" if self.statistic == EVERY else f"{STATISTICS[self.statistic][0]} "
        if (words := f"{of}query {self.session.settings.family.figure}") != self._figure:
            self._figure = words
            self.label_y(words)

    def draw(self) -> None:
        """Draws the newest meta-test."""
        settings, test = self.session.settings, self.test
        self._name_figure()
        self.left.logarithmic = self.log_y
        self.left.picture = None
        arms, hidden = {} if test is None else test.arms, self.session.hidden
        shown = [arm for arm in settings.arms if arm.name in arms and arm.name not in hidden]
        for name in set(self._items) - {arm.name for arm in shown}:
            for item in self._items.pop(name).all():
                self.getPlotItem().removeItem(item)
        most = 1.0 if settings.family.images else math.inf
        tasks = None if test is None else test.tasks
        self.drawn = {
            name: speed_line(arms[name], self.statistic, self.figures(name), most, tasks)
            for name in (arm.name for arm in shown)
        }
        styles = {arm.name: arm_style(settings, arm, self.theme) for arm in shown}
        for z, name in enumerate(from_below(styles)):
            self._draw_arm(name, styles[name], z)
        self.published.draw(settings, hidden, self.log_y)
        self.classes.draw(self.session.measured.references, test, styles, self.log_y)
        self._fit()
        self.classes.place(self.drawn.values())
        # one that breaks off before is named nowhere: there is no end beside the name
        whole = ((n, d) for n, d in self.drawn.items() if list(d.step[-1:]) == [self.last_step])
        tips = [(name, float(self._scaled(data.mean)[-1])) for name, data in whole]
        self.ends.show_ends([LineEnd(name, styles[name].text, y) for name, y in tips])
        self.hair.setVisible(self.last_step > 0)
        self.hair.place()
        self._place_empty()
        if self.readout.pointer is not None:
            self._read(self.readout.pointer)

    def _draw_arm(self, name: str, style: ArmStyle, place: int) -> None:
        if name not in self._items:
            self._items[name] = SpeedItems()
            for item in self._items[name].all():
                self.getPlotItem().addItem(item, ignoreBounds=True)
        items, data = self._items[name], self.drawn[name]
        color = QColor(style.color)
        color.setAlphaF(0.16)
        low, high = self._scaled(data.low), self._scaled(data.high)
        mean = self._scaled(data.mean)
        self._draw_tasks(items.every, name, style)
        if self.log_y:
            # An interval that reaches 0 has no lower end on a logarithmic axis.
            low = np.where(np.isfinite(low), low, mean - 1.0)
        items.band_low.setData(data.step, low)
        items.band_high.setData(data.step, high)
        items.band.setBrush(color)
        items.line.setPen(self.arm_pen(style, 1.8))
        items.line.setData(*with_gaps(data.step, mean), connect="finite")
        fill = [pg.mkBrush(self.theme.card if kept else style.color) for kept in data.kept]
        # Smaller from below to the top: markers that coincide are all seen.
        items.dots.setData(
            data.step, mean, symbol=style.marker, size=self.dot(9 - min(place, 4)), brush=fill,
            pen=self.pen(style.color, width=1.2),
        )  # fmt: skip
        for item in items.all():
            item.setZValue((8 if item is items.every else 10) + place / 10)
            item.setOpacity(STALE if self.stale else 1.0)

    def _draw_tasks(self, item: pg.PlotCurveItem, name: str, style: ArmStyle) -> None:
        figures = self.figures(name) if self.statistic == EVERY else None
        if figures is None:
            item.setData([], [])
            return
        color = QColor(style.color)
        color.setAlphaF(max(0.06, min(0.35, 30 / figures.shape[1])))
        pen = self.pen(style.color)
        pen.setColor(color)
        item.setPen(pen)
        item.setData(*task_lines(figures, self._scaled), connect="finite")

    def figures(self, name: str) -> Array | None:
        """[inner step, task] of an arm; None where tasks are not known one by one."""
        held = None if self.test is None else self.test.held_out
        return None if held is None else held.figures.get(name)

    def fade(self, stale: bool) -> None:
        """Draws faint what is of an older state, or in full what is of this one."""
        if stale != self.stale:
            self.stale = stale
            for items in self._items.values():
                for item in items.all():
                    item.setOpacity(STALE if stale else 1.0)

    @property
    def single(self) -> list[Array]:
        """Figures [inner step, task] of the arms that are drawn, where they are known."""
        known = (self.figures(name) for name in self.drawn)
        return [figures for figures in known if figures is not None]

    def task_at(self, pixel: QPoint) -> int | None:
        """The task whose line is under a pixel, where every task is drawn."""
        if self.statistic != EVERY:
            return None
        return nearest_task(self, self.single, pixel, self._scaled)

    def worst_task(self) -> int | None:
        """The task on which a visible arm is worst at the inner step shown."""
        return worst_task(self.single, self.inner.within(self.last_step))

    def show_task(self, task: int) -> None:
        """Makes a held-out task the one that the hero shows."""
        held = None if self.test is None else self.test.held_out
        if held is not None:
            self.session.task.edit(probe_of(held, task, self.session.settings))

    @property
    def last_step(self) -> int:
        """The last inner step of the meta-test."""
        if self.test is None or not self.test.arms:
            return 0
        return max(len(arm.mean) for arm in self.test.arms.values()) - 1

    @property
    def last_shown(self) -> int:
        """The last inner step of the axis: of the meta-test, or of the one that is to come."""
        return max(self.last_step, self.session.settings.run.test_steps)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses the inner step under the pointer for all panels."""
        pixel = event.position().toPoint()
        if event.button() is Qt.MouseButton.LeftButton and self.area().contains(pixel):
            self.inner.choose(max(0, min(round(self.to_data(pixel)[0]), self.last_shown)))
            if (task := self.task_at(pixel)) is not None:
                self.show_task(task)
        event.accept()

    def _scaled(self, values: Array) -> Array:
        if not self.log_y:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            logs: Array = np.log10(values)
        return logs

    def _fit(self) -> None:
        last = max(self.last_shown, 1)
        self.view().setXRange(-0.04 * last, 1.04 * last, padding=0)
        tops = [self._scaled(data.high) for data in self.drawn.values()]
        floors = [self._scaled(data.mean) for data in self.drawn.values()]
        if self.statistic == EVERY:
            singles = [self._scaled(figures).reshape(-1) for figures in self.single]
            tops, floors = [*tops, *singles], [*floors, *singles]
        others = self._scaled(self.published.values())
        joined = (np.concatenate([*each, others, np.zeros(0)]) for each in (tops, floors))
        top, floor = (values[np.isfinite(values)] for values in joined)
        edge = mark_room(self.dot(14), self.area().height())
        accuracy = self.session.settings.family.higher_is_better
        if len(top) == 0 or len(floor) == 0:
            low, high = (-1.0, 0.0 if accuracy else 1.0) if self.log_y else (0.0, 1.0)
        elif self.log_y:
            room = max(0.06, edge) * max(float(top.max() - floor.min()), 0.2)
            low, high = float(floor.min()) - room, float(top.max()) + room
        elif accuracy:
            low, high = -max(0.02, edge), 1 + max(0.02, edge)
        else:
            peak = max(min(float(top.max()), self.ceiling()), 1e-300)
            high = (1 + max(0.06, edge)) * peak
            low = min(-0.04 * high, float(floor.min()) - edge * peak)
        self.view().setYRange(low, high, padding=0)

    def ceiling(self) -> float:
        """Upper end of a linear axis: an arm that diverges must not squeeze the others.

        Twice the loss of predicting 0, or the smallest arm's peak where that is more.
        """
        return math.inf if self.log_y else self.linear_ceiling()

    def linear_ceiling(self) -> float:
        """The same, were the axis linear."""
        known = self.session.measured.references
        peaks = [float(np.max(d.high)) for d in self.drawn.values() if len(d.mean)]
        if not isinstance(known, ReferenceLosses) or not peaks:
            return math.inf
        limit = max(2 * known.predict_zero, min(peaks))
        return max((peak for peak in peaks if peak <= limit), default=limit)

    def _place_empty(self) -> None:
        self._empty.setText(words_where_empty(self.test, bool(self.drawn), self.session))
        self._empty.setAnchor((0.5, 0.5))
        self._empty.setPos(*self.to_data(self.area().center().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right choose the inner step before and after, and read it off."""
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if way is None:
            event.ignore()
            return
        step = self.inner.within(self.last_shown) + way
        self.inner.choose(max(0, min(step, self.last_shown)))
        at = self.inner.within(self.last_shown)
        self._read(self.to_pixel(at, float(np.mean(self.view().viewRange()[1]))))

    # reading off values

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads off values."""
        self._read(event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the read-out."""
        super().leaveEvent(event)
        self.readout.hide()

    def _take_size(self, _: object = None) -> None:
        """Keeps the words in their places, and marks at the edge whole."""
        self._fit()
        self.classes.place(self.drawn.values())
        self._place_empty()

    def _read(self, pixel: QPoint) -> None:
        x = self.readout.over(pixel)
        if x is None or self.test is None:
            self.readout.hide()
        else:
            self.readout.show(self.reading(max(round(x), 0)))

    def reading(self, step: int) -> str:
        """The values after `step` inner steps as HTML."""
        rows = [f"inner step {step}"]
        if self.test is None:
            return rows[0]
        for look, name in looks_of(self.session.settings, self.drawn, self.theme):
            test = self.test.arms[name]
            if step >= len(test.mean):
                continue
            text = f"{escape(name)} {with_interval(test.mean[step], test.ci95[step], fixed=True)}"
            if test.diverged[step]:
                others = number(test.mean_kept[step], fixed=True)
                text += f", {test.diverged[step]} diverged, others {others}"
            if name in self.test.seen:
                seen = number(self.test.seen[name].mean[step], fixed=True)
                text += f", seen classes {seen}"
            rows.append(f'<span style="color:{look.text}">{text}</span>')
        rows += [*self.published.rows(step), *self.classes.said]
        return "<br>".join(rows)

    def _table(self, everything: bool) -> Table:
        arms = {} if self.test is None else self.test.arms
        return test_table({n: arm for n, arm in arms.items() if everything or n in self.drawn})
