"""The ablation that comes with the program, in a table window."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from maml_explorer.gui.plots.open_table import show_table
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.words import counted


def show_ablation(parent: QWidget) -> QWidget:
    """Opens what each trick does by itself, and all together: measured, with its command."""
    from maml_explorer.storage.report.ablation_table import (
        FULL_COLUMNS,
        full_table,
        shipped_ablations,
    )

    found = shipped_ablations()[0]
    seeds, tasks = len(found["seeds"]), found["tasks"]
    words = (
        f"{load_preset(found['preset']).title}: MAML with one trick at a time, and with all. "
        f"{counted(found['outer_steps'], 'outer step', whole)}, tested with {counted(found['shots'], 'shot')}. "
        f"MSE on the query points of {counted(tasks, 'held-out task', whole)}, "
        f"mean of {counted(seeds, 'seed')}; ± 95 % is Student's t over the seeds. "
        "A negative difference is better than plain MAML."
    )
    window = show_table("Ablation", (list(FULL_COLUMNS), full_table(found)), parent, words, 3)
    window.setWindowTitle("Ablation: what each trick does")
    window.setToolTip(plain_tip(found["command"]))
    window.resize(window.width(), 620)
    return window
