"""The runs that are compared with the one there is: pinned, replaced, exported elsewhere."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from maml_explorer.files.reader import read_bytes
from maml_explorer.files.writer import write_bytes
from maml_explorer.gui.session.loss_history import LossHistory
from maml_explorer.gui.session.measurements import Measurements
from maml_explorer.gui.session.pinned_run import (
    BEFORE,
    MOST,
    MOST_BINS,
    GhostRun,
    PinnedRun,
    figures_of,
    figures_of_records,
)
from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.undo import Replacement
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.commands import PinRun, ShowGhost
from maml_explorer.protocol.reports import Exported, PinTested, Written
from maml_explorer.settings.settings import Settings

if TYPE_CHECKING:
    from maml_explorer.storage.initialization.folder import Initialization

_LARGEST = 2**31
"""Most bytes of an exported file: it was opened before."""


OTHER_TASKS = "A run is drawn faint where it learns curves of the same task family as this run"


class Pins(QObject):
    """Any number among the losses, one beside the adaptation."""

    changed = Signal()
    """Another list of pinned runs, or figures of one."""
    compared_changed = Signal()
    """Other pinned runs are drawn among the losses."""
    ghost_changed = Signal()
    """Another run, or none, is drawn beside the adaptation."""

    def __init__(
        self,
        link: WorkerLink,
        editor: SettingsEditor,
        measured: Measurements,
        losses: Callable[[], LossHistory],
    ) -> None:
        super().__init__(link.parent())
        self._link, self._editor = link, editor
        self._measured, self._losses = measured, losses
        self.runs: tuple[PinnedRun, ...] = ()
        self.compared: frozenset[str] = frozenset()
        """Names of the pinned runs that are drawn among the losses."""
        self.ghost: GhostRun | None = None
        """The run whose adaptation is drawn beside that of the one there is."""
        self._passing: GhostRun | None = None
        """A run that was shown in passing, and what it took the place of."""
        self._under: GhostRun | None = None
        self.replaced: GhostRun | None = None
        """The run that was there before a restart."""
        self.place: Path | None = None
        """Folder of pinned runs; None is one that is removed with the session."""
        self._untested: dict[str, PinnedRun] = {}
        """Folder → run that waits for the meta-test that was asked for when it was pinned."""
        self._temporary: Path | None = None
        self._count = self._folders = 0
        link.subscribe(PinTested, self._take_meta_test)
        link.subscribe(Exported, self._take_step)

    def pin_run(self) -> None:
        """Keeps the run to compare later ones with: settings, figures, losses, curves."""
        settings, run, status = self._editor.settings, self._link.run, self._link.status
        step, arm_steps = self._outer_step, {} if status is None else dict(status.arm_steps)
        tested = self._measured.meta_test
        if tested is not None and (tested.outer_step != step or tested.declared is not None):
            tested = None  # of another state, or of the first tasks only
        folder = str(self._new_folder())
        history = self._losses()
        pinned = PinnedRun(
            self._new_name(), settings, step, figures_of(tested), run, folder,
            history.thinned(MOST_BINS), arm_steps, history.changed_keys,
        )  # fmt: skip
        self._link.post(PinRun(folder, measure=tested is None))
        if tested is None:
            self._untested[folder] = pinned
        self._pin(pinned)

    def pin_initialization(self, source: Path, found: Initialization) -> None:
        """Pins what was exported, so that it is drawn beside the run.

        Raises:
            OSError: where it cannot be copied; nothing has changed. The same for StorageError.
        """
        folder = self._new_folder()
        folder.mkdir()
        for name in ("config.json", "model.safetensors"):
            write_bytes(folder / name, read_bytes(source / name, _LARGEST))
        figures = figures_of_records(found.arm.name, found.evaluations)
        name = self._free(source.name[:40])
        self._pin(PinnedRun(name, found.settings, found.outer_step, figures, 0, str(folder)))

    def take(self, runs: Iterable[PinnedRun]) -> None:
        """Lists runs that were pinned at an earlier start; they are drawn on request."""
        self._put((*runs, *self.runs)[-MOST:])

    def delete(self, run: PinnedRun) -> None:
        """Deletes a pinned run; one undo step."""
        rest = tuple(other for other in self.runs if other is not run)
        self._editor.undo_stack.push(Replacement(self._put, self.runs, rest, "Delete pinned run"))

    def compare(self, names: Iterable[str]) -> None:
        """Draws these pinned runs among the losses."""
        self.compared = frozenset(names)
        self.compared_changed.emit()

    def show(self, ghost: GhostRun | None) -> None:
        """Draws this run's adaptation beside that of the one there is; None ends it."""
        if ghost != self.ghost:
            self.ghost = ghost
            self._link.post(ShowGhost() if ghost is None else ghost.command)
            self.ghost_changed.emit()

    def show_in_passing(self, ghost: GhostRun) -> None:
        """Draws another run there, as long as it is looked at: a sweep's, cell after cell."""
        if self.ghost != self._passing:
            self._under = self.ghost
        self._passing = ghost
        self.show(ghost)

    def show_as_before(self) -> None:
        """Ends what is shown in passing: the run whose place it took is there again."""
        under = self._under
        if under is not None and under.command.run:
            under = self.replaced
        elif all(run.ghost != under for run in self.runs):
            under = None
        self.show(under)

    def comparable(self, other: Settings) -> bool:
        """True where a run with these settings and the one there is learn the same curves.

        Only then is its adaptation drawn beside that of the other.
        """
        family = self._editor.settings.family
        return other.family is family and family.shown_as == "curve"

    @property
    def faint(self) -> GhostRun | None:
        """The chosen run beside the adaptation; None as long as the run there is learns others."""
        ghost = self.ghost
        return ghost if ghost is not None and self.comparable(ghost.settings) else None

    @property
    def drawn(self) -> tuple[tuple[str, ...], str]:
        """Names of the pinned runs among the losses, and of that beside the adaptation."""
        faint = next((run.name for run in self.runs if run.ghost == self.ghost), "")
        return tuple(run.name for run in self.runs if run.name in self.compared), faint

    def draw_again(self, compared: Iterable[str], faint: str) -> None:
        """Draws pinned runs as they were drawn before; one that is gone is passed over."""
        self.compare({run.name for run in self.runs} & set(compared))
        self.show(next((run.ghost for run in self.runs if run.name == faint), self.ghost))

    @property
    def here(self) -> GhostRun | None:
        """The run there is, as what is drawn beside the next; None where it has not trained."""
        step, settings = self._outer_step, self._editor.settings
        return GhostRun(BEFORE, settings, step, ShowGhost(run=self._link.run)) if step else None

    def show_replaced(self, before: GhostRun | None) -> None:
        """After a restart: draws the run before, unless the user has chosen another one."""
        self.replaced = before
        if self.ghost is None:
            self.show(before)

    def forget_replaced(self) -> None:
        """Another run begins: the worker may not keep the one before it for long."""
        self.replaced = None
        if self.ghost is not None and self.ghost.command.run:
            self.show(None)

    def close(self) -> None:
        """Leaves nothing behind that is not kept."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    @property
    def _outer_step(self) -> int:
        return 0 if self._link.status is None else self._link.status.outer_step

    def _pin(self, run: PinnedRun) -> None:
        runs = (*self.runs, run)[-MOST:]
        self._editor.undo_stack.push(Replacement(self._put, self.runs, runs, "Pin run"))
        self.compare(self.compared | {run.name})
        self.show(run.ghost)

    def _put(self, runs: tuple[PinnedRun, ...]) -> None:
        self.runs = runs
        pinned = self.ghost is not None and bool(self.ghost.command.folder)
        if pinned and self.ghost != self._passing and all(run.ghost != self.ghost for run in runs):
            self.show(None)
        self.changed.emit()

    def _take_meta_test(self, report: PinTested) -> None:
        """Figures of a run that was pinned while it trained, and the steps of its arms."""
        run = self._untested.pop(report.folder, None)
        if run is None:
            return
        run.figures.update(figures_of(report.test))
        self._correct(run, report.test.outer_step, report.test.arm_steps)
        self.changed.emit()

    def _take_step(self, report: Exported) -> None:
        """The step at which a run was pinned: the worker was ahead of what the window knew."""
        run = self._untested.get(report.folder)
        if report.what is Written.PIN and run is not None:
            self._untested[report.folder] = self._correct(run, report.outer_step, run.arm_steps)

    def _correct(self, run: PinnedRun, step: int, arm_steps: Mapping[str, int]) -> PinnedRun:
        exact = replace(run, outer_step=step, arm_steps=dict(arm_steps))
        self.runs = tuple(exact if one is run else one for one in self.runs)
        if self.ghost == run.ghost:
            self.ghost = exact.ghost
            self.ghost_changed.emit()
        return exact

    def _new_name(self) -> str:
        taken = {run.name for run in self.runs}
        while True:
            self._count += 1
            if f"Run {self._count}" not in taken:
                return f"Run {self._count}"

    def _free(self, name: str) -> str:
        taken = {run.name for run in self.runs}
        names = [name, *(f"{name} {n}" for n in range(2, MOST + 3))]
        return next(name for name in names if name not in taken)

    def _new_folder(self) -> Path:
        place = self.place or self._temporary
        if place is None:
            import tempfile  # the window starts without it

            place = self._temporary = Path(tempfile.mkdtemp(prefix="maml-explorer-"))
        place.mkdir(parents=True, exist_ok=True)
        # sorted by name they are in the order in which they were pinned
        self._folders += 1
        return (
            place / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{self._folders:03d}-{os.urandom(6).hex()}"
        )
