"""A plausible answer about a stream, without torch."""

from __future__ import annotations

import numpy as np

from maml_explorer.protocol.streams import StreamArmProbe, StreamProbed, StreamTask
from maml_explorer.settings.settings import Settings


def stream_probed(run: int, step: int, task: StreamTask, settings: Settings) -> StreamProbed:
    """Errors by which inner step and function can be told: 10 times the one, plus the other."""
    functions, batches = settings.tasks.functions, settings.tasks.batches
    arrived = np.arange(functions * batches + 1)[:, None]
    error = (10 * arrived + np.arange(functions)).astype(float)
    curves = np.zeros((len(arrived), functions, 7))
    x = np.tile(np.linspace(-4, 4, settings.inner.shots), (functions, 1))
    return StreamProbed(
        run, step, task, x, np.sin(x), np.linspace(-5, 5, 7), np.ones((functions, 7)), batches,
        {arm.name: StreamArmProbe(curves, error) for arm in settings.arms},
    )  # fmt: skip
