"""The ablation that comes with the program, in a table window."""

from __future__ import annotations

from maml_explorer.settings.words import counted

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
        f"Ablation: {load_preset(found['preset']).title}, {counted(found['outer_steps'], 'outer step')}, "
        f"{counted(found['shots'], 'shot')}, Student t over {counted(seeds, 'seed')} of {counted(tasks, 'task')}"
    )
    window.setToolTip(plain_tip(found["command"]))
    window.resize(1060, 620)
    window.show()
    return window
