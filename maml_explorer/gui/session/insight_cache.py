"""Views of the insight that were found in this run, and those that are asked for."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.insight import (
    Insight,
    InsightFigures,
    InsightProgress,
    InsightRequest,
    LookInside,
    RefreshInsight,
)
from maml_explorer.protocol.insight_series import Figures
from maml_explorer.protocol.reports import Rewound

_MOST = 64
"""Values of views that are kept: a slider's drag makes a request of each of its places."""


class InsightCache(QObject):
    """The newest value of each view, and the figures that views leave over the outer steps."""

    arrived = Signal(object)
    """A view of the insight was found: `Insight`."""
    progressed = Signal(object)
    """A view is being worked out: `InsightProgress`."""

    def __init__(self, link: WorkerLink) -> None:
        super().__init__(link.parent())
        self._link = link
        self.found: dict[InsightRequest, Insight] = {}
        """The newest value of each view in this run that is visible or was asked for."""
        self.figures = Figures()
        """Figures that the views found over the outer steps of this run."""
        self._visible: dict[object, tuple[InsightRequest, ...]] = {}
        link.run_started.connect(self._forget)
        link.subscribe(Insight, self._take)
        link.subscribe(InsightFigures, self._take_figures)
        link.subscribe(InsightProgress, self.progressed.emit)
        link.subscribe(Rewound, self._take_rewound)

    def look(self, looker: object, *requests: InsightRequest) -> None:
        """Asks for the views that `looker` shows from now on; none where it shows none."""
        if self._visible.get(looker, ()) == requests:
            return
        self._visible.pop(looker, None)
        if requests:
            self._visible[looker] = requests
        together = {request: None for views in self._visible.values() for request in views}
        self._link.post(LookInside(tuple(together)))

    def refresh(self, request: InsightRequest) -> None:
        """Asks for a view once more now, visible or not."""
        last = self.found.get(request)
        if last is not None and last.failed:
            del self.found[request]
        self._link.post(RefreshInsight(request))

    def _forget(self) -> None:
        self.found, self.figures = {}, Figures()

    def _take(self, insight: Insight) -> None:
        self.figures.take(insight)
        self.found.pop(insight.request, None)
        self.found[insight.request] = insight
        if len(self.found) > _MOST:
            del self.found[next(iter(self.found))]
        self.arrived.emit(insight)

    def _take_figures(self, figures: InsightFigures) -> None:
        self.figures = Figures(figures.rows)

    def _take_rewound(self, rewound: Rewound) -> None:
        self.figures.rewind(rewound.outer_step)
