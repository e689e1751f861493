"""The hero for streams: functions one after another, tables of errors, other streams."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from maml_explorer.files.reader import StorageError
from maml_explorer.gui.app.run import Options
from maml_explorer.gui.files.own_points import take_points
from maml_explorer.gui.panels.stream_tasks.cell import HEIGHT, WIDTH
from maml_explorer.gui.panels.stream_tasks.panel import StreamTasksPanel
from maml_explorer.gui.panels.streams import triangle
from maml_explorer.gui.panels.streams.board import numbered_rows
from maml_explorer.gui.panels.streams.panel import StreamsPanel
from maml_explorer.gui.panels.streams.triangle import ErrorColors, draw_key
from maml_explorer.gui.panels.streams.words import ARRIVING, SEEN, WAITING, state_of
from maml_explorer.gui.session.view_state import view_state
from maml_explorer.gui.style.theme import LIGHT
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.reports import Stepped, StepPhase
from maml_explorer.protocol.streams import (
    StreamProbed,
    StreamsWatched,
    StreamTask,
    WatchStreams,
)
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.share import from_share
from tests.gui.driving import Opener, worker_of
from tests.gui.stream_answers import stream_probed


@pytest.fixture
def streams(opened: Opener) -> MainWindow:
    return opened(options=Options(preset=load_preset("oml-sine"), safe_mode=True))


def hero(window: MainWindow) -> StreamsPanel:
    panel = window.columns.places["adaptation"].panel
    assert isinstance(panel, StreamsPanel)
    return panel


def pull(window: MainWindow) -> None:
    window.session.link.pull()


def answer(window: MainWindow, task: StreamTask | None = None) -> StreamProbed:
    task = task or window.session.streams.task
    assert task is not None
    return stream_probed(window.session.run, 0, task, window.session.settings)


def show(window: MainWindow) -> StreamProbed:
    report = answer(window)
    worker_of(window).report(report)
    pull(window)
    return report


def test_the_family_decides_hero_and_tab(window: MainWindow) -> None:
    session = window.session
    session.control.load_preset(load_preset("oml-sine"))
    pull(window)
    assert hero(window).isVisible()
    last = [one for one in worker_of(window).posted if isinstance(one, ProbeTask | StreamTask)][-1]
    assert last is session.streams.task
    window.columns.show_tab("tasks")
    assert isinstance(window.columns.places["tasks"].panel, StreamTasksPanel)
    session.control.load_preset(load_preset("glyphs-2-way-4-shot"))
    pull(window)
    assert not isinstance(window.columns.places["adaptation"].panel, StreamsPanel)
    session.control.load_preset(load_preset("oml-sine"))
    pull(window)
    assert hero(window).isVisible()  # the one that was built


def test_it_tells_what_is_learned_and_how_well(streams: MainWindow) -> None:
    show(streams)
    panel = hero(streams)
    assert panel.last_step == 10 and panel.inner_step == 10
    assert panel.subtitle.full == ("stream of 5 functions · 5 seen · 10 of 10 batches have arrived")
    streams.session.inner.choose(5)
    assert panel.subtitle.full.endswith("2 seen · 5 of 10 batches have arrived")
    # the mean over functions 1 and 2 after step 5: 50 and 51
    assert panel.arms.chips["OML"].value == "50.5"
    assert "error on function 1 50, 2 51, 3 52" in panel.canvas.in_words()
    table = panel.canvas.table("MAML")
    assert table.shape == (6, 5) and table[3, 1] == 61
    report = panel.report()
    assert report is not None
    states = [state_of(report, nth, 5) for nth in range(5)]
    assert states == [SEEN, SEEN, ARRIVING, WAITING, WAITING]
    streams.grab()


def test_hidden_arms_have_no_table(streams: MainWindow) -> None:
    show(streams)
    panel = hero(streams)
    assert list(panel.canvas.styles) == ["OML", "MAML", "MTL", "MTL, head"]
    streams.session.set_hidden(["MAML"])
    assert list(panel.canvas.styles) == ["OML", "MTL", "MTL, head"]
    assert "MAML" not in panel.canvas.in_words()


def test_another_stream_is_an_undo_step(streams: MainWindow) -> None:
    show(streams)
    first = streams.session.streams.task
    hero(streams).new_task.click()
    second = streams.session.streams.task
    assert second != first and worker_of(streams).posted_of(StreamTask)[-1] is second
    pull(streams)
    worker_of(streams).report(answer(streams, first))  # of the stream before: not drawn
    pull(streams)
    assert streams.session.streams.probed is not None
    assert streams.session.streams.probed.probe is second
    streams.session.undo()
    assert streams.session.streams.task == first
    streams.session.redo()
    assert streams.session.streams.task == second


def test_the_stream_stands_in_the_share_string(streams: MainWindow) -> None:
    show(streams)
    sharing = streams.files.sharing
    text = sharing.text()
    task = streams.session.streams.task
    assert view_state(from_share(text).view).stream == task
    assert view_state(from_share(text).view).probe is None
    streams.session.streams.new_task()
    sharing.show(view_state(from_share(text).view))
    assert streams.session.streams.task == task
    with pytest.raises(SettingsError, match="“stream” of another kind"):
        view_state({"stream": -1})


def test_points_and_clearing_are_refused_in_a_sentence(streams: MainWindow) -> None:
    said: list[str] = []
    streams.session.control.noted.connect(said.append)
    before = streams.session.streams.task
    streams.actions_table["clear"].trigger()
    assert said == [
        "The points of a stream cannot be cleared. New stream (T) samples a different stream."
    ]
    with pytest.raises(StorageError, match="this run uses streams"):
        take_points(streams.session, streams.banners, "1 2\n2 3", "Clipboard")
    assert streams.session.streams.task is before


def test_a_step_by_hand_is_shown_and_left(streams: MainWindow) -> None:
    report = answer(streams)
    steps = {arm.name: 3 for arm in streams.session.settings.arms}
    worker_of(streams).report(
        Stepped(streams.session.run, 1, 3, 10, StepPhase.ADAPT, report.probe, steps, report)
    )
    pull(streams)
    panel = hero(streams)
    assert panel.inner_step == 3 and not panel.slider.isEnabled()
    assert "inner step 3 of 10 · outer step 1" in panel.subtitle.full


def test_other_streams_are_watched_while_they_are_seen(streams: MainWindow, qtbot: QtBot) -> None:
    streams.columns.show_tab("tasks")
    panel = streams.columns.places["tasks"].panel
    assert isinstance(panel, StreamTasksPanel)
    watch = [one for one in worker_of(streams).posted if isinstance(one, WatchStreams)][-1]
    assert len(watch.tasks) == len(panel.cells) > 0
    answers = tuple(answer(streams, task) for task in watch.tasks)
    worker_of(streams).report(StreamsWatched(streams.session.run, 0, watch, answers))
    pull(streams)
    cell = panel.cells[-1]
    assert cell.report is answers[-1] and cell.step == 10
    streams.grab()
    cell.click()
    assert streams.session.streams.task == watch.tasks[-1]
    streams.columns.show_tab("runs")
    assert worker_of(streams).posted[-1] == WatchStreams(())


def figures_of_others(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Figures in each cell of other streams."""
    panel = window.columns.places["tasks"].panel
    assert isinstance(panel, StreamTasksPanel)
    found: list[int] = []
    for nth, cell in enumerate(panel.cells):
        written: list[float] = []
        monkeypatch.setattr(triangle, "_write", lambda *said, to=written: to.append(said[2]))
        cell.show_report(answer(window, panel.tasks[nth]), 10, nth)
        cell.grab()
        found.append(len(written))
    return found


