"""Settings that wait for a restart, said where the form that says it cannot be seen."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.waiting import waiting_words
from maml_explorer.gui.widgets.banner import Banners

SUBJECT = "waiting settings"


class WaitingSettings(QObject):
    """A banner with Restart and Discard while the settings are hidden, as in a lecture hall.

    Args:
        form: of the settings; it has a bar of its own for this, which is seen where it is.
    """

    def __init__(self, session: Session, banners: Banners, form: QWidget) -> None:
        super().__init__(banners)
        self._session, self._banners, self._form = session, banners, form
        self._said = ""
        # what hides the form has not ended yet when Qt tells of it
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._look)
        form.installEventFilter(self)
        session.editor.settings_changed.connect(lambda _: self._soon.start())
        session.link.run_started.connect(lambda _: self._soon.start())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Looks again when the form is shown or hidden."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._soon.start()
        return super().eventFilter(watched, event)

    def _look(self) -> None:
        text = "" if self._form.isVisible() else waiting_words(self._session.editor)
        if text == self._said:
            return
        self._said = text
        if not text:
            self._banners.drop(SUBJECT)
            return
        session = self._session
        choices = (
            ("Restart", session.control.restart_in_place),
            ("Discard", session.editor.discard_staged),
        )
        self._banners.say(SUBJECT, text, choices=choices, stays=True)
