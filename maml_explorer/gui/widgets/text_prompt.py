"""Asks for one line of text, over the window and without stopping it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLineEdit, QWidget

from maml_explorer.gui.widgets.controls import Card, button, label, row
from maml_explorer.gui.widgets.overlay import Overlay


class Ask(Overlay):
    """A question with a field; Return answers, Escape gives up."""

    def __init__(self, window: QWidget) -> None:
        card = Card(margin=16)
        super().__init__(window, card, 520)
        self._answered: Callable[[str], object] = str
        self.question = label("", "title")
        self.line = QLineEdit()
        self.line.setAccessibleName("Answer")
        self.line.returnPressed.connect(self._answer)
        self.line.textChanged.connect(self._check)
        self.line.setMaxLength(1000)
        self.ok = button("Save", self._answer, role="primary")
        card.box.addWidget(self.question)
        card.box.addWidget(self.line)
        card.box.addLayout(row(None, button("Cancel", self.dismiss), self.ok))

    def ask(self, question: str, proposal: str, answered: Callable[[str], object]) -> None:
        """Opens with a question; `answered` gets the line."""
        self._answered = answered
        self.question.setText(question)
        self.line.setAccessibleName(question)
        self.line.setText(proposal)
        self.line.selectAll()
        self._check()
        self.open(self.line)

    def _check(self) -> None:
        self.ok.setEnabled(bool(self.line.text().strip()))

    def _answer(self) -> None:
        if self.ok.isEnabled():
            self.dismiss()
            self._answered(self.line.text().strip())
