"""The user's own images on the command line: `--data DIR`. Torch-free."""

from __future__ import annotations

import argparse
from functools import cache

from maml_explorer.commands.arguments import UsageError, folder_path, preset_of
from maml_explorer.commands.output import tell
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.presets import DEFAULT_PRESET, Preset, load_preset

IMAGE_PRESET = "glyphs-2-way-4-shot"
"""Preset to begin with where data is given and nothing else is said."""
_HELP = (
    "the user's own images: a folder with one sub-folder for each class, or with train, val and "
    "test, or Omniglot as published; sets --family folder"
)


def add_data(parser: argparse.ArgumentParser) -> None:
    """The flag, the same in every command."""
    parser.add_argument("--data", metavar="DIR", type=folder_path, help=_HELP)


def opened_data(arguments: argparse.Namespace) -> dict[str, Value]:
    """The settings that name the data that was given, which is then open; empty without any.

    Raises:
        StorageError: where it is no folder of classes, or holds too little.
        UsageError: where Qt, which reads images, cannot be loaded.
    """
    if arguments.data is None:
        return {}
    return {"family": "folder", "data": _opened(arguments.data)}


@cache
def _opened(path: object) -> str:
    from maml_explorer.core.families.own.data import open_images

    try:
        from maml_explorer.gui.files.image_decoder import read_own_images
    except ImportError as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"Images are read by Qt, which cannot be loaded ({reason}).") from None
    found = read_own_images(folder_path(str(path)))
    tell(" ".join([f"“{found.images.name}”: {found.images.summary}.", *found.notes]))
    return open_images(found.images).text


def preset_for(arguments: argparse.Namespace) -> Preset:
    """The preset that was asked for; without one that of images where data is given.

    Raises:
        UsageError: where data is given and the preset is of no images.
    """
    if arguments.preset is None:
        return load_preset(DEFAULT_PRESET if arguments.data is None else IMAGE_PRESET)
    preset = preset_of(arguments.preset)
    if arguments.data is not None and not preset.settings.family.images:
        raise UsageError(
            f"--data needs a preset of images such as {IMAGE_PRESET}, and {arguments.preset} is of "
            f"{preset.settings.family.label.lower()}."
        )
    return preset
