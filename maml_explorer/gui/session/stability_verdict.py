"""Stability of training, as light and words say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.insight import Insight, InsightRequest, ViewName
from maml_explorer.protocol.insight_records.stability import StabilitySeen
from maml_explorer.protocol.reports import Diverged
from maml_explorer.settings.words import counted

QUIET, WARNING, DANGER, DARK = "quiet", "warning", "danger", "dark"
STABILITY = InsightRequest.of(ViewName.STABILITY)
FEW = 0.05
"""Up to this share of inner steps that raise the loss the light stays quiet."""


@dataclass(frozen=True)
class StabilityVerdict:
    """Verdict that the light shows."""

    level: str
    words: str
    details: str = ""


def records(insight: Insight | None, hidden: frozenset[str]) -> dict[str, StabilitySeen]:
    """arm → what was seen of it; the arms that are drawn and have an inner loop."""
    if insight is None or not isinstance(insight.value, Mapping):
        return {}
    return {
        name: seen
        for name, seen in insight.value.items()
        if isinstance(seen, StabilitySeen) and name not in hidden
    }


def verdict(
    insight: Insight | None,
    hidden: frozenset[str] = frozenset(),
    frozen: Mapping[str, Diverged] | None = None,
) -> StabilityVerdict:
    """The state of the least stable arm in words; `frozen` arms, which have diverged, come first.

    The light goes by what inner steps do to the support loss. Steps that overshoot along one
    direction while the loss falls are said and not warned of: training drives MAML there, and on
    images every step of a good run is one. Negative curvature makes the spectral radius of most
    tasks larger than 1 without any harm.
    """
    seen = records(insight, hidden)
    if frozen:
        arms = " and ".join(frozen)
        last = list(frozen.values())[-1]
        return StabilityVerdict(
            DANGER, f"{arms} diverged at step {whole(last.outer_step)}", last.stability
        )
    if insight is None:
        return StabilityVerdict(DARK, "")
    if insight.failed:
        return StabilityVerdict(DARK, "stability not known", insight.failed)
    if not seen:
        return StabilityVerdict(DARK, "", "No visible arm has an inner loop in training.")
    details = "\n".join(
        [f"Inner steps at outer step {whole(insight.outer_step)}"]
        + [f"{name}: {_figures(one)}" for name, one in seen.items()]
    )
    diverged = {name: one.diverged for name, one in seen.items() if one.diverged}
    if diverged:
        name = max(diverged, key=lambda arm: diverged[arm])
        tasks = len(seen[name].radius)
        words = f"{name}: inner steps diverge on {diverged[name]} of {counted(tasks, 'task')}"
        return StabilityVerdict(DANGER, words, details)
    worst = max(seen, key=lambda name: seen[name].share_rising)
    share = seen[worst].share_rising
    if share > FEW:
        of_arm = f"{worst}: " if len(seen) > 1 else ""
        words = f"{of_arm}{whole(100 * share)} % of inner steps raise the support loss"
        return StabilityVerdict(WARNING, words, details)
    if any(one.share_swinging > FEW for one in seen.values()):
        return StabilityVerdict(QUIET, "inner steps overshoot, yet lower the support loss", details)
    return StabilityVerdict(QUIET, "inner steps stable", details)


def _middle(seen: StabilitySeen) -> str:
    name = "α λ_max" if seen.scalar else "largest eigenvalue of diag(a) H"
    return f"{name} {number(seen.median)} (median)"


def _figures(seen: StabilitySeen) -> str:
    return (
        f"{_middle(seen)}, {number(seen.largest)} (largest), above 2 in "
        f"{whole(100 * seen.share_swinging)} % of inner steps: these overshoot along one "
        f"direction. The support loss rises in {whole(100 * seen.share_rising)} %. Spectral "
        f"radius of I − diag(a) H {number(seen.largest_radius)}, above 1 in "
        f"{whole(100 * seen.share_above_one)} %: negative curvature counts too."
    )
