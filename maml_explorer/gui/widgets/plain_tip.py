"""Tooltips are plain text, whatever the text looks like."""

from __future__ import annotations

import re
from html import escape

from PySide6.QtGui import QKeySequence, Qt

_KEYS = re.compile(r"\b(?:(?:Ctrl|Alt|Shift)\+)+(?:[A-Z0-9]|Left|Right|Up|Down)\b")


def plain_tip(text: str) -> str:
    """The text as a tooltip shows it, letter by letter.

    Qt takes a tooltip that looks like HTML for HTML, and then opens the pictures that it names: a
    name in a file could make the window wait for a pipe, or ask a server.
    """
    if not Qt.mightBeRichText(text):
        return text
    return f"<span>{escape(text).replace(chr(10), '<br>')}</span>"


def native_keys(text: str) -> str:
    """The text with its keys as the desktop writes them: "Ctrl+L" is "⌘L" on a Mac."""
    native = QKeySequence.SequenceFormat.NativeText
    return _KEYS.sub(lambda found: QKeySequence(found[0]).toString(native), text)
