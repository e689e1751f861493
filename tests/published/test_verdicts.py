"""The rule of the verdicts on made-up figures, and what else is said of a run."""

from __future__ import annotations

import math
from typing import Any

import pytest

from maml_explorer.core.student_t import student_t_975
from maml_explorer.published.verdicts import (
    AGREES,
    CANNOT_TELL,
    DIFFERS,
    NOT_COMPARABLE,
    agreement_words,
    comparisons,
    deviations,
    verdict_of,
    verdict_words,
    wanted_tests,
)
from maml_explorer.settings.presets import Preset, Published, load_preset
from maml_explorer.settings.settings import Arm, Settings, default_arm


def record(mean: list[float | None], shots: int = 5, **others: Any) -> dict[str, Any]:
    """A record of a meta-test with these means after inner steps 0, 1, …"""
    return {
        "algorithm": "maml", "shots": shots, "tasks": 100, "seed": 0,
        "inner_steps": list(range(len(mean))), "mean": mean, "ci95": [0.05] * len(mean),
        "mean_kept": mean, "median": [0.5] * len(mean), "diverged": [0] * len(mean),
        "fine_tuning_lr": None,
    } | others  # fmt: skip


def preset(*published: Published, settings: Settings | None = None) -> Preset:
    return Preset("p", "P", "s", "d", settings or Settings(), published)


ONE = Published("maml", 5, (1, 2), (1.0, 0.5), "somewhere")


@pytest.mark.parametrize(
    ("measured", "published", "ci95", "kind", "words"),
    [
        (1.0, 1.0, None, AGREES, "agrees"),
        (1.1, 1.0, None, AGREES, "agrees"),  # 10 % exactly
        (0.9, 1.0, None, AGREES, "agrees"),
        (1.101, 1.0, None, DIFFERS, "differs by 10 % (higher)"),
        (0.85, 1.0, None, DIFFERS, "differs by 15 % (lower)"),
        (0.76, 0.67, None, DIFFERS, "differs by 13 % (higher)"),
        # inside the published interval, wide or narrow
        (1.31, 1.13, 0.18, AGREES, "agrees"),
        (1.32, 1.13, 0.18, DIFFERS, "differs by 17 % (higher)"),
        (0.95, 1.13, 0.18, AGREES, "agrees"),
        (1.02, 1.0, 0.01, DIFFERS, "differs by 2 % (higher)"),
        (1.004, 1.0, 0.001, DIFFERS, "differs by 0.4 % (higher)"),
        (12.0, 1.0, None, DIFFERS, "differs by 1100 % (higher)"),
        (0.0, 0.0, None, AGREES, "agrees"),
        (0.1, 0.0, None, DIFFERS, "differs (the published figure is 0)"),
    ],
)
def test_the_rule(
    measured: float, published: float, ci95: float | None, kind: str, words: str
) -> None:
    found = verdict_of(measured, published, ci95, 0, 600)
    assert (found.kind, found.words) == (kind, words)
    if published:
        assert found.difference == pytest.approx(measured / published - 1)


@pytest.mark.parametrize(("measured", "diverged"), [(1.0, 3), (None, 3), (1e6, 1)])
def test_what_diverged_is_not_compared(measured: float | None, diverged: int) -> None:
    found = verdict_of(measured, 1.0, None, diverged, 600)
    assert found.kind == NOT_COMPARABLE and found.difference is None
    assert found.words == f"not comparable ({diverged} of 600 tasks diverged)"


@pytest.mark.parametrize(
    ("own", "steps", "kind", "words"),
    [
        (2.5, (70, 70), CANNOT_TELL, "cannot tell (± 2.5)"),
        (1.15, None, CANNOT_TELL, "cannot tell (± 1.1)"),
        (1.14, (80, 70), DIFFERS, "differs by 172 % (higher)"),
        (0.1, (69, 70), NOT_COMPARABLE, "not comparable (69 of 70 outer steps)"),
    ],
)
def test_a_wide_interval_or_a_short_run_settles_nothing(
    own: float, steps: tuple[int, int] | None, kind: str, words: str
) -> None:
    found = verdict_of(1.82, 0.67, None, 0, 600, own, steps)
    assert (found.kind, found.words) == (kind, words)
    assert verdict_of(0.7, 0.67, None, 0, 600, 0.5).kind == AGREES


