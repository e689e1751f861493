"""Maps around θ: of adapted parameters, of errors, of losses."""

from __future__ import annotations

from maml_explorer.gui.panels.insight.tab import InsightTab, PageKind
from maml_explorer.gui.panels.map.embedding_page import EmbeddingPage
from maml_explorer.gui.panels.map.errors_page import DataMapPage, ErrorMapPage
from maml_explorer.gui.panels.map.landscape_page import LandscapePage
from maml_explorer.gui.panels.map.parameters_page import ParametersPage
from maml_explorer.gui.session.session import Session
from maml_explorer.settings.settings import Settings

PAGES: dict[str, PageKind] = {
    "Parameters": ParametersPage,
    "Errors": ErrorMapPage,
    "Shots": DataMapPage,
    "Landscape": LandscapePage,
    "Embedding": EmbeddingPage,
}
"""Word on the button → page."""
OF_CURVES, OF_IMAGES = ("Parameters", "Errors"), ("Embedding",)
"""Pages that one kind of families alone has something for."""


class MapPanel(InsightTab):
    """Parameters, errors over tasks and over data, landscape, embedding of images."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, PAGES)
        session.editor.settings_changed.connect(self._offer)
        self._offer(session.settings)

    def _offer(self, settings: Settings) -> None:
        """Offers the pages that tasks of the family have something for."""
        out = OF_CURVES if settings.family.images else OF_IMAGES
        for nth, name in enumerate(PAGES):
            self.choices.button(nth).setVisible(name not in out)
        if self.shown in out:
            self.show_page((OF_IMAGES if settings.family.images else OF_CURVES)[0])
