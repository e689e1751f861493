"""The embedding of images: offered to their runs alone, asked for what is shown, drawn in place."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF

from maml_explorer.gui.app.options import Options
from maml_explorer.gui.panels.map.embedding_page import EmbeddingPage
from maml_explorer.gui.panels.map.panel import MapPanel
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol.commands import Restart
from maml_explorer.protocol.insight import Insight, LookInside
from maml_explorer.settings.presets import load_preset
from tests.gui import insight_records as records
from tests.gui.driving import Opener, worker_of


def tab(window: MainWindow) -> MapPanel:
    window.columns.show_tab("map")
    panel = window.columns.places["map"].panel
    assert isinstance(panel, MapPanel)
    return panel


def offered(panel: MapPanel) -> list[str]:
    buttons = [panel.choices.button(nth) for nth in range(len(panel.kinds))]
    return [one.text() for one in buttons if not one.isHidden()]


@pytest.fixture
def images(opened: Opener) -> MainWindow:
    return opened(options=Options(preset=load_preset("glyphs-2-way-4-shot"), safe_mode=True))


def test_each_family_is_offered_its_own_maps(window: MainWindow) -> None:
    panel = tab(window)
    assert offered(panel) == ["Parameters", "Errors", "Shots", "Landscape"]
    window.session.control.load_preset(load_preset("glyphs-2-way-4-shot"))
    window.session.link.pull()
    assert offered(panel) == ["Shots", "Landscape", "Embedding"]
    assert panel.shown == "Embedding"
    window.session.control.load_preset(load_preset("finn-10-shot"))
    window.session.link.pull()
    assert panel.shown == "Parameters"
    assert any(isinstance(one, Restart) for one in worker_of(window).posted)


def test_the_embedding_of_what_is_shown(images: MainWindow) -> None:
    panel, session = tab(images), images.session
    page = panel.page
    assert isinstance(page, EmbeddingPage)
    page.soon.stop()
    page.reask()
    task = session.images.task
    looks = [one for one in worker_of(images).posted if isinstance(one, LookInside)]
    (asked,) = (one for one in looks[-1].views if one.view == "embedding")
    assert task is not None
    expected = {"arm": "MAML", "seed": task.seed, "drawings": task.drawings, "unseen": True}
    assert dict(asked.values()) == expected
    worker_of(images).report(Insight(session.run, 3, asked, records.embedding()))
    session.link.pull()
    images.grab()
    session.inner.choose(0)
    images.grab()
    before = [cell.center() for cell in page.board.cells]
    session.inner.choose(2)
    images.grab()
    after = [cell.center() for cell in page.board.cells]
    # the axes stay: what is at 0 stays, and the other class moves away from it
    assert before[0].x() == after[0].x() and after[1].x() > before[1].x()
    assert before[4].y() == after[4].y() < after[2].y() < after[0].y()
    assert "after inner step 2: 90 % of the variance of query images" in page.summary
    assert page.board.words_at(QPointF(after[0])) == "support image of class A (a)"
    session.inner.choose(0)
    images.grab()
    at = page.board.cells[5].center()
    assert page.board.words_at(at) == "query image of class B (b), told as A"
    assert page.board.words_at(QPointF(-5, -5)) == ""
