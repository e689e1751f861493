"""The changes that a divergence is reported with: all that stand, and none that was undone."""

from __future__ import annotations

from maml_explorer.settings.settings import Settings
from maml_explorer.worker.last_changes import LastChanges

PLAIN = Settings()


def words_after(*changes: tuple[int, dict[str, object], tuple[str, ...]]) -> str:
    """Of MAML, after changes: (outer step, values, frozen arms)."""
    known, now = LastChanges(), PLAIN
    for step, values, frozen in changes:
        before, now = now, now.with_values(values)
        known.note(step, before, now, frozen)
    return known.words("MAML", now)


def test_changes_without_training_between_are_one() -> None:
    changes = [{"inner_lr": 0.03}, {"inner_steps": 3}, {"outer_lr": 0.003}]
    assert words_after(*((70, one, ()) for one in changes)) == (
        "α from 0.01 to 0.03, K from 1 to 3 and β from 0.001 to 0.003 at outer step 70"
    )
    assert words_after((70, changes[0], ()), (71, changes[1], ())) == (
        "K from 1 to 3 at outer step 71"
    )
    assert words_after((70, changes[0], ()), (90, {"inner_lr": 0.015}, ("MAML",))) == (
        "α from 0.01 to 0.015 at outer step 70"
    ), "a frozen arm has not trained since"


def test_a_change_that_was_taken_back_is_none_and_nor_is_its_undo() -> None:
    wild, back = {"inner_lr": 0.3}, {"inner_lr": 0.01}
    for frozen in ((), ("MAML",)):
        assert words_after((70, wild, ()), (90, back, frozen)) == ""
        assert words_after((50, {"inner_steps": 3}, ()), (70, wild, ()), (90, back, frozen)) == (
            "K from 1 to 3 at outer step 50"
        )


def test_going_back_joins_what_came_after() -> None:
    known, first, then = LastChanges(), PLAIN.with_values({"inner_lr": 0.3}), PLAIN
    known.note(70, PLAIN, first, ())
    known.go_back(60)
    then = first.with_values({"inner_steps": 3})
    known.note(60, first, then, ())
    assert known.words("MAML", then) == "α from 0.01 to 0.3 and K from 1 to 3 at outer step 60"
