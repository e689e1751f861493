"""Arguments of the command line, derived from the declarations. Torch-free."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.commands.output import say, tell
from maml_explorer.settings.declaration import SettingsError, Value, shown
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.settings import Settings, default_arm

MAX_SEEDS = 100


class UsageError(ValueError):
    """Arguments that do not go together; the text is one sentence."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def __init__(self, **options: object) -> None:
        # an abbreviation that works today is ambiguous once a setting is added
        super().__init__(**{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def _print_message(self, message: str, file: object = None) -> None:
        """Help, version and complaints go where all else goes."""
        if message:
            (say if file is sys.stdout else tell)(message.removesuffix("\n"))

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one line on stderr."""
        text = " ".join(message.split())
        self.exit(2, f"{self.prog}: {text} (see {self.prog} --help)\n")


def add_hyperparameters(parser: argparse.ArgumentParser) -> None:
    """A flag for every hyperparameter, in the groups of the settings form."""
    for group, (title, _) in GROUPS.items():
        section = parser.add_argument_group(title)
        for key, declared in DECLARATIONS.items():
            if declared.group != group:
                continue
            readers = declared.readers(ALGORITHMS.values())
            names = ", ".join(one.key for one in readers)
            only = f" Read by {names}." if len(readers) < len(ALGORITHMS) else ""
            default = f"Default {shown(declared.default)}, allowed {declared.allowed}."
            section.add_argument(
                declared.flag,
                dest=key,
                metavar="{" + ",".join(declared.choices) + "}" if declared.choices else "X",
                help=f"{declared.help}{only} {default}".replace("%", "%%"),
            )


def given_hyperparameters(arguments: argparse.Namespace) -> dict[str, Value]:
    """The hyperparameters that were typed, key → value.

    Raises:
        SettingsError: naming the setting, the text and what is allowed.
    """
    typed = {key: getattr(arguments, key) for key in DECLARATIONS}
    return {key: DECLARATIONS[key].parse(text) for key, text in typed.items() if text is not None}


def with_algorithms(settings: Settings, text: str | None) -> Settings:
    """The settings with one arm per algorithm of a list such as "maml,fomaml".

    Raises:
        SettingsError: for an unknown algorithm, or one that is there twice.
    """
    if text is None:
        return settings
    names = [name.strip() for name in text.split(",")]
    return settings.with_arms(tuple(default_arm(name) for name in names))


def number_list(text: str, key: str, flag: str, most: int) -> tuple[int, ...]:
    """Whole numbers separated by commas, each allowed by the declaration of `key`.

    Raises:
        SettingsError: for a number that is not allowed.
        UsageError: for too many, or one that is there twice.
    """
    numbers = [DECLARATIONS[key].parse(part) for part in text.split(",")]
    whole = tuple(number for number in numbers if isinstance(number, int))
    if len(whole) > most or len(set(whole)) < len(whole):
        raise UsageError(f"{flag} takes up to {most} different numbers separated by commas.")
    return whole


def whole_number(text: str, key: str, flag: str) -> int:
    """A whole number allowed by the declaration of `key`.

    Raises:
        UsageError: naming the flag, the text and what is allowed.
    """
    try:
        value = DECLARATIONS[key].parse(text)
    except SettingsError:
        allowed = DECLARATIONS[key].allowed
        raise UsageError(f"{flag} cannot be “{_short(text)}”: allowed is {allowed}.") from None
    assert isinstance(value, int)
    return value


def _short(text: str) -> str:
    return " ".join(text[:40].split())
