"""Words on settings that wait for a restart."""

from __future__ import annotations

from maml_explorer.gui.session.settings_editor import SettingsEditor

_NAMED = 3
"""Settings that are named; of more it is said how many they are."""


def waiting_words(editor: SettingsEditor) -> str:
    """Settings that wait for a restart, and what becomes of them; empty for none."""
    labels = editor.staged_labels
    if not labels:
        return ""
    if editor.waits_whole:
        return f"{whole_name(editor)} waits. Restart begins a new run with it, and so does Train."
    return f"These wait for a restart: {named(labels)}. The run goes on without them."


def whole_name(editor: SettingsEditor) -> str:
    """The preset that waits as a whole, or settings from elsewhere."""
    preset = editor.preset
    if preset is None or preset.settings.family is not editor.edited.family:
        return "A set of new settings"
    return f"“{preset.title}”"


def named(labels: list[str]) -> str:
    """The first labels, and how many more there are: "Shots, Seed and 4 more"."""
    more = len(labels) - _NAMED
    return ", ".join(labels[:_NAMED]) + (f" and {more} more" if more > 0 else "")
