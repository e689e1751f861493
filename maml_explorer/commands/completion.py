"""`maml-explorer completion`: a shell's completion of commands, flags and their values.

For bash, in ~/.bashrc: eval "$(maml-explorer completion bash)"; for zsh the same with zsh, after
compinit; for fish: maml-explorer completion fish > ~/.config/fish/completions/maml-explorer.fish
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass

from maml_explorer.commands.arguments import Parser
from maml_explorer.commands.output import say
from maml_explorer.settings.presets import presets

PROGRAM = "maml-explorer"
_PRESET = ("NAME|FILE", "PRESET", "NAME")
"""Metavars of arguments that name a preset."""


@dataclass(frozen=True)
class CommandWords:
    """Words that complete a command."""

    flags: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    """Flag → its values, where they are known; "" for the first argument without a flag."""


def command_words(parser: argparse.ArgumentParser) -> dict[str, CommandWords]:
    """Command → its words, read off a parser; "" for the program itself."""
    found = {"": _words(parser)}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {name: _words(one) for name, one in action.choices.items()}
    return found


def _words(parser: argparse.ArgumentParser) -> CommandWords:
    flags: list[str] = []
    values: dict[str, tuple[str, ...]] = {}
    for action in parser._actions:
        metavar = str(action.metavar or "")
        known = tuple(map(str, action.choices or ()))
        if not known and metavar.startswith("{"):  # the choices of a setting
            known = tuple(metavar.strip("{}").split(","))
        named = action.dest in ("preset", "name", "named") and metavar in _PRESET
        known = tuple(presets()) if named and not known else known
        flags += action.option_strings
        if known:
            values |= dict.fromkeys(action.option_strings or [""], known)
    return CommandWords(tuple(flags), values)


def bash_text(found: Mapping[str, CommandWords]) -> str:
    """A function for bash that completes from these words, and files elsewhere."""
    cases = "\n".join(
        f"    {name or PROGRAM})\n"
        + "".join(
            f'      [ "$before" = {flag} ] && known="{" ".join(values)}"\n'
            for flag, values in one.values.items()
            if flag
        )
        + f'      flags="{" ".join([*one.flags, *one.values.get("", ())])}" ;;'
        for name, one in found.items()
    )
    return f"""\
_maml_explorer() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command={PROGRAM} known="" flags=""
  [ "$COMP_CWORD" -gt 1 ] && command="${{COMP_WORDS[1]}}"
  case "$command" in
{cases}
  esac
  if [ -n "$known" ]; then
    COMPREPLY=($(compgen -W "$known" -- "$word"))
  else
    COMPREPLY=($(compgen -W "$flags" -- "$word") $(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _maml_explorer {PROGRAM}"""


def fish_text(found: Mapping[str, CommandWords]) -> str:
    """Lines for fish that complete from these words."""
    lines = []
    for name, one in found.items():
        where = f"__fish_seen_subcommand_from {name}" if name else "__fish_use_subcommand"
        begin = f"complete -c {PROGRAM} -n '{where}'"
        first = one.values.get("", ())
        lines += [f"{begin} -a '{' '.join(first)}'"] if first else []
        for flag in one.flags:
            kind = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
            values = one.values.get(flag)
            lines.append(f"{begin} {kind}" + (f" -xa '{' '.join(values)}'" if values else ""))
    return "\n".join(lines)


def zsh_text(found: Mapping[str, CommandWords]) -> str:
    """The function for bash, as zsh takes it."""
    return f"autoload -Uz bashcompinit && bashcompinit\n{bash_text(found)}"


SHELLS = {"bash": bash_text, "zsh": zsh_text, "fish": fish_text}
"""Shell → its text."""
_SAFE = re.compile(r"[\w.,:+−-]+")


def add_completion(commands: argparse._SubParsersAction[Parser]) -> None:
    """The command, which completes all commands beside it."""
    words = "print what a shell needs to complete commands and flags"
    own = commands.add_parser("completion", help=words, description=__doc__)
    own.formatter_class = argparse.RawDescriptionHelpFormatter
    own.add_argument("shell", choices=tuple(SHELLS), help="that reads it")


def print_completion(parser: argparse.ArgumentParser, shell: str) -> int:
    """Print the completion of a parser for a shell."""
    found = {
        name: CommandWords(
            one.flags,
            {f: tuple(v for v in values if _SAFE.fullmatch(v)) for f, values in one.values.items()},
        )
        for name, one in command_words(parser).items()
    }
    say(SHELLS[shell](found))
    return 0
