"""Half the inner learning rate for arms that diverged: a remedy, and its words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from maml_explorer.settings.declaration import shown
from maml_explorer.settings.settings import Settings

HALVE = "Halve α"
"""Text of the undo step: the change behind the divergence is the one before."""


def halved(settings: Settings, names: Collection[str]) -> Settings:
    """The settings with half the inner learning rate of these arms, their own or the shared one."""
    arms, shared = [], False
    for arm in settings.arms:
        own = dict(arm.overrides)
        if arm.name in names and "inner_lr" in own:
            own["inner_lr"] = settings.of_arm(arm).inner.inner_lr / 2
            arm = replace(arm, overrides=tuple(own.items()))
        elif arm.name in names:
            shared = True
        arms.append(arm)
    after = settings.with_arms(tuple(arms))
    return after.with_values({"inner_lr": settings.inner.inner_lr / 2}) if shared else after


def halve_words(settings: Settings, names: Collection[str]) -> str:
    """Words on the remedy for these arms: "Halve α to 0.005"; no value where they have several."""
    after = halved(settings, names)
    found = {after.of_arm(arm).inner.inner_lr for arm in after.arms if arm.name in names}
    # a button has no room for more digits
    return f"{HALVE} to {shown(float(f'{found.pop():.4g}'))}" if len(found) == 1 else HALVE
