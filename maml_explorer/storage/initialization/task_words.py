"""Words on the tasks of an initialization, for its card."""

from __future__ import annotations

from maml_explorer.settings.curves.drawing import curve_of
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.own_data import DataKey
from maml_explorer.settings.settings import Settings


def task_words(own: Settings) -> str:
    """The tasks it was trained on, after "on tasks"."""
    return _images(own) if own.family.images else _family(own.tasks)


def _images(settings: Settings) -> str:
    images, inner = settings.images, settings.inner
    key = images.key
    if settings.family.own_data and key is not None:
        return _own_images(settings, key)
    scripts = "all scripts" if images.classes_from == "all" else "one script at a time"
    turned = ", each quarter turn a class of its own" if images.rotations else ""
    return (
        f"of {images.ways} classes with {inner.shots} support and {inner.query_points} query "
        f"images each: letters of {scripts} of the training split{turned}, as "
        f"{images.side} × {images.side} images, drawn from thinned strokes by synthetic hands with "
        f"jitter {images.jitter:g}, labels {images.labels}"
    )


def _own_images(settings: Settings, key: DataKey) -> str:
    images, inner = settings.images, settings.inner
    groups = "" if images.classes_from == "all" else " of one group at a time"
    turned = ", each quarter turn a class of its own" if images.rotations else ""
    return (
        f"of {images.ways} classes{groups} with {inner.shots} support and {inner.query_points} "
        f"query images each, of the training split of the data {key.words}{turned}, as "
        f"{images.side} × {images.side} grey images, labels {images.labels}"
    )


def _family(tasks: TaskSettings) -> str:
    key = tasks.own_key
    if FAMILIES[tasks.family].own_tasks and key is not None:
        return f"of {key.words}, which are the user's own: no file holds what draws them"
    if tasks.family not in ("sine", "incremental"):
        return _curves(tasks)
    one = tasks.frequency_min == tasks.frequency_max == 1
    stream = ""
    if tasks.family != "sine":
        stream = (
            f"that are streams of {tasks.functions} functions, one after another in "
            f"{tasks.batches} batches each, with the one-hot number of the function beside x: "
        )
    omega = "" if one else f", ω in [{tasks.frequency_min:g}, {tasks.frequency_max:g}]"
    return (
        f"{stream}y = A sin({'' if one else 'ω'}x − φ) with A in "
        f"[{tasks.amplitude_min:g}, {tasks.amplitude_max:g}], φ in "
        f"[{shown(tasks.phase_min)}, {shown(tasks.phase_max)}]{omega} and x in "
        f"[{tasks.x_min:g}, {tasks.x_max:g}]"
    )


def _curves(tasks: TaskSettings) -> str:
    curve = curve_of(tasks)
    formula = curve.spoken(tasks) if curve.spoken else tasks.formula
    ranges = {
        one.symbol or one.name: f"[{shown(one.low)}, {shown(one.high)}]"
        for one in curve.parameters(tasks)
        if not one.normal
    }
    words = ", ".join(f"{name} in {ends}" for name, ends in list(ranges.items())[:_MOST])
    more = " …" if len(ranges) > _MOST else ""
    said = f" with {words}{more}" if words else ""
    return f"of {formula}{said}, and x in [{tasks.x_min:g}, {tasks.x_max:g}]"


_MOST = 8
"""Ranges that are written out."""
