"""Compare with several arms: paired differences to the first arm, in words and as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QLabel

from maml_explorer.gui.panels.adaptation_speed.panel import AdaptationSpeedPanel
from maml_explorer.gui.plots.table_window import TableWindow
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.arm_gap import ArmGap
from maml_explorer.published.verdicts import Comparison, verdict_of
from maml_explorer.settings.presets import presets
from maml_explorer.settings.settings import default_arm
from tests.gui.driving import worker_of
from tests.gui.panel_bench import LEFT, Bench
from tests.gui.panels.test_adaptation_speed import FINE, compared

WORSE = ArmGap("MTL", "MAML", (1, 1), 2.148, 0.17, 18, 600, 600)
ALIKE = ArmGap("ANIL", "MAML", (1, 1), -0.01, 0.03, 297, 590, 600)
BETTER = ArmGap("MTL", "ANIL", (1, 1), -0.2, 0.1, 400, 590, 600)
NBSP = "\u00a0"


@pytest.fixture
def panel(bench):
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.session.editor.edit({"amplitude_max": 4.0})
    bench.pull()
    return bench.show(AdaptationSpeedPanel, 400, 800)


def tested(bench: Bench, *gaps: ArmGap) -> None:
    arms = dict.fromkeys(("MAML", "ANIL", "MTL"), FINE)
    bench.report(reports.MetaTested(bench.session.run, 400, 10, 600, arms, gaps=gaps))


def enter(window: MainWindow, hall: bool) -> None:
    """A small window at the desk, or the presenter of a large one."""
    window.resize(*((1920, 1080) if hall else (1280, 800)))
    if hall:
        window.columns.toggle_presenter()


def test_arms_are_compared_with_the_first_without_published_figures(bench, panel):
    assert not panel.compare.isVisible()
    tested(bench, ALIKE, WORSE, BETTER)
    assert panel.compare.isVisible() and not panel.verdict.isVisible()
    bench.qtbot.mouseClick(panel.compare, LEFT)
    assert not bench.worker.posted_of(commands.Reproduce), "nothing is left to compute"
    assert panel.compare.isEnabled()
    assert panel.verdict.text().replace(NBSP, " ") == (
        "Query MSE against MAML on the same 600 held-out tasks, after 1 inner step: "
        "ANIL −0.01 ± 0.03 (no difference seen), better on 50 % of tasks; "
        "MTL +2.15 ± 0.17, better on 3 % of tasks. "
        "Left out, as one of the two diverged: ANIL 10."
    )
    tested(bench, replace(ALIKE, mean=-0.05), WORSE)
    assert "ANIL −0.05 ± 0.03, better" in panel.verdict.text().replace(NBSP, " ")


def test_arms_that_train_with_other_inner_steps_are_named_with_them(bench, panel):
    tested(bench, replace(ALIKE, mean=-0.05, steps=(5, 1)), WORSE)
    panel.compare.click()
    for words in (panel._verdict, *panel._brief):
        assert "fter 1 inner step (ANIL after 5)" in words


def test_a_hidden_first_arm_gives_way_to_the_first_that_is_drawn(bench, panel):
    tested(bench, ALIKE, WORSE, BETTER)
    panel.compare.click()
    bench.session.set_hidden({"MAML", "FO-MAML"})
    assert panel.verdict.text().replace(NBSP, " ").startswith("Query MSE against ANIL on")
    assert "MTL −0.2 ± 0.1, better on 68 %" in panel.verdict.text().replace(NBSP, " ")
    bench.session.set_hidden({"MAML", "FO-MAML", "MTL"})
    assert not panel.verdict.isVisible() and not panel.compare.isVisible()


def test_the_table_of_published_figures_says_the_differences_too(bench, panel):
    bench.session.control.load_preset(presets()["finn-10-shot"])
    bench.pull()
    tested(bench, ALIKE, WORSE)
    panel.compare.click()
    compared(bench)
    with bench.qtbot.captureExceptions() as raised:
        bench.qtbot.mouseClick(panel.figures, LEFT)
    assert not raised, raised
    (opened,) = panel.findChildren(TableWindow)
    said = [label.text() for label in opened.findChildren(QLabel)]
    assert any("Query MSE against MAML on the same 600" in each for each in said)
    opened.close()


def test_the_table_has_every_difference(bench, panel):
    tested(bench, ALIKE, WORSE, replace(BETTER, against="MAML", arm="X"))
    panel.compare.click()
    bench.qtbot.mouseClick(panel.figures, LEFT)
    (opened,) = panel.findChildren(TableWindow)
    rows = opened.view.model().rows
    assert rows == [
        ("ANIL", "MAML", "1", "−0.01 ± 0.03", "no difference seen", "50 %", 590, 10),
        ("MTL", "MAML", "1", "+2.15 ± 0.17", "", "3 %", 600, 0),
    ]
    opened.close()


@pytest.mark.parametrize("hall", [False, True])
def test_a_low_panel_says_the_differences_in_brief(window: MainWindow, qtbot, hall: bool):
    worker, session = worker_of(window), window.session
    enter(window, hall)
    arms = dict.fromkeys([arm.name for arm in session.settings.arms], FINE)
    gaps = tuple(replace(WORSE, arm=name) for name in list(arms)[1:])
    worker.report(reports.MetaTested(session.run, 400, 10, 600, arms, gaps=gaps))
    session.link.pull()
    panel = window.findChild(AdaptationSpeedPanel)
    panel.compare.click()
    qtbot.wait(50)
    said = panel.verdict.text().replace(NBSP, " ")
    begins = "MSE against MAML, after 1 inner step: ", "After 1 inner step, worse than MAML: "
    assert said.startswith(begins) and not said.endswith("…")
    assert "better on 3 % of tasks" in " ".join(panel.verdict.toolTip().replace(NBSP, " ").split())


@pytest.mark.parametrize("hall", [False, True])
def test_two_comparisons_are_told_apart_in_a_low_panel(window: MainWindow, qtbot, hall: bool):
    worker, session = worker_of(window), window.session
    enter(window, hall)
    session.control.load_preset(presets()["finn-10-shot"])
    session.link.pull()
    session.editor.set_arms(map(default_arm, ("maml", "fomaml", "anil", "mtl", "reptile")))
    session.link.pull()
    names = [arm.name for arm in session.settings.arms]
    gaps = tuple(replace(WORSE, arm=name, steps=(3, 3)) for name in names if name != "MAML")
    arms = dict.fromkeys(names, FINE)
    worker.report(reports.MetaTested(session.run, 15_783, 10, 600, arms, gaps=gaps))
    status = replace(session.status, outer_step=20_496, settings=session.settings)
    worker.report(status)
    session.link.pull()
    panel = window.findChild(AdaptationSpeedPanel)
    panel.compare.click()
    preset = presets()["finn-10-shot"]
    entry, early = preset.published[0], verdict_of(0.7, 0.67, None, 0, 600, None, (20_496, 70_000))
    one = Comparison(
        "MAML", "maml", 5, 1, 0.67, None, entry.source, 0.7, 0.05, 0.7, 0.4, 0, 600, early
    )
    worker.report(reports.Compared(session.run, 20_496, preset, (one,), ()))
    session.link.pull()
    qtbot.wait(50)
    said = panel.verdict.text().replace(NBSP, " ").replace("\u202f", " ")
    old = "t outer step 15 783, after 3 inner steps"
    assert said.startswith((f"MSE against MAML, a{old}: ", f"A{old}, worse than MAML: "))
    assert "Too early to compare with the published figures" in said and said.endswith("."), said
