"""Three columns of panels: settings, the hero over the insight tabs, and what trains."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import TracebackType

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QMainWindow, QSplitter, QWidget

from maml_explorer.gui.panels import CENTRE, PANELS, RIGHT, TAB
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.settings_form.form import SettingsForm
from maml_explorer.gui.widgets.controls import Card
from maml_explorer.gui.widgets.tabs import Tabs
from maml_explorer.gui.window.appearance import Appearance
from maml_explorer.gui.window.insight_beside import InsightBeside
from maml_explorer.gui.window.narrow_window import Narrow
from maml_explorer.gui.window.panel_slot import Place
from maml_explorer.gui.window.splitter_sizes import put_sizes, sizes_of
from maml_explorer.gui.window.stage_row import PLAIN, USUAL, StageRow

GAP = 8
SIMPLE = ("Adaptation",)
"""Parts that the simple view shows."""
IN_A_HALL = ("Settings", "Insight")
"""Parts that are hidden while presenting, until the user or a lesson shows them."""
_BESIDE_FORM = 26
"""Pixels of the settings' card beside its form."""


class Columns(QSplitter):
    """The parts of the window, which of them are hidden, and how much room each has."""

    simple_changed = Signal(bool)
    """The simple view was entered or left."""

    def __init__(self, window: QMainWindow, session: Session, appearance: Appearance) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._window, self._appearance = window, appearance
        self.form = SettingsForm(session)
        self.places = {entry.name: Place(entry, session) for entry in PANELS.values()}
        self.tabs = Tabs()
        self.tabs.tabBarDoubleClicked.connect(lambda _: self.enlarge_insight())
        self.parts: dict[str, QWidget] = {}
        """Parts that the View menu hides and shows, title → widget."""
        self.splitters: dict[str, QSplitter] = {
            "columns": self,
            "centre": QSplitter(Qt.Orientation.Vertical),
            "right": QSplitter(Qt.Orientation.Vertical),
        }
        self.stage_row = StageRow(session)
        self._at_hand: tuple[str, ...] = ()
        """Keys of the settings that a lesson points at as rows."""
        self._enlarged: set[str] | None = None
        """Parts hidden before the insight took the whole room; None where it has not."""
        self._simple: set[str] | None = None
        """Parts hidden before the simple view; None where there is another."""
        self._sizes_in_text: dict[str, dict[str, list[int]]] = {}
        """Size of type → sizes of every splitter when it was left."""
        self._desk_sizes: dict[str, list[int]] | None = None
        """Sizes of every splitter before parts were left out for a while; None where none are."""
        self._hidden_elsewhere = set(IN_A_HALL)
        """Parts that are hidden in the other mode: while presenting, or while not."""
        self._divide()
        self.beside = InsightBeside(
            self.splitters, self.parts, self.tabs, self.places["pseudocode"], self.stage_row.code
        )
        self.stage_row.code_wanted.connect(self.beside.want)
        self.narrow: Narrow | None = None

    def keep_narrow(self) -> Narrow:
        """Leaves out from now on what has no room, and sets the window's least width."""
        self.narrow = Narrow(self._window, self, self.parts)
        self.narrow.fit()  # before the first resize, which the columns would hold back
        return self.narrow

    @property
    def hidden_parts(self) -> tuple[str, ...]:
        """Titles of the parts the user has hidden at the desk, not what a narrow window hides."""
        if self._appearance.presenting:
            return tuple(sorted(self._hidden_elsewhere))
        before = self._simple if self._enlarged is None else self._enlarged
        return tuple(sorted(self._chosen_hidden() if before is None else before))

    def _chosen_hidden(self) -> set[str]:
        """Titles of the parts that are hidden now, without those that have no room."""
        left_out = set() if self.narrow is None else self.narrow.hid
        return {title for title, part in self.parts.items() if part.isHidden()} - left_out

    def hide_parts(self, hidden: Collection[str]) -> None:
        """Hides the parts of these titles and shows all others; ends the simple view.

        While presenting, that is what the desk will show; the hall keeps its parts.
        """
        if self._appearance.presenting:
            self._hidden_elsewhere = set(hidden)
            return
        was_simple, self._simple = self._simple is not None, None
        if was_simple:
            self._take_simple()
        self._hide(hidden)
        if was_simple:
            self._divide_as_before()

    def _hide(self, hidden: Collection[str]) -> None:
        for title, part in self.parts.items():
            part.setVisible(title not in hidden)

    def toggle_part(self, title: str) -> None:
        """Hides or shows a part of the window."""
        part = self.parts[title]
        if title == "Insight" and self._appearance.presenting:
            if part.isHidden():
                self.beside.show_tabs()
            else:
                self.beside.want(False)
            return
        if self.narrow is None or not self.narrow.swapped(part):
            part.setVisible(part.isHidden())

    def toggle_presenter(self) -> None:
        """Large type, thick lines and only the panels chosen for it; or back to the desk."""
        self.beside.put(False)
        if self._enlarged is not None:
            self.enlarge_insight()
        if self._simple is not None:
            self.toggle_simple()
        if not self._appearance.presenting:
            self._remember_sizes()
        self._appearance.present(not self._appearance.presenting)
        hidden = self._chosen_hidden()
        self._hidden_elsewhere, hidden = hidden, self._hidden_elsewhere
        self._hide(hidden)
        self.put_at_hand(self._at_hand)
        if self._appearance.presenting:
            self._widen_settings()  # what has room is seen in the size that comes with the mode
        else:
            self._fit_settings()
            self._divide_as_before()

    def _remember_sizes(self) -> None:
        if self._desk_sizes is None:
            self._desk_sizes = sizes_of(self.splitters)

    def _divide_as_before(self) -> None:
        """Gives every part the room it had at the desk."""
        sizes, self._desk_sizes = self._desk_sizes, None
        put_sizes(self.splitters, sizes or {})

    def put_at_hand(self, keys: Collection[str]) -> None:
        """Shows settings as rows under the hero: these, or α while presenting, or none."""
        self._at_hand = tuple(keys)
        presenting, simple = self._appearance.presenting, self._simple is not None
        self.stage_row.setVisible(presenting or simple or bool(keys))
        self.stage_row.show_settings(keys or (PLAIN if simple else USUAL), simple and not keys)
        self.stage_row.show_presenting(presenting)

    def row_of(self, key: str) -> QWidget:
        """The widget that shows a setting: its row under the hero, or its line of the form.

        Raises:
            KeyError: where there is no such setting.
        """
        return self.stage_row.rows[key] if key in self._at_hand else self.form.row(key)

    @property
    def lacks_settings(self) -> bool:
        """True where the form cannot be shown without hiding a panel."""
        leaves_out = self._appearance.presenting or self.simple
        return leaves_out or (self.narrow is not None and not self.narrow.holds_three)

    def make_room_for(self, widgets: Sequence[QWidget]) -> None:
        """Leaves out the insight while presenting, unless it holds what a lesson points at."""
        if self._appearance.presenting:
            self.beside.make_room_for(widgets)

    def enlarge_insight(self) -> None:
        """Gives the insight the whole room, or gives the room back."""
        if self._enlarged is not None:
            hidden, self._enlarged = self._enlarged, None
            self._hide(hidden)
            self._divide_as_before()
            return
        if self._simple is not None:
            self.toggle_simple()
        self._remember_sizes()
        self._enlarged = self._chosen_hidden()
        self._hide(self.parts.keys() - {"Insight"})

    def toggle_simple(self) -> None:
        """Shows the plot and two sliders with plain names, or everything again."""
        if self._simple is not None:
            self.hide_parts(self._simple)
            return
        if self._appearance.presenting:
            self.toggle_presenter()
        if self._enlarged is not None:
            self.enlarge_insight()
        self._remember_sizes()
        self._simple = self._chosen_hidden()
        self._hide(self.parts.keys() - set(SIMPLE))
        self._take_simple()

    @property
    def simple(self) -> bool:
        """True in the simple view."""
        return self._simple is not None

    def _take_simple(self) -> None:
        self.put_at_hand(self._at_hand)
        self.simple_changed.emit(self.simple)

    def set_text_size(self, name: str) -> None:
        """Writes in another size, and gives the settings the width they need in it."""
        before, sizes = self._appearance.text_size, sizes_of(self.splitters)
        self._appearance.set_text_size(name)
        self._fit_settings()
        self._sizes_in_text[before] = sizes
        put_sizes(self.splitters, self._sizes_in_text.get(name, {}) if name != before else {})

    def find_setting(self) -> None:
        """Puts the cursor into the search field of the settings."""
        self.parts["Settings"].show()
        self.form.search.setFocus()
        self.form.search.selectAll()

    # tabs and panels

    @property
    def open_tab(self) -> str:
        """Name of the insight tab in front."""
        current = self.beside.front
        return current.entry.name if isinstance(current, Place) else ""

    @open_tab.setter
    def open_tab(self, name: str) -> None:
        place = self.places.get(name)
        if place is not None and self.tabs.indexOf(place) >= 0:
            self.beside.bring_to_front(place)

    def show_tab(self, name: str, page: str = "") -> None:
        """Opens the insight tab of that name, at a page; nothing where there is none."""
        place = self.places.get(name)
        if place is not None and self.tabs.indexOf(place) >= 0:
            if not self._appearance.presenting:
                self.parts["Insight"].show()
            elif name == "pseudocode":
                self.beside.put(True)
            else:
                self.beside.show_tabs()
            self.tabs.setCurrentWidget(place)
            place.open_page(page)

    def prepare_tab(self, name: str, arm: str = "") -> None:
        """Opens a tab as a prepared state says; a hall sees the tabs only where they are named."""
        if self._appearance.presenting:
            self.open_tab = name
        else:
            self.show_tab(name)
        if arm and name in self.places:
            self.places[name].look_into(arm)

    @property
    def panels(self) -> list[QWidget]:
        """The panels that are built and did not fail."""
        return [place.panel for place in self.places.values() if place.panel is not None]

    def build_prepared(self, pages: Collection[str]) -> None:
        """Builds the panels that a prepared state says something about, or opens pages of."""
        for place in self.places.values():
            if place.entry.prepared or not set(pages).isdisjoint(place.entry.pages):
                place.build_now()

    def panel_failed(self, error: BaseException, trace: TracebackType | None) -> bool:
        """Shows an uncaught exception instead of the panel it came from; False for none."""
        for place in self.places.values():
            if place.caused(trace):
                place.fail(error)
                return True
        return False

    # room

    def divide_again(self, size: QSize) -> None:
        """Shows all panels, divided as at the first start in a window of this size."""
        self._enlarged = None
        self.hide_parts(())
        if self._appearance.presenting:
            self.beside.want(False)
            self._hide(IN_A_HALL)
        left = self.form.minimum_width() + _BESIDE_FORM
        right = max(320, round(size.width() * 0.275) - 16)
        centre = max(400, size.width() - left - right - 2 * GAP - 24)
        height = size.height() - 80
        self.setSizes([left, centre, right])
        self.splitters["centre"].setSizes([round(height * 0.62), round(height * 0.38)])
        self.splitters["right"].setSizes([height // 2, height // 2])

    def reset_layout(self) -> None:
        """Shows all panels, divided as at the first start."""
        self.divide_again(self._window.size())

    def _widen_settings(self) -> None:
        self.parts["Settings"].setMinimumWidth(self.form.minimum_width() + _BESIDE_FORM)

    def _fit_settings(self) -> None:
        self._widen_settings()
        if self.narrow is not None and self._window.isVisible():
            self.narrow.fit()

    def _divide(self) -> None:
        columns, centre, right = self.splitters.values()
        for splitter in (columns, centre, right):
            splitter.setHandleWidth(GAP)
            splitter.setChildrenCollapsible(False)
        # from outside inwards: with every new parent Qt styles all that is inside again
        settings = Card()
        for part in (settings, centre, right):
            columns.addWidget(part)
        settings.box.addWidget(self.form)
        settings.setMinimumWidth(self.form.minimum_width() + _BESIDE_FORM)
        columns.setStretchFactor(0, 0)
        columns.setStretchFactor(1, 5)
        columns.setStretchFactor(2, 2)
        insight = Card(self.tabs)
        self.parts["Settings"] = settings
        for place in self.places.values():
            entry = place.entry
            if entry.place == TAB:
                self.tabs.addTab(place, entry.title)
                continue
            card = Card()
            {CENTRE: centre, RIGHT: right}[entry.place].addWidget(card)
            card.box.addWidget(place)
            if entry.place == CENTRE:
                card.box.addWidget(self.stage_row)
            self.parts[entry.title] = card
        centre.addWidget(insight)
        self.parts["Insight"] = insight
