"""The view of the window that is kept beside a run, and shown again with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.gui.session.view_state import ViewState, view_state
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.protocol.commands import OpenRun
from maml_explorer.protocol.reports import Refused, Status
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.run.folder import VIEW

_LARGEST = 1 << 20
"""Most bytes of a view."""


class SavedView(QObject):
    """Shows the view beside a run that is being opened, once that run is there.

    Args:
        show: makes the window show a view.
    """

    def __init__(
        self, link: WorkerLink, banners: Banners, show: Callable[[ViewState], None]
    ) -> None:
        super().__init__(link.parent())
        self._link, self._banners, self._show = link, banners, show
        self._awaited: tuple[int, Path, Callable[[], None]] | None = None
        """The number of the run, its folder, and what to do once it is there."""
        link.status_changed.connect(self._take_status)
        link.refused.connect(self._take_refusal)

    def expect(self, folder: Path, there: Callable[[], None]) -> None:
        """The run in a folder has just been asked for; `there` is called once it is there."""
        self._awaited = self._link.expected_run, folder, there

    def _take_refusal(self, report: Refused) -> None:
        if report.refused is OpenRun:
            self._awaited = None

    def _take_status(self, status: Status) -> None:
        if self._awaited is None or status.run < self._awaited[0]:
            return
        (run, folder, there), self._awaited = self._awaited, None
        if status.run > run:
            return  # another one was begun meanwhile
        there()
        try:
            view = _read(folder)
        except (StorageError, SettingsError) as error:
            said = f"The run is open, but its view could not be restored: {error}"
            self._banners.say("view", said, "warning")
            return
        if view is not None:
            self._show(view)


def _read(folder: Path) -> ViewState | None:
    """The view beside a run; None where there is none.

    Raises:
        StorageError: if it is damaged; the same for SettingsError.
    """
    if not is_file(folder / VIEW):
        return None
    return view_state(read_json(folder / VIEW, _LARGEST))
