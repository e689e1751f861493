"""Saves that are killed, and saves whose calls fail: `make chaos MINUTES=5`.

kill: a small child without torch saves over and over and is killed with SIGKILL at random instants.
What is found must be the whole old or the whole new version, and the next start goes on from it.
faults: every call of a save fails in turn with a full disk, a refused permission, an I/O error.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from maml_explorer.core.plan import prepare
from maml_explorer.core.training import start_run
from maml_explorer.files import writer
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.initialization.folder import (
    Initialization,
    load_initialization,
    save_initialization,
)
from maml_explorer.storage.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from maml_explorer.storage.run.folder import CHECKPOINT, create_run
from tests.long.report import Budget, Row, arguments, summary
from tests.storage.disk import Disk
from tests.worker.driving import Driver, small_settings

PARTS = ("file", "folder", "rows", "faults")
ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO, errno.EDQUOT, errno.EROFS)

LOAD = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from maml_explorer.files import writer
path = pathlib.Path(sys.argv[2])
"""
"""Beginning of a child that knows the writer alone."""
CHILDREN = {
    "file": LOAD
    + """
writer.write_bytes(path, b"A" * 300_000)
print("ready", flush=True)
while True:
    writer.write_bytes(path, b"B" * 200_000)
    writer.write_bytes(path, b"A" * 300_000)
""",
    "folder": LOAD
    + """
writer.write_folder(path, {"x": b"A" * 90_000, "y": b"A"}, overwrite=True)
print("ready", flush=True)
while True:
    for letter in (b"B", b"A"):
        writer.write_folder(path, {"x": letter * 90_000, "y": letter}, overwrite=True)
""",
    "rows": """
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.folder import METRICS, RunFolder
from maml_explorer.files.writer import write_text
folder = RunFolder(pathlib.Path(sys.argv[2]))
state = folder.path / "state.json"
known = json.loads(state.read_text())
folder.cut_back(known["sizes"])
step = known["step"]
print("ready", flush=True)
while True:
    rows = [(step + k + 1, "MAML", 0, 1.0, 2.0, None, None) for k in range(200)]
    folder.append(METRICS, rows)
    step += 200
    write_text(state, json.dumps({"step": step, "sizes": folder.file_sizes()}))
""",
}
"""Part → the child that saves until it is killed."""


def killed(part: str, place: Path, wait: float) -> None:
    """Runs a child for so long after it is ready, and kills it."""
    where = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-S", "-c", CHILDREN[part], str(where), str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(wait)
        child.kill()


def kill_files(budget: Budget, dice: random.Random, place: Path) -> Row:
    """A single file, written over and over."""
    path, seen, faults = place / "a.bin", {b"A": 0, b"B": 0}, 0
    path.write_bytes(b"A" * 300_000)
    for _ in budget:
        killed("file", path, dice.uniform(0, 0.03))
        content = path.read_bytes()
        if content in (b"A" * 300_000, b"B" * 200_000):
            seen[content[:1]] += 1
        else:
            faults += 1
        for part in place.glob(".a.bin.*.part"):
            part.unlink()
    figures = f"whole old {seen[b'A']:,}, whole new {seen[b'B']:,}"
    return Row("kill -9 while saving a file", f"{budget.count:,}", figures, faults)


def kill_folders(budget: Budget, dice: random.Random, place: Path) -> Row:
    """A folder of two files, written over and over."""
    path, faults, moved_back = place / "init", 0, 0
    writer.write_folder(path, {"x": b"A" * 90_000, "y": b"A"})
    for _ in budget:
        killed("folder", path, dice.uniform(0, 0.03))
        moved_back += not path.exists()
        writer.recover_folder(path)
        found = {p.name: p.read_bytes() for p in path.iterdir()} if path.exists() else {}
        whole = [{"x": letter * 90_000, "y": letter} for letter in (b"A", b"B")]
        faults += found not in whole
        for left in [*place.glob(".init.*.part"), *place.glob(".init.*.old")]:
            shutil.rmtree(left)
    figures = f"{moved_back:,} between two renames, moved back at the next start"
    return Row("kill -9 while saving a folder", f"{budget.count:,}", figures, faults)


def kill_rows(budget: Budget, dice: random.Random, place: Path) -> Row:
    """Rows appended beside a state, as a run does between two checkpoints."""
    path, faults, torn, step = place / "run", 0, 0, 0
    folder = create_run(path, Settings())
    state = path / "state.json"
    writer.write_text(state, json.dumps({"step": 0, "sizes": folder.file_sizes()}))
    for _ in budget:
        killed("rows", path, dice.uniform(0, 0.05))
        known = json.loads(state.read_text())
        torn += folder.file_sizes() != known["sizes"]
        folder.cut_back(known["sizes"])
        steps = [
            int(line.split(",", 1)[0])
            for line in (path / "metrics.csv").read_text().splitlines()[1:]
        ]
        faults += steps != list(range(1, known["step"] + 1)) or known["step"] < step
        step = known["step"]
        for part in path.glob(".*.part"):
            part.unlink()
        if step > 20_000:
            folder.clear_rows()
            step = 0
            writer.write_text(state, json.dumps({"step": 0, "sizes": folder.file_sizes()}))
    figures = f"{torn:,} had rows after the state, which were cut off"
    return Row("kill -9 while appending rows", f"{budget.count:,}", figures, faults)


