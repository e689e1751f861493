"""The settings form, generated from the declarations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.schedules import explained
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.settings_form.row import SettingRow
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.settings.declaration import Hyperparameter
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class Folding:
    """Folding and scrolling of the form."""

    groups: tuple[tuple[bool, bool], ...]
    """(open, shows more) of each."""
    at: int
    """Pixels that it is scrolled."""


class SettingsForm(QWidget):
    """All settings by group, searchable. Only this part of the window scrolls."""

    title = "Settings"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.search = SearchField()
        self.search.textChanged.connect(self._filter)
        lines = {title: _rows(session, group) for group, (title, _) in GROUPS.items()}
        self.groups = [Group(title, found) for title, found in lines.items() if found]
        self.nothing_found = label("No match.", "muted")
        self.nothing_found.hide()
        self.restart_bar = RestartBar(session)
        inside = QWidget()
        inside.setProperty("role", "scrolled")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(8)
        column.addWidget(self.nothing_found)
        for group in self.groups:
            column.addWidget(group)
        column.addStretch(1)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(inside)
        self.area.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(self.search)
        box.addWidget(self.area, 1)
        box.addWidget(self.restart_bar)
        for line in self.rows:
            line.grown.connect(partial(self._bring_into_view, line))
        session.editor.settings_changed.connect(self._show)
        self._show(session.settings)

    @property
    def rows(self) -> list[SettingRow]:
        """Every line of the form."""
        return [line for group in self.groups for line in group.rows]

    def row(self, key: str) -> SettingRow:
        """The line that shows the setting `key`.

        Raises:
            KeyError: where there is no such setting.
        """
        for line in self.rows:
            if key in line.fields:
                return line
        raise KeyError(key)

    @property
    def folding(self) -> Folding:
        """Folding of the groups, and how far the form is scrolled."""
        at = self.area.verticalScrollBar().value()
        return Folding(tuple((group.open, group.more) for group in self.groups), at)

    def fold_as(self, folding: Folding) -> None:
        """Folds the groups and scrolls as before."""
        for group, (opened, more) in zip(self.groups, folding.groups, strict=True):
            group.fold(opened, more)
        # once the layout has given the groups their heights
        QTimer.singleShot(0, self, lambda: self.area.verticalScrollBar().setValue(folding.at))

    def bring_out(self, line: SettingRow) -> None:
        """Shows a line of the form, whatever is collapsed or searched for."""
        self.search.clear()
        for group in self.groups:
            group.bring_out(line)
        self._bring_into_view(line)

    def minimum_width(self) -> int:
        """The width at which no label is cut, scroll bar included."""
        return max(line.sizeHint().width() for line in self.rows) + 4 + 8

    def _show(self, in_force: Settings) -> None:
        edited = self._session.editor.edited
        algorithms = {arm.algorithm for arm in edited.arms}
        said = explained(edited, [ALGORITHMS[key] for key in algorithms])
        for group in self.groups:
            group.show_reading(edited)
        for line in self.rows:
            line.show_settings(edited, self._session.editor.baseline, in_force)
            line.show_read(algorithms)
            line.explain(said)
        self.restart_bar.show_staged(self._session.editor.staged_labels)

    def _bring_into_view(self, line: SettingRow) -> None:
        # once the layout has given the line its new height
        QTimer.singleShot(0, line, lambda: self.area.ensureWidgetVisible(line, 0, 8))

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        found = [group.filter(words) for group in self.groups]
        self.nothing_found.setVisible(not any(found))


class Group(QWidget):
    """One group: a heading that collapses, its basic settings, and the others behind "more"."""

    def __init__(self, title: str, rows: list[SettingRow]) -> None:
        super().__init__()
        self.rows = rows
        self.open, self.more, self._words = True, False, list[str]()
        self._found = True
        """True where a line has the words that are searched for."""
        self._title = title.upper()
        self.heading = button(self._title, self.toggle, f"Show or hide: {title}", role="group")
        self.heading.setAccessibleName(title)
        self.heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.more_button = button("more", self.toggle_more, role="flat")
        self.more_button.setAccessibleName(f"More {title.lower()} settings")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addLayout(row(self.heading, self.more_button))
        for line in rows:
            box.addWidget(line)
        self._arrange()

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

    def show_reading(self, settings: Settings) -> None:
        """Shows what family and network read; hides itself where that is nothing."""
        if [line.show_reading(settings) for line in self.rows].count(True):
            self._arrange()

    def bring_out(self, line: SettingRow) -> None:
        """Opens the group where it holds that line and does not show it."""
        if line in self.rows and line.isHidden():
            self.open = True
            self._arrange()
            self.more = self.more or line.isHidden()
            self._arrange()

    def filter(self, words: list[str]) -> bool:
        """Shows only lines with all `words`; whether there are any. No words: all lines."""
        self._words = words
        self._found = not words or any(line.matches(words) for line in self.rows)
        self._arrange()
        return self._found

    def _arrange(self) -> None:
        for line in self.rows:
            basic = any(declaration.basic for declaration in line.declarations)
            as_set = self.open and line.is_read and (basic or self.more)
            line.setVisible(line.matches(self._words) if self._words else as_set)
        read = [line for line in self.rows if line.is_read]
        self.setVisible(self._found and bool(read))
        extra = not all(d.basic for line in read for d in line.declarations)
        self.more_button.setVisible(extra and self.open and not self._words)
        self.more_button.setText("less" if self.more else "more")
        self.heading.setText(self._title if self.open or self._words else f"{self._title}  ▸")


class RestartBar(QFrame):
    """Names what waits for a restart."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self.text = label()
        self.text.setWordWrap(True)
        self.restart = button(
            "Restart", lambda: session.control.restart(train=session.link.running),
            "Begin a new run with these settings", role="primary",
        )  # fmt: skip
        self.discard = button(
            "Discard", session.editor.discard_staged, "Keep the settings in force"
        )
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.addWidget(self.text)
        box.addLayout(row(self.restart, self.discard, None))
        self.hide()

    def show_staged(self, labels: list[str]) -> None:
        """Shows the bar for these changes; hides it where there are none."""
        self.text.setText(f"Restart to apply: {', '.join(labels)}")
        self.setVisible(bool(labels))


class SearchField(QLineEdit):
    """Finds settings by words; Escape clears it."""

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("Find a setting…")
        self.setAccessibleName("Find a setting")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape clears, everything else types."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        else:
            super().keyPressEvent(event)


def is_offered(declaration: Hyperparameter) -> bool:
    """True for what a family reads that the window can show; one family alone is no choice."""
    shown = [family for family in FAMILIES.values() if family.in_window]
    read = any(declaration.families(family) for family in shown)
    # a text names what is opened elsewhere
    return read and not declaration.text and (declaration.key != "family" or len(shown) > 1)


def _rows(session: Session, group: str) -> list[SettingRow]:
    """The lines of a group, in declared order; settings with one `row` share a line."""
    lines: dict[str, list[Hyperparameter]] = {}
    for key, declaration in DECLARATIONS.items():
        if declaration.group == group and is_offered(declaration):
            lines.setdefault(declaration.row or key, []).append(declaration)
    return [SettingRow(declarations, session.editor.edit) for declarations in lines.values()]
