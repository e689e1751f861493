"""Sessions that processes which are no more have left behind: which there are, and in words.

A session is the folder `session-NAME` with a random name, and `session-NAME.lock` is held while its
process runs, wherever that is: in another container or on another host of the same home. Folders
named after a process number are of older versions. One that is recovered becomes
`recovered-TIME`; its lock stays until the run was saved again, so that a crash before that loses
nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from maml_explorer.files.lock import Held, InUseError, hold
from maml_explorer.files.reader import StorageError
from maml_explorer.gui.style.numbers import whole
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS, is_run_folder, open_run
from maml_explorer.storage.run.metrics import last_outer_step

_NAME = re.compile(r"(session|crash|recovered)-([0-9a-f-]{1,40})(\.txt|\.lock)?")
_REMOVED = re.compile(r"\.removed-[0-9a-f]{16}")


class LeftSessions:
    """Sessions left in a folder; each is held from the moment that it is found."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._claims: dict[Path, Held] = {}
        self._recovered: list[Held] = []

    def found(self) -> tuple[list[Path], list[Path]]:
        """(runs that can go on, reports of crashes), the oldest first; each only once."""
        runs, reports = [], []
        for name, kind, key, ending in self._entries():
            path = self._place / name
            lock = self._place / f"{'session' if kind == 'crash' else kind}-{key}.lock"
            if path in self._claims or path.is_symlink():
                continue
            if ending == ".lock":
                if not any((self._place / f"{k}-{key}").exists() for k in ("session", "recovered")):
                    with contextlib.suppress(InUseError, OSError):
                        hold(lock).release()  # whoever held it left nothing
            elif kind == "crash" and ending == ".txt":
                with contextlib.suppress(InUseError, OSError):
                    hold(lock).release()  # refused where its process runs
                    reports.append(path)
            elif ending is None and is_run_folder(path) and (kind == "session" or lock.is_file()):
                # one that was recovered and saved again since has no lock
                with contextlib.suppress(InUseError, OSError):
                    held = hold(lock)
                    if not is_run_folder(path):  # another process recovered it in between
                        held.release()
                        continue
                    self._claims[path] = held
                    runs.append(path)
        return runs, reports

    def _entries(self) -> list[tuple[str, str, str, str | None]]:
        try:
            names = sorted(path.name for path in self._place.iterdir())
        except OSError:
            return []
        for name in names:
            if _REMOVED.fullmatch(name):
                shutil.rmtree(self._place / name, ignore_errors=True)
        matches = ((name, _NAME.fullmatch(name)) for name in names)
        return [(name, found[1], found[2], found[3]) for name, found in matches if found]

    def recover(self, path: Path) -> Path:
        """Renames the run of a left session to a name that is kept, and returns its path.

        Raises:
            OSError: if it cannot be moved; it is where it was.
        """
        kept = path
        while kept.exists():
            kept = (
                self._place / f"recovered-{time.strftime('%Y-%m-%d-%H%M%S')}-{os.urandom(2).hex()}"
            )
        held = hold(kept.with_name(f"{kept.name}.lock"))
        try:
            path.rename(kept)
        except OSError:
            held.release()
            raise
        self._recovered.append(held)
        self._claims.pop(path).release()
        return kept

    def discard(self, path: Path) -> None:
        """Removes the run of a left session, as the user asked."""
        remove_session(path)
        self._claims.pop(path).release()

    def saved_again(self) -> None:
        """Notes that the running session saved the recovered run: it is not offered again."""
        for held in self._recovered:
            held.release()
        self._recovered = []

    def close(self) -> None:
        """Leaves what was not decided on for the next start."""
        for held in [*self._claims.values(), *self._recovered]:
            held.abandon()
        self._claims, self._recovered = {}, []


def remove_session(path: Path) -> None:
    """Removes a session's folder; a kill meanwhile leaves none that would be offered."""
    aside = path.with_name(f".removed-{os.urandom(8).hex()}")
    with contextlib.suppress(OSError):
        path.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def in_words(path: Path) -> str:
    """Words on the run that was left, its progress and its age."""
    try:
        _, settings = open_run(path)
        step = last_outer_step(path / METRICS)
        seconds = time.time() - (path / CHECKPOINT).lstat().st_mtime
    except (StorageError, SettingsError, OSError):
        return "A session was cut short. Its run was saved, but cannot be read in full."
    names = [arm.name for arm in settings.arms]
    arms = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    total = settings.outer.outer_steps
    return (
        f"A session was cut short: {arms} at outer step {whole(step)} of {whole(total)}, saved "
        f"{_ago(seconds)}. It can go on."
    )


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(seconds // size)
        if count >= 1:
            return f"{whole(count)} {unit}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"
