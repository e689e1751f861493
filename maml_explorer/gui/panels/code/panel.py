"""The current settings and one arm as code to take away, or one gradient in two forms."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QSplitter, QVBoxLayout, QWidget

from maml_explorer.codegen.script import standalone_script
from maml_explorer.codegen.two_forms import stateful_and_functional
from maml_explorer.files.writer import write_text
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.code_colors import CodeColors
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.controls import ComboBox, button, mark, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Arm, Settings

FORMS = "One outer gradient, stateful and functional"
WITHOUT_STAGED = "of what is in force, without what waits for a restart"


class CodeView(QPlainTextEdit):
    """Code that can be read, selected and copied."""

    def __init__(self, name: str, theme: Theme) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.colors = CodeColors(self.document(), theme)
        self.take_type(theme)

    def take_type(self, theme: Theme) -> None:
        """Writes in the size of the window's text."""
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(theme.points)
        self.setFont(font)
        # The card around the tabs is frame enough.
        self.setStyleSheet(
            f"QPlainTextEdit {{ border: none; padding: 0; font-family: '{font.family()}';"
            f" font-size: {theme.points}pt; }}"
            "QAbstractScrollArea::corner { background: transparent; border: none; }"
        )

    def show_code(self, code: str) -> None:
        """Shows whole Python code and keeps the place."""
        if code != self.toPlainText():
            across, down = self.horizontalScrollBar(), self.verticalScrollBar()
            place = across.value(), down.value()
            self.colors.take(code)
            self.setPlainText(code)
            across.setValue(place[0])
            down.setValue(place[1])

    def go_to(self, *words: str) -> None:
        """Brings the first line with these words, or else with the next ones, to the top."""
        places = (self.document().find(each) for each in words)
        found = next((place for place in places if not place.isNull()), None)
        if found is not None:
            self.verticalScrollBar().setValue(found.blockNumber())


class CodePanel(QWidget):
    """Shows, copies and saves what :mod:`maml_explorer.codegen.script` writes."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._shown: tuple[Settings, Arm, bool, bool] | None = None
        self.arm_choice = ComboBox()
        self.arm_choice.setAccessibleName("Arm whose code is shown")
        self.arm_choice.activated.connect(lambda _: self._show())
        self.forms = button("Both styles of code", self._show, FORMS)
        self.forms.setCheckable(True)
        self.said = ElidedLabel()
        self.copy = button("Copy", self._copy, "Put the code on the clipboard")
        self.save = button("Save…", self._ask, "Save the code as a file")
        self.code = CodeView("Code", session.theme)
        self.functional = CodeView("The same gradient in functional form", session.theme)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 8, 0, 0)
        box.setSpacing(8)
        head = row(self.arm_choice, self.forms)
        head.addWidget(self.said, 1)
        head.addWidget(self.copy)
        head.addWidget(self.save)
        box.addLayout(head)
        self._views = views = QSplitter(Qt.Orientation.Horizontal)
        views.setHandleWidth(16)
        views.setChildrenCollapsible(False)
        views.addWidget(self.code)
        views.addWidget(self.functional)
        box.addWidget(views, 1)
        session.editor.settings_changed.connect(self._take_settings)
        session.theme_changed.connect(self._take_theme)
        self.functional.hide()

    @property
    def arm(self) -> Arm:
        """The arm that is shown: the chosen one, or the first."""
        arms = self.session.settings.arms
        chosen = self.arm_choice.currentText()
        return next((arm for arm in arms if arm.name == chosen), arms[0])

    @property
    def text(self) -> str:
        """Text that is copied and saved."""
        if self.functional.isHidden():
            return self.code.toPlainText()
        return f"{self.code.toPlainText()}\n\n{self.functional.toPlainText()}"

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what changed while hidden."""
        super().showEvent(event)
        self._show()

    def _take_settings(self, settings: Settings) -> None:
        if self.isVisible():
            self._show()

    def _take_theme(self, theme: Theme) -> None:
        for view in (self.code, self.functional):
            view.colors.wear(theme)
            view.take_type(theme)

    def _show(self) -> None:
        arm, names = self.arm, [arm.name for arm in self.session.settings.arms]
        if names != [self.arm_choice.itemText(n) for n in range(self.arm_choice.count())]:
            self.arm_choice.clear()
            self.arm_choice.addItems(names)
        self.arm_choice.setCurrentText(arm.name)
        both, staged = self.forms.isChecked(), self.session.editor.staged is not None
        wanted = self.session.settings, arm, both, staged
        if wanted == self._shown:
            return
        self._shown = wanted
        settings = self.session.settings
        try:
            code, *functional = (
                stateful_and_functional(settings, arm)
                if both
                else [standalone_script(settings, arm)]
            )
        except SettingsError as reason:
            self.functional.hide()
            self.code.show_code("")
            self._say(str(reason), role="error")
            return
        self.code.show_code(code)
        if not functional:
            self.functional.hide()
            lines = f"{self.code.blockCount() - 1} lines"
            if staged:
                self._say(f"{lines} · {WITHOUT_STAGED}", f"{lines}, before the restart")
            else:
                self._say(f"{lines} of plain PyTorch", lines)
            return
        self.functional.show_code(*functional)
        self._say(WITHOUT_STAGED if staged else "")
        if self.functional.isHidden():
            self.functional.show()
            self._views.setSizes([self._views.width() // 2] * 2)
            # what differs; imports and the network stand above
            self.code.go_to("def outer_gradient")
            self.functional.go_to("def adapt", "def outer_loss")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text)
        self._say(f"{len(self.text.splitlines())} lines are on the clipboard.")

    def _ask(self) -> None:
        kind = QStandardPaths.StandardLocation.DocumentsLocation
        folder = Path(QStandardPaths.writableLocation(kind) or Path.home())
        suffix = "-forms" if self.forms.isChecked() else ""
        proposed = folder / f"{self.arm.algorithm}{suffix}.py"
        chooser = QFileDialog(self, "Save the code", str(folder), "Python (*.py)")
        chooser.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        chooser.setDefaultSuffix("py")
        chooser.selectFile(proposed.name)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.fileSelected.connect(self._save)
        chooser.open()

    def _save(self, path: str) -> None:
        try:
            write_text(Path(path), self.text, follow=True)
        except OSError as error:
            self._say(f"Not saved: {error.strerror or error}.", role="error")
        else:
            self._say(f"Saved as {Path(path).name}.")

    def _say(self, words: str, *shorter: str, role: str = "muted") -> None:
        self.said.say(words, *shorter)
        mark(self.said, role=role)
