"""The user's own tasks on the command line: `--own-tasks NAME`. Torch-free."""

from __future__ import annotations

import argparse

from maml_explorer.commands.arguments import UsageError
from maml_explorer.experiments.own_tasks import GROUP, family_of_tasks, named_tasks
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.settings import Settings

_HELP = (
    "the user's own tasks: the name of installed ones (entry points of the group "
    f"{GROUP}), or a Python object with sample(n, generator); sets --family own"
)


def add_own_tasks(parser: argparse.ArgumentParser) -> None:
    """The flag, the same in every command."""
    parser.add_argument("--own-tasks", metavar="NAME|MODULE:OBJECT", help=_HELP)


def open_own_tasks(arguments: argparse.Namespace) -> None:
    """Import and open the tasks that were named, for what needs them.

    A family that is no built-in one and the name of installed tasks stands for --own-tasks.

    Raises:
        SettingsError: where there are no such tasks, or they do not give what is allowed.
        UsageError: where two different tasks are named.
    """
    family = getattr(arguments, "family", None)
    if family_of_tasks(family):
        if arguments.own_tasks not in (None, family):
            raise UsageError(
                f"--family {family} and --own-tasks {arguments.own_tasks} exclude each other: give "
                "one of them."
            )
        arguments.own_tasks, arguments.family = family, None
    if arguments.own_tasks is not None:
        named_tasks(arguments.own_tasks)


def own_task_values(arguments: argparse.Namespace, settings: Settings) -> dict[str, Value]:
    """The settings that ask for the tasks that were named; empty where none were.

    Args:
        arguments: of the command.
        settings: that are changed: where the tasks give fewer points, fewer are asked for.
    """
    if arguments.own_tasks is None:
        return {}
    if getattr(arguments, "family", None) is not None:
        raise UsageError("--own-tasks sets --family own: leave out --family.")
    return named_tasks(arguments.own_tasks).values(settings)
