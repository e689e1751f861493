"""The meta-test beside training: within its share of time, sooner where people wait for it."""

from __future__ import annotations

import pytest

from maml_explorer.core.plan import prepare
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.worker.meta_test import FIRST_SHARE, SHARE, MetaTests
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
        expected = [FIRST_SHARE] * (pieces - 1) + [SHARE]
        assert whole_test(trained) == pytest.approx(expected), "known at its last piece"
        assert whole_test(trained) == pytest.approx([SHARE] * pieces)
        held_out.begin()  # as after a change of the settings
