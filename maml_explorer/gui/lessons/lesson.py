"""Lessons as data: the scenes that a lesson goes through, and what each does to the run."""

from __future__ import annotations

from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.late_dataclass import dataclass
from maml_explorer.settings.settings import Settings

NEW, EXAMPLE = "new", "example"
CHOOSE, DRAW = "choose", "draw"
READING = 2.5
"""Words a second."""
ANSWERING, LOOKING = 15.0, 10.0
"""Seconds for a question, and for looking at what a step shows."""


@dataclass(frozen=True)
class Act:
    """One thing that is done to the run: begin it, change settings, train."""

    begin: str
    """NEW, EXAMPLE (the trained run that comes with the program), or empty: go on."""
    settings: Settings
    train_until: int | None = None


@dataclass(frozen=True)
class Question:
    """Question that is asked before the answer is shown."""

    ask: str
    kind: str = CHOOSE
    choices: tuple[str, ...] = ()
    answer: int | None = None
    """Number of the right choice, from 0; None for a drawing."""


@dataclass(frozen=True)
class Scene:
    """Everything the window shows and says at one place of a lesson: a lesson may begin here."""

    step: int
    """From 0; a question and what is revealed after it are two scenes of one step."""
    text: str
    point_at: tuple[str, ...]
    acts: tuple[Act, ...]
    """Acts that lead to the run of this scene, from its beginning."""
    view: ViewState
    speed: float | None = None
    """Outer steps per second; None is unlimited."""
    question: Question | None = None
    revealed: bool = False
    """True where this is shown after the question."""

    @property
    def on_test(self) -> bool:
        """True where it speaks of the meta-test."""
        return "adaptation_speed" in self.point_at


@dataclass(frozen=True)
class Lesson:
    """A guided lesson."""

    name: str
    title: str
    summary: str
    sources: tuple[str, ...]
    scenes: tuple[Scene, ...]

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.scenes[-1].step + 1

    @property
    def minutes(self) -> int:
        """Minutes that reading, answering and looking take, roughly; at least 1."""
        words = sum(len(scene.text.split()) for scene in self.scenes)
        asked = sum(scene.question is not None and not scene.revealed for scene in self.scenes)
        seconds = words / READING + asked * ANSWERING + self.steps * LOOKING
        return max(1, round(seconds / 60))

    @property
    def questions(self) -> dict[int, int]:
        """Step → the right choice, from 0, of every question with choices."""
        return {
            scene.step: scene.question.answer
            for scene in self.scenes
            if scene.question is not None and scene.question.answer is not None
        }

    def first_scene(self, step: int) -> int:
        """The index of the first scene of a step."""
        return next(nth for nth, scene in enumerate(self.scenes) if scene.step == step)
