"""Curves of the hero plot: the task, the exact answers, and every arm's curve."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from maml_explorer.gui.plots.fast_curve import Curve, Dots, from_below
from maml_explorer.gui.plots.line_ends import LineEnd
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import height, truth
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.theme import Theme
from maml_explorer.protocol.commands import Array, ProbeTask
from maml_explorer.protocol.reports import Probed

GRID = 241
"""Points of the truth while no report has come yet."""
FAR = 50.0
"""Curves are cut off at so many times the largest amplitude: Qt draws nothing beyond."""
LONG_DASHES = [7.0, 4.0]
"""Dash and gap of the truth, in widths of its line."""
SUPPORT_SIZE, RING_WIDTH = 12.0, 1.5
"""Pixels of a support point, and of the ring around it in the colour of the card."""
QUERY_SIZE, QUERY_WIDTH, TRUTH_WIDTH = 9.0, 1.4, 1.8
"""Pixels of a query point, of its line, and of the truth's."""
REFERENCES = {
    "truth": "Truth",
    "best": "Best single predictor",
    "oracle": "Oracle: the least-squares sine",
    "band": "Bayes band",
    "uncovered": "Where no points are",
}
"""Exact answers that the user may hide, with their whole names."""
ORACLE = "best-fit sine"
"""Name of the oracle, the least-squares sine, at its end."""
_GHOST_WIDTH, _GHOST_ALPHA = 1.6, 0.4
_TRAIL_ALPHA = 0.5
"""Of the newest curve in the trail of an arm that has diverged."""
_NONE = np.zeros(0)


