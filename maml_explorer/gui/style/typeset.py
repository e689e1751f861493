"""Formulas and names in lines of text: no line ends within one, and indices stand below it."""

from __future__ import annotations

import html
import re

_INDEX = re.compile(r"(?<![\w])(∇[^\W\d_]?|[^\W\d_])_(K−1|\w+)")
"""A letter, ∇ or both, and the index: "∇L_query", "∇_w", "S_τ"; not "inner_lr"."""

_TIGHT = re.compile(
    r"(?<=\d) (?=%|\d{3}\b|(?:cos|sin|ln)\b)|(?<=\bcos|\bsin) (?=\w)|(?<=\bln) (?=\d)"
    r"|(?<=[\w)%]) (?=[±·×=+−←<>≤≥] [\w(−∇])|(?<=[\w)%] [±·×=+−←<>≤≥]) (?=[\w(−∇])"
    r"|(?<=[α-ω)¹]) (?=∇)|(?<=[α-ω]) (?=[α-ω]|[A-Z]\)|\([^ )]+ [−+] )"
)
"""Spaces within a formula or a number with its unit."""
_NAME = re.compile(r"(?<=\w)-(?=[A-Z])|(?<=\d)-(?=\w)|(?<=\b[A-Z])-(?=\w)")
"""Hyphens within a name: "FO-MAML", "Meta-SGD", "K-shot", "20-way"; not "meta-test"."""


def unbroken(text: str) -> str:
    """The text as it is shown: no line ends within a formula or a name."""
    return _NAME.sub("\N{NON-BREAKING HYPHEN}", _TIGHT.sub("\N{NO-BREAK SPACE}", text))


def typeset(text: str) -> str:
    """Rich text where the text has an index, else the text as it is."""
    if not _INDEX.search(text):
        return text
    return _INDEX.sub(r"\1<sub>\2</sub>", html.escape(text, quote=False)).replace("\n", "<br>")
