"""The meta-gradient seen inside: its parts, its tasks, a check, and what it costs."""

from __future__ import annotations

from maml_explorer.gui.panels.gradient_check import CheckPage
from maml_explorer.gui.panels.gradient_cost import CostPage
from maml_explorer.gui.panels.gradient_parts import PartsPage
from maml_explorer.gui.panels.gradient_tasks import TasksPage
from maml_explorer.gui.panels.insight_tab import InsightTab, PageKind
from maml_explorer.gui.session import Session

PAGES: dict[str, PageKind] = {
    "Parts": PartsPage,
    "Tasks": TasksPage,
    "Check": CheckPage,
    "Cost": CostPage,
}
"""Word on the button → page."""


class GradientPanel(InsightTab):
    """Parts, tasks, a check, costs."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, PAGES, "Arm whose gradient is shown", foot=False)
