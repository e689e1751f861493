"""Figures that the worker measured of the run as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from maml_explorer.gui.session.settings_editor import SettingsEditor
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.images import ClassReferences
from maml_explorer.protocol.reports import (
    Compared,
    Diverged,
    MetaTested,
    ReferenceLosses,
    Rewound,
)

_Figures = TypeVar("_Figures")


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
        link.subscribe(Diverged, self._drop_lost)
        link.subscribe(ReferenceLosses, self._take_references)
        link.subscribe(ClassReferences, self._take_references)
        link.subscribe(Compared, self._take_compared)
        link.subscribe(Rewound, lambda _: self._take_compared(None))

    def _forget(self) -> None:
        self.meta_test = self.references = self.comparison = None

    def _take_meta_test(self, meta_test: MetaTested) -> None:
        self.meta_test, self.tested_with = meta_test, self._editor.settings
        self.meta_tested.emit(meta_test)

    def _drop_lost(self, report: Diverged) -> None:
        """Drops an arm's figures that are of a state after its last good one."""
        test, lost = self.meta_test, report.arm
        if test is not None and test.arm_steps.get(lost, 0) > report.good_step:
            self.meta_test = _without(test, lost)
            self.meta_tested.emit(self.meta_test)

    def _take_references(self, references: ReferenceLosses | ClassReferences) -> None:
        self.references = references
        self.references_changed.emit(references)

    def _take_compared(self, compared: Compared | None) -> None:
        self.comparison = compared
        self.compared.emit(compared)


def _without(test: MetaTested, arm: str) -> MetaTested:
    """The same report as if this arm had not been there."""
    held_out = test.held_out
    if held_out is not None:
        held_out = replace(held_out, figures=_but(held_out.figures, arm))
    return replace(
        test,
        arms=_but(test.arms, arm),
        seen=_but(test.seen, arm),
        held_out=held_out,
        gaps=tuple(gap for gap in test.gaps if arm not in (gap.arm, gap.against)),
        arm_steps=_but(test.arm_steps, arm),
    )


def _but(figures: Mapping[str, _Figures], arm: str) -> dict[str, _Figures]:
    return {name: known for name, known in figures.items() if name != arm}
