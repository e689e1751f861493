"""An insight tab of several pages: which one, of which arm, and how old what it shows is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Protocol

from PySide6.QtCore import QEvent
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QStackedWidget, QVBoxLayout, QWidget

from maml_explorer.gui.panels.insight.page import InsightPage
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.widgets.controls import ComboBox, button, move_closer, row, type_changed
from maml_explorer.gui.widgets.elided_label import SEPARATOR, ElidedLabel
from maml_explorer.settings.settings import Settings

_BETWEEN = 8
"""Pixels between what stands in the head, where there is room."""


class PageKind(Protocol):
    """Builder of a page, which says beforehand what the page answers."""

    tip: str

    def __call__(self, session: Session, /) -> InsightPage:
        """A new page."""


class InsightTab(QWidget):
    """One page at a time, built when it is first opened; the arm is chosen for all of them.

    Args:
        pages: word on the button → page.
        arm_words: accessible name of the choice of the arm.
        foot: the controls of the pages, and the words, stand below; else in the head.
    """

    def __init__(
        self,
        session: Session,
        pages: Mapping[str, PageKind],
        arm_words: str = "Arm that is looked into",
        *,
        foot: bool = True,
    ) -> None:
        super().__init__()
        self.session = session
        self._foot = foot
        self.kinds = pages
        self.pages: dict[str, InsightPage] = {}
        """Those that were opened, by the words on their buttons."""
        self.shown = ""
        """The word on the button of the page that is open."""
        self.stack = QStackedWidget()
        self.choices = QButtonGroup(self)
        self.arm_choice = ComboBox()
        self.arm_choice.setAccessibleName(arm_words)
        self.arm_choice.setMinimumWidth(60)
        self.arm_choice.currentTextChanged.connect(self._show_arm)
        self.said = ElidedLabel()
        self._ages: dict[str, str] = {}
        self.refresh = button("↻", lambda: self.page.view.refresh(), "Compute what is shown now")
        self.refresh.setAccessibleName("Refresh")
        self._head = head = row()
        for nth, (name, kind) in enumerate(pages.items()):
            choice = button(name, partial(self.show_page, name), kind.tip)
            choice.setCheckable(True)
            self.choices.addButton(choice, nth)
            head.addWidget(choice)
        head.addSpacing(8)
        head.addWidget(self.arm_choice)
        self._controls = row()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self.stack, 1)
        if foot:
            head.addStretch(1)
            below = row(self.said)
            below.setStretch(0, 1)
            below.addLayout(self._controls)
            box.addLayout(below)
        else:
            head.addLayout(self._controls)
            head.addWidget(self.said, 1)
        head.addWidget(self.refresh)
        session.editor.settings_changed.connect(self._take_settings)
        self._take_settings(session.settings)
        self.show_page(next(iter(pages)))

    @property
    def page(self) -> InsightPage:
        """The page that is open."""
        return self.pages[self.shown]

    def drawn(self) -> dict[str, tuple[str, ...]]:
        """Part of a prepared state: the open page, unless it is the first."""
        return {"pages": () if self.shown == next(iter(self.kinds)) else (self.shown,)}

    def draw_as(self, state: ViewState) -> None:
        """Opens the page of a prepared state, the first where it names none of these."""
        if state.pages is not None:
            first = next(iter(self.kinds))
            wanted = next((name for name in state.pages if name in self.kinds), first)
            if wanted != self.shown:
                self.show_page(wanted)

    @property
    def offered(self) -> list[str]:
        """Words on the buttons of the pages that can be opened now."""
        buttons = zip(self.kinds, self.choices.buttons(), strict=True)
        return [name for name, choice in buttons if not choice.isHidden()]

    def show_page(self, name: str) -> None:
        """Opens a page by the word on its button.

        Raises:
            KeyError: where there is none.
        """
        if name not in self.pages:
            self._build(name)
        page, self.shown = self.pages[name], name
        self.stack.setCurrentWidget(page)
        self.choices.button(list(self.kinds).index(name)).setChecked(True)
        for other in self.pages.values():
            for control in other.controls:
                control.setVisible(other is page)
        self.arm_choice.setVisible(page.of_an_arm)
        self._fit_head()
        page.view.show_now()
        self._say()

    def look_into(self, arm: str) -> None:
        """Looks into an arm, where there is one of that name."""
        if self.arm_choice.findText(arm) >= 0:
            self.arm_choice.setCurrentText(arm)

    def _build(self, name: str) -> None:
        page = self.kinds[name](self.session)
        page.show_arm(self.arm_choice.currentText())
        page.view.said.connect(partial(self._take_age, name))
        page.told.connect(self._say)
        self.stack.addWidget(page)
        for control in page.controls:
            control.setMinimumWidth(70)
            self._controls.addWidget(control)
        if not self._foot:
            # the head is reached before what stands below it
            for before, after in pairwise((self.arm_choice, *page.controls)):
                QWidget.setTabOrder(before, after)
        self.pages[name] = page

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Moves what stands in the head closer together before choices are cut."""
        super().resizeEvent(event)
        self._fit_head()

    def changeEvent(self, event: QEvent) -> None:
        """Fits the head in another type."""
        super().changeEvent(event)
        if type_changed(event):
            self._fit_head()

    def _fit_head(self) -> None:
        if not self.shown:
            return  # nothing is open yet
        buttons = [*self.choices.buttons(), self.refresh]
        shown = [one for one in (*buttons, self.arm_choice) if not one.isHidden()]
        if not self._foot:
            shown += [one for one in self.page.controls if not one.isHidden()]
        wide = sum(one.sizeHint().width() + _BETWEEN for one in shown) + 3 * _BETWEEN
        little = move_closer(buttons, wide, self.width())
        self._head.setSpacing(_BETWEEN // 2 if little else _BETWEEN)

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
            self._fit_head()

    def _take_age(self, name: str, age: str) -> None:
        self._ages[name] = age
        self._say()

    def _say(self) -> None:
        """Says what the open page shows, and of which outer step it is."""
        page = self.page
        # words about a drawing are for as long as it is seen
        seen = page.view.currentWidget() is page.view.content
        heads, others = (page.heads, page.parts[1:]) if seen and page.parts else (("",), ())
        age = self._ages.get(self.shown, "")
        others = (*others, age.replace("at outer step", "step"))
        # half a number would be another one: beside choices there is all of it or nothing
        nothing = () if self._foot else ("",)
        self.said.say(
            _joined(heads[0], *others[:-1], age),
            # the first part becomes shorter before another one is given up
            *(
                _joined(head, *others[:kept])
                for kept in range(len(others), -1 if self._foot else len(others) - 1, -1)
                for head in heads
            ),
            *nothing,
        )


def _joined(*parts: str) -> str:
    return SEPARATOR.join(part for part in parts if part)
