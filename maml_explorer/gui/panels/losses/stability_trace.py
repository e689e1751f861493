"""Stability of the inner loop over training, below the losses."""

from __future__ import annotations

from PySide6.QtGui import QFontMetricsF, QHideEvent, QShowEvent

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.insight.figure_lines import arm_lines
from maml_explorer.gui.panels.losses.plot import LossPlot
from maml_explorer.gui.plots.lines_plot import LinesPlot
from maml_explorer.gui.plots.table import Table
from maml_explorer.gui.session.loss_history import OUTER_STEPS
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.stability_verdict import STABILITY
from maml_explorer.gui.style.qt_style import base_font
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.insight import Insight
from maml_explorer.protocol.insight_records.stability import MEDIAN, SWINGS

LINES = 7.5
"""Most height in lines of text, so that a hall's type leaves room for the lines drawn."""
WAITING = "The first figures appear here in a moment"
NONE = "No visible arm has an inner loop in training"


class StabilityTrace(LinesPlot):
    """The largest eigenvalue of diag(a) H, the median of tasks, per visible arm.

    Under losses against outer steps it has their x axis.
    """

    def __init__(self, session: Session, losses: LossPlot) -> None:
        super().__init__(session.theme, "Stability of the inner steps", "outer step", log_y=True)
        self.session, self.losses = session, losses
        self.named = False  # those above have the same colours
        self.label_x("")
        self.paper_labels = ("outer step", "α λ_max")
        self.caption = lambda: "largest eigenvalue of diag(a) H (α λ_max), median of tasks"
        self.setToolTip(
            plain_tip(
                "α λ_max, the largest eigenvalue of diag(a) H: the median of some tasks. Above 2 "
                "each inner step swings out farther than the one before."
            )
        )
        self.table = self._followed
        for plot in (losses, self):
            plot.view().sigResized.connect(self._align)
        session.insight.arrived.connect(self._take)
        session.theme_changed.connect(self.take_colors)
        session.hidden_changed.connect(self.show_now)
        session.link.run_started.connect(self.show_now)

    def show_now(self) -> None:
        """Draws what is known, where anybody sees it."""
        if not self.isVisible():
            return
        lines = arm_lines(self.session, STABILITY.view, MEDIAN)
        self.setMaximumHeight(round(LINES * QFontMetricsF(base_font()).lineSpacing()))
        self._align()
        session = self.session
        visible = [arm for arm in session.settings.arms if arm.name not in session.hidden]
        adapt = any(ALGORITHMS[arm.algorithm].adapts != "none" for arm in visible)
        empty = WAITING if adapt else NONE
        self.show_lines(lines, "α λ", reference=(SWINGS, "above 2 they swing out"), empty=empty)
        view = self.losses.loss_view
        if view.axis == OUTER_STEPS and not view.log_x:
            self.view().setXRange(*self.losses.view().viewRange()[0], padding=0)
            self.draw_words()

    def _align(self) -> None:
        """Begins and ends where the losses do, from left to right: room for the labels of both."""
        if not self.isVisible():
            return
        above, below = self.losses.left, self.left
        below.widen_to(above.needs)
        above.widen_to(below.needs)
        self.ends.end_below(self.losses.ends)

    def _followed(self, everything: bool) -> Table:
        rows = (row for row in self.session.insight.figures.rows() if row[1] == STABILITY.view)
        wanted = [
            (arm, figure, step, value)
            for step, _, arm, figure, value in rows
            if everything or figure == MEDIAN
        ]
        return ("arm", "figure", "outer step", "value"), wanted

    def _take(self, insight: Insight) -> None:
        if insight.request == STABILITY:
            self.show_now()

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to look."""
        super().showEvent(event)
        self.session.insight.look(self, STABILITY)
        self.show_now()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ends looking."""
        super().hideEvent(event)
        self.losses.left.widen_to(0.0)
        self.session.insight.look(self)