class TaskCurves:
    """The items on a plot that show one task and the report on it."""

    def __init__(self, plot: Plot, session: Session) -> None:
        self.session = session
        self._plot = plot
        self._item = plot.getPlotItem()
        self.probe: ProbeTask | None = None
        self.report: Probed | None = None
        self.steps: Mapping[str, int] = {}
        """Arm → the inner step whose curve is drawn."""
        self.part = 1.0
        """Part of the way from θ to those curves: below 1 only while they bend."""
        self.residuals = False
        self.before = False
        """True where θ, every arm's curve before adaptation, is drawn too."""
        self.off: frozenset[str] = frozenset()
        """Keys of REFERENCES that are not drawn."""
        self.selected: int | None = None
        self.arms: dict[str, Curve] = {}
        self.starts: dict[str, Curve] = {}
        self.ghosts: dict[str, Curve] = {}
        """Arms of the run that is drawn beside."""
        self.trails: list[Curve] = []
        """The last curves of arms that have diverged."""
        self._low, self._high = pg.PlotCurveItem(), pg.PlotCurveItem()
        self.band = pg.FillBetweenItem(self._low, self._high)
        self.best = Curve(antialias=True)
        self.oracle = Curve(antialias=True)
        self.truth = Curve(antialias=True)
        self.residual = Curve(antialias=True, connect="pairs")
        self.query = Dots(size=QUERY_SIZE)
        self.support = Dots(size=SUPPORT_SIZE)
        for z, item in (
            (1, self.band), (2, self.best), (3, self.oracle), (4, self.truth),
            (6, self.residual), (20, self.query), (30, self.support),
        ):  # fmt: skip
            item.setZValue(z)
            self._item.addItem(item, ignoreBounds=True)

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`; `draw` brings them to the arms and points."""
        faded = QColor(theme.muted)
        faded.setAlpha(45)
        self.band.setBrush(faded)
        for curve in (self.best, self.oracle, self.truth):
            # on a screen of fractional pixels a kept curve would lie between them
            curve.keep(not self._plot.pictured and float(self._plot.ink).is_integer())
        self.best.setPen(self._plot.pen(theme.muted, Qt.PenStyle.DotLine, 1.4))
        self.oracle.setPen(self._plot.pen(theme.muted, width=1.2))
        dashed = self._plot.pen(theme.text, Qt.PenStyle.DashLine, TRUTH_WIDTH)
        dashed.setDashPattern(LONG_DASHES)  # an arm's dashes and dots are shorter
        self.truth.setPen(dashed)
        self.query.setSize(self._plot.dot(QUERY_SIZE))
        self.query.setPen(self._plot.pen(theme.muted, width=QUERY_WIDTH))
        self.query.setBrush(pg.mkBrush(None))
        self.support.setBrush(pg.mkBrush(theme.text))

    @property
    def grid(self) -> Array:
        """[grid point]: the x of all curves."""
        if self.report is not None:
            return self.report.grid
        tasks = self.session.settings.tasks
        return np.linspace(tasks.x_min, tasks.x_max, GRID)

    @property
    def scale(self) -> float:
        """Half the height that the task family needs."""
        needed = height(self.session.settings.tasks)
        return 1.1 * needed if needed > 0 else 1.1

    def shows(self, reference: str) -> bool:
        """True where the user wants to see this one of REFERENCES."""
        return reference not in self.off

    def draw_task(self, focused: bool) -> None:
        """Draws truth, query and support points; the selected one is ringed where `focused`."""
        probe = self.probe
        hidden = not self.shows("truth")
        if hidden or probe is None or not probe.known:
            self.truth.put(_NONE, _NONE)
            self.query.put(_NONE, _NONE)
            self.residual.put(_NONE, _NONE)
        else:
            self.truth.put(self.grid, truth(self.grid, probe, self.session.settings.tasks))
            query = _NONE if probe.query_x is None else probe.query_x
            self.query.put(query, truth(query, probe, self.session.settings.tasks))
        self.draw_support(focused)

    def draw_support(self, focused: bool) -> None:
        """Draws the support points."""
        if self.probe is None:
            self.support.put(_NONE, _NONE)
            return
        theme, n = self.session.theme, len(self.probe.support_x)
        rings = [self._plot.pen(theme.card, width=RING_WIDTH)] * n
        sizes = [self._plot.dot(SUPPORT_SIZE)] * n
        if focused and self.selected is not None and self.selected < n:
            rings[self.selected] = self._plot.pen(theme.accent, width=2.5)
            sizes[self.selected] = self._plot.dot(15)
        self.support.put(self.probe.support_x, self.probe.support_y, pen=rings, size=sizes)

    def draw_report(self) -> None:
        """Draws the arms' curves at their inner steps, and the exact answers."""
        settings, theme, report = self.session.settings, self.session.theme, self.report
        known = {} if report is None else report.arms
        hidden = self.session.hidden
        shown = [arm for arm in settings.arms if arm.name in known and arm.name not in hidden]
        styles = {arm.name: arm_style(settings, arm, theme) for arm in shown}
        self._keep(self.arms, set(styles))
        self._keep(self.starts, set(styles) if self.before else set())
        for z, name in enumerate(from_below(styles)):
            curve = self.arms[name]
            curve.setZValue(10 + z / 10)
            curve.ink(self._plot.arm_pen(styles[name]))
            curve.put(self.grid, self.curve(name))
            if self.before:
                start = self.starts[name]
                start.setZValue(8 + z / 10)
                start.ink(self._plot.arm_pen(styles[name], 1.3, alpha=0.5))
                start.put(self.grid, self.curve(name, 0))
        self._draw_trails()
        self._draw_ghosts()
        self._draw_residuals([arm.name for arm in shown])
        self._draw_references()

    def _draw_trails(self) -> None:
        """The last curves of each arm that has diverged, the older the fainter."""
        settings, theme = self.session.settings, self.session.theme
        trails = {
            arm: [probed.arms[arm] for probed in trail if arm in probed.arms]
            for arm, trail in self.session.divergences.trails.items()
            if arm not in self.session.hidden and arm in self.arms
        }
        wanted = sum(len(trail) for trail in trails.values())
        while len(self.trails) > wanted:
            self._item.removeItem(self.trails.pop())
        while len(self.trails) < wanted:
            self.trails.append(Curve(antialias=True, connect="finite"))
            self._item.addItem(self.trails[-1], ignoreBounds=True)
        limit, curves = FAR * self.scale, iter(self.trails)
        for arm, trail in trails.items():
            style = arm_style(settings, arm, theme)
            for nth, (probe, curve) in enumerate(zip(trail, curves, strict=False)):
                row = probe.curves[min(self.steps.get(arm, 0), len(probe.curves) - 1)]
                curve.setZValue(5)
                alpha = _TRAIL_ALPHA * (nth + 1) / len(trail)
                curve.ink(self._plot.arm_pen(style, _GHOST_WIDTH, alpha=alpha))
                curve.put(self.grid, np.clip(row, -limit, limit))

    def _draw_ghosts(self) -> None:
        """The curves of another run's arms at the inner step of the first visible arm, faint."""
        ghost, report = self.session.pins.faint, self.report
        known = {} if ghost is None or report is None else report.ghost
        arms = () if ghost is None else ghost.settings.arms
        shown = [arm for arm in arms if arm.name in known and arm.name not in self.session.hidden]
        self._keep(self.ghosts, {arm.name for arm in shown})
        limit = FAR * self.scale
        for arm in shown:
            assert ghost is not None
            rows = known[arm.name].curves
            row = rows[min(max(self.steps.values(), default=0), len(rows) - 1)]
            style = arm_style(ghost.settings, arm, self.session.theme)
            curve = self.ghosts[arm.name]
            curve.setZValue(7)
            curve.ink(self._plot.arm_pen(style, _GHOST_WIDTH, alpha=_GHOST_ALPHA))
            curve.put(self.grid, np.clip(row, -limit, limit))

    def _keep(self, curves: dict[str, Curve], names: set[str]) -> None:
        """Makes `curves` those of these arms."""
        for name in set(curves) - names:
            self._item.removeItem(curves.pop(name))
        for name in names - set(curves):
            curves[name] = Curve(antialias=True, connect="finite")
            self._item.addItem(curves[name], ignoreBounds=True)

    def curve(self, name: str, step: int | None = None) -> Array:
        """[grid point]: :meth:`prediction`, cut off far outside."""
        limit = FAR * self.scale
        clipped: Array = np.clip(self.prediction(name, step), -limit, limit)
        return clipped

    def prediction(self, name: str, step: int | None = None) -> Array:
        """[grid point]: an arm's prediction at its inner step or at `step`."""
        assert self.report is not None
        values = self.report.arms[name].curves
        part = self.part if step is None else 1.0
        step = self.steps.get(name, 0) if step is None else step
        row = values[min(step, len(values) - 1)]
        if part < 1.0:
            row = (1.0 - part) * values[0] + part * row
        predicted: Array = row
        return predicted

    def _draw_residuals(self, names: list[str]) -> None:
        """Lines from the query points to the prediction of the first visible arm."""
        probe = None if self.report is None else self.report.probe
        x = y = _NONE
        own = self.probe is None or not self.probe.known or not self.shows("truth")
        if self.residuals and names and not own and probe is not None and self.report is not None:
            rows = self.report.arms[names[0]].query_prediction
            if probe.query_x is not None and probe.known and len(rows):
                predicted = rows[min(self.steps.get(names[0], 0), len(rows) - 1)]
                target = truth(probe.query_x, probe, self.session.settings.tasks)
                keep = np.isfinite(predicted)
                x = np.repeat(probe.query_x[keep], 2)
                y = np.stack((target[keep], predicted[keep]), axis=1).ravel()
                style = arm_style(self.session.settings, names[0], self.session.theme)
                self.residual.setPen(self._plot.pen(style.color, width=1.2))
        self.residual.put(x, y)

    def _draw_references(self) -> None:
        report = self.report
        if report is None:
            for curve in (self.best, self.oracle):
                curve.put(_NONE, _NONE)
            self.band.hide()
            return
        best = report.best_single if self.shows("best") else None
        self.best.put(*((_NONE, _NONE) if best is None else (report.grid, best)))
        oracle = report.oracle
        twin = report.truth if self.shows("truth") else None
        if oracle is not None and _alike(oracle, twin, 0.01 * self.scale):
            # A second line would only thicken the truth.
            oracle = None
        if not self.shows("oracle"):
            oracle = None
        limit = FAR * self.scale
        self.oracle.put(
            *((_NONE, _NONE) if oracle is None else (report.grid, np.clip(oracle, -limit, limit)))
        )
        mean, spread = report.bayes_mean, report.bayes_sd
        if mean is not None and spread is not None:
            self._low.setData(report.grid, mean - 1.96 * spread)
            self._high.setData(report.grid, mean + 1.96 * spread)
        wanted = self.shows("band")
        self.band.setVisible(wanted and mean is not None and spread is not None)

    def ends(self) -> list[LineEnd]:
        """Names of the arms and of the oracle at the ends of their curves."""
        settings, theme = self.session.settings, self.session.theme
        found = [
            LineEnd(name, arm_style(settings, name, theme).text, float(self.arms[name].yData[-1]))
            for name in (arm.name for arm in settings.arms)
            if name in self.arms and has_data(self.arms[name])
        ]
        if has_data(self.oracle):
            found.append(LineEnd(ORACLE, theme.muted, float(self.oracle.yData[-1])))
        return found

    def drawn(self) -> list[Curve]:
        """The curves that have data now, the arms' first."""
        curves = [
            *self.arms.values(), *self.starts.values(), *self.ghosts.values(),
            self.truth, self.best, self.oracle,
        ]  # fmt: skip
        return [curve for curve in curves if has_data(curve)]

    def points(self) -> tuple[Array, Array]:
        """(x, y) of all support and query points that are drawn."""
        support = (_NONE, _NONE) if self.probe is None else (
            self.probe.support_x, self.probe.support_y
        )  # fmt: skip
        query = self.query.getData()
        return np.concatenate((support[0], query[0])), np.concatenate((support[1], query[1]))

    def table(self, everything: bool) -> Table:
        """The curves that are drawn, a column each; or every arm at every inner step."""
        report = self.report
        if report is None:
            return ["x"], []
        columns = {"x": report.grid}
        for name, curve in (
            ("truth", self.truth),
            ("best single predictor", self.best),
            ("oracle", self.oracle),
        ):
            if has_data(curve) and len(curve.yData) == len(report.grid):
                columns[name] = curve.yData
        known = report.arms if everything else self.arms
        for name in [arm.name for arm in self.session.settings.arms if arm.name in known]:
            values = report.arms[name].curves
            step = min(self.steps.get(name, 0), len(values) - 1)
            for k in range(len(values)) if everything else [step]:
                columns[f"{name} after inner step {k}"] = values[k]
        return list(columns), list(zip(*(v.tolist() for v in columns.values()), strict=True))


def _alike(curve: Array, other: Array | None, tolerance: float) -> bool:
    return other is not None and float(np.max(np.abs(curve - other))) < tolerance


def has_data(curve: Curve) -> bool:
    """True where a curve has any points."""
    return curve.yData is not None and len(curve.yData) > 0
