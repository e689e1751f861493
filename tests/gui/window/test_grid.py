"""The window at every size that screens and scale factors leave it, in every size of type.

Sizes are in the window's own pixels: a screen of 1280 x 800 at scale 2 has 640 x 400 of them. What
cannot differ is left out: the type between normal and largest where neither is cut, the dark theme
beyond one size (a test says that its layout is the same), and real scale factors, which
test_screens has. One window is used throughout, and each state is entered once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from maml_explorer.gui.plots.plot import Plot
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import reports
from tests.gui import geometry
from tests.gui.driving import Opener, worker_of

SCREENS = ((1280, 800), (1366, 768), (1920, 1080), (2560, 1440))
SCALES = (1.0, 1.5, 2.0)
SIZES = sorted({(int(w / s), int(h / s)) for w, h in SCREENS for s in SCALES}, reverse=True)
"""(width, height) in the window's own pixels."""
MIDDLE = ((1280, 800), (960, 540))
"""Sizes at which the middle size of type is looked at too."""


SMALLEST = ((683, 384), (640, 400))
"""Screens of 1366 x 768 and 1280 x 800 at scale 2: a lesson in a presenter's type has no room."""


def found_in(window: MainWindow, where: str, size: tuple[int, int]) -> list[str]:
    """What is wrong in a window that was just resized: beyond it, cut, or covered."""
    for _ in range(2):
        QApplication.sendPostedEvents()
        QApplication.processEvents()
    for plot in window.findChildren(Plot):
        plot.settle()
    found = [
        *geometry.off_screen(window), *geometry.cut_words(window),
        *geometry.overlapping_names(window), *geometry.overlapping_labels(window),
        *geometry.uncentred_axes(window),
    ]  # fmt: skip
    if (window.width(), window.height()) != size:
        found.append(f"the window is {window.width()} x {window.height()}")
    return [f"{where}, {size[0]} x {size[1]}: {one}" for one in found]


def look(window: MainWindow, state: str) -> list[str]:
    """What is wrong at every size and size of type."""
    wrong = []
    for text in ("", "large", "largest"):
        window.columns.set_text_size(text)
        sizes = SIZES[: -len(SMALLEST)] if window.appearance.presenting else SIZES
        for size in MIDDLE if text == "large" else sizes:
            window.resize(*size)
            wrong += found_in(window, f"{state}, {text or 'normal'} type", size)
        if window.appearance.presenting:
            break  # its type is the largest, whatever was chosen
    window.columns.set_text_size("")
    return wrong


@pytest.fixture
def trained(opened: Opener) -> Iterator[MainWindow]:
    """A window on a run with losses, a divergence and a change of a setting."""
    window = opened(size=(1280, 800))
    window._on_screen.deleteLater()  # the screen here is as large as the largest size
    session = window.session
    session.control.train()
    for _ in range(4):
        session.link.pull()
    session.editor.edit({"inner_lr": 0.02})
    session.control.pause()
    worker = worker_of(window)
    worker.report(reports.Diverged(worker.run, "ANIL", 60, 59, "ANIL diverged."))
    session.link.pull()
    window.banners.drop_all()
    yield window


def test_at_the_desk(trained: MainWindow):
    assert "\n".join(look(trained, "desk")) == ""
    trained.columns.toggle_simple()
    assert "\n".join(look(trained, "simple view")) == ""


def test_in_a_lesson_and_while_presenting(trained: MainWindow):
    lessons = trained.lessons
    lessons.start(next(one for one in lessons.shelf.shipped if one.name.endswith("instability")))
    trained.session.link.pull()
    assert "\n".join(look(trained, "lesson")) == ""
    trained.columns.toggle_presenter()
    assert "\n".join(look(trained, "lesson, presenting")) == ""
    lessons.leave()
    trained.session.link.pull()
    assert "\n".join(look(trained, "presenting")) == ""


def run(window: MainWindow) -> None:
    """Trains, and goes on training."""
    window.session.control.train()
    for _ in range(4):
        window.session.link.pull()


def stop(window: MainWindow) -> None:
    """Pauses."""
    window.session.control.pause()
    window.session.link.pull()


def diverge(window: MainWindow) -> None:
    """Changes a setting, and lets an arm diverge; the message stays."""
    window.session.editor.edit({"inner_lr": 0.5})
    worker = worker_of(window)
    worker.report(reports.Diverged(worker.run, "ANIL", 60, 59, "ANIL diverged."))
    window.session.link.pull()


def learn(window: MainWindow) -> None:
    """Begins a lesson."""
    window.banners.drop_all()
    lessons = window.lessons
    lessons.start(next(one for one in lessons.shelf.shipped if one.name.endswith("multi-task")))
    window.session.link.pull()


def begin(window: MainWindow) -> None:
    """Draws the trained example, as at the first start."""
    window.banners.drop_all()
    window.welcome.greet()
    window.session.link.pull()


STATES = {
    "start": begin, "training": run, "paused": stop, "diverged": diverge, "lesson": learn,
}  # fmt: skip
TYPES = ("", "large", "largest", "presenter")
THEMES = ("light", "dark")
WIDE = sorted({(int(w / s), int(h / s)) for w, h in SCREENS[:3] for s in SCALES}, reverse=True)


def test_every_pair_of_state_size_type_and_theme(opened: Opener):
    window = opened(size=(1280, 800))
    window._on_screen.deleteLater()
    wrong, seen = [], set()
    sets: tuple[Sequence[object], ...] = (tuple(STATES), WIDE, TYPES, THEMES)
    wanted = {pair for some, others in combinations(sets, 2) for pair in product(some, others)}
    # another type or theme takes long to put on: each pair of them is put on once
    for nth, kind in enumerate(TYPES):
        for theme in THEMES[:: -1 if nth % 2 else 1]:
            window.appearance.use(theme)
            if kind == "presenter" and not window.appearance.presenting:
                window.columns.toggle_presenter()
            elif kind != "presenter" and kind != window.appearance.text_size:
                window.columns.set_text_size(kind)
            for state, enter in STATES.items():
                enter(window)
                for size in WIDE:
                    pairs = set(combinations((state, size, kind, theme), 2))
                    if not (pairs & wanted) - seen or (kind == "presenter" and size in SMALLEST):
                        continue
                    window.resize(*size)
                    wrong += found_in(window, f"{state}, {kind or 'normal'} type, {theme}", size)
                    seen |= pairs
            window.lessons.leave()
            window.session.link.pull()
    window.columns.toggle_presenter()
    window.columns.set_text_size("")
    assert "\n".join(wrong) == ""
    # a lesson in a presenter's type has no room on the smallest screens
    assert wanted - seen == {(size, "presenter") for size in SMALLEST}


def test_both_themes_have_the_same_layout(trained: MainWindow):
    def layout() -> dict[int, tuple[int, ...]]:
        QApplication.sendPostedEvents()
        widgets = trained.findChildren(QWidget)
        return {id(w): w.geometry().getRect() for w in widgets if w.isVisible()}

    trained.appearance.use("light")
    light = layout()
    trained.appearance.use("dark")
    assert len(light) > 100
    assert layout() == light
    trained.appearance.use("")
