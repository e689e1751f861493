"""An image task as a share string holds it, and back: some short texts."""

from __future__ import annotations

import re

from maml_explorer.gui.session.image_edits import LETTERS
from maml_explorer.protocol.images import Example, ImageTask, Strokes
from maml_explorer.settings.images import HANDS

_LENGTH = 80
"""Characters of one text."""
_DRAWINGS = "abcdefghijklmnopqrstuvwxyz"[:HANDS]
_EXAMPLE = re.compile(r"([A-T?])(?:([A-T])([a-t])|\(([0-9/]+)\))")
_TASK = re.compile(r"([0-9]{1,10});([0-9]{1,10});([us])([to]);([^;]*);([^;]*)")
_LARGEST_SEED = 2**31 - 1


def to_view(task: ImageTask) -> list[str]:
    """The task as texts: seeds, switches, then three letters for every example.

    They are its class, the sampled class and the drawing; a glyph drawn by hand has its strokes in
    brackets instead of the last two, four digits for each vertex.
    """
    switches = f"{'u' if task.unseen else 's'}{'t' if task.together else 'o'}"
    parts = (
        str(task.seed), str(task.drawings), switches,
        "".join(map(_written, task.support)), "".join(map(_written, task.query)),
    )  # fmt: skip
    text = ";".join(parts)
    return [text[at : at + _LENGTH] for at in range(0, len(text), _LENGTH)]


def image_task(view: object) -> ImageTask:
    """The task that :func:`to_view` wrote.

    Raises:
        ValueError: where it is of another kind.
    """
    if not isinstance(view, list) or not all(isinstance(part, str) for part in view):
        raise ValueError
    found = _TASK.fullmatch("".join(view))
    if found is None:
        raise ValueError
    seed, drawings = int(found[1]), int(found[2])
    support, query = _examples(found[5]), _examples(found[6])
    if max(seed, drawings) > _LARGEST_SEED or any(one.label is None for one in support):
        raise ValueError
    return ImageTask(seed, drawings, support, query, found[3] == "u", found[4] == "t")


def _written(example: Example) -> str:
    label = "?" if example.label is None else LETTERS[example.label]
    if not example.strokes:
        return f"{label}{LETTERS[example.way]}{_DRAWINGS[example.nth % HANDS]}"
    lines = ("".join(f"{_part(x)}{_part(y)}" for x, y in line) for line in example.strokes)
    return f"{label}({'/'.join(lines)})"


def _part(coordinate: float) -> str:
    return f"{min(round(100 * coordinate), 99):02d}"


def _examples(text: str) -> tuple[Example, ...]:
    found = list(_EXAMPLE.finditer(text))
    if sum(len(one[0]) for one in found) != len(text):
        raise ValueError
    examples = []
    for label, way, nth, lines in (one.groups() for one in found):
        known = None if label == "?" else LETTERS.index(label)
        if lines is None:
            examples.append(Example(known, LETTERS.index(way), _DRAWINGS.index(nth)))
        else:
            examples.append(Example(known, strokes=_strokes(lines)))
    return tuple(examples)


def _strokes(text: str) -> Strokes:
    lines = text.split("/")
    if any(not line or len(line) % 4 for line in lines):
        raise ValueError
    return tuple(
        tuple(
            (int(line[at : at + 2]) / 100, int(line[at + 2 : at + 4]) / 100)
            for at in range(0, len(line), 4)
        )
        for line in lines
    )
