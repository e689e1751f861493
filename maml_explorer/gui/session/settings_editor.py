"""Settings as they are edited: in force at once where they can be, staged for a restart if not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from maml_explorer.core.families.own_tasks.opened import newest_tasks
from maml_explorer.gui.session.undo import Edit, Edited
from maml_explorer.gui.session.worker_link import WorkerLink
from maml_explorer.protocol.commands import Change
from maml_explorer.settings.families import OWN_FAMILY
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.restart import (
    begun_again,
    in_force_part,
    restart_reasons,
    still_waiting,
)
from maml_explorer.settings.settings import Arm, Settings


class SettingsEditor(QObject):
    """The settings in force, those that wait for a restart, and the undo stack of both."""

    settings_changed = Signal(object)
    """The settings in force, the staged ones or the baseline changed: `Settings` in force."""
    came_late = Signal(object)
    """Names of arms that begin at an outer step 0 of their own while the others have trained."""

    def __init__(self, link: WorkerLink, settings: Settings) -> None:
        super().__init__(link.parent())
        self._link = link
        self.settings = settings
        """In force: what the run trains with from the next outer step on."""
        self.staged: Settings | None = None
        """The settings with changes that wait for a restart, or None."""
        self.baseline = settings
        """The preset's settings; what differs from them is marked."""
        self.preset: Preset | None = None
        self.undo_stack = QUndoStack(self)
        self._marked: tuple[Settings, Preset | None] = settings, None
        """Baseline and preset of the settings in force, while others wait as a whole."""
        self._waits_whole = False
        """True where the staged settings were taken over whole, and wait as a whole."""

    @property
    def edited(self) -> Settings:
        """Settings that the form shows: the staged ones, or those in force."""
        return self.staged or self.settings

    @property
    def at_hand(self) -> Settings:
        """Settings whose arms are shown and changed: in force, where others wait as a whole."""
        return self.settings if self.waits_whole else self.edited

    @property
    def staged_labels(self) -> list[str]:
        """Changes that wait for a restart, in words."""
        return restart_reasons(self.settings, self.edited)

    @property
    def waits_whole(self) -> bool:
        """True where settings wait for a restart with all that could apply at once."""
        return self._waits_whole and self.staged is not None

    def edit(self, changes: Mapping[str, object], merge_key: str | None = None) -> None:
        """Changes settings, key → value, as one undo step.

        Where the family is to be that of own tasks, the tasks that were registered last are meant.

        Edits in a row with the same `merge_key` (a slider drag) are one undo step together.

        Raises:
            SettingsError: where a value is not allowed; then nothing has changed.
        """
        own = newest_tasks() if changes.get("family") == OWN_FAMILY.key else None
        if own is not None and not self.edited.family.own_tasks:
            changes = {**own.values(self.edited), **changes}
        edited = self.edited.with_values(changes)
        self.adopt(edited, merge_key=merge_key, whole=self.waits_whole)

    def set_arms(self, arms: Iterable[Arm]) -> None:
        """Changes the arms (added, removed, renamed, other overrides) as one undo step.

        Raises:
            SettingsError: for none, too many, or two of one name; then nothing has changed.
        """
        chosen = tuple(arms)
        self.apply(lambda settings: settings.with_arms(chosen), "Change arms")

    def adopt(
        self,
        settings: Settings,
        text: str = "Change settings",
        merge_key: str | None = None,
        *,
        whole: bool = False,
    ) -> None:
        """Takes over whole settings as one undo step; what needs a restart is staged.

        Where they are `whole`, a preset's say, all of them wait for a restart that any needs: the
        run there is must not go on with half of another's settings.

        Raises:
            SettingsError: where the window cannot show the task family; then nothing has changed.
        """
        settings.refuse_unshown()
        if settings != self.edited:
            waits = whole and bool(restart_reasons(self.settings, settings))
            before = Edited(self.edited, self.settings if self.waits_whole else None)
            after = Edited(settings, self.settings if waits else None)
            self.undo_stack.push(Edit(self._put, before, after, text, merge_key))

    def apply(self, change: Callable[[Settings], Settings], text: str) -> None:
        """Changes what is in force as one undo step; what waits for a restart as a whole stays."""
        if self.waits_whole:
            before = Edited(self.edited, self.settings)
            after = Edited(self.edited, change(self.settings))
            self.undo_stack.push(Edit(self._put, before, after, text))
        else:
            self.adopt(change(self.edited), text)

    def discard_staged(self) -> None:
        """Gives up the changes that wait for a restart."""
        if self.staged is not None:
            if self.waits_whole:  # a preset was chosen: the one before is in force
                self.baseline, self.preset = self._marked
            self.adopt(self.settings, "Discard staged changes")

    def mark_against(self, baseline: Settings, preset: Preset | None) -> None:
        """Marks differences against other settings from now on; emits nothing."""
        if not self.waits_whole:
            self._marked = self.baseline, self.preset
        self.baseline, self.preset = baseline, preset

    def replace(self, settings: Settings, staged: Settings | None) -> None:
        """Shows other settings in force and staged, without an undo step and unposted."""
        self.take(settings, staged)
        self.settings_changed.emit(settings)

    def take(self, settings: Settings, staged: Settings | None) -> None:
        """Has other settings in force and staged from now on, and emits nothing."""
        self.settings, self.staged = settings, staged
        self._waits_whole = staged is not None and in_force_part(settings, staged) != settings

    def follow(self, settings: Settings) -> None:
        """Shows what the worker says is in force; keeps what still waits for a restart."""
        staged = self.waiting(settings)
        if (settings, staged) != (self.settings, self.staged):
            self.replace(settings, staged)

    def waiting(self, settings: Settings) -> Settings | None:
        """Edited settings that still wait for a restart where `settings` are in force."""
        whole = self.waits_whole and bool(restart_reasons(settings, self.edited))
        return self.staged if whole else still_waiting(settings, self.staged)

    def _put(self, to: Edited) -> None:
        """Makes `to` what is edited: posts what can apply at once, stages the rest."""
        edited = to.settings
        self._waits_whole = to.kept is not None
        now = in_force_part(self.settings, to.kept or edited)
        self.staged = edited if edited != now else None
        begun = begun_again(self.settings, now)
        if now != self.settings:
            self.settings = now
            self._link.post(Change(now, frozenset(begun) if to.again else frozenset()))
        self.settings_changed.emit(self.settings)
        late = [arm.name for arm in now.arms if arm.name in begun]
        status = self._link.status
        if late and not to.again and status is not None and status.outer_step:
            self.came_late.emit(late)
