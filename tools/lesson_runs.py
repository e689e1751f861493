"""Trains the runs that come with the lessons, so that nobody waits for a comparison.

    python -m tools.lesson_runs [LESSON …]

Makes all of them anew, or those of the lessons named. Every training of these lessons that begins
a new run is trained to its end and kept: checkpoint, settings, meta-tests, and means of 10 outer
steps of its metrics, as few digits as a plot needs.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from maml_explorer.gui.lessons.lesson import NEW
from maml_explorer.gui.lessons.lesson_file import load_lesson
from maml_explorer.gui.lessons.lesson_runs import FOLDER_NAME, INDEX
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.folder import CHANGES, CHECKPOINT, EVALUATIONS, METRICS, SETTINGS
from maml_explorer.worker.handle import Worker
from tools.example import thinned

LESSONS = Path(__file__).parents[1] / "resources" / "lessons"
COMPARED = (
    "05-first-order", "08-batch-norm", "09-reptile", "10-learned-rates", "12-images",
    "13-memorization", "14-image-norms", "15-image-features", "22-streams",
)  # fmt: skip
"""Lessons whose pages speak of trained runs; the others train in sight, or use the example."""
EVERY = 10


def wanted(lesson: Path) -> Iterator[tuple[Settings, int]]:
    """(settings, outer step) of every run that a lesson begins anew and trains once."""
    seen = set()
    for scene in load_lesson(lesson).scenes:
        for nth, act in enumerate(scene.acts):
            begins = [one.begin for one in scene.acts[: nth + 1] if one.begin]
            once = [one for one in scene.acts[: nth + 1] if one.train_until is not None] == [act]
            if begins == [NEW] and once and act.train_until and act not in seen:
                seen.add(act)
                yield act.settings, act.train_until


def train(settings: Settings, until: int, folder: Path) -> None:
    """Trains a run and keeps of it what a lesson shows."""
    worker = Worker()
    worker.start()
    worker.post(commands.Restart(settings))
    worker.post(commands.Train(beyond=True, until=until))
    tested = False
    while not tested:
        time.sleep(0.05)
        for report in worker.collect():
            assert not isinstance(report, reports.Refused | reports.Failed), report
            tested = tested or (
                isinstance(report, reports.MetaTested) and report.outer_step == until
            )
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        worker.post(commands.SaveRun(str(run)))
        while not any(isinstance(one, reports.Exported) for one in worker.collect()):
            time.sleep(0.05)
        folder.mkdir(parents=True)
        for name in (SETTINGS, CHANGES, EVALUATIONS, CHECKPOINT):
            shutil.copy(run / name, folder / name)
        (folder / METRICS).write_text(thinned((run / METRICS).read_text(), EVERY))
    worker.close()


def main(names: Sequence[str]) -> None:
    """Writes the folders of runs of these lessons, and the index of all."""
    place = LESSONS / FOLDER_NAME
    index = json.loads((place / INDEX).read_text())
    for name in names:
        for folder in [one for one in index if one.startswith(f"{name}-")]:
            shutil.rmtree(place / folder, ignore_errors=True)
            del index[folder]
        for nth, (settings, until) in enumerate(wanted(LESSONS / f"{name}.toml"), 1):
            folder = f"{name}-{nth}"
            train(settings, until, place / folder)
            index[folder] = until
            print(folder, until, flush=True)
    (place / INDEX).write_text(json.dumps(dict(sorted(index.items())), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or COMPARED)
