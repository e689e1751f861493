"""Another run whose adaptation is shown beside that of the current run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState
from maml_explorer.files.reader import StorageError
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.reports import ArmProbe
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, is_run_folder, open_run, whole_run
from maml_explorer.worker.answers import answer_arms
from maml_explorer.worker.files.begun_from import begun_from


@dataclass
class OtherRun:
    """A state that does not train, and what it made of the task last."""

    plan: Plan
    state: RunState
    _asked: tuple[ProbeTask, TaskSettings] | None = None
    _answer: Mapping[str, ArmProbe] = field(default_factory=dict)

    def arms(self, task: ProbeTask, family: TaskSettings) -> Mapping[str, ArmProbe]:
        """Its arms' adaptation to a task; computed once for each."""
        asked = self._asked
        if asked is None or asked[0] is not task or asked[1] != family:
            self._answer = answer_arms(self.plan, self.state, task, family)
            self._asked = (task, family)
        return self._answer


def write_pin(path: Path, settings: Settings, state: RunState) -> None:
    """Writes settings and state as a run folder without metrics.

    Raises:
        StorageError, OSError: where it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_run(path, settings) as folder:
        seeds, sizes = (settings.run.seed,), folder.file_sizes()
        save_checkpoint(
            folder.path / CHECKPOINT, Checkpoint(settings, state, seeds, file_sizes=sizes)
        )


def read_ghost(path: Path) -> OtherRun:
    """The run that was pinned into a folder, or that begins from the initialization in it.

    Raises:
        SettingsError: where the folder holds neither, or is damaged.
    """
    if not is_run_folder(path):
        begun = begun_from(path)
        return OtherRun(begun.plan, begun.state)
    try:
        _, settings = open_run(path)
        settings.refuse_unshown()
        # it is looked at and never trained: any device will do
        plan = prepare(settings.with_values({"device": "auto"}))
        return OtherRun(plan, load_checkpoint(path / CHECKPOINT, plan, to_resume=False).state)
    except StorageError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
