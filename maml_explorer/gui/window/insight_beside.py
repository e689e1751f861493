"""The pseudocode beside the hero while presenting, in the place of what trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtWidgets import QPushButton, QSplitter, QTabWidget, QWidget

_LEAST = 420
"""Pixels that the pseudocode has at least beside the hero."""


class CodeBeside:
    """Moves the insight with the pseudocode into the right column, and back.

    The button is lit exactly while the pseudocode stands there. What a page of a lesson points at
    has that place first; the pseudocode comes back after it.
    """

    def __init__(
        self,
        splitters: Mapping[str, QSplitter],
        parts: Mapping[str, QWidget],
        tabs: QTabWidget,
        code: QWidget,
        button: QPushButton,
    ) -> None:
        self._splitters, self._parts, self._tabs = splitters, parts, tabs
        self._code, self._button = code, button
        self.wanted = False
        """The person wants it there, wherever nothing else has that place."""
        self._behind: QWidget | None = None
        """The tab that was in front before."""
        self._put_away: set[str] = set()
        """Titles of the parts that it has hidden."""
        self._sizes: list[int] = []

    @property
    def on(self) -> bool:
        """True while it stands beside the hero."""
        return self._parts["Insight"].parentWidget() is self._splitters["right"]

    @property
    def front(self) -> QWidget | None:
        """The tab in front, or the one that will be when the tabs are in their place again."""
        return self._behind if self.on else self._tabs.currentWidget()

    def bring_to_front(self, tab: QWidget) -> None:
        """Opens a tab; behind the pseudocode while that stands beside the hero."""
        if self.on:
            self._behind = tab
        else:
            self._tabs.setCurrentWidget(tab)

    def want(self, on: bool) -> None:
        """Shows or hides it, until the person says otherwise."""
        self.wanted = on
        self.put(on)

    def make_room_for(self, pointed: Sequence[QWidget]) -> None:
        """Gives way to what a page points at, else comes back; comes where a page points at it."""
        insight, right = self._parts["Insight"], self._splitters["right"]
        at_code = any(part is self._code or self._code.isAncestorOf(part) for part in pointed)
        held = [part for part in pointed if part is insight or insight.isAncestorOf(part)]
        others = any(right.isAncestorOf(part) for part in pointed if part not in held)
        others = others or (bool(held) and not at_code)
        self.put((self.wanted or at_code) and not others)

    def put(self, on: bool) -> None:
        """Puts it beside the hero, or the tabs back under it."""
        insight, right = self._parts["Insight"], self._splitters["right"]
        columns = self._splitters["columns"]
        self._button.setChecked(on)
        if on == self.on:
            return
        self._tabs.tabBar().setVisible(not on)
        if on:
            self._behind = self._tabs.currentWidget()
            trains = {title for title, part in self._parts.items() if right.isAncestorOf(part)}
            self._sizes = columns.sizes()
            self._put_away = {title for title in trains if not self._parts[title].isHidden()}
            for title in self._put_away:
                self._parts[title].hide()
            insight.setMinimumWidth(_LEAST)
            right.addWidget(insight)
            self._tabs.setCurrentWidget(self._code)
            insight.show()
            half = (columns.width() - columns.handleWidth()) // 2
            columns.setSizes([0, half, half])
            return
        behind = self._behind
        insight.setMinimumWidth(0)
        self._splitters["centre"].addWidget(insight)
        insight.hide()
        for title in self._put_away:
            self._parts[title].show()
        columns.setSizes(self._sizes)
        if behind is not None:
            self._tabs.setCurrentWidget(behind)
