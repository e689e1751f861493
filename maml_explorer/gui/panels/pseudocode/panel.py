"""The lecture's pseudocode of an arm, with its values, and the active line lit while stepping."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QObject, QRegularExpression, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QShowEvent,
    QSyntaxHighlighter,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.panels.adaptation.words import waiting
from maml_explorer.gui.panels.pseudocode.text import (
    ADAPT,
    INDEX,
    PseudocodeLine,
    laid_out,
    pseudocode,
    sentence,
)
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.session.worker_link import forgotten
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox, label, row
from maml_explorer.protocol.reports import Status, Stepped, StepPhase
from maml_explorer.settings.phases import phases
from maml_explorer.settings.settings import Arm, Settings

PAGES = tuple(StepPhase)
"""Phases whose lines can be brought into view by name, as a page of a lesson does."""
_WORDS = QRegularExpression(r"\b(repeat|times|for each|for|of the meta-batch)\b|argmin")
_NOTE = QRegularExpression("▷.*$")
_MOST_GROWTH = 2.5
"""Factor by which the text is larger than the window's for the back row, where there is room."""
_SMALLER = 0.05
"""Step in which that factor falls until all lines have room."""
_INDEX_SIZE = 1.2
"""Size of an index, in that of the text, before Qt makes it two thirds."""
_INDEX_DROP = 1.15
"""Height of a row with an index, in that of one without."""
_READ = (
    Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
)


class _Colors(QSyntaxHighlighter):
    """Keywords bold, notes muted, indices small."""

    def __init__(self, edit: QPlainTextEdit, theme: Theme) -> None:
        super().__init__(edit.document())
        self.theme, self.points = theme, 0.0

    def highlightBlock(self, text: str) -> None:
        """Formats one line."""
        bold, muted = QTextCharFormat(), QTextCharFormat()
        bold.setFontWeight(QFont.Weight.Bold)
        muted.setForeground(QColor(self.theme.muted))
        for pattern, look in ((_WORDS, bold), (_NOTE, muted)):
            found = pattern.globalMatch(text)
            while found.hasNext():
                match = found.next()
                self.setFormat(match.capturedStart(), match.capturedLength(), look)
        for index in INDEX.finditer(text):
            bar, small = self.format(index.start()), self.format(index.start(1))
            bar.setFontPointSize(1.0)
            bar.setForeground(QColor(Qt.GlobalColor.transparent))
            if self.points:
                small.setFontPointSize(_INDEX_SIZE * self.points)
            small.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignSubScript)
            self.setFormat(index.start(), 1, bar)
            self.setFormat(index.start(1), len(index[1]), small)