@pytest.mark.parametrize("hall", [False, True])
def test_other_streams_have_figures_where_one_fits(
    streams: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, hall: bool
) -> None:
    table = 5 + 5 + 4 + 3 + 2 + 1  # before the stream, and after each of its five functions
    if hall:
        streams.columns.toggle_presenter()
        streams.resize(1920, 1080)
    streams.columns.show_tab("tasks")
    names = [arm.name for arm in streams.session.settings.arms]

    def has(figures: int) -> bool:
        found = figures_of_others(streams, monkeypatch)
        return len(found) >= 2 and set(found) == {figures}

    for shown in (3, 2, 1):  # other arms, another room
        streams.session.set_hidden(names[shown:])
        qtbot.waitUntil(lambda shown=shown: has(shown * table))
    streams.session.set_hidden([])
    panel = streams.columns.places["tasks"].panel
    assert isinstance(panel, StreamTasksPanel)
    # one alone has no room: colours, in as many as fit
    assert panel.least(QSize(300, 300)) == QSize(WIDTH, HEIGHT)
    if hall:
        streams.columns.toggle_presenter()


def test_colours_tell_small_errors_from_large_ones() -> None:
    colors = ErrorColors.of([np.array([[0.1, 10.0], [np.nan, 1.0]])])
    assert (colors.low, colors.high) == (0.1, 10.0)
    light = [colors.color(value, LIGHT).lightness() for value in (0.1, 1.0, 10.0)]
    assert light == sorted(light) and light[0] < light[-1]
    assert colors.color(float("nan"), LIGHT).name() == LIGHT.card.lower()
    same = ErrorColors.of([np.array([2.0, 2.0])])
    assert same.low < same.high and ErrorColors.of([]).low < ErrorColors.of([]).high


@pytest.mark.usefixtures("qtbot")
def test_the_colours_have_a_key_with_their_smallest_and_largest_error():
    picture = QImage(300, 20, QImage.Format.Format_RGB32)
    picture.fill(QColor("white"))
    painter = QPainter(picture)
    colors = ErrorColors(0.1, 3.0)
    assert draw_key(painter, QRectF(0, 0, 300, 20), colors, LIGHT)
    assert not draw_key(painter, QRectF(0, 0, 60, 20), colors, LIGHT)
    painter.end()
    row = [picture.pixelColor(x, 10).name() for x in range(300)]
    bar = [x for x in range(300) if QColor(row[x]).saturation() > 60]
    assert 60 <= len(bar) <= 72 and max(bar) < 295
    dark, bright = QColor(row[bar[1]]).lightness(), QColor(row[bar[-2]]).lightness()
    assert dark < bright


def test_numbers_of_low_rows_do_not_lie_on_each_other():
    assert list(numbered_rows(5, 100, 14)) == [0, 1, 2, 3, 4]
    for high in (10, 30, 50, 70, 100):
        rows = list(numbered_rows(5, high, 19))
        assert rows[0] == 0 and all(
            (b - a) * high / 5 >= 0.8 * 19 for a, b in itertools.pairwise(rows)
        )


def test_words_on_the_tables_never_lie_on_them(streams: MainWindow, qtbot: QtBot) -> None:
    panel = hero(streams)
    shown = set()
    streams.columns.set_text_size("largest")
    for high in (1000, 768, 640, 560, 420, 1000):
        streams.resize(1366, high)
        qtbot.wait(20)
        shown.add(panel.guide.isVisible())
        assert not panel.guide.isVisible() or not panel.guide.geometry().intersects(
            panel.canvas.geometry()
        )
        assert panel.guide.isVisible() or panel.canvas.toolTip()
    assert shown == {True, False}
