"""Words on arms that diverged, for a banner."""

from __future__ import annotations

import re
from collections.abc import Sequence

from maml_explorer.gui.session.blamed_change import BlamedChange, without_step
from maml_explorer.gui.session.stability_verdict import when_diverged
from maml_explorer.protocol.reports import Diverged
from maml_explorer.settings.restart import last_change
from maml_explorer.settings.words import listed


def divergence_words(reports: Sequence[Diverged], blamed: str = "", since: bool = False) -> str:
    """Two short sentences: which arms diverged when, and what was changed last; one for several.

    Each change is named with the arms that diverged after it.

    Where an outer gradient could not be followed, the second one says why.

    Args:
        reports: of the arms.
        blamed: words on the change that can be taken back, in place of those of the reports.
        since: settings were changed again, after the arms diverged.
    """
    why = next((report.why for report in reports if report.why), "")
    when = " before that" if since else ""
    verb = "stopped" if all(report.why for report in reports) else "diverged"
    said = f"{listed([report.arm for report in reports])} {verb} at {when_diverged(reports)}."
    apart = _apart(reports, verb)
    if why:
        named = f" {last_change(blamed, when)}" if blamed and not apart else ""
        said = apart if blamed and apart else said
        return f"{said}{named} {why[:1].upper()}{why[1:]}."
    if apart:
        return apart
    change = reports[-1].change
    known = next((report.stability for report in reports if report.stability), "")
    change = blamed or without_step(change)
    # a banner is short: the light's tooltip has what follows
    known = re.sub(r" \([^)]*\)", "", known.partition(". ")[0]).rstrip(".")
    second = last_change(change, when) if change else f"{known}."
    second = second if len(second) > 1 else ""
    return f"{said} {second}" if second else said


def _apart(reports: Sequence[Diverged], verb: str) -> str:
    """Words on the arms that diverged after each change; empty where all did after the same one."""
    groups: dict[str, list[Diverged]] = {}
    for report in reports:
        groups.setdefault(report.change, []).append(report)
    parts: list[str] = []
    for change, own in groups.items():
        after = f", after {without_step(change)}" if change else ""
        arms = listed([report.arm for report in own])
        parts.append(f"{arms}{'' if parts else f' {verb}'} at {when_diverged(own)}{after}")
    return f"{'; '.join(parts)}." if len(parts) > 1 else ""


def undo_words(blamed: BlamedChange) -> str:
    """Text of the button that takes a change back."""
    return "Undo the changes" if blamed.several else "Undo the change"