class PseudocodePanel(QWidget):
    """One arm's algorithm, line by line."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.lines: list[PseudocodeLine] = []
        self._rows: list[int] = []
        """Number of its line for each row of the text."""
        self._laid_out_for: tuple[object, ...] = ()
        """Room, type and lines that the text was laid out for last."""
        self.shown = ""
        """Phase whose lines were brought into view; none where that was not asked for."""
        self._stepped = session.link.last_part
        self.arm_choice = ComboBox()
        self.arm_choice.setAccessibleName("Arm whose pseudocode is shown")
        self.arm_choice.activated.connect(lambda _: self._show())
        self.said = label("", "muted")
        self.said.setWordWrap(True)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.document().setDocumentMargin(2)
        self.text.setAccessibleName("Pseudocode")
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTextInteractionFlags(_READ)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._family, self._points = font.family(), 0.0
        self._colors = _Colors(self.text, session.theme)
        self._write_in(session.theme)
        head = row(self.arm_choice, self.said)
        head.setStretch(1, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 4, 0, 0)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self.text, 1)
        self.text.viewport().installEventFilter(self)
        session.editor.settings_changed.connect(self._take_settings)
        session.link.stepped.connect(self._take_stepped)
        session.link.status_changed.connect(self._take_status)
        session.theme_changed.connect(self._take_theme)
        self._show()

    @property
    def arm(self) -> Arm:
        """The arm that is shown: the chosen one, or the first."""
        arms = self.session.settings.arms
        return next((arm for arm in arms if arm.name == self.arm_choice.currentText()), arms[0])

    def drawn(self) -> dict[str, str]:
        """Part of a prepared state that says how this panel draws."""
        return {"arm": self.arm.name}

    def draw_as(self, state: ViewState) -> None:
        """Shows the arm of a prepared state; where it names none, one that is drawn."""
        self.shown = ""
        names = [arm.name for arm in self.session.settings.arms]
        drawn = [arm.name for arm in self.session.shown_arms]
        wanted = state.arm
        if not wanted and drawn and self.arm.name not in drawn:
            wanted = drawn[0]
        if wanted in names:
            self._show()  # the choice may be of arms that are gone
            self.arm_choice.setCurrentText(wanted)
            self._show()

    def show_page(self, phase: str) -> None:
        """Brings the lines of a phase into view; those that are lit come first."""
        self.shown = phase
        self._bring_into_view()

    @property
    def lit(self) -> list[int]:
        """Numbers of the lines that are active now."""
        if self._stepped is None:
            return []
        return [n for n, line in enumerate(self.lines) if line.phase == self._stepped.phase]

    @property
    def lit_rows(self) -> list[int]:
        """Numbers of the rows of these lines."""
        lit = self.lit
        return [row for row, number in enumerate(self._rows) if number in lit]

    def rows_of(self, phase: str) -> list[int]:
        """Numbers of the rows of a phase."""
        return [row for row, nth in enumerate(self._rows) if self.lines[nth].phase == phase]

    def _take_settings(self, settings: Settings) -> None:
        if self.isVisible():
            self._show()

    def _take_stepped(self, stepped: Stepped) -> None:
        self._stepped = stepped
        if self.isVisible():
            self._light()

    def _take_status(self, status: Status) -> None:
        if self._stepped is not None and forgotten(self._stepped, status):
            self._stepped = None
            if self.isVisible():
                self._light()

    def _write_in(self, theme: Theme, growth: float = 1.0) -> None:
        """Writes at the size of the window's text; the card around the tabs is frame enough."""
        points = growth * theme.points
        if points == self._points:
            return
        self._points = points
        self.text.setStyleSheet(
            f"QPlainTextEdit {{ border: none; padding: 0; font-family: '{self._family}';"
            f" font-size: {points:g}pt; }}"
        )
        self._colors.points = points
        self._colors.rehighlight()

    def _growth(self) -> float:
        """Factor at which all lines should just have room, for the back row while presenting."""
        theme, area = self.session.theme, self.text.maximumViewportSize()
        margin = self.text.document().documentMargin()
        room = area.width() - 2 * margin - 2
        larger = round((_MOST_GROWTH - 1) / _SMALLER) if theme.line_scale > 1 else 0
        for smaller in range(larger, 0, -1):
            font = QFont(self._family)
            font.setPointSizeF((1 + smaller * _SMALLER) * theme.points)
            metrics = QFontMetricsF(font)
            if metrics.lineSpacing() * len(self.lines) > area.height():
                continue
            rows = laid_out(self.lines, partial(_fits, metrics=metrics, room=room))
            high = sum(
                metrics.lineSpacing() * (_INDEX_DROP if INDEX.search(row) else 1) for row, _ in rows
            )
            if high + 2 * margin <= area.height() and all(
                _fits(row, metrics, room) for row, _ in rows
            ):
                return 1 + smaller * _SMALLER
        return 1.0

    def _take_theme(self, theme: Theme) -> None:
        self._laid_out_for = ()
        self._colors.theme = theme
        self._colors.rehighlight()
        self._lay_out_lines()
        self._light()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what changed while hidden."""
        super().showEvent(event)
        self._show()
        self._bring_into_view()

    def _show(self) -> None:
        arm, names = self.arm, [arm.name for arm in self.session.settings.arms]
        if names != [self.arm_choice.itemText(n) for n in range(self.arm_choice.count())]:
            self.arm_choice.clear()
            self.arm_choice.addItems(names)
        self.arm_choice.setCurrentText(arm.name)
        self.lines = pseudocode(self.session.settings, arm)
        self._lay_out_lines()
        self._light()

    def _lay_out_lines(self) -> None:
        """Writes the lines as wide as there is room, and for the back row as large."""
        theme, large = self.session.theme, self.session.theme.line_scale > 1
        area = self.text.maximumViewportSize() if large else self.text.viewport().size()
        laid_out_for = area.width(), area.height(), theme.points, large, *map(str, self.lines)
        if laid_out_for == self._laid_out_for:  # also where a scroll bar came or went by this
            return
        self._laid_out_for = laid_out_for
        # pointing at a line in a hall would give it a caret, and take Space from Train
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.NoTextInteraction if large else _READ
        )
        self.text.setFocusPolicy(Qt.FocusPolicy.NoFocus if large else Qt.FocusPolicy.StrongFocus)
        # a second line of the sentence would make all type smaller amid stepping
        self.said.setMinimumHeight(2 * self.said.fontMetrics().lineSpacing() if large else 0)
        growth = self._growth()
        self._write_lines(growth)
        while growth > 1 and self._is_cut():  # other fonts' signs are larger
            growth = max(growth - _SMALLER, 1.0)
            self._write_lines(growth)

    def _is_cut(self) -> bool:
        """True where a row has no room; the scroll bars learn of it only at the next painting."""
        edit = self.text
        foot = _foot(edit, edit.document().lastBlock()) + edit.document().documentMargin()
        bars = edit.horizontalScrollBar(), edit.verticalScrollBar()
        return foot > edit.viewport().height() or any(bar.maximum() for bar in bars)

    def _write_lines(self, growth: float) -> None:
        """Writes the lines in type larger than the window's by a factor."""
        self._write_in(self.session.theme, growth)
        metrics = QFontMetricsF(self.text.document().defaultFont())
        room = self.text.viewport().width() - 2 * self.text.document().documentMargin() - 2
        # measured, not counted: some signs come from another font, and are wider
        rows = laid_out(self.lines, partial(_fits, metrics=metrics, room=room))
        words = "\n".join(row for row, _ in rows)
        self._rows = [nth for _, nth in rows]
        if words != self.text.toPlainText():
            place = self.text.verticalScrollBar().value()
            self.text.setPlainText(words)
            self.text.verticalScrollBar().setValue(place)
        self._bring_into_view()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Lays the lines out again where the room for them is another."""
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self._lay_out_lines()
            self._light()
        return False

    def _light(self) -> None:
        """Lights the active lines and says what has just been done."""
        stepped, record = self._stepped, ALGORITHMS[self.arm.algorithm]
        if stepped is None:
            self.said.setText(f"{record.summary} {record.source}.")
        else:
            k = stepped.shown_step.get(self.arm.name, stepped.inner_step)
            steps = phases(self.session.settings.of_arm(self.arm), record).inner_steps
            said = sentence(record, stepped.phase, k, steps)
            waits = waiting(self.session.shown_arms) if record.has_inner_loop else ""
            if waits and stepped.phase == ADAPT:
                said = f"{said} {waits}."
            self.said.setText(said)
        plain, light = QTextBlockFormat(), QTextBlockFormat()
        light.setBackground(QColor(self.session.theme.selection))
        rows = self.lit_rows
        # a selection as wide as the row has a gap behind an index, and that looks like a caret
        for nth in range(self.text.blockCount()):
            block = self.text.document().findBlockByNumber(nth)
            wanted = light if nth in rows else plain
            if block.blockFormat() != wanted:
                QTextCursor(block).setBlockFormat(wanted)
        if rows:
            self._bring_into_view()

    def _bring_into_view(self) -> None:
        """Scrolls to the lines that are lit, or asked for; the row behind them is whole too."""
        rows = self.lit_rows or self.rows_of(self.shown)
        if not rows or not self.isVisible():
            return
        block, bar = self.text.document().findBlockByNumber, self.text.verticalScrollBar()
        behind = min(rows[-1] + 1, self.text.blockCount() - 1)
        for nth in (behind, rows[0], rows[-1]):
            self.text.setTextCursor(QTextCursor(block(nth)))
        # Qt takes no account of the indices that hang below a row; a step of the bar is a row
        for value in range(bar.value() + 1, min(rows[0], bar.maximum()) + 1):
            if _foot(self.text, block(behind)) > self.text.viewport().height():
                bar.setValue(value)


def _foot(edit: QPlainTextEdit, block: QTextBlock) -> float:
    """Pixels from the top of the pane to the foot of a row."""
    return edit.blockBoundingGeometry(block).translated(edit.contentOffset()).bottom()


def _fits(row: str, metrics: QFontMetricsF, room: float) -> bool:
    """True where a row has room."""
    return _width(row, metrics) <= room


def _width(row: str, metrics: QFontMetricsF) -> float:
    """Pixels of a row, at most: its underscores are not drawn."""
    return metrics.horizontalAdvance(INDEX.sub(r"\1", row))
