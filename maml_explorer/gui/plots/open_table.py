"""Opening of a plot's numbers in a window, which is loaded only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from maml_explorer.gui.plots.table import Table

if TYPE_CHECKING:
    from maml_explorer.gui.plots.table_window import TableWindow


def show_table(
    name: str, table: Table, parent: QWidget, words: str = "", digits: int = 5
) -> TableWindow:
    """Opens a table in a window of its own; :class:`TableWindow` takes the same."""
    from maml_explorer.gui.plots.table_window import TableWindow

    window = TableWindow(name, table, parent, words, digits)
    window.show()
    return window
