"""One group of the settings form: a heading that collapses, and lines built when first shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.settings_form.row import Edit, SettingRow
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.settings.declaration import Hyperparameter
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class Shown:
    """Values, marks and sentences that all lines show."""

    edited: Settings
    baseline: Settings
    in_force: Settings
    algorithms: frozenset[str]
    said: Mapping[str, str]
    """Setting → a sentence about its value."""


class Line:
    """A line of a group: its settings, and its widget once there was something to see."""

    def __init__(self, declarations: list[Hyperparameter]) -> None:
        self.declarations = declarations
        self.widget: SettingRow | None = None
        self.read = True
        """True where family and network read it."""
        first = declarations[0]
        self.words = first.row or first.label
        self.basic = any(one.basic for one in declarations)

    def matches(self, words: list[str]) -> bool:
        """True where every word is in label, key, symbol or help of what is read."""
        if not self.read:
            return False
        text = " ".join(
            f"{d.label} {d.row} {d.key} {d.key.replace('_', ' ')} {d.symbol} {d.help}"
            for d in self.declarations
        ).casefold()
        return all(word in text for word in words)


class Group(QWidget):
    """One group: a heading that collapses, its basic settings, and the others behind "more".

    A line is built when it is first shown or asked for: most never are, and a start does not wait.
    """

    grown = Signal(object)
    """A line (SettingRow) whose slider or sentence appeared under its field."""
    let_go = Signal()
    """The mouse no longer holds a slider of the group."""

    def __init__(
        self,
        title: str,
        lines: list[list[Hyperparameter]],
        edit: Edit,
        shown: Shown,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._lines = [Line(declarations) for declarations in lines]
        self._edit, self._shown = edit, shown
        self.open, self.more, self._words = True, False, list[str]()
        self._found = True
        """True where a line has the words that are searched for."""
        self._title = title.upper()
        self.heading = button(self._title, self.toggle, f"Show or hide: {title}", role="group")
        self.heading.setAccessibleName(title)
        self.heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.more_button = button("more", self.toggle_more, role="flat")
        self.more_button.setAccessibleName(f"More {title.lower()} settings")
        self._measured = label()
        """A hidden label, as wide as that of a line would be."""
        self._measured.setParent(self)
        self._measured.hide()
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(4)
        self._box.addLayout(row(self.heading, self.more_button))
        self._take_reading(shown.edited)
        self._arrange()

    @property
    def rows(self) -> list[SettingRow]:
        """All its lines, hidden ones too; builds those that were not."""
        return [self._built(line) for line in self._lines]

    def row(self, key: str) -> SettingRow | None:
        """The line that shows the setting `key`; None where it is not of this group."""
        for line in self._lines:
            if any(one.key == key for one in line.declarations):
                return self._built(line)
        return None

    def toggle(self) -> None:
        """Opens or closes the group."""
        self.open = not self.open
        self._arrange()

    def fold(self, opened: bool, more: bool) -> None:
        """Opens or closes the group, with or without what is not basic."""
        if (opened, more) != (self.open, self.more):
            self.open, self.more = opened, more
            self._arrange()

    def toggle_more(self) -> None:
        """Shows or hides what is not basic."""
        self.more = not self.more
        self._arrange()

    def show_settings(self, shown: Shown) -> None:
        """Shows values, marks and sentences, and only what family and network read."""
        self._shown = shown
        if self._take_reading(shown.edited):
            self._arrange()
        for line in self._lines:
            if line.widget is not None:
                _fill(line.widget, shown)

    def show_values(self, shown: Shown) -> None:
        """Shows values and marks alone: nothing moves under a slider that the mouse holds."""
        for line in self._lines:
            if line.widget is not None:
                line.widget.show_settings(shown.edited, shown.baseline, shown.in_force)

    @property
    def held(self) -> bool:
        """True while the mouse holds a slider of the group."""
        built = (line.widget for line in self._lines if line.widget is not None)
        return any(slider.held for made in built for slider in made.sliders.values())

    def bring_out(self, row: SettingRow) -> None:
        """Opens the group where it holds that line and does not show it."""
        if any(line.widget is row for line in self._lines) and row.isHidden():
            self.open = True
            self._arrange()
            self.more = self.more or row.isHidden()
            self._arrange()

    def filter(self, words: list[str]) -> bool:
        """Shows only lines with all `words`; whether there are any. No words: all lines."""
        self._words = words
        self._found = not words or any(line.matches(words) for line in self._lines)
        self._arrange()
        return self._found

    def widths(self) -> tuple[int, int]:
        """(pixels of the longest label, pixels of a line beside its label).

        Every line has the same room for field, unit and marks, so the label decides; one that is
        not built is measured by its words.
        """
        longest, beside = 0, 0
        for line in self._lines:
            if line.widget is None:
                self._measured.setText(line.words)
                longest = max(longest, self._measured.sizeHint().width())
                continue
            own = line.widget.name.sizeHint().width()
            longest = max(longest, own)
            beside = max(beside, line.widget.minimumSizeHint().width() - own)
        return longest, beside

    def _take_reading(self, settings: Settings) -> bool:
        """Notes what family and network read; True where that is another answer."""
        before = [line.read for line in self._lines]
        for line in self._lines:
            line.read = any(settings.reads(one.key) for one in line.declarations)
        return [line.read for line in self._lines] != before

    def _built(self, line: Line) -> SettingRow:
        if line.widget is not None:
            return line.widget
        made = line.widget = SettingRow(line.declarations, self._edit)
        # before it has a parent that is shown, or that would show it
        made.hide()
        _fill(made, self._shown)
        made.grown.connect(partial(self.grown.emit, made))
        made.let_go.connect(self.let_go)
        built = [other.widget for other in self._lines if other.widget is not None]
        at = built.index(made)
        self._box.insertWidget(at + 1, made)
        # Tab goes through the lines as they stand, not as they came to be
        before = list(built[at - 1].fields.values())[-1].widget if at else self.more_button
        for one, other in pairwise([before, *(field.widget for field in made.fields.values())]):
            QWidget.setTabOrder(one, other)
        return made

    def _arrange(self) -> None:
        for line in self._lines:
            as_set = self.open and line.read and (line.basic or self.more)
            if line.matches(self._words) if self._words else as_set:
                self._built(line).show()
            elif line.widget is not None:
                line.widget.hide()
        read = [line for line in self._lines if line.read]
        self.setVisible(self._found and bool(read))
        extra = not all(d.basic for line in read for d in line.declarations)
        self.more_button.setVisible(extra and self.open and not self._words)
        self.more_button.setText("less" if self.more else "more")
        self.heading.setText(self._title if self.open or self._words else f"{self._title}  ▸")


def _fill(made: SettingRow, shown: Shown) -> None:
    made.show_settings(shown.edited, shown.baseline, shown.in_force)
    made.show_read(shown.algorithms)
    made.explain(shown.said)
