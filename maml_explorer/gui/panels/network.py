"""Inside the network: what adaptation changes in it."""

from __future__ import annotations

from maml_explorer.gui.panels.insight_tab import InsightTab, PageKind
from maml_explorer.gui.panels.network_features import FeaturesPage
from maml_explorer.gui.panels.network_layer import LayerPage
from maml_explorer.gui.panels.network_norm import NormPage
from maml_explorer.gui.panels.network_step_sizes import StepSizesPage
from maml_explorer.gui.session import Session

PAGES: dict[str, PageKind] = {
    "Features": FeaturesPage,
    "Layer": LayerPage,
    "Step sizes": StepSizesPage,
    "Norm": NormPage,
}
"""Word on the button → page."""


class NetworkPanel(InsightTab):
    """Features, one layer, step sizes, norm."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, PAGES)
