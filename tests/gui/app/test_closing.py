"""What was trained is not lost with the window without a word; what was looked at asks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maml_explorer.gui.app.crash_recovery import Recovery
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from tests.gui.driving import Opener, said, worker_of
from tests.worker.driving import Clock


@pytest.fixture
def recovery(window: MainWindow, tmp_path: Path) -> Iterator[Recovery]:
    made = Recovery(window, tmp_path / "sessions", Clock())
    yield made
    made.end()


def trained(window: MainWindow, steps: int, seconds: float) -> None:
    """Trains so far, in so many seconds."""
    worker, arms = worker_of(window), len(window.session.settings.arms)
    worker._per_pull, worker.step_seconds = steps, seconds / steps / arms
    window.session.control.train()
    window.session.link.pull()


def paused(window: MainWindow) -> None:
    window.session.control.pause()
    window.session.link.pull()


@pytest.mark.parametrize("trains_on", [False, True])
@pytest.mark.parametrize(("steps", "seconds"), [(76, 50.0), (6_000, 8.0)])
def test_a_run_of_some_seconds_is_asked_about(
    window: MainWindow, recovery: Recovery, steps: int, seconds: float, trains_on: bool
):
    trained(window, steps, seconds)
    if not trains_on:
        paused(window)
    window.close()
    assert window.isVisible() and "is not saved" in said(window)[-1]


def test_a_moment_of_training_is_not_asked_about(window: MainWindow, recovery: Recovery):
    trained(window, 1_000, 2.0)
    window.close()
    assert not window.isVisible()


def test_a_run_that_was_saved_by_itself_is_asked_about(window: MainWindow, recovery: Recovery):
    """That save goes when the window is closed."""
    trained(window, 6_000, 8.0)
    paused(window)
    recovery.save()
    worker_of(window)._outbox.clear()
    worker_of(window).report(reports.Exported(reports.Written.SESSION, str(recovery.folder)))
    window.session.link.pull()
    window.close()
    assert window.isVisible() and "is not saved" in said(window)[-1]


def test_a_saved_run_that_came_back_is_not_asked_about(window: MainWindow, recovery: Recovery):
    trained(window, 6_000, 8.0)
    paused(window)
    window.session.link.post(commands.SaveRun("/somewhere"))
    window.session.link.pull()
    window.session.control.reset()
    window.session.link.pull()
    window.session.undo()
    window.session.link.pull()
    assert window.session.status.outer_step == 6_000
    window.close()
    assert not window.isVisible()


def test_only_what_was_trained_since_it_was_saved_counts(window: MainWindow, recovery: Recovery):
    trained(window, 6_000, 8.0)
    paused(window)
    window.session.link.post(commands.SaveRun("/somewhere"))
    window.session.link.pull()
    trained(window, 1_500, 2.0)
    paused(window)
    window.close()
    assert not window.isVisible()


def test_the_example_is_not_asked_about_not_even_after_a_lesson(opened: Opener, tmp_path: Path):
    window = opened()
    recovery = Recovery(window, tmp_path / "sessions", Clock())
    window.welcome.greet()
    for _ in range(3):
        window.session.link.pull()
        worker_of(window).report(worker_of(window)._status())
    assert window.welcome.untouched
    window.lessons.take_tour()
    window.session.link.pull()
    window.lessons.leave()
    window.session.link.pull()
    assert window.session.status.outer_step == 500 and not window.lessons.run.lent
    window.close()
    assert not window.isVisible()
    recovery.end()
