"""An insight tab of several pages: which one, of which arm, and how old what it shows is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtWidgets import QButtonGroup, QStackedWidget, QVBoxLayout, QWidget

from maml_explorer.gui.elided import SEPARATOR, ElidedLabel
from maml_explorer.gui.panels.insight_page import InsightPage
from maml_explorer.gui.session import Session
from maml_explorer.gui.widgets import ComboBox, button, row
from maml_explorer.settings import Settings


class InsightTab(QWidget):
    """One page at a time; the arm is chosen for all of them.

    Args:
        pages: word on the button → page.
        arm_words: accessible name of the choice of the arm.
    """

    def __init__(
        self,
        session: Session,
        pages: Mapping[str, Callable[[Session], InsightPage]],
        arm_words: str = "Arm that is looked into",
    ) -> None:
        super().__init__()
        self.session = session
        self.pages = {name: kind(session) for name, kind in pages.items()}
        self.stack = QStackedWidget()
        self.choices = QButtonGroup(self)
        self.arm_choice = ComboBox()
        self.arm_choice.setAccessibleName(arm_words)
        self.arm_choice.setMinimumWidth(72)
        self.arm_choice.currentTextChanged.connect(self._show_arm)
        self.said = ElidedLabel()
        self._ages: dict[str, str] = {}
        self.refresh = button("↻", lambda: self.page.view.refresh(), "Compute what is shown now")
        self.refresh.setAccessibleName("Refresh")
        head, foot = row(), row()
        for nth, (name, page) in enumerate(self.pages.items()):
            choice = button(name, partial(self.show_page, name), page.tip)
            choice.setCheckable(True)
            self.choices.addButton(choice, nth)
            self.stack.addWidget(page)
            head.addWidget(choice)
            page.view.said.connect(partial(self._take_age, name))
            page.told.connect(self._say)
        head.addSpacing(8)
        head.addWidget(self.arm_choice)
        for page in self.pages.values():
            for control in page.controls:
                control.setMinimumWidth(80)
                head.addWidget(control)
            for control in page.foot:
                foot.addWidget(control)
        # without a foot there is room for the words in the head
        if not foot.count():
            head.addWidget(self.said, 1)
        else:
            foot.insertWidget(0, self.said, 1)
            head.addStretch(1)
        head.addWidget(self.refresh)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self.stack, 1)
        box.addLayout(foot)
        session.settings_changed.connect(self._take_settings)
        self._take_settings(session.settings)
        self.show_page(next(iter(self.pages)))

    @property
    def page(self) -> InsightPage:
        """The page that is open."""
        page = self.stack.currentWidget()
        assert isinstance(page, InsightPage)
        return page

    def show_page(self, name: str) -> None:
        """Opens a page by the word on its button.

        Raises:
            KeyError: where there is none.
        """
        page = self.pages[name]
        self.stack.setCurrentWidget(page)
        self.choices.button(list(self.pages).index(name)).setChecked(True)
        for other in self.pages.values():
            for control in (*other.controls, *other.foot):
                control.setVisible(other is page)
        self.arm_choice.setVisible(page.of_an_arm)
        page.view.show_now()
        self._say()

    def _show_arm(self, name: str) -> None:
        for page in self.pages.values():
            page.show_arm(name)

    def _take_settings(self, settings: Settings) -> None:
        """Offers the arms there are; the chosen one stays where it can."""
        names = [arm.name for arm in settings.arms]
        if names != [self.arm_choice.itemText(n) for n in range(self.arm_choice.count())]:
            chosen = self.arm_choice.currentText()
            self.arm_choice.blockSignals(True)
            self.arm_choice.clear()
            self.arm_choice.addItems(names)
            self.arm_choice.setCurrentText(chosen if chosen in names else names[0])
            self.arm_choice.blockSignals(False)
            self._show_arm(self.arm_choice.currentText())

    def _take_age(self, name: str, age: str) -> None:
        self._ages[name] = age
        self._say()

    def _say(self) -> None:
        """Says what the open page shows, and of which outer step it is."""
        page = self.page
        name = next(name for name, other in self.pages.items() if other is page)
        # words about a drawing are for as long as it is seen
        drawn = page.summary if page.view.currentWidget() is page.view.content else ""
        self.said.say(SEPARATOR.join(words for words in (drawn, self._ages.get(name, "")) if words))
