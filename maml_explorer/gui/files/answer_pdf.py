"""The answer sheet as one page of PDF, saved where the user says."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QSizeF
from PySide6.QtGui import QFont, QPageLayout, QPageSize, QPdfWriter, QTextDocument

from maml_explorer.files.answer_sheet import answer_sheet
from maml_explorer.files.writer import write_bytes

POINTS = (10.5, 10.0, 9.5, 9.0, 8.5, 8.0)
"""Sizes of the text, tried until it fits on one page."""
_RESOLUTION = 300
_MARGIN = 16
"""Millimetres."""


def write_answer_pdf(path: Path) -> None:
    """Writes the sheet as A4, in the largest size at which one page holds it.

    Raises:
        OSError: where it cannot be written; then no part of a file is left.
    """
    made = QBuffer()
    made.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(made)
    writer.setResolution(_RESOLUTION)
    writer.setTitle("Ten questions on meta-learning")
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageMargins(QMarginsF(*(_MARGIN,) * 4), QPageLayout.Unit.Millimeter)
    laid_out(writer).print_(writer)
    write_bytes(path, bytes(made.data().data()), follow=True)


def laid_out(writer: QPdfWriter) -> QTextDocument:
    """The sheet, laid out for the writer's page."""
    document = QTextDocument()
    document.documentLayout().setPaintDevice(writer)
    document.setDocumentMargin(0)
    for points in POINTS:
        font = QFont()
        font.setPointSizeF(points)
        document.setDefaultFont(font)
        document.setMarkdown(answer_sheet())
        document.setPageSize(QSizeF(writer.width(), writer.height()))
        if document.pageCount() == 1:
            break
    return document
