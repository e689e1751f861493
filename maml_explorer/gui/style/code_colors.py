"""Python code in the colours of a theme."""

from __future__ import annotations

import io
import keyword
import token
import tokenize
from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from maml_explorer.gui.style.contrast import readable
from maml_explorer.gui.style.theme import Theme

HUES = {
    "keyword": "#0072b2",
    "string": "#009e73",
    "number": "#d55e00",
    "comment": "",
    "name": "",
}
"""Kind of word → hue; without one, names of functions are bold and comments are muted."""


@dataclass(frozen=True)
class Span:
    """Part of one line that has a colour."""

    start: int
    length: int
    kind: str


def spans(code: str) -> dict[int, list[Span]]:
    """Coloured spans of whole Python code, by line from 0."""
    found: dict[int, list[Span]] = {}
    defines = False
    lines = code.splitlines()
    for part in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = _kind(part, defines)
        if part.type == token.NAME:
            defines = part.string in ("def", "class")
        if not kind:
            continue
        (first, begin), (last, end) = part.start, part.end
        for number in range(first, last + 1):
            start = begin if number == first else 0
            stop = end if number == last else len(lines[number - 1])
            found.setdefault(number - 1, []).append(Span(start, stop - start, kind))
    return found


def _kind(part: tokenize.TokenInfo, defines: bool) -> str:
    if part.type == token.NAME:
        if keyword.iskeyword(part.string):
            return "keyword"
        return "name" if defines else ""
    if part.type in _STRINGS:
        return "string"
    return {token.NUMBER: "number", tokenize.COMMENT: "comment"}.get(part.type, "")


# from Python 3.12 on an f-string is several words
_STRINGS = {token.STRING} | {
    getattr(token, name)
    for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
    if hasattr(token, name)
}


def color(kind: str, theme: Theme) -> str:
    """The colour of a kind of word, readable on a card."""
    if kind == "comment":
        return theme.muted
    return readable(HUES[kind] or theme.text, theme.card)


class CodeColors(QSyntaxHighlighter):
    """Colours a document that holds whole Python code."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._spans: dict[int, list[Span]] = {}
        self._formats: dict[str, QTextCharFormat] = {}
        self._dress(theme)

    def take(self, code: str) -> None:
        """Is told the code before the document is."""
        self._spans = spans(code)

    def wear(self, theme: Theme) -> None:
        """Takes the colours of a theme."""
        self._dress(theme)
        self.rehighlight()

    def _dress(self, theme: Theme) -> None:
        for kind in HUES:
            look = QTextCharFormat()
            look.setForeground(QColor(color(kind, theme)))
            if kind in ("keyword", "name"):
                look.setFontWeight(QFont.Weight.Bold)
            self._formats[kind] = look

    def highlightBlock(self, text: str) -> None:
        """Formats one line."""
        for span in self._spans.get(self.currentBlock().blockNumber(), ()):
            self.setFormat(span.start, span.length, self._formats[span.kind])
