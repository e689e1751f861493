"""Lesson files: one TOML file each, read into the scenes that the window plays one by one.

The format is described in resources/lessons/README.md. A file may come from anyone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from maml_explorer.files.reader import read_text
from maml_explorer.gui.lessons.lesson import (
    CHOOSE,
    DRAW,
    EXAMPLE,
    NEW,
    Act,
    Lesson,
    Question,
    Scene,
)
from maml_explorer.gui.lessons.stage import PART_NAMES
from maml_explorer.gui.lessons.toml_checks import (
    Check,
    LessonError,
    anything,
    decimal,
    flag,
    line_of,
    many,
    named,
    one_of,
    read_table,
    whole,
    words,
)
from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.gui.panels.adaptation_speed.statistics import MEAN, STATISTICS
from maml_explorer.gui.session.example import example_settings
from maml_explorer.gui.session.image_edits import sampled
from maml_explorer.gui.session.view_state import ViewState, view_state
from maml_explorer.protocol.images import ImageTask
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import needs_restart
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.share import MAX_POINTS
from maml_explorer.settings.text import MAX_TOML, arms_from, parse_toml

SCHEMA = 1
MOST_STEPS = 20
MOST_TRAINED = 100_000
"""Outer steps a lesson may train."""
_PARTS = named(PART_NAMES)


def load_lesson(path: Path) -> Lesson:
    """The lesson in a file.

    Raises:
        SettingsError: naming file, line and key, and what is allowed.
        StorageError: where the file cannot be read.
    """
    return lesson_from(read_text(path, 4 * MAX_TOML, follow=True), path.stem, path.name)


def lesson_from(text: str, name: str, file: str = "") -> Lesson:
    """The lesson written as TOML; `file` is what errors call it.

    Raises:
        SettingsError: naming file, line and key, and what is allowed.
    """
    file = " ".join((file or name).split())[:60]
    try:
        return _lesson(parse_toml(text), name)
    except LessonError as error:
        line = line_of(text, error.path)
        nth = [part + 1 for part in error.path if isinstance(part, int)]
        where = f"{file}{f', line {line}' if line else ''}{f', step {nth[0]}' if nth else ''}"
        raise SettingsError(f"{where}: {error}") from None
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from None


# ---------------------------------------------------------------- what keys there are

_LESSON: dict[str, Check] = {
    "schema": whole(1, SCHEMA),
    "title": words(60),
    "summary": words(200),
    "sources": many(words(300), 0, 10),
    "arms": arms_from,
    "settings": anything,
    "steps": anything,
}
_SHOWN: dict[str, Check] = {
    "text": words(600),
    "point_at": many(_PARTS, 0, 4),
    "run": anything,
    "view": anything,
}
_STEP = {**_SHOWN, "question": anything, "reveal": anything}
_RUN: dict[str, Check] = {
    "begin": one_of(NEW, EXAMPLE),
    "settings": anything,
    "arms": arms_from,
    "train_until": whole(1, MOST_TRAINED),
    "speed": decimal(0.1, 10_000),
}
_NUMBERS = partial(many, decimal(-1000, 1000))
_VIEW: dict[str, Check] = {
    "task": _NUMBERS(2, 3),
    "x": _NUMBERS(0, MAX_POINTS),
    "y": _NUMBERS(0, MAX_POINTS),
    "query": _NUMBERS(0, MAX_POINTS),
    "images": many(whole(0, 2**31 - 1), 2, 2),
    "stream": whole(0, 2**31 - 1),
    "unseen": flag,
    "together": flag,
    "inner_step": whole(0, 50),
    "tab": one_of(*(entry.name for entry in PANELS.values() if entry.place == TAB)),
    "arm": words(40),
    "hidden_arms": many(words(40), 0, 8),
    "loss": one_of("outer", "inner", "held-out"),
    "axis": one_of("outer steps", "seconds", "gradients"),
    "axis_until": decimal(1e-3, 1e12),
    "log_x": flag,
    "statistic": one_of(*STATISTICS),
    "speed_axis": one_of("auto", "linear", "log"),
    "before": flag,
    "residuals": flag,
    "stability": flag,
    "lines_off": many(one_of("truth", "best", "oracle", "band", "freeze"), 0, 5),
}
_TASK = {"task", "x", "y", "query"}
_OF_IMAGES = ("images", "unseen", "together")
_OF_ARMS = ("hidden_arms", "arm")
_OF_A_RUN = (*_OF_ARMS, "axis_until")
_QUESTION: dict[str, Check] = {
    "ask": words(300),
    "kind": one_of(CHOOSE, DRAW),
    "choices": many(words(140), 2, 4),
    "answer": whole(1, 4),
}
_AS_USUAL: dict[str, Any] = {
    "loss": "outer", "axis": "outer steps", "log_x": False, "before": False, "residuals": False,
    "stability": False, "lines_off": (), "statistic": MEAN, "speed_axis": "auto",
}  # fmt: skip
"""Drawing choices with which a lesson begins."""


# ---------------------------------------------------------------- reading


def _lesson(document: Mapping[str, Any], name: str) -> Lesson:
    found = read_table(document, (), _LESSON, ("schema", "title", "summary", "steps"))
    steps = found["steps"]
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        raise LessonError(("steps",), f"A lesson has 1 to {MOST_STEPS} tables [[steps]].")
    base = Settings()
    if "arms" in found:
        base = base.with_arms(found["arms"])
    base = _changed(base, found.get("settings", {}), ("settings",))
    scenes: list[Scene] = []
    view: dict[str, Any] = dict(_AS_USUAL)
    for nth, step in enumerate(steps):
        path = ("steps", nth)
        shown = read_table(step, path, _STEP, ("text",))
        if ("question" in shown) != ("reveal" in shown):
            raise LessonError(path, "A [steps.question] has a [steps.reveal], and none without it.")
        scenes.append(_scene(shown, path, nth, base, view, scenes))
        if "question" not in shown:
            continue
        question = _question(shown["question"], (*path, "question"))
        scenes[-1] = replace(scenes[-1], question=question)
        at = (*path, "reveal")
        shown = read_table(shown["reveal"], at, _SHOWN, ("text",))
        scene = _scene(shown, at, nth, base, view, scenes)
        scenes.append(replace(scene, question=question, revealed=True))
    return Lesson(
        name, found["title"], found["summary"], found.get("sources", ()), tuple(scenes)
    )  # fmt: skip


def _scene(
    shown: Mapping[str, Any], path: tuple[str | int, ...], step: int, base: Settings,
    view: dict[str, Any], before: list[Scene],
) -> Scene:  # fmt: skip
    """The scene after those `before`; what it says of the view is added to `view`."""
    last = before[-1] if before else None
    run_path, view_path = (*path, "run"), (*path, "view")
    run = read_table(shown.get("run", {}), run_path, _RUN)
    acts = last.acts if last is not None else ()
    if not acts and "begin" not in run:
        raise LessonError(
            run_path, "The first step says what it begins with: begin = “new” or “example”."
        )
    acts = _acts(acts, run, run_path, base)
    changes = read_table(shown.get("view", {}), view_path, _VIEW)
    # another task takes the place of all of the one before, and a new run may have other arms
    gone = [*(_TASK if changes.keys() & _TASK else ()), *(_OF_A_RUN if "begin" in run else ())]
    for key in gone:
        view.pop(key, None)
    view |= changes
    arms = {arm.name for arm in acts[-1].settings.arms}
    for key in _OF_ARMS:
        named_here = [view[key]] if isinstance(view.get(key), str) else view.get(key, ())
        if unknown := set(named_here) - arms:
            sentence = f"There is no arm “{min(unknown)}”: there are {', '.join(sorted(arms))}."
            raise LessonError((*view_path, key), sentence)
    speed = last.speed if last is not None else None
    return Scene(
        step=step,
        text=shown["text"],
        point_at=shown.get("point_at", ()),
        acts=acts,
        view=_view_state(view, view_path, acts[-1].settings),
        speed=run.get("speed", None if "begin" in run else speed),
    )


def _acts(
    acts: tuple[Act, ...], run: Mapping[str, Any], path: tuple[str | int, ...], base: Settings
) -> tuple[Act, ...]:
    """`acts` with what a table [run] adds."""
    begin = run.get("begin", "")
    before = {NEW: base, EXAMPLE: example_settings()}.get(begin) or acts[-1].settings
    after = before.with_arms(run["arms"]) if "arms" in run else before
    after = _changed(after, run.get("settings", {}), (*path, "settings"))
    waiting = needs_restart(before, after) if begin != NEW else []
    if waiting:
        labels = ", ".join(DECLARATIONS[key].label for key in waiting)
        raise LessonError((*path, "settings", waiting[0]), f"{labels} needs begin = “new”.")
    act = Act(begin, after, run.get("train_until"))
    if begin:
        return (act,)
    if after == before and act.train_until is None:
        return acts
    return (*acts, act)


def _changed(settings: Settings, found: object, path: tuple[str | int, ...]) -> Settings:
    checks: dict[str, Check] = {key: known.check for key, known in DECLARATIONS.items()}
    values = read_table(found, path, checks)
    try:
        return settings.with_values(values)
    except SettingsError as error:  # a minimum above its maximum
        raise LessonError(path, str(error)) from None


def _view_state(
    view: Mapping[str, Any], path: tuple[str | int, ...], settings: Settings
) -> ViewState:
    """View as a share string would hold it; y is the truth where it is left out."""
    plain = {
        key: list(v) if isinstance(v, tuple) else v
        for key, v in view.items()
        if key not in _OF_IMAGES
    }
    task = _image_task(view, path, settings)
    if "task" in plain and "y" not in plain and "x" in plain:
        amplitude, phase, frequency = (*plain["task"], 1.0)[:3]
        plain["y"] = [amplitude * math.sin(frequency * x - phase) for x in plain["x"]]
    if ("x" in plain) != ("y" in plain) or ("task" in plain and "x" not in plain):
        raise LessonError(path, "A task has support points: x, and y where there is no task.")
    try:
        return replace(view_state(plain), images=task)
    except SettingsError as error:
        raise LessonError(path, str(error).replace("in the share string ", "")) from None


def _image_task(
    view: Mapping[str, Any], path: tuple[str | int, ...], settings: Settings
) -> ImageTask | None:
    """The task of images that a view asks for; None where it asks for none."""
    if not view.keys() & set(_OF_IMAGES):
        return None
    if not settings.family.images or "images" not in view:
        sentence = "images, unseen and together are for a run of images, and begin with images."
        raise LessonError((*path, min(view.keys() & set(_OF_IMAGES))), sentence)
    seed, drawings = view["images"]
    task = sampled(settings, seed, drawings)
    return replace(task, unseen=view.get("unseen", True), together=view.get("together", True))


def _question(found: object, path: tuple[str | int, ...]) -> Question:
    table = read_table(found, path, _QUESTION, ("ask",))
    choices, answer = table.get("choices", ()), table.get("answer")
    kind = table.get("kind", CHOOSE)
    if kind == DRAW:
        if choices or answer is not None:
            raise LessonError(path, "A question to draw has neither choices nor an answer.")
    elif not choices or answer is None or answer > len(choices):
        raise LessonError(path, "A question has 2 to 4 choices, and the number of the right one.")
    return Question(table["ask"], kind, choices, None if answer is None else answer - 1)
