"""The losses of the run, taken up whether a panel shows them or not: a stream not taken is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.loss_history import LossHistory
from maml_explorer.gui.session.pinned_run import BEFORE, LossGhost
from maml_explorer.protocol.reports import MetaTested, Metrics, Rewound
from maml_explorer.settings.restart import begun_anew
from maml_explorer.settings.settings import Settings

if TYPE_CHECKING:
    from maml_explorer.gui.session.session import Session


class LossRecord(QObject):
    """The run's history, and that of the run before it."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._settings = session, session.settings
        self.history = LossHistory()
        self.before: LossGhost | None = None
        session.metrics_arrived.connect(self._take_metrics)
        session.meta_tested.connect(self._take_meta_test)
        session.run_started.connect(self._take_run)
        session.rewound.connect(self._take_rewound)
        session.settings_changed.connect(self._take_settings)
        session.pins.changed.connect(self.changed)
        session.pins.compared_changed.connect(self.changed)

    @staticmethod
    def of(session: Session) -> LossRecord:
        """The one of the session."""
        return session.findChild(LossRecord) or LossRecord(session)

    @property
    def ghosts(self) -> list[LossGhost]:
        """The other runs that are drawn: the one before, and pinned ones."""
        pins = self._session.pins
        pinned = [
            LossGhost(run.name, run.settings, run.losses)
            for run in pins.runs
            if run.losses is not None and run.name in pins.compared
        ]
        return [*([] if self.before is None else [self.before]), *pinned]

    def forget_before(self) -> None:
        """Compares with the run before no longer."""
        self.before = None
        self.changed.emit()

    def _take_metrics(self, metrics: Metrics) -> None:
        self.history.extend(metrics)
        self.changed.emit()

    def _take_meta_test(self, report: MetaTested) -> None:
        self.history.held_out.add(report, self._session.settings)
        self.changed.emit()

    def _take_run(self, _: int) -> None:
        if not self.history.empty:
            self.before = LossGhost(BEFORE, self._settings, self.history)
        self.history = LossHistory()
        self._settings = self._session.settings
        self.changed.emit()

    def _take_rewound(self, rewound: Rewound) -> None:
        self.history.rewind(rewound.outer_step)
        self.changed.emit()

    def _take_settings(self, settings: Settings) -> None:
        status, session = self._session.status, self._session
        if status is None or status.run != session.run or session.beginning:
            return
        before, self._settings = self._settings, settings
        gone = {arm.name for arm in before.arms} - {arm.name for arm in settings.arms}
        self.history.forget(gone | begun_anew(before, settings))
        if status.outer_step > 0:
            self.history.mark(before, settings, status.outer_step)
        self.changed.emit()
