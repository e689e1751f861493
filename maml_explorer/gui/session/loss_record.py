"""The losses of the run, taken up whether a panel shows them or not: a stream not taken is gone."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.divergences import Divergences
from maml_explorer.gui.session.loss_history import LossHistory
from maml_explorer.gui.session.pinned_run import BEFORE, LossGhost, PinnedRun
from maml_explorer.gui.session.pins import Pins
from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.past_events import PastChange, PastEvents
from maml_explorer.protocol.reports import Diverged, MetaTested, Metrics, Rewound
from maml_explorer.protocol.returned import Returned
from maml_explorer.settings.families import Family
from maml_explorer.settings.restart import begun_again
from maml_explorer.settings.settings import Settings


class LossRecord(QObject):
    """The run's history, and that of the run before it."""

    changed = Signal()
    left = Signal(object)
    """Names of arms that have left the run, or begin again."""

    def __init__(
        self, link: WorkerLink, editor: SettingsEditor, pins: Pins, divergences: Divergences
    ) -> None:
        super().__init__(link.parent())
        self._divergences = divergences
        self._link, self._editor, self._pins = link, editor, pins
        self._settings = editor.settings
        self.history = LossHistory()
        self.before: LossGhost | None = None
        link.subscribe(Metrics, self._take_metrics)
        link.subscribe(MetaTested, self._take_meta_test)
        link.subscribe(PastEvents, self._take_past)
        link.subscribe(Diverged, self._take_diverged)
        link.subscribe(Rewound, self._take_rewound)
        link.subscribe(Returned, self._take_returned)
        link.run_started.connect(self._take_run)
        editor.settings_changed.connect(self._take_settings)
        pins.changed.connect(self.changed)
        pins.compared_changed.connect(self.changed)

    @property
    def family(self) -> Family:
        """The task family of the run whose losses these are."""
        return self._settings.family

    @property
    def ghosts(self) -> list[LossGhost]:
        """The other runs that are drawn: the one before, and pinned ones.

        Only those of the same task family: losses on other tasks say nothing of these.
        """
        pins, before = self._pins, self.before
        fitting = [
            LossGhost(run.name, run.settings, run.losses)
            for run in pins.runs
            if run.losses is not None and run.name in pins.compared and self.fits(run)
        ]
        fits = before is not None and before.settings.family is self._settings.family
        return [before, *fitting] if before is not None and fits else fitting

    def fits(self, run: PinnedRun) -> bool:
        """True where a pinned run has losses, on tasks of the same family as this one's."""
        return run.losses is not None and run.settings.family is self._settings.family

    def compare_with(self, before: LossGhost | None) -> None:
        """Takes this for the run before, which is drawn beside; None draws none."""
        self.before = before
        self.changed.emit()

    def _take_metrics(self, metrics: Metrics) -> None:
        self.history.extend(metrics)
        self.changed.emit()

    def _take_meta_test(self, report: MetaTested) -> None:
        self.history.held_out.add(report, self._editor.settings)
        self.changed.emit()

    def _take_run(self, _: int) -> None:
        if not self.history.empty:
            self.before = LossGhost(BEFORE, self._settings, self.history)
        self.history = LossHistory()
        self._settings = self._editor.settings
        self.changed.emit()

    def _take_diverged(self, report: Diverged) -> None:
        # The run can go back to before the first of those that are frozen, however long the others
        # train on.
        if self._divergences.frozen.keys() <= {report.arm}:
            self.history.hold(report.good_step)

    def _take_rewound(self, rewound: Rewound) -> None:
        self.history.rewind(rewound.outer_step)
        self._take_changes(rewound.changes)

    def _take_past(self, past: PastEvents) -> None:
        self._take_changes(past.changes)

    def _take_changes(self, changes: Iterable[PastChange]) -> None:
        for change in changes:
            self.history.mark(change.before, change.after, change.outer_step)
        self.changed.emit()

    def _take_returned(self, returned: Returned) -> None:
        for arm in self._settings.arms:
            if arm.name in returned.own_steps:
                self.history.bring_back(arm)
        self.changed.emit()

    def _take_settings(self, settings: Settings) -> None:
        status, link = self._link.status, self._link
        if status is None or link.beginning:
            return
        if status.run != link.run:  # those of the run that begins, no change of it
            self._settings = settings
            return
        before, self._settings = self._settings, settings
        stay = {arm.name for arm in settings.arms} - begun_again(before, settings)
        left = [arm for arm in before.arms if arm.name not in stay]
        self.history.leave(left)
        self.left.emit([arm.name for arm in left])
        if status.outer_step > 0:
            self.history.mark(before, settings, status.outer_step)
        self.changed.emit()
