"""Inside the network: what adaptation changes in it."""

from __future__ import annotations

from maml_explorer.gui.panels.insight.tab import InsightTab, PageKind
from maml_explorer.gui.panels.network.features_page import FeaturesPage
from maml_explorer.gui.panels.network.layer_page import LayerPage
from maml_explorer.gui.panels.network.norm_page import NormPage
from maml_explorer.gui.panels.network.step_sizes_page import StepSizesPage
from maml_explorer.gui.session.session import Session

PAGES: dict[str, PageKind] = {
    "Features": FeaturesPage,
    "Layer": LayerPage,
    "Learned": StepSizesPage,
    "Norm": NormPage,
}
"""Word on the button → page."""


class NetworkPanel(InsightTab):
    """Features, one layer, step sizes, norm."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, PAGES)
