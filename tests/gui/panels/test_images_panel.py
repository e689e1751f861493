"""The hero for images: support set by class, query images, drawing by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app.run import Options
from maml_explorer.gui.panels.adaptation_speed.panel import AdaptationSpeedPanel
from maml_explorer.gui.panels.adaptation_speed.plot import SpeedPlot
from maml_explorer.gui.panels.images.draw_pad import HINT
from maml_explorer.gui.panels.images.panel import ImagesPanel
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.session.view_state import view_state
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.images import ImageTask
from maml_explorer.protocol.reports import ArmTest
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.share import from_share, to_share
from tests.gui.driving import Opener, press, worker_of

LECTURE = "glyphs-2-way-4-shot"
SOME = ArmTest((0.5, 0.9), (0.1, 0.1), (0.5, 0.9), (0.5, 0.9), (0, 0))


@pytest.fixture
def images(opened: Opener) -> MainWindow:
    return opened(options=Options(preset=load_preset(LECTURE), safe_mode=True))


def hero(window: MainWindow) -> ImagesPanel:
    panel = window.columns.places["adaptation"].panel
    assert isinstance(panel, ImagesPanel)
    return panel


def pull(window: MainWindow) -> None:
    window.session.link.pull()


def shown(window: MainWindow) -> ImageTask:
    task = window.session.images.task
    assert task is not None
    return task


def draw(qtbot: QtBot, window: MainWindow, target: int) -> None:
    """Draws one stroke as the target's entry in the list says."""
    panel = hero(window)
    panel.target.setCurrentIndex(target)
    qtbot.mousePress(panel.pad, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    qtbot.mouseMove(panel.pad, QPoint(80, 60))
    qtbot.mouseRelease(panel.pad, Qt.MouseButton.LeftButton, pos=QPoint(80, 60))
    pull(window)


def test_the_family_decides_hero_and_settings(window: MainWindow) -> None:
    session, form = window.session, window.columns.form
    assert not isinstance(window.columns.places["adaptation"].panel, ImagesPanel)
    assert form.row("ways").isHidden() and not form.row("amplitude_min").isHidden()
    session.control.load_preset(load_preset(LECTURE))
    pull(window)
    assert hero(window).isVisible()
    assert form.row("amplitude_min").isHidden() and not form.row("ways").isHidden()
    session.control.load_preset(load_preset("finn-10-shot"))
    pull(window)
    assert not isinstance(window.columns.places["adaptation"].panel, ImagesPanel)
    assert form.row("ways").isHidden()
    # back at curves, the curves are asked for again
    last = [one for one in worker_of(window).posted if isinstance(one, ProbeTask | ImageTask)][-1]
    assert isinstance(last, ProbeTask)


def test_support_images_stand_beside_each_other_class_by_class(images: MainWindow) -> None:
    panel = hero(images)
    images.grab()
    assert len(panel.support.cells) == 2 * 4
    grid = panel.support
    for place, cell in grid.cells.items():
        assert grid.class_at(cell.center().toPoint()) == grid.label_of(place)
    assert len(panel.canvas.cells) == 2 * 3


def test_the_slider_moves_probabilities_and_accuracies(images: MainWindow) -> None:
    panel = hero(images)
    panel.slider.setValue(0)
    assert panel.canvas.probability("MAML", 1).tolist() == [0.5, 0.5]
    assert panel.arms.chips["MAML"].value == "50 %"
    panel.slider.setValue(1)
    assert panel.canvas.probability("MAML", 1).tolist() == pytest.approx([0.1, 0.9])
    assert panel.canvas.predicted("MAML", 1) == 1
    assert panel.arms.chips["MAML"].value == "100 %"
    assert panel.arms.chips["MTL"].value == "50 %"
    assert "query accuracy 100 %" in panel.arms.chips["MAML"].accessibleName()
    assert "Image of class B: MAML B, FO-MAML B, ANIL B, MTL A." in panel.canvas.in_words()


def test_a_new_task_clears_what_was_drawn(images: MainWindow, qtbot: QtBot) -> None:
    panel = hero(images)
    draw(qtbot, images, target=0)
    assert panel.pad.strokes
    press(qtbot, panel.new_task)
    pull(images)
    assert not panel.pad.strokes, "it is not judged any more"


def test_new_images_keep_the_classes_and_a_new_task_does_not(
    images: MainWindow, qtbot: QtBot
) -> None:
    first = shown(images)
    press(qtbot, hero(images).new_points)
    second = shown(images)
    assert second.seed == first.seed and second.drawings != first.drawings
    press(qtbot, hero(images).new_task)
    assert shown(images).seed != first.seed
    images.session.editor.undo_stack.undo()
    assert shown(images) == second


def test_a_stroke_adds_an_image_and_the_next_one_goes_on_with_it(
    images: MainWindow, qtbot: QtBot
) -> None:
    panel, before = hero(images), shown(images)
    draw(qtbot, images, target=2)  # class B
    assert shown(images).support[:-1] == before.support
    added = shown(images).support[-1]
    assert added.label == 1 and len(added.strokes) == 1
    assert added.strokes[0][0] == pytest.approx((20 / 104, 20 / 104), abs=6e-3)
    draw(qtbot, images, target=2)
    assert len(shown(images).support) == len(before.support) + 1
    assert len(shown(images).support[-1].strokes) == 2
    press(qtbot, panel.another)
    draw(qtbot, images, target=0)  # a query image
    assert len(shown(images).query) == len(before.query) + 1
    assert shown(images).query[-1].label is None
    for _ in range(3):
        images.session.editor.undo_stack.undo()
    assert shown(images) == before


def test_keys_remove_an_image_and_move_it_to_another_class(
    images: MainWindow, qtbot: QtBot
) -> None:
    grid, before = hero(images).support, shown(images)
    images.grab()
    grid.choose(0)
    qtbot.keyClick(grid, Qt.Key.Key_B)
    assert shown(images).support[0].label == 1
    pull(images)
    qtbot.keyClick(grid, Qt.Key.Key_Delete)
    assert shown(images).support == before.support[1:]


def test_an_image_dropped_on_another_column_changes_class(images: MainWindow, qtbot: QtBot) -> None:
    grid = hero(images).support
    images.grab()
    start = grid.cells[0].center().toPoint()
    qtbot.mousePress(grid, Qt.MouseButton.LeftButton, pos=start)
    end = start + QPoint(grid.block(), 0)
    qtbot.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=end)
    assert [one.label for one in shown(images).support[:2]] == [1, 1]


