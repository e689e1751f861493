"""Smaller steps for arms that diverged: remedies, and their words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from maml_explorer.settings.declaration import shown
from maml_explorer.settings.restart import name_of
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import listed

RATES = ("inner_lr", "outer_lr")
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


def lowered_words(then: Mapping[str, Settings], now: Settings) -> str:
    """Words on going on where a rate has been lowered by hand: "Go on with α 0.01".

    Empty where that of an arm is what it was or larger; no value where arms have several.

    Args:
        then: arm → the settings that it diverged with.
        now: in force.
    """
    found = set()
    for name, whole in then.items():
        if all(arm.name != name for arm in now.arms):
            return ""
        was, own = (settings.of_arm(settings.arm(name)) for settings in (whole, now))
        changes = [(key, _rates(was)[key], _rates(own)[key]) for key in RATES]
        lower = [(key, new) for key, old, new in changes if new < old]
        if not lower or any(new > old for _, old, new in changes):
            return ""
        found.add(listed([f"{name_of(key)} {shown(float(f'{new:.4g}'))}" for key, new in lower]))
    return f"Go on with {found.pop()}" if len(found) == 1 else "Go on" if found else ""


def _rates(own: Settings) -> dict[str, float]:
    """Key → learning rate, of one arm."""
    return {"inner_lr": own.inner.inner_lr, "outer_lr": own.outer.outer_lr}
