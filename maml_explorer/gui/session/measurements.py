"""Figures that the worker measured of the run as a whole."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.images import ClassReferences
from maml_explorer.protocol.reports import Compared, MetaTested, ReferenceLosses, Rewound


class Measurements(QObject):
    """The newest meta-test, reference losses and verdicts of the run; None before the first."""

    meta_tested = Signal(object)
    references_changed = Signal(object)
    compared = Signal(object)
    """Verdicts came, or went with the state that they are of: `Compared` or None."""

    def __init__(self, link: WorkerLink, editor: SettingsEditor) -> None:
        super().__init__(link.parent())
        self._editor = editor
        self.meta_test: MetaTested | None = None
        self.tested_with = editor.settings
        """In force when the newest meta-test came; a change of settings begins a new one."""
        self.references: ReferenceLosses | ClassReferences | None = None
        self.comparison: Compared | None = None
        link.run_started.connect(self._forget)
        link.subscribe(MetaTested, self._take_meta_test)
        link.subscribe(ReferenceLosses, self._take_references)
        link.subscribe(ClassReferences, self._take_references)
        link.subscribe(Compared, self._take_compared)
        link.subscribe(Rewound, lambda _: self._take_compared(None))

    def _forget(self) -> None:
        self.meta_test = self.references = self.comparison = None

    def _take_meta_test(self, meta_test: MetaTested) -> None:
        self.meta_test, self.tested_with = meta_test, self._editor.settings
        self.meta_tested.emit(meta_test)

    def _take_references(self, references: ReferenceLosses | ClassReferences) -> None:
        self.references = references
        self.references_changed.emit(references)

    def _take_compared(self, compared: Compared | None) -> None:
        self.comparison = compared
        self.compared.emit(compared)
