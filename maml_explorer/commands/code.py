"""`maml-explorer code`: the current settings as one file of plain PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.codegen.images import FILE
from maml_explorer.codegen.own_images import OWN_FILE
from maml_explorer.codegen.script import standalone_script
from maml_explorer.codegen.two_forms import stateful_and_functional
from maml_explorer.commands.arguments import (
    UsageError,
    add_hyperparameters,
    folder_path,
    given_hyperparameters,
    named_arms,
)
from maml_explorer.commands.data import add_data, opened_data, preset_for
from maml_explorer.commands.output import say, tell
from maml_explorer.commands.own_tasks import add_own_tasks, open_own_tasks, own_task_values
from maml_explorer.files.resources import resources
from maml_explorer.settings.settings import Arm, Settings, algorithm_key, default_arm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--preset", metavar="NAME|FILE", help="what to begin with")
    parser.add_argument(
        "--algorithm",
        "--arm",
        metavar="NAME",
        help=f"algorithm ({', '.join(ALGORITHMS)}), or name of an arm of the preset (default: "
        "its first arm)",
    )
    parser.add_argument(
        "--forms",
        action="store_true",
        help="print the outer gradient in stateful and in functional form instead",
    )
    add_data(parser)
    add_own_tasks(parser)
    parser.add_argument(
        "--images", metavar="FILE", type=folder_path, help="write the file of images of --data here"
    )
    add_hyperparameters(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the code.

    Raises:
        UsageError: where no arm is meant; so do SettingsError and StorageError.
    """
    data = opened_data(arguments)
    if arguments.images is not None and not data:
        raise UsageError("--images writes the images of a folder: give --data DIR too.")
    settings = preset_for(arguments).settings
    open_own_tasks(arguments)
    own = own_task_values(arguments, settings)
    settings = settings.with_values(data | own | given_hyperparameters(arguments))
    arm = _arm(settings, arguments.algorithm)
    if arguments.forms:
        text = "\n\n".join(stateful_and_functional(settings, arm))
    else:
        text = standalone_script(settings, arm)
    say(text.removesuffix("\n"))
    if arguments.images is not None:
        _write_images(settings, arguments.images)
    elif settings.family.own_data and not arguments.forms:
        tell(f"The script draws from {OWN_FILE}: --images {OWN_FILE} writes it.")
    elif settings.family.images and not arguments.forms:
        where = resources().joinpath("glyphs", FILE)
        tell(f"The script draws from {where}: copy it beside the script, or give its path to it.")
    return 0


def _write_images(settings: Settings, path: Path) -> None:
    from maml_explorer.core.families.own.data import opened_images
    from maml_explorer.storage.own_images.file import write_images

    write_images(path, opened_images(settings.images.data))
    tell(f"The script draws from {path}: keep it beside the script, or give its path to it.")


def _arm(settings: Settings, text: str | None) -> Arm:
    """The arm of that name or algorithm; a plain one of an algorithm that the preset leaves out."""
    if text is None:
        return settings.arms[0]
    found = named_arms(settings, text)
    if len(found) == 1:
        return found[0]
    if not found and algorithm_key(text) in ALGORITHMS:
        return default_arm(algorithm_key(text))
    typed = " ".join(text[:40].split())
    if found:
        names = ", ".join(arm.name for arm in found)
        raise UsageError(f"--algorithm “{typed}” names several arms: choose one of {names}.")
    names = ", ".join(arm.name for arm in settings.arms)
    raise UsageError(
        f"--algorithm “{typed}” is neither an algorithm ({', '.join(ALGORITHMS)}) nor an arm of "
        f"the preset ({names})."
    )
