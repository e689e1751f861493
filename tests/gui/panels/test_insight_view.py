"""A view's place in a tab: asked for while visible, drawn, or explained in words."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels.insight.view import InsightView
from maml_explorer.gui.session.session import Session
from maml_explorer.protocol import reports
from maml_explorer.protocol.insight import (
    Insight,
    InsightProgress,
    InsightRequest,
    LookInside,
    NothingToShow,
    RefreshInsight,
)
from tests.gui.driving import press
from tests.gui.panel_bench import Bench

ONE, TWO = InsightRequest.of("landscape", m=1), InsightRequest.of("landscape", m=2)


class Shown(InsightView):
    def __init__(self, session: Session, **options: str) -> None:
        super().__init__(session, QLabel("the plot"), ONE, **options)
        self.drawn: list[object] = []
        self.ages: list[str] = []
        self.found.connect(self.drawn.append)
        self.said.connect(self.ages.append)

    @property
    def draws(self) -> bool:
        return self.currentWidget() is self.content


def looked_at(bench: Bench) -> tuple[InsightRequest, ...]:
    commands = bench.worker.posted_of(LookInside)
    return commands[-1].views if commands else ()


def test_it_is_asked_for_only_while_somebody_sees_it(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    assert looked_at(bench) == ()
    view = bench.show(Shown)
    assert looked_at(bench) == (ONE,)
    other = bench.show(Shown)
    assert looked_at(bench) == (ONE,), "two that show the same are computed once"
    other.ask(TWO)
    assert looked_at(bench) == (ONE, TWO)
    view.hide()
    assert looked_at(bench) == (TWO,)
    other.hide()
    assert looked_at(bench) == ()


def test_nothing_is_said_while_nobody_sees_it(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    view = bench.show(Shown)
    bench.report(Insight(bench.session.run, 1200, ONE, "a value"))
    view.hide()
    view.ages.clear()
    bench.session.control.train()
    bench.pull()
    assert view.ages == []
    view.show()
    assert view.ages[-1] == "at outer step 1\u202f200"


def test_computing_then_the_value(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    view = bench.show(Shown)
    assert (view.draws, view.words.text()) == (False, "Computing…")
    assert view.words.isVisible() and not view.begin.isVisible() and not view.again.isVisible()
    bench.report(InsightProgress(bench.session.run, ONE, 0.42))
    assert view.words.text() == "Computing… 42 %"
    bench.report(Insight(bench.session.run, 7, TWO, "of another view"))
    assert not view.draws
    bench.report(Insight(bench.session.run, 1200, ONE, "a value"))
    assert view.draws
    assert view.drawn == ["a value"]
    assert view.ages[-1] == "at outer step 1\u202f200"


def test_options_change_and_the_old_value_stays_until_the_new_one_is_there(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    view = bench.show(Shown)
    bench.report(Insight(bench.session.run, 5, ONE, "old"))
    view.ask(TWO)
    assert view.draws and view.drawn == ["old"]
    bench.report(Insight(bench.session.run, 5, TWO, "new"))
    assert view.drawn == ["old", "new"]
    view.ask(ONE)
    assert view.drawn[-1] == "old", "what was found before is there at once"


def test_nothing_to_show_and_arms_in_words(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    view = bench.show(Shown)
    value = {"MAML": "a record", "MTL": NothingToShow("Joint training has no inner loop.")}
    bench.report(Insight(bench.session.run, 5, ONE, value))
    assert view.drawn == [value]
    view.show_arm("MTL")
    assert (view.draws, view.words.text()) == (False, "Joint training has no inner loop.")
    view.show_arm("MAML")
    assert view.draws and view.drawn[-1] == "a record"
    view.show_arm("ANIL")
    assert view.words.text() == "ANIL has not been looked at yet."
    bench.report(Insight(bench.session.run, 5, ONE, NothingToShow("There are no tasks.")))
    assert view.words.text() == "There are no tasks."


def test_a_view_that_failed_says_so_in_its_place_and_is_tried_again(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    view = bench.show(Shown)
    bench.report(
        Insight(bench.session.run, 5, ONE, None, "ValueError: no such layer.", "Traceback …")
    )
    assert not view.draws
    assert view.words.text() == (
        "This view could not be computed: ValueError: no such layer. The run goes on."
    )
    press(qtbot, view.details)
    assert QGuiApplication.clipboard().text() == "Traceback …"
    press(qtbot, view.again)
    assert bench.worker.posted_of(RefreshInsight) == [RefreshInsight(ONE)]
    assert view.words.text() == "Computing…"
    assert not view.again.isVisible()
    bench.report(Insight(bench.session.run, 6, ONE, "a value"))
    assert view.draws and view.drawn == ["a value"]


def test_on_demand_it_waits_for_a_press(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    view = bench.show(lambda s: Shown(s, on_demand="Takes some seconds.", verb="Measure"))
    assert looked_at(bench) == ()
    assert view.words.text() == "Takes some seconds."
    assert view.begin.isVisible() and view.begin.text() == "Measure"
    press(qtbot, view.begin)
    assert bench.worker.posted_of(RefreshInsight) == [RefreshInsight(ONE)]
    assert (view.words.text(), view.begin.isVisible()) == ("Computing…", False)
    bench.report(Insight(bench.session.run, 5, ONE, "a value"))
    assert view.draws


def test_a_new_run_begins_without_values_and_drops_late_ones(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    view = bench.show(Shown)
    old = bench.session.run
    bench.report(Insight(old, 5, ONE, "old"))
    bench.session.control.restart()
    bench.pull()
    assert bench.session.insight.found == {}
    bench.report(Insight(old, 6, ONE, "late"))
    assert view.drawn == ["old"]
    bench.report(Insight(bench.session.run, 0, ONE, "new"))
    assert view.drawn == ["old", "new"]


def test_while_the_engine_loads_it_says_so(qtbot: QtBot) -> None:
    bench = Bench.start(qtbot)
    bench.session.link.status = None
    view = bench.show(Shown)
    assert view.words.text() == "The training engine is loading."
    bench.session.control.restart()
    bench.pull()
    assert bench.session.link.phase is reports.Phase.PAUSED
    assert view.words.text() == "Computing…"
