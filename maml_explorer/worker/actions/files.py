"""Commands that write files: exports, the run, the comparison with published numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maml_explorer.protocol import commands
from maml_explorer.protocol.reports import Exported, Written
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.worker.beside_training import BesideTraining
from maml_explorer.worker.files.comparing import compared
from maml_explorer.worker.files.saving import export_initialization, pin_run, save_run
from maml_explorer.worker.mailbox import Outbox
from maml_explorer.worker.run import Run
from maml_explorer.worker.trainer import Trainer


class FileActions:
    """Actions that write parts of the run."""

    def __init__(self, trainer: Trainer, beside: BesideTraining, outbox: Outbox) -> None:
        self.trainer, self.beside, self.outbox = trainer, beside, outbox

    def table(self) -> dict[type, Callable[[Any], None]]:
        """Command → its effect."""
        return {
            commands.ExportInitialization: self.export,
            commands.Reproduce: self.compare,
            commands.SaveRun: self.save,
            commands.PinRun: self.pin,
            # looked for while writing; afterwards it is too late
            commands.StopWriting: lambda _: None,
        }

    def export(self, command: commands.ExportInitialization) -> None:
        """Writes one arm's initialization."""
        run = self.trainer.run
        if run is not None:
            folder = export_initialization(run, command, self.trainer.look_while_writing)
            self.outbox.put(Exported(Written.INITIALIZATION, folder, command.arm))

    def compare(self, command: commands.Reproduce) -> None:
        """Compares the run with what is published for a preset."""
        self.trainer.flush()
        run = self._run()
        self.outbox.put(compared(run, command, self.trainer.look_while_writing))
        if command.file:
            self.outbox.put(Exported(Written.REPORT, command.file))

    def save(self, command: commands.SaveRun) -> None:
        """Writes the run folder."""
        run = self.trainer.run
        if run is not None:
            self.trainer.flush()
            folder = save_run(run, command, self.trainer.look_while_writing)
            self.outbox.put(Exported(Written.SESSION if command.autosave else Written.RUN, folder))

    def pin(self, command: commands.PinRun) -> None:
        """Writes what can be shown of the run later."""
        run = self.trainer.run
        if run is not None:
            pin_run(run, command)
            step = run.state.outer_step
            self.outbox.put(Exported(Written.PIN, command.folder, outer_step=step))
            if command.measure:
                self.beside.pins.ask(command.folder, run)

    def _run(self) -> Run:
        if self.trainer.run is None:
            raise SettingsError("There is no run yet.")
        return self.trainer.run
