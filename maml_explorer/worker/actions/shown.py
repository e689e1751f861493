"""Commands about what the window shows: tasks, another run beside, the views of the insight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from maml_explorer.protocol import commands
from maml_explorer.protocol.images import ImageTask, WatchImages
from maml_explorer.protocol.insight import InsightRequest, LookInside, RefreshInsight
from maml_explorer.protocol.streams import StreamTask, WatchStreams
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.worker.beside_training import BesideTraining
from maml_explorer.worker.files.other_run import OtherRun, read_ghost
from maml_explorer.worker.insight import VIEWS
from maml_explorer.worker.kept_runs import KeptRuns
from maml_explorer.worker.live_answers import LiveAnswers, Watch
from maml_explorer.worker.trainer import Trainer


class ShownActions:
    """Actions that change what is answered from now on."""

    def __init__(
        self, trainer: Trainer, live: LiveAnswers, beside: BesideTraining, kept: KeptRuns
    ) -> None:
        self.trainer, self.live, self.beside, self.kept = trainer, live, beside, kept

    def table(self) -> dict[type, Callable[[Any], None]]:
        """Command → its effect."""
        return {
            commands.ProbeTask: self.show_tasks,
            ImageTask: self.show_tasks,
            WatchImages: self.show_tasks,
            StreamTask: self.show_tasks,
            WatchStreams: self.show_tasks,
            commands.WatchTasks: self.show_tasks,
            commands.ShowGhost: self.show_ghost,
            LookInside: self.look_inside,
            RefreshInsight: self.refresh,
        }

    def show_tasks(self, command: commands.ShownTask | Watch) -> None:
        """Answers for other tasks."""
        self.live.take(command, self.trainer.run)

    def show_ghost(self, command: commands.ShowGhost) -> None:
        """Reports another run beside the current one, or stops doing so."""
        if command.run:
            kept = self.kept.runs.get(command.run)
            if kept is None:
                raise SettingsError(f"Run {command.run} is no longer kept: it cannot be shown.")
            self.live.ghost = OtherRun(kept.plan, kept.state)
        else:
            self.live.ghost = read_ghost(Path(command.folder)) if command.folder else None
        self.live.answer_probe(self.trainer.run)

    def look_inside(self, command: LookInside) -> None:
        """Computes these views beside training."""
        for request in command.views:
            _refuse_unknown(request)
        self.beside.insight.show(command.views)

    def refresh(self, command: RefreshInsight) -> None:
        """Computes a view again, now."""
        _refuse_unknown(command.request)
        self.beside.insight.ask(command.request)


def _refuse_unknown(request: InsightRequest) -> None:
    if request.view not in VIEWS:
        raise SettingsError(f"There is no view {request.view!r}; the views are {', '.join(VIEWS)}.")
