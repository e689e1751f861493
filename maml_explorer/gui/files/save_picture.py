"""Pictures of any plot in sight or of the whole window, saved where the person says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QUrl
from PySide6.QtGui import QCursor, QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from maml_explorer.files.writer import write_bytes
from maml_explorer.gui.plots.pictures import png_bytes
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.plots.saved_event import FileSaved
from maml_explorer.gui.session.proposed_path import proposed_path
from maml_explorer.gui.widgets.banner import Banners

WHOLE = "Whole window"
PNG, SVG = "PNG picture (*.png)", "SVG picture (*.svg)"


class SavePicture(QObject):
    """Asks what and where, writes it, and says where it is."""

    def __init__(self, window: QWidget, banners: Banners) -> None:
        super().__init__(window)
        self._window, self._banners = window, banners
        window.installEventFilter(self)

    @property
    def plots(self) -> dict[str, Plot]:
        """Name → plot, of all that can be seen now."""
        found = [plot for plot in self._window.findChildren(Plot) if plot.isVisible()]
        return {plot.accessibleName(): plot for plot in found}

    def menu(self, title: str = "Save picture") -> QMenu:
        """A line for the whole window and one for each plot in sight."""
        menu = QMenu(title, self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(f"{WHOLE}…", self.ask_window)
        menu.addSeparator()
        for name, plot in sorted(self.plots.items()):
            menu.addAction(f"{name}…", partial(self.ask_plot, plot))
        return menu

    def choose(self) -> None:
        """Opens the choice at the pointer, or in the middle where the pointer is elsewhere."""
        window, at = self._window, QCursor.pos()
        # Wayland does not tell of a pointer that has not been over the window
        if not window.rect().contains(window.mapFromGlobal(at)):
            at = window.mapToGlobal(window.rect().center())
        self.menu().popup(at)

    def ask_plot(self, plot: Plot) -> None:
        """Asks for a file and writes one plot, with its legend, as PNG or SVG."""
        name = plot.accessibleName().lower().replace(" ", "-")
        self._ask(name, f"{PNG};;{SVG}", partial(_write_plot, plot))

    def ask_window(self) -> None:
        """Asks for a file and writes the whole window as PNG, as it is seen."""
        self._ask("maml-explorer", PNG, self._write_window)

    def ask_answers(self) -> None:
        """Asks for a file and writes the answer sheet as PDF."""
        # Qt's classes for pages take a hundredth of the start to load
        from maml_explorer.gui.files.answer_pdf import write_answer_pdf

        dialog = QFileDialog(
            self._window, "Save answer sheet", proposed_path("answers", ".pdf"),
            "PDF document (*.pdf)",
        )  # fmt: skip
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("pdf")
        dialog.fileSelected.connect(
            lambda chosen: self.save(Path(chosen), write_answer_pdf, "answer sheet")
        )
        dialog.open()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Says what a plot of the window has written."""
        if isinstance(event, FileSaved):
            self.say(event.path)
            return True
        return False

    def say(self, path: Path) -> None:
        """Says where a file is, with a button that shows it there."""
        folder = QUrl.fromLocalFile(str(path.parent))
        self._banners.say(
            "picture", f"Saved {path.name}.",
            choices=[("Show folder", lambda: QDesktopServices.openUrl(folder))],
        )  # fmt: skip

    def _ask(self, name: str, kinds: str, write: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self._window, "Save picture", proposed_path(name, ".png"), kinds)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        folder = Path(proposed_path(name)).parent
        if not folder.is_dir():
            dialog.setDirectory(str(folder.parent))
            dialog.selectFile(Path(proposed_path(name, ".png")).name)
        dialog.filterSelected.connect(
            lambda kind: dialog.setDefaultSuffix("svg" if kind == SVG else "png")
        )
        dialog.fileSelected.connect(lambda chosen: self.save(Path(chosen), write))
        dialog.open()

    def save(self, path: Path, write: Callable[[Path], None], what: str = "picture") -> None:
        """Writes, and says where or why not."""
        try:
            write(path)
        except OSError as error:
            said = f"The {what} was not saved: {error.strerror}."
            self._banners.say("picture", said, "warning", stays=False)
        else:
            self.say(path)

    def _write_window(self, path: Path) -> None:
        for plot in self.plots.values():
            plot.hover.hide()
        write_bytes(path, png_bytes(self._window.grab()), follow=True)


def _write_plot(plot: Plot, path: Path) -> None:
    write = plot.save_svg if path.suffix.lower() == ".svg" else plot.save_png
    write(path)
