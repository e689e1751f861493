"""Formulas in lines of text: the index behind one letter is set below the line."""

from __future__ import annotations

import html
import re

_INDEX = re.compile(r"(?<![\w])(∇[^\W\d_]?|[^\W\d_])_(K−1|\w+)")
"""A letter, ∇ or both, and the index: "∇L_query", "∇_w", "S_τ"; not "inner_lr"."""


def typeset(text: str) -> str:
    """Rich text where the text has an index, else the text as it is."""
    if not _INDEX.search(text):
        return text
    return _INDEX.sub(r"\1<sub>\2</sub>", html.escape(text, quote=False)).replace("\n", "<br>")
