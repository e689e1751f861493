"""The remembered layout: taken up at the start, written at the end."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from maml_explorer.files.reader import StorageError
from maml_explorer.files.set_aside import set_aside
from maml_explorer.gui.files.file_menu import Files
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.gui.window.appearance import Appearance
from maml_explorer.gui.window.columns import Columns
from maml_explorer.gui.window.on_screen import fitted
from maml_explorer.gui.window.remembered_layout import WindowLayout, read_layout, write_layout
from maml_explorer.gui.window.welcome import Welcome


def read_or_set_aside(path: Path | None, banners: Banners) -> WindowLayout | None:
    """The layout in a file; None, and a banner, where it cannot be used. None remembers nothing."""
    if path is None:
        return None
    try:
        return read_layout(path)
    except StorageError as error:
        try:
            kept = f"It was kept as {set_aside(path).name}."
        except OSError:
            kept = "It will be written again."
        banners.say("layout", f"The remembered layout was not used: {error} {kept}", "warning")
        return None


def write_or_leave(path: Path, layout: WindowLayout) -> None:
    """Writes the layout; where that cannot be, the window closes without it: it is a comfort."""
    try:
        write_layout(path, layout)
    except OSError:
        return


def restore(
    layout: WindowLayout, window: QMainWindow, columns: Columns, appearance: Appearance,
    files: Files, welcome: Welcome,
) -> None:  # fmt: skip
    """Makes the window as `layout` remembers it."""
    if layout.geometry:
        remembered = QRect(*layout.geometry)
        screen = QGuiApplication.screenAt(remembered.center()) or QGuiApplication.primaryScreen()
        if screen is not None:
            remembered = fitted(remembered, screen.availableGeometry())
        window.setGeometry(remembered)
    if layout.maximized:
        window.setWindowState(Qt.WindowState.WindowMaximized)
    for name, sizes in layout.splitters.items():
        splitter = columns.splitters.get(name)
        if splitter is not None and len(sizes) == splitter.count() and any(sizes):
            splitter.setSizes(list(sizes))
    for title in layout.hidden:
        if title in columns.parts:
            columns.parts[title].hide()
    columns.open_tab = layout.tab
    appearance.use(layout.theme)
    columns.set_text_size(layout.text_size)
    files.opening.recent = layout.recent
    welcome.done = layout.welcomed
    files.autosave = layout.autosave
    files.opening.images.folder = layout.data


def as_it_is(
    window: QMainWindow, columns: Columns, appearance: Appearance, files: Files, welcome: Welcome
) -> WindowLayout:
    """The window as it stands now."""
    filled = window.isMaximized() or window.isFullScreen()
    frame = window.normalGeometry() if filled else window.geometry()
    return WindowLayout(
        geometry=(frame.x(), frame.y(), frame.width(), frame.height()),
        maximized=window.isMaximized(),
        splitters={name: tuple(part.sizes()) for name, part in columns.splitters.items()},
        hidden=columns.hidden_parts,
        tab=columns.open_tab,
        theme=appearance.choice,
        text_size=appearance.text_size,
        recent=files.opening.recent,
        welcomed=welcome.done,
        autosave=files.autosave,
        data=files.opening.images.folder,
    )
