"""What comes from outside: kills, edited files, odd surroundings: `make outside MINUTES=5`.

command: `train` is killed at random instants by one of four signals and gone on with until it is
done; the files must be those of a run that nobody touched.
suspended: a trainer is suspended, another tries to go on with its run, the first wakes up.
window: a window that trains and saves is killed at a random instant; what it had saved is offered.
display: the same, where the display server is killed instead (needs Xvfb).
mutations: files of every kind are edited so that their form is kept, then opened.
environments: every command in surroundings with other locales, streams, folders and warnings.
A child is a fork of this process, which has loaded everything: it is there in milliseconds.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from maml_explorer import cli
from maml_explorer.experiments import continuing, training
from maml_explorer.gui.app import crash_recovery, startup
from maml_explorer.gui.app.left_sessions import LeftSessions, in_words
from maml_explorer.storage.run.folder import CHECKPOINT, METRICS, open_run
from maml_explorer.storage.run.metrics import last_outer_step
from maml_explorer.worker import handle
from tests.gui.app.started import CODE
from tests.long.environments import environments
from tests.long.mutations import mutations
from tests.long.report import Row, summary

LOADED = (continuing, training, crash_recovery, startup, handle)
"""What a child would load otherwise."""
PARTS = ("command", "suspended", "window", "display", "mutations", "environments")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
STEPS = "4000"
TRAIN = ["train", "--hidden", "6", "--meta-batch", "2", "--algorithms", "maml", "--quiet",
         "--test-tasks", "10", "--outer-steps", STEPS]  # fmt: skip


@dataclass
class Child:
    """A fork of this process."""

    number: int
    output: int

    def end(self, kind: signal.Signals | None = None) -> int:
        """Sends it a signal, or waits for it; its exit code, negative for a signal."""
        if kind is not None:
            os.kill(self.number, kind)
        return os.waitstatus_to_exitcode(os.waitpid(self.number, 0)[1])

    def said(self) -> str:
        """What it wrote, once it has ended."""
        with os.fdopen(self.output, "rb") as file:
            return file.read().decode(errors="replace")


def child(work: Callable[[], int], **surroundings: str) -> Child:
    """Runs `work` in a fork whose stdout and stderr are collected."""
    read, write = os.pipe()
    number = os.fork()
    if number:
        os.close(write)
        return Child(number, read)
    code = 70
    try:
        os.dup2(write, 1)
        os.dup2(write, 2)
        sys.stdout, sys.stderr = (os.fdopen(k, "w", buffering=1) for k in (1, 2))
        faulthandler.enable(sys.stderr)
        os.environ.update(surroundings)
        code = work()
    except KeyboardInterrupt:  # before the program had begun, or after it had ended
        code = 1
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(code)


def command(*arguments: str) -> Child:
    """A command of the program."""
    return child(lambda: cli.main(list(arguments)))


def files(folder: Path) -> dict[str, bytes]:
    """What two runs must have in common."""
    names = (METRICS, "changes.csv", "evaluations.csv", CHECKPOINT, "maml/model.safetensors")
    return {name: (folder / name).read_bytes() for name in names}


def wrong(fault: bool, *words: object) -> bool:
    """Says what was wrong, where anything was."""
    if fault:
        sys.stderr.write(" ".join(map(str, words)) + "\n")
    return fault


class Count:
    """How many there shall be, and a line of progress now and then."""

    def __init__(self, what: str, wanted: int, minutes: float) -> None:
        self.what, self.wanted, self.done = what, wanted, 0
        self._end, self._next = time.monotonic() + 60 * minutes, 0.0

    def goes_on(self) -> bool:
        """Whether another one is wanted and there is time."""
        now = time.monotonic()
        if now > self._next:
            self._next = now + 10
            sys.stderr.write(f"{self.what}: {self.done} of {self.wanted}\n")
        return self.done < self.wanted and now < self._end


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


def window(*wishes: str) -> int:
    """A window in this process."""
    sys.argv = ["window", *wishes]
    exec(compile(CODE, "window", "exec"), {"__name__": "__main__"})
    return 0


def checked(home: Path, said: str) -> tuple[int, int]:
    """(faults, 1 where a session was saved and is offered)."""
    steps = [int(line.split()[1]) for line in said.splitlines() if line.startswith("saved ")]
    left = LeftSessions(home / "maml-explorer" / "sessions")
    runs, _ = left.found()
    offered = [path for path in runs if "outer step" in in_words(path)]
    kept = max((last_outer_step(path / METRICS) for path in offered), default=0)
    left.close()
    for path in offered:
        open_run(path)
    return int(bool(steps) and kept < max(steps)), int(bool(offered))


def windows(count: Count, dice: random.Random, place: Path, display: bool) -> Row:
    """Windows that are killed, or whose display is."""
    faults = offered = 0
    while count.goes_on():
        home = place / f"home-{count.done}"
        home.mkdir()
        surroundings = {"XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home)}
        server, number = None, ""
        if display:
            read, write = os.pipe()
            server = subprocess.Popen(
                ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24"],
                pass_fds=(write,), stderr=subprocess.DEVNULL,
            )  # fmt: skip
            number = ":" + os.read(read, 16).decode().strip()
            os.close(read)
            os.close(write)
        platform = "xcb" if display else "offscreen"
        run = child(lambda: window("train"), DISPLAY=number, QT_QPA_PLATFORM=platform,
                    **surroundings)  # fmt: skip
        time.sleep(dice.uniform(0.2, 9.0))
        if server is not None:
            server.kill()
            server.wait()
            run.end()
        else:
            run.end(dice.choice(SIGNALS))
        wrong, one = checked(home, run.said())
        faults += wrong
        offered += one
        count.done += 1
        shutil.rmtree(home)
    what = "the display server is killed" if display else "the window is killed"
    figures = f"{offered} had saved a session, which is offered whole"
    return Row(what, f"{count.done:,}", figures, faults)


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
            elif part == "window" or shutil.which("Xvfb"):
                rows.append(windows(count, dice, place, part == "display"))
    return summary(rows)


if __name__ == "__main__":
    sys.exit(main())