def saves(place: Path) -> Iterator[tuple[str, Callable[[int], None], Callable[[], int]]]:
    """(what, saves version n, tells which version is whole there now) of every kind of save."""
    path = place / "a.bin"
    yield (
        "file",
        lambda n: writer.write_bytes(path, bytes([n]) * 30_000),
        lambda: path.read_bytes()[0] if path.read_bytes() in _files() else -1,
    )
    settings = small_settings("maml")
    state = start_run(prepare(settings))
    theta = state.arms["MAML"].initialization.numpy()
    folder = place / "init"
    yield (
        "initialization",
        lambda n: save_initialization(folder, Initialization(settings, theta, n), overwrite=True),
        lambda: load_initialization(folder).outer_step,
    )
    run = create_run(place / "headless", settings)
    checkpoint = run.path / CHECKPOINT
    states = {n: type(state)(n, state.generator_state, state.arms) for n in (1, 2)}
    yield (
        "checkpoint",
        lambda n: save_checkpoint(checkpoint, Checkpoint(settings, states[n], (0,))),
        lambda: load_checkpoint(checkpoint, prepare(settings)).state.outer_step,
    )
    drivers = {n: Driver(small_settings("maml", "mtl")) for n in (1, 2)}
    for n, driver in drivers.items():
        driver.train_to(n)
    whole = place / "run"

    def save(n: int) -> None:
        drivers[n].outbox.collect()
        drivers[n].tell(commands.SaveRun(str(whole), overwrite=True))
        refused = drivers[n].reports(m.Refused)
        if refused:
            raise OSError(errno.EIO, str(refused[0]))

    def version() -> int:
        other = Driver(small_settings("mtl"))
        other.outbox.collect()
        other.tell(commands.OpenRun(str(whole)))
        reports = other.outbox.collect()
        if any(isinstance(report, m.Refused) for report in reports):
            return -1
        rows = [r.outer_step[-1] for r in reports if isinstance(r, m.Metrics)]
        return other.step if rows == [other.step] else -1

    yield "run", save, version


def _files() -> list[bytes]:
    return [bytes([n]) * 30_000 for n in (1, 2)]


def inject(place: Path, seconds: float) -> list[Row]:
    """Every call of every kind of save fails once, with every error while there is time."""
    rows = []
    for what, save, version in saves(place):
        faults = injected = old = 0
        disk = Disk()
        save(1)
        with disk.watched():
            disk.reset()
            save(2)
            calls = len(disk.calls)
        budget = Budget(f"faults in saving a {what}", seconds)
        errors = 0
        for code in ERRORS:
            if errors and budget.left <= 0:
                break
            errors += 1
            for index in range(calls):
                budget.say(f"{index} of {calls}")
                save(1)
                failed = False
                with disk.watched(), contextlib.suppress(OSError):
                    disk.reset(fail_at=index, code=code)
                    failed = True
                    save(2)
                    failed = False
                injected += 1
                found = version()
                old += found == 1
                # a save that says it failed may have done its work, but never the other way round
                faults += found not in (1, 2) or (not failed and found != 2)
        left = [p.name for p in place.iterdir() if p.suffix in (".part", ".old")]
        rows.append(
            Row(
                f"faults: saving a {what}",
                f"{injected:,}",
                f"{calls} calls × {errors} errors, {old:,} left the old version; "
                f"{len(left)} temporary names left",
                faults,
            )
        )
    return rows


def main() -> int:
    """Runs the parts one after the other; the exit code."""
    asked = arguments(__doc__ or "", minutes=5, parts=PARTS)
    logging.getLogger("maml_explorer").setLevel(logging.CRITICAL)
    dice = random.Random(asked.seed)
    kills = {"file": kill_files, "folder": kill_folders, "rows": kill_rows}
    chosen = [part for part in asked.parts if part in kills]
    rows: list[Row] = []
    for part in chosen:
        with tempfile.TemporaryDirectory() as name:
            budget = Budget(f"kill while saving: {part}", 60 * asked.minutes / len(chosen))
            rows.append(kills[part](budget, dice, Path(name)))
    if "faults" in asked.parts:
        with tempfile.TemporaryDirectory() as name:
            rows += inject(Path(name), 60 * asked.minutes / 8)
    return summary(rows)


if __name__ == "__main__":
    sys.exit(main())
