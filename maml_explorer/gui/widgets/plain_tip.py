"""Tooltips are plain text in lines of a readable length, whatever the text looks like."""

from __future__ import annotations

import re
import textwrap
from functools import lru_cache
from html import escape

from PySide6.QtGui import QKeySequence, Qt

_KEYS = re.compile(r"\b(?:(?:Ctrl|Alt|Shift)\+)+(?:[A-Z0-9]|Left|Right|Up|Down)\b")

LONGEST = 64
"""Letters of a line at most, about 420 pixels at the desk: Qt itself breaks no plain text."""
_WRAPPER = textwrap.TextWrapper(
    LONGEST, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
)


@lru_cache(512)
def plain_tip(text: str) -> str:
    """The text as a tooltip shows it, letter by letter, in lines of a readable length.

    Qt takes a tooltip that looks like HTML for HTML, and then opens the pictures that it names: a
    name in a file could make the window wait for a pipe, or ask a server.
    """
    if len(text) > LONGEST:
        text = "\n".join(map(_WRAPPER.fill, text.split("\n")))
    if not Qt.mightBeRichText(text):
        return text
    return f"<span>{escape(text).replace(chr(10), '<br>')}</span>"


def native_keys(text: str) -> str:
    """The text with its keys as the desktop writes them: "Ctrl+L" is "⌘L" on a Mac."""
    native = QKeySequence.SequenceFormat.NativeText
    return _KEYS.sub(lambda found: QKeySequence(found[0]).toString(native), text)
