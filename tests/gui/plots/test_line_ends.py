"""Names at line ends: apart from each other by construction, as near their lines as can be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from maml_explorer.gui.plots.line_ends import LEADER, LineEnd, spread
from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.style.theme import LIGHT


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([20.0, 60.0], [20.0, 60.0]),
        ([50.0, 50.0], [45.0, 55.0]),
        ([50.0, 52.0, 90.0], [46.0, 56.0, 90.0]),
        ([90.0, 50.0, 52.0], [90.0, 46.0, 56.0]),
        ([1.0, 2.0], [5.0, 15.0]),
        ([99.0, 99.0], [85.0, 95.0]),
        ([], []),
    ],
)
def test_places(wanted: list[float], expected: list[float]):
    assert spread(wanted, 10.0, 0.0, 100.0) == pytest.approx(expected)


@given(st.lists(st.floats(-50, 150), max_size=10))
def test_names_never_touch_and_keep_the_order_of_their_lines(wanted: list[float]):
    found = spread(wanted, 10.0, 0.0, 100.0)
    for low, high in itertools.pairwise(sorted(found)):
        assert high - low >= 10.0 - 1e-9
    assert all(5.0 - 1e-9 <= place <= 95.0 + 1e-9 for place in found)
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(np.array(found)[order]) > 0).all()


def test_a_plot_leaves_its_names_a_margin_and_none_where_there_are_none(qtbot: QtBot):
    plot = Plot(LIGHT, "Test")
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    plot.show()
    plot.view().setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
    before = plot.area().right()
    ends = [LineEnd(name, "#000000", 0.5) for name in ("MAML", "FO-MAML", "a much longer name")]
    plot.ends.show_ends([*ends, LineEnd("far", "#000000", 9.0), LineEnd("n", "#000000", np.nan)])
    qtbot.wait(20)
    boxes, area = plot.ends.boxes, plot.area()
    assert [name for name, _ in boxes] == ["MAML", "FO-MAML", "a much longer name", "far"]
    assert boxes[-1][1].top() <= area.top() + 1, "a line that left the view is named at the edge"
    for _, box in boxes:
        assert box.left() >= area.right() + LEADER - 2
        assert box.right() <= plot.width()
        assert area.top() - 1 <= box.top() and box.bottom() <= area.bottom() + 1
    assert not any(a.intersects(b) for (_, a), (_, b) in itertools.combinations(boxes, 2))
    plot.ends.show_ends([])
    qtbot.wait(20)
    assert plot.area().right() == pytest.approx(before, abs=1)


def test_a_name_that_has_no_room_yet_is_not_cut(qtbot: QtBot):
    # “best s…” was drawn before the layout gave it the margin that it had asked for
    plot = Plot(LIGHT, "Test")
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    plot.show()
    qtbot.wait(20)
    plot.ends.name_also([LineEnd("best single predictor", "#000000", 0.5)])
    assert plot.ends.boxes == []
    qtbot.wait(20)
    ((_, box),) = plot.ends.boxes
    assert box.right() <= plot.width()


def test_the_last_names_give_way_where_there_are_too_many(qtbot: QtBot):
    plot = Plot(LIGHT, "Test")
    qtbot.addWidget(plot)
    plot.resize(300, 110)
    plot.show()
    plot.view().setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
    plot.ends.show_ends([LineEnd(f"arm {nth}", "#000000", nth / 30) for nth in range(30)])
    qtbot.wait(20)
    names = [name for name, _ in plot.ends.boxes]
    assert 0 < len(names) < 30 and names == [f"arm {nth}" for nth in range(len(names))]
