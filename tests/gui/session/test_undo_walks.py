"""Row 13: any sequence of edits can be undone and redone, and the worker follows."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from tests.undo_walks import walks


def test_any_sequence_of_edits_is_undone_and_redone(qapp: QApplication) -> None:
    walks(200)
