"""The meta-gradient seen inside: its parts, its tasks, a check, and what it costs."""

from __future__ import annotations

from maml_explorer.gui.panels.gradient.check_page import CheckPage
from maml_explorer.gui.panels.gradient.cost_page import CostPage
from maml_explorer.gui.panels.gradient.parts_page import PartsPage
from maml_explorer.gui.panels.gradient.tasks_page import TasksPage
from maml_explorer.gui.panels.insight.tab import InsightTab, PageKind
from maml_explorer.gui.session.session import Session

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
