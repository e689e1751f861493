"""Verdicts on how a run reproduces published figures, one per figure. Torch-free.

A verdict is one of: agrees (inside the published interval, or within 10 % where none is published),
differs by x %, cannot tell (the run's own interval is wider than the difference), not comparable
(n of N tasks diverged, or fewer outer steps than published). Nothing is tuned towards agreement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.late_dataclass import dataclass
from maml_explorer.published.statistics import over_seeds
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.presets import Preset
from maml_explorer.settings.restart import changed_keys
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.words import counted, listed

AGREES, DIFFERS, NOT_COMPARABLE = "agrees", "differs", "not comparable"
CANNOT_TELL = "cannot tell"
TOLERANCE = 0.1
"""Relative difference that still agrees where no interval is published."""

Records = Mapping[int, Mapping[str, Sequence[Mapping[str, Any]]]]
"""Records of meta-tests by seed and arm name."""

_OF_THE_TEST = frozenset(
    {"seed", "device", "precision", "test_steps", "test_tasks", "evaluate_every"}
)
"""Settings that do not change what is trained."""


@dataclass(frozen=True)
class Verdict:
    """Agrees, differs, cannot tell or not comparable, and in words."""

    kind: str
    words: str
    difference: float | None = None
    """(measured − published) / published; None where nothing can be compared."""
    shortened: str = ""
    """Share of the outer steps that was taken, in words; empty where all were."""


@dataclass(frozen=True)
class Comparison:
    """One published figure beside what was measured."""

    arm: str
    algorithm: str
    shots: int
    inner_step: int
    published: float
    published_ci95: float | None
    source: str
    mean: float | None
    """Over seeds, of the means over tasks; None where any task's figure is not finite."""
    ci95: float | None
    """Half-width: Student t on seed means; of one seed, over tasks."""
    mean_kept: float | None
    """Over seeds, of the means over the tasks that did not diverge."""
    median: float | None
    """Over seeds, mean of the medians over tasks."""
    diverged: int
    """Tasks, of all seeds."""
    tasks: int
    """Of all seeds."""
    verdict: Verdict


def verdict_of(
    measured: float | None,
    published: float,
    ci95: float | None,
    diverged: int,
    tasks: int,
    own_ci95: float | None = None,
    outer_steps: tuple[int, int] | None = None,
) -> Verdict:
    """The verdict on one figure.

    Args:
        measured: mean figure of the family; None where not finite.
        published: the figure to reach.
        ci95: half-width of its published interval; None where there is none.
        diverged: tasks that diverged.
        tasks: of so many.
        own_ci95: half-width of the measured figure's interval; None where there is none.
        outer_steps: taken, and what is published for; None where that does not matter.
    """
    if outer_steps is not None and outer_steps[0] < outer_steps[1]:
        short = f"{outer_steps[0]} of {counted(outer_steps[1], 'outer step')}"
        return Verdict(NOT_COMPARABLE, f"not comparable ({short})", shortened=short)
    if diverged or measured is None:
        return Verdict(
            NOT_COMPARABLE, f"not comparable ({diverged} of {counted(tasks, 'task')} diverged)"
        )
    if published == 0:
        kind = AGREES if measured == 0 else DIFFERS
        return Verdict(kind, kind if measured == 0 else "differs (the published figure is 0)")
    difference = (measured - published) / published
    reach = TOLERANCE * published if ci95 is None else ci95
    # a figure on the border agrees, whatever rounding makes of it
    if abs(measured - published) <= reach * (1 + 1e-12):
        return Verdict(AGREES, "agrees", difference)
    if own_ci95 is not None and abs(measured - published) <= own_ci95:
        return Verdict(CANNOT_TELL, f"cannot tell (± {own_ci95:.2g})", difference)
    size, side = _percent(difference)
    return Verdict(DIFFERS, f"differs by {size} % ({side})", difference)


