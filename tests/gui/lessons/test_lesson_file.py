"""Lesson files: what they mean, and how damaged ones are refused."""

from __future__ import annotations

import math
import re
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from maml_explorer.files.reader import StorageError
from maml_explorer.files.resources import resources
from maml_explorer.gui.lessons.lesson import Act, Lesson
from maml_explorer.gui.lessons.lesson_file import (
    _LESSON,
    _QUESTION,
    _RUN,
    _STEP,
    _VIEW,
    lesson_from,
    load_lesson,
)
from maml_explorer.gui.lessons.shelf import lessons_in
from maml_explorer.gui.lessons.stage import PART_NAMES
from maml_explorer.gui.lessons.toml_checks import is_lesson_file, line_of
from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.gui.session.example import example_settings
from maml_explorer.gui.style.arm_style import ArmStyle, arm_style
from maml_explorer.gui.style.theme import LIGHT
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import changed_keys
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.settings.text import MAX_TOML, to_toml

LESSONS = resources().joinpath("lessons")

GOOD = '''schema = 1
title = "A lesson"
summary = "What it is about."
sources = ["Somebody 2020"]
arms = ["maml", { name = "Slow", algorithm = "maml", overrides = { inner_lr = 0.001 } }]

[settings]
hidden = [8]

[[steps]]
text = """
First line,
[steps.view] is not a header here, nor is x = 3 a key."""
point_at = ["train", "settings.inner_lr"]
[steps.run]
begin = "new"
train_until = 30
[steps.view]
task = [2.0, 0.5]
x = [-1.0, 1.0]
query = [0.0]
inner_step = 2
hidden_arms = ["Slow"]

[[steps]]
text = "What now?"
[steps.run]
speed = 2
[steps.run.settings]
inner_lr = 0.05
[steps.question]
ask = "Is it better?"
choices = ["Yes", "No"]
answer = 2
[steps.reveal]
text = "No."
[steps.reveal.run]
train_until = 60
[steps.reveal.view]
x = [0.0]
y = [3.0]

[[steps]]
text = "The trained one."
[steps.run]
begin = "example"
'''


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def refusal(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        lesson_from(text, "mine", "mine.toml")
    return str(caught.value)


@pytest.fixture
def lesson() -> Lesson:
    return lesson_from(GOOD, "mine")


def test_all_shipped_lessons_are_read():
    found, refused = lessons_in(LESSONS)
    assert refused == []
    assert len(found) == len(list(LESSONS.glob("*.toml"))) > 0
    for lesson in found:
        assert lesson.sources, lesson.name
        assert 3 <= lesson.steps <= 10, lesson.name
        assert any(scene.question for scene in lesson.scenes) or lesson.name.endswith("tour")


def test_right_answers_are_spread_over_their_places():
    scenes = [scene for lesson in lessons_in(LESSONS)[0] for scene in lesson.scenes]
    asked = [scene.question for scene in scenes if scene.question and not scene.revealed]
    of_three = [one.answer for one in asked if len(one.choices) == 3]
    assert len(of_three) > 30
    for place in range(3):
        assert 0.2 < of_three.count(place) / len(of_three) < 0.45, f"place {place + 1}"


def test_the_longest_option_is_right_no_more_often_than_by_chance():
    scenes = [scene for lesson in lessons_in(LESSONS)[0] for scene in lesson.scenes]
    asked = [scene.question for scene in scenes if scene.question and not scene.revealed]
    of_three = [one for one in asked if len(one.choices) == 3]
    lengths = [sorted(map(len, one.choices)) for one in of_three]
    single = [
        one for one, (_, second, most) in zip(of_three, lengths, strict=True) if most > second
    ]
    right = [one for one in single if len(one.choices[one.answer]) == max(map(len, one.choices))]
    assert len(right) <= len(single) / 3, [one.ask for one in right]


@pytest.mark.parametrize(
    "words",
    [
        "overshoots so far that the loss rises",
        "it cannot go below",
        "from about 3.3",
        "What is it with He",
        "The MAML++ paper keeps one",
        "switch Unseen off",
        "catches up near 6000",
        "After five steps it is 10,",
        "after one step, about 81 %",
        "51 % on others",
        "400 to 500 outer steps",
        "a slightly larger α",
        "where its own direction is good enough",
        "0.97 for ANIL",
        "θ − ε (θ − φ)",
        "an α that suits it",
        "Which of the two is better",
        "A new run trains now",
    ],
)
def test_words_that_were_wrong_are_gone(words: str):
    for path in [*LESSONS.glob("*.toml"), LESSONS / "answers.md"]:
        assert words not in " ".join(path.read_text(encoding="utf-8").split()), path.name


def test_no_question_speaks_of_lines_that_are_hidden_while_it_is_asked():
    for lesson in lessons_in(LESSONS)[0]:
        for scene in lesson.scenes:
            if scene.question is not None and not scene.revealed:
                words = " ".join((scene.text, scene.question.ask, *scene.question.choices))
                assert "dotted" not in words, (lesson.name, scene.step + 1)


def test_a_page_that_names_medians_beside_the_speed_shows_them():
    named = 0
    for lesson in lessons_in(LESSONS)[0]:
        for scene in lesson.scenes:
            asks = "" if scene.question is None else scene.question.ask
            if "adaptation_speed" in scene.point_at and "median" in scene.text + asks:
                named += 1
                assert scene.view.statistic == "median", (lesson.name, scene.step + 1)
    assert named > 5


def test_a_page_that_goes_over_to_medians_says_so_and_shows_lines_apart():
    scenes = load_lesson(LESSONS / "05-first-order.toml").scenes
    ((before, after),) = [
        (a, b) for a, b in pairwise(scenes) if a.view.statistic != b.view.statistic
    ]
    assert (before.view.statistic, after.view.statistic) == ("mean", "median")
    assert "shows medians, because" in " ".join(after.text.split())
    assert (before.view.speed_axis, after.view.speed_axis) == ("auto", "log")


def test_a_page_that_compares_at_equal_counts_ends_the_axis_there():
    scenes = load_lesson(LESSONS / "05-first-order.toml").scenes
    compared = [scene for scene in scenes if "equal counts" in " ".join(scene.text.split())]
    assert [scene.view.axis_until for scene in compared] == [7200.0]
    assert "7200" in compared[0].text and scenes[-1].view.axis_until is None


def test_no_lesson_asks_for_training_while_it_trains():
    pairs = [pair for lesson in lessons_in(LESSONS)[0] for pair in pairwise(lesson.scenes)]
    asking = [pair for pair in pairs if "Press Train" in pair[1].text]
    assert asking, "the outer loop ends with it"
    for before, scene in asking:
        assert scene.acts == before.acts, "it trains by itself"


def test_what_a_page_names_in_words_is_what_it_opens():
    paged = {entry.name: entry.pages for entry in PANELS.values() if entry.pages}
    titles = {entry.title: entry.name for entry in PANELS.values() if entry.place == TAB}
    tabs = pages = 0
    for scene in (scene for lesson in lessons_in(LESSONS)[0] for scene in lesson.scenes):
        opened = [part.split(".")[1:] for part in scene.point_at if part.startswith("tab.")]
        for tab, *page in opened:
            assert len(page) == (tab in paged), f"{tab}: one of {paged[tab]} is meant: {scene.text}"
        if "pseudocode" in scene.text:
            assert "pseudocode" in [tab for tab, *_ in opened], scene.text
        for title in re.findall(r"(\w+) tab\b", scene.text):
            if title in titles:
                assert titles[title] in [tab for tab, *_ in opened], scene.text
                tabs += 1
        for page, title in re.findall(r"(\w+) page of the (\w+) tab", scene.text):
            assert [titles[title], page.lower()] in opened, scene.text
            pages += 1
    assert tabs > 5 and pages > 0


def test_no_panel_shows_what_a_page_asks():
    """Of lessons whose figures, had they been measured before, would stand beside the question."""
    scenes = {
        (lesson.name, scene.step, scene.revealed): scene
        for lesson in lessons_in(LESSONS)[0]
        for scene in lesson.scenes
    }
    for name, step in (("12-images", 1), ("15-image-features", 0), ("16-boil", 2)):
        asked, shown = scenes[name, step, False], scenes[name, step, True]
        assert [act.train_until for act in asked.acts if act.train_until] == []
        assert shown.acts[-1].train_until
    for name, step in (("06-anil", 3), ("15-image-features", 1)):
        assert scenes[name, step, False].view.tab == "tasks", "the freeze test is in Network"
        assert scenes[name, step, True].view.tab == "network"
    for name, step in (("10-learned-rates", 3), ("11-more-steps", 1)):
        tested = [scenes[name, step, on].acts[-1].settings.run.test_steps for on in (False, True)]
        assert tested == [1, 10], "tasks that diverge"


def test_the_pages_that_a_lesson_can_point_at_are_those_of_the_panels():
    for entry in PANELS.values():
        module = sys.modules[entry.kind().__module__]  # type: ignore[attr-defined]
        assert entry.pages == tuple(getattr(module, "PAGES", ())), entry.name


def test_no_lesson_leads_out_of_the_window():
    for path in LESSONS.glob("*.toml"):
        assert "docs/" not in path.read_text(encoding="utf-8"), path.name


def test_a_scene_says_how_its_run_comes_about(lesson: Lesson):
    first, asked, shown, last = lesson.scenes
    base = Settings().with_values({"hidden": (8,)}).with_arms(first.acts[0].settings.arms)
    assert [arm.name for arm in base.arms] == ["MAML", "Slow"]
    assert base.of_arm(base.arms[1]).inner.inner_lr == 0.001
    later = base.with_values({"inner_lr": 0.05})
    assert first.acts == (Act("new", base, 30),)
    assert asked.acts == (*first.acts, Act("", later))
    assert shown.acts == (*asked.acts, Act("", later, 60))
    assert last.acts == (Act("example", example_settings()),)
    assert [scene.step for scene in lesson.scenes] == [0, 1, 1, 2]
    assert [scene.revealed for scene in lesson.scenes] == [False, False, True, False]
    assert [scene.speed for scene in lesson.scenes] == [None, 2.0, 2.0, None]
    assert asked.question is not None and asked.question.answer == 1


def test_a_scene_shows_all_that_was_set_before(lesson: Lesson):
    first, asked, shown, last = (scene.view for scene in lesson.scenes)
    assert first.probe is not None and asked.to_view() == first.to_view()
    y = [2.0 * math.sin(x - 0.5) for x in (-1.0, 1.0)]
    np.testing.assert_array_equal(first.probe.support_y, y)
    np.testing.assert_array_equal(first.probe.query_x, [0.0])
    assert first.inner_step == shown.inner_step == 2
    assert first.hidden_arms == shown.hidden_arms == ("Slow",)
    # one's own points take the place of the whole task
    assert shown.probe is not None and shown.probe.amplitude is None
    assert shown.probe.query_x is None
    assert last.hidden_arms == (), "another run may have other arms"
    assert first.before is False and first.loss == "outer"


BAD = [
    (changed("schema = 1", "schema = 2"), "mine.toml, line 1", "schema", "from 1 to 1"),
    (changed('title = "A lesson"\n', ""), "mine.toml", "title", "missing"),
    (changed("hidden = [8]", "hiden = [8]"), "line 8", "hiden", "hidden"),
    (changed("hidden = [8]", "hidden = [0]"), "line 8", "hidden", "from 1 to 1024"),
    (changed("hidden = [8]", "phase_min = 5"), "line 7", "phase_min", "cannot be above"),
    (changed('"maml", {', '"mamml", {'), "line 5", "mamml", "fomaml"),
    (changed('"train", ', '"trian", '), "line 14, step 1", "trian", "did you mean train?"),
    (changed('"train", ', '"zzzz", '), "line 14, step 1", "zzzz", "train, outer_step"),
    (changed('begin = "new"\n', ""), "line 15, step 1", "begin", "“new” or “example”"),
    (changed('begin = "new"', 'begin = "old"'), "line 16, step 1", "begin", "new, example"),
    (changed("train_until = 30", "train_until = 0"), "line 17, step 1", "train_until", "100000"),
    (changed("inner_step = 2", "inner_stp = 2"), "line 22, step 1", "inner_stp", "inner_step"),
    (changed("inner_step = 2", "inner_step = 2.5"), "line 22", "inner_step", "whole number"),
    (changed("task = [2.0, 0.5]", "task = [2.0]"), "line 19", "task", "a list of 2 to 3"),
    (changed("x = [-1.0, 1.0]\n", ""), "line 18, step 1", "x", "support points"),
    (changed('["Slow"]', '["Fast"]'), "line 23, step 1", "Fast", "MAML, Slow"),
    (changed("inner_step = 2", 'arm = "ANIL"'), "line 22, step 1", "ANIL", "MAML, Slow"),
    (changed("speed = 2", "speed = nan"), "line 28, step 2", "speed", "from 0.1 to 10000"),
    (changed("inner_lr = 0.05", "seed = 3"), "line 30, step 2", "Seed", "“new”"),
    (changed("answer = 2", "answer = 3"), "line 31, step 2", "choices", "number of the right one"),
    (changed("answer = 2", 'kind = "draw"'), "line 31, step 2", "draw", "neither choices"),
    (changed('["Yes", "No"]', '["Yes"]'), "line 33, step 2", "choices", "2 to 4"),
    (changed('text = "No."', 'texts = "No."'), "line 36, step 2", "texts", "text"),
    (changed("y = [3.0]", "y = [3.0, 1.0]"), "line 39, step 2", "1 x and 2 y", ""),
    (changed("[steps.reveal.run]", "[steps.revel.run]"), "step 2", "revel", "reveal"),
    (changed('text = "What now?"', 'text = ""'), "line 26, step 2", "text", "1 to 600"),
    ("schema = 1\ntitle = 'x'\nsummary = 'y'\nsteps = []", "line 4", "[[steps]]", "1 to 20"),
    ("schema = \nx = 1", "mine.toml", "TOML", "line 1"),
    ("x" * (MAX_TOML + 1), "mine.toml", "65537", "65536"),
]


@pytest.mark.parametrize(("text", "where", "what", "allowed"), BAD)
def test_an_error_says_file_line_key_and_what_is_allowed(
    text: str, where: str, what: str, allowed: str
):
    sentence = refusal(text)
    assert sentence.startswith("mine.toml") and "\n" not in sentence
    for part in (where, what, allowed):
        assert part in sentence


def test_a_question_needs_what_is_revealed_after_it():
    assert "reveal" in refusal(GOOD[: GOOD.index("[steps.reveal]")])


def test_lines_are_found_beside_texts_that_look_like_keys():
    assert (
        line_of(GOOD, ("steps", 0, "view", "task"))
        == GOOD.splitlines().index("task = [2.0, 0.5]") + 1
    )
    assert line_of(GOOD, ("steps", 2, "run", "speed")) == len(GOOD.splitlines()) - 1
    assert line_of(GOOD, ("nothing",)) is None


def test_what_means_to_be_a_lesson(tmp_path: Path):
    for name, text, is_one in (
        ("a.toml", GOOD, True), ("b.toml", to_toml(Settings()), False), ("c.txt", GOOD, False),
        ("d.toml", "x", False),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
        assert is_lesson_file(tmp_path / name) is is_one, name
    assert not is_lesson_file(tmp_path / "missing.toml")
    with pytest.raises(StorageError):
        load_lesson(tmp_path / "missing.toml")


def test_a_folder_lists_what_it_refuses(tmp_path: Path):
    assert lessons_in(tmp_path / "missing") == ([], [])
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "b.toml").write_text(changed("inner_step = 2", "inner_step = -2"))
    (tmp_path / "c.toml").write_bytes(b"\xff")
    found, refused = lessons_in(tmp_path)
    assert [lesson.name for lesson in found] == ["a"]
    assert refused[0].startswith("b.toml, line 22, step 1: ") and "UTF-8" in refused[1]


def test_parts_of_every_kind_have_names():
    assert {"train", "losses", "tab.pseudocode", "settings.inner_lr"} <= set(PART_NAMES)
    assert default_arm("maml").name == "MAML"


def test_the_format_is_documented():
    text = (LESSONS / "README.md").read_text()
    example = text.split("```toml\n")[1].split("```")[0]
    assert lesson_from(example, "readme").steps == 2
    keys = {*_LESSON, *_STEP, *_RUN, *_VIEW, *_QUESTION}
    parts = {name for name in PART_NAMES if not name.startswith(("settings.", "tab."))}
    missing = {name for name in keys | parts if f"`{name}`" not in text}
    assert missing - {"settings", "steps", "question", "reveal", "run", "view"} == set()


@pytest.mark.parametrize("path", sorted(LESSONS.glob("*.toml")), ids=lambda path: path.stem)
def test_an_arm_looks_the_same_on_all_pages_of_a_lesson(path: Path) -> None:
    looks: dict[str, ArmStyle] = {}
    for scene in load_lesson(path).scenes:
        for act in scene.acts:
            for arm in act.settings.arms:
                look = arm_style(act.settings, arm, LIGHT)
                assert looks.setdefault(arm.name, look) == look, arm.name


@pytest.mark.parametrize("path", sorted(LESSONS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_folded_setting_is_named_by_the_pages_that_turn_on_it(path: Path):
    """Nobody sees it else: it stands behind "more"."""
    scenes = load_lesson(path).scenes
    runs = [scene.acts[-1].settings for scene in scenes]
    before = [runs[0], *runs[:-1]]
    for scene, was, now in zip(scenes, before, runs, strict=True):
        changed = [DECLARATIONS[key] for key in changed_keys(was, now)]
        lines = {one.row or one.key for one in changed if not one.basic}
        named = [part.removeprefix("settings.") for part in scene.point_at]
        shown = {DECLARATIONS[key].row or key for key in named if key in DECLARATIONS}
        assert lines <= shown, scene.text
    if len({run["norm"] for run in runs}) > 1:
        assert all("settings.norm" in scene.point_at for scene in scenes)
