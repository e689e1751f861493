"""The window's end of the worker thread: start, post, collect, close.

Importing this loads neither torch nor Qt; :func:`preload` and the thread itself load torch.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from maml_explorer.protocol.commands import Command, Stop
from maml_explorer.protocol.reports import Failed, Report
from maml_explorer.worker.mailbox import Inbox, Outbox


def preload() -> None:
    """Loads torch in the calling thread, where a wait of one second does no harm."""
    import torch

    torch.zeros(1).add_(1)


class Worker:
    """A plain thread that owns the state of a run."""

    def __init__(self) -> None:
        self._inbox, self._outbox = Inbox(), Outbox()
        self._thread = threading.Thread(target=self._run, name="meta-training", daemon=True)

    def start(self) -> None:
        """Starts the thread; it reports `Status` when it is ready."""
        self._thread.start()

    def post(self, command: Command) -> None:
        """Hands a command over. Never blocks."""
        self._inbox.post(command)

    def collect(self, patience: float = 1.0) -> list[Report]:
        """Reports since the last call. Never blocks.

        Args:
            patience: how many times longer than usual the live answers may now take to come.
        """
        self._outbox.patience = patience
        return self._outbox.collect()

    def on_answer(self, wake: Callable[[], object] | None) -> None:
        """Has `wake` called, in the worker's thread, when curves of the task shown are there."""
        self._outbox.wake = wake

    def await_answer(self, seconds: float) -> bool:
        """Blocks until curves of the task shown are there; False where they are not in time."""
        return self._outbox.await_answer(seconds)

    def close(self, timeout: float = 5.0) -> bool:
        """Stops the thread and waits for it; False where it still ran after `timeout` seconds."""
        self._inbox.post(Stop())
        if self._thread.ident is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """True where the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            from maml_explorer.worker.loop import Loop

            Loop(self._inbox, self._outbox).run()
        except BaseException as error:
            # the loop reports its own failures; this is the import that did not work
            self._outbox.put(
                Failed(0, f"The worker could not go on: {error}", traceback.format_exc())
            )
