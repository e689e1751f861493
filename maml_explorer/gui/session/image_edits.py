"""Edits of the image task that is shown: pure, a task in and a task out."""

from __future__ import annotations

from dataclasses import replace

from maml_explorer.protocol.images import Example, ImageTask, Strokes
from maml_explorer.settings.images import HANDS
from maml_explorer.settings.settings import Settings

MOST_QUERIES = 12
"""Query images that are sampled at most, of all classes together, but one of each at least."""
LETTERS = "ABCDEFGHIJKLMNOPQRST"
"""Names of the classes, in their order."""


def sampled(
    settings: Settings, seed: int, drawings: int, like: ImageTask | None = None
) -> ImageTask:
    """A task of the settings' ways and shots, with some query images of each class.

    Args:
        seed: chooses the classes.
        drawings: chooses their drawings.
        like: whose other choices are kept.
    """
    ways, shots = settings.images.ways, settings.inner.shots
    hands = min(HANDS, settings.images_of_class)
    queries = max(1, min(settings.inner.query_points, MOST_QUERIES // ways, hands - shots))
    support = tuple(Example(way, way, nth) for nth in range(shots) for way in range(ways))
    query = tuple(Example(way, way, shots + nth) for nth in range(queries) for way in range(ways))
    task = ImageTask(seed, drawings, support, query)
    return task if like is None else replace(task, unseen=like.unseen, together=like.together)


def with_drawn(task: ImageTask, strokes: Strokes, label: int | None) -> ImageTask:
    """The task with one more image: the last support image of a class, or the last query image.

    Args:
        strokes: what was drawn.
        label: the class; None for a query image.
    """
    example = Example(label, strokes=strokes)
    if label is None:
        return replace(task, query=(*task.query, example))
    return replace(task, support=(*task.support, example))


def redrawn(task: ImageTask, strokes: Strokes, label: int | None) -> ImageTask:
    """The task with other strokes in its last image of that class, or of the query set."""
    examples = list(task.query if label is None else task.support)
    at = max(nth for nth, one in enumerate(examples) if one.label == label and one.strokes)
    examples[at] = replace(examples[at], strokes=strokes)
    if label is None:
        return replace(task, query=tuple(examples))
    return replace(task, support=tuple(examples))


def without(task: ImageTask, place: int) -> ImageTask:
    """The task without one image; places count the support set, then the query set."""
    count = len(task.support)
    if place < count:
        return replace(task, support=_without(task.support, place))
    return replace(task, query=_without(task.query, place - count))


def said_to_be(task: ImageTask, place: int, label: int | None) -> ImageTask:
    """The task in which one image is of another class; None for a query image of no known one."""
    count = len(task.support)
    if place < count:
        return replace(task, support=_labelled(task.support, place, label))
    return replace(task, query=_labelled(task.query, place - count, label))


def cleared(task: ImageTask) -> ImageTask:
    """The task without support images."""
    return replace(task, support=())


def class_name(label: int | None) -> str:
    """The letter of a class; "?" for none."""
    return "?" if label is None else LETTERS[label]


def _without(examples: tuple[Example, ...], nth: int) -> tuple[Example, ...]:
    return examples[:nth] + examples[nth + 1 :]


def _labelled(examples: tuple[Example, ...], nth: int, label: int | None) -> tuple[Example, ...]:
    return (*examples[:nth], replace(examples[nth], label=label), *examples[nth + 1 :])
