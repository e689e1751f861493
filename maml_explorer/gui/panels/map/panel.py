"""Maps around θ: of adapted parameters, of errors, of losses."""

from __future__ import annotations

from maml_explorer.gui.panels.insight.tab import InsightTab, PageKind
from maml_explorer.gui.panels.map.errors_page import DataMapPage, ErrorMapPage
from maml_explorer.gui.panels.map.landscape_page import LandscapePage
from maml_explorer.gui.panels.map.parameters_page import ParametersPage
from maml_explorer.gui.session.session import Session

PAGES: dict[str, PageKind] = {
    "Parameters": ParametersPage,
    "Errors": ErrorMapPage,
    "Shots": DataMapPage,
    "Landscape": LandscapePage,
}
"""Word on the button → page."""


class MapPanel(InsightTab):
    """Parameters, errors over tasks and over data, landscape."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, PAGES)
