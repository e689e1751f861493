"""Losses of an arm that stood still for a while: no line where there was no training."""

import numpy as np
import pytest
from PySide6.QtGui import QPainterPath

from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.session.drawn_losses import reduced
from maml_explorer.gui.session.loss_history import (
    GRADIENTS,
    OUTER_LOSS,
    OUTER_STEPS,
    SECONDS,
    LossHistory,
)
from maml_explorer.gui.session.moving_averages import SMOOTHINGS
from maml_explorer.gui.session.pinned_run import MOST_BINS
from maml_explorer.protocol.reports import Metrics
from maml_explorer.settings.settings import Arm
from tests.gui.panels.test_losses_panel import draw

LAST, AGAIN, END = 600, 2000, 3000
"""The outer steps after which an arm stands still, goes on, and after which the run is over."""
AXES = (OUTER_STEPS, SECONDS, GRADIENTS)


def trained(first, last, still=(), names=("MAML", "FO-MAML")):
    """Outer steps in which the arms at `still` did not train; what an arm spent counts its own."""
    steps = np.arange(first, last + 1)
    losses = np.full((len(names), len(steps)), 2.0)
    spent = np.tile(steps, (len(names), 1))
    for name in still:
        row = names.index(name)
        losses[row], spent[row] = np.nan, LAST
    if first > LAST:
        spent[0] = LAST if "MAML" in still else steps - AGAIN + LAST
        losses[0] *= 5
    return Metrics(1, names, steps, losses, losses, spent / 100, spent)


def blocks():
    """MAML stands still from LAST to AGAIN, then goes on at 10; FO-MAML trains on."""
    return [trained(1, LAST), trained(LAST + 1, AGAIN, still=("MAML",)), trained(AGAIN + 1, END)]


def history():
    found = LossHistory()
    for each in blocks():
        found.extend(each)
    return found


def pieces(trace, axis, log_x=False):
    """(x, y) of the pieces of the averages, and of the raw losses."""
    end = trace.x(axis)[-1]
    edges = np.linspace(-1.0, np.log10(end), 301) if log_x else np.linspace(0, end, 301)
    drawn = reduced(trace, axis, 0.0, edges, log_x=log_x, log_y=False)
    return drawn.pieces(), drawn.raw_pieces()


@pytest.mark.parametrize("kept", ["whole", "pinned"])
@pytest.mark.parametrize("log_x", [False, True])
@pytest.mark.parametrize("axis", AXES)
def test_no_line_joins_what_was_before_a_standstill_to_what_came_after(axis, log_x, kept):
    run = history() if kept == "whole" else history().thinned(MOST_BINS)
    trace = run.of_loss(OUTER_LOSS)["MAML"]
    for before, after in pieces(trace, axis, log_x):
        assert set(before[1]) == {2.0} and set(after[1]) == {10.0}
    if axis == OUTER_STEPS and not log_x and kept == "whole":
        for before, after in pieces(trace, axis):
            assert (before[0][-1], after[0][-1]) == (LAST, END)
            assert AGAIN < after[0][0] <= AGAIN + END / 300 + 1
    for others in pieces(run.of_loss(OUTER_LOSS)["FO-MAML"], axis, log_x):
        assert len(others) == 1


def subpaths(curve):
    path = curve.getPath()
    kinds = [path.elementAt(i).type for i in range(path.elementCount())]
    return kinds.count(QPainterPath.ElementType.MoveToElement)


def test_averages_begin_anew_after_a_standstill():
    trace = history().of_loss(OUTER_LOSS)["MAML"]
    smooth = trace.smoothed(max(SMOOTHINGS))
    assert np.allclose(smooth[trace.x(OUTER_STEPS) > AGAIN], 10.0), "it does not climb from 2"


def test_the_plot_interrupts_the_line_and_the_raw_losses_and_those_of_another_run(bench):
    panel = bench.show(LossesPanel, 400, 400)
    for each in blocks():
        bench.report(each)
    draw(panel)
    for curves in (panel.plot._raw, panel.plot._smooth):
        assert (subpaths(curves["MAML"]), subpaths(curves["FO-MAML"])) == (2, 1)
    bench.session.control.reset()
    bench.pull()
    draw(panel)
    lines = {arm: subpaths(curve) for (_, arm), curve in panel.plot.ghosts.curves.items()}
    assert lines == {"MAML": 2, "FO-MAML": 1}


@pytest.mark.parametrize("meanwhile", [0, 1400])
def test_an_arm_that_an_undo_brings_back_has_a_gap_where_others_trained(meanwhile):
    run, arm = LossHistory(), "MAML"
    run.extend(trained(1, LAST))
    definition = Arm(arm, "maml")
    run.leave([definition])
    if meanwhile:
        run.extend(trained(LAST + 1, LAST + meanwhile, names=("FO-MAML",)))
    run.bring_back(definition)
    run.extend(trained(LAST + meanwhile + 1, END))
    for found in pieces(run.of_loss(OUTER_LOSS)[arm], OUTER_STEPS):
        assert len(found) == (2 if meanwhile else 1)


def test_an_arm_that_was_added_later_begins_there_in_one_piece():
    run = LossHistory()
    run.extend(trained(1, LAST, names=("FO-MAML",)))
    run.extend(trained(AGAIN + 1, END))
    for axis in AXES:
        for found in pieces(run.of_loss(OUTER_LOSS)["MAML"], axis):
            assert len(found) == 1


def test_what_a_rewind_leaves_is_joined_to_what_comes_then():
    run = history()
    run.rewind(LAST)
    run.extend(trained(LAST + 1, END, names=("FO-MAML", "MAML")))
    for found in pieces(run.of_loss(OUTER_LOSS)["MAML"], OUTER_STEPS):
        assert len(found) == 1