def wanted_tests(preset: Preset, settings: Settings) -> dict[str, dict[int, tuple[int, ...]]]:
    """Arm name → shots → inner steps 0 … K that the verdicts of a preset, or a table, need.

    Only the first arm of each algorithm with published figures; where nothing is published, every
    arm with the usual shots of its family and those it was trained with.
    """
    most = settings.run.test_steps
    if not preset.published:
        shots = sorted({*settings.family.record_shots, settings.inner.shots})
        return {arm.name: dict.fromkeys(shots, tuple(range(most + 1))) for arm in settings.arms}
    tests: dict[str, dict[int, tuple[int, ...]]] = {}
    for entry in preset.published:
        arm = _first(settings, entry.algorithm)
        if arm is not None:
            known = tests.setdefault(arm.name, {})
            last = max(most, *entry.inner_steps, len(known.get(entry.shots, ())) - 1)
            known[entry.shots] = tuple(range(last + 1))
    return tests


def comparisons(
    preset: Preset,
    settings: Settings,
    records: Records,
    outer_steps: Mapping[str, int] | None = None,
) -> tuple[Comparison, ...]:
    """Every published figure of the preset that the records say something of, in its order.

    Args:
        preset: what is published.
        settings: of the run.
        records: its meta-tests.
        outer_steps: arm name → outer steps taken; those of the settings unless given.
    """
    found = []
    whole = preset.settings.outer.outer_steps
    for entry in preset.published:
        arm = _first(settings, entry.algorithm)
        if arm is None:
            continue
        tested = [_of_shots(arms.get(arm.name, ()), entry.shots) for arms in records.values()]
        runs = [record for record in tested if record is not None]
        if not runs or len(runs) < len(tested):
            continue
        over = over_seeds([[record] for record in runs])[0]
        for step, mse, ci95 in zip(
            entry.inner_steps, entry.mse, entry.ci95 or (None,) * len(entry.mse), strict=True
        ):
            if step not in over["inner_steps"]:
                continue
            at = over["inner_steps"].index(step)
            mean = over["mean"][at]
            diverged = sum(record["diverged"][at] for record in runs)
            tasks = sum(record["tasks"] for record in runs)
            own = over["ci95"][at] if len(runs) > 1 else runs[0]["ci95"][at]
            taken = (outer_steps or {}).get(arm.name, settings.outer.outer_steps)
            found.append(
                Comparison(
                    arm.name,
                    entry.algorithm,
                    entry.shots,
                    step,
                    mse,
                    ci95,
                    entry.source,
                    mean=mean,
                    ci95=own,
                    mean_kept=_mean([record["mean_kept"][at] for record in runs]),
                    median=_mean([record["median"][at] for record in runs]),
                    diverged=diverged,
                    tasks=tasks,
                    verdict=verdict_of(mean, mse, ci95, diverged, tasks, own, (taken, whole)),
                )
            )
    return tuple(found)


def deviations(preset: Preset, settings: Settings) -> tuple[str, ...]:
    """Settings that differ from the preset, such as "Inner learning rate α: 0.01 → 0.1"."""
    changed = [key for key in changed_keys(preset.settings, settings) if key not in _OF_THE_TEST]
    said = [_changed(key, preset.settings[key], settings[key]) for key in changed]
    for arm in settings.arms:
        known = _first(preset.settings, arm.algorithm)
        before = preset.settings if known is None else preset.settings.of_arm(known)
        own = settings.of_arm(arm)
        # what all arms share is named only once
        said += [
            f"{arm.name}: {_changed(key, before[key], own[key])}"
            for key in changed_keys(before, own)
            if DECLARATIONS[key].per_arm and (key not in changed or own[key] != settings[key])
        ]
    return tuple(said)


def verdict_words(found: Sequence[Comparison]) -> str:
    """All verdicts in sentences: "MAML agrees after 1 and 5 steps. MTL is 14 % higher after …"."""
    arms: dict[tuple[str, int], dict[str, list[Comparison]]] = {}
    for one in found:
        kinds = arms.setdefault((one.arm, one.shots), {})
        kinds.setdefault(one.verdict.kind, []).append(one)
    several = len({shots for _, shots in arms}) > 1
    return " ".join(
        _SENTENCES[kind](arm, _with(shots) if several else "", same) + "."
        for (arm, shots), kinds in arms.items()
        for kind, same in kinds.items()
    )


