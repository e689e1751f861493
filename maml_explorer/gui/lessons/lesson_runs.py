"""Trained runs that come with the lessons: found by their settings and outer step."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from maml_explorer.files.reader import StorageError, json_object
from maml_explorer.files.resources import resources
from maml_explorer.gui.lessons.lesson import NEW, Act
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import from_toml

FOLDER_NAME, INDEX = "runs", "index.json"


def lesson_runs_folder() -> Path:
    """The folder of the runs."""
    return resources().joinpath("lessons", FOLDER_NAME)


@cache
def lesson_runs() -> tuple[tuple[Settings, int, Path], ...]:
    """(settings, outer step, folder) of every run; none where the index is missing or damaged."""
    place = lesson_runs_folder()
    try:
        index = json_object((place / INDEX).read_text(encoding="utf-8"), Path(INDEX))
        return tuple(
            (from_toml((place / name / "settings.toml").read_text(encoding="utf-8")), int(step),
             place / name)
            for name, step in index.items()
        )  # fmt: skip
    except (OSError, StorageError, SettingsError, TypeError, ValueError):
        return ()


def trained_run(acts: tuple[Act, ...], nth: int) -> Path | None:
    """Folder of the run that the acts up to number `nth` would train; None where none is kept.

    Only a run that begins anew and trains once, with the same settings throughout, is kept.
    """
    act = acts[nth]
    since = acts[max((at for at in range(nth + 1) if acts[at].begin), default=nth) : nth + 1]
    plain = all(one.settings == act.settings and one.train_until is None for one in since[:-1])
    if act.train_until is None or since[0].begin != NEW or not plain:
        return None
    kept = lesson_runs()
    fits = (one for one in kept if one[0] == act.settings and one[1] == act.train_until)
    return next((folder for _, _, folder in fits), None)
