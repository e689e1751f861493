"""Arms that diverged: which are frozen, what the run has seen, and their last curves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.shown_task import ShownTask
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.past_events import PastEvents
from maml_explorer.protocol.reports import Diverged, Probed, Rewound
from maml_explorer.settings.settings import Settings

TRAIL = 20
"""Reports of curves that are kept, to show how an arm flew out."""


class Divergences(QObject):
    """The divergences of the run there is."""

    changed = Signal()

    def __init__(self, link: WorkerLink, task: ShownTask) -> None:
        super().__init__(link.parent())
        self._link = link
        self.frozen: dict[str, Diverged] = {}
        """Arm → its divergence, until it goes on or the run goes back."""
        self.settings: dict[str, Settings] = {}
        """Frozen arm → the settings that it diverged with, where they are known."""
        self.seen: list[Diverged] = []
        """All of this run, those that were overcome too."""
        self.trails: dict[str, tuple[Probed, ...]] = {}
        """Frozen arm → the last reports of its curves, the oldest first."""
        self._recent: deque[Probed] = deque(maxlen=TRAIL)
        link.subscribe(Diverged, self._take)
        link.subscribe(PastEvents, self._take_past)
        link.run_started.connect(self._forget_all)
        link.rewound.connect(self._go_back)
        task.probe_changed.connect(self._forget_curves)
        task.probed_arrived.connect(self._keep)

    def go_on(self, arms: Iterable[str]) -> None:
        """Notes that these arms are no longer frozen, or have left."""
        known = [arm for arm in arms if arm in self.frozen]
        for arm in known:
            del self.frozen[arm]
            self.settings.pop(arm, None)
            self.trails.pop(arm, None)
        if known:
            self.changed.emit()

    def _go_back(self, rewound: Rewound) -> None:
        """Forgets what the run goes back before: it has not happened to it."""
        kept = [one for one in self.seen if one.outer_step <= rewound.outer_step]
        gone, self.seen = len(kept) < len(self.seen), kept
        self.go_on(tuple(self.frozen))
        if gone:
            self.changed.emit()

    def _take(self, report: Diverged) -> None:
        self.frozen[report.arm] = report
        status = self._link.status
        if report.settings is not None:
            self.settings[report.arm] = report.settings
        elif status is not None and status.run == report.run:
            self.settings[report.arm] = status.settings
        # that of an arm which left and is back is known
        if all((one.arm, one.outer_step) != (report.arm, report.outer_step) for one in self.seen):
            self.seen.append(report)
        self.trails[report.arm] = tuple(self._recent)
        self.changed.emit()

    def _take_past(self, past: PastEvents) -> None:
        self.seen[:0] = [
            Diverged(past.run, one.arm, one.outer_step, one.good_step, "") for one in past.overcome
        ]
        self.changed.emit()

    def _keep(self, probed: Probed) -> None:
        if self._link.running:
            self._recent.append(probed)

    def _forget_curves(self, _: object) -> None:
        self._recent.clear()
        if self.trails:
            self.trails = {}
            self.changed.emit()

    def _forget_all(self, _: int) -> None:
        self.frozen, self.settings, self.seen, self.trails = {}, {}, [], {}
        self._recent.clear()
        self.changed.emit()
