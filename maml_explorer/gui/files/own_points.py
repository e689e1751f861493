"""Points of the user's own, from a file or the clipboard, as the task on screen."""

from __future__ import annotations

from pathlib import Path

from maml_explorer.files.points_text import MAX_BYTES, points_of
from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import fixed
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.settings.words import counted

SUFFIXES = (".csv", ".tsv")
"""Ends of names of files of points."""


def read_points(path: Path) -> str:
    """The text of a file of points.

    Raises:
        StorageError: where it cannot be read, is no text, or is too long.
    """
    return read_text(path, MAX_BYTES, follow=True)


def take_points(session: Session, banners: Banners, text: str, what: str) -> None:
    """Makes the points the support set of the task on screen, which is then the user's own.

    Args:
        session: of the window.
        banners: where it is said.
        text: lines of x and y.
        what: file or clipboard, as a sentence begins with it.

    Raises:
        StorageError: one sentence with the line; the task that was there stays.
    """
    x, y = points_of(text, what)
    if session.settings.family.shown_as != "curve":
        kind = "images" if session.settings.family.images else "streams"
        raise StorageError(f"Points belong to curve tasks, but this run uses {kind}.")
    session.task.edit(ProbeTask(fixed(x), fixed(y)), "Paste points")
    source = what[0].lower() + what[1:] if what.startswith("The ") else what
    points = counted(len(x), "point")
    banners.say(
        "points",
        f"The support set is now the {points} of {source}. New task (T) samples a different task.",
    )
