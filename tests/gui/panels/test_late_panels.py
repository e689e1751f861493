"""Panels and pages that are built when they are first seen know what happened before that."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels import PANELS
from maml_explorer.gui.panels.gradient import panel as gradient
from maml_explorer.gui.panels.gradient.parts_page import GRADIENT
from maml_explorer.gui.panels.insight.page import InsightPage
from maml_explorer.gui.panels.insight.tab import InsightTab
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.panels.losses.stability_trace import StabilityTrace
from maml_explorer.gui.panels.map import panel as map
from maml_explorer.gui.panels.network import panel as network
from maml_explorer.gui.panels.prepared import PreparedPanel
from maml_explorer.gui.panels.pseudocode.panel import PseudocodePanel
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.theme import DARK
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol.insight import Insight, InsightFigures, LookInside
from maml_explorer.protocol.insight_records.check import CheckSeen
from maml_explorer.protocol.insight_records.cost import CostSeen
from maml_explorer.protocol.insight_records.gradient import WHOLE, GradientSeen
from maml_explorer.settings.settings import default_arm
from tests.gui import insight_records as records
from tests.gui.driving import press
from tests.gui.panel_bench import Bench

WAITING = {entry.name for entry in PANELS.values() if entry.waits}
TABS = (
    (gradient.GradientPanel, gradient.PAGES),
    (network.NetworkPanel, network.PAGES),
    (map.MapPanel, map.PAGES),
)
PAGES = [
    (kind, name) for kind, pages in TABS for name in pages if name not in map.OF_IMAGES
]  # of curves, as the bench has them


def parts(scale: float) -> GradientSeen:
    two, cosines = np.array([1.0, 2.0]), np.full((3, 3), scale / 10)
    return GradientSeen(("layer 1", WHOLE), scale * two, two, two, two / 4, cosines, scale / 10)


SLOPES = np.array([1.5, 0.25])
ANSWERS: dict[str, Any] = {
    "gradient": {"MAML": parts(1.0), "FO-MAML": parts(2.0), "MTL": parts(3.0)},
    "features": {"MAML": records.features(), "MTL": records.features(0.25)},
    "layer": records.layer(), "step_sizes": records.lslr(), "norm": records.norm(),
    "parameter_map": records.parameter_map(), "error_map": records.error_map(),
    "data_map": records.data_map(), "landscape": records.landscape(),
    "check": {"MAML": CheckSeen(SLOPES, SLOPES + 1e-9, SLOPES + 0.1, 6.7e-10, 0.07, False, 25)},
    "cost": CostSeen((1, 5), {"MAML": SLOPES}, {"MAML": SLOPES}, {"MAML": SLOPES}, {}, "cpu", 25),
}  # fmt: skip


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.task()
    return bench


def shown(bench: Bench, kind: type[InsightTab], page: str) -> InsightTab:
    panel = bench.show(kind, 760, 320)
    panel.show_page(page)
    return panel


def picture(bench: Bench, panel: InsightTab) -> QImage:
    # layouts, and then the first paintings, settle how wide everything is
    for _ in range(3):
        bench.qtbot.wait(20)
        focused = QApplication.focusWidget()
        if focused is not None:  # a window that becomes active gives it to its first button
            focused.clearFocus()
        panel.grab()
    return panel.grab().toImage()


@pytest.mark.parametrize(("kind", "page"), PAGES)
def test_a_late_page_looks_as_one_that_saw_it_all(
    bench: Bench, kind: type[InsightTab], page: str
) -> None:
    session = bench.session
    early = shown(bench, kind, page)
    blank = picture(bench, early)
    session.editor.set_arms([default_arm(key) for key in ("maml", "fomaml", "mtl")])
    session.set_hidden(["FO-MAML"])
    session.editor.edit({"inner_steps": 3})
    bench.task(amplitude=1.5)
    bench.pull()
    # a task is looked into once its drag rests
    bench.qtbot.wait(200)
    for step in (300, 700):
        asked = bench.worker.posted_of(LookInside)[-1].views
        for request in asked or (early.page.view.request,):
            bench.report(Insight(session.run, step, request, ANSWERS[request.view]))
        picture(bench, early)
        session.set_theme(DARK)
    late = shown(bench, kind, page)
    assert list(late.pages) == list(dict.fromkeys([next(iter(late.kinds)), page]))
    assert picture(bench, late) == picture(bench, early)
    assert picture(bench, late) != blank


def test_a_late_page_follows_the_arm_that_is_chosen(bench: Bench) -> None:
    bench.session.editor.set_arms([default_arm("maml"), default_arm("anil")])
    bench.pull()
    panel = bench.show(gradient.GradientPanel)
    panel.arm_choice.setCurrentText("ANIL")
    panel.show_page("Check")
    assert panel.pages["Check"].arm == "ANIL"


def test_a_late_page_draws_the_figures_of_an_opened_run(bench: Bench) -> None:
    rows = ((0, "gradient", "MAML", "cosine between tasks", 0.5),)
    bench.report(InsightFigures(bench.session.run, rows))
    panel = bench.show(gradient.GradientPanel)
    bench.report(Insight(bench.session.run, 900, GRADIENT, ANSWERS["gradient"]))
    panel.show_page("Tasks")
    plot = panel.page.plot  # type: ignore[attr-defined]
    line = next(line for line in plot.lines if line.name == "MAML")
    assert (line.x.tolist(), line.y.tolist()) == ([0, 900], [0.5, 0.1])


def test_a_start_builds_only_what_is_seen(window: MainWindow) -> None:
    built = {name for name, place in window.columns.places.items() if place.panel is not None}
    assert built == PANELS.keys() - WAITING | {"tasks"}
    for name in WAITING:
        window.columns.show_tab(name)
        place = window.columns.places[name]
        assert place.panel is not None
        assert place.panel.isVisible() and place.panel.size() == place.size()
        # a prepared state would pass by what is not there yet
        of_pages = bool(place.entry.pages)
        assert isinstance(place.panel, PreparedPanel) == (place.entry.prepared or of_pages)
        if isinstance(place.panel, InsightTab):
            view = place.panel.page.view
            assert view.currentWidget().size() == view.size(), "words do not jump into place"
            assert list(place.panel.pages) == [next(iter(place.panel.kinds))]


def test_a_tab_is_built_for_a_prepared_state_that_names_a_page_of_it(window: MainWindow) -> None:
    network, code = (window.columns.places[name] for name in ("network", "code"))
    window.columns.build_prepared(("Norm",))
    assert network.panel is not None and code.panel is None
    assert window.columns.places["map"].panel is None


def test_a_start_builds_no_list_and_no_plot_that_nobody_sees(window: MainWindow) -> None:
    losses = window.columns.places["losses"].panel
    assert isinstance(losses, LossesPanel)
    assert losses.findChildren(StabilityTrace) == []
    losses.stability.click()
    assert losses.findChildren(StabilityTrace) == [losses.trace] and losses.trace.isVisible()
    losses.stability.click()
    assert not losses.trace.isVisible()


def test_late_pseudocode_lights_the_part_that_is_shown(window: MainWindow) -> None:
    session, place = window.session, window.columns.places["pseudocode"]
    session.control.inner_step()
    session.link.pull()
    assert place.panel is None
    window.columns.show_tab("pseudocode")
    assert isinstance(place.panel, PseudocodePanel) and place.panel.lit
    session.control.outer_step()
    session.link.pull()
    assert session.link.last_part is None and not place.panel.lit


FIRST_PICTURE = """
import sys
from PySide6.QtWidgets import QApplication, QMainWindow
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.run import run

