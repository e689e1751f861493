"""Rows 6, 7 and 8: the real window with its worker, for as long as a suite allows.

The long scripts do the same for minutes and hours: `make soak`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication

from maml_explorer.gui.startup import application
from tests.long import soak
from tests.long.report import Budget, Row

LIMIT = 200.0
"""Seconds after which a part ends, however far it is; then its count is too small."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "most"), [(soak.events, 2_000), (soak.steps, 3_000), (soak.windows, 20)]
)
def test_the_window_stands_what_is_done_to_it(
    qapp: QApplication, part: Callable[..., Row], most: int
) -> None:
    application()
    watch = soak.Watch()
    with watch.looking():
        row = part(Budget(part.__name__, LIMIT), watch, random.Random(7), most=most)
    assert watch.faults == []
    assert row.faults == 0, row.figures
    assert int(row.count.replace(",", "")) >= most, row
