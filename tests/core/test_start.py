"""What training loads, and what it must not."""

from __future__ import annotations

import subprocess
import sys

import pytest

VALUES = {
    "as at first": {},
    "tricks": {
        "inner_steps": 2, "multi_step_loss": True, "multi_step_until": 5, "inner_clip": 1.0,
        "outer_clip": 1.0, "lslr": True, "skip": True, "activation": "softplus",
    },
    "batch norm": {"norm": "batch-per-step", "activation": "sine", "noise": 0.1},
    "layer norm": {"norm": "layer", "activation": "tanh"},
}  # fmt: skip


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_the_first_outer_step_does_not_load_torchs_compiler(values: dict[str, object]) -> None:
    code = (
        "import os, sys\n"
        "os.environ['MAML_EXPLORER_KERNELS'] = 'recorded'\n"
        "from maml_explorer.algorithms import ALGORITHMS\n"
        "from maml_explorer.core.plan import prepare\n"
        "from maml_explorer.core.training import outer_step, start_run\n"
        "from maml_explorer.settings.settings import Arm, Settings\n"
        f"settings = Settings().with_values({values!r})\n"
        "own = {k: (('lslr', False),) for k, a in ALGORITHMS.items() if a.step_sizes}\n"
        "arms = tuple(Arm(key, key, own.get(key, ())) for key in ALGORITHMS)\n"
        "plan = prepare(settings.with_arms(arms))\n"
        "outer_step(plan, start_run(plan))\n"
        "assert plan.workspace.kinds == {'replay'}\n"
        "assert not {'torch._dynamo', 'sympy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
