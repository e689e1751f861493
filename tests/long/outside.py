"""What comes from outside: kills, edited files, odd surroundings: `make outside MINUTES=5`.

command: `train` is killed at random instants by one of four signals and gone on with until it is
done; the files must be those of a run that nobody touched.
suspended: a trainer is suspended, another tries to go on with its run, the first wakes up.
worker: an exception comes up at a random call of the training thread; the numbers stay.
window: a window that trains and saves is killed at a random instant; what it had saved is offered.
display: the same, where the display server is killed instead (needs Xvfb).
mutations: files of every kind are edited so that their form is kept, then opened.
environments: every command in surroundings with other locales, streams, folders and warnings.
A child is a fork of this process, which has loaded everything: it is there in milliseconds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from maml_explorer.experiments import continuing, training
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS
from tests.long.children import SIGNALS, Count, command, wrong
from tests.long.environments import environments
from tests.long.mutations import mutations
from tests.long.report import Row, summary
from tests.long.window_kills import displays, windows
from tests.long.worker_kills import workers

LOADED = (continuing, training)
"""What a child would load otherwise."""
PARTS = ("command", "suspended", "worker", "window", "display", "mutations", "environments")
STEPS = "4000"
TRAIN = ["train", "--hidden", "6", "--meta-batch", "2", "--algorithms", "maml", "--quiet",
         "--test-tasks", "10", "--outer-steps", STEPS]  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """What two runs must have in common."""
    names = (METRICS, "changes.csv", "evaluations.csv", CHECKPOINT, "maml/model.safetensors")
    return {name: (folder / name).read_bytes() for name in names}


def commands(count: Count, dice: random.Random, place: Path, whole: dict[str, bytes]) -> Row:
    """Trainings that are killed again and again."""
    faults = finished = refused = 0
    while count.goes_on():
        out, resume = place / f"run-{finished}", False
        while count.goes_on():
            how = ["train", "--out", str(out), "--resume", "--quiet"] if resume else TRAIN
            run = command(*how, *([] if resume else ["--out", str(out)]))
            time.sleep(dice.choice((dice.uniform(0, 0.05), dice.uniform(0, 0.8))))
            ended, _ = os.waitpid(run.number, os.WNOHANG)
            if ended:
                os.close(run.output)
            else:
                kind = dice.choice(SIGNALS)
                code, said = run.end(kind), run.said()
                count.done += 1
                # a signal in the first instants, before anything was begun, ends it as usual
                faults += wrong(code not in (-kind, 1, 0) or "Traceback" in said, kind, code, said)
            if not out.exists():
                resume = False
                continue
            with contextlib.suppress(FileNotFoundError):
                if (out / CHECKPOINT).stat() and (out / "summary.json").stat():
                    break
            resume = (out / CHECKPOINT).exists()
            refused += not resume
        code = command("train", "--out", str(out), "--resume", "--quiet").end() if resume else 0
        if (out / CHECKPOINT).exists():
            faults += wrong(code != 0 or files(out) != whole, "finished with", code)
            finished += 1
        shutil.rmtree(out, ignore_errors=True)
    figures = f"{finished} runs, all as one that nobody touched; {refused} begun again"
    return Row("train is killed", f"{count.done:,}", figures, faults)


def suspended(count: Count, dice: random.Random, place: Path, whole: dict[str, bytes]) -> Row:
    """A trainer that sleeps while another wants its run."""
    faults = refused = 0
    while count.goes_on():
        out = place / f"suspended-{count.done}"
        first = command(*TRAIN, "--out", str(out))
        while not (out / CHECKPOINT).exists():
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.6))
        os.kill(first.number, signal.SIGSTOP)
        second = command("train", "--out", str(out), "--resume", "--quiet")
        code, said = second.end(), second.said()
        os.kill(first.number, signal.SIGCONT)
        ended = first.end()
        os.close(first.output)
        # it had ended before it was to be suspended, and the second found a finished run
        refused += code == 2
        named = f"process {first.number} on" in said and "is suspended" in said
        faults += (code == 2 and not named) or code not in (0, 2) or ended != 0
        faults += files(out) != whole
        count.done += 1
        shutil.rmtree(out)
    figures = f"{refused} second writers refused by name, the files whole"
    return Row("train is suspended", f"{count.done:,}", figures, faults)


def main() -> int:
    """Runs the parts one after the other; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of each part")
    parser.add_argument("--files", type=int, default=100_000, help="that are edited")
    parser.add_argument("--minutes", type=float, default=5, help="at most, for each part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"from {','.join(PARTS)}")
    asked = parser.parse_args()
    dice, rows = random.Random(asked.seed), []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        parts = [part for part in asked.parts.split(",") if part]
        if unknown := set(parts) - set(PARTS):
            parser.error(f"there is no part {', '.join(sorted(unknown))}")
        whole: dict[str, bytes] = {}
        if {"command", "suspended"} & set(parts):
            if command(*TRAIN, "--out", str(place / "whole")).end() != 0:
                raise SystemExit("The run to compare with was not trained.")
            whole = files(place / "whole")
        for part in parts:
            count = Count(part, asked.kills, asked.minutes)
            if part == "command":
                rows.append(commands(count, dice, place, whole))
            elif part == "suspended":
                rows.append(suspended(count, dice, place, whole))
            elif part == "mutations":
                rows.append(mutations(asked.files, asked.minutes, dice, place / part))
            elif part == "environments":
                rows.append(environments(10**6, asked.minutes, dice, place / part))
            elif part == "worker":
                rows.append(workers(count, dice, place))
            elif part == "window":
                rows.append(windows(count, dice, place))
            elif shutil.which("Xvfb"):
                rows.append(displays(count, dice, place))
    return summary(rows)


if __name__ == "__main__":
    sys.exit(main())
