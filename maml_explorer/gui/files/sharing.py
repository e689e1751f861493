"""The prepared state as one line of text: to the clipboard, and from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from PySide6.QtGui import QGuiApplication, QUndoStack
from PySide6.QtWidgets import QWidget

from maml_explorer.files.points_text import holds_points
from maml_explorer.files.reader import StorageError
from maml_explorer.gui.files.absent_data import with_present_data
from maml_explorer.gui.files.own_images import OwnImagesOpening
from maml_explorer.gui.files.own_points import take_points
from maml_explorer.gui.panels.prepared import PreparedPanel
from maml_explorer.gui.session.session import Session, about_the_task
from maml_explorer.gui.session.shown_images import last_step
from maml_explorer.gui.session.task_sampling import has_family
from maml_explorer.gui.session.view_state import ViewState, same_task, view_state, whole
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.share import Shared, from_share, is_share, to_share
from maml_explorer.settings.words import listed


class PanelLayout(Protocol):
    """The panels of a window: those built, hidden, and in front."""

    @property
    def panels(self) -> Sequence[QWidget]:
        """The panels that are built."""

    @property
    def hidden_parts(self) -> tuple[str, ...]:
        """Titles of hidden parts."""

    @property
    def open_tab(self) -> str:
        """Name of the insight tab in front."""

    def hide_parts(self, hidden: Collection[str]) -> None:
        """Hides these parts and shows all others."""

    def prepare_tab(self, name: str, arm: str) -> None:
        """Opens an insight tab, at an arm; nothing where there is none of that name."""

    def build_prepared(self, pages: Collection[str]) -> None:
        """Builds the panels that a prepared state says something about, or opens pages of."""


class Sharing:
    """Copies and pastes the share string of a session and its panels."""

    def __init__(
        self,
        session: Session,
        layout: PanelLayout,
        presets: Mapping[str, Preset],
        banners: Banners,
        images: OwnImagesOpening,
    ) -> None:
        self._session, self._layout = session, layout
        self._presets, self._banners, self._images = presets, banners, images
        self._held: tuple[tuple[object, ...], ViewState, QUndoStack] | None = None
        """Settings that a task must fit, a view with one that is shown once its run begins, and the
        history that the run will be of: a lesson has a run and a history of its own."""
        session.editor.settings_changed.connect(lambda _: self._show_held())

    def view(self) -> ViewState:
        """The view as it is now."""
        session, layout = self._session, self._layout
        preset = session.editor.preset
        shown_as = session.settings.family.shown_as
        return ViewState(
            probe=session.task.probe if shown_as == "curve" else None,
            images=session.images.task if shown_as == "images" else None,
            stream=session.streams.task if shown_as == "stream" else None,
            inner_step=self._inner_step(),
            tab=layout.open_tab,
            hidden=layout.hidden_parts,
            hidden_arms=tuple(sorted(session.hidden)),
            preset=preset.name if preset is not None else "",
            **self._drawn(),
        )

    def _inner_step(self) -> int | None:
        session = self._session
        if session.link.left:
            return session.inner.chosen
        images = session.images.probed if session.settings.family.images else None
        if images is not None and images.arms:
            return session.inner.within(last_step(images))
        stream = session.streams.probed if session.settings.family.stream else None
        if stream is not None:
            return session.inner.within(len(stream.truth) * stream.batches)
        probed = session.task.probed
        if probed is None or not probed.arms:
            return None
        last = max(len(arm.curves) for arm in probed.arms.values()) - 1
        return self._session.inner.within(last)

    def _drawn(self) -> dict[str, Any]:
        """Drawing choices of the panels; none of one that failed."""
        # what the pseudocode shows before anybody has chosen
        drawn: dict[str, Any] = {"arm": self._session.settings.arms[0].name}
        for panel in self._layout.panels:
            if isinstance(panel, PreparedPanel):
                found = panel.drawn()
                pages = (*drawn.get("pages", ()), *found.get("pages", ()))
                drawn |= {**found, "pages": pages}
        return drawn

    def written(self, pins: tuple[str, ...] = (), faint: str = "") -> str:
        """The view as it is now, for a file beside the run.

        Args:
            pins: names of the pinned runs that shall be drawn again.
            faint: name of the one beside the adaptation.
        """
        seen = replace(self.view(), pins=pins, faint=faint)
        return json.dumps(seen.to_view(), allow_nan=False)

    def text(self) -> str:
        """The share string; empty where there can be none, which a banner explains."""
        try:
            return to_share(self._session.editor.edited, self.view().to_view())
        except SettingsError as error:
            self._banners.say("share", str(error), "warning", stays=False)
            return ""

    def copy(self) -> None:
        """Puts the share string on the clipboard, and says so."""
        text = self.text()
        if not text:
            return
        QGuiApplication.clipboard().setText(text)
        self._banners.say(
            "share", f"The share string ({len(text)} characters) is on the clipboard: settings, "
            "arms, task, inner step and panels.",
        )  # fmt: skip

    def paste(self) -> None:
        """Takes over the share string or points on the clipboard; else says why that cannot be."""
        text = QGuiApplication.clipboard().text()
        if is_share(text):
            self.take(text)
        elif holds_points(text):
            try:
                take_points(self._session, self._banners, text, "The clipboard")
            except StorageError as error:
                self._banners.say("share", f"Nothing was changed. {error}", "warning", stays=False)
        else:
            said = "The clipboard holds neither a share string nor points (two columns, x and y)."
            self._banners.say("share", said, "warning", stays=False)

    def take(self, text: str) -> bool:
        """Takes over a share string, as one undo step; False where it was refused."""
        try:
            shared = from_share(text)
            state = view_state(shared.view)
        except SettingsError as error:
            self._banners.say("share", f"Nothing was changed. {error}", "warning", stays=False)
            return False
        settings, absent = with_present_data(shared.settings)
        self.apply(shared._replace(settings=settings), state)
        self._banners.say("share", self._taken(_has_task(state)))
        if absent:
            self.say_absent(absent, shared, text)
        return True

    def _taken(self, task: bool) -> str:
        """Words on what was taken from a share string, with a task or none, and what waits."""
        settings, shown = ["settings", "arms"], ["task"] if task else []
        waits = settings if self._session.editor.waits_whole else []
        waits = [*waits, *shown] if self._held is not None else waits
        now = [part for part in (*settings, *shown, "panels") if part not in waits]
        said = f"{listed(now).capitalize()} were taken from the share string."
        return f"{said} Its {listed(waits)} wait for Restart." if waits else said

    def say_absent(self, words: str, shared: Shared, text: str) -> None:
        """Says which images a share string needs; once they are open, it is taken over again."""
        self._images.say_absent(words, shared.settings.images.key, lambda: self.take(text))

    def apply(self, shared: Shared, state: ViewState) -> None:
        """Makes the window show a prepared state."""
        editor = self._session.editor
        preset = self._presets.get(state.preset)
        editor.mark_against(shared.settings if preset is None else preset.settings, preset)
        editor.adopt(shared.settings, "Open share string", whole=True)
        if not self._session.control.begin_if_untouched():
            editor.settings_changed.emit(editor.settings)
        self._held, wanted = None, about_the_task(shared.settings)
        if about_the_task(editor.settings) != wanted and _has_task(state):
            # the run there is has no such tasks
            self._held = wanted, state, editor.undo_stack
            state = replace(state, probe=None, images=None, stream=None)
        self.show(state)

    def _show_held(self) -> None:
        """Shows the task that waits once its run begins; forgets it where that was given up."""
        editor = self._session.editor
        if self._held is None or self._held[2] is not editor.undo_stack:
            return
        wanted, state, _ = self._held
        if about_the_task(editor.settings) == wanted:
            self._held = None
            self._show_task(state)
        elif about_the_task(editor.edited) != wanted:
            self._held = None

    def bring_back(self, state: ViewState) -> None:
        """Shows a run as it was seen when it was saved, and marks its settings as before."""
        editor = self._session.editor
        preset = self._presets.get(state.preset)
        if preset is not None:
            editor.mark_against(preset.settings, preset)
            editor.settings_changed.emit(editor.settings)
        self.show(state)
        self._session.pins.draw_again(state.pins, state.faint)

    def show(self, state: ViewState) -> None:
        """Shows task, inner step, tab, panels, arms and ways of drawing of a prepared state."""
        self._layout.hide_parts(state.hidden)
        self.show_inside(whole(state))

    def show_inside(self, state: ViewState) -> None:
        """Shows a prepared state, but neither shows nor hides panels for it."""
        session, layout = self._session, self._layout
        self._show_task(state)
        session.set_hidden(state.hidden_arms)
        if state.tab and "Insight" not in state.hidden:
            layout.prepare_tab(state.tab, state.arm)
        layout.build_prepared(state.pages or ())
        for panel in layout.panels:
            if isinstance(panel, PreparedPanel):
                panel.draw_as(state)
        if state.inner_step is not None:
            session.inner.choose(state.inner_step)

    def _show_task(self, state: ViewState) -> None:
        """Shows the task of a prepared state that the family in force can have."""
        session, probe = self._session, state.probe
        if state.images is not None and session.settings.family.images:
            session.images.show(state.images)
        if state.stream is not None and session.settings.family.stream:
            session.streams.show(state.stream)
        fits = probe is not None and has_family(probe, session.settings.tasks)
        if probe is not None and fits and not same_task(probe, session.task.probe):
            session.task.set_probe(probe)


def _has_task(state: ViewState) -> bool:
    return any(task is not None for task in (state.probe, state.images, state.stream))
