"""Commands that replace the current run by another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from maml_explorer.core import training
from maml_explorer.core.plan import intra_op_threads, prepare
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.insight import InsightFigures
from maml_explorer.worker.answers import reference_losses
from maml_explorer.worker.beside_training import BesideTraining
from maml_explorer.worker.divergence import past_events
from maml_explorer.worker.files.begun_from import begun_from
from maml_explorer.worker.files.saving import opened_run
from maml_explorer.worker.kept_runs import KeptRuns
from maml_explorer.worker.live_answers import LiveAnswers
from maml_explorer.worker.mailbox import Outbox
from maml_explorer.worker.run import Run
from maml_explorer.worker.trainer import Trainer


class RunActions:
    """Beginning, opening and bringing back runs."""

    def __init__(
        self,
        trainer: Trainer,
        live: LiveAnswers,
        beside: BesideTraining,
        kept: KeptRuns,
        outbox: Outbox,
    ) -> None:
        self.trainer, self.live, self.beside = trainer, live, beside
        self.kept, self.outbox = kept, outbox
        self.begun = 0
        """Runs so far: the newest has this number."""

    def table(self) -> dict[type, Callable[[Any], None]]:
        """Command → its effect."""
        return {
            commands.Restart: self.restart,
            commands.BringBack: self.bring_back,
            commands.HoldRun: self.hold,
            commands.OpenRun: self.open_run,
            commands.OpenInitialization: self.open_initialization,
        }

    def restart(self, command: commands.Restart) -> None:
        """Begins a run of these settings."""
        command.settings.refuse_unshown()
        plan = prepare(command.settings)  # refused here: the old run is untouched
        phase = reports.Phase.RUNNING if command.train else reports.Phase.PAUSED
        self._begin(Run.begin(plan, training.start_run(plan)), phase)

    def bring_back(self, command: commands.BringBack) -> None:
        """Continues a run that was replaced."""
        self._begin(self.kept.take(command.run), reports.Phase.PAUSED)

    def hold(self, command: commands.HoldRun) -> None:
        """Keeps the current run, however many runs replace it."""
        self.kept.held = self.begun

    def open_run(self, command: commands.OpenRun) -> None:
        """Continues a saved run folder."""
        self._begin(opened_run(Path(command.folder)), reports.Phase.PAUSED)

    def open_initialization(self, command: commands.OpenInitialization) -> None:
        """Begins a run whose arm starts from an exported initialization."""
        begun = begun_from(Path(command.folder), command.settings)
        self._begin(Run.begin(begun.plan, begun.state, begun.rows), reports.Phase.PAUSED)
        if begun.notes:
            self.outbox.put(reports.Noted(self.begun, " ".join(begun.notes)))

    def _begin(self, run: Run, phase: reports.Phase) -> None:
        """Replaces the current run, which can be brought back."""
        trainer = self.trainer
        if trainer.run is not None:
            trainer.flush()
            self.kept.keep(trainer.run)
        self.begun += 1
        run.number, run.first = self.begun, run.first or self.begun
        trainer.run, trainer.until = run, None
        trainer.forget_unread()
        trainer.rate.reset()
        torch.set_num_threads(intra_op_threads(run.plan))
        self.beside.begin(run)
        self.outbox.put(reference_losses(run.number, run.settings))
        trainer.enter(phase)
        for block in run.history.blocks(run.number):
            self.outbox.put(block)
        past, frozen = past_events(run)
        self.outbox.put(past)
        for report in frozen:
            self.outbox.put(report)
        self.outbox.put(InsightFigures(run.number, tuple(run.figures.rows())))
        for found in run.insights.values():
            self.outbox.put(dataclasses.replace(found, run=run.number))
        self.live.begin(run)
