"""Answers about a task of images that the window shows: its pictures, and what arms make of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.families.glyphs.brush import fitted, picture
from maml_explorer.core.families.glyphs.sampler import ImageSource
from maml_explorer.core.losses import CROSS_ENTROPY
from maml_explorer.core.plan import Plan
from maml_explorer.core.probing import outputs_along_path
from maml_explorer.core.training import RunState
from maml_explorer.protocol.images import (
    Example,
    ImageArmProbe,
    ImagesProbed,
    ImagesWatched,
    ImageTask,
    WatchImages,
)
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.images import HANDS
from maml_explorer.settings.settings import Settings
from maml_explorer.worker.answers import frozen_array

MOST_EXAMPLES = 500
"""Images of a task that is shown."""
MOST_VERTICES = 10_000
"""Of an image drawn by hand."""


@dataclass(frozen=True)
class Sampled:
    """Drawings of the classes of one task, at most HANDS of each."""

    images: NDArray[np.uint8]
    """[class, drawing, side, side]"""
    names: tuple[str, ...]
    """[class]"""


@dataclass(frozen=True)
class Made:
    """A task as networks take it."""

    inputs: Tensor
    """[support image, then query image, pixel + 1], ink from 0 to 1 and a column of ones."""
    label: Tensor
    """[image]: −1 where nobody has said which class it is."""
    shots: int
    """Support images, of all classes together."""
    images: NDArray[np.uint8]
    """[image, side, side]"""
    names: tuple[str, ...]


def refuse_damaged(task: ImageTask) -> None:
    """Refuses a task that no window sends.

    Raises:
        SettingsError: where it has too many images, or strokes outside the square.
    """
    examples = (*task.support, *task.query)
    if len(examples) > MOST_EXAMPLES:
        raise SettingsError(
            f"A task that is shown has at most {MOST_EXAMPLES} images; the task shown is kept."
        )
    if any(example.label is None for example in task.support):
        raise SettingsError("Every support image has a class; the task shown is kept.")
    for example in examples:
        vertices = [number for line in example.strokes for vertex in line for number in vertex]
        # a comparison with NaN is false
        if len(vertices) > 2 * MOST_VERTICES or not all(0 <= number <= 1 for number in vertices):
            raise SettingsError("Strokes are lines in the unit square; the task shown is kept.")


@lru_cache(maxsize=8)
def sampled(settings: Settings, seed: int, drawings: int, unseen: bool) -> Sampled:
    """The classes that a seed chooses, in the order of drawings that another one chooses."""
    source = ImageSource(settings, "validation" if unseen else "training", torch.float32)
    classes = source.decide(torch.Generator().manual_seed(seed), 1).classes
    ways, side = settings.images.ways, settings.images.side
    count = min(HANDS, source.hands)
    order = torch.rand(ways, source.hands, generator=torch.Generator().manual_seed(drawings))
    wide = source.inputs(classes, order.argsort(1)[None, :, :count])[0, :, :-1]
    wide = wide.view(count, ways, side, side)
    letter = (classes[0] // source.classes.turns).tolist()
    names = source.drawings.names
    pixels: NDArray[np.uint8] = (wide.transpose(0, 1) * 255).round().to(torch.uint8).numpy()
    return Sampled(pixels, tuple(names[nth] for nth in letter))


def made(settings: Settings, task: ImageTask) -> Made:
    """The images of a task, drawn from its seeds and strokes."""
    found = sampled(settings, task.seed, task.drawings, task.unseen)
    examples = (*task.support, *task.query)
    side = settings.images.side
    images = np.zeros((len(examples), side, side), np.uint8)
    for nth, example in enumerate(examples):
        images[nth] = _image(found, example, side)
    label = torch.tensor([-1 if one.label is None else one.label for one in examples])
    inputs = torch.ones(len(examples), side * side + 1, dtype=torch.float64)
    inputs[:, :-1] = torch.from_numpy(images).view(len(examples), -1) / 255
    return Made(inputs, label, len(task.support), images, found.names)


def _image(found: Sampled, example: Example, side: int) -> NDArray[np.uint8]:
    if example.strokes:
        lines = [np.array(line, np.float32) for line in example.strokes if line]
        return picture(fitted(lines), side)
    one: NDArray[np.uint8] = found.images[example.way, example.nth % found.images.shape[1]]
    return one


def made_of_batch(batch: TaskBatch, side: int) -> tuple[ImageTask, Made]:
    """The first task of a batch of training."""
    inputs, label = batch.inputs[0].cpu().double(), batch.y[0].cpu().argmax(1)
    pixels = (inputs[:, :-1] * 255).round().to(torch.uint8).view(-1, side, side).numpy()
    examples = tuple(Example(one, one) for one in label.tolist())
    task = ImageTask(0, 0, examples[: batch.shots], examples[batch.shots :], unseen=False)
    return task, Made(inputs, label, batch.shots, pixels, ("",) * batch.y.shape[2])


def answer_images(
    run: int,
    plan: Plan,
    state: RunState,
    task: ImageTask,
    these: Made | None = None,
    steps: dict[str, int] | None = None,
    training_inner_loop: bool = False,
) -> ImagesProbed:
    """Answers of every arm to the task, by the inner loop of the meta-test or of training.

    Args:
        these: the images of the task; drawn from its seeds unless given.
        steps: inner steps per arm; those of the setting `test_steps` unless given.
    """
    these = made(plan.settings, task) if these is None else these
    return ImagesProbed(
        run=run,
        outer_step=state.outer_step,
        probe=task,
        images=_frozen(these.images),
        names=these.names,
        arms=answer_arms(plan, state, task, these, steps, training_inner_loop),
        neighbour=nearest(these),
        by_points=plan.model.by_points,
    )


def answer_watched(run: int, plan: Plan, state: RunState, watch: WatchImages) -> ImagesWatched:
    """Answers of every arm to each of the watched tasks."""
    found = tuple(answer_images(run, plan, state, task) for task in watch.tasks)
    return ImagesWatched(run, state.outer_step, watch, found)


def answer_arms(
    plan: Plan,
    state: RunState,
    task: ImageTask,
    these: Made,
    steps: dict[str, int] | None = None,
    training_inner_loop: bool = False,
) -> dict[str, ImageArmProbe]:
    """Answers of a run's arms to images."""
    arms = {}
    ways = plan.settings.images.ways
    for name, arm in state.arms.items():
        theta = arm.initialization
        inputs = these.inputs.to(theta)
        count = plan.settings.run.test_steps if steps is None else steps[name]
        y = torch.nn.functional.one_hot(these.label[: these.shots], ways).to(theta)[None]
        alone = not task.together and plan.model.by_points and len(inputs) > these.shots
        if alone:
            support = inputs[: these.shots].expand(len(inputs) - these.shots, -1, -1)
            each = torch.cat([support, inputs[these.shots :, None]], 1)
            found = outputs_along_path(
                plan, name, theta, each, y.expand(len(each), -1, -1), count,
                training_inner_loop, apart=False,
            )  # fmt: skip
            output = torch.cat([found[:, 0, : these.shots], found[:, :, -1]], 1)
        else:
            output = outputs_along_path(
                plan, name, theta, inputs[None], y, count, training_inner_loop
            )[:, 0]
        arms[name] = _read(output.cpu().double(), these)
    return arms


