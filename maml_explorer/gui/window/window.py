"""The window: settings on the left, the hero and the insight tabs, losses on the right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from maml_explorer.gui.files.comparing import Reproduction
from maml_explorer.gui.files.file_menu import Files
from maml_explorer.gui.files.opening import Opening
from maml_explorer.gui.files.own_images import OwnImagesOpening
from maml_explorer.gui.files.save_picture import SavePicture
from maml_explorer.gui.files.sharing import Sharing
from maml_explorer.gui.lessons.player import Lessons
from maml_explorer.gui.lessons.shelf import LessonShelf
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.time_left import TimeLeft
from maml_explorer.gui.settings_form.annealed_text import annealed_text
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.message import LINES
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.window import action_table
from maml_explorer.gui.window.action import Actions, Entry
from maml_explorer.gui.window.appearance import Appearance
from maml_explorer.gui.window.columns import GAP, Columns
from maml_explorer.gui.window.drop_sign import DropSign
from maml_explorer.gui.window.lesson_parts import WindowStage
from maml_explorer.gui.window.menus import Menus
from maml_explorer.gui.window.on_screen import OnScreen, room_for
from maml_explorer.gui.window.presenter import REMOTE, Presenter
from maml_explorer.gui.window.remembered_layout import WindowLayout
from maml_explorer.gui.window.remembering import (
    as_it_is,
    read_or_set_aside,
    restore,
    write_or_leave,
)
from maml_explorer.gui.window.run_bar import RunBar
from maml_explorer.gui.window.share_code import ShareCode
from maml_explorer.gui.window.stability_light import DOT, StabilityLight
from maml_explorer.gui.window.status_text import LEFT, progress_text, status_text
from maml_explorer.gui.window.waiting_settings import WaitingSettings
from maml_explorer.gui.window.welcome import Welcome
from maml_explorer.gui.window.worker_notices import Notices
from maml_explorer.protocol.reports import Status
from maml_explorer.settings.presets import Preset, Presets

SIZE = QSize(1440, 900)

if TYPE_CHECKING:
    from maml_explorer.gui.window.command_palette import CommandPalette
    from maml_explorer.gui.window.shortcut_sheet import ShortcutSheet


class MainWindow(QMainWindow):
    """Shows a session. `layout_path` None remembers nothing."""

    def __init__(
        self,
        session: Session,
        presets: Presets,
        layout_path: Path | None = None,
    ) -> None:
        super().__init__()
        self.session = session
        self.presets = presets.with_room_for_more()
        self._layout_path = layout_path
        folder = None if layout_path is None else layout_path.parent
        self.setWindowTitle("MAML Explorer")
        self.setAcceptDrops(True)
        self.appearance = Appearance(session)
        self.banners = Banners(self)
        self.run_bar = RunBar(session, self.presets, self.export)
        self.columns = Columns(self, session, self.appearance)
        self.presenter = Presenter(self, self.columns, self.appearance)
        images = OwnImagesOpening(session, self.banners)
        sharing = Sharing(session, self.columns, self.presets, self.banners, images)
        self.learn_button = button("Learn", self.show_lessons, "Guided lessons (Ctrl+L)")
        self.file_button = button("File", self._show_file_menu, "Open, save, share, export")
        self.file_button.setText("File ▾")
        self.view_button = button("View", self._show_view_menu, "Panels, layout and theme")
        self.view_button.setText("View ▾")
        self.status = label(status_text(None), "status")
        self.status.setAccessibleName("Status")
        self._left = TimeLeft()
        self.stability = StabilityLight(session)
        beside = {
            "learn": self.learn_button, "file": self.file_button, "view": self.view_button,
            "status": self.status, "stability": self.stability,
        }  # fmt: skip
        self.stage = WindowStage(self.columns, sharing, self.run_bar, beside)
        shelf = LessonShelf(folder, self.banners)
        self.lessons = Lessons(self.stage, session, shelf, self)
        opening = Opening(session, self.banners, images, self.lessons.open, sharing, self.presets)
        self.files = Files(
            self, session, self.banners, opening, sharing, self.offer_presets,
            None if folder is None else folder / "presets",
        )  # fmt: skip
        self.drop_sign = DropSign(self)
        self.pictures = SavePicture(self, self.banners)
        self.reproduction = Reproduction(
            session.editor, session.control, self.banners, self.files.ask
        )
        self.welcome = Welcome(session, self.lessons.take_tour, self.columns.toggle_simple)
        self.columns.simple_changed.connect(self.run_bar.show_simple)
        self.columns.simple_changed.connect(self.welcome.leave_out_simple)
        self.appearance.presenting_changed.connect(
            lambda: self.welcome.leave_out_of_hall(self.appearance.presenting)
        )
        self.run_bar.everything.clicked.connect(self.columns.toggle_simple)
        self.lessons.begun.connect(self.welcome.finish)
        self.presenter.toggled.connect(self.lessons.point_again)
        self.presenter.toggled.connect(self._say_presented)
        self.appearance.presenting_changed.connect(
            lambda: self.lessons.strip.show_in_a_hall(self.appearance.presenting)
        )
        self.notices = Notices(session, self.banners)
        session.link.run_left.connect(self.notices.forget_replaced)
        self.waiting = WaitingSettings(session, self.banners, self.columns.form)
        self.share_code = ShareCode(self, sharing)
        self.actions_table = Actions(self, self._entries()).table
        self.presenter.take_keys(self.actions_table[name] for name in REMOTE)
        self.menus = Menus(self, session, self.actions_table)
        self.annealed = ElidedLabel()
        # no wider than its words: the light beside it has the rest
        self.annealed.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.annealed.hide()
        self._lay_out()
        session.link.status_changed.connect(self._show_status)
        self.banners.arranged.connect(lambda: self._show_status(session.status))
        session.link.run_left.connect(lambda: self.status.setText(LEFT))
        size = room_for(SIZE)
        self.columns.divide_again(size)
        self.resize(size)
        self._on_screen = OnScreen(self)
        layout = read_or_set_aside(layout_path, self.banners)
        if layout is not None:
            restore(layout, self, self.columns, self.appearance, self.files, self.welcome)
        self._remembered: WindowLayout | None = None
        self.appearance.chosen.connect(self.remember)
        self.appearance.chosen.connect(self._watch_settings)
        self.columns.keep_narrow().settings_came.connect(lambda: self.banners.drop("settings"))
        self.files.load_own_presets()

    def offer_presets(self, presets: Mapping[str, Preset]) -> None:
        """Offers further presets in the run bar."""
        self.presets.add(presets)
        self.run_bar.offer({name: preset.title for name, preset in presets.items()})

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.drop_sign.show_over()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Takes the sign away."""
        self.drop_sign.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens the first file that was dropped."""
        self.drop_sign.hide()
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.files.opening.open(Path(paths[0]))

    def export(self) -> None:
        """Asks for arm and folder."""
        from maml_explorer.gui.files.export_dialog import ExportDialog

        ExportDialog(self.session, self).open()

    def _watch_settings(self) -> None:
        """Says where the settings went, if the text that was just chosen leaves them no room."""
        if not self.columns.parts["Settings"].isHidden():
            QTimer.singleShot(0, self, self._say_settings_left_out)  # once the columns have fitted

    def _say_settings_left_out(self) -> None:
        narrow = self.columns.narrow
        if narrow and narrow.hid_settings and self.columns.parts["Settings"].isHidden():
            self.banners.say(
                "settings",
                "At this text size there is no room for the settings beside the plots. View → "
                "Settings shows them in place of the losses.",
                choices=(("Show settings", self.columns.find_setting),),
            )

    @cached_property
    def palette_overlay(self) -> CommandPalette:
        """The command palette, made when it is first asked for."""
        from maml_explorer.gui.window.command_palette import CommandPalette

        return CommandPalette(self, self.actions_table)

    @cached_property
    def shortcut_sheet(self) -> ShortcutSheet:
        """The list of shortcuts, made when it is first asked for."""
        from maml_explorer.gui.window.shortcut_sheet import ShortcutSheet

        return ShortcutSheet(self, self.actions_table)

    def show_palette(self) -> None:
        """Opens the command palette."""
        self.menus.offer_run_before()
        self.palette_overlay.ask(action_table.of_each_lesson(self.lessons))

    def show_shortcuts(self) -> None:
        """Opens or closes the list of shortcuts."""
        self.shortcut_sheet.show_sheet()

    def _say_presented(self) -> None:
        """Tells who left with Escape that the lesson is open here, without a remote control."""
        if self.lessons.lesson is None or self.appearance.presenting:
            self.banners.drop("presented")
        else:
            said = "Presenting has ended. The lesson goes on here: F5 presents it again."
            self.banners.say("presented", said, choices=(("Present", self.presenter.toggle),))

    def show_lessons(self) -> None:
        """Opens the list of lessons."""
        self.lessons.choose_lesson()

    def toggle_full_screen(self) -> None:
        """Fills the screen, or gives it back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def view_menu(self) -> QMenu:
        """The View menu as it is now."""
        return self.menus.view_menu(self.columns, self.appearance)

    def file_menu(self) -> QMenu:
        """The File menu as it is now."""
        return self.menus.file_menu(self.files, self.pictures)

    def panel_failed(self, error: BaseException) -> bool:
        """Shows an uncaught exception instead of the panel it came from; False for none."""
        return self.columns.panel_failed(error, error.__traceback__)

    def remember(self) -> None:
        """Writes the layout where it has changed: a program that is killed closes no window.

        While presenting, or in a lesson that trains a run of its own, it is another one's.
        """
        if not (self.appearance.presenting or self.lessons.run.lent):
            self._write_layout()

    def _write_layout(self) -> None:
        if self._layout_path is None:
            return
        now = as_it_is(self, self.columns, self.appearance, self.files, self.welcome)
        if now != self._remembered:
            write_or_leave(self._layout_path, now)
            self._remembered = now

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remembers the layout and ends the worker."""
        self._write_layout()
        self.files.opening.images.close()
        self.session.close()
        event.accept()

    def _entries(self) -> list[Entry]:
        session, columns = self.session, self.columns
        return [
            *action_table.of_the_run(session),
            *action_table.of_the_task(session),
            *action_table.of_editing(session, columns),
            *action_table.of_files(
                self.files,
                self.pictures,
                self.reproduction,
                self.export,
                self.close,
                self.share_code.show_code,
            ),
            *action_table.of_the_view(
                columns, self.appearance, self.presenter, self.toggle_full_screen
            ),
            *action_table.of_presets(session.control, self.presets),
            *action_table.of_lessons(self.lessons),
            *action_table.of_help(self.show_palette, self.show_shortcuts),
        ]

    def _lay_out(self) -> None:
        for control in (self.learn_button, self.file_button, self.view_button):
            self.run_bar.add(control)
        ground = QWidget()
        ground.setProperty("role", "ground")
        # from outside inwards: with every new parent Qt styles all that is inside again
        self.setCentralWidget(ground)
        box = QVBoxLayout(ground)
        box.setContentsMargins(12, GAP, 12, 6)
        box.setSpacing(GAP)
        for part in (self.run_bar, self.welcome, self.lessons.strip):
            box.addWidget(part)
        box.addWidget(self.columns, 1)
        foot = row(self.status, spacing=2 * GAP)
        foot.addWidget(self.annealed)
        foot.addWidget(self.stability, 1)
        box.addLayout(foot)
        self.banners.lie_over(self.columns)
        self.banners.spared = lambda: (self.columns.stage_row,)
        # a click beside the controls ends typing, and Space then trains
        ground.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        ground.setFocus()

    def _show_status(self, status: Status | None) -> None:
        if status is None:
            return
        lent = self.lessons.run.lent  # a lesson trains to a goal of its own
        goal = (self.lessons.run.goal or 0) if lent else status.settings.outer.outer_steps
        began_from = Path(self.session.control.initialization).name
        lines = LINES if self.session.link.running else 1
        self.banners.keep_free(self._progress_end(status), lines)
        text = status_text(status, began_from, self._left.words(status, goal))
        said = progress_text(status) if self.banners.aside else text
        self.status.setText(LEFT if self.session.link.left else said)
        self.status.setToolTip(plain_tip(status.device if "(" in status.device else ""))
        # beside a message there is room for the light's dot alone
        self.stability.words.setVisible(not self.banners.aside)
        annealed = "" if self.banners.aside else annealed_text(status.settings, status.arm_steps)
        self.annealed.setVisible(bool(annealed))
        self.annealed.say(annealed)

    def _progress_end(self, status: Status) -> int:
        """Pixels from the left to behind the light's dot; messages do not move as steps grow."""
        most = max(status.outer_step, status.settings.outer.outer_steps)
        words = progress_text(replace(status, outer_step=most))
        left = self.status.mapTo(self, QPoint()).x()
        return left + self.status.fontMetrics().horizontalAdvance(words) + 3 * GAP + DOT

    def _show_file_menu(self) -> None:
        self.file_menu().popup(_below(self.file_button))

    def _show_view_menu(self) -> None:
        self.view_menu().popup(_below(self.view_button))


def _below(control: QPushButton) -> QPoint:
    return control.mapToGlobal(control.rect().bottomLeft())
