"""Banners: one for arms that diverge together, and never larger than the window can hold."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.gui.widgets.banner import Banner
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.gui.window.worker_notices import divergence_words, listed
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Arm
from tests.gui.driving import Opener, press, said, worker_of


def diverge(window: MainWindow, *arms: str, step: int = 4146) -> None:
    for arm in arms:
        worker_of(window).report(
            reports.Diverged(
                1, arm, step, step - 20,
                f"{arm} diverged at outer step {step}: its loss exploded. It is kept at its step "
                f"{step - 20}; the other arms go on. Last change: Inner learning rate from 0.01 to "
                "90 at outer step 4 100.",
            )
        )  # fmt: skip
    window.session.link.pull()


def test_arms_that_diverge_together_are_one_banner(window: MainWindow):
    diverge(window, "MAML", "FO-MAML", "ANIL")
    assert said(window) == [
        "MAML, FO-MAML and ANIL diverged at outer step 4\u2009146. Last change: Inner learning "
        "rate from 0.01 to 90 at outer step 4 100. Going back with unchanged settings will "
        "repeat it."
    ]


def test_arms_that_diverge_later_join_the_banner(window: MainWindow):
    diverge(window, "MAML")
    diverge(window, "ANIL", step=5000)
    (text,) = said(window)
    assert text.startswith("MAML and ANIL diverged at outer steps 4\u2009146 to 5\u2009000.")


def test_halving_is_for_all_arms_of_the_banner_and_one_undo_step(window: MainWindow, qtbot: QtBot):
    worker = worker_of(window)
    diverge(window, "MAML", "ANIL")
    press(qtbot, window.banners.shown[0].buttons[1])
    for name in ("MAML", "ANIL"):
        assert dict(worker.settings.arm(name).overrides) == {"inner_lr": 0.005}
    assert worker.settings.arm("MTL").overrides == ()
    assert [command.arm for command in worker.posted_of(commands.ReviveArm)] == ["MAML", "ANIL"]
    assert worker.posted_of(commands.Train)
    window.session.editor.undo_stack.undo()
    assert worker.settings.arm("MAML").overrides == worker.settings.arm("ANIL").overrides == ()
    # arms that were revived are not named again
    diverge(window, "FO-MAML", step=6000)
    assert said(window)[0].startswith("FO-MAML diverged at outer step 6000")


def test_going_back_forgets_who_diverged(window: MainWindow, qtbot: QtBot):
    diverge(window, "MAML", "ANIL")
    press(qtbot, window.banners.shown[0].buttons[0])
    window.session.link.pull()
    assert said(window) == []
    diverge(window, "MTL")
    assert said(window)[0].startswith("MTL diverged")


@pytest.mark.parametrize(
    "what",
    [
        "RuntimeError: planted. The state before it is kept.",
        "The memory is not enough for these sizes. The state before is kept: lower the meta-batch.",
        "The CUDA device no longer answers. Close the window and start the program again.",
    ],
)
def test_a_failure_offers_a_restart_and_its_details(window: MainWindow, qtbot: QtBot, what: str):
    worker = worker_of(window)

    def fail() -> Banner:
        worker.report(reports.Failed(1, what, "Traceback: line 3"))
        worker.report(reports.Status(1, reports.Phase.FAILED, 40, worker.settings))
        window.session.link.pull()
        (banner,) = window.banners.shown
        return banner

    banner = fail()
    assert banner.text.full == f"Training failed: {what}"
    assert [button.text() for button in banner.buttons] == ["Restart", "Copy details"]
    press(qtbot, banner.buttons[1])
    assert QApplication.clipboard().text() == f"{what}\n\nTraceback: line 3"
    press(qtbot, fail().buttons[0])
    assert worker.posted_of(commands.Restart)[-1].settings == window.session.settings
    window.session.link.pull()
    assert said(window) == []


def test_a_full_disk_is_one_banner_however_often_it_is_full(window: MainWindow):
    for step in (64, 128):
        reason = f"Outer step {step} was not kept on disk: No space left. Training goes on."
        worker_of(window).report(reports.Refused("metrics", reason))
        window.session.link.pull()
    assert said(window) == ["Outer step 128 was not kept on disk: No space left. Training goes on."]


@pytest.mark.parametrize("size", [(1280, 800), (1240, 720)])
def test_long_banners_leave_the_window_as_it_is(
    opened: Opener, qtbot: QtBot, size: tuple[int, int]
):
    window = opened(size=size)
    before = {name: part.sizes() for name, part in window.columns.splitters.items()}
    for subject in "abc":
        window.banners.say(subject, "A long message about what happened. " * 20, "warning",
                           (("Do one thing", int), ("Do another thing", int)))  # fmt: skip
    qtbot.wait(30)
    assert (window.width(), window.height()) == size
    assert window.columns.splitters["columns"].sizes() == before["columns"]
    for banner in window.banners.shown:
        line = banner.text.fontMetrics().lineSpacing()
        assert banner.text.height() <= 2 * line + 2
        assert banner.text.text().endswith("…")
        assert banner.text.toolTip() == banner.text.full
        assert banner.close_button.isVisible()
        assert banner.text.width() > window.width() / 2
    window.banners.drop_all()
    qtbot.wait(30)
    assert (window.width(), window.height()) == size


@pytest.mark.parametrize(
    ("names", "words"),
    [(["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C"), ([], "")],
)
def test_names_are_listed_as_people_do(names: list[str], words: str):
    assert listed(names) == words


def test_a_divergence_says_how_stable_the_inner_steps_are():
    known = "At the state kept 90 % of its inner steps swing."
    one = reports.Diverged(1, "MAML", 7, 5, "MAML diverged at outer step 7.", known)
    two = reports.Diverged(1, "ANIL", 8, 5, "ANIL diverged. Last change: α from 1 to 2.")
    assert divergence_words([one]).startswith(f"MAML diverged at outer step 7. {known} Going back")
    both = divergence_words([one, two])
    assert (
        "Last change: α from 1 to 2. MAML: At the state kept 90 % of its inner steps swing" in both
    )


def test_a_late_arm_is_said_and_all_can_begin_anew(window: MainWindow, qtbot: QtBot):
    session = window.session
    arms = window.columns.places["adaptation"].panel.arms  # type: ignore[union-attr]
    arms.add("reptile")
    assert said(window) == [], "before training nothing is late"
    session.control.train()
    session.link.pull()
    arms.add("maml")
    assert said(window) == [
        "MAML 2 begins here, at an outer step 0 of its own; the others have taken 40."
    ]
    press(qtbot, window.banners.shown[0].buttons[0])
    restart = worker_of(window).posted_of(commands.Restart)[-1]
    assert restart == commands.Restart(session.settings, train=True)
    assert [arm.name for arm in restart.settings.arms][-2:] == ["Reptile", "MAML 2"]
    session.link.pull()
    assert said(window) == []
    session.control.train()
    session.link.pull()
    session.editor.set_arms([*session.settings.arms, Arm("A", "maml"), Arm("B", "anil")])
    assert said(window)[0].startswith("A and B begin here, at an outer step 0 of their own; ")


def test_writing_that_takes_a_while_is_said_and_cancelled(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    del worker._answers[commands.SaveRun]
    session.control.write(commands.SaveRun("/somewhere/run"))
    assert said(window) == [], "what is done at once is not said"
    qtbot.waitUntil(lambda: bool(said(window)))
    assert said(window)[0].startswith("Writing the run:")
    press(qtbot, window.banners.shown[0].buttons[0])
    assert worker.posted[-1] == commands.StopWriting()
    worker.report(reports.Refused("SaveRun", "/somewhere/run was not written: that was cancelled."))
    session.link.pull()
    assert said(window) == ["/somewhere/run was not written: that was cancelled."]
    session.control.write(commands.SaveRun("/somewhere/run"))
    worker.report(reports.Exported(reports.Written.RUN, "/somewhere/run"))
    session.link.pull()
    assert not window.notices._slow.isActive()
