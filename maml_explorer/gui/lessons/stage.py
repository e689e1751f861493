"""The window as a lesson sees it: named parts, a view to set up, and the speed of training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from PySide6.QtWidgets import QWidget

from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.settings_form.form import Folding, is_offered
from maml_explorer.settings.groups import DECLARATIONS

RUN_BAR_PARTS = (
    "train", "outer_step", "inner_step", "reset", "new_seed", "speed", "preset",
)  # fmt: skip
OF_CURVES = ("adaptation.before", "adaptation.residuals")
OF_IMAGES = ("adaptation.unseen", "adaptation.together", "adaptation.draw")
"""Parts of the hero for one kind of families alone."""
PART_NAMES = (
    *RUN_BAR_PARTS, "learn", "file", "view", "status", "stability",
    "settings", "adaptation", "adaptation.plot", "adaptation.inner_step", "adaptation.arms",
    "adaptation.new_task", "adaptation.new_points", *OF_CURVES, *OF_IMAGES,
    "losses", "losses.plot", "losses.loss", "losses.axis", "adaptation_speed", "insight",
    *(f"settings.{key}" for key, declared in DECLARATIONS.items() if is_offered(declared)),
    *(f"tab.{entry.name}" for entry in PANELS.values() if entry.place == TAB),
    *(f"tab.{entry.name}.{page.lower()}" for entry in PANELS.values() for page in entry.pages),
)  # fmt: skip
"""Parts of the window that a lesson can point at. A lesson that names another one is refused."""


class Stage(Protocol):
    """Everything that a lesson may do to the window it runs in."""

    def part(self, name: str) -> QWidget | None:
        """The widget of a name in `PART_NAMES`; None where its panel failed."""

    def bring_out(self, names: Iterable[str]) -> list[QWidget]:
        """Makes these parts visible and returns them, without those whose panel failed."""

    @property
    def folding(self) -> Folding:
        """Folding of the settings."""

    def fold_as(self, folding: Folding) -> None:
        """Folds the settings as before."""

    def view(self) -> ViewState:
        """Everything the window shows now."""

    def show(self, view: ViewState) -> None:
        """Shows a prepared view, hiding and showing panels for it."""

    def show_inside(self, view: ViewState) -> None:
        """Shows a prepared view in the panels that are there."""

    @property
    def speed(self) -> int:
        """Position of the speed slider."""

    def put_speed(self, position: int) -> None:
        """Moves the speed slider to a position."""

    def limit_speed(self, steps_per_second: float | None) -> None:
        """Limits the outer steps per second; None is unlimited."""
