"""Forgetting of an initialization on held-out streams."""

from __future__ import annotations

import torch

from maml_explorer.core.forgetting import Forgetting, forgetting
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import prepare
from maml_explorer.experiments.training import threads_of
from maml_explorer.storage.initialization.folder import Initialization


def forgetting_of(
    initialization: Initialization, shots: int | None = None, streams: int = 100, seed: int = 0
) -> Forgetting:
    """Errors on each function of a stream after each that was learned.

    Args:
        initialization: trained on streams.
        shots: support points of each function; those of training unless given.
        streams: held-out streams.
        seed: of the random stream that draws them.

    Raises:
        SettingsError: where an argument is out of range.
    """
    changes = {"test_tasks": streams, "seed": seed, "device": "cpu"}
    plan = prepare(initialization.settings.with_values(changes))
    theta = torch.from_numpy(initialization.parameters.copy())
    with threads_of(plan):
        return run_to_end(forgetting(plan, initialization.arm.name, theta, streams, shots))
