"""Table of panels. A new one is a folder beside these and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from PySide6.QtWidgets import QWidget

from maml_explorer.gui.session.session import Session

CENTRE, RIGHT, TAB = "centre", "right", "tab"
"""Places of a panel: the hero's, the column on the right, the insight tabs."""


@dataclass(frozen=True)
class PanelEntry:
    """One panel: its name, title and place, and the class that is loaded when it is shown."""

    name: str
    title: str
    place: str
    class_name: str
    """In the module `panel` of the folder of that name."""
    waits: bool = False
    """True where it is built only when first seen: it shows nothing but what the session knows."""
    prepared: bool = False
    """True where a prepared state says how it draws: one that waits is built for it. Of panels with
    pages it is built where the state names one."""
    pages: tuple[str, ...] = ()
    """Words on the buttons of its pages, where it has several: a lesson can point at one."""
    others: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Kind of shown task → (folder, class name) of the panel that stands here for such families;
    the others have the same one."""

    def build(self, session: Session) -> QWidget:
        """A new panel, the one for the family in force.

        Raises:
            Exception: whatever the panel's module or constructor raises.
        """
        return self.kind(session.settings.family.shown_as)(session)

    def kind(self, shown_as: str = "curve") -> Callable[[Session], QWidget]:
        """The panel's class, for families whose tasks are shown in this way.

        Raises:
            Exception: whatever the panel's module raises.
        """
        folder, class_name = self.others.get(shown_as, (self.name, self.class_name))
        module = importlib.import_module(f"{__name__}.{folder}.panel")
        kind: Callable[[Session], QWidget] = getattr(module, class_name)
        if not (isinstance(kind, type) and issubclass(kind, QWidget)):
            raise TypeError(f"{class_name} is no widget.")
        return kind


PANELS: dict[str, PanelEntry] = {
    entry.name: entry
    for entry in (
        PanelEntry(
            "adaptation",
            "Adaptation",
            CENTRE,
            "AdaptationPanel",
            prepared=True,
            others={"images": ("images", "ImagesPanel"), "stream": ("streams", "StreamsPanel")},
        ),
        PanelEntry("losses", "Losses", RIGHT, "LossesPanel", prepared=True),
        PanelEntry(
            "adaptation_speed", "Adaptation speed", RIGHT, "AdaptationSpeedPanel", prepared=True
        ),
        PanelEntry(
            "tasks",
            "Tasks",
            TAB,
            "TasksPanel",
            waits=True,
            prepared=True,
            others={
                "images": ("image_tasks", "ImageTasksPanel"),
                "stream": ("stream_tasks", "StreamTasksPanel"),
            },
        ),
        PanelEntry(
            "gradient",
            "Gradient",
            TAB,
            "GradientPanel",
            waits=True,
            pages=("Parts", "Tasks", "Check", "Cost"),
        ),
        PanelEntry(
            "network",
            "Network",
            TAB,
            "NetworkPanel",
            waits=True,
            pages=("Features", "Layer", "Learned", "Norm"),
        ),
        PanelEntry(
            "map",
            "Map",
            TAB,
            "MapPanel",
            waits=True,
            pages=("Parameters", "Errors", "Shots", "Landscape", "Embedding"),
        ),
        PanelEntry("runs", "Runs", TAB, "RunsPanel", waits=True),
        PanelEntry("sweep", "Sweep", TAB, "SweepPanel", waits=True),
        PanelEntry("code", "Code", TAB, "CodePanel", waits=True),
        PanelEntry(
            "pseudocode",
            "Pseudocode",
            TAB,
            "PseudocodePanel",
            waits=True,
            prepared=True,
            pages=("sample", "adapt", "query", "update"),
        ),
    )
}
"""Name → panel, in the order of the window and its View menu."""


def of_folder(folder: str) -> tuple[PanelEntry, str]:
    """The panel that lies in a folder, and the kind of shown tasks that it is for.

    Raises:
        KeyError: where no panel names the folder.
    """
    for entry in PANELS.values():
        if folder == entry.name:
            return entry, "curve"
        for shown_as, (other, _) in entry.others.items():
            if folder == other:
                return entry, shown_as
    raise KeyError(folder)
