"""Rows 6, 7 and 8: the real window with its worker, for as long as a suite allows.

The long scripts do the same for minutes and hours: `make soak`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication

from maml_explorer.gui.app.startup import application
from tests.long import soak
from tests.long.report import Budget, Row

LIMIT = 500.0
"""Seconds after which a part ends, however far it is; then its count is too small."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("part", "most", "seed"),
    [
        *((soak.events, 500, seed) for seed in range(4)),
        (soak.steps, 3_000, 0),
        (soak.windows, 20, 0),
    ],
)
def test_the_window_stands_what_is_done_to_it(
    qapp: QApplication, part: Callable[..., Row], most: int, seed: int
) -> None:
    application()
    watch = soak.Watch()
    with watch.looking():
        row = part(Budget(part.__name__, LIMIT), watch, random.Random(seed), most=most)
    assert watch.faults == []
    assert row.faults == 0, row.figures
    assert int(row.count.replace(",", "")) >= most, row
