"""State of the window in a share string: task, inner step, open tab, what is hidden and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from maml_explorer.gui.session import image_view, task_sampling
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.images import ImageTask
from maml_explorer.protocol.streams import StreamTask
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.share import MAX_POINTS

FLAGS = ("log_x", "before", "residuals", "log_y", "stability")
"""Keys that are on, off, or absent."""
PLAIN: dict[str, Any] = {
    "log_y": True,
    "stability": False,
    "smoothing": 0.98,
    "speed_axis": "auto",
    "other_tasks": 1,
    "pages": (),
}
"""Choices that a share string leaves out where they are as in a new window."""


@dataclass(frozen=True)
class ViewState:
    """A prepared view; None and empty mean that nothing is said."""

    probe: ProbeTask | None = None
    inner_step: int | None = None
    tab: str = ""
    hidden: tuple[str, ...] = ()
    """Titles of hidden parts of the window."""
    hidden_arms: tuple[str, ...] = ()
    preset: str = ""
    """Name of the preset that differences are marked against."""
    loss: str = ""
    """Loss that is drawn: a key of the losses panel's table."""
    axis: str = ""
    """Unit of its x axis: a short name of the losses panel's table."""
    axis_until: float | None = None
    """End of that axis; None shows all losses."""
    log_x: bool | None = None
    before: bool | None = None
    """True where every arm's curve before adaptation is drawn too."""
    residuals: bool | None = None
    arm: str = ""
    """Name of the arm whose pseudocode is shown."""
    statistic: str = ""
    """Statistic that the adaptation speed shows: a key of that panel's table."""
    speed_axis: str = ""
    """Axis of that panel: "linear", "log", or "auto" where nobody has chosen."""
    log_y: bool | None = None
    """True where the losses have a logarithmic y axis."""
    smoothing: float | None = None
    """Part of the losses' moving average that stays from one outer step to the next."""
    stability: bool | None = None
    """True where the stability of the inner steps is drawn below the losses."""
    other_tasks: int | None = None
    """Number of the row of other tasks that is shown, from 1."""
    pages: tuple[str, ...] | None = None
    """Pages of the insight tabs that are open; of the others it is the first."""
    lines_off: tuple[str, ...] | None = None
    """Exact answers of the hero that are not drawn."""
    images: ImageTask | None = None
    """The task shown where the family is one of images."""
    stream: StreamTask | None = None
    """The stream shown where tasks are streams."""
    pins: tuple[str, ...] = ()
    """Names of the pinned runs that are drawn among the losses; none in a share string."""
    faint: str = ""
    """Name of the pinned run that is drawn beside the adaptation; none in a share string."""

    def to_view(self) -> dict[str, Any]:
        """The view as a share string holds it."""
        view: dict[str, Any] = {}
        if self.probe is not None:
            view["x"] = self.probe.support_x.tolist()
            view["y"] = self.probe.support_y.tolist()
            if self.probe.amplitude is not None:
                view["task"] = [self.probe.amplitude, self.probe.phase]
                if self.probe.frequency != 1:
                    view["task"].append(self.probe.frequency)
            if self.probe.numbers is not None and len(self.probe.numbers) <= MAX_POINTS:
                view["numbers"] = list(self.probe.numbers)
            query = self.probe.query_x
            if query is not None and len(query) <= MAX_POINTS:
                view["query"] = query.tolist()
        if self.images is not None:
            view["images"] = image_view.to_view(self.images)
        if self.stream is not None:
            view["stream"] = self.stream.seed
        if self.inner_step is not None:
            view["inner_step"] = self.inner_step
        for key in ("tab", "preset", "loss", "axis", "arm", "statistic", "faint"):
            if getattr(self, key):
                view[key] = getattr(self, key)
        for key in FLAGS:
            if getattr(self, key) not in (None, PLAIN.get(key)):
                view[key] = getattr(self, key)
        for key in ("speed_axis", "smoothing", "other_tasks", "axis_until"):
            if getattr(self, key) not in (None, "", PLAIN.get(key)):
                view[key] = getattr(self, key)
        for key in ("hidden", "hidden_arms", "lines_off", "pages", "pins"):
            if getattr(self, key):
                view[key] = list(getattr(self, key))
        return view


def new_view() -> ViewState:
    """The ways of drawing of a new window, from which every lesson begins."""
    return ViewState(
        loss="outer",
        axis="outer steps",
        log_x=False,
        before=False,
        residuals=False,
        statistic="mean",
        lines_off=(),
        **PLAIN,
    )


