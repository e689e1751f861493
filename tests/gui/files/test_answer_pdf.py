"""The answer sheet: ten questions, one page, the same text in the shell and in the window."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtGui import QPageSize, QPdfWriter
from PySide6.QtWidgets import QApplication

from maml_explorer.cli import main
from maml_explorer.files.answer_sheet import answer_sheet
from maml_explorer.gui.files.answer_pdf import POINTS, laid_out, write_answer_pdf
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import said


def test_ten_questions_each_with_the_lesson_that_answers_it(window: MainWindow):
    lines = re.findall(r"^(\d+)\. \*\*(.+\?)\*\* (.+) \[([\d, ]+)\]$", answer_sheet(), re.M)
    assert [int(number) for number, *_ in lines] == list(range(1, 11))
    lessons = len(window.lessons.shelf.shipped)
    for _, _, answer, numbers in lines:
        assert len(answer.split()) >= 15
        assert all(2 <= int(number) <= lessons for number in numbers.split(", "))


def test_it_fits_on_one_page_in_readable_type(qapp: QApplication, tmp_path: Path):
    path = tmp_path / "answers.pdf"
    write_answer_pdf(path)
    data = path.read_bytes()
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\s", data)) == 1
    writer = QPdfWriter(str(tmp_path / "again.pdf"))
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    document = laid_out(writer)
    assert document.pageCount() == 1
    assert document.defaultFont().pointSizeF() >= POINTS[-2]
    assert "−1.62 cos x" in document.toPlainText()


def test_the_window_saves_it_and_says_where(window: MainWindow, tmp_path: Path):
    window.pictures.save(tmp_path / "a.pdf", write_answer_pdf, "answer sheet")
    assert (tmp_path / "a.pdf").stat().st_size > 1000
    assert "Saved a.pdf." in said(window)
    window.pictures.save(tmp_path / "none" / "a.pdf", write_answer_pdf, "answer sheet")
    assert said(window)[-1].startswith("The answer sheet was not saved: ")


def test_the_shell_prints_it(capsys: pytest.CaptureFixture[str]):
    assert main(["answers"]) == 0
    assert capsys.readouterr().out == answer_sheet()
