"""The training thread, in which an exception comes up at a random call, again and again."""

from __future__ import annotations

import random
import shutil
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch

from maml_explorer.core import training
from maml_explorer.core.plan import prepare
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.checkpoint import load_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS
from maml_explorer.storage.run.gaps import read_gaps
from maml_explorer.storage.run.metrics import read_losses
from maml_explorer.worker.handle import Worker
from maml_explorer.worker.loop import Loop
from tests.long.children import Count, wrong
from tests.long.report import Row
from tests.worker.driving import small_settings

STEPS = 2_000
"""Outer steps to compare with."""
CALLS = 4_000
"""The exception comes up within so many calls."""
ATTEMPT = 30.0
"""Seconds until an answer is missed."""
KINDS = (RuntimeError, MemoryError, OSError, ValueError)


class Fuse:
    """Raises in the thread at the n-th call of a function of the program."""

    def __init__(self) -> None:
        self.left, self.error = 0, RuntimeError("planted")
        self.burnt = ""
        """The function that it came up in."""

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Counts a call, as a profiler does."""
        if event != "call" or self.left <= 0 or "maml_explorer" not in frame.f_code.co_filename:
            return
        if frame.f_code.co_name == "fail":  # a second fault while the first is reported
            return
        self.left -= 1
        if self.left == 0:
            self.burnt = f"{Path(frame.f_code.co_filename).name}: {frame.f_code.co_qualname}"
            raise self.error


def _wanted(settings: Settings) -> list[dict[str, torch.Tensor]]:
    """θ of every arm after each outer step of a run that nobody disturbs."""
    with torch.no_grad():
        plan = prepare(settings)
        state = training.start_run(plan)
        found = []
        for _ in range(STEPS + 1):
            found.append({name: arm.initialization.clone() for name, arm in state.arms.items()})
            state, _ = training.outer_step(plan, state)
    return found


def _await(worker: Worker, kinds: tuple[type, ...], folder: str = "") -> reports.Report | None:
    """The first report of these kinds, and on that folder where one is named.

    None where none comes, or the thread has ended.
    """
    end = time.monotonic() + ATTEMPT
    while time.monotonic() < end:
        alive = worker.alive
        for report in worker.collect():
            if isinstance(report, kinds) and getattr(report, "folder", "").startswith(folder):
                return report
        if not alive:
            return None
        time.sleep(0.002)
    return None


def workers(count: Count, dice: random.Random, place: Path) -> Row:
    """Training goes on after each exception, with the numbers of a run without any."""
    settings = small_settings("maml", "reptile", outer_steps=10 * STEPS)
    probe = commands.ProbeTask(np.array([-3.0, 0.5]), np.array([1.0, -1.0]), 2.0, 0.7)
    wanted, fuse = _wanted(settings), Fuse()
    faults = ended = gaps = 0
    places: set[str] = set()
    obey = Loop.obey

    def armed(loop: Loop, command: commands.Command) -> None:
        sys.setprofile(fuse)  # which an exception out of it takes away
        obey(loop, command)

    Loop.obey = armed  # type: ignore[method-assign]
    try:
        while count.goes_on():
            worker = Worker()
            worker.start()
            worker.post(commands.Restart(settings))
            step = known = 0
            while step < STEPS - 500 and count.goes_on():
                out = place / f"worker-{count.done}"
                fuse.error = dice.choice(KINDS)("planted")
                fuse.left = dice.randrange(1, CALLS)
                worker.post(probe)
                worker.post(commands.Train())
                if dice.random() < 0.3:
                    worker.post(commands.SaveRun(str(place / "saved"), overwrite=True))
                said = _await(worker, (reports.Failed, reports.Refused))
                count.done += 1
                fuse.left = 0
                places.add(fuse.burnt)
                if not worker.alive:  # before the loop, or between two rounds of it
                    ended += 1
                    break
                if wrong(said is None, "nothing was said of", fuse.burnt):
                    faults += 1
                    break
                worker.post(commands.Pause())
                worker.post(commands.SaveRun(str(out), autosave=True))
                answer = _await(worker, (reports.Exported,), str(out))
                if wrong(answer is None, "not saved after", fuse.burnt):
                    faults += 1
                    break
                saved = load_checkpoint(out / CHECKPOINT, prepare(settings)).state
                step = saved.outer_step
                same = all(
                    torch.equal(arm.initialization, wanted[min(step, STEPS)][name])
                    for name, arm in saved.arms.items()
                )
                faults += wrong(not same and step <= STEPS, "other numbers after", fuse.burnt)
                rows = read_losses(out / METRICS, settings.run.seed)
                lost = {k for gap in read_gaps(out) for k in range(gap.first, gap.last + 1)}
                gaps += len(lost) > known
                known = len(lost)
                for one in rows.values():
                    torn = sorted({*one.outer_step.tolist(), *lost}) != list(range(1, step + 1))
                    faults += wrong(torn, "rows are missing after", fuse.burnt)
                shutil.rmtree(out)
            worker.close()
    finally:
        Loop.obey = obey  # type: ignore[method-assign]
    figures = f"in {len(places)} functions; {ended} ended the thread; {gaps} cost rows of the "
    figures += "metrics, which the folder says"
    return Row("the worker meets an exception", f"{count.done:,}", figures, faults)
