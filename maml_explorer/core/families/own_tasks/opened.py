"""The user's own tasks that are open in this process. Torch-free.

Whoever has an object that samples tasks hands it over; settings name it by its key. What is open
stays open: a run asks for its tasks whenever they are drawn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maml_explorer.late_dataclass import dataclass
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_tasks import TaskKey, task_key
from maml_explorer.settings.settings import Settings

EXAMPLES = 200
"""Tasks that are drawn when tasks are opened: for references, and for what is shown."""
_FAMILY = "own"


@dataclass(frozen=True, eq=False)
class OwnTasks:
    """Tasks of the user's own program, and some of them."""

    key: TaskKey
    task: Any
    """The object with `sample`; see :class:`maml_explorer.core.families.own_tasks.task.Task`."""
    support_x: NDArray[np.float64]
    """[task, point, in] of EXAMPLES tasks."""
    support_y: NDArray[np.float64]
    """[task, point, out]"""
    query_x: NDArray[np.float64]
    """[task, point, in]"""
    query_y: NDArray[np.float64]
    """[task, point, out]"""

    def values(self, settings: Settings) -> dict[str, Any]:
        """The settings that ask for these tasks: fewer points where the tasks give fewer.

        Args:
            settings: that are changed.
        """
        key, inner = self.key, settings.inner
        return {
            "family": _FAMILY,
            "own_tasks": key.text,
            "shots": min(inner.shots, key.support),
            "query_points": min(inner.query_points, key.queries),
            **(self._shown_range() if key.inputs == 1 else {}),
        }

    def _shown_range(self) -> dict[str, float]:
        """Ends of x with two digits, which nearly all inputs lie between."""
        x = np.concatenate([self.support_x.reshape(-1), self.query_x.reshape(-1)])
        low, high = (float(end) for end in (x.min(), x.max()))
        unit = 10.0 ** (math.floor(math.log10(max(high - low, abs(low), 1e-3))) - 1)
        ends = (math.floor(low / unit) * unit, math.ceil(high / unit) * unit)
        low, high = (round(min(max(end, -100.0), 100.0), 6) for end in ends)
        return {"x_min": low, "x_max": high}


_OPEN: dict[str, OwnTasks] = {}
"""Text of the key → tasks, the newest last."""


def open_tasks(tasks: OwnTasks) -> TaskKey:
    """Makes tasks known to this process; their key."""
    _OPEN.pop(tasks.key.text, None)
    _OPEN[tasks.key.text] = tasks
    return tasks.key


def newest_tasks(name: str | None = None) -> OwnTasks | None:
    """The tasks that were opened last, of that name where one is given; None if none were."""
    found = [one for one in _OPEN.values() if name in (None, one.key.name)]
    return found[-1] if found else None


def open_names() -> list[str]:
    """The names of the tasks that are open, without repetition."""
    return list(dict.fromkeys(one.key.name for one in _OPEN.values()))


def tasks_are_open(text: str) -> bool:
    """True if the tasks that settings name are open."""
    key = task_key(text)
    return key is not None and any(key.like(one.key) for one in _OPEN.values())


def opened_tasks(text: str) -> OwnTasks:
    """The tasks that settings name.

    Raises:
        SettingsError: if they are not open, or others of their name are.
    """
    key = task_key(text)
    if key is None:
        raise SettingsError("No own tasks are named.")
    exact = _OPEN.get(text)
    if exact is not None:
        return exact
    alike = [one for one in _OPEN.values() if key.like(one.key)]
    if alike:
        return alike[-1]
    named = newest_tasks(key.name)
    if named is not None:
        raise SettingsError(
            f"This needs the tasks {key.words} with the means {_figures(key)} of x², y and y²; "
            f"those that are registered under this name are {named.key.words} with "
            f"{_figures(named.key)}: register the tasks that it was trained on."
        )
    raise SettingsError(
        f"This needs the tasks {key.words}, which are not registered here: "
        f'call me.register_task("{key.name}", …), or give --own-tasks {key.name}.'
    )


def refuse_absent_tasks(settings: Settings) -> None:
    """Refuses to draw from own tasks that are not open.

    Raises:
        SettingsError: naming the tasks, and how they are registered.
    """
    if settings.family.own_tasks:
        opened_tasks(settings.tasks.own_tasks)


def _figures(key: TaskKey) -> str:
    return ", ".join(f"{value:g}" for value in key.mark)