def test_a_shortened_run_is_told_in_a_line() -> None:
    records = {0: {"MAML": [record([2.0, 1.0, 0.8])]}}
    found = comparisons(preset(ONE), Settings(), records, {"MAML": 1000})
    assert verdict_words(found) == (
        "MAML cannot be compared after 1 and 2 steps: 1000 of 70000 outer steps."
    )


def test_over_seeds_the_interval_is_students() -> None:
    means = [0.9, 1.0, 1.3]
    records = {seed: {"MAML": [record([2.0, m, 0.4])]} for seed, m in enumerate(means)}
    one, two = comparisons(preset(ONE), Settings(), records)
    assert (one.arm, one.shots, one.inner_step, one.published) == ("MAML", 5, 1, 1.0)
    assert one.mean == pytest.approx(3.2 / 3)
    # t of 2 degrees of freedom has the closed quantile (2p − 1) √(2 / (4p (1 − p)))
    t = (2 * 0.975 - 1) * math.sqrt(2 / (4 * 0.975 * 0.025))
    variance = sum((m - 3.2 / 3) ** 2 for m in means) / 2
    assert one.ci95 == pytest.approx(t * math.sqrt(variance / 3), rel=1e-9)
    assert one.tasks == 300 and one.diverged == 0
    assert one.verdict.words == "agrees"  # 6.7 % above
    assert two.verdict.words == "differs by 20 % (lower)" and two.ci95 == pytest.approx(0)


def test_students_quantiles_have_their_closed_values() -> None:
    # 1 degree of freedom is Cauchy: tan(π (p − ½))
    assert student_t_975(1) == pytest.approx(math.tan(math.pi * 0.475), rel=1e-7)
    # 4 degrees: with a = 4p (1 − p), t = 2 √(cos(arccos √a / 3) / √a − 1)
    a = 4 * 0.975 * 0.025
    t = 2 * math.sqrt(math.cos(math.acos(math.sqrt(a)) / 3) / math.sqrt(a) - 1)
    assert student_t_975(4) == pytest.approx(t, rel=1e-7)
    # many degrees: the expansion of Fisher, whose next term is of order 1/degrees³
    z = 1.959963984540054
    for n in (199, 599, 99_999):
        near = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        assert student_t_975(n) == pytest.approx(near, rel=1e-6)


def test_one_seed_has_the_interval_over_tasks_and_several_count_their_lost_tasks() -> None:
    (one, _) = comparisons(preset(ONE), Settings(), {4: {"MAML": [record([2.0, 1.0, 0.5])]}})
    assert (one.ci95, one.tasks, one.median) == (0.05, 100, 0.5)
    lost = {
        0: {"MAML": [record([2.0, 1.0, 0.5], diverged=[0, 0, 2])]},
        1: {"MAML": [record([2.0, 1.2, None], diverged=[0, 0, 1], mean_kept=[2.0, 1.2, 0.7])]},
    }
    one, two = comparisons(preset(ONE), Settings(), lost)
    assert one.verdict.kind == AGREES
    assert two.verdict.words == "not comparable (3 of 200 tasks diverged)"
    assert two.mean is None and two.mean_kept == pytest.approx(0.6)


def test_only_what_was_tested_alike_is_compared() -> None:
    known = preset(
        ONE, Published("mtl", 5, (1,), (1.0,), "s"), Published("maml", 9, (1,), (1.0,), "s")
    )
    records = {0: {"MAML": [record([2.0, 1.0])]}, 1: {"MAML": [record([2.0, 1.0])]}}
    settings = Settings().with_arms((default_arm("maml"),))
    (found,) = comparisons(known, settings, records)
    assert (found.algorithm, found.shots, found.inner_step) == ("maml", 5, 1)
    # a seed without the record leaves nothing to say
    assert not comparisons(known, settings, {**records, 2: {"MAML": []}})


