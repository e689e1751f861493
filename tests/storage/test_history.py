"""What an arm's settings do not tell of its training."""

from __future__ import annotations

import itertools

from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.changes import begun_from_row, change_rows, frozen_row, revived_row
from maml_explorer.storage.run.history import MOST, changes_in_words, history_of

SETTINGS = Settings()


def test_a_plain_run_needs_no_words() -> None:
    assert history_of(SETTINGS, "MAML", SETTINGS.outer.outer_steps, []) == ""


def test_what_happened_to_the_arm_is_told_and_to_others_not() -> None:
    new = SETTINGS.with_values({"inner_lr": 0.5})
    rows = [
        begun_from_row("ANIL", "before", 70),
        *change_rows(0, SETTINGS, SETTINGS.with_values({"shots": 5})),  # before it trained
        *change_rows(30, SETTINGS, new),
        frozen_row(40, "MAML", 38),
        frozen_row(41, "ANIL", 39),
        revived_row(50, "MAML"),
    ]
    assert history_of(new, "MAML", 60, rows) == (
        "Changed while it trained: Inner learning rate α from 0.01 to 0.5 after outer step 30; "
        "it diverged after outer step 40 and was set back to 38; it went on after outer step 50. "
        "The table shows the settings as they were at the end."
    )
    assert "begun from before after 70 outer steps" in history_of(new, "ANIL", 60, rows)
    of_all = changes_in_words(rows)
    assert of_all.startswith("Changed while it trained: ANIL was begun from before after 70")
    assert "MAML diverged after outer step 40" in of_all and "MAML went on" in of_all
    assert changes_in_words([]) == ""


def test_many_changes_are_counted() -> None:
    rows = [
        row
        for step in range(1, MOST + 3)
        for row in change_rows(step, SETTINGS, SETTINGS.with_values({"inner_lr": step}))
    ]
    said = history_of(SETTINGS, "MAML", 100, rows)
    assert said.count("Inner learning rate") == MOST and "; and 2 more changes." in said


def test_the_values_of_one_drag_are_one_change() -> None:
    values = (0.01, 0.013, 0.02, 0.5)
    settings = [SETTINGS.with_values({"inner_lr": value}) for value in values]
    pairs = list(itertools.pairwise(settings))
    drag = [row for nth, pair in enumerate(pairs) for row in change_rows(80_202 + nth, *pair)]
    back = change_rows(90_000, settings[-1], SETTINGS)
    assert changes_in_words([*drag, *back]) == (
        "Changed while it trained: "
        "Inner learning rate α from 0.01 to 0.5 after outer steps 80202 to 80204; "
        "Inner learning rate α from 0.5 to 0.01 after outer step 90000"
    )
