"""Training of a sweep from the window: a process of its own, asked to stop by a file."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from PySide6.QtCore import QProcess

from maml_explorer.files.reader import StorageError
from maml_explorer.storage.sweep.folder import LOG, STOP

SECONDS_TO_BEGIN = 90.0
"""Seconds after which a driver that has said nothing is no longer waited for: on a busy machine its
processes take a while to load torch."""


def train_sweep(path: Path) -> None:
    """Start the command that trains what is left of a sweep, on all cores.

    It goes on when the window is closed, and writes what it says to a file of the folder. A
    process that cannot begin, or is refused, says so there.

    Raises:
        StorageError: where the process cannot be started.
        OSError: where the folder cannot be written.
    """
    log = path.absolute() / LOG
    log.write_bytes(b"")  # what an earlier one said is no longer true
    driver = QProcess()
    driver.setProgram(sys.executable)
    driver.setArguments(["-m", "maml_explorer", "sweep", "--out", str(path.absolute()),
                         "--resume", "--quiet", "--workers", _workers()])  # fmt: skip
    driver.setStandardInputFile(QProcess.nullDevice())
    driver.setStandardOutputFile(QProcess.nullDevice())
    driver.setStandardErrorFile(str(log))
    began: object = driver.startDetached()  # a truth value here, a pair by its declaration
    if not (began[0] if isinstance(began, tuple) else began):
        raise StorageError(f"The training cannot be started: {driver.errorString()}.")


def stop_sweep(path: Path) -> None:
    """Ask the driver of a sweep, wherever it runs, to save its runs and to end.

    Raises:
        OSError: where the folder cannot be written.
    """
    (path / STOP).touch()


def last_words(path: Path) -> str:
    """The last line that the driver started here has said; empty where it said nothing."""
    try:
        with (path / LOG).open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 4000))
            lines = log.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip().removeprefix("maml-explorer sweep: ") if lines else ""


def _workers() -> str:
    """All cores, where the library for several processes is installed."""
    return "auto" if importlib.util.find_spec("distributed") else "1"
