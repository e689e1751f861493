"""Trained runs that come with the lessons: found by what a lesson asks for, small, and whole."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot
from torch import Tensor

from maml_explorer.core.adaptation import adapt
from maml_explorer.core.meta_test import meta_test, run_to_end
from maml_explorer.core.plan import Plan, prepare
from maml_explorer.core.training import RunState, start_run
from maml_explorer.gui.lessons import lesson_runs
from maml_explorer.gui.lessons.after_lesson import COMING_BACK
from maml_explorer.gui.lessons.lesson import NEW, Act, Lesson
from maml_explorer.gui.lessons.lesson_runs import lesson_runs_folder, trained_run
from maml_explorer.gui.lessons.player import READY_MADE, TESTING
from maml_explorer.gui.lessons.strip import AWAITED
from maml_explorer.gui.panels.adaptation_speed.words import NOT_TRAINED
from maml_explorer.gui.panels.adaptation_speed.words import TESTING as WORDS_OF_PANEL
from maml_explorer.gui.session.example import example_folder
from maml_explorer.gui.style.typeset import unbroken
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands, reports
from maml_explorer.protocol.insight_records.stability import StabilitySeen
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.checkpoint import load_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS, open_run
from maml_explorer.storage.run.metrics import last_outer_step
from maml_explorer.worker.insight.features import see_features
from maml_explorer.worker.insight.stability import see_stability
from maml_explorer.worker.meta_test import IMAGE_TASKS
from maml_explorer.worker.stream_answers import answer_stream
from tests.gui.driving import press, said, worker_of

MOST_BYTES = 1_000_000


def lesson(window: MainWindow, name: str) -> Lesson:
    return next(one for one in window.lessons.shelf.shipped if one.name.endswith(name))


def test_they_are_small_and_each_is_the_run_that_the_index_says():
    files = [path for path in lesson_runs_folder().rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files if path.name != lesson_runs.INDEX)
    assert size < MOST_BYTES
    kept = lesson_runs.lesson_runs()
    assert len(kept) == 16
    page = (lesson_runs_folder().parent / "README.md").read_text(encoding="utf-8")
    assert f"| together | {len(kept)} | {size / 1000:.0f} |" in page
    for settings, step, folder in kept:
        _, saved = open_run(folder)
        assert saved == settings
        assert last_outer_step(folder / METRICS) == step
        load_checkpoint(folder / CHECKPOINT, prepare(saved), to_resume=False)


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("first-order", 1),
        ("batch-norm", 5),
        ("reptile", 1),
        ("learned-rates", 1),
        ("images", 1),
        ("memorization", 2),
        ("image-norms", 3),
        ("image-features", 1),
        ("streams", 1),
    ],
)
def test_every_comparison_of_these_lessons_is_trained(window: MainWindow, name: str, runs: int):
    found = set()
    for scene in lesson(window, name).scenes:
        for nth, act in enumerate(scene.acts):
            if act.train_until is not None:
                folder = trained_run(scene.acts, nth)
                assert folder is not None, (name, scene.step)
                found.add(folder.name)
    assert len(found) == runs


def test_a_page_on_he_begins_with_it(window: MainWindow):
    last = lesson(window, "first-order").scenes[-1]
    assert "He initialization" in last.text
    assert last.acts[-1].settings.model.initialization == "he"
    assert last.acts[-1].settings.inner.inner_steps == 1  # as the cosine that it names
    assert last.view.tab == "gradient"


def test_only_a_run_that_is_begun_and_trained_once_is_taken():
    settings, step, folder = lesson_runs.lesson_runs()[0]
    other = settings.with_values({"inner_lr": 0.5})
    assert trained_run((Act(NEW, settings, step),), 0) == folder
    assert trained_run((Act(NEW, settings), Act("", settings, step)), 1) == folder
    assert trained_run((Act(NEW, settings, step + 1),), 0) is None
    assert trained_run((Act(NEW, other), Act("", settings, step)), 1) is None
    assert trained_run((Act(NEW, settings, 5), Act("", settings, step)), 1) is None
    assert trained_run((Act(NEW, settings),), 0) is None
    assert trained_run((Act("example", settings), Act("", settings, step)), 1) is None


def test_a_lesson_opens_it_instead_of_training(window: MainWindow, qtbot: QtBot):
    lessons, worker = window.lessons, worker_of(window)
    lessons.start(lesson(window, "batch-norm"))
    window.session.link.pull()
    (opened,) = worker.posted_of(commands.OpenRun)
    assert Path(opened.folder).name == "08-batch-norm-1"
    assert worker.posted_of(commands.Train) == []
    assert lessons.run.goal is None and lessons.strip.next_button.text() == "Next"
    assert lessons.run.ready_made and lessons.strip.note.full == READY_MADE
    lessons.forward()
    window.session.link.pull()
    assert Path(worker.posted_of(commands.OpenRun)[-1].folder).name == "08-batch-norm-2"
    assert window.session.settings.model.norm == "batch"
    window.session.control.outer_step()
    window.session.link.pull()
    assert not lessons.run.ready_made


def test_a_page_waits_until_its_run_is_on_the_screen(window: MainWindow):
    lessons, link = window.lessons, window.session.link
    strip = lessons.strip
    shown = lesson(window, "batch-norm")
    lessons.start(shown)
    waited = []
    for _ in shown.scenes:
        waited.append(strip.text.text() == AWAITED)
        if waited[-1]:
            assert strip.text.accessibleName() == AWAITED
            assert strip.text.property("role") == "muted" and strip.note.full == ""
        before = link.run
        link.pull()
        assert waited[-1] == (link.run > before)
        assert strip.text.text() == unbroken(strip.words) and not strip.text.property("role")
        lessons.forward()
    assert set(waited) == {True, False}  # some pages speak of the run before them


def test_a_page_on_adaptation_speed_waits_for_the_meta_test_of_its_run(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
):
    # on images it takes long: the text gave its figures beside an empty panel, "Not trained yet"
    lessons, session, worker = window.lessons, window.session, worker_of(window)
    strip, panel = lessons.strip, window.columns.places["adaptation_speed"].panel
    tested = worker._meta_tested
    monkeypatch.setattr(worker, "_meta_tested", lambda: replace(tested(), run=0))  # not yet
    shown = lesson(window, "12-images")
    lessons.start(shown)
    session.link.pull()
    assert panel.plot._empty.toPlainText() == NOT_TRAINED  # type: ignore[union-attr]
    assert strip.note.full == ""
    lessons.jump(1)
    lessons.forward()
    session.link.pull()
    assert lessons.run.ready_made and lessons.run.goal is None
    assert panel.plot._empty.toPlainText() == WORDS_OF_PANEL  # type: ignore[union-attr]
    assert strip.note.full == TESTING and strip.next_button.text() == "Skip ahead"
    assert strip.text.property("role") == "muted"
    worker.report(replace(tested(), outer_step=0))
    worker.report(replace(tested(), declared=1000))
    session.link.pull()
    assert strip.note.full == TESTING, "of another state, or an estimate"
    worker.report(tested())
    session.link.pull()
    assert strip.note.full == READY_MADE and strip.next_button.text() == "Next"
    assert not strip.text.property("role")
    assert panel.plot._empty.toPlainText() == ""  # type: ignore[union-attr]


def test_a_run_is_said_to_be_back_once_it_is(window: MainWindow):
    lessons, link = window.lessons, window.session.link
    shown = lesson(window, "batch-norm")
    lessons.start(shown)
    link.pull()
    for _ in shown.scenes:
        lessons.forward()
    assert lessons.lesson is None
    assert "Your own run is coming back…" in lessons.strip.words
    assert "is back" not in lessons.strip.words
    link.pull()
    assert "Your own run is back." in lessons.strip.words
    assert "coming" not in lessons.strip.words


def test_a_closed_lesson_says_that_the_own_run_is_coming_back(window: MainWindow, qtbot: QtBot):
    lessons, link, strip = window.lessons, window.session.link, window.lessons.strip
    shown = lesson(window, "batch-norm")
    for wait in (lambda: None, lessons.let_play):
        lessons.start(shown)
        link.pull()
        wait()
        press(qtbot, strip.close_button)
        assert strip.isVisible() and strip.text.isVisible() and lessons.lesson is None
        assert strip.text.text() == COMING_BACK and strip.text.property("role") == "muted"
        link.pull()
        assert not strip.isVisible() and lessons.run.back
    lessons.start(shown)
    link.pull()
    lessons.leave()
    press(qtbot, strip.next_button)  # who does not wait closes that too
    assert not strip.isVisible()
    lessons.start(shown)
    assert strip.words == shown.scenes[0].text
    lessons.leave()
    link.pull()


def test_what_is_said_of_a_run_leaves_with_it(window: MainWindow):
    link, worker = window.session.link, worker_of(window)
    worker.report(reports.Diverged(link.run, "MAML", 5, 4, "It diverged."))
    worker.report(reports.Rewound(link.run, 3))
    worker.report(reports.Noted(link.run, "Something else."))
    link.pull()
    assert len(said(window)) > 1
    window.lessons.start(lesson(window, "batch-norm"))
    assert said(window) == []


def test_a_damaged_one_is_trained_instead(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    whole = lesson_runs.lesson_runs()
    kept = tuple((s, step, tmp_path / "gone") for s, step, _ in whole)
    monkeypatch.setattr(lesson_runs, "lesson_runs", lambda: kept)
    window.lessons.start(lesson(window, "batch-norm"))
    window.session.link.pull()
    trained = worker_of(window).posted_of(commands.Train)
    assert [one.until for one in trained] == [2000]
    for _ in range(3000):
        window.session.link.pull()
        if window.lessons.run.goal is None:
            break
    status = window.session.status
    assert status is not None and (status.run, status.outer_step) == (
        window.lessons.run.number,
        2000,
    )
    assert window.lessons.strip.text.text() == window.lessons.strip.words
    # the others are opened
    monkeypatch.setattr(lesson_runs, "lesson_runs", lambda: whole)
    window.lessons.start(lesson(window, "reptile"))
    window.session.link.pull()
    assert worker_of(window).posted_of(commands.Train) == trained


def test_no_index_means_no_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(lesson_runs, "resources", lambda: tmp_path)
    assert lesson_runs.lesson_runs.__wrapped__() == ()
    assert trained_run((Act(NEW, Settings(), 3),), 0) is None


def test_the_freeze_test_of_the_lesson_is_what_the_network_tab_shows():
    folder, settings = open_run(example_folder())
    plan = prepare(settings)
    state = load_checkpoint(folder.path / CHECKPOINT, plan, to_resume=False).state
    walk = see_features(plan, state, {"steps": 1})
    while True:
        try:
            next(walk)
        except StopIteration as end:
            frozen = end.value["MAML"].frozen_error
            break
    text = (lesson_runs_folder().parent / "06-anil.toml").read_text(encoding="utf-8")
    said = re.search(
        r"is ([\d.]+) if every layer adapts, and ([\d.]+) if\s+none.*?It is (\d\.\d)", text, re.S
    )
    assert said is not None
    shown = round(float(frozen[0]), 2), round(float(frozen[-1]), 1), round(float(frozen[1]), 1)
    assert tuple(map(float, said.groups())) == shown


def test_the_errors_of_a_stream_in_the_lesson_are_those_of_its_table(window: MainWindow):
    shown = lesson(window, "streams")
    folder, settings = open_run(lesson_runs_folder() / "22-streams-1")
    plan = prepare(settings)
    state = load_checkpoint(folder.path / CHECKPOINT, plan, to_resume=False).state
    stream = shown.scenes[0].view.stream
    assert stream is not None
    arms = answer_stream(1, plan, state, stream).arms
    learned, end = settings.tasks.batches, settings.tasks.functions * settings.tasks.batches
    said = {"MTL": shown.scenes[2], "OML": shown.scenes[4], "MAML": shown.scenes[6]}
    for arm, scene in said.items():
        for step in (learned, end):
            assert f"{arms[arm].error[step, 0]:.2f}" in scene.text, (arm, step)
        assert "200" in scene.text, "and the mean over many"


def test_the_figures_of_more_steps_are_those_of_the_example(window: MainWindow):
    asked, revealed, *_, last = lesson(window, "more-steps").scenes[1:]
    folder, settings = open_run(example_folder())
    state = load_checkpoint(folder.path / CHECKPOINT, prepare(settings), to_resume=False).state
    theta = state.arms["MAML"].initialization
    one, smaller = (
        run_to_end(meta_test(plan, "MAML", theta, steps=10, stream_name=plan.family.watched))[0]
        for plan in (prepare(scene.acts[-1].settings) for scene in (revealed, last))
    )
    assert f"{one.mean[1]:.2f} ± {one.ci95[1]:.2f}" in asked.text
    medians = f"after one step it is {one.median[1]:.2f}, after five {one.median[5]:.2f}"
    lost = f"{one.diverged[5]} of 600 has diverged by step five, and {one.diverged[6]} by step six"
    assert medians in revealed.text and lost in revealed.text
    assert max(smaller.diverged) == 0
    assert f"{smaller.median[10]:.2f} instead of {one.median[10]:.2f}" in last.text


def test_the_errors_in_the_batch_norm_lesson_are_those_of_its_runs(window: MainWindow):
    texts = [" ".join(one.text.split()) for one in lesson(window, "batch-norm").scenes]
    for nth, page, words in (
        (1, 0, "is 1.10"),
        (2, 2, "is 2.63"),
        (4, 5, "is 1.01"),
        (5, 7, "is 0.65"),
    ):
        theta, plan = trained(f"08-batch-norm-{nth}")
        test = meta_test(plan, "MAML", theta, steps=1, stream_name=plan.family.watched)
        assert f"mean error {words}" in texts[page]
        assert words == f"is {run_to_end(test)[0].mean[1]:.2f}"


def test_few_query_points_are_why_batch_norm_has_the_higher_loss_in_training(window: MainWindow):
    text = " ".join(lesson(window, "batch-norm").scenes[2].text.split())
    theta, plan = trained("08-batch-norm-2")
    metrics = (lesson_runs_folder() / "08-batch-norm-2" / METRICS).read_text(encoding="utf-8")
    losses = [float(line.split(",")[4]) for line in metrics.splitlines()[-30:]]
    assert f"near {np.mean(losses):.1f}: in training" in text and "2.63" in text
    held = plan.family.held_out(plan.settings, 600, 10, plan.family.watched, theta.dtype)
    tasks = held.part(0, 600)
    sizes = plan.arms["MAML"].inner.step_sizes
    path = adapt(
        plan.model, plan.model.layers(theta), tasks.support_x, tasks.support_y, sizes, 1,
        keep_traces=False,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    errors = {}
    for points in (plan.settings.inner.query_points, tasks.query_x.shape[1]):
        assert f"{points} query points" in text or f"from {points}." in text
        nth = torch.rand(600, tasks.query_x.shape[1], generator=generator).argsort(1)[:, :points]
        x = tasks.query_x.expand(600, -1, -1).gather(1, nth[:, :, None].expand(-1, -1, 2))
        y = tasks.query_y.gather(1, nth[:, :, None])
        output = plan.model.forward(path.parameters[1], x, step=1).output
        errors[points] = float(((output - y) ** 2).mean())
    assert errors[10] > 3.0 and abs(errors[100] - 2.63) < 0.01, errors


def trained(run: str) -> tuple[Tensor, Plan]:
    """θ of MAML in a run that comes with a lesson, and its plan."""
    folder, settings = open_run(lesson_runs_folder() / run)
    plan = prepare(settings)
    state = load_checkpoint(folder.path / CHECKPOINT, plan, to_resume=False).state
    return state.arms["MAML"].initialization, plan


def accuracies(run: str, arm: str, stream: str = "") -> tuple[list[float], Plan, RunState]:
    """Percent right after each inner step, as Adaptation speed shows them."""
    folder, settings = open_run(lesson_runs_folder() / run)
    plan = prepare(settings)
    state = load_checkpoint(folder.path / CHECKPOINT, plan, to_resume=False).state
    test = meta_test(
        plan, arm, state.arms[arm].initialization, task_count=IMAGE_TASKS,
        stream_name=stream or plan.family.watched,
    )  # fmt: skip
    return [100 * mean for mean in run_to_end(test)[0].mean], plan, state


@pytest.mark.parametrize(
    ("run", "arm", "page", "words", "steps"),
    [
        ("12-images-1", "MAML", 2, r"(\d+) % after one step\. θ", [1]),
        ("12-images-1", "MTL", 4, r"reaches (\d+) % after one .* and (\d+) % after five", [1, 5]),
        ("14-image-norms-1", "MAML", 0, r"(\d+) % after one .*, (\d+) % after three and (\d+) %",
         [1, 3, 10]),
        ("14-image-norms-2", "MAML", 2, r"(\d+) % after one step and after five", [1]),
        ("14-image-norms-2", "MAML", 2, r"(\d+) % after one step and after five", [5]),
        ("14-image-norms-3", "MAML", 4,
         r"(\d+) % after the one .* (\d+) % after three, (\d+) % after five and (\d+) % after ten",
         [1, 3, 5, 10]),
        ("15-image-features-1", "MAML", 1, r"(\d+) % each", [1]),
        ("15-image-features-1", "ANIL", 1, r"(\d+) % each", [1]),
    ],
)  # fmt: skip
def test_accuracies_in_the_lessons_on_images_are_those_of_their_runs(
    window: MainWindow, run: str, arm: str, page: int, words: str, steps: list[int]
):
    shown = lesson(window, run[3:-2]).scenes[page]
    found = re.search(words, " ".join(shown.text.split()))
    assert found is not None
    right, _, _ = accuracies(run, arm)
    for figure, step in zip(found.groups(), steps, strict=True):
        assert abs(int(figure) - right[step]) < 1, (step, right)


def test_the_largest_steps_in_the_lesson_on_instability_are_those_of_its_run(window: MainWindow):
    text = next(one.text for one in lesson(window, "instability").scenes if one.view.stability)
    plan = prepare(lesson(window, "instability").scenes[0].acts[-1].settings)
    seen = run_to_end(see_stability(plan, start_run(plan), {}))["MAML"]
    assert isinstance(seen, StabilitySeen)
    assert f"in this run: {seen.median:.2f} at the start" in text


def test_what_is_memorized_in_the_lesson_is_what_its_run_has(window: MainWindow):
    shown = lesson(window, "memorization").scenes[2]
    assert "62 %, and about one half on others" in shown.text
    unseen, plan, _ = accuracies("13-memorization-2", "MTL")
    seen, _, _ = accuracies("13-memorization-2", "MTL", plan.family.seen)
    assert abs(seen[0] - 62) < 1 and abs(unseen[0] - 50) < 5


def test_layers_of_images_are_what_the_network_tab_shows(window: MainWindow):
    asked, revealed = lesson(window, "image-features").scenes[2:4]
    _, plan, state = accuracies("15-image-features-1", "MAML")
    seen = run_to_end(see_features(plan, state, {"steps": 1}))["MAML"]
    first, second, third, output = seen.similarity
    assert round(first, 2) == round(second, 2) == 0.99
    assert f"{third:.2f} in the third and {output:.2f} at the output" in asked.text
    frozen = [100 * float(one) for one in seen.frozen_error]
    assert asked.question is not None and "about 90 % on 60 tasks" in asked.question.ask
    assert seen.tasks == 60 and max(abs(one - 90) for one in frozen[:2]) < 1
    assert "About 90 %, and 85 %" in revealed.text and abs(frozen[3] - 85) < 1


def test_batch_norm_of_each_image_alone_costs_as_little_as_is_said(window: MainWindow):
    assert "costs less than one percentage" in lesson(window, "image-norms").scenes[2].text
    right, plan, state = accuracies("14-image-norms-2", "MAML")
    theta, stream = state.arms["MAML"].initialization, plan.family.watched
    alone, _ = run_to_end(
        meta_test(plan, "MAML", theta, task_count=IMAGE_TASKS, stream_name=stream, alone=True)
    )
    cost = [one - 100 * other for one, other in zip(right[1:], alone.mean[1:], strict=True)]
    assert 0 < max(cost) < 1
