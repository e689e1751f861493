"""A run that ends in the middle and goes on in another process, for the suite and the long script.

    python -m tests.resuming FOLDER…

opens each run folder, trains to the declared outer steps, clicking where a file `clicks` lies in
it, and saves it again.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from maml_explorer.core.plan import prepare
from maml_explorer.experiments.replay import differences
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.checkpoint import Checkpoint, load_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS, open_run
from tests.worker.driving import Driver

CLICKS = "clicks"
ROOT = Path(__file__).resolve().parent.parent


def trained(driver: Driver, until: int, dice: random.Random | None) -> None:
    """Trains; with dice, a person who clicks on everything that must not matter."""
    driver.tell(commands.Train())
    while driver.step < until and driver.loop.trainer.phase is reports.Phase.RUNNING:
        if dice is not None and dice.random() < 0.2:
            _click(driver, dice)
        driver.work(1)
    driver.tell(commands.Pause())


def _click(driver: Driver, dice: random.Random) -> None:
    points = np.array([dice.uniform(-5, 5) for _ in range(3)])
    match dice.randrange(6):
        case 0:
            driver.tell(commands.ProbeTask(points, np.sin(points), 1.0, 0.0))
        case 1:
            driver.tell(commands.WatchTasks(points[None], np.cos(points)[None]))
        case 2:
            driver.tell(commands.Pause(), commands.Train())
        case 3:
            driver.tell(commands.TakeInnerStep(), commands.TakeOuterStep(), commands.Train())
        case 4:
            driver.tell(commands.MetaTest())
        case 5:
            driver.tell(commands.LimitSpeed(None))


def both_ways(settings: Settings, place: Path, halves: Sequence[int]) -> tuple[Path, list[Path]]:
    """Trains without a break into one folder, and to each of some steps into others to go on."""
    last = settings.outer.outer_steps
    whole = Driver(settings)
    trained(whole, last, None)
    whole.tell(commands.SaveRun(str(place / "whole"), autosave=True))
    broken = []
    for number, half in enumerate(halves):
        clicking = number % 2 == 1
        driver = Driver(settings)
        trained(driver, half, random.Random(number) if clicking else None)
        folder = place / f"at {half}"
        driver.tell(commands.SaveRun(str(folder), autosave=True))
        if clicking:
            (folder / CLICKS).write_text(str(number))
        broken.append(folder)
    return place / "whole", broken


def go_on_elsewhere(folders: Sequence[Path]) -> None:
    """Trains the runs to their end in a process of its own."""
    command = [sys.executable, "-m", "tests.resuming", *map(str, folders)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        raise RuntimeError(done.stderr)


def unlike(one: Path, two: Path) -> list[str]:
    """What differs between two saved runs: in state, generator, moments, losses of every step."""
    saved = [_read(path) for path in (one, two)]
    found = differences(saved[0].state, saved[1].state)
    if saved[0].settings != saved[1].settings:
        found.append("the settings")
    rows = [(path / METRICS).read_text().splitlines() for path in (one, two)]
    return found + (["the losses"] if rows[0] != rows[1] else [])


def _read(path: Path) -> Checkpoint:
    folder, settings = open_run(path)
    return load_checkpoint(folder.path / CHECKPOINT, prepare(settings))


def main(folders: Sequence[str]) -> None:
    """Goes on with each of the runs."""
    torch.set_num_threads(1)
    for name in folders:
        folder = Path(name)
        driver = Driver(Settings().with_values({"hidden": (2,)}))
        driver.tell(commands.OpenRun(name))
        clicks = folder / CLICKS
        dice = random.Random(clicks.read_text()) if clicks.is_file() else None
        trained(driver, driver.run.settings.outer.outer_steps, dice)
        driver.tell(commands.SaveRun(name, overwrite=True, autosave=True))


if __name__ == "__main__":
    main(sys.argv[1:])
