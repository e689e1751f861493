"""A count and its noun."""

from __future__ import annotations

import pytest

from maml_explorer.settings.words import counted, told_apart


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


@pytest.mark.parametrize(
    ("value", "limit", "words"),
    [
        (-100.0004, -100.0, ("−100.0004", "−100")),
        (-1090.0, -1000.0, ("−1\u202f090", "−1\u202f000")),
        (0.0, -0.001, ("0", "−0.001")),
        (0.0690001, 0.01, ("0.069", "0.01")),
        (2.0, 2.0, ("2", "2")),
    ],
)
def test_two_numbers_are_told_apart(value: float, limit: float, words: tuple[str, str]) -> None:
    assert told_apart(value, limit) == words
