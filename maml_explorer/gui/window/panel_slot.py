"""The place of a panel: shows the panel, or what went wrong in it."""

from __future__ import annotations

import traceback
from types import TracebackType

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget
from shiboken6 import isValid

from maml_explorer.gui.panels import PanelEntry
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.widgets.controls import button, label, row


class Place(QFrame):
    """Place of one panel. A panel that fails leaves its error here; the others keep working.

    A panel that waits to be seen is built when it first is, so that a start does not wait for it.
    """

    def __init__(self, entry: PanelEntry, session: Session) -> None:
        super().__init__()
        self.entry, self._session = entry, session
        self.setObjectName(entry.name)
        self.panel: QWidget | None = None
        """None before it is built, and where it failed."""
        self._kind = self._wanted_kind
        """Kind of families that the panel is for; "" where it is for several."""
        self._others: dict[str, QWidget] = {}
        """Kind of families → the panel for them, where it was built and is hidden."""
        self._error: QWidget | None = None
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        session.editor.settings_changed.connect(self._take_settings)
        if not entry.waits:
            self.build()

    @property
    def _wanted_kind(self) -> str:
        kind = self._session.settings.family.shown_as
        return kind if kind in self.entry.others else ""

    def _take_settings(self, _: object) -> None:
        """Puts the panel of the family in force in front."""
        if self._kind == self._wanted_kind:
            return
        kind, self._kind = self._kind, self._wanted_kind
        if self._error is not None:
            self.build()
            return
        before, self.panel = self.panel, self._others.pop(self._kind, None)
        if before is not None:
            self._others[kind] = before
            before.hide()
        if self.panel is not None:
            self.panel.resize(self.size())
            self.panel.show()
        elif before is not None or not self.entry.waits:
            self._build_panel()

    def build(self) -> None:
        """Builds the panel again."""
        self._clear()
        self._build_panel()

    def build_now(self) -> None:
        """Builds the panel where it waited to be seen."""
        if self.panel is None and not self.failed:
            self.build()

    def _build_panel(self) -> None:
        try:
            self.panel = self.entry.build(self._session)
        except Exception as error:
            self.fail(error)
            return
        self._box.addWidget(self.panel)
        # the layout would do both only when this has ended
        self.panel.resize(self.size())
        self.panel.show()

    def open_page(self, name: str) -> None:
        """Opens one of the panel's pages by the words on its button, in any case of letters."""
        page = next((page for page in self.entry.pages if page.lower() == name), "")
        if page:
            self.build_now()
        show = getattr(self.panel, "show_page", None)
        if page and show is not None:
            show(page)

    def look_into(self, arm: str) -> None:
        """Looks into an arm, where the panel looks into one."""
        self.build_now()
        look = getattr(self.panel, "look_into", None)
        if look is not None:
            look(arm)

    def fail(self, error: BaseException) -> None:
        """Shows `error` instead of the panel."""
        self._clear()
        details = "".join(traceback.format_exception(error))
        words = label(
            f"{self.entry.title} could not be shown: {str(error) or type(error).__name__}."
        )
        words.setWordWrap(True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        again = button("Try again", self.build)
        copy = button("Copy details", lambda: QGuiApplication.clipboard().setText(details))
        self._error = QWidget()
        box = QVBoxLayout(self._error)
        box.addWidget(label(self.entry.title, "title"))
        box.addWidget(words)
        box.addLayout(row(again, copy, None))
        box.addStretch(1)
        self._box.addWidget(self._error)

    @property
    def failed(self) -> bool:
        """True where the error is shown here."""
        return self._error is not None

    def caused(self, trace: TracebackType | None) -> bool:
        """True where an exception with this traceback came out of this panel."""
        if self.panel is None:
            return False
        while trace is not None:
            origin = trace.tb_frame.f_locals.get("self")
            if (
                isinstance(origin, QWidget)
                # not one whose constructor failed before it was a widget
                and isValid(origin)
                and (origin is self.panel or self.panel.isAncestorOf(origin))
            ):
                return True
            trace = trace.tb_next
        return False

    def showEvent(self, event: QShowEvent) -> None:
        """Builds the panel that waited for this."""
        super().showEvent(event)
        self.build_now()

    def _clear(self) -> None:
        for old in (self.panel, self._error):
            if old is not None:
                self._box.removeWidget(old)
                old.hide()
                old.deleteLater()
        self.panel = self._error = None
