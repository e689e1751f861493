"""Points as text: what is read, and what is refused with its line."""

from __future__ import annotations

import pytest

from maml_explorer.files.points_text import MAX_POINTS, holds_points, points_of
from maml_explorer.files.reader import StorageError

GOOD = {
    "commas": "1,2\n-3.5,4e-1\n",
    "semicolons": "1;2\r\n-3.5;0.4",
    "tabs": "1\t2\n-3.5\t.4\n",
    "blanks": "  1   2\n\n-3.5 0.4",
    "a header": "x, y\n1, 2\n-3.5, 0.4",
    "remarks": "# measured\n1,2\n# again\n-3.5,0.4",
    "quotes": '"1","2"\n"-3.5","0.4"',
}


@pytest.mark.parametrize("name", GOOD)
def test_two_columns_are_read(name: str) -> None:
    assert points_of(GOOD[name], "a.csv") == ([1.0, -3.5], [2.0, 0.4])
    assert holds_points(GOOD[name])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,2\na,3", "a.csv, line 2 has “a”: allowed are numbers from −1e+06 to 1e+06."),
        ("1,2\nx,y", "a.csv, line 2 has “x”: allowed are numbers from −1e+06 to 1e+06."),
        ("1;2\n1,5;2", "a.csv, line 2 has “1,5” with a decimal comma: allowed is a point, 1.5."),
        ("1,5;2", "a.csv, line 1 has “1,5” with a decimal comma: allowed is a point, 1.5."),
        ("1,5,2,5", "a.csv, line 1 has 4 values: allowed are two, x and y, and decimals with a "
                    "point."),
        ("1,2\n\n3", "a.csv, line 3 has 1 value: allowed are two, x and y, and decimals with a "
                     "point."),
        ("1,nan", "a.csv, line 1 has “nan”: allowed are numbers from −1e+06 to 1e+06."),
        ("1,inf", "a.csv, line 1 has “inf”: allowed are numbers from −1e+06 to 1e+06."),
        ("1,1e9", "a.csv, line 1 has “1e9”: allowed are numbers from −1e+06 to 1e+06."),
        ("1,", "a.csv, line 1 has “”: allowed are numbers from −1e+06 to 1e+06."),
        ("1,2\n" * (MAX_POINTS + 1), "a.csv, line 101: allowed are at most 100 points."),
        ("", "a.csv holds no points: allowed are lines of two numbers, x and y."),
        ("x,y", "a.csv holds no points: allowed are lines of two numbers, x and y."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(StorageError) as caught:
        points_of(text, "a.csv")
    assert str(caught.value) == sentence


def test_prose_is_no_points() -> None:
    assert not holds_points("a sentence, with commas; and more")
    assert not holds_points("12 \n")
