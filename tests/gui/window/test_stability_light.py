"""The light of the inner loop's stability: what it says of whom, and that it looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maml_explorer.gui.session.stability_verdict import STABILITY, verdict, when_diverged, with_task
from maml_explorer.gui.session.task_trouble import TaskTrouble, task_trouble
from maml_explorer.gui.style.contrast import contrast
from maml_explorer.gui.style.theme import THEMES
from maml_explorer.gui.window.stability_light import DANGER, DARK, QUIET, WARNING
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol.insight import Insight, LookInside, NothingToShow
from maml_explorer.protocol.insight_records.stability import StabilitySeen
from maml_explorer.protocol.reports import (
    ArmTest,
    Diverged,
    MetaTested,
    Probed,
    ReferenceLosses,
)
from tests.gui.driving import Opener, worker_of


def seen(
    *eigenvalues: float,
    radius: float = 1.2,
    rising: float = 0.0,
    diverged: int = 0,
    worse: int = 0,
) -> StabilitySeen:
    values = np.array(eigenvalues)
    return StabilitySeen(
        values, np.full(len(values), radius), True, float((values > 2).mean()), rising, 1.0,
        diverged, float(np.median(values)), float(values.max()), radius, 3.0, worse,
    )  # fmt: skip


def insight(value: object, **rest: str) -> Insight:
    return Insight(1, 400, STABILITY, value, **rest)


def test_negative_curvature_alone_is_no_alarm() -> None:
    said = verdict(insight({"MAML": seen(0.3, 0.9, radius=1.24)}))
    words = "inner steps stable"
    assert (said.level, said.words) == (QUIET, words)
    calm = {"ANIL": seen(0.2), "MAML": seen(0.9)}
    words = "inner steps stable"
    assert verdict(insight(calm)).words == words
    swinging = {"ANIL": seen(0.2, radius=7.0), "MAML": seen(2.5, radius=1.5, rising=0.4)}
    words = "MAML: 40 % of inner steps raise the support loss"
    assert verdict(insight(swinging)).words == words
    assert "I − diag(a) H 7" in verdict(insight(swinging)).details, "figures are in the tooltip"
    assert "α λ_max 0.6 (median), 0.9 (largest), above 2 in 0 % of inner steps" in said.details
    assert "above 1 in 100 %: negative curvature counts too" in said.details


def test_overshooting_while_losses_fall_is_no_alarm() -> None:
    """As in every good run on images, and in MAML's after some thousand steps on sines."""
    said = verdict(insight({"MAML": seen(4.4, 5.8, 3.0)}))
    assert (said.level, said.words) == (QUIET, "inner steps lower the support loss")
    assert "above 2 in 100 % of inner steps" in said.details
    assert "The support loss rises in 0 %" in said.details


def test_a_query_loss_that_rises_is_warned_of_whatever_the_support_loss_does() -> None:
    arms = {"MAML": seen(4.4, 5.8, 3.0, worse=2), "ANIL": seen(0.2, 0.3, 0.4, worse=1)}
    said = verdict(insight(arms))
    words = "MAML: inner steps raise the query loss on 2 of 3 tasks"
    assert (said.level, said.words) == (WARNING, words)
    assert "the query loss is higher on 1 of 3 tasks" in said.details
    assert verdict(insight(arms), frozenset({"MAML"})).level == QUIET, "one task of three"


def meta_test(**lost: tuple[int, ...]) -> MetaTested:
    """A meta-test on 600 tasks: arm → how many had diverged after 0, 1, 2 … inner steps."""
    nothing = (1.0,) * 3
    arms = {name: ArmTest(nothing, nothing, nothing, nothing, n) for name, n in lost.items()}
    return MetaTested(1, 400, 10, 600, arms)


def test_held_out_tasks_that_diverge_are_warned_of() -> None:
    """Steps beyond those of training run away, though the light's few tasks look sound."""
    look = insight({"MAML": seen(4.4), "ANIL": seen(0.2)})
    test = meta_test(MAML=(0, 301, 600), ANIL=(0, 0, 400), MTL=(600, 600, 600))
    said = verdict(look, tested=test)
    words = "MAML: most test tasks diverge at inner step 1"
    assert (said.level, said.words) == (WARNING, words)
    said = verdict(look, frozenset({"MAML"}), tested=test)
    assert said.words == "most test tasks diverge at inner step 2", "of those with an inner loop"
    assert verdict(look, tested=meta_test(MAML=(0, 0, 300), ANIL=(0, 0, 0))).level == QUIET


