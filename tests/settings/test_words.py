"""A count and its noun."""

from __future__ import annotations

import pytest

from maml_explorer.settings.words import counted


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (1, "shot", "1 shot"),
        (0, "shot", "0 shots"),
        (5, "task", "5 tasks"),
        (2, "class", "2 classes"),
    ],
)
def test_a_noun_follows_its_count(count: int, noun: str, words: str) -> None:
    assert counted(count, noun) == words


def test_a_count_is_written_as_asked() -> None:
    assert counted(70_000, "outer step", "{:_}".format) == "70_000 outer steps"
