"""`maml-explorer import`: weights that were trained elsewhere, as an exported initialization.

A file of safetensors, or a state_dict that torch.save wrote; nothing in it is run. Names with a
prefix, other names in the order of the layers, kernels [in, out] and other precisions are
recognized, and what was recognized is said.
"""

from __future__ import annotations

import argparse

from maml_explorer.commands.arguments import (
    UsageError,
    add_hyperparameters,
    folder_path,
    given_hyperparameters,
    preset_of,
)
from maml_explorer.commands.output import say
from maml_explorer.settings.presets import DEFAULT_PRESET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "file", metavar="FILE", type=folder_path, help=".safetensors, or .pt of a state_dict"
    )
    parser.add_argument(
        "--preset",
        metavar="NAME|FILE",
        help=f"network and tasks that it is for (default {DEFAULT_PRESET})",
    )
    parser.add_argument(
        "--algorithm", metavar="NAME", help="arm that it is taken for (default: the first one)"
    )
    parser.add_argument(
        "--tuned-from",
        metavar="INIT_DIR",
        type=folder_path,
        help="the exported initialization that another program went on with, instead of a preset",
    )
    parser.add_argument("--out", required=True, metavar="DIR", type=folder_path, help="to write")
    add_hyperparameters(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder.

    Raises:
        UsageError: where nothing was written; so do SettingsError and StorageError.
        OSError: where the folder cannot be written.
    """
    typed = given_hyperparameters(arguments)
    if arguments.tuned_from is not None and (typed or arguments.preset or arguments.algorithm):
        raise UsageError("--tuned-from brings its own settings: leave out the other flags.")

    from maml_explorer.storage.foreign.importing import imported, tuned
    from maml_explorer.storage.initialization.folder import load_initialization, save_initialization
    from maml_explorer.storage.initialization.origin import one_arm

    if arguments.tuned_from is not None:
        found = tuned(arguments.file, load_initialization(arguments.tuned_from))
    else:
        preset = preset_of(arguments.preset or DEFAULT_PRESET)
        settings = one_arm(preset, arguments.algorithm, typed)
        found = imported(arguments.file, settings)
    try:
        save_initialization(arguments.out, found)
    except FileExistsError as error:
        raise UsageError(f"{arguments.out}: {error.strerror}: choose another folder.") from None
    say(f"{found.arm.name}: {arguments.out}. {found.origin}".rstrip())
    return 0
