"""Output of the commands on the two standard streams. Torch-free.

Results are on disk before anything is written here, so a stream that is closed, full or broken
costs words and never work. Everything is UTF-8, whatever the terminal or the locale says.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import unicodedata
from pathlib import Path

_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They change the order in which a terminal shows what stands around them."""


class Stream:
    """A standard stream that loses words rather than raise."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost: OSError | None = None
        """Reason why a write failed; None where none did, or where nobody reads any more."""

    def write(self, text: str) -> None:
        """Write the text as it is."""
        stream = getattr(sys, self.name)
        try:
            stream.write(text)
            stream.flush()
        except (BrokenPipeError, ValueError):  # the reader has gone, or the stream is closed
            self._give_up()
        except OSError as error:
            self.lost = error
            self._give_up()

    def flush(self) -> None:
        """Nothing: what is written is written at once."""

    def isatty(self) -> bool:
        """True where the stream is a terminal."""
        stream = getattr(sys, self.name)
        try:
            return bool(stream.isatty())
        except ValueError:
            return False

    def _give_up(self) -> None:
        """Send the rest nowhere, or Python complains about it when it ends."""
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
        try:
            os.dup2(nowhere.fileno(), getattr(sys, self.name).fileno())
        except (OSError, ValueError):
            setattr(sys, self.name, nowhere)
        else:
            nowhere.close()


RESULTS, REMARKS = Stream("stdout"), Stream("stderr")


def set_up() -> None:
    """Make both streams ready: opened, UTF-8, and the warnings of the program on stderr.

    A file opened while a stream is closed would get its number, and what libraries print would
    land in it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    for stream in (RESULTS, REMARKS):
        stream.lost = None
        there = getattr(sys, stream.name)
        if there is None:
            setattr(sys, stream.name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(there, io.TextIOWrapper):
            there.reconfigure(encoding="utf-8", errors="replace")


def say(text: str) -> None:
    """Write a result, a line or several, on stdout."""
    RESULTS.write(clean(text) + "\n")


def tell(text: str) -> None:
    """Write a remark or an error, a line or several, on stderr."""
    REMARKS.write(clean(text) + "\n")


def finish(code: int) -> int:
    """The exit code of a command whose own is `code`: 1 where its results could not be printed."""
    if RESULTS.lost is None:
        return code
    tell(f"maml-explorer: the results could not be printed: {RESULTS.lost.strerror}.")
    return code or 1


def clean(text: str) -> str:
    """The text without what a terminal obeys: control and direction characters become "�"."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join("�" if _commands(c) else c for c in text)


def _commands(character: str) -> bool:
    if character in "\n\t":
        return False
    kind = unicodedata.category(character)
    return kind in ("Cc", "Zl", "Zp") or character in _DIRECTIONS


class RemarksHandler(logging.Handler):
    """Says on stderr what the package reports beside its results."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self.command = command

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        tell(f"{self.command}: {record.getMessage()}")