def test_classes_are_counted_without_support_images_too(images: MainWindow, qtbot: QtBot) -> None:
    assert hero(images).subtitle.full.startswith("2 unseen classes · 8 support, 6 query images")
    press(qtbot, hero(images).clear)
    pull(images)
    assert hero(images).subtitle.full.startswith("2 unseen classes · 0 support, 6 query images")


def test_other_ways_bring_another_task(images: MainWindow) -> None:
    session = images.session
    session.editor.edit({"ways": 5, "shots": 1})
    session.control.restart()
    pull(images)
    assert [one.label for one in shown(images).support] == [0, 1, 2, 3, 4]
    images.grab()
    assert len(hero(images).support.cells) == 5


def test_chance_is_a_line_and_nats_are_on_the_axis(images: MainWindow) -> None:
    plot = images.columns.places["losses"].panel.plot  # type: ignore[union-attr]
    plot.draw()
    assert plot.reference_words == [(pytest.approx(0.6931, abs=1e-4), "chance, ln 2 = 0.693")]
    assert plot.left.labelText == "cross-entropy, nats"
    speed = images.columns.places["adaptation_speed"].panel.plot  # type: ignore[union-attr]
    assert speed.left.labelText == "mean query accuracy"


def test_accuracies_have_a_linear_axis_and_losses_the_chosen_one(
    images: MainWindow, qtbot: QtBot
) -> None:
    panel = images.columns.places["losses"].panel
    assert isinstance(panel, LossesPanel) and panel.log_y.isChecked()
    panel.choose(loss="held-out")
    qtbot.waitUntil(lambda: panel.plot.left.labelText == "query accuracy")
    assert not panel.log_y.isChecked() and not panel.log_y.isEnabled()
    assert not panel.plot.left.logarithmic and not panel.plot.loss_view.log_y
    assert panel.drawn()["log_y"] is True, "the choice is kept"
    # tasks of curves have losses there
    images.session.control.take_over(Settings(), None, "curves")
    pull(images)
    qtbot.waitUntil(panel.log_y.isEnabled)
    assert panel.log_y.isChecked() and panel.plot.left.logarithmic
    images.session.control.load_preset(load_preset(LECTURE))
    pull(images)
    qtbot.waitUntil(lambda: not panel.log_y.isEnabled())
    assert not panel.plot.left.logarithmic
    panel.choose(loss="outer")
    assert panel.log_y.isChecked() and panel.log_y.isEnabled() and panel.plot.left.logarithmic


