"""Numbers as they are written where room is scarce."""

from __future__ import annotations

import pytest

from maml_explorer.gui.style.numbers import THIN_SPACE, rounded_to_fit


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("0.0757", "0.076"),
        ("0.131", "0.131"),
        ("12.345", "12.35"),
        ("0.000423", "0.000423"),  # a zero would be wrong
        (f"70{THIN_SPACE}500", f"70{THIN_SPACE}500"),
        ("1.3e−8", "1.3e−8"),
        ("✕ diverged", "✕ diverged"),
        ("↑ 12.34", "↑ 12"),
    ],
)
def test_a_number_loses_decimals_until_it_fits(text: str, seen: str):
    assert rounded_to_fit(text, lambda one: len(one) <= 5) == seen
