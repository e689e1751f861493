"""The ablation that comes with the program, in a table window."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from maml_explorer.gui.plots.table_window import TableWindow
from maml_explorer.settings.presets import load_preset
from maml_explorer.storage.report.ablation_table import FULL_COLUMNS, full_table, shipped_ablations
from maml_explorer.gui.widgets.plain_tip import plain_tip


def show_ablation(parent: QWidget) -> TableWindow:
    """Opens what each trick does by itself, and all together: measured, with its command."""
    found = shipped_ablations()[0]
    window = TableWindow("Ablation", (list(FULL_COLUMNS), full_table(found)), parent)
    seeds, tasks = len(found["seeds"]), found["tasks"]
    window.setWindowTitle(
        f"Ablation: {load_preset(found['preset']).title}, {found['outer_steps']} outer steps, "
        f"{found['shots']} shots, Student t over {seeds} seeds of {tasks} tasks"
    )
    window.setToolTip(plain_tip(found["command"]))
    window.resize(1060, 620)
    window.show()
    return window