def test_adaptation_speed_has_the_chosen_axis_for_errors_alone(window: MainWindow) -> None:
    panel = window.columns.places["adaptation_speed"].panel
    assert isinstance(panel, AdaptationSpeedPanel)
    panel.log_y.click()
    for images in (False, True, False):
        if images:
            window.session.control.load_preset(load_preset(LECTURE))
        else:
            window.session.control.take_over(Settings(), None, "curves")
        pull(window)
        QApplication.processEvents()
        assert (panel.plot.log_y, panel.log_y.isChecked()) == (not images, not images)
        assert panel.log_y.isEnabled() is not images
        assert panel.drawn()["speed_axis"] == "log", "the choice is kept"


def test_a_prepared_state_holds_the_task_with_what_was_drawn(
    images: MainWindow, qtbot: QtBot
) -> None:
    draw(qtbot, images, target=1)
    text = to_share(images.session.editor.edited, images.files.sharing.view().to_view())
    there = shown(images)
    images.session.images.new_task()
    assert images.files.sharing.take(text)
    assert shown(images) == there
    assert view_state(from_share(text).view).images == there


def test_a_damaged_task_in_a_share_string_is_refused_in_a_sentence() -> None:
    for damaged in ("1;2;ut;AAa;", ["1;2;ut;AZa;"], ["1;2;ut;?Aa;"], ["1;2;ut;A(123);"]):
        with pytest.raises(SettingsError, match="“images” of another kind"):
            view_state({"images": damaged})


def test_a_share_string_of_an_unknown_family_is_refused_in_a_sentence(window: MainWindow) -> None:
    with pytest.raises(SettingsError, match=r"family\) cannot be faces: allowed is one of sine"):
        window.session.editor.edit({"family": "faces"})


def test_units_and_axes_are_of_images(window: MainWindow) -> None:
    form = window.columns.form
    assert form.row("shots").unit.text() == "pts" and form.row("meta_batch").unit.text() == "tasks"
    window.session.control.load_preset(load_preset(LECTURE))
    pull(window)
    assert form.row("shots").unit.text() == "img" and form.row("meta_batch").unit.text() == "tasks"
    speed = window.columns.places["adaptation_speed"].panel
    assert speed.plot._y_label == "mean query accuracy"  # type: ignore[union-attr]


def test_the_bars_of_a_drawn_image_keep_their_letters_and_say_their_percents(
    images: MainWindow, qtbot: QtBot
) -> None:
    board = hero(images).canvas
    draw(qtbot, images, target=0)
    board.grab()
    place = next(one for one in board.places() if board.label_of(one) is None)
    assert board.lettered, "a letter stands under every bar"
    over_bars = QPoint(
        round(board.tiles[place].right() - 8), round(board.tiles[place].center().y())
    )
    assert not board.cells[place].contains(over_bars)
    qtbot.mouseMove(board, over_bars)
    lines = board.toolTip().split("\n")
    p = board.probability("MAML", place - board.places()[0])
    assert f"MAML: A {100 * p[0]:.0f} %, B {100 * p[1]:.0f} %" in lines


SCREENS = ((1280, 800, False), (1366, 768, False), (1920, 1080, False), (1920, 1080, True))


