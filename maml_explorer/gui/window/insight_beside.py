"""The insight beside the hero while presenting, in the place of what trains."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from PySide6.QtWidgets import QPushButton, QSplitter, QTabWidget, QWidget

_LEAST = 420
"""Pixels of width that it has at least."""
_SHARE = 0.6
"""Part of the column's height that it has where a page points at another panel there too."""


class InsightBeside:
    """Moves the insight into the right column, and back: its tabs, or the pseudocode alone.

    Under the hero it would leave neither room in a hall. The button is lit exactly while the
    pseudocode stands there. What a page of a lesson points at comes first; the pseudocode comes
    back after it.
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
        """The person wants the pseudocode there, wherever nothing else has that place."""
        self._behind: QWidget | None = None
        """The tab that was in front of the pseudocode; None where that does not stand alone."""
        self._put_away: set[str] = set()
        """Titles of the parts that it has hidden."""
        self._heights: list[int] = []
        """Of the parts in the right column, before it came."""
        self._widths: list[int] | None = None
        """Of the columns, before it came; None where they have those."""

    @property
    def on(self) -> bool:
        """True while it stands beside the hero."""
        return self._parts["Insight"].parentWidget() is self._splitters["right"]

    @property
    def front(self) -> QWidget | None:
        """The tab in front, or the one that will be when the pseudocode goes."""
        return self._tabs.currentWidget() if self._behind is None else self._behind

    def bring_to_front(self, tab: QWidget) -> None:
        """Opens a tab; behind the pseudocode while that stands beside the hero."""
        if self._behind is None:
            self._tabs.setCurrentWidget(tab)
        else:
            self._behind = tab

    def want(self, on: bool) -> None:
        """Shows or hides the pseudocode, until the person says otherwise."""
        self.wanted = on
        self.put(on)

    def make_room_for(self, pointed: Sequence[QWidget]) -> None:
        """Shows what a page points at; the pseudocode where that leaves its place free."""
        insight = self._parts["Insight"]
        kept = [part for part in self._beside if _holds(part, pointed)]
        if _holds(insight, pointed) and not _holds(self._code, pointed):
            self.show_tabs(kept)
        else:
            shown = _holds(self._code, pointed) or (self.wanted and not kept)
            # it will be back: until then the panels on either side stay where they are
            self._put(shown, kept, hold_widths=self.wanted)

    def put(self, on: bool, kept: Collection[QWidget] = ()) -> None:
        """Puts the pseudocode beside the hero, with the parts that are kept; or all back."""
        self._put(on, kept, hold_widths=False)

    def _put(self, on: bool, kept: Collection[QWidget], hold_widths: bool) -> None:
        self._show_code(on)
        if on:
            self._come(kept)
        elif self.on:
            self._go()
        if self._widths is not None and not (self.on or hold_widths):
            widths, self._widths = self._widths, None
            self._splitters["columns"].setSizes(widths)

    def show_tabs(self, kept: Collection[QWidget] = ()) -> None:
        """Puts the tabs beside the hero, with the parts that are kept."""
        self._show_code(False)
        self._come(kept)

    @property
    def _beside(self) -> list[QWidget]:
        """The parts whose place it takes."""
        insight, right = self._parts["Insight"], self._splitters["right"]
        return [p for p in self._parts.values() if right.isAncestorOf(p) and p is not insight]

    def _show_code(self, on: bool) -> None:
        self._button.setChecked(on)
        if on == (self._behind is not None):
            return
        self._tabs.tabBar().setVisible(not on)
        if on:
            self._behind = self._tabs.currentWidget()
            self._tabs.setCurrentWidget(self._code)
        elif self._behind is not None:
            behind, self._behind = self._behind, None
            self._tabs.setCurrentWidget(behind)

    def _come(self, kept: Collection[QWidget]) -> None:
        insight, right = self._parts["Insight"], self._splitters["right"]
        came = not self.on
        if came:
            self._heights = right.sizes()
            if self._widths is None:
                self._widths = self._splitters["columns"].sizes()
            insight.setMinimumWidth(_LEAST)
        places = [part in kept for part in self._beside]
        # in the place of the first that goes: what is kept stays above or below it, as it was
        right.insertWidget([*places, False].index(False), insight)
        for title, part in self._parts.items():
            if part in kept and title in self._put_away:
                part.show()
                self._put_away.discard(title)
            elif part in self._beside and part not in kept and not part.isHidden():
                part.hide()
                self._put_away.add(title)
        insight.show()
        if came:
            self.halve()
        shown = sum(not part.isHidden() for part in self._beside)
        if shown:
            whole, each = _SHARE * right.height(), (1 - _SHARE) / shown * right.height()
            column = [right.widget(nth) for nth in range(right.count())]
            sizes = [whole if one is insight else each * (not one.isHidden()) for one in column]
            right.setSizes([round(size) for size in sizes])

    def halve(self) -> None:
        """Gives the insight and the hero the same width, where it stands beside the hero."""
        columns = self._splitters["columns"]
        if self.on:
            half = (columns.width() - columns.handleWidth()) // 2
            columns.setSizes([0, half, half])

    def _go(self) -> None:
        insight = self._parts["Insight"]
        insight.setMinimumWidth(0)
        self._splitters["centre"].addWidget(insight)
        insight.hide()
        for title in self._put_away:
            self._parts[title].show()
        self._put_away = set()
        self._splitters["right"].setSizes(self._heights)


def _holds(part: QWidget, pointed: Sequence[QWidget]) -> bool:
    return any(one is part or part.isAncestorOf(one) for one in pointed)