def whole(state: ViewState) -> ViewState:
    """A state that says what a share string leaves out."""
    absent = {key for key in PLAIN if getattr(state, key) in (None, "")}
    return replace(state, **{key: PLAIN[key] for key in absent})


def view_state(view: Mapping[str, Any]) -> ViewState:
    """The view in a share string; what a later version adds is passed over.

    Raises:
        SettingsError: where an entry is of another kind than this program writes.
    """
    return ViewState(
        probe=_probe(view),
        inner_step=_count(view, "inner_step"),
        tab=_text(view, "tab"),
        hidden=_texts(view, "hidden"),
        hidden_arms=_texts(view, "hidden_arms"),
        preset=_text(view, "preset"),
        loss=_text(view, "loss"),
        axis=_text(view, "axis"),
        axis_until=_number(view, "axis_until"),
        arm=_text(view, "arm"),
        statistic=_text(view, "statistic"),
        speed_axis=_text(view, "speed_axis"),
        smoothing=_number(view, "smoothing"),
        other_tasks=_count(view, "other_tasks"),
        pages=_texts(view, "pages") if "pages" in view else None,
        lines_off=_texts(view, "lines_off"),
        images=_images(view),
        stream=_stream(view),
        pins=_texts(view, "pins"),
        faint=_text(view, "faint"),
        **{key: _flag(view, key) for key in FLAGS},
    )


def same_task(one: ProbeTask, other: ProbeTask | None) -> bool:
    """True where two tasks are drawn alike."""
    if other is None:
        return False
    truths = [(task.amplitude, task.phase, task.frequency, task.numbers) for task in (one, other)]
    queries = [() if task.query_x is None else task.query_x for task in (one, other)]
    return (
        truths[0] == truths[1]
        and np.array_equal(one.support_x, other.support_x)
        and np.array_equal(one.support_y, other.support_y)
        and np.array_equal(queries[0], queries[1])
    )


def _probe(view: Mapping[str, Any]) -> ProbeTask | None:
    if "x" not in view and "y" not in view:
        return None
    x, y = _numbers(view, "x"), _numbers(view, "y")
    query = task_sampling.fixed(_numbers(view, "query")) if "query" in view else None
    if len(x) != len(y):
        raise SettingsError(f"The view has {len(x)} x and {len(y)} y of support points.")
    if "task" not in view:
        numbers = tuple(_numbers(view, "numbers")) if "numbers" in view else None
        own = task_sampling.fixed(x), task_sampling.fixed(y)
        return ProbeTask(*own, query_x=query, numbers=numbers)
    task = _numbers(view, "task")
    if not 2 <= len(task) <= 3:
        raise _damaged("task")
    amplitude, phase, frequency = (*task, 1.0)[:3]
    return ProbeTask(
        task_sampling.fixed(x), task_sampling.fixed(y), amplitude, phase, query, frequency
    )


def _images(view: Mapping[str, Any]) -> ImageTask | None:
    if "images" not in view:
        return None
    try:
        return image_view.image_task(view["images"])
    except ValueError:
        raise _damaged("images") from None


def _stream(view: Mapping[str, Any]) -> StreamTask | None:
    seed = view.get("stream")
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise _damaged("stream")
    return StreamTask(seed)


def _numbers(view: Mapping[str, Any], key: str) -> list[float]:
    found = view.get(key)
    if not isinstance(found, list) or not all(
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e6
        for value in found
    ):
        raise _damaged(key)
    return [float(value) for value in found]


def _number(view: Mapping[str, Any], key: str) -> float | None:
    found = view.get(key)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int | float)):
        raise _damaged(key)
    return found


def _count(view: Mapping[str, Any], key: str) -> int | None:
    found = view.get(key)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int) or found < 0):
        raise _damaged(key)
    return found


def _flag(view: Mapping[str, Any], key: str) -> bool | None:
    found = view.get(key)
    if found is not None and not isinstance(found, bool):
        raise _damaged(key)
    return found


def _text(view: Mapping[str, Any], key: str) -> str:
    found = view.get(key, "")
    if not isinstance(found, str):
        raise _damaged(key)
    return found


def _texts(view: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = view.get(key, [])
    if not isinstance(found, list) or not all(isinstance(value, str) for value in found):
        raise _damaged(key)
    return tuple(found)


def _damaged(key: str) -> SettingsError:
    return SettingsError(f"The view in the share string has a “{key}” of another kind.")
