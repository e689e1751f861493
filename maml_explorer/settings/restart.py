"""Changes of settings: which keys, in what words, and which need a restart."""

from __future__ import annotations

from collections.abc import Iterable

from maml_explorer.settings.declaration import (
    Applies,
    SettingsError,
    shown,
)
from maml_explorer.settings.groups import (
    DECLARATIONS,
    GROUPS,
)
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import listed

OF_THE_MACHINE = ("device",)
"""Keys of what a run does not depend on but for rounding: each machine has its own."""


def changed_keys(old: Settings, new: Settings) -> list[str]:
    """Keys of the hyperparameters that differ, in declared order."""
    # a group that was not touched is the same object, and most are
    touched = {group for group in GROUPS if getattr(old, group) is not getattr(new, group)}
    return [
        key
        for key, declared in DECLARATIONS.items()
        if declared.group in touched and old[key] != new[key]
    ]


def change_words(old: Settings, new: Settings, keys: Iterable[str]) -> str:
    """Changed settings with their values: "α from 0.01 to 0.03 and K from 1 to 3"."""
    return listed([f"{name_of(key)} from {shown(old[key])} to {shown(new[key])}" for key in keys])


def name_of(key: str) -> str:
    """The name of a setting in a sentence: "α", "meta-batch"."""
    return DECLARATIONS[key].symbol or DECLARATIONS[key].label.lower()


def last_change(words: str, when: str = "") -> str:
    """A sentence on the words of one change, or of several; `when` is of what they came before."""
    return f"Last change{'s' if words.count(' from ') > 1 else ''}{when}: {words}."


def differs(baseline: Settings, settings: Settings, key: str) -> bool:
    """True if a setting is another than the baseline's; a machine's device is no difference."""
    return key not in OF_THE_MACHINE and settings[key] != baseline[key]


def begun_again(old: Settings, new: Settings) -> set[str]:
    """Names of the arms that begin at their own outer step 0: added or redefined."""
    before = {arm.name: arm for arm in old.arms}
    return {
        arm.name
        for arm in new.arms
        if arm.name not in before
        or before[arm.name].algorithm != arm.algorithm
        or needs_restart(old.of_arm(before[arm.name]), new.of_arm(arm))
    }


def needs_restart(old: Settings, new: Settings) -> list[str]:
    """Keys of the changed hyperparameters that only a restart can apply.

    So are those that only the new family or network reads: they would mark the run there is.
    """
    return [
        key
        for key in changed_keys(old, new)
        if DECLARATIONS[key].applies is Applies.RESTART or (new.reads(key) and not old.reads(key))
    ]


def restart_reasons(in_force: Settings, edited: Settings) -> list[str]:
    """Labels of the settings that only a restart can apply.

    Arms hardly ever wait: one whose new definition needs a beginning of its own begins late.
    """
    labels = [DECLARATIONS[key].label for key in needs_restart(in_force, edited)]
    waiting = in_force_part(in_force, edited).arms != edited.arms
    return [*labels, "Arms"] if waiting else labels


def in_force_part(in_force: Settings, edited: Settings) -> Settings:
    """`edited` with the values now in force for all that only a restart can apply.

    So do the arms where they contradict it: Meta-SGD cannot begin while LSLR is on. And so does
    everything where other values do: 50 shots of a sine are too many drawings of a letter.
    """
    waiting = {key: in_force[key] for key in needs_restart(in_force, edited)}
    for arms in (edited.arms, in_force.arms):
        try:
            return edited.with_arms(arms).with_values(waiting)
        except SettingsError:
            continue
    return in_force


def still_waiting(in_force: Settings, edited: Settings | None) -> Settings | None:
    """Edited settings that still wait for a restart, given those in force; None if none wait.

    Changes that were to apply at once but were refused are dropped; the rest keep waiting.
    """
    if edited is None or in_force_part(in_force, edited) == in_force:
        return edited
    try:
        kept = in_force.with_values({key: edited[key] for key in needs_restart(in_force, edited)})
    except SettingsError:  # it contradicts what is in force
        return None
    return None if kept == in_force else kept
