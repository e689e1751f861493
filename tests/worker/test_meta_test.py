"""The meta-test beside training: within its share of time, sooner where people wait for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from maml_explorer.core.meta_test import meta_test, summarize
from maml_explorer.core.plan import prepare
from maml_explorer.core.settings_change import frozen_arm
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.protocol.reports import ReferenceLosses
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.worker.answers import reference_losses
from maml_explorer.worker.meta_test import FIRST_SHARE, SHARE, MetaTests, arm_gaps
from tests.worker.driving import Clock, small_settings


def test_only_the_first_meta_tests_are_hurried() -> None:
    plan = prepare(small_settings())
    start = start_run(plan)
    trained, _ = outer_step(plan, start)
    clock = Clock(0.5)  # every look is half a second later, so a piece takes that long
    held_out = MetaTests(clock)
    held_out.begin()

    def share_of_a_piece(state) -> float:
        held_out.advance(1, plan, state)
        return 0.5 / (0.5 + held_out.next_piece - clock.now)

    def whole_test(state) -> list[float]:
        shares = [share_of_a_piece(state)]
        while held_out.work is not None:
            shares.append(share_of_a_piece(state))
        return shares

    pieces = len(first := whole_test(start))
    assert first == pytest.approx([FIRST_SHARE] * pieces), "the untrained state is no news"
    for _ in range(2):
        hurried = whole_test(trained)
        assert hurried[:-1] == pytest.approx([FIRST_SHARE] * (pieces - 1))
        assert hurried[-1] < SHARE, "known at its last piece, the others are made up for"
        assert held_out.spent / (held_out.next_piece - held_out.since) == pytest.approx(SHARE)
        clock.now = held_out.next_piece
        assert share_of_a_piece(trained) == pytest.approx(SHARE, rel=0.06)
        held_out.begin()  # as after a change of the settings


def test_it_says_how_many_steps_each_arm_had_taken() -> None:
    plan = prepare(small_settings())
    trained, _ = outer_step(plan, start_run(plan))
    late = next(iter(trained.arms))
    arms = {**trained.arms, late: start_run(plan).arms[late]}
    tests = MetaTests(Clock(1e-3))
    tests.begin()
    found = None
    while found is None:
        found = tests.advance(1, plan, replace(trained, arms=arms), paused=False)
    assert found.outer_step == 1
    assert found.arm_steps == {name: int(name != late) for name in arms}


def test_an_arm_that_was_set_back_is_tested_anew_at_its_last_good_state() -> None:
    settings = small_settings().with_values({"test_tasks": 600})
    plan = prepare(settings)
    good, _ = outer_step(plan, start_run(plan))
    lost = next(iter(good.arms))
    broken = replace(
        good.arms[lost],
        initialization=torch.full_like(good.arms[lost].initialization, torch.nan),
        outer_step=2,
    )
    spoiled = replace(good, outer_step=2, arms={**good.arms, lost: broken})
    frozen = frozen_arm(plan, spoiled, good.arms[lost], lost)
    for reported in (0, 1, 2):  # nothing yet, the first estimate, the whole test
        tests = MetaTests(Clock(1e-3))
        tests.begin()
        for _ in range(reported):
            while (found := tests.advance(1, plan, spoiled)) is None:
                pass
            assert max(found.arms[lost].diverged) == found.tasks
        tests.advance(1, plan, spoiled)
        whole = None
        while whole is None or whole.declared is not None:
            whole = tests.advance(1, plan, frozen) or whole
            if whole is not None:
                assert whole.arm_steps[lost] == 1 and max(whole.arms[lost].diverged) == 0


def test_a_first_estimate_comes_from_few_tasks_and_is_refined() -> None:
    settings = small_settings().with_values({"test_tasks": 600})
    plan = prepare(settings)
    trained, _ = outer_step(plan, start_run(plan))
    tests = MetaTests(Clock(1e-3))
    tests.begin()
    found, pieces = [], []
    for piece in range(1, 1000):
        report = tests.advance(1, plan, trained)
        if report is not None:
            found.append(report)
            pieces.append(piece)
        if tests.work is None:
            break
    first, whole = found
    assert (first.tasks, first.declared, whole.tasks, whole.declared) == (75, 600, 600, None)
    arms = len(trained.arms)
    assert pieces[0] == 3 * arms + 1, "the first three pieces of every arm"
    assert pieces[1] <= 24 * arms + 2, "no task is measured twice"
    for name, theta in trained.arms.items():
        record, errors = _drained(meta_test(plan, name, theta.initialization,
                                            stream_name=plan.family.watched))  # fmt: skip
        # beside training compiled kernels adapt, which differ in the last digits
        assert whole.arms[name].mean == pytest.approx(record.mean, rel=1e-5)
        assert whole.held_out is not None and first.held_out is not None
        expected = errors.double().numpy()
        np.testing.assert_allclose(whole.held_out.figures[name], expected, rtol=1e-4, atol=1e-9)
        np.testing.assert_array_equal(first.held_out.figures[name],
                                      whole.held_out.figures[name][:, :75])  # fmt: skip
    # those of twice the steps are estimated first as well; of fewer, they come whole
    for step, tasks in ((2, [75, 600]), (3, [600])):
        other = replace(trained, outer_step=step)
        reports = [tests.advance(1, plan, other)]
        while tests.work is not None:
            reports.append(tests.advance(1, plan, other))
        assert [r.tasks for r in reports if r is not None] == tasks


def test_an_estimate_is_refined_until_training_has_left_it_behind() -> None:
    plan = prepare(small_settings().with_values({"test_tasks": 600}))
    trained, _ = outer_step(plan, start_run(plan))
    tests = MetaTests(Clock(1e-3))
    tests.begin()

    def found_at(step: int) -> tuple[int, int]:
        state = replace(trained, outer_step=step)
        while (report := tests.advance(1, plan, state)) is None:
            pass
        return report.outer_step, report.tasks

    assert found_at(10) == (10, 75)
    assert found_at(40) == (40, 75), "that of the first steps is worth no second look"
    assert found_at(159) == (40, 600), "the estimate that was shown is refined"
    assert found_at(160) == (160, 75)
    assert found_at(320) == (160, 600)
    assert found_at(319) == (319, 600), "not twice the steps: no estimate"


def test_a_pause_turns_to_the_state_on_screen() -> None:
    plan = prepare(small_settings().with_values({"test_tasks": 100}))
    old, _ = outer_step(plan, start_run(plan))
    new, _ = outer_step(plan, old)
    tests = MetaTests(Clock(1e-3))
    tests.begin()
    assert tests.advance(1, plan, old) is None
    while (report := tests.advance(1, plan, new, paused=True)) is None:
        pass
    assert report.outer_step == 2 and not tests.due(new, paused=True)


def _drained(generator):
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def test_the_limit_that_the_window_is_told_is_that_of_the_meta_test() -> None:
    for noise in (0.0, 3.0):
        settings = Settings().with_values({"noise": noise})
        told = reference_losses(1, settings)
        assert isinstance(told, ReferenceLosses)
        assert told.limit == pytest.approx(100 * (told.predict_zero - noise**2))
        errors = torch.tensor([[told.limit * 0.999, told.limit * 1.001]], dtype=torch.float64)
        assert summarize(errors, settings).diverged == (1,)


def test_arms_are_compared_task_by_task_after_their_inner_steps_of_training() -> None:
    settings = small_settings().with_values({"test_tasks": 80, "inner_steps": 2, "test_steps": 10})
    arms = tuple(default_arm(key) for key in ("maml", "reptile", "mtl"))
    plan = prepare(settings.with_arms(arms))
    state, tests = start_run(plan), MetaTests(Clock())
    for _ in range(3):
        state, *_ = outer_step(plan, state)
    tests.begin()
    reports = []
    while tests.due(state, paused=True):
        found = tests.advance(1, plan, state, paused=True)
        reports += [] if found is None else [found]
    held = reports[-1].held_out
    assert held is not None
    steps = {"MAML": 2, "Reptile": settings.inner.reptile_inner_steps, "MTL": 2}
    pairs = [("Reptile", "MAML"), ("MTL", "MAML"), ("MTL", "Reptile")]
    assert [(gap.arm, gap.against) for gap in reports[-1].gaps] == pairs
    for gap in reports[-1].gaps:
        one, base = (held.figures[name][steps[name]] for name in (gap.arm, gap.against))
        assert gap.steps == (steps[gap.arm], steps[gap.against])
        differences = one - base
        assert (gap.kept, gap.tasks) == (80, 80)
        assert gap.mean == pytest.approx(differences.mean())
        # Student's t for 79 degrees of freedom
        half = 1.990450 * differences.std(ddof=1) / np.sqrt(80)
        assert gap.ci95 == pytest.approx(half, rel=1e-5)
        assert gap.better == (differences < 0).sum()


def test_tasks_that_either_arm_lost_are_left_out_of_a_comparison() -> None:
    settings = Settings().with_arms(tuple(default_arm(key) for key in ("maml", "anil")))
    figures = {
        "MAML": torch.tensor([[9.0] * 4, [1.0, 2.0, 1e9, 3.0]], dtype=torch.float64),
        "ANIL": torch.tensor([[9.0] * 4, [2.0, 1.0, 1.0, torch.nan]], dtype=torch.float64),
    }
    (gap,) = arm_gaps(settings, figures)
    assert (gap.kept, gap.tasks, gap.better, gap.mean) == (2, 4, 1, 0.0)
