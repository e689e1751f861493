"""The table of panels. A new one is a file beside these and a line here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from maml_explorer.gui.session import Session

CENTRE, RIGHT, TAB = "centre", "right", "tab"
"""Where a panel may stand: the hero's place, the column on the right, the insight tabs."""


@dataclass(frozen=True)
class PanelEntry:
    """One panel: its name, title and place, and the class that is loaded when it is shown."""

    name: str
    title: str
    place: str
    class_name: str
    """In the module of the same name as the panel."""

    def build(self, session: Session) -> QWidget:
        """A new panel.

        Raises:
            Exception: whatever the panel's module or constructor raises.
        """
        module = importlib.import_module(f"{__name__}.{self.name}")
        panel = getattr(module, self.class_name)(session)
        if not isinstance(panel, QWidget):
            raise TypeError(f"{self.class_name} is no widget.")
        return panel


PANELS: dict[str, PanelEntry] = {
    entry.name: entry
    for entry in (
        PanelEntry("adaptation", "Adaptation", CENTRE, "AdaptationPanel"),
        PanelEntry("losses", "Losses", RIGHT, "LossesPanel"),
        PanelEntry("adaptation_speed", "Adaptation speed", RIGHT, "AdaptationSpeedPanel"),
        PanelEntry("tasks", "Tasks", TAB, "TasksPanel"),
        PanelEntry("gradient", "Gradient", TAB, "GradientPanel"),
        PanelEntry("network", "Network", TAB, "NetworkPanel"),
        PanelEntry("map", "Map", TAB, "MapPanel"),
        PanelEntry("runs", "Runs", TAB, "RunsPanel"),
        PanelEntry("code", "Code", TAB, "CodePanel"),
        PanelEntry("pseudocode", "Pseudocode", TAB, "PseudocodePanel"),
    )
}
"""Name → panel, in the order of the window and its View menu."""
