"""Image tasks: which classes, which drawings, and in which order.

A class is a letter, or with rotations a letter and a quarter turn; of the user's own images a
folder takes the place of a letter, and its images those of the hands. Points are ordered drawing by
drawing: one image of every class, then the next of every class; so the first N · K points are the
support set of K shots, supports of more shots contain those of fewer, and consecutive points are
mixed minibatches. Uniform numbers alone are drawn from the run's generator, as many whatever the
shots, so the same classes come up with other shots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maml_explorer.core.families.batch import HeldOutPart, TaskBatch
from maml_explorer.core.families.glyphs.pool import pool, quarter_turns
from maml_explorer.core.families.own.pool import own_pool
from maml_explorer.core.streams import stream
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.images import TEST_QUERIES, ImageSettings
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted

TEST_STREAM = "meta-test"
"""The stream of held-out tasks that draws from the test scripts: what is reported. All others but
the next draw from the validation scripts."""
SEEN_STREAM = "seen"
"""The stream of tasks from the scripts trained on, to show beside those of unseen ones."""


class Drawings(Protocol):
    """The images of one split, class by class; a letter or a folder is a class."""

    names: list[str]
    """[letter]"""
    group: NDArray[np.int64]
    """[letter]: the script, alphabet or other group it belongs to."""
    counts: Tensor
    """[letter]: its images."""

    def images(self, letter: Tensor, hand: Tensor) -> Tensor:
        """Images [..., pixel], uint8, of letters [...] these ones [...], both on the CPU."""


_DRAWINGS: dict[str, Callable[[ImageSettings, str], Drawings]] = {
    "glyphs": lambda images, split: pool(split, images.side, images.jitter),
    "folder": lambda images, split: own_pool(images.data, split, images.side),
}
"""Key of a family → its drawings of a split."""


@dataclass(frozen=True)
class Classes:
    """The classes that tasks may have: rows of a table, one for all scripts or one per script."""

    table: Tensor
    """[row, place]: numbers of classes, letter · turns + turn; −1 where a row is shorter."""
    turns: int
    """1, or 4 with rotations."""

    def choose(self, uniform: Tensor, ways: int, fixed: bool) -> Tensor:
        """Distinct classes [task, way] from uniform numbers [task, 1 + places].

        Args:
            uniform: the first one of each task chooses the row.
            ways: N.
            fixed: whether a class has one label for ever, its place in its row modulo N.
        """
        row = (uniform[:, 0] * len(self.table)).long().clamp(max=len(self.table) - 1)
        numbers = self.table[row]
        score = uniform[:, 1 : 1 + numbers.shape[1]].masked_fill(numbers < 0, -1)
        if fixed:
            whole = -(-score.shape[1] // ways) * ways
            score = torch.nn.functional.pad(score, (0, whole - score.shape[1]), value=-1)
            group = score.view(len(score), -1, ways).argmax(1)
            place = group * ways + torch.arange(ways)
        else:
            place = score.topk(ways, 1).indices
        return numbers.gather(1, place)


def classes_of(images: ImageSettings, drawings: Drawings) -> Classes:
    """The classes of a split under these settings."""
    turns = 4 if images.rotations else 1
    group = drawings.group
    rows = [np.arange(len(group))]
    if images.classes_from == "one-script":
        rows = [np.flatnonzero(group == one) for one in np.unique(group)]
    whole = [(row[:, None] * turns + np.arange(turns)).reshape(-1) for row in rows]
    table = torch.full((len(whole), max(map(len, whole))), -1)
    for nth, row in enumerate(whole):
        table[nth, : len(row)] = torch.from_numpy(row)
    return Classes(table, turns)


@dataclass(frozen=True)
class Draw:
    """Some tasks, decided but not made up: numbers alone."""

    classes: Tensor
    """[task, way]: by label."""
    hands: Tensor
    """[task, way, hand]: in random order, of every class as many as the smallest class has."""


class ImageSource:
    """Draws tasks of one split, and makes up their images.

    Raises:
        SettingsError: where they are of the user's own data and that is not open.
    """

    def __init__(self, settings: Settings, split: str, dtype: torch.dtype) -> None:
        self.images, self.dtype = settings.images, dtype
        self.hands = settings.images_of_class
        self.drawings = _DRAWINGS[settings.family.key](settings.images, split)
        self.classes = classes_of(settings.images, self.drawings)

    def decide(self, generator: torch.Generator, tasks: int) -> Draw:
        """Classes and hands of so many tasks; the generator may be on another device."""
        ways, device = self.images.ways, generator.device
        count = 1 + self.classes.table.shape[1]
        uniform = torch.rand(tasks, count, generator=generator, device=device).cpu()
        counts = self.drawings.counts
        most = int(counts.max())
        order = torch.rand(tasks, ways, most, generator=generator, device=device).cpu()
        fixed = self.images.labels == "fixed"
        classes = self.classes.choose(uniform, ways, fixed)
        if most > self.hands:  # a class has images that others do not have
            there = counts[classes // self.classes.turns][:, :, None]
            order = order.masked_fill(torch.arange(most) >= there, 2)
        return Draw(classes, order.argsort(2)[..., : self.hands])

    def inputs(self, classes: Tensor, hands: Tensor) -> Tensor:
        """Inputs [task, hand · way, pixel + 1] with their column of ones, ink from 0 to 1.

        Args:
            classes: [task, way].
            hands: [task, way, hand]: of these drawings, in this order.
        """
        turns = self.classes.turns
        letter = (classes // turns)[:, :, None].expand(hands.shape)
        found = self.drawings.images(letter, hands)
        if turns > 1:
            place = quarter_turns(self.images.side)[classes % turns]
            found = found.gather(3, place[:, :, None].expand(found.shape))
        found = found.transpose(1, 2).reshape(len(classes), -1, found.shape[-1])
        wide = torch.ones(*found.shape[:2], found.shape[2] + 1, dtype=self.dtype)
        wide[..., :-1] = found
        wide[..., :-1] /= 255
        return wide

    def targets(self, tasks: int, drawings: int) -> Tensor:
        """One-hot labels [task, drawings · way, way]."""
        one = torch.eye(self.images.ways, dtype=self.dtype)
        return one.repeat(drawings, 1).expand(tasks, -1, -1)


@dataclass(frozen=True)
class ImageSampler:
    """Batches of training tasks."""

    source: ImageSource
    shots: int
    queries: int
    task_count: int
    device: torch.device

    def draw(self, generator: torch.Generator) -> TaskBatch:
        """The next batch."""
        return self.draw_block(generator, 1)[0]

    def draw_block(self, generator: torch.Generator, steps: int) -> list[TaskBatch]:
        """The batches of so many outer steps."""
        count, each = self.task_count, self.shots + self.queries
        drawn = self.source.decide(generator, steps * count)
        inputs = self.source.inputs(drawn.classes, drawn.hands[..., :each]).to(self.device)
        y = self.source.targets(steps * count, each).contiguous().to(self.device)
        ways = drawn.classes.shape[1]
        steps_of = (torch.split(tensor, count) for tensor in (drawn.classes, inputs, y))
        return [
            TaskBatch(classes, x, targets, self.shots * ways)
            for classes, x, targets in zip(*steps_of, strict=True)
        ]


@dataclass(frozen=True)
class HeldOutImages:
    """Held-out tasks; their images are made up part by part."""

    source: ImageSource
    drawn: Draw
    shots: int
    queries: int
    """Of each class, by hands of their own: they are the same with fewer shots."""

    def part(self, begin: int, end: int) -> HeldOutPart:
        """The tasks begin … end − 1."""
        batch = self._made(slice(begin, end))
        shots = batch.shots
        return HeldOutPart(
            batch.inputs[:, :shots], batch.y[:, :shots], batch.inputs[:, shots:], batch.y[:, shots:]
        )

    def batch(self) -> TaskBatch:
        """All of them."""
        return self._made(slice(None))

    def _made(self, here: slice) -> TaskBatch:
        classes, hands = self.drawn.classes[here], self.drawn.hands[here]
        last = hands.shape[2] - self.queries
        chosen = torch.cat([hands[..., : self.shots], hands[..., last:]], 2)
        inputs = self.source.inputs(classes, chosen)
        y = self.source.targets(len(classes), self.shots + self.queries)
        return TaskBatch(classes, inputs, y, self.shots * classes.shape[1])


def training_sampler(settings: Settings, dtype: torch.dtype, device: torch.device) -> ImageSampler:
    """The sampler of training batches, from training scripts alone."""
    inner, source = settings.inner, ImageSource(settings, "training", dtype)
    return ImageSampler(source, inner.shots, inner.query_points, settings.outer.meta_batch, device)


def held_out_images(
    settings: Settings, task_count: int, shots: int, name: str, dtype: torch.dtype
) -> HeldOutImages:
    """Held-out tasks of a stream, with up to TEST_QUERIES query images of each class.

    Raises:
        SettingsError: where so many shots leave no hand for a query image.
    """
    split = {TEST_STREAM: "test", SEEN_STREAM: "training"}.get(name, "validation")
    source = ImageSource(settings, split, dtype)
    drawn = source.decide(stream(settings.run.seed, name), task_count)
    hands = source.hands
    if shots >= hands:
        why = (
            f"the smallest class has {counted(hands, 'image')}"
            if settings.family.own_data
            else f"each letter is drawn by {hands} hands"
        )
        raise SettingsError(
            f"{counted(shots, 'shot')} leave no image to ask for: {why}, so allowed are at most "
            f"{hands - 1} shots."
        )
    return HeldOutImages(source, drawn, shots, min(TEST_QUERIES, hands - shots))