def shown(*_):
    next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMainWindow)).grab()
    print(*sorted(sys.modules))
    return 0

QApplication.exec = shown
run(Options(safe_mode=True))
"""


def test_the_first_picture_loads_nothing_that_it_does_not_show() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PICTURE], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    shown = {"losses", "adaptation", "adaptation_speed", "tasks"}
    panels = {f"maml_explorer.gui.panels.{name}.panel" for name in PANELS}
    assert panels & loaded == {f"maml_explorer.gui.panels.{name}.panel" for name in shown}
    late = {"torch", "pyqtgraph.graphicsItems.ROI", "pyqtgraph.parametertree"}
    assert late & loaded == set()


def test_a_hidden_tab_stays_unbuilt_until_it_is_wanted(window: MainWindow) -> None:
    window.columns.parts["Insight"].hide()
    window.columns.tabs.setCurrentWidget(window.columns.places["map"])
    assert window.columns.places["map"].panel is None
    window.columns.parts["Insight"].show()
    assert window.columns.places["map"].panel is not None


def test_a_page_that_cannot_be_built_leaves_its_error_in_its_place(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(InsightPage):
        def __init__(self, session: Session) -> None:
            raise ValueError("never built")

    monkeypatch.setitem(network.PAGES, "Norm", Broken)
    window.columns.show_tab("network")
    place = window.columns.places["network"]
    assert isinstance(place.panel, InsightTab)
    with qtbot.captureExceptions() as caught:
        press(qtbot, place.panel.choices.buttons()[3])
    assert [window.panel_failed(error) for _, error, _ in caught] == [True]
    assert place.failed
    assert any("never built" in label.text() for label in place.findChildren(QLabel))
    # the rest goes on, and a tab that is seen again does not lose its error
    window.columns.show_tab("map")
    window.columns.show_tab("network")
    assert place.failed and not window.columns.places["map"].failed