def test_the_tests_that_verdicts_need() -> None:
    known = load_preset("finn-10-shot")
    tests = wanted_tests(known, known.settings)
    assert tests == {"MAML": {5: tuple(range(11))}, "MTL": {5: tuple(range(11))}}
    short = known.settings.with_values({"test_steps": 0})
    assert wanted_tests(known, short)["MAML"] == {5: tuple(range(11))}
    several = load_preset("meta-sgd-5-shot")
    assert set(wanted_tests(several, several.settings)["MAML"]) == {5, 10, 20}
    none = load_preset("pytorch-maml")
    arms = {arm.name for arm in none.settings.arms}
    assert wanted_tests(none, none.settings).keys() == arms
    assert set(wanted_tests(load_preset("torch-func"), none.settings)["MAML"]) == {5}


def test_deviations_are_said() -> None:
    known = load_preset("finn-10-shot")
    assert deviations(known, known.settings.with_values({"seed": 3, "test_tasks": 50})) == ()
    arms = (Arm("Hot", "maml", (("inner_lr", 0.1),)), default_arm("mtl"))
    other = known.settings.with_values({"outer_steps": 2000, "noise": 0.3}).with_arms(arms)
    assert deviations(known, other) == (
        "Noise σ: 0 → 0.3", "Outer steps: 70000 → 2000",
        "Hot: Inner learning rate α: 0.01 → 0.1",
    )  # fmt: skip
    hot = known.settings.with_values({"inner_lr": 0.1}).with_arms((Arm("Hot", "maml"),))
    assert deviations(known, hot) == ("Inner learning rate α: 0.01 → 0.1",), "said once"


def test_an_override_that_is_gone_is_a_deviation() -> None:
    known = load_preset("63days-meta-sgd")
    arms = tuple(Arm(arm.name, arm.algorithm) for arm in known.settings.arms)
    (said,) = deviations(known, known.settings.with_arms(arms))
    assert said.endswith(": Second order from: 10000000 → 0")


def test_all_verdicts_in_a_line() -> None:
    known = preset(ONE, Published("maml", 10, (1,), (1.0,), "s"))
    records = {0: {"MAML": [record([2.0, 1.0, 0.8]), record([2.0, 1.05, 0.8], shots=10)]}}
    assert verdict_words(comparisons(known, Settings(), records)) == (
        "MAML agrees after 1 step with 5 shots. MAML is 60 % higher after 2 steps with 5 shots. "
        "MAML agrees after 1 step with 10 shots."
    )
    low = {0: {"MAML": [record([2.0, 0.5, 0.9], diverged=[0, 0, 0])]}}
    assert verdict_words(comparisons(preset(ONE), Settings(), low)) == (
        "MAML is 50 % lower after 1 step and is 80 % higher after 2 steps."
    )
    lost = {0: {"MAML": [record([2.0, 0.5, None], diverged=[0, 1, 3])]}}
    assert verdict_words(comparisons(preset(ONE), Settings(), lost)) == (
        "MAML cannot be compared after 1 and 2 steps: 1 and 3 of 100 tasks diverged."
    )
    vague = {0: {"MAML": [record([2.0, 1.3, 0.5], ci95=[0.1, 0.4, 0.1])]}}
    assert verdict_words(comparisons(preset(ONE), Settings(), vague)) == (
        "Whether MAML agrees after 1 step cannot be told: its own interval is wider than the "
        "difference. MAML agrees after 2 steps."
    )
    assert verdict_words(()) == ""


def test_how_many_figures_agree_is_one_short_line() -> None:
    records = {0: {"MAML": [record([2.0, 1.0, 0.8])]}}
    found = comparisons(preset(ONE), Settings(), records)
    assert agreement_words(found) == "Published figures that agree: MAML 1 of 2."
    assert agreement_words(found, total=True) == "1 of 2 published figures agree."
    (size,) = (one.verdict.words.split(" ")[2] for one in found if one.verdict.kind == DIFFERS)
    reason = f"Published figures that agree: MAML 1 of 2 ({size} % higher)."
    assert agreement_words(found, why=True) == reason
    early = comparisons(preset(ONE), Settings(), records, {"MAML": 1000})
    too_early = "Too early to compare with the published figures"
    assert agreement_words(early) == f"{too_early}: 1000 of 70000 outer steps."
    assert agreement_words(early, total=True) == f"{too_early}."
    assert agreement_words(()) == ""