def test_the_least_stable_visible_arm_is_named() -> None:
    arms = {
        "MAML": seen(1.0, 1.0, 2.5, rising=0.25),
        "ANIL": seen(0.2, 0.3),
        "MTL": NothingToShow("none"),
    }
    said = verdict(insight(arms))
    assert said.level == WARNING
    assert said.words == "MAML: 25 % of inner steps raise the support loss"
    assert verdict(insight(arms), frozenset({"MAML"})).level == QUIET
    arms["ANIL"] = seen(0.2, 9.0, diverged=1)
    said = verdict(insight(arms))
    assert (said.level, said.words) == (DANGER, "ANIL: inner steps diverge on 1 of 2 tasks")
    assert said.details.startswith(
        "Inner steps at outer step 400, on held-out tasks as in training\nMAML: "
    )


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (None, ""),
        (insight({"MTL": NothingToShow("no inner loop")}), ""),
        (insight(None, failed="ValueError: broken"), "stability not known"),
    ],
)
def test_dark_where_nothing_is_known(report: Insight | None, words: str) -> None:
    said = verdict(report)
    assert (said.level, said.words) == (DARK, words)


def test_the_window_looks_and_shows(opened: Opener) -> None:
    window = opened()
    worker, light = worker_of(window), window.stability
    assert STABILITY in worker.posted_of(LookInside)[-1].views
    assert not light.dot.isVisible()
    worker.report(Insight(window.session.run, 400, STABILITY, {"MAML": seen(0.3)}))
    window.session.link.pull()
    assert light.dot.isVisible()
    assert light.words.full == "inner steps stable"
    assert light.accessibleName() == "Stability: inner steps stable"
    green = light.dot.grab().toImage().pixelColor(5, 5).name()
    assert green == window.session.theme.fine
    window.session.control.restart()
    window.session.link.pull()
    assert not light.dot.isVisible(), "a new run is not known yet"
    window.close()
    window.hide()
    assert STABILITY not in worker.posted_of(LookInside)[-1].views


def test_a_look_of_before_a_change_is_not_shown_after_it(window: MainWindow) -> None:
    worker, light, session = worker_of(window), window.stability, window.session
    worker.report(Insight(session.run, 400, STABILITY, {"MAML": seen(0.3)}))
    session.link.pull()
    assert light.verdict.level == QUIET
    session.editor.edit({"inner_lr": 0.56})
    assert light.verdict.level == DARK, "the worker has not looked yet"
    worker.report(Insight(session.run, 400, STABILITY, {"MAML": seen(130.0, worse=1)}))
    session.link.pull()
    assert light.verdict.words == "inner steps raise the query loss on 1 of 1 task"


def test_a_meta_test_lights_the_warning_until_it_is_old(window: MainWindow) -> None:
    worker, light, session = worker_of(window), window.stability, window.session
    worker.report(Insight(session.run, 0, STABILITY, {"MAML": seen(4.0)}))
    worker.report(replace(meta_test(MAML=(0, 600, 600)), run=session.run, outer_step=0))
    session.link.pull()
    assert light.verdict.words == "most test tasks diverge at inner step 1"
    session.editor.edit({"meta_batch": 5})
    worker.report(Insight(session.run, 0, STABILITY, {"MAML": seen(4.0)}))
    session.link.pull()
    assert light.verdict.level == QUIET


def own_task(window: MainWindow, **support: tuple[float, ...]) -> Probed:
    """The task on screen without a truth: arm → its support losses by inner step."""
    probed = window.session.task.probed
    assert probed is not None
    arms = {
        name: replace(
            arm,
            support_mse=np.array(support.get(name, (2.5, 1.0, 0.5))),
            query_mse=np.full(3, np.nan),
            curves=arm.curves[:3],
        )
        for name, arm in probed.arms.items()
    }
    return replace(probed, arms=arms, truth=None)


def test_an_arm_that_runs_away_on_the_task_on_screen_is_said_beside_a_green_light(
    window: MainWindow,
) -> None:
    worker, light, session = worker_of(window), window.stability, window.session
    worker.report(Insight(session.run, 400, STABILITY, {"MAML": seen(0.3), "ANIL": seen(0.2)}))
    worker.report(ReferenceLosses(session.run, 4.25, 3.01, "", 0.0, limit=425.0))
    session.link.pull()
    assert light.verdict.level == QUIET
    worker.report(own_task(window, ANIL=(2.5, 16.0, 635.0)))
    session.link.pull()
    assert light.verdict.level == WARNING
    assert light.words.full == (
        "ANIL runs away on this task · tasks as in training: inner steps stable"
    )
    assert light.toolTip().startswith("On this task, after 1 inner step")
    session.inner.choose(2)
    assert light.verdict.level == DANGER, "635 is above the limit of the meta-test"
    assert light.words.full.startswith("ANIL diverges on this task · ")
    session.inner.choose(0)
    assert light.words.full == "inner steps stable", "as the hero shows it"
    session.inner.choose(2)
    session.set_hidden({"ANIL"})
    assert light.words.full == "inner steps stable"
    session.set_hidden(())
    worker.report(own_task(window))
    session.link.pull()
    assert (light.verdict.level, light.words.full) == (QUIET, "inner steps stable")


