"""The window as the stage of a lesson: its parts by name, its view, and the speed of training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtWidgets import QWidget

from maml_explorer.gui.files.sharing import Sharing
from maml_explorer.gui.lessons.stage import RUN_BAR_PARTS
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.gui.settings_form.form import Folding
from maml_explorer.gui.settings_form.row import SettingRow
from maml_explorer.gui.window.columns import Columns
from maml_explorer.gui.window.run_bar import RunBar

_INSIDE = {
    "adaptation.plot": ("adaptation", "canvas"),
    "adaptation.inner_step": ("adaptation", "bar"),
    "adaptation.arms": ("adaptation", "arms"),
    "adaptation.new_task": ("adaptation", "new_task"),
    "adaptation.new_points": ("adaptation", "new_points"),
    "adaptation.before": ("adaptation", "before"),
    "adaptation.residuals": ("adaptation", "residuals"),
    "adaptation.unseen": ("adaptation", "unseen"),
    "adaptation.together": ("adaptation", "together"),
    "adaptation.draw": ("adaptation", "draw_button"),
    "losses.plot": ("losses", "plot"),
    "losses.loss": ("losses", "loss"),
    "losses.axis": ("losses", "axis"),
}
"""Part → (panel, the name of its widget there)."""
_CARDS = {
    "settings": "Settings",
    "adaptation": "Adaptation",
    "losses": "Losses",
    "adaptation_speed": "Adaptation speed",
    "insight": "Insight",
}
"""Part → the title of its card."""


class WindowStage:
    """A `Stage` of columns, run bar and the controls beside them."""

    def __init__(
        self, columns: Columns, sharing: Sharing, run_bar: RunBar, beside: Mapping[str, QWidget]
    ) -> None:
        self._columns, self._sharing, self._run_bar = columns, sharing, run_bar
        self._beside = beside
        """Further parts: "learn", "file", "view", "status", "stability"."""

    def part(self, name: str) -> QWidget | None:
        """The widget of a name in `PART_NAMES`; None where its panel failed.

        Raises:
            KeyError: where there is no part of that name.
        """
        columns, (kind, _, rest) = self._columns, name.partition(".")
        if name in self._beside:
            return self._beside[name]
        if name in RUN_BAR_PARTS:
            return self._run_bar.controls[name]
        if name in _CARDS:
            return columns.parts[_CARDS[name]]
        if kind == "tab":
            return columns.places[rest.partition(".")[0]]
        if kind == "settings":
            return columns.row_of(rest)
        panel, inside = _INSIDE[name]
        widget = getattr(columns.places[panel].panel, inside, None)
        return widget if isinstance(widget, QWidget) else None

    def bring_out(self, names: Iterable[str]) -> list[QWidget]:
        """Makes these parts visible and returns them, without those whose panel failed."""
        columns, widgets = self._columns, []
        names = list(names)
        settings = [name.partition(".")[2] for name in names if name.startswith("settings.")]
        # the form would push out a panel that the page speaks of
        columns.put_at_hand(settings if columns.lacks_settings else ())
        for name in names:
            widget = self.part(name)
            if widget is None:
                continue
            for part in columns.parts.values():
                if part is widget or part.isAncestorOf(widget):
                    part.show()
            if name.startswith("tab."):
                _, tab, *page = name.split(".")
                columns.show_tab(tab, *page)
            if isinstance(widget, SettingRow):
                columns.form.bring_out(widget)
            widgets.append(widget)
        columns.make_room_for(widgets)
        if columns.narrow is not None:
            columns.narrow.show_for(widgets)
        return widgets

    @property
    def folding(self) -> Folding:
        """Folding of the settings."""
        return self._columns.form.folding

    def fold_as(self, folding: Folding) -> None:
        """Folds the settings as before."""
        self._columns.form.fold_as(folding)

    def view(self) -> ViewState:
        """Everything the window shows now."""
        return self._sharing.view()

    def show(self, view: ViewState) -> None:
        """Shows a prepared view, hiding and showing panels for it."""
        self._sharing.show(view)

    def show_inside(self, view: ViewState) -> None:
        """Shows a prepared view in the panels that are there."""
        self._sharing.show_inside(view)

    @property
    def speed(self) -> int:
        """Position of the speed slider."""
        return self._run_bar.speed.value()

    def put_speed(self, position: int) -> None:
        """Moves the speed slider to a position."""
        self._run_bar.speed.setValue(position)

    def limit_speed(self, steps_per_second: float | None) -> None:
        """Limits the outer steps per second; None is unlimited."""
        self._run_bar.limit_speed(steps_per_second)