def _read(output: Tensor, these: Made) -> ImageArmProbe:
    """Figures of outputs [inner step, image, class]."""
    target = torch.nn.functional.one_hot(these.label.clamp(min=0), output.shape[2]).double()
    right, loss = (
        measure(output, target.expand_as(output))
        for measure in (CROSS_ENTROPY.figure, CROSS_ENTROPY.value)
    )
    s, known = these.shots, these.label >= 0
    asked = known.clone()
    asked[:s] = False
    known[s:] = False
    return ImageArmProbe(
        probability=frozen_array(torch.softmax(output[:, s:], -1)),
        accuracy=frozen_array(right[:, asked].mean(1)),
        loss=frozen_array(loss[:, asked].mean(1)),
        support_accuracy=frozen_array(right[:, known].mean(1)),
        support_loss=frozen_array(loss[:, known].mean(1)),
    )


def nearest(these: Made) -> tuple[int, ...]:
    """The class [query image] of the support image that is nearest by the cosine of pixels."""
    if not these.shots:
        return ()
    pixels = torch.nn.functional.normalize(these.inputs[:, :-1], dim=1)
    near = (pixels[these.shots :] @ pixels[: these.shots].T).argmax(1)
    return tuple(these.label[: these.shots][near].tolist())


def _frozen(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    images = images.copy()
    images.flags.writeable = False
    return images
