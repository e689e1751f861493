"""What the worker writes: an arm's initialization, the run. Refused in words, never half done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from maml_explorer.hyperparameters import SettingsError
from maml_explorer.storage import run_folder as files
from maml_explorer.storage.checkpoint import Checkpoint, save_checkpoint
from maml_explorer.storage.initialization import Initialization, save_initialization
from maml_explorer.storage.reader import StorageError
from maml_explorer.storage.records import arm_records
from maml_explorer.storage.run_folder import RunFolder, create_run, is_run_folder
from maml_explorer.worker import messages as m

if TYPE_CHECKING:
    from maml_explorer.core.plan import Plan
    from maml_explorer.core.training import RunState
    from maml_explorer.worker.loop import Loop


def export_initialization(loop: Loop, command: m.ExportInitialization) -> str:
    """Write the arm's newest state; the folder.

    Raises:
        SettingsError: where it cannot be written; nothing was changed.
    """
    plan, state = _state(loop)
    loop.settings.arm(command.arm)  # refuses an unknown name in words
    folder = Path(command.folder)
    with _refused(folder):
        initialization = initialization_of(plan, state, command.arm)
        save_initialization(folder, initialization, overwrite=command.overwrite)
    return str(folder)


def save_run(loop: Loop, command: m.SaveRun) -> str:
    """Write the run as a folder that `train --resume` can go on with; the folder.

    Its metrics file has no rows: a window keeps its traces, not every outer step.

    Raises:
        SettingsError: where it cannot be written.
    """
    plan, state = _state(loop)
    path = Path(command.folder)
    with _refused(path):
        if command.overwrite and is_run_folder(path):
            folder = RunFolder(path)
            folder.write_settings(loop.settings)
            folder.clear_rows()
        else:
            folder = create_run(path, loop.settings)
        folder.append(files.CHANGES, loop.changes)
        for name in state.arms:
            place = folder.initialization_folder(loop.settings, name, None)
            save_initialization(place, initialization_of(plan, state, name), overwrite=True)
        frozen = {name: "it diverged." for name, arm in state.arms.items() if arm.frozen}
        save_checkpoint(
            path / files.CHECKPOINT,
            Checkpoint(
                loop.settings,
                state,
                (loop.settings.run.seed,),
                diverged={name: f"{name} was frozen: {why}" for name, why in frozen.items()},
                file_sizes=folder.file_sizes(),
            ),
        )
    return str(path)


def initialization_of(plan: Plan, state: RunState, arm_name: str) -> Initialization:
    """The arm's initialization with its meta-test."""
    arm = state.arms[arm_name]
    settings = plan.settings
    return Initialization(
        settings.with_arms((settings.arm(arm_name),)),
        arm.initialization.cpu().numpy(),
        arm.outer_step,
        arm_records(plan, arm_name, arm.initialization),
    )


def _state(loop: Loop) -> tuple[Plan, RunState]:
    if loop.plan is None or loop.state is None:
        raise SettingsError("There is no run yet.")
    return loop.plan, loop.state


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """What goes wrong while writing, as the sentence that the window shows."""
    try:
        yield
    except SettingsError:
        raise
    except StorageError as error:
        raise SettingsError(str(error)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(f"{path} was not written: {reason}. The run goes on.") from None
