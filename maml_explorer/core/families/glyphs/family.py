"""The family of glyphs, N-way K-shot classification of drawn letters, and other images."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from maml_explorer.core.families.glyphs.sampler import (
    SEEN_STREAM,
    held_out_images,
    training_sampler,
)
from maml_explorer.core.families.record import Reference, TaskFamily
from maml_explorer.core.losses import CROSS_ENTROPY
from maml_explorer.settings.families import GLYPHS_FAMILY, Family
from maml_explorer.settings.settings import Settings

NEIGHBOUR_TASKS = 200
"""Held-out tasks that the nearest neighbour by pixels is measured on."""


def nearest_neighbour(settings: Settings, name: str, tasks: int = NEIGHBOUR_TASKS) -> Tensor:
    """Accuracy [task] of the nearest support image by the cosine of raw pixels.

    Args:
        settings: of the run.
        name: of the stream of held-out tasks.
        tasks: held-out tasks.
    """
    held = held_out_images(settings, tasks, settings.inner.shots, name, torch.float32)
    found = []
    for begin in range(0, tasks, 50):
        part = held.part(begin, min(begin + 50, tasks))
        support, query = (
            torch.nn.functional.normalize(x[..., :-1], dim=2)
            for x in (part.support_x, part.query_x)
        )
        near = (query @ support.mT).argmax(2)
        label = part.support_y.argmax(2).gather(1, near)
        found.append((label == part.query_y.argmax(2)).double().mean(1))
    return torch.cat(found)


@lru_cache(maxsize=16)
def _references(settings: Settings) -> tuple[Reference, ...]:
    ways = settings.images.ways
    near = float(nearest_neighbour(settings, "validation").mean())
    return (
        Reference("chance", math.log(ways), 1 / ways),
        Reference("nearest neighbour by pixels", None, near),
    )


def _guess_loss(settings: Settings, outputs: Callable[[Tensor], Tensor]) -> float:
    """Of the uniform guess: under shuffled labels nothing is better before adapting."""
    return math.log(settings.images.ways)


def image_family(about: Family) -> TaskFamily:
    """A family of images: all draw their tasks alike, each from drawings of its own."""
    return TaskFamily(
        about=about,
        loss=CROSS_ENTROPY,
        sampler=training_sampler,
        held_out=held_out_images,
        watched="validation",
        seen=SEEN_STREAM,
        failure_limit=lambda settings: math.inf,
        guess_loss=_guess_loss,
        references=_references,
    )


GLYPHS = image_family(GLYPHS_FAMILY)
