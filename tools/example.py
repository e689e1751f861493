"""Makes the trained example that the window shows at its first start.

    maml-explorer train --preset finn-10-shot --device cpu --out RUN
    python -m tools.example RUN

Keeps of the run folder what opening it needs, means of 200 outer steps of its metrics, and the
curves of one task as JSON, which are drawn before the training engine is loaded.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from maml_explorer.gui.session.task_sampling import fixed
from maml_explorer.protocol import commands, reports
from maml_explorer.storage.run.folder import CHANGES, CHECKPOINT, EVALUATIONS, METRICS, SETTINGS
from maml_explorer.worker.handle import Worker

FOLDER = Path(__file__).parents[1] / "resources" / "examples" / "finn-10-shot"
EVERY = 200
TASK = (3.6, 0.9)
"""Amplitude and phase of the task that is drawn."""
POINTS = (-4.6, -3.9, -2.4, -1.2, -0.3, 0.4, 1.3, 2.1, 3.2, 4.1)


def main() -> None:
    """Writes the example from a run folder."""
    run = Path(sys.argv[1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in (SETTINGS, CHANGES, EVALUATIONS, CHECKPOINT):
        shutil.copy(run / name, FOLDER / name)
    (FOLDER / METRICS).write_text(thinned((run / METRICS).read_text(), EVERY))
    text = json.dumps(_curves(), separators=(",", ":"), allow_nan=False)
    (FOLDER / "curves.json").write_text(text + "\n")


def thinned(metrics: str, every: int) -> str:
    """Metrics as means of `every` outer steps, with as many digits as a plot shows.

    Single steps, picked out, would smooth to a far rougher line than the whole run.
    """
    header, *rows = metrics.splitlines()
    groups: dict[tuple[int, str, str], list[list[str]]] = {}
    for row in rows:
        step, arm, seed, *losses = row.split(",")
        last = -(-int(step) // every) * every
        groups.setdefault((last, arm, seed), []).append(losses)
    kept = [
        ",".join([str(last), arm, seed, *map(_mean, zip(*losses, strict=True))])
        for (last, arm, seed), losses in groups.items()
    ]
    return "\n".join([header, *kept]) + "\n"


def _mean(fields: Sequence[str]) -> str:
    values = [float(field) for field in fields if field]
    return f"{np.mean(values):.5g}" if values else ""


def _curves() -> dict[str, object]:
    x = fixed(np.array(POINTS))
    probe = commands.ProbeTask(
        x, fixed(TASK[0] * np.sin(x - TASK[1])), *TASK, query_x=fixed(np.linspace(-4.8, 4.8, 10))
    )
    worker = Worker()
    worker.start()
    worker.post(probe)
    worker.post(commands.OpenRun(str(FOLDER)))
    probed = None
    while probed is None:
        for report in worker.collect():
            assert not isinstance(report, reports.Refused | reports.Failed), report
            probed = report if isinstance(report, reports.Probed) else probed
    worker.close()

    def numbers(values: np.ndarray, digits: int = 3) -> object:
        return np.round(np.asarray(values, dtype=float), digits).tolist()

    assert probed.best_single is not None and probed.truth is not None
    return {
        "outer_step": probed.outer_step,
        "amplitude": TASK[0],
        "phase": TASK[1],
        "support_x": numbers(probe.support_x),
        "support_y": numbers(probe.support_y),
        "query_x": numbers(probe.query_x),
        "grid": numbers(probed.grid[::2]),
        "truth": numbers(probed.truth[::2]),
        "best_single": numbers(probed.best_single[::2]),
        "best_single_formula": probed.best_single_formula,
        "arms": {
            name: {
                "curves": numbers(arm.curves[:, ::2]),
                "query_mse": numbers(arm.query_mse, 4),
                "support_mse": numbers(arm.support_mse, 4),
                "query_prediction": numbers(arm.query_prediction),
            }
            for name, arm in probed.arms.items()
        },
    }


if __name__ == "__main__":
    main()
