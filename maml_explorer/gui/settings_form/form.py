"""The settings form, generated from the declarations."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QVBoxLayout, QWidget

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.schedules import explained
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.waiting import waiting_words
from maml_explorer.gui.settings_form.fields import written
from maml_explorer.gui.settings_form.group import Group, Shown
from maml_explorer.gui.settings_form.row import SettingRow
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.widgets.see_through_area import SeeThroughArea
from maml_explorer.late_dataclass import dataclass
from maml_explorer.settings.declaration import Hyperparameter, Value
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import listed


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
        self.nothing_found = label("No match.", "muted")
        self.nothing_found.hide()
        self.restart_bar = RestartBar(session)
        inside = QWidget()
        inside.setProperty("role", "scrolled")
        self.area = SeeThroughArea()
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(inside)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(self.search)
        box.addWidget(self.area, 1)
        lines = {title: _lines(group) for group, (title, _) in GROUPS.items()}
        shown = self._shown(session.settings)
        # inside their parent from the first: with every new one Qt styles all their lines again
        self.groups = [
            Group(title, found, session.editor.edit, shown, inside)
            for title, found in lines.items()
            if found
        ]
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(8)
        column.addWidget(self.nothing_found)
        for group in self.groups:
            column.addWidget(group)
        column.addStretch(1)
        box.addWidget(self.restart_bar)  # Tab gets to it after the groups
        for group in self.groups:
            group.grown.connect(self._bring_into_view)
            group.let_go.connect(lambda: self._show(session.settings))
        session.editor.settings_changed.connect(self._show)
        self.restart_bar.show_staged(session.editor)

    @property
    def rows(self) -> list[SettingRow]:
        """Every line of the form; builds those that nobody has seen."""
        return [line for group in self.groups for line in group.rows]

    def row(self, key: str) -> SettingRow:
        """The line that shows the setting `key`.

        Raises:
            KeyError: where there is no such setting.
        """
        for group in self.groups:
            line = group.row(key)
            if line is not None:
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
        widths = [group.widths() for group in self.groups]
        return max(label for label, _ in widths) + max(beside for _, beside in widths) + 4 + 8

    def _shown(self, in_force: Settings) -> Shown:
        editor = self._session.editor
        algorithms = frozenset(arm.algorithm for arm in editor.edited.arms)
        said = explained(editor.edited, [ALGORITHMS[key] for key in algorithms])
        for key, words in unreached(editor.edited, editor.baseline).items():
            said[key] = f"{said[key]} {words}" if key in said else words
        return Shown(editor.edited, editor.baseline, in_force, algorithms, said)

    def _show(self, in_force: Settings) -> None:
        shown = self._shown(in_force)
        if any(group.held for group in self.groups):  # the rest follows when it is let go
            for group in self.groups:
                group.show_values(shown)
            return
        for group in self.groups:
            group.show_settings(shown)
        self.restart_bar.show_staged(self._session.editor)

    def _bring_into_view(self, line: SettingRow) -> None:
        # once the layout has given the line its new height
        QTimer.singleShot(0, line, lambda: self.area.ensureWidgetVisible(line, 0, 8))

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        found = [group.filter(words) for group in self.groups]
        self.nothing_found.setVisible(not any(found))


class RestartBar(QFrame):
    """Names what waits for a restart."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self.text = label()
        self.text.setWordWrap(True)
        self.restart = button(
            "Restart",
            session.control.restart_in_place,
            "Begin a new run with these settings",
            role="primary",
        )
        self.discard = button(
            "Discard", session.editor.discard_staged, "Keep the settings in force"
        )
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.addWidget(self.text)
        box.addLayout(row(self.restart, self.discard, None))
        self.hide()

    def show_staged(self, editor: SettingsEditor) -> None:
        """Shows the bar for what waits; hides it where nothing does."""
        self.text.setText(waiting_words(editor))
        self.text.setToolTip(plain_tip(", ".join(editor.staged_labels)))
        self.setVisible(bool(self.text.text()))


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
    shown = list(FAMILIES.values())
    read = any(declaration.families(family) for family in shown)
    # a text names what is opened elsewhere
    return read and declaration.typed and (declaration.key != "family" or len(shown) > 1)


def unreached(settings: Settings, baseline: Settings) -> dict[str, str]:
    """Setting → a sentence on the arms that have their own value, which the shared one leaves.

    Those of the baseline, a preset's say, are not said where nothing was changed.
    """
    before = {arm.name: dict(arm.overrides) for arm in baseline.arms}
    found: dict[str, dict[str, Value]] = {}
    for arm in settings.arms:
        for key, value in arm.overrides:
            usual = before.get(arm.name, {})
            if settings[key] != baseline[key] or usual.get(key, settings[key]) != value:
                found.setdefault(key, {})[arm.name] = value
    return {key: _own_values(key, own) for key, own in found.items()}


def _own_values(key: str, own: Mapping[str, Value]) -> str:
    values = list(dict.fromkeys(written(DECLARATIONS[key], value) for value in own.values()))
    keeps = "keeps its own value" if len(own) == 1 else "keep their own values"
    if len(own) > 1 == len(values):
        keeps = "keep their own value"
    return f"{listed(list(own))} {keeps}, {listed(values)}."


def _lines(group: str) -> list[list[Hyperparameter]]:
    """The lines of a group, in declared order; settings with one `row` share a line."""
    lines: dict[str, list[Hyperparameter]] = {}
    for key, declaration in DECLARATIONS.items():
        if declaration.group == group and is_offered(declaration):
            lines.setdefault(declaration.row or key, []).append(declaration)
    return list(lines.values())
