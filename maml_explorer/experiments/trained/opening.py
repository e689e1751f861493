"""The window, opened from a script or a notebook."""

from __future__ import annotations

import tempfile
from pathlib import Path

from maml_explorer.experiments.trained.asked import Wanted, asked_settings
from maml_explorer.experiments.trained.run import TrainedRun
from maml_explorer.experiments.trained.saving import save_run
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.run import run as opened
from maml_explorer.storage.run.folder import is_run_folder


def open_window(run: TrainedRun | Wanted = "finn-10-shot") -> int:
    """Open the window on a run, or on settings, and wait until it is closed.

    A notebook's cell waits too. The window works on the run folder; a run that is in memory only
    is written to a temporary one, so save in the window what you want to keep.

    Args:
        run: what :func:`train` or :func:`load_run` returned, the path of a run folder, or
            settings as :func:`train` takes them.

    Returns:
        0 if the window was closed as usual.

    Raises:
        SettingsError: if the run has several seeds (give one, `run.of_seed(0)`), or the
            settings are not allowed.
        StorageError: if the folder cannot be read.
    """
    if not isinstance(run, TrainedRun):
        if isinstance(run, str | Path) and is_run_folder(Path(run)):
            return opened(Options(run=Path(run)))
        return opened(Options(settings=asked_settings(run, None, {})))
    if run.folder is not None:
        return opened(Options(run=run.folder))
    with tempfile.TemporaryDirectory(prefix="maml-explorer-") as place:
        return opened(Options(run=save_run(run.of_seed(run.seeds[0]), Path(place) / "run")))
