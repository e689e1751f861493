"""Arguments of the command line, derived from the declarations. Torch-free."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.commands.output import say, tell
from maml_explorer.settings.declaration import SettingsError, Value, quoted, shown
from maml_explorer.settings.groups import DECLARATIONS, GROUPS
from maml_explorer.settings.presets import Preset, load_preset, presets
from maml_explorer.settings.settings import Arm, Settings, algorithm_key, default_arm
from maml_explorer.settings.typed import MistypedError, one_of, whole_numbers
from maml_explorer.settings.typed import whole_number as typed_whole
from maml_explorer.storage.kinds import described

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

    def refuse(self, unknown: Sequence[str], command: str | None) -> NoReturn:
        """End with exit code 2 and the flag that may be meant instead of an unknown one."""
        parser: argparse.ArgumentParser = self
        for action in self._actions:
            if isinstance(action.choices, dict) and command in action.choices:
                parser = action.choices[command]
        known = [flag for action in parser._actions for flag in action.option_strings]
        typed = unknown[0].split("=")[0]
        near = [flag for flag in known if flag.endswith("-" + typed.lstrip("-"))]
        near += difflib.get_close_matches(typed, known, n=1)
        hint = f": did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""
        parser.error(f"unknown argument {quoted(unknown[0])}{hint}")


METAVARS = {"bool": "true|false", "int": "N", "float": "X", "sizes": "N,N", "text": "TEXT"}
"""Kind of a hyperparameter → its value in the help."""


def add_set(parser: argparse.ArgumentParser) -> None:
    """The flag for any setting by its key."""
    parser.add_argument(
        "--set",
        dest="set_values",
        action="append",
        metavar="KEY=VALUE",
        help="any setting by its key, as in settings.toml; may be repeated",
    )


def add_hyperparameters(parser: argparse.ArgumentParser) -> None:
    """A flag for every hyperparameter, in the groups of the settings form, and --set for any.

    What is true or false is a flag by itself too: --lslr, --no-lslr.
    """
    add_set(parser)
    for group, (title, _) in GROUPS.items():
        section = parser.add_argument_group(title)
        for key, declared in DECLARATIONS.items():
            if declared.group != group or not declared.typed:  # data is given as a folder
                continue
            readers = declared.readers(ALGORITHMS.values())
            names = ", ".join(one.key for one in readers)
            only = f" Read by {names}." if len(readers) < len(ALGORITHMS) else ""
            default = f"Default {shown(declared.default)}, allowed {declared.allowed}."
            choices = "{" + ",".join(declared.choices) + "}"
            truth: dict[str, Any] = {"nargs": "?", "const": "true"}
            section.add_argument(
                declared.flag,
                dest=key,
                metavar=METAVARS.get(declared.kind, choices),
                help=f"{declared.help}{only} {default}".replace("%", "%%"),
                **(truth if declared.kind == "bool" else {}),
            )
            if declared.kind == "bool":
                no, words = f"--no-{declared.flag[2:]}", f"the same as {declared.flag} false"
                section.add_argument(no, dest=key, action="store_const", const="false", help=words)


def given_hyperparameters(arguments: argparse.Namespace) -> dict[str, Value]:
    """The hyperparameters that were typed, key → value.

    Raises:
        SettingsError: naming the setting, the text and what is allowed.
    """
    typed = {key: getattr(arguments, key) for key, one in DECLARATIONS.items() if one.typed}
    return _with_set(typed, arguments)


def given_set(arguments: argparse.Namespace) -> dict[str, Value]:
    """The settings that were typed with --set alone, key → value.

    Raises:
        SettingsError: naming the setting, the text and what is allowed; UsageError for the flag.
    """
    found = _with_set({key: None for key, one in DECLARATIONS.items() if one.typed}, arguments)
    if "seed" in found:
        raise UsageError("--set cannot have the seed: give --seeds.")
    if "outer_steps" in found and arguments.outer_steps is not None:
        raise UsageError("The setting outer_steps is given twice.")
    return found


def set_words(arguments: argparse.Namespace) -> list[str]:
    """The words of --set, as they were typed."""
    return [word for text in arguments.set_values or () for word in ("--set", text)]


def _with_set(typed: dict[str, str | None], arguments: argparse.Namespace) -> dict[str, Value]:
    for text in arguments.set_values or ():
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals:
            raise UsageError(f"--set cannot be {quoted(text)}: allowed is KEY=VALUE.")
        if key not in typed:
            near = difflib.get_close_matches(key, typed, n=1)
            hint = f": did you mean {near[0]}?" if near else "."
            raise UsageError(f"--set has no setting {quoted(key)}{hint}")
        if typed[key] is not None:
            raise UsageError(f"The setting {key} is given twice.")
        typed[key] = value.strip().strip("[]\"'")  # as settings.toml has it, too
    return {key: DECLARATIONS[key].parse(text) for key, text in typed.items() if text is not None}


def preset_of(text: str) -> Preset:
    """The preset of that name or in that file.

    Raises:
        SettingsError: where there is none, or its content is not allowed.
        StorageError: where the file cannot be read.
        UsageError: where something else of this program is there.
    """
    try:
        what = "" if text in presets() else described(folder_path(text))
    except (argparse.ArgumentTypeError, OSError, ValueError) as error:
        raise UsageError(f"There is no preset and no file {quoted(text)}.") from error
    if what.startswith("a run folder"):
        raise UsageError(
            f"{text} is a run folder: give {Path(text) / 'settings.toml'} to use its settings."
        )
    if what not in ("", "a file") and not text.endswith(".toml"):
        raise UsageError(f"{text} is no preset: it is {what}.")
    return load_preset(text)


def with_algorithms(settings: Settings, text: str | None) -> Settings:
    """The settings with one arm per algorithm of a list such as "maml,fomaml".

    Raises:
        SettingsError: for an unknown algorithm, or one that is there twice.
    """
    if text is None:
        return settings
    return settings.with_arms(tuple(default_arm(algorithm_key(n)) for n in text.split(",")))


def named_arms(settings: Settings, text: str) -> list[Arm]:
    """The arms of that name; without one, those of that algorithm."""
    exact = [arm for arm in settings.arms if arm.name == text]
    if exact:
        return exact
    try:
        return [settings.arm(one_of(text, [arm.name for arm in settings.arms]))]
    except MistypedError:
        return [arm for arm in settings.arms if arm.algorithm == algorithm_key(text)]


def folder_path(text: str) -> Path:
    """A path that was typed; "~" at its beginning is the home folder, as shells have it.

    Raises:
        ArgumentTypeError: where there is no such home.
    """
    try:
        # a folder called ~ is written ./~
        return Path(text).expanduser() if text.startswith("~") else Path(text)
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} names no home folder.") from None


def number_list(text: str, key: str, flag: str, most: int) -> tuple[int, ...]:
    """Whole numbers separated by commas or blanks, 0:5 for 0,1,2,3,4; see the declaration of `key`.

    Raises:
        SettingsError: for a number that is not allowed.
        UsageError: for what is no list, for too many, or one that is there twice.
    """
    wrong = UsageError(
        f"{flag} takes up to {most} different numbers such as 0,1,2 or 0:3, not {quoted(text)}."
    )
    numbers: list[int] = []
    for part in text.replace(",", " ").split():
        try:
            ends = [typed_whole(end) for end in part.split(":")]
            whole_numbers(part.replace(":", " "))  # 1,000 is no 1 and 0
        except MistypedError:
            raise wrong from None
        if len(ends) > 2 or (len(ends) == 2 and not ends[0] < ends[1] <= ends[0] + most):
            raise wrong
        numbers += ends if len(ends) == 1 else range(*ends)
    whole = tuple(n for n in map(DECLARATIONS[key].check, numbers) if isinstance(n, int))
    if not 1 <= len(whole) <= most or len(set(whole)) < len(whole):
        raise wrong
    return whole


def add_seeds(parser: argparse.ArgumentParser, default: str) -> None:
    """The two flags for seeds, the same in every command."""
    parser.add_argument("--seeds", metavar="0,1,2", help=f"these seeds, a list or 0:3 ({default})")
    parser.add_argument("--num-seeds", metavar="N", help="so many seeds, from 0 on")


def given_seeds(arguments: argparse.Namespace, most: int) -> tuple[int, ...] | None:
    """The seeds that were asked for; None where none were.

    Raises:
        SettingsError: for a seed that is not allowed.
        UsageError: for what is no list or count, or where both are given.
    """
    if arguments.seeds is not None and arguments.num_seeds is not None:
        raise UsageError("--seeds and --num-seeds exclude each other: give one of them.")
    if arguments.seeds is not None:
        return number_list(arguments.seeds, "seed", "--seeds", most)
    if arguments.num_seeds is None:
        return None
    count = whole_number(arguments.num_seeds, "seed", "--num-seeds")
    if not 1 <= count <= most:
        raise UsageError(f"--num-seeds cannot be {count}: allowed is from 1 to {most}.")
    return tuple(range(count))


def joined_values(argv: Sequence[str]) -> list[str]:
    """Arguments with a negative value joined to its flag: "--phase-min", "-pi" become one.

    The parser would take the value for a flag.
    """
    joined: list[str] = []
    for word in argv:
        flag = joined[-1] if joined else ""
        if _NEGATIVE.match(word) and flag.startswith("--") and "=" not in flag and flag != "--":
            joined[-1] = f"{flag}={word}"
        else:
            joined.append(word)
    return joined


_NEGATIVE = re.compile(r"[-−](\.?[0-9]|pi|π)", re.IGNORECASE)


def whole_number(text: str, key: str, flag: str) -> int:
    """A whole number allowed by the declaration of `key`.

    Raises:
        UsageError: naming the flag, the text and what is allowed.
    """
    try:
        value = DECLARATIONS[key].parse(text)
    except SettingsError as error:
        # the sentence is that of the setting, which has another name
        said = str(error).rsplit(" cannot be ", 1)[1]
        raise UsageError(f"{flag} cannot be {said}") from None
    assert isinstance(value, int)
    return value
