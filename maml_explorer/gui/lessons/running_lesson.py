"""The lesson that runs: its scene, and what was chosen at its questions."""

from __future__ import annotations

from dataclasses import field

from maml_explorer.gui.lessons.lesson import Lesson
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
