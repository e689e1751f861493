"""The prepared state as one line of text: to the clipboard, and from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QGuiApplication

from maml_explorer.gui.session.view_state import ViewState, same_task, view_state
from maml_explorer.gui.window.panel_slot import Place
from maml_explorer.protocol.reports import Probed
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.share import Shared, from_share, to_share

if TYPE_CHECKING:
    from maml_explorer.gui.window.window import MainWindow

HERO = "adaptation"


class Sharing:
    """Copies and pastes the share string of a window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._inner_step: int | None = None
        window.session.task.probed_arrived.connect(self._step)

    def view(self) -> ViewState:
        """What the window shows now."""
        window, session = self._window, self._window.session
        hero = window.places[HERO].panel
        tab = window.tabs.currentWidget()
        return ViewState(
            probe=session.task.probe,
            inner_step=getattr(hero, "inner_step", None),
            tab=tab.entry.name if isinstance(tab, Place) else "",
            hidden=window.hidden_parts,
            hidden_arms=tuple(sorted(session.hidden)),
            preset=session.editor.preset.name if session.editor.preset is not None else "",
            **self._drawn(),
        )

    def _drawn(self) -> dict[str, Any]:
        """How the panels draw; nothing of one that failed."""
        drawn: dict[str, Any] = {}
        for place in self._window.places.values():
            say = getattr(place.panel, "drawn", None)
            if say is not None:
                drawn |= say()
        return drawn

    def copy(self) -> None:
        """Puts the share string on the clipboard, and says so."""
        try:
            text = to_share(self._window.session.editor.edited, self.view().to_view())
        except SettingsError as error:
            self._window.banners.say("share", str(error), "warning")
            return
        QGuiApplication.clipboard().setText(text)
        self._window.banners.say(
            "share", f"The share string ({len(text)} characters) is on the clipboard: settings, "
            "arms, task, inner step and panels.",
        )  # fmt: skip

    def paste(self) -> None:
        """Takes over the share string on the clipboard; says why where that cannot be."""
        self.take(QGuiApplication.clipboard().text())

    def take(self, text: str) -> bool:
        """Takes over a share string, as one undo step; False where it was refused."""
        try:
            shared = from_share(text)
            state = view_state(shared.view)
        except SettingsError as error:
            self._window.banners.say("share", f"Nothing was taken over: {error}", "warning")
            return False
        self.apply(shared, state)
        return True

    def apply(self, shared: Shared, state: ViewState) -> None:
        """Makes the window show a prepared state."""
        session = self._window.session
        preset = self._window.presets.get(state.preset)
        session.editor.preset = preset
        session.editor.baseline = shared.settings if preset is None else preset.settings
        session.editor.adopt(shared.settings, "Open share string")
        if not session.control.begin_if_untouched():
            session.editor.settings_changed.emit(session.settings)
        self.show(state)

    def show(self, state: ViewState) -> None:
        """Shows task, inner step, tab, panels, arms and ways of drawing of a prepared state."""
        for title, part in self._window.parts.items():
            part.setVisible(title not in state.hidden)
        self.show_inside(state)

    def show_inside(self, state: ViewState) -> None:
        """Shows a prepared state, but neither shows nor hides panels for it."""
        window, session = self._window, self._window.session
        if state.probe is not None and not same_task(state.probe, session.task.probe):
            session.task.set_probe(state.probe)
        session.set_hidden(state.hidden_arms)
        if state.tab in window.places and "Insight" not in state.hidden:
            window.show_tab(state.tab)
        for place in window.places.values():
            draw = getattr(place.panel, "draw_as", None)
            if draw is not None:
                draw(state)
        self._inner_step = state.inner_step
        if session.task.probed is not None:
            self._step(session.task.probed)

    def _step(self, probed: Probed) -> None:
        """The slider has that step only once there are curves with so many."""
        slider = getattr(self._window.places[HERO].panel, "slider", None)
        wanted = self._inner_step
        if wanted is None or slider is None or not probed.arms:
            return
        last = max(len(arm.curves) for arm in probed.arms.values()) - 1
        if wanted <= last or self._window.session.settings.run.test_steps <= last:
            self._inner_step = None
            slider.setMaximum(last)
            slider.setValue(min(wanted, last))