def test_without_support_points_nothing_is_judged(window: MainWindow) -> None:
    worker, light, session = worker_of(window), window.stability, window.session
    worker.report(Insight(session.run, 400, STABILITY, {"MAML": seen(2.5, 3.0)}))
    session.link.pull()
    assert light.words.full == "inner steps lower the support loss"
    probed = own_task(window)
    none = replace(probed.probe, support_x=np.zeros(0), support_y=np.zeros(0))
    worker.report(replace(probed, probe=none))
    session.link.pull()
    assert light.verdict.level == DARK and light.dot.isHidden()
    assert light.words.full == "no support points on this task: no inner step to judge"
    assert "on held-out tasks as in training" in light.verdict.details
    empty = TaskTrouble(empty=True)
    warned = with_task(verdict(insight({"MAML": seen(0.2, rising=0.4)})), empty)
    assert warned.level == WARNING and warned.words.startswith(f"{empty.words} · tasks as in")
    worker.report(probed)
    session.link.pull()
    assert light.verdict.level == QUIET


def test_words_on_the_task_are_written_only_where_they_change(window: MainWindow, monkeypatch):
    """A drag brings an answer with every frame."""
    written = []
    monkeypatch.setattr(window.stability, "show_now", lambda: written.append(1))
    for last in (16.0, 17.0, 18.0):
        worker_of(window).report(own_task(window, ANIL=(2.5, last, last)))
        window.session.link.pull()
    assert len(written) == 1


@pytest.mark.parametrize(
    ("support", "query", "diverged", "away"),
    [
        ((2.5, 8.4), (3.0, 9.0), False, False),  # below twice the loss of predicting 0
        ((4.5, 8.6), (3.0, 9.0), False, False),  # below twice what it was
        ((4.2, 8.6), (3.0, 9.0), False, True),
        ((4.2, 0.1), (3.0, 426.0), True, False),  # beside the points
        ((900.0, 600.0), (np.nan, np.nan), False, False),  # points far out
        ((900.0, 950.0), (np.nan, np.nan), True, False),
    ],
)
def test_the_limits_are_those_of_adaptation_speed_and_of_the_meta_test(
    window: MainWindow, support, query, diverged: bool, away: bool
) -> None:
    known = ReferenceLosses(1, 4.25, 3.01, "", 0.0, limit=425.0)
    probed = own_task(window)
    arm = replace(probed.arms["MAML"], support_mse=np.array(support), query_mse=np.array(query))
    one = replace(probed, arms={"MAML": replace(arm, curves=arm.curves[:2])})
    found = task_trouble(one, {"MAML": 1}, known)
    assert (bool(found.diverged), bool(found.away)) == (diverged, away)


def test_what_is_said_of_training_stays_apart() -> None:
    trouble = TaskTrouble(("ANIL", "MAML"), ("MTL",), 3)
    warned = verdict(insight({"MAML": seen(0.2, rising=0.4), "ANIL": seen(0.2)}))
    assert with_task(warned, trouble).words == (
        "ANIL and MAML diverge, MTL runs away on this task · "
        "tasks as in training: MAML, 40 % of inner steps raise the support loss"
    )
    assert with_task(verdict(None), trouble).words == trouble.words
    assert with_task(warned, TaskTrouble()) == warned


def test_the_light_can_be_seen_on_both_grounds() -> None:
    for theme in THEMES.values():
        for color in (theme.fine, theme.warning, theme.danger):
            assert contrast(color, theme.window) >= 3.0


def test_arms_that_diverged_at_other_steps_are_not_said_to_at_the_same():
    two = [Diverged(1, arm, step, step, "") for arm, step in (("A", 6042), ("B", 258))]
    assert when_diverged(two[:1]) == "step 6\u202f042"
    assert when_diverged(two) == "steps 258 to 6\u202f042"


def test_a_look_that_the_run_has_left_behind_names_its_step(window: MainWindow) -> None:
    session, light = window.session, window.stability

    def words_at(step: int) -> str:
        status = session.status
        assert status is not None
        worker_of(window).report(replace(status, outer_step=step))
        session.link.pull()
        return light.words.full

    look = replace(insight({"MAML": seen(0.3, 0.9, worse=2)}), run=session.run)
    worker_of(window).report(look)
    session.link.pull()
    words = "inner steps raise the query loss on 2 of 2 tasks"
    assert words_at(420) == words
    assert words_at(666) == f"{words} at step 400"
    worker_of(window).report(replace(look, outer_step=660))
    session.link.pull()
    assert light.words.full == words
