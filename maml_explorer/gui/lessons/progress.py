"""Progress in the lessons: a small JSON file in the user's configuration folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.files.writer import write_text
from maml_explorer.late_dataclass import dataclass

SCHEMA = 1
_LIMIT = 64 * 1024
_MOST = 500
Answers = Mapping[int, int | None]
"""Step → the choice that was made first at its question; None where it was revealed before."""


@dataclass(frozen=True)
class LessonProgress:
    """Places in the lessons that were begun, and the lessons that were finished."""

    scenes: Mapping[str, int] = field(default_factory=dict)
    """Lesson → the index of its scene."""
    done: frozenset[str] = frozenset()
    scores: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Lesson → (right answers, questions answered) of the newest time that any was answered."""
    answers: Mapping[str, Answers] = field(default_factory=dict)
    """Lesson that was begun → what was answered up to its scene."""

    def at(self, lesson: str, scene: int, first: Answers) -> LessonProgress:
        """The same, with a lesson at this scene, and what was answered before."""
        answers = {**self.answers, lesson: dict(first)}
        return replace(self, scenes={**self.scenes, lesson: scene}, answers=answers)

    def finished(self, lesson: str, score: tuple[int, int] | None = None) -> LessonProgress:
        """The same with a lesson finished; it starts from the beginning the next time."""
        scenes = {name: scene for name, scene in self.scenes.items() if name != lesson}
        answers = {name: first for name, first in self.answers.items() if name != lesson}
        scores = self.scores if score is None else {**self.scores, lesson: score}
        return LessonProgress(scenes, self.done | {lesson}, scores, answers)


def read_progress(path: Path) -> LessonProgress:
    """Progress in the file at `path`; empty where there is none.

    Raises:
        StorageError: where it cannot be read or holds something else.
    """
    if not path.exists():
        return LessonProgress()
    data = read_json(path, _LIMIT, follow=True)
    if data.get("schema") != SCHEMA:
        raise StorageError(f"{path.name} is not of schema {SCHEMA}.")
    scenes, done = data.get("scenes", {}), data.get("done", [])
    if not isinstance(scenes, dict) or not isinstance(done, list):
        raise StorageError(f"{path.name} has scenes or lessons of another form.")
    for scene in scenes.values():
        if not isinstance(scene, int) or isinstance(scene, bool) or not 0 <= scene < 100:
            raise StorageError(f"{path.name} has a scene that is not a number from 0 to 99.")
    if not all(isinstance(name, str) for name in done) or len(scenes) + len(done) > _MOST:
        raise StorageError(f"{path.name} has more than {_MOST} lessons, or one without a name.")
    scores, answers = _scores(data.get("scores", {}), path), _answers(data.get("answers", {}), path)
    return LessonProgress(scenes, frozenset(done), scores, answers)


def _scores(found: object, path: Path) -> dict[str, tuple[int, int]]:
    """Scores of a progress file; older ones have none."""
    if not isinstance(found, dict) or len(found) > _MOST:
        raise StorageError(f"{path.name} has scores of another form.")
    scores = {}
    for name, pair in found.items():
        whole = isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)
        if not whole or not 0 <= pair[0] <= pair[1] <= 100:
            raise StorageError(f"{path.name} has a score that is not two numbers from 0 to 100.")
        scores[name] = (pair[0], pair[1])
    return scores


def _answers(found: object, path: Path) -> dict[str, Answers]:
    """Answers of a progress file; older ones have none."""
    if not isinstance(found, dict) or len(found) > _MOST:
        raise StorageError(f"{path.name} has answers of another form.")
    answers: dict[str, Answers] = {}
    for name, given in found.items():
        if not isinstance(given, dict) or not all(_is_answer(*one) for one in given.items()):
            raise StorageError(f"{path.name} has answers of another form.")
        answers[name] = {int(step): choice for step, choice in given.items()}
    return answers


def _is_answer(step: str, choice: object) -> bool:
    chosen = choice is None or (type(choice) is int and 0 <= choice < 100)
    return chosen and step.isascii() and step.isdigit() and len(step) <= 3


def write_progress(path: Path, progress: LessonProgress) -> None:
    """Keeps `progress`.

    Raises:
        OSError: where it cannot be written; then the older file is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "schema": SCHEMA,
        "scenes": dict(progress.scenes),
        "done": sorted(progress.done),
        "scores": {name: list(pair) for name, pair in progress.scores.items()},
        "answers": {name: dict(first) for name, first in progress.answers.items()},
    }
    write_text(path, json.dumps(content, indent=1), follow=True)
