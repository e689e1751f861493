"""The table of what commands do: whole, and each command in it once."""

from __future__ import annotations

from typing import get_args

from maml_explorer.protocol.commands import Command
from maml_explorer.worker.loop import Loop
from maml_explorer.worker.mailbox import Inbox, Outbox


def test_every_command_has_an_effect() -> None:
    assert set(Loop(Inbox(), Outbox()).actions) == set(get_args(Command))
