"""Stability of inner steps, in training and on the task on screen, as the light says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maml_explorer.gui.session.meta_test_losses import most_diverged
from maml_explorer.gui.session.task_trouble import TaskTrouble
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.insight import Insight, InsightRequest, ViewName
from maml_explorer.protocol.insight_records.stability import StabilitySeen
from maml_explorer.protocol.reports import ArmTest, Diverged, MetaTested
from maml_explorer.settings.words import counted, listed

QUIET, WARNING, DANGER, DARK = "quiet", "warning", "danger", "dark"
STABILITY = InsightRequest.of(ViewName.STABILITY)
ELSEWHERE = "tasks as in training"
"""Those that the light looks at whatever task is on screen."""
FEW = 0.05
"""Up to this share of inner steps that raise the loss the light stays quiet."""


@dataclass(frozen=True)
class StabilityVerdict:
    """Verdict that the light shows."""

    level: str
    words: str
    details: str = ""
    of_tasks: bool = False
    """True where the words are of tasks as in training, not of a divergence or of nothing."""


def records(insight: Insight | None, hidden: frozenset[str]) -> dict[str, StabilitySeen]:
    """arm → what was seen of it; the arms that are drawn and have an inner loop."""
    if insight is None or not isinstance(insight.value, Mapping):
        return {}
    return {
        name: seen
        for name, seen in insight.value.items()
        if isinstance(seen, StabilitySeen) and name not in hidden
    }


def with_task(found: StabilityVerdict, trouble: TaskTrouble) -> StabilityVerdict:
    """The verdict with what happens on the task on screen, which is said first and apart.

    A green light beside a curve that runs away would be taken for a statement on that curve.
    """
    if not trouble.words:
        return found
    details = "\n".join(part for part in (trouble.details, found.details) if part)
    if trouble.empty and found.level in (QUIET, DARK):
        return StabilityVerdict(DARK, trouble.words, details)
    others = found.words
    if others and found.of_tasks:
        others = f"{ELSEWHERE}: {others.replace(': ', ', ', 1)}"
    return StabilityVerdict(
        DANGER if trouble.diverged or found.level == DANGER else WARNING,
        " · ".join(part for part in (trouble.words, others) if part),
        details,
    )


def verdict(
    insight: Insight | None,
    hidden: frozenset[str] = frozenset(),
    frozen: Mapping[str, Diverged] | None = None,
    tested: MetaTested | None = None,
) -> StabilityVerdict:
    """The state of the least stable arm in words; `frozen` arms, which have diverged, come first.

    The light goes by what inner steps do to the losses, and by whether held-out tasks diverge.
    Steps that overshoot along one direction while the loss falls are not warned of: training drives
    MAML there, and on images every step of a good run is one. Negative curvature makes the
    spectral radius of most tasks larger than 1 without any harm.

    Args:
        tested: the newest meta-test, unless it is old.
    """
    seen = records(insight, hidden)
    if frozen:
        reports = list(frozen.values())
        words = f"{listed(list(frozen))} diverged at {when_diverged(reports)}"
        return StabilityVerdict(DANGER, words, reports[-1].stability)
    if insight is None:
        return StabilityVerdict(DARK, "")
    if insight.failed:
        return StabilityVerdict(DARK, "stability not known", insight.failed)
    if not seen:
        return StabilityVerdict(DARK, "", "No visible arm has an inner loop in training.")
    details = "\n".join(
        [f"Inner steps at outer step {whole(insight.outer_step)}, on held-out {ELSEWHERE}"]
        + [f"{name}: {_figures(one)}" for name, one in seen.items()]
    )
    diverged = {name: one.diverged for name, one in seen.items() if one.diverged}
    if diverged:
        name = max(diverged, key=lambda arm: diverged[arm])
        words = f"{name}: inner steps diverge on {diverged[name]} of {_tasks(seen[name])}"
        return StabilityVerdict(DANGER, words, details, True)
    warning = _warning(seen, tested)
    if warning:
        return StabilityVerdict(WARNING, warning, details, True)
    if any(one.share_swinging > FEW for one in seen.values()):
        return StabilityVerdict(QUIET, "inner steps lower the support loss", details, True)
    return StabilityVerdict(QUIET, "inner steps stable", details, True)


def _warning(seen: Mapping[str, StabilitySeen], tested: MetaTested | None) -> str:
    """Words on the arm that fares worst; none where no arm does badly."""
    worst = max(seen, key=lambda name: seen[name].worse / len(seen[name].radius))
    if 2 * seen[worst].worse > len(seen[worst].radius):
        harmed = f"{seen[worst].worse} of {_tasks(seen[worst])}"
        return f"{_of_arm(worst, seen)}inner steps raise the query loss on {harmed}"
    worst = max(seen, key=lambda name: seen[name].share_rising)
    share = seen[worst].share_rising
    if share > FEW:
        percent = whole(100 * share)
        return f"{_of_arm(worst, seen)}{percent} % of inner steps raise the support loss"
    tests = {} if tested is None else {name: tested.arms.get(name) for name in seen}
    lost = {
        name: k
        for name, test in tests.items()
        if tested is not None and test is not None and (k := _most_diverge(test, tested.tasks))
    }
    if lost:
        first = min(lost, key=lambda name: lost[name])
        return f"{_of_arm(first, seen)}most test tasks diverge at inner step {lost[first]}"
    return ""


def _most_diverge(test: ArmTest, tasks: int) -> int:
    """The first inner step by which more than half of the held-out tasks diverged; 0 for none."""
    return next((k for k in range(len(test.diverged)) if most_diverged(test, k, tasks)), 0)


def _of_arm(name: str, seen: Mapping[str, StabilitySeen]) -> str:
    return f"{name}: " if len(seen) > 1 else ""


def _tasks(seen: StabilitySeen) -> str:
    return counted(len(seen.radius), "task")


def _middle(seen: StabilitySeen) -> str:
    name = "α λ_max" if seen.scalar else "largest eigenvalue of diag(a) H"
    return f"{name} {number(seen.median)} (median)"


def _figures(seen: StabilitySeen) -> str:
    return (
        f"{_middle(seen)}, {number(seen.largest)} (largest), above 2 in "
        f"{whole(100 * seen.share_swinging)} % of inner steps: these overshoot along one "
        f"direction. The support loss rises in {whole(100 * seen.share_rising)} %. After all "
        f"inner steps the query loss is higher on {seen.worse} of {_tasks(seen)}. Spectral "
        f"radius of I − diag(a) H {number(seen.largest_radius)}, above 1 in "
        f"{whole(100 * seen.share_above_one)} %: negative curvature counts too."
    )


def when_diverged(reports: Sequence[Diverged]) -> str:
    """Outer steps at which arms diverged, in words: "step 12", "steps 258 to 6 042"."""
    steps = sorted({report.outer_step for report in reports})
    if len(steps) == 1:
        return f"step {whole(steps[0])}"
    return f"steps {whole(steps[0])} to {whole(steps[-1])}"
