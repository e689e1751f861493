"""Own tasks for tests: waves in torch, planes in NumPy."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from maml_explorer.core.families.own_tasks.opened import OwnTasks, open_tasks
from maml_explorer.core.families.own_tasks.task import checked_tasks


class Waves:
    """y = a sin 3x at 10 support and 12 query points, in torch: one input, one output."""

    def sample(self, n: int, generator: torch.Generator) -> Any:
        """Tasks of shapes [task, point, 1]."""
        a = 1 + torch.rand(n, 1, 1, generator=generator)
        x = 4 * torch.rand(n, 22, 1, generator=generator) - 2
        y = a * torch.sin(3 * x)
        return (x[:, :10], y[:, :10]), (x[:, 10:], y[:, 10:])


class Planes:
    """Planes over three inputs with two outputs, in NumPy and float64."""

    name = "planes"

    def sample(self, n: int, generator: torch.Generator) -> Any:
        """Tasks of shapes [task, point, 3] and [task, point, 2]."""
        drawn = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
        w, x = drawn.normal(size=(n, 3, 2)), drawn.normal(size=(n, 9, 3))
        y = x @ w
        return (x[:, :5], y[:, :5]), (x[:, 5:], y[:, 5:])


@cache
def waves() -> OwnTasks:
    """Waves, which are open."""
    found = checked_tasks("waves", Waves())
    open_tasks(found)
    return found


def asked(tasks: OwnTasks, **more: Any) -> dict[str, Any]:
    """Settings that ask for them."""
    return {"family": "own", "own_tasks": tasks.key.text, **more}


made_waves = Waves()
"""An object that a command can name."""
