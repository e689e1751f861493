"""The lesson that runs: its scene, and what was chosen at its questions."""

from __future__ import annotations

from dataclasses import field

from maml_explorer.gui.lessons.lesson import Lesson
from maml_explorer.gui.lessons.progress import LessonProgress
from maml_explorer.late_dataclass import dataclass


@dataclass()
class RunningLesson:
    """State of the lesson that runs."""

    lesson: Lesson
    nth: int
    """Index of its scene."""
    chosen: dict[int, int] = field(default_factory=dict)
    """Step → the choice that was made at its question."""
    first: dict[int, int | None] = field(default_factory=dict)
    """Step → the choice that was made first, which counts; None where it was revealed before."""
    playing: bool = False
    """True where it waits while the user plays."""

    @property
    def score(self) -> tuple[int, int] | None:
        """(right first answers, questions answered); None where none was."""
        answered = {step: nth for step, nth in self.first.items() if nth is not None}
        right = [self.lesson.questions.get(step) == nth for step, nth in answered.items()]
        return (sum(right), len(right)) if right else None

    @property
    def only_revealed(self) -> int:
        """Number of the questions whose answer was revealed instead of given."""
        return sum(nth is None for nth in self.first.values())


def resumed(lesson: Lesson, progress: LessonProgress) -> RunningLesson:
    """A lesson where it was left, with what was answered; it may be another one by now."""
    at = progress.scenes.get(lesson.name, 0)
    if not 0 < at < len(lesson.scenes):
        return RunningLesson(lesson, 0)
    kept = progress.answers.get(lesson.name, {})
    first = {step: nth for step, nth in kept.items() if step in lesson.questions}
    chosen = {step: nth for step, nth in first.items() if nth is not None}
    return RunningLesson(lesson, at, chosen, first)
