"""Panels that a share string or a lesson can have draw in a certain way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from maml_explorer.gui.session.view_state import ViewState


@runtime_checkable
class PreparedPanel(Protocol):
    """A panel whose way of drawing is part of a prepared view."""

    def drawn(self) -> Mapping[str, Any]:
        """Its way of drawing: fields of `ViewState` and their values."""

    def draw_as(self, state: ViewState) -> None:
        """Draws as a prepared view says; leaves alone what the view does not say."""
