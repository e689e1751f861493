"""The pictures of a run folder, drawn without a window: adaptation.png and losses.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from maml_explorer.files.writer import write_bytes
from maml_explorer.gui.plots.pictures import png_bytes
from maml_explorer.gui.style.arm_style import arm_style
from maml_explorer.gui.style.theme import LIGHT
from maml_explorer.settings.settings import Settings

Array = NDArray[np.float64]
SIZE = (1200, 480)
BINS = 200
"""Averages that a loss curve is drawn from."""
_REFERENCE_LINES = (Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)


@dataclass(frozen=True)
class PicturedTask:
    """One held-out task and what every arm makes of it."""

    title: str
    x: Array
    """[grid point]"""
    truth: Array
    """[grid point]; nan where it is known at points alone."""
    support_x: Array
    """[point]"""
    support_y: Array
    """[point]"""
    curves: Mapping[str, Array]
    """By arm name [grid point], after adaptation."""


@dataclass(frozen=True)
class LossCurve:
    """The outer loss of one arm."""

    outer_step: NDArray[np.int64]
    """[step]"""
    loss: Array
    """[step]; NaN where it was not finite."""


def draw_adaptation(path: Path, settings: Settings, tasks: Sequence[PicturedTask]) -> None:
    """Write a picture with one plot per task: truth, support points, a curve for each arm.

    Raises:
        OSError: where the file cannot be written.
    """
    with_application()
    view, legend = _view(len(tasks))
    for column, task in enumerate(tasks):
        plot = _plot(view, column, task.title, "x", "y" if column == 0 else "")
        known = bool(np.isfinite(task.truth).any())
        reach = 1.25 * max(float(np.abs(task.truth if known else task.support_y).max()), 0.1)
        plot.setYRange(-reach, reach, padding=0)
        truth = pg.mkPen(LIGHT.muted, width=1.5, style=Qt.PenStyle.DashLine)
        lines = {}
        if known:
            lines["truth"] = plot.plot(task.x, task.truth, pen=truth, antialias=True)
        for name, curve in task.curves.items():
            shown = np.where(np.abs(curve) < 100 * reach, curve, np.nan)
            pen = arm_style(settings, name, LIGHT).pen()
            lines[name] = plot.plot(task.x, shown, pen=pen, antialias=True, connect="finite")
        lines["support points"] = plot.plot(
            task.support_x, task.support_y, pen=None, symbol="o", symbolSize=8,
            symbolBrush=LIGHT.text, symbolPen=LIGHT.card,
        )  # fmt: skip
        if column == 0:
            for name, line in lines.items():
                legend.addItem(line, name)
    _write(view, path)


def _loss_label(settings: Settings) -> str:
    return "Cross-entropy" if settings.family.images else "MSE"


def draw_losses(
    path: Path,
    settings: Settings,
    curves: Mapping[str, LossCurve],
    references: Mapping[str, float],
) -> None:
    """Write a picture of the outer losses over the outer steps, log y, with reference lines.

    Raises:
        OSError: where the file cannot be written.
    """
    with_application()
    view, legend = _view(1)
    plot = _plot(
        view, 0, "Outer loss (query set, after adaptation)", "Outer step", _loss_label(settings)
    )
    plot.setLogMode(y=True)
    for name, curve in curves.items():
        step, mean = _averages(curve)
        pen = arm_style(settings, name, LIGHT).pen()
        legend.addItem(plot.plot(step, mean, pen=pen, antialias=True), name)
    # the lines follow from the settings, so two styles are enough to tell them apart
    for (name, value), style in zip(references.items(), _REFERENCE_LINES, strict=False):
        if value > 0:
            pen = pg.mkPen(LIGHT.muted, width=1.5, style=style)
            plot.addItem(pg.InfiniteLine(np.log10(value), angle=0, pen=pen))
            legend.addItem(pg.PlotDataItem(pen=pen), f"{name}: {value:.3g}")
    _write(view, path)


def with_application() -> QApplication:
    """The application object; one without a display where there is none yet."""
    app = QApplication.instance() or QApplication(["maml-explorer"])
    if not isinstance(app, QApplication):
        raise RuntimeError("A Qt application without windows is already there.")
    return app


def _averages(curve: LossCurve) -> tuple[Array, Array]:
    """Outer step and mean loss of at most BINS bins; steps without a finite loss are left out."""
    known = np.isfinite(curve.loss) & (curve.loss > 0)
    steps, losses = curve.outer_step[known], curve.loss[known]
    if not len(steps):
        return np.empty(0), np.empty(0)
    starts = np.unique(np.linspace(0, len(steps), BINS, endpoint=False).astype(np.int64))
    counts = np.diff(np.append(starts, len(steps)))
    return np.add.reduceat(steps, starts) / counts, np.add.reduceat(losses, starts) / counts


def _view(columns: int) -> tuple[pg.GraphicsLayoutWidget, pg.LegendItem]:
    """An empty layout with a legend of one line below the plots."""
    view = pg.GraphicsLayoutWidget()
    view.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    view.setBackground(LIGHT.card)
    view.resize(*SIZE)
    legend = pg.LegendItem(colCount=12, labelTextColor=LIGHT.text)
    view.addItem(legend, row=1, col=0, colspan=columns)
    legend.setFixedHeight(28)
    return view, legend


def _plot(view: pg.GraphicsLayoutWidget, column: int, title: str, x: str, y: str) -> pg.PlotItem:
    plot = view.addPlot(row=0, col=column)
    plot.setTitle(title, color=LIGHT.text, size="11pt")
    plot.hideButtons()
    plot.setMenuEnabled(False)
    plot.showGrid(x=True, y=True, alpha=0.12)
    for side, text in (("bottom", x), ("left", y)):
        axis = plot.getAxis(side)
        axis.setPen(LIGHT.border)
        axis.setTextPen(LIGHT.muted)
        axis.setLabel(text, color=LIGHT.muted)
    return plot


def _write(view: pg.GraphicsLayoutWidget, path: Path) -> None:
    view.show()
    # axes ask for their width only once they have been drawn
    view.grab()
    view.ci.layout.activate()
    picture = view.grab()
    view.close()
    write_bytes(path, png_bytes(picture))
