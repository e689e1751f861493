"""What training loads, and what it must not."""

from __future__ import annotations

import subprocess
import sys


def test_the_first_outer_step_does_not_load_torchs_compiler() -> None:
    code = (
        "import sys\n"
        "from maml_explorer.core.plan import prepare\n"
        "from maml_explorer.core.training import outer_step, start_run\n"
        "from maml_explorer.settings import Settings\n"
        "plan = prepare(Settings())\n"
        "outer_step(plan, start_run(plan))\n"
        "assert plan.workspace.kinds == {'replay'}\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
