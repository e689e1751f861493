"""Banners: one for arms that diverge together, and never larger than the window can hold."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLineEdit,
    QSlider,
    QTabBar,
)
from pytestqt.qtbot import QtBot

from maml_explorer.core.implicit_gradient import failure_words
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.panels.adaptation.panel import AdaptationPanel
from maml_explorer.gui.panels.losses.panel import LossesPanel
from maml_explorer.gui.session.stability_verdict import DANGER
from maml_explorer.gui.widgets.banner import Banner
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.window.divergence_words import divergence_words
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.past_events import PastChange
from maml_explorer.protocol.returned import Returned
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.settings.words import listed
from tests.gui.driving import Opener, press, said, worker_of

CHANGE = "α from 0.01 to 90 at outer step 4100"
WRITTEN = CHANGE.removesuffix(" at outer step 4100")


def diverge(window: MainWindow, *arms: str, step: int = 4146, change: str = CHANGE) -> None:
    for arm in arms:
        worker_of(window).report(
            reports.Diverged(
                1, arm, step, step - 20,
                f"{arm} diverged at outer step {step}: its loss exploded. It is kept at its step "
                f"{step - 20}; the other arms go on.",
                "At the state kept 90 % of its inner steps overshoot.",
                change,
            )
        )  # fmt: skip
    window.session.link.pull()


def test_arms_that_diverge_together_are_one_banner(window: MainWindow):
    diverge(window, "MAML", "FO-MAML", "ANIL")
    assert said(window) == [
        f"MAML, FO-MAML and ANIL diverged at step 4\u202f146. Last change: {WRITTEN}."
    ]


def test_a_message_spares_the_settings_at_hand(window: MainWindow, qtbot: QtBot):
    def place() -> QRect:
        return QRect(window.banners.mapTo(window, QPoint()), window.banners.size())

    diverge(window, "MAML")
    columns = window.columns
    assert place().top() >= columns.mapTo(window, QPoint(0, columns.height())).y()
    assert place().bottom() == window.height() - 1
    (banner,) = window.banners.shown
    assert all(place().height() >= button.height() + 2 for button in banner.buttons)
    window.banners.drop_all()
    window.columns.toggle_presenter()
    window.resize(1280, 800)
    qtbot.wait(20)
    row = window.columns.stage_row
    assert row.isVisible()
    diverge(window, "ANIL")
    assert not place().intersects(QRect(row.mapTo(window, QPoint()), row.size()))
    losses = window.columns.parts["Losses"]
    assert not place().intersects(QRect(losses.mapTo(window, QPoint()), losses.size()))
    assert place().top() >= columns.mapTo(window, QPoint(0, columns.height())).y()
    window.columns.toggle_presenter()


def test_arms_that_diverge_later_join_the_banner(window: MainWindow):
    diverge(window, "MAML")
    diverge(window, "ANIL", step=5000)
    (text,) = said(window)
    assert text.startswith("MAML and ANIL diverged at steps 4\u202f146 to 5\u202f000.")


def test_halving_is_for_all_arms_of_the_banner_and_one_undo_step(window: MainWindow, qtbot: QtBot):
    worker = worker_of(window)
    diverge(window, "MAML", "ANIL")
    press(qtbot, window.banners.shown[0].buttons[1])
    assert worker.settings.inner.inner_lr == 0.005
    assert all(arm.overrides == () for arm in worker.settings.arms)
    assert [command.arm for command in worker.posted_of(commands.ReviveArm)] == ["MAML", "ANIL"]
    assert worker.posted_of(commands.Train)
    window.session.editor.undo_stack.undo()
    assert worker.settings.inner.inner_lr == 0.01
    # arms that were revived are not named again
    diverge(window, "FO-MAML", step=6000)
    assert said(window)[-1].startswith("FO-MAML diverged at step 6\u202f000")


def test_going_back_forgets_who_diverged(window: MainWindow, qtbot: QtBot):
    diverge(window, "MAML", "ANIL")
    press(qtbot, window.banners.shown[0].buttons[0])
    window.session.link.pull()
    assert said(window)[0].startswith("Every arm is back at outer step")
    diverge(window, "MTL")
    assert said(window)[0].startswith("MTL diverged")


@pytest.mark.parametrize(
    "what",
    [
        "RuntimeError: planted. The state before it is kept.",
        "There is not enough memory for these sizes. The state before is kept: lower the "
        "meta-batch.",
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
        worker_of(window).report(reports.Refused(reports.Unasked.METRICS, reason))
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
    heights = set()
    for _ in window.banners.shown:
        (banner,) = [one for one in window.banners.shown if one.isVisible()]
        line = banner.text.fontMetrics().lineSpacing()
        assert banner.text.height() <= 2 * line + 2
        assert banner.text.text().endswith("…")
        assert banner.text.toolTip() == plain_tip(banner.text.full)
        assert banner.close_button.isVisible()
        assert banner.text.width() > 350
        heights.add(window.banners.height())
        press(qtbot, window.banners.more)
    assert len(heights) == 1
    window.banners.say("d", "Short.")
    columns = window.columns
    foot = columns.mapTo(window, QPoint(0, columns.height())).y()
    assert foot <= window.banners.y() < window.banners.geometry().bottom() < window.height()
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
    known = "In the last good state, 90 % of inner steps overshoot (α λ_max up to 9.5)."
    more = f"{known} Its outer gradient has norm 3."
    why = "conjugate gradients left a residual of 0.07: raise the CG steps or λ"
    three = reports.Diverged(1, "iMAML", 9, 7, "iMAML stopped.", known, "α from 1 to 2", why)
    assert divergence_words([three]) == (
        "iMAML stopped at step 9. Conjugate gradients left a residual of 0.07: raise the CG steps "
        "or λ."
    )
    one = reports.Diverged(1, "MAML", 7, 5, "MAML diverged.", more)
    assert divergence_words([one, three]).startswith("MAML and iMAML diverged at steps 7 to 9. C")
    two = reports.Diverged(1, "ANIL", 8, 5, "ANIL diverged.", known, "α from 1 to 2")
    assert divergence_words([one]) == (
        "MAML diverged at step 7. In the last good state, 90 % of inner steps overshoot."
    ), "one line: the light's tooltip has the figures"
    assert divergence_words([one, two]) == (
        "MAML diverged at step 7; ANIL at step 8, after α from 1 to 2."
    ), "a change is named for arms that diverged after it"


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_stopped_arm_offers_the_setting_that_its_message_names(window: MainWindow, qtbot: QtBot):
    session, at_hand = window.session, window.columns.places["adaptation"].panel.arms  # type: ignore[union-attr]
    at_hand.add("imaml")
    why = failure_words(0.0, -0.0003, 10, 100.0)
    worker_of(window).report(reports.Diverged(1, "iMAML", 408, 406, "iMAML stopped.", why=why))
    session.link.pull()
    said_first = (
        "iMAML stopped at step 408. Curvature −100.03 is below −λ = −100: raise λ (α ≤ 1/λ)."
    )
    assert said(window)[-1] == said_first
    assert choices(window) == ["Set all arms back", "Proximal strength λ…"]
    press(qtbot, window.banners.shown[-1].buttons[1])
    assert at_hand.popup is not None and at_hand.popup.name == "iMAML"
    assert at_hand.popup.fields["proximal"].hasFocus()
    at_hand.popup.close()
    assert said(window)[-1] == said_first, "the way back stays"


def test_a_late_arm_is_said_and_all_can_begin_anew(window: MainWindow, qtbot: QtBot):
    session = window.session
    arms = window.columns.places["adaptation"].panel.arms  # type: ignore[union-attr]
    arms.add("reptile")
    assert said(window) == [], "before training nothing is late"
    session.control.train()
    session.link.pull()
    arms.add("maml")
    assert said(window) == [
        "MAML 2 begins here, at outer step 0; the others have already taken 40 steps."
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
    assert said(window)[0].startswith("A and B begin here, at outer step 0; ")


def test_arms_that_an_undo_brought_back_are_named_together(window: MainWindow):
    worker = worker_of(window)
    worker.report(replace(worker._status(), outer_step=50))
    worker.report(Returned(1, {"MAML": 20, "ANIL": 20}))
    window.session.link.pull()
    back = "MAML and ANIL are back as they were after 20 steps; the others have taken 50."
    assert said(window)[-1] == back


def test_writing_that_takes_a_while_is_said_and_cancelled(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    del worker._answers[commands.SaveRun]
    session.control.write(commands.SaveRun("/somewhere/run"))
    assert said(window) == [], "what is done at once is not said"
    qtbot.waitUntil(lambda: bool(said(window)))
    assert said(window)[0].startswith("Writing the run:")
    press(qtbot, window.banners.shown[0].buttons[0])
    assert worker.posted[-1] == commands.StopWriting()
    worker.report(
        reports.Refused(commands.SaveRun, "/somewhere/run was not written: that was cancelled.")
    )
    session.link.pull()
    assert said(window) == ["/somewhere/run was not written: that was cancelled."]
    session.control.write(commands.SaveRun("/somewhere/run"))
    worker.report(reports.Exported(reports.Written.RUN, "/somewhere/run"))
    session.link.pull()
    assert not window.notices._slow.isActive()


@pytest.mark.parametrize("size", [(1280, 800), (1240, 720)])
@pytest.mark.parametrize("text_size", ["", "large", "largest"])
@pytest.mark.parametrize("how", ["desk", "simple", "presenter"])
def test_no_message_lies_over_a_head_or_a_control(
    opened: Opener, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int], text_size: str, how: str,
):  # fmt: skip
    window = opened(size=size)
    window.appearance.set_text_size(text_size)
    columns, banners = window.columns, window.banners
    {"simple": columns.toggle_simple, "presenter": columns.toggle_presenter}.get(how, int)()
    window.resize(*size)
    qtbot.wait(30)
    # the button of the message before was pressed: the next one does not give way to the mouse
    monkeypatch.setattr(banners, "_mouse", lambda: QPoint(600, window.height() - 10))
    choices = (("Undo the changes · back to 70\u202f000", int), ("Halve α to 0.0003125", int))
    for words in ("Short.", "A long message about what happened. " * 20):
        banners.say("a", words, "warning", choices)
        covered = [
            part
            for kind in (QAbstractButton, QTabBar, QSlider, QLineEdit, ElidedLabel)
            for part in columns.findChildren(kind)
            if part.isVisible() and not part.visibleRegion().isEmpty()
            and QRect(part.mapTo(window, QPoint()), part.size()).intersects(banners.geometry())
            and not columns.form.isAncestorOf(part)
        ]  # fmt: skip
        assert covered == []
        shown, line = banners.shown[-1].text, banners.fontMetrics().lineSpacing()
        assert shown.height() >= line and shown.text()[:5] == words[:5]
    if how == "presenter":
        columns.toggle_presenter()


def test_a_banner_moves_nothing_and_is_not_clicked_by_mistake(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
):
    def places() -> list[QRect]:
        return [part.geometry() for part in window.columns.parts.values()]

    before, mouse = places(), QPoint(0, 0)
    monkeypatch.setattr(window.banners, "_mouse", lambda: mouse)
    window.banners.say("a", "Something happened.", "warning")
    lower = window.banners.geometry()
    assert places() == before
    assert lower.contains(window.stability.mapTo(window, window.stability.rect().center()))
    # one that follows another under the mouse takes no clicks at first
    mouse = window.banners.geometry().center()
    window.banners.say("b", "Something else happened.", "warning")
    clicks = Qt.WidgetAttribute.WA_TransparentForMouseEvents
    assert window.banners.testAttribute(clicks)
    qtbot.waitUntil(lambda: not window.banners.testAttribute(clicks))


@pytest.mark.parametrize("asked", [False, True])
def test_nothing_in_a_strip_moves_when_another_message_comes_or_leaves(
    window: MainWindow, qtbot: QtBot, asked: bool
):
    def places() -> list[QRect]:
        qtbot.wait(20)
        (seen,) = [banner for banner in banners.shown if banner.isVisible()]
        controls = [seen.text, *seen.buttons, seen.close_button]
        return [QRect(part.mapTo(window, QPoint()), part.size()) for part in controls]

    banners = window.banners
    choices = (("Restore arm", int), ("Halve α", int))
    if not asked:
        banners.say("saved", "The preset was saved.")
    banners.say("diverged", "MAML diverged at step 1000.", "danger", choices, first=asked)
    before, more = places(), banners.more
    assert more.isVisible() is not asked
    if asked:
        banners.say("saved", "The preset was saved.")
        assert more.isVisible() and more.text() == "1 more" and places() == before
    banners.drop("saved")
    assert not more.isVisible() and places() == before, "a click meant for it halved α"


def test_messages_leave_by_themselves_or_after_good_actions(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
):
    banners, mouse = window.banners, QPoint(0, 0)
    monkeypatch.setattr(banners, "_mouse", lambda: mouse)
    banners.say("crash", "It stays.", "warning")
    assert banners.passing_fast < banners.passing
    banners.passing_fast = 150
    banners.say("began", "A new run began.", choices=(("Back", lambda: None),))
    banners.say("saved", "The preset was saved.")
    assert len(said(window)) == 3
    qtbot.waitUntil(lambda: len(said(window)) == 2)
    assert "A new run began." in said(window), "what can be pressed is there for longer"
    banners.drop("began")
    # what is being read stays for once, but not as long as the mouse rests there
    mouse = banners.geometry().center()
    banners.say("saved", "The preset was saved.")
    qtbot.wait(200)
    assert len(said(window)) == 2
    qtbot.waitUntil(lambda: said(window) == ["It stays."])
    banners.passing_fast = 60_000
    worker_of(window).report(reports.Refused(commands.Change, "That is not allowed."))
    window.session.link.pull()
    assert "That is not allowed." in said(window)
    window.session.control.reset()
    window.session.link.pull()
    assert said(window) == ["It stays."]


def test_a_change_that_made_arms_diverge_is_undone_first(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    diverge(window, "MAML", change="")
    assert window.banners.shown[0].buttons[0].text() == "Set all arms back"
    session.editor.edit({"inner_lr": 90.0})
    diverge(window, "MAML")
    (banner,) = window.banners.shown
    assert [button.text() for button in banner.buttons] == ["Undo the change", "Halve α to 45"]
    press(qtbot, banner.buttons[0])
    session.link.pull()
    assert session.settings.inner.inner_lr == 0.01
    assert worker.posted_of(commands.BackToLastGood)
    assert isinstance(worker.posted[-1], commands.Train)
    assert said(window) == [
        "Every arm is back at outer step 0, the last state that was kept from before a divergence."
    ]
    assert session.divergences.seen == [] and session.losses.history.marks == []


def test_going_back_says_how_far_before_it_is_pressed(window: MainWindow):
    session, worker = window.session, worker_of(window)
    first = reports.Diverged(1, "MAML", 3_679, 3_644, "", back_step=3_644)
    worker.report(first)
    session.link.pull()
    assert choices(window)[0] == "Set all arms back to 3\u202f644"
    session.editor.edit({"inner_lr": 0.3})
    change = changed(0.01, 0.3)
    worker.report(replace(first, arm="ANIL", outer_step=66_000, good_step=65_990, change=change))
    session.link.pull()
    assert choices(window)[0] == "Undo the change · back to 3\u202f644"
    (banner,) = window.banners.shown
    tip = banner.buttons[0].toolTip()
    assert "Every arm goes back to outer step 3\u202f644" in " ".join(tip.split("\n"))
    window.resize(1280, 800)
    assert banner.width() <= window.width()
    assert all(one.width() >= one.sizeHint().width() for one in banner.buttons)


@pytest.mark.parametrize("edited", [False, True])
def test_going_back_is_said_until_it_is_done(window: MainWindow, qtbot: QtBot, edited: bool):
    session, worker = window.session, worker_of(window)
    if edited:
        session.editor.edit({"inner_lr": 0.3})
    change = changed(0.01, 0.3) if edited else ""
    worker.report(reports.Diverged(1, "MAML", 6_950, 6_908, "", "", change, back_step=6_908))
    session.link.pull()
    assert ("Undo the change" in choices(window)[0]) is edited
    press(qtbot, window.banners.shown[0].buttons[0])
    QApplication.processEvents()  # what an edit changes is looked at a little later
    assert said(window) == ["Going back to outer step 6\u202f908…"]
    session.link.pull()
    assert [words[:17] for words in said(window)] == ["Every arm is back"]


def test_going_back_that_was_refused_is_said_no_longer(window: MainWindow, qtbot: QtBot):
    diverge(window, "MAML")
    press(qtbot, window.banners.shown[0].buttons[0])
    assert said(window) == ["Going back…"]
    worker = worker_of(window)
    worker._outbox.clear()
    worker._refuse(commands.BackToLastGood, "There is no good state to go back to.")
    window.session.link.pull()
    assert said(window) == ["There is no good state to go back to."]


def changed(before: float, after: float) -> str:
    """The last change as the worker says it."""
    return f"α from {before:g} to {after:g} at outer step 40"


def choices(window: MainWindow) -> list[str]:
    return [button.text() for button in window.banners.shown[-1].buttons]


def test_undo_takes_back_the_very_change_that_is_named(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    session.editor.edit({"outer_lr": 0.002})
    session.editor.edit({"inner_lr": 5.0})
    diverge(window, "MAML", "ANIL", change=changed(0.01, 5))
    press(qtbot, window.banners.shown[0].buttons[1])
    assert worker.settings.inner.inner_lr == 2.5
    # α was halved once more in vain: what made the arms diverge is still the change before
    diverge(window, "MAML", "ANIL", step=5000, change=changed(0.01, 2.5))
    assert said(window)[-1].endswith("Last change: α from 0.01 to 2.5.")
    assert choices(window) == ["Undo the change", "Halve α to 1.25"]
    # an edit that the arms have not trained with yet is not what the banner names
    session.editor.edit({"inner_lr": 0.3})
    qtbot.waitUntil(lambda: choices(window)[0] == "Set all arms back")
    assert said(window)[-1].endswith("Last change before that: α from 0.01 to 2.5.")
    session.undo()
    qtbot.waitUntil(lambda: choices(window)[0] == "Undo the change")
    press(qtbot, window.banners.shown[-1].buttons[0])
    assert worker.settings.inner.inner_lr == 0.01 and worker.settings.outer.outer_lr == 0.002
    # nor is one that an arm with a value of its own does not follow
    maml, *others = session.settings.arms
    session.editor.set_arms((replace(maml, overrides=(("inner_lr", 2.5),)), *others))
    session.editor.edit({"inner_lr": 0.02})
    diverge(window, "MAML", step=6000, change=changed(0.01, 2.5))
    assert choices(window) == ["Set all arms back", "Halve α to 1.25"]
    note = window.columns.form.row("inner_lr").note
    assert note.text() == "MAML keeps its own value, 2.5."
    press(qtbot, window.banners.shown[-1].buttons[1])
    assert dict(worker.settings.arm("MAML").overrides) == {"inner_lr": 1.25}
    assert worker.settings.inner.inner_lr == 0.02


def test_the_button_that_halves_names_the_value(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    diverge(window, "ANIL", change="")
    assert choices(window) == ["Set all arms back", "Halve α to 0.005"]
    # it follows an edit that is made before it is pressed
    session.editor.edit({"inner_lr": 0.0123456789})
    qtbot.waitUntil(lambda: choices(window)[1] == "Halve α to 0.006173")
    session.editor.edit({"inner_lr": 0.3})
    qtbot.waitUntil(lambda: choices(window)[1] == "Halve α to 0.15")
    # an arm that has its own halves its own, and two values have no name
    maml, *others = session.settings.arms
    session.editor.set_arms((replace(maml, overrides=(("inner_lr", 0.5),)), *others))
    diverge(window, "MAML", change="")
    assert choices(window)[1] == "Halve α"
    press(qtbot, window.banners.shown[-1].buttons[1])
    assert worker.settings.inner.inner_lr == 0.15
    assert dict(worker.settings.arm("MAML").overrides) == {"inner_lr": 0.25}
    diverge(window, "MAML", step=6000, change="")
    assert choices(window)[1] == "Halve α to 0.125"


def test_a_rate_taken_back_by_hand_is_gone_on_with(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    session.editor.edit({"inner_lr": 5.0})
    session.link.pull()
    diverge(window, "MAML", "ANIL", change=changed(0.01, 5))
    assert choices(window) == ["Undo the change", "Halve α to 2.5"]
    session.undo()
    qtbot.waitUntil(lambda: choices(window) == ["Set all arms back", "Go on with α 0.01"])
    assert said(window)[-1].endswith("Last change before that: α from 0.01 to 5.")
    session.editor.undo_stack.redo()
    qtbot.waitUntil(lambda: choices(window) == ["Undo the change", "Halve α to 2.5"])
    assert said(window)[-1].endswith("diverged at step 4\u202f146. Last change: α from 0.01 to 5.")
    # a larger one is no remedy; a smaller β is
    session.editor.edit({"inner_lr": 6.0})
    qtbot.waitUntil(lambda: choices(window)[1] == "Halve α to 3")
    session.undo()
    session.editor.edit({"outer_lr": 0.0001})
    qtbot.waitUntil(lambda: choices(window)[1] == "Go on with β 0.0001")
    press(qtbot, window.banners.shown[-1].buttons[1])
    assert (worker.settings.inner.inner_lr, worker.settings.outer.outer_lr) == (5.0, 0.0001)
    revived = [command.arm for command in worker.posted_of(commands.ReviveArm)]
    assert revived == ["MAML", "ANIL"] and not session.divergences.frozen
    assert worker.posted_of(commands.Train)


def test_arms_diverge_with_what_the_worker_trained_with(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    session.editor.edit({"inner_lr": 5.0})
    worker._outbox.clear()  # the status with the new settings comes after the divergence
    report = reports.Diverged(
        worker.run, "MAML", 1_501, 1_462, "MAML diverged.", "", changed(0.01, 5),
        settings=session.settings,
    )  # fmt: skip
    worker.report(report)
    session.link.pull()
    assert said(window)[-1].endswith("Last change: α from 0.01 to 5.")
    session.editor.edit({"inner_lr": 0.01})
    qtbot.waitUntil(lambda: "Last change before that" in said(window)[-1])


def test_a_smaller_rate_is_named_and_not_offered_to_be_taken_back(window: MainWindow):
    window.session.editor.edit({"inner_lr": 0.005})
    diverge(window, "MAML", change=changed(0.01, 0.005))
    assert said(window)[-1].endswith("Last change: α from 0.01 to 0.005.")
    assert choices(window) == ["Set all arms back", "Halve α to 0.0025"]


def test_going_back_says_which_settings_stay_and_offers_their_undo(
    window: MainWindow, qtbot: QtBot
):
    session, worker = window.session, worker_of(window)
    before = session.settings
    session.editor.edit({"inner_lr": 5.0})
    diverge(window, "MAML", change=changed(0.01, 5))
    window.banners.drop_all()
    # from the palette: the banner was closed
    worker.posted.clear()
    past = PastChange(20, before, session.settings)
    worker.report(reports.Rewound(worker.run, 20, (past,)))
    session.link.pull()
    assert said(window) == [
        "Every arm is back at outer step 20, the last state that was kept from before a "
        "divergence. α is still 5."
    ]
    press(qtbot, window.banners.shown[-1].buttons[0])
    assert worker.settings.inner.inner_lr == 0.01
    assert not worker.posted_of(commands.Train) and said(window) == []


def test_of_settings_that_were_just_gone_back_to_nothing_is_said(window: MainWindow):
    session, worker = window.session, worker_of(window)
    before = session.settings
    session.editor.edit({"inner_lr": 5.0})
    wild = session.settings
    diverge(window, "MAML", change=changed(0.01, 5))
    session.editor.undo_stack.undo()
    worker.report(reports.Rewound(worker.run, 20, (PastChange(20, wild, before),)))
    session.link.pull()
    assert said(window) == [
        "Every arm is back at outer step 20, the last state that was kept from before a divergence."
    ]
    assert window.banners.shown[-1].buttons == []


def test_arms_that_an_edit_does_not_reach_are_named_under_the_field(window: MainWindow):
    editor, row = window.session.editor, window.columns.form.row("inner_lr")
    assert row.note.text() == ""
    own = (("inner_lr", 0.3),)
    maml, fomaml, anil, mtl = editor.settings.arms
    editor.set_arms((*(replace(arm, overrides=own) for arm in (maml, fomaml, anil)), mtl))
    assert row.note.text() == "MAML, FO-MAML and ANIL keep their own value, 0.3."
    # those of a preset are part of it until something is changed
    editor.mark_against(editor.settings, None)
    editor.settings_changed.emit(editor.settings)
    assert row.note.text() == ""
    editor.edit({"inner_lr": 0.02})
    assert row.note.text() == "MAML, FO-MAML and ANIL keep their own value, 0.3."


def test_a_divergence_is_seen_in_chip_light_losses_and_hero(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    session.control.train()
    session.link.pull()
    session.task.set_probe(session.task.probe)
    session.link.pull()
    hero = window.columns.places["adaptation"].panel
    losses = window.columns.places["losses"].panel
    assert isinstance(hero, AdaptationPanel) and isinstance(losses, LossesPanel)
    diverge(window, "MAML", step=session.status.outer_step if session.status else 0)
    losses.plot.draw()
    assert hero.arms.chips["MAML"].alarmed and hero.arms.chips["MAML"].value == "✕ diverged"
    assert not hero.arms.chips["ANIL"].alarmed
    assert window.stability.verdict.level == DANGER
    assert window.stability.verdict.words.startswith("MAML diverged at step ")
    assert len(hero.canvas.curves.trails) == len(session.divergences.trails["MAML"]) > 0
    (crosses,) = losses.plot.divergences.items
    assert crosses[1].isVisible() and crosses[1].textItem.toPlainText() == "✕ MAML"
    press(qtbot, window.banners.shown[0].buttons[1])
    losses.plot.draw()
    assert not hero.arms.chips["MAML"].alarmed and hero.canvas.curves.trails == []
    assert window.stability.verdict.level != DANGER
    assert losses.plot.divergences.items[0][1].isVisible(), "what was overcome is still marked"
    assert worker.posted_of(commands.ReviveArm)
    session.control.restart()
    session.link.pull()
    losses.plot.draw()
    assert not losses.plot.divergences.items[0][1].isVisible()


def test_an_exported_initialization_says_which_file_to_load(window: MainWindow):
    what = reports.Written.INITIALIZATION
    worker_of(window).report(reports.Exported(what, "/somewhere/maml", "MAML"))
    window.session.link.pull()
    assert said(window) == [
        "The initialization of MAML was written to /somewhere/maml. PyTorch loads its "
        "model.safetensors; README.md there has the lines."
    ]


def test_a_message_leaves_the_steps_in_sight(opened: Opener, qtbot: QtBot):
    window = opened(size=(1280, 800))
    session, banners = window.session, window.banners

    def place() -> QRect:
        return QRect(banners.mapTo(window, QPoint()), banners.size())

    session.control.train()
    session.link.pull()
    diverge(window, "MAML")
    text = window.status.text()
    words = text[: text.index(" of ") + len(" of 70\u202f000")]
    assert words.startswith("Training · outer step ")
    left = window.status.mapTo(window, QPoint()).x()
    end = left + window.status.fontMetrics().horizontalAdvance(words)
    assert place().left() > end and place().right() == window.columns.geometry().right()
    before = place()
    session.link.pull()
    assert place() == before, "more steps do not move it"
    assert re.fullmatch("Training · outer step [0-9]+ of 70\u202f000", window.status.text())
    # a long one has the whole width
    banners.say("long", "A long message about what happened. " * 9, "warning")
    assert place().left() < end
    banners.drop("long")
    assert place() == before
    session.control.pause()
    session.link.pull()
    assert place().left() > end - 40, "nor does it cover that the run is paused"
    assert re.fullmatch("Paused · outer step [0-9]+ of 70\u202f000", window.status.text())
    # one that leaves by itself never covers how far the run is, however long it is
    banners.say("passing", "A long message about what happened. " * 9)
    assert place().left() > end - 40 and banners.aside
    banners.drop_all()
    assert window.status.text().endswith("CPU"), "all is said again once there is no message"
    banners.say("passing", "Something happened.")
    assert re.fullmatch("Paused · outer step [0-9]+ of 70\u202f000", window.status.text())


@pytest.mark.parametrize("annealed", [False, True])
def test_a_message_leaves_the_dot_of_the_light_in_sight(
    opened: Opener, qtbot: QtBot, annealed: bool
):
    settings = Settings().with_values({"schedule": "cosine"} if annealed else {})
    window = opened(options=Options(settings=settings, safe_mode=True))
    window.session.control.train()
    window.session.link.pull()
    assert window.annealed.isVisible() == annealed
    diverge(window, "MAML")
    dot = window.stability.dot
    qtbot.waitUntil(dot.isVisible)
    qtbot.wait(20)
    seen = QRect(dot.mapTo(window, QPoint()), dot.size())
    assert window.banners.aside and not seen.intersects(window.banners.geometry())
    assert not window.stability.words.isVisible(), "no letter of it stands beside the message"
    window.banners.drop_all()
    assert window.stability.words.isVisible()


def test_a_question_stays_before_messages_that_come_later(window: MainWindow, qtbot: QtBot):
    banners = window.banners
    diverge(window, "MAML")
    banners.say("close", "The run is not saved.", "warning", (("Save run…", int),), first=True)
    diverge(window, "MAML", "ANIL", step=5000)
    for subject in "abcd":
        banners.say(subject, f"Message {subject}.")
    question = banners.of("close")
    assert question is not None and question.isVisible()
    assert len(banners.shown) == 3
    press(qtbot, banners.more)
    assert not question.isVisible(), "others can be looked at"


@pytest.mark.parametrize("text_size", ["", "largest"])
def test_two_lines_keep_clear_of_the_border(opened: Opener, qtbot: QtBot, text_size: str):
    window = opened(size=(1280, 800))
    window.appearance.set_text_size(text_size)
    qtbot.wait(30)
    window.banners.say("a", "A long message about what happened. " * 20, "danger")
    (banner,) = window.banners.shown
    above = banner.text.mapTo(banner, QPoint()).y()
    below = banner.height() - above - banner.text.height()
    assert min(above, below) > banner.frameWidth()


def test_changes_of_one_pause_are_named_and_taken_back_together(window: MainWindow, qtbot: QtBot):
    session = window.session
    before = session.settings
    for key, value in {"inner_lr": 0.03, "inner_steps": 3, "outer_lr": 0.003}.items():
        session.editor.edit({key: value})
    words = "α from 0.01 to 0.03, K from 1 to 3 and β from 0.001 to 0.003"
    diverge(window, "MAML", "ANIL", change=f"{words} at outer step 40")
    assert said(window)[-1].endswith(f" Last changes: {words}.")
    assert choices(window) == ["Undo the changes", "Halve α to 0.015"]
    worker = worker_of(window)
    press(qtbot, window.banners.shown[0].buttons[0])
    assert session.settings == worker.settings == before


def test_arms_are_named_with_the_change_they_diverged_after(window: MainWindow, qtbot: QtBot):
    session = window.session
    before = session.settings
    session.editor.edit({"inner_steps": 3})
    diverge(window, "MAML", "FO-MAML", change="K from 1 to 3 at outer step 40")
    session.editor.edit({"inner_lr": 0.3})
    diverge(window, "ANIL", step=5000, change="α from 0.01 to 0.3 at outer step 4200")
    assert said(window) == [
        "MAML and FO-MAML diverged at step 4\u202f146, after K from 1 to 3; "
        "ANIL at step 5\u202f000, after α from 0.01 to 0.3."
    ]
    assert choices(window) == ["Undo the changes", "Halve α to 0.15"]
    press(qtbot, window.banners.shown[0].buttons[0])
    assert session.settings == before


def test_an_arm_that_diverged_while_another_was_helped_offers_the_undo(
    window: MainWindow, qtbot: QtBot
):
    session = window.session
    session.editor.edit({"inner_lr": 5.0})
    diverge(window, "MAML", change=changed(0.01, 5))
    press(qtbot, window.banners.shown[-1].buttons[1])
    # what had made this one diverge was under way to the window
    diverge(window, "ANIL", change=changed(0.01, 5))
    assert session.settings.inner.inner_lr == 2.5
    assert choices(window) == ["Undo the change", "Halve α to 1.25"]
    press(qtbot, window.banners.shown[-1].buttons[0])
    session.link.pull()
    assert session.settings.inner.inner_lr == 0.01


def test_an_arm_s_own_change_and_the_shared_one_are_two(window: MainWindow, qtbot: QtBot):
    session, worker = window.session, worker_of(window)
    before = session.settings
    maml, *others = before.arms
    session.editor.set_arms((replace(maml, overrides=(("inner_lr", 5.0),)), *others))
    diverge(window, "MAML", change=changed(0.01, 5))
    assert choices(window)[0] == "Undo the change"
    session.editor.edit({"inner_lr": 6.0})
    diverge(window, "ANIL", step=5000, change=changed(0.01, 6))
    assert choices(window)[0] == "Undo the changes"
    window.banners.drop_all()
    worker.report(reports.Rewound(worker.run, 4000))
    session.link.pull()
    assert "α is still 6 and MAML’s α 5." in said(window)[-1]
    press(qtbot, window.banners.shown[-1].buttons[0])
    assert session.settings == before


def test_going_back_far_after_a_change_says_that_it_stands(window: MainWindow):
    session, worker = window.session, worker_of(window)
    session.editor.edit({"inner_lr": 3.0})
    diverge(window, "MAML", change=changed(0.01, 3))
    worker.report(reports.Rewound(worker.run, 4000))
    session.link.pull()
    assert said(window)[-1].endswith(" from before a divergence. α is still 3.")
    assert choices(window) == ["Undo the change"]
    # where the undo stack has no way back, too
    diverge(window, "MAML", change=changed(0.02, 3))
    session.editor.edit({"inner_steps": 2})
    worker.report(reports.Rewound(worker.run, 4000))
    session.link.pull()
    assert said(window)[-1].endswith(" from before a divergence. α is still 3.")
    assert window.banners.shown[-1].buttons == []