@pytest.mark.parametrize(("width", "height", "presenting"), SCREENS)
@pytest.mark.parametrize("shots", [4, 10])
def test_images_bars_and_letters_use_the_room(
    images: MainWindow, width: int, height: int, presenting: bool, shots: int
) -> None:
    images.session.editor.edit({"shots": shots, "query_points": 6})
    images.session.images.new_task()
    pull(images)
    images._on_screen.deleteLater()  # the screen here may be smaller
    if presenting:
        images.columns.toggle_presenter()
    images.resize(width, height)
    QApplication.processEvents()
    panel = hero(images)
    panel.grab()
    board, grid = panel.canvas, panel.support
    bottom = max(tile.bottom() for tile in board.tiles.values())
    right = max(tile.right() for tile in board.tiles.values())
    free = (board.width() - right) / board.width(), (board.height() - bottom) / board.height()
    assert min(free) < 0.2, "as large as one of the two directions allows"
    assert min(cell.width() for cell in board.cells.values()) >= 34
    assert board.lettered, "letters in the size of all words have their room"
    cell, columns = grid.grid()
    assert (
        cell >= 30
        and min(
            1 - cell * columns * 2 / grid.width(), 1 - (cell * -(-shots // columns)) / grid.height()
        )
        < 0.3
    )
    for one in (*board.cells.values(), *grid.cells.values()):
        assert one.left() >= 0 and one.top() >= 0
    assert max(one.bottom() for one in grid.cells.values()) <= grid.height()
    assert max(one.right() for one in grid.cells.values()) <= grid.width()
    assert panel.pad.fontMetrics().horizontalAdvance(HINT) < panel.pad.width() - 8


def speed_plot_of_a_trained_run(images: MainWindow) -> SpeedPlot:
    """The plot of Adaptation speed, with a meta-test."""
    images.session.control.train()
    for _ in range(4):
        pull(images)
    plot = images.columns.places["adaptation_speed"].panel.plot  # type: ignore[union-attr]
    assert plot.test is not None
    assert isinstance(plot, SpeedPlot)
    return plot


def test_words_on_chance_and_pixels_are_not_crossed_by_curves(images: MainWindow) -> None:
    plot = speed_plot_of_a_trained_run(images)
    means = plot.test.arms["MAML"].mean
    for part in (0.5, 0.8):
        arms = {
            name: replace(arm, mean=tuple(part for _ in means))
            for name, arm in plot.test.arms.items()
        }
        plot.test = replace(plot.test, neighbour=0.8, arms=arms)
        plot.draw()
        for text in plot.classes.words.values():
            box = text.mapRectToView(text.boundingRect())
            assert not box.top() < part < box.bottom(), text.toPlainText()


def test_words_on_chance_and_pixels_cover_no_marker(images: MainWindow) -> None:
    plot = speed_plot_of_a_trained_run(images)
    steps = len(plot.test.arms["MAML"].mean)
    draws, written = np.random.default_rng(0), 0
    for _ in range(30):
        about, spread = draws.uniform(0.5, 0.9, (4, 1)), draws.uniform(0, 0.1, (4, 1))
        means = about + spread * draws.uniform(-1, 1, (4, steps))
        rows = dict(zip(plot.test.arms, map(tuple, means), strict=False))
        arms = {
            name: replace(arm, mean=rows[name], mean_kept=rows[name])
            for name, arm in plot.test.arms.items()
            if name in rows
        }
        plot.test = replace(plot.test, neighbour=0.8, arms=arms)
        plot.draw()
        for text in plot.classes.words.values():
            if not text.isVisible():
                continue
            written += 1
            box = text.mapRectToScene(text.boundingRect())
            for line in plot.drawn.values():
                for x, y in zip(*plot.to_pixels(line.step, line.mean), strict=True):
                    inside = box.adjusted(-3, -3, 3, 3).contains(x, y)
                    assert not inside, text.toPlainText()
    assert written > 40, "words are left out where there is no room, not otherwise"
    assert "nearest by pixels 80 %" in plot.reading(1)


def test_words_on_chance_and_pixels_keep_inside_when_names_take_room(images: MainWindow) -> None:
    images.session.control.train()
    for _ in range(4):
        pull(images)
    plot = images.columns.places["adaptation_speed"].panel.plot  # type: ignore[union-attr]
    plot.test = replace(plot.test, arms={}, neighbour=0.8)
    plot.draw()
    QApplication.processEvents()
    wide = plot.area().width()
    arms = [arm.name for arm in images.session.settings.arms]
    plot.test = replace(plot.test, arms=dict.fromkeys(arms, SOME))
    plot.draw()
    QApplication.processEvents()
    assert plot.area().width() < wide
    for text in plot.classes.words.values():
        assert text.mapRectToView(text.boundingRect()).right() <= plot.view().viewRange()[0][1]


def test_the_class_to_draw_is_whole_in_every_type(images: MainWindow) -> None:
    target = hero(images).target
    sizes: dict[str, Callable[[], None]] = {
        size: partial(images.columns.set_text_size, size) for size in ("", "large", "largest")
    }
    for size, show in {**sizes, "presenter": images.columns.toggle_presenter}.items():
        show()
        QApplication.processEvents()
        option = QStyleOptionComboBox()
        target.initStyleOption(option)
        assert option.currentText == "query ?", size  # type: ignore[attr-defined]


def test_the_head_moves_closer_together_before_it_is_cut(images: MainWindow, qtbot: QtBot) -> None:
    panel = hero(images)
    images.columns.set_text_size("largest")
    for wide, room in ((700, ""), (505, "little"), (700, "")):
        panel.setFixedWidth(wide)
        qtbot.wait(20)
        assert (panel.clear.property("room") or "") == room
        for part in (panel._title, panel.new_task, panel.new_points, panel.clear):
            assert part.width() >= part.minimumSizeHint().width() - 1, (wide, part.text())
