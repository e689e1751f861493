"""The meta-gradient seen inside: its parts, its tasks, a check, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QButtonGroup, QStackedWidget, QVBoxLayout, QWidget

from maml_explorer.gui.elided import ElidedLabel
from maml_explorer.gui.panels.gradient_check import CheckPage
from maml_explorer.gui.panels.gradient_cost import CostPage
from maml_explorer.gui.panels.gradient_parts import PartsPage
from maml_explorer.gui.panels.gradient_tasks import TasksPage
from maml_explorer.gui.panels.insight_page import InsightPage
from maml_explorer.gui.session import Session
from maml_explorer.gui.widgets import ComboBox, button, row
from maml_explorer.settings import Settings

PAGES: dict[str, Callable[[Session], InsightPage]] = {
    "Parts": PartsPage,
    "Tasks": TasksPage,
    "Check": CheckPage,
    "Cost": CostPage,
}
"""Word on the button → page."""


class GradientPanel(QWidget):
    """One page at a time; the arm is chosen for all of them."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.pages = {name: kind(session) for name, kind in PAGES.items()}
        self.stack = QStackedWidget()
        self.choices = QButtonGroup(self)
        self.arm_choice = ComboBox()
        self.arm_choice.setAccessibleName("Arm whose gradient is shown")
        self.arm_choice.setMinimumWidth(72)
        self.arm_choice.currentTextChanged.connect(self._show_arm)
        self.said = ElidedLabel()
        self.refresh = button("↻", self._refresh, "Refresh: compute what is shown now")
        self.refresh.setAccessibleName("Refresh")
        head = row()
        for nth, (name, page) in enumerate(self.pages.items()):
            choice = button(name, partial(self.show_page, name), page.tip)
            choice.setCheckable(True)
            self.choices.addButton(choice, nth)
            self.stack.addWidget(page)
            head.addWidget(choice)
            page.view.said.connect(partial(self._say, page))
        head.addSpacing(8)
        head.addWidget(self.arm_choice)
        for page in self.pages.values():
            for control in page.controls:
                control.setMinimumWidth(80)
                head.addWidget(control)
        head.addWidget(self.said, 1)
        head.addWidget(self.refresh)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(8)
        box.addLayout(head)
        box.addWidget(self.stack, 1)
        session.settings_changed.connect(self._take_settings)
        self._take_settings(session.settings)
        self.show_page("Parts")

    @property
    def page(self) -> InsightPage:
        """The page that is open."""
        page = self.stack.currentWidget()
        assert isinstance(page, InsightPage)
        return page

    def show_page(self, name: str) -> None:
        """Opens a page of PAGES."""
        page = self.pages[name]
        self.stack.setCurrentWidget(page)
        self.choices.button(list(self.pages).index(name)).setChecked(True)
        for other in self.pages.values():
            for control in other.controls:
                control.setVisible(other is page)
        self.arm_choice.setVisible(page.of_an_arm)
        page.view.show_now()

    def _refresh(self) -> None:
        self.page.view.refresh()

    def _say(self, page: InsightPage, words: str) -> None:
        if page is self.page:
            self.said.say(words, words.removeprefix("at outer "))

    def _show_arm(self, name: str) -> None:
        for page in self.pages.values():
            page.show_arm(name)

    def _take_settings(self, settings: Settings) -> None:
        names = [arm.name for arm in settings.arms]
        if names != [self.arm_choice.itemText(n) for n in range(self.arm_choice.count())]:
            chosen = self.arm_choice.currentText()
            self.arm_choice.blockSignals(True)
            self.arm_choice.clear()
            self.arm_choice.addItems(names)
            self.arm_choice.setCurrentIndex(max(0, names.index(chosen) if chosen in names else 0))
            self.arm_choice.blockSignals(False)
            self._show_arm(self.arm_choice.currentText())