def agreement_words(found: Sequence[Comparison], *, total: bool = False, why: bool = False) -> str:
    """Number of figures that agree, in a line: "Published figures that agree: MTL 3 of 3 …".

    Args:
        total: of all arms together: "4 of 6 published figures agree".
        why: with the reason where some do not: "MAML 0 of 3 (15 to 19 % higher)".
    """
    if not found:
        return ""
    if all(one.verdict.shortened for one in found):
        of = "" if total else f": {found[0].verdict.shortened}"
        return f"Too early to compare with the published figures{of}."
    agree = [one for one in found if one.verdict.kind == AGREES]
    if total:
        return f"{len(agree)} of {counted(len(found), 'published figure')} agree."
    arms: dict[str, list[Comparison]] = {}
    for one in found:
        arms.setdefault(one.arm, []).append(one)
    by_arm = [
        f"{arm} {sum(one in agree for one in same)} of {len(same)}{_why(same) if why else ''}"
        for arm, same in arms.items()
    ]
    return f"Published figures that agree: {', '.join(by_arm)}."


def _why(same: Sequence[Comparison]) -> str:
    """The reason, in parentheses, why some figures of an arm do not agree."""
    others = [one.verdict for one in same if one.verdict.kind != AGREES]
    by = sorted((one.difference for one in others if one.difference is not None), key=abs)
    if not others:
        return ""
    if any(one.kind == NOT_COMPARABLE for one in others):
        return f" ({others[0].shortened or 'tasks diverged'})"
    if any(one.kind == CANNOT_TELL for one in others):
        return " (its own interval is wide)"
    if not by or len({_percent(one)[1] for one in by}) > 1:
        return " (some higher, some lower)" if by else ""
    (least, side), (most, _) = _percent(by[0]), _percent(by[-1])
    size = least if least == most else f"{least} to {most}"
    return f" ({size} % {side})"


def _with(shots: int) -> str:
    return f" with {counted(shots, 'shot')}"


def _agreeing(arm: str, shots: str, same: Sequence[Comparison]) -> str:
    return f"{arm} agrees {_after(same)}{shots}"


def _differing(arm: str, shots: str, same: Sequence[Comparison]) -> str:
    parts = []
    for one in same:
        by = one.verdict.difference
        size, side = ("", "") if by is None else _percent(by)
        said = f"is {size} % {side}" if size else one.verdict.words
        parts.append(f"{said} {_after([one])}")
    return f"{arm} {listed(parts)}{shots}"


def _untold(arm: str, shots: str, same: Sequence[Comparison]) -> str:
    why = "its own interval is wider than the difference"
    return f"Whether {arm} agrees {_after(same)}{shots} cannot be told: {why}"


def _incomparable(arm: str, shots: str, same: Sequence[Comparison]) -> str:
    lost = listed([str(one.diverged) for one in same])
    why = f"{lost} of {counted(same[0].tasks, 'task')} diverged"
    why = same[0].verdict.shortened or why
    return f"{arm} cannot be compared {_after(same)}{shots}: {why}"


_SENTENCES = {
    AGREES: _agreeing,
    DIFFERS: _differing,
    CANNOT_TELL: _untold,
    NOT_COMPARABLE: _incomparable,
}


def _after(same: Sequence[Comparison]) -> str:
    steps = [one.inner_step for one in same]
    return f"after {listed([str(step) for step in steps])} step{'' if steps == [1] else 's'}"


def _percent(difference: float) -> tuple[str, str]:
    """A relative difference: ("22", "lower")."""
    size = 100 * abs(difference)
    written = f"{size:.0f}" if size >= 1 else f"{size:.1g}"
    return written, "higher" if difference > 0 else "lower"


def _changed(key: str, before: object, after: object) -> str:
    declaration = DECLARATIONS[key]
    return f"{declaration.label}: {shown(before)} → {shown(after)}"


def _first(settings: Settings, algorithm: str) -> Arm | None:
    assert algorithm in ALGORITHMS
    return next((arm for arm in settings.arms if arm.algorithm == algorithm), None)


def _of_shots(records: Sequence[Mapping[str, Any]], shots: int) -> Mapping[str, Any] | None:
    return next((record for record in records if record["shots"] == shots), None)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if len(known) == len(values) else None
