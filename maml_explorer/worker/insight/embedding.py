"""Embedding of a task of images: how the last hidden layer parts its classes, step by step."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import torch

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.embedding import embedding
from maml_explorer.core.insight.empty_view import Nothing
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.images import Example, ImageTask
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.embedding import EmbeddingSeen
from maml_explorer.settings.images import HANDS
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.image_answers import made
from maml_explorer.worker.insight.request_options import asked_learner, whole_number
from maml_explorer.worker.insight.shared import said

MOST = 60
"""Query images, of all classes together."""
FOR_CURVES = "The embedding is of images: its points are drawn as them."


def see_embedding(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, EmbeddingSeen | NothingToShow]:
    """`EmbeddingSeen` of a task with as many query images of each class as there are, up to MOST.

    Options `arm`, `steps`; `seed`, `drawings` and `unseen`, those of the task shown above.
    """
    settings = plan.settings
    if not settings.family.images:
        yield 1.0
        return NothingToShow(FOR_CURVES)
    learner = asked_learner(plan, state, options)
    if isinstance(learner, NothingToShow):
        return learner
    ways, shots = settings.images.ways, settings.inner.shots
    queries = max(1, min(min(HANDS, settings.images_of_class) - shots, MOST // ways))
    task = ImageTask(
        whole_number(options, "seed", 0),
        whole_number(options, "drawings", 0),
        tuple(Example(way, way, nth) for nth in range(shots) for way in range(ways)),
        tuple(Example(way, way, shots + nth) for nth in range(queries) for way in range(ways)),
        unseen=bool(options.get("unseen", True)),
    )
    these = made(settings, task)
    yield 0.5
    y = torch.nn.functional.one_hot(these.label, ways).double()
    found = embedding(
        learner, TaskBatch(torch.zeros(1, 1), these.inputs[None], y[None], these.shots)
    )
    if isinstance(found, Nothing):
        return said(found)
    these.images.flags.writeable = False
    return EmbeddingSeen(
        points=frozen_array(found.points.cpu()),
        part=found.part,
        apart=frozen_array(found.apart.cpu()),
        images=these.images,
        label=tuple(these.label.tolist()),
        told=frozen_array(found.output.argmax(2).double().cpu()),
        shots=these.shots,
        names=these.names,
    )
