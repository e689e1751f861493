"""The window: settings on the left, the hero and the insight tabs, losses on the right."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QMainWindow, QMenu, QSplitter, QTabWidget, QVBoxLayout, QWidget

from maml_explorer.files.reader import StorageError
from maml_explorer.files.set_aside import set_aside
from maml_explorer.gui.files.comparing import Reproduction
from maml_explorer.gui.files.export_dialog import ExportDialog
from maml_explorer.gui.files.file_menu import Files
from maml_explorer.gui.lessons.player import Lessons
from maml_explorer.gui.panels import CENTRE, PANELS, RIGHT, TAB
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.settings_form.annealed_text import annealed_text
from maml_explorer.gui.settings_form.form import SettingsForm
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.gui.widgets.controls import Card, button, label, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.window.action import Actions
from maml_explorer.gui.window.action_table import entries
from maml_explorer.gui.window.appearance import CHOICES, TEXT_SIZES, Appearance
from maml_explorer.gui.window.command_palette import CommandPalette
from maml_explorer.gui.window.narrow_window import Narrow
from maml_explorer.gui.window.panel_slot import Place
from maml_explorer.gui.window.remembered_layout import WindowLayout, read_layout, write_layout
from maml_explorer.gui.window.run_bar import RunBar
from maml_explorer.gui.window.shortcut_sheet import ShortcutSheet
from maml_explorer.gui.window.stability_light import StabilityLight
from maml_explorer.gui.window.status_text import status_text
from maml_explorer.gui.window.welcome import Welcome
from maml_explorer.gui.window.worker_notices import Notices
from maml_explorer.protocol.reports import Status
from maml_explorer.settings.presets import Preset

GAP = 8
SIZE = QSize(1440, 900)


class MainWindow(QMainWindow):
    """Shows a session. `layout_path` None remembers nothing."""

    def __init__(
        self,
        session: Session,
        presets: Mapping[str, Preset],
        layout_path: Path | None = None,
    ) -> None:
        super().__init__()
        self.session = session
        self.presets = dict(presets)
        self._layout_path = layout_path
        self.setWindowTitle("MAML Explorer")
        self.setAcceptDrops(True)
        self.appearance = Appearance(session)
        self.banners = Banners()
        self.reproduction = Reproduction(self)
        self.files = Files(self, layout_path.parent / "presets" if layout_path else None)
        self.actions_table = Actions(self, entries(self)).table
        self.run_bar = RunBar(session, presets, self.export)
        self.view_button = button("View", self._show_view_menu, "Panels, layout and theme")
        self.view_button.setText("View ▾")
        self.file_button = button("File", self._show_file_menu, "Open, save, share, export")
        self.file_button.setText("File ▾")
        self.learn_button = button("Learn", self.show_lessons, "Guided lessons (Ctrl+L)")
        self.run_bar.add(self.learn_button)
        self.run_bar.add(self.file_button)
        self.run_bar.add(self.view_button)
        self.lessons = Lessons(self, layout_path.parent if layout_path else None)
        self.welcome = Welcome(session, self.files.open_example, self.lessons.take_tour)
        self.notices = Notices(session, self.banners)
        self.form = SettingsForm(session)
        self.places = {entry.name: Place(entry, session) for entry in PANELS.values()}
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.parts: dict[str, QWidget] = {}
        """What the View menu hides and shows, title → widget."""
        self.splitters = {
            "columns": QSplitter(Qt.Orientation.Horizontal),
            "centre": QSplitter(Qt.Orientation.Vertical),
            "right": QSplitter(Qt.Orientation.Vertical),
        }
        self._hidden_elsewhere = {"Settings", "Insight"}
        """What is hidden in the other mode: while presenting, or while not."""
        self._divide()
        self.status = label(status_text(None), "status")
        self.status.setAccessibleName("Status")
        self.stability = StabilityLight(session)
        ground = QWidget()
        ground.setProperty("role", "ground")
        box = QVBoxLayout(ground)
        box.setContentsMargins(12, GAP, 12, 6)
        box.setSpacing(GAP)
        box.addWidget(self.run_bar)
        box.addWidget(self.banners)
        box.addWidget(self.welcome)
        box.addWidget(self.lessons.strip)
        box.addWidget(self.splitters["columns"], 1)
        self.annealed = ElidedLabel()
        self.annealed.hide()
        foot = row(self.status, spacing=2 * GAP)
        foot.addWidget(self.annealed, 1)
        foot.addWidget(self.stability, 1)
        box.addLayout(foot)
        self.setCentralWidget(ground)
        # a click beside the controls ends typing, and Space then trains
        ground.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        ground.setFocus()
        self.palette_overlay = CommandPalette(self, self.actions_table)
        self.shortcut_sheet = ShortcutSheet(self, self.actions_table)
        session.link.status_changed.connect(self._show_status)
        self.reset_layout()
        self._restore()
        self.narrow = Narrow(self, self.splitters["columns"], self.parts["Settings"])
        # the least width is set before the first resize, which the columns would hold back
        self.narrow.fit()
        self.files.load_own_presets()

    def offer_presets(self, presets: Mapping[str, Preset]) -> None:
        """Offers further presets in the run bar."""
        self.presets.update(presets)
        self.run_bar.offer(presets)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens the first file that was dropped."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.files.opening.open(Path(paths[0]))

    def export(self) -> None:
        """Asks for arm and folder."""
        ExportDialog(self.session, self).open()

    @property
    def hidden_parts(self) -> tuple[str, ...]:
        """Titles of the parts the person has hidden at the desk, not what a narrow window hides."""
        if self.appearance.presenting:
            return tuple(sorted(self._hidden_elsewhere))
        hidden = [title for title, part in self.parts.items() if part.isHidden()]
        return tuple(t for t in hidden if t != "Settings" or not self.narrow.hid_settings)

    def show_palette(self) -> None:
        """Opens the command palette."""
        self.palette_overlay.ask()

    def show_shortcuts(self) -> None:
        """Opens or closes the list of shortcuts."""
        self.shortcut_sheet.show_sheet()

    def find_setting(self) -> None:
        """Puts the cursor into the search field of the settings."""
        self.parts["Settings"].show()
        self.form.search.setFocus()
        self.form.search.selectAll()

    def show_tab(self, name: str) -> None:
        """Opens the insight tab of that name; nothing where there is none."""
        place = self.places.get(name)
        if place is not None and self.tabs.indexOf(place) >= 0:
            self.parts["Insight"].show()
            self.tabs.setCurrentWidget(place)

    def toggle_part(self, title: str) -> None:
        """Hides or shows a part of the window."""
        self.parts[title].setVisible(self.parts[title].isHidden())

    def set_text_size(self, name: str) -> None:
        """Writes in another size, and gives the settings the width they need in it."""
        self.appearance.set_text_size(name)
        self._fit_settings()

    def toggle_presenter(self) -> None:
        """Large type, thick lines and only the panels chosen for it; or back to the desk."""
        on = not self.appearance.presenting
        self.appearance.present(on)
        hidden = {title for title, part in self.parts.items() if part.isHidden()}
        self._hidden_elsewhere, hidden = hidden, self._hidden_elsewhere
        for title, part in self.parts.items():
            part.setVisible(title not in hidden)
        self._fit_settings()

    def _fit_settings(self) -> None:
        self.parts["Settings"].setMinimumWidth(self.form.minimum_width() + 26)
        if self.isVisible():
            self.narrow.fit()

    def toggle_full_screen(self) -> None:
        """Fills the screen, or gives it back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def reset_layout(self) -> None:
        """Shows all panels, divided as at the first start."""
        for part in self.parts.values():
            part.show()
        size = self.size() if self.isVisible() else SIZE
        left = self.form.minimum_width() + 26
        right = max(320, round(size.width() * 0.275) - 16)
        centre = max(400, size.width() - left - right - 2 * GAP - 24)
        height = size.height() - 80
        self.splitters["columns"].setSizes([left, centre, right])
        self.splitters["centre"].setSizes([round(height * 0.62), round(height * 0.38)])
        self.splitters["right"].setSizes([height // 2, height // 2])

    def view_menu(self) -> QMenu:
        """The View menu as it is now."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for title, part in self.parts.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(not part.isHidden())
            action.toggled.connect(part.setVisible)
        menu.addSeparator()
        menu.addAction("Reset layout").triggered.connect(lambda: self.reset_layout())
        menu.addSeparator()
        for name, title in CHOICES.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(name == self.appearance.choice)
            action.triggered.connect(partial(self.appearance.use, name))
        menu.addSeparator()
        for name, title in TEXT_SIZES.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(name == self.appearance.text_size)
            action.triggered.connect(partial(self.set_text_size, name))
        menu.addSeparator()
        for name in ("presenter", "full_screen", "palette", "shortcuts"):
            menu.addAction(self.actions_table[name])
        return menu

    def panel_failed(self, error: BaseException) -> bool:
        """Shows an uncaught exception in the place of the panel it came from; False for none."""
        for place in self.places.values():
            if place.caused(error.__traceback__):
                place.fail(error)
                return True
        return False

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remembers the layout and ends the worker."""
        self._remember()
        self.session.close()
        event.accept()

    def _show_status(self, status: Status) -> None:
        self.status.setText(status_text(status, Path(self.session.control.initialization).name))
        annealed = annealed_text(status.settings, status.arm_steps)
        self.annealed.setVisible(bool(annealed))
        self.annealed.say(annealed)

    def _divide(self) -> None:
        columns, centre, right = self.splitters.values()
        for splitter in (columns, centre, right):
            splitter.setHandleWidth(GAP)
            splitter.setChildrenCollapsible(False)
        settings = Card(self.form)
        settings.setMinimumWidth(self.form.minimum_width() + 26)
        columns.addWidget(settings)
        columns.addWidget(centre)
        columns.addWidget(right)
        columns.setStretchFactor(0, 0)
        columns.setStretchFactor(1, 5)
        columns.setStretchFactor(2, 2)
        insight = Card(self.tabs)
        self.parts["Settings"] = settings
        for place in self.places.values():
            entry = place.entry
            if entry.place == TAB:
                self.tabs.addTab(place, entry.title)
                continue
            card = Card(place)
            {CENTRE: centre, RIGHT: right}[entry.place].addWidget(card)
            self.parts[entry.title] = card
        centre.addWidget(insight)
        self.parts["Insight"] = insight

    def show_lessons(self) -> None:
        """Opens the list of lessons."""
        self.lessons.choose_lesson()

    def _show_file_menu(self) -> None:
        below = self.file_button.mapToGlobal(self.file_button.rect().bottomLeft())
        self.files.menu().popup(below)

    def _show_view_menu(self) -> None:
        below = self.view_button.mapToGlobal(self.view_button.rect().bottomLeft())
        self.view_menu().popup(below)

    def _restore(self) -> None:
        self.resize(SIZE)
        path = self._layout_path
        if path is None:
            return
        try:
            layout = read_layout(path)
        except StorageError as error:
            self._set_aside(path, error)
            return
        if layout.geometry:
            x, y, width, height = layout.geometry
            self.resize(width, height)
            if any(
                screen.geometry().contains(x + 40, y + 40) for screen in QGuiApplication.screens()
            ):
                self.move(x, y)
        if layout.maximized:
            self.setWindowState(Qt.WindowState.WindowMaximized)
        for name, sizes in layout.splitters.items():
            splitter = self.splitters.get(name)
            if splitter is not None and len(sizes) == splitter.count() and any(sizes):
                splitter.setSizes(list(sizes))
        for title in layout.hidden:
            if title in self.parts:
                self.parts[title].hide()
        for index, place in enumerate(self._tab_places()):
            if place.entry.name == layout.tab:
                self.tabs.setCurrentIndex(index)
        self.appearance.use(layout.theme)
        self.set_text_size(layout.text_size)
        self.files.opening.recent = layout.recent
        self.welcome.done = layout.welcomed
        self.files.autosave = layout.autosave

    def _set_aside(self, path: Path, error: StorageError) -> None:
        try:
            kept = f"It was kept as {set_aside(path).name}."
        except OSError:
            kept = "It will be written anew."
        self.banners.say("layout", f"The remembered layout was not used: {error} {kept}", "warning")

    def _remember(self) -> None:
        if self._layout_path is None:
            return
        frame = self.normalGeometry() if self.isMaximized() else self.geometry()
        current = self.tabs.currentWidget()
        layout = WindowLayout(
            geometry=(frame.x(), frame.y(), frame.width(), frame.height()),
            maximized=self.isMaximized(),
            splitters={name: tuple(part.sizes()) for name, part in self.splitters.items()},
            hidden=self.hidden_parts,
            tab=current.entry.name if isinstance(current, Place) else "",
            theme=self.appearance.choice,
            text_size=self.appearance.text_size,
            recent=self.files.opening.recent,
            welcomed=self.welcome.done,
            autosave=self.files.autosave,
        )
        try:
            write_layout(self._layout_path, layout)
        except OSError:
            # the layout is a comfort: the window closes without it
            return

    def _tab_places(self) -> list[Place]:
        return [place for place in self.places.values() if place.entry.place == TAB]
