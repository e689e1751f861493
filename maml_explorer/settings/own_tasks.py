"""Name of the user's own tasks, as settings hold it: which tasks a run was trained on. Torch-free.

Tasks are objects of a program, which no file holds. So settings name them, say how large they are,
and keep three figures of a fixed draw: then what does not fit is refused even where the tasks are
absent, and other tasks of the same name are told from them.
"""

from __future__ import annotations

import math
import re

from maml_explorer.late_dataclass import dataclass
from maml_explorer.settings.declaration import SettingsError, quoted
from maml_explorer.settings.family import Family
from maml_explorer.settings.words import counted

MOST_NAME = 40
"""Most characters of a name."""
MOST_NUMBERS = 10_000
"""Most inputs, outputs, support points and query points."""
DECLARED_TASKS = "tasks that were registered: me.train(…, tasks=…) or --own-tasks NAME"
_SIZE = "[1-9][0-9]{0,4}"
_FIGURE = r"-?[0-9]\.[0-9]{3}e[+-][0-9]{2}"
_TEXT = re.compile(
    rf"(?P<name>[^:]{{1,{MOST_NAME}}}):(?P<inputs>{_SIZE}):(?P<outputs>{_SIZE}):"
    rf"(?P<support>{_SIZE}):(?P<queries>{_SIZE}):(?P<mark>{_FIGURE};{_FIGURE};{_FIGURE})"
)
_CLOSE = 0.01
"""Relative difference of figures that other machines may cause."""


@dataclass(frozen=True)
class TaskKey:
    """The name, sizes and figures of some tasks."""

    name: str
    """1 to 40 printable characters without a colon."""
    inputs: int
    """Numbers of an input."""
    outputs: int
    """Numbers of a target."""
    support: int
    """Points of a support set: the most shots."""
    queries: int
    """Points of a query set."""
    mark: tuple[float, float, float]
    """Means of x², y and y² over a fixed draw."""

    @property
    def text(self) -> str:
        """The key as one text: "waves:1:1:10:10:8.330e+00;1.000e-01;4.200e+00"."""
        sizes = (self.inputs, self.outputs, self.support, self.queries)
        return ":".join([self.name, *map(str, sizes), ";".join(f"{m:.3e}" for m in self.mark)])

    @property
    def words(self) -> str:
        """The tasks in words, as a sentence that asks for them names them."""
        return (
            f"“{self.name}” ({counted(self.inputs, 'input')}, {counted(self.outputs, 'output')}, "
            f"{counted(self.support, 'support point')}, {counted(self.queries, 'query point')})"
        )

    def like(self, other: TaskKey) -> bool:
        """True if both are of the same tasks, be it on another machine."""
        mine, theirs = self.text.rsplit(":", 1)[0], other.text.rsplit(":", 1)[0]
        least = 1e-3 * max(map(abs, self.mark))  # a mean of 0 is a matter of rounding
        return mine == theirs and all(
            math.isclose(a, b, rel_tol=_CLOSE, abs_tol=least)
            for a, b in zip(self.mark, other.mark, strict=True)
        )


def task_key(text: str) -> TaskKey | None:
    """The key that a text holds; None if it is none."""
    found = _TEXT.fullmatch(text)
    if found is None or not is_task_name(found["name"]):
        return None
    names = ("inputs", "outputs", "support", "queries")
    inputs, outputs, support, queries = sizes = [int(found[part]) for part in names]
    first, second, third = (float(part) for part in found["mark"].split(";"))
    if max(sizes) > MOST_NUMBERS:
        return None
    return TaskKey(found["name"], inputs, outputs, support, queries, (first, second, third))


def is_task_name(name: object) -> bool:
    """True for 1 to 40 printable characters without a colon, some of them no blanks."""
    return (
        isinstance(name, str)
        and 1 <= len(name) <= MOST_NAME
        and name.isprintable()
        and ":" not in name
        and name == name.strip() != ""
    )


def check_own_tasks(text: str, family: Family, shots: int, queries: int) -> None:
    """Refuses own tasks that are not named, or that give fewer points than are asked for.

    Args:
        text: the setting that names the tasks.
        family: of the run.
        shots: support points of a task.
        queries: query points of a task while training.

    Raises:
        SettingsError: naming what is wrong, and what is allowed.
    """
    key = task_key(text)
    if text and key is None:
        raise SettingsError(
            f"Own tasks (own_tasks) cannot be {quoted(text)}: allowed is {DECLARED_TASKS}."
        )
    if not family.own_tasks:
        return
    if key is None:
        raise SettingsError(
            "Own tasks need tasks: give them to me.train(…, tasks=…) or by --own-tasks NAME."
        )
    for name, label, asked, most in (
        ("shots", "support", shots, key.support),
        ("query_points", "query", queries, key.queries),
    ):
        if asked > most:
            raise SettingsError(
                f"The tasks “{key.name}” give {counted(most, f'{label} point')}, and {name} is "
                f"{asked}: allowed is from 1 to {most}."
            )
