"""Commands that do not wait for the work in progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from maml_explorer.core.replay.interruption import Interrupted, Look, interruptible
from maml_explorer.protocol import commands
from maml_explorer.protocol.images import ImageTask, WatchImages
from maml_explorer.protocol.streams import StreamTask, WatchStreams
from maml_explorer.worker.mailbox import Inbox

T = TypeVar("T")

URGENT = (
    commands.Pause, commands.Stop, commands.Restart, commands.BringBack, commands.OpenRun,
    commands.OpenInitialization, commands.BackToLastGood,
)  # fmt: skip
"""Commands for which an outer step in progress is dropped."""
BY_HAND = (commands.TakeInnerStep, commands.TakeOuterStep)
"""The same while training freely; a step taken by hand is not dropped for the next press."""
ANSWERED_ANY_TIME = (
    commands.ProbeTask, ImageTask, StreamTask, commands.WatchTasks, WatchImages, WatchStreams,
)  # fmt: skip


def look_for(inbox: Inbox, kinds: tuple[type, ...] = URGENT) -> Look:
    """A look that raises `Interrupted` where a command of these kinds waits."""

    def look() -> None:
        if inbox and inbox.holds(kinds):
            raise Interrupted

    return look


def unless_urgent(inbox: Inbox, long: bool, work: Callable[[], T]) -> T | None:
    """Result of the work; None where an urgent command ended it: that one asks again.

    Args:
        inbox: where commands wait.
        long: whether the work has pieces so long that it is looked during them as well.
        work: has no effect but its value.
    """
    try:
        with interruptible(look_for(inbox) if long else None):
            return work()
    except Interrupted:
        return None
