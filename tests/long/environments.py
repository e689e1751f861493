"""Every command in surroundings that nobody tests: locales, streams, folders, warnings."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.long.report import Row

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--outer-steps", "5", "--quiet"]
SMALL = [*QUICK, "--hidden", "4", "--meta-batch", "2", "--test-tasks", "5", "--test-steps", "5",
         "--algorithms", "maml"]  # fmt: skip
COMMANDS: Mapping[str, Sequence[str]] = {
    "help": ("--help",),
    "info": ("--info",),
    "presets": ("presets",),
    "code": ("code", "--preset", "finn-10-shot"),
    "train": ("train", *SMALL, "--out", "{out}"),
    "resume": ("train", "--out", "{run}", "--resume", "--quiet"),
    "evaluate": ("evaluate", "{run}/maml", "--tasks", "5"),
    "export": ("export", "{run}", "--algorithm", "maml", "--out", "{out}"),
    "reproduce": ("reproduce", "finn-10-shot", *QUICK, "--seeds", "0", "--algorithms", "maml",
                  "--out", "{out}"),
    "ablate": ("ablate", *QUICK, "--seeds", "0", "--out", "{out}"),
    "sweep": ("sweep", *SMALL, "--vary", "inner_lr=0.01,0.02", "--seeds", "0", "--workers", "1",
              "--out", "{out}"),
    "gui": ("gui", "{run}"),
}  # fmt: skip
"""Name → arguments; {run} is a run folder of its own, {out} does not exist yet."""
WRITES = {
    "train": "summary.json", "export": "model.safetensors", "reproduce": "summary.json",
    "ablate": "ablation.json", "sweep": "summary.json",
}  # fmt: skip
"""Command → the file that must be in {out}, whatever became of its words."""


@dataclass(frozen=True)
class Surroundings:
    """What is other than usual."""

    sets: Mapping[str, str] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    redirected: str = ""
    """In the shell's words."""
    folder: str = ""


ENVIRONMENTS: Mapping[str, Surroundings] = {
    "LANG=C": Surroundings({"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0",
                            "PYTHONCOERCECLOCALE": "0"}),
    "ASCII": Surroundings({"PYTHONIOENCODING": "ascii:strict"}),
    "cp1252": Surroundings({"PYTHONIOENCODING": "cp1252:strict"}),
    "no HOME": Surroundings(lacks=("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "USER")),
    "HOME cannot be written": Surroundings({"HOME": "/proc/none", "XDG_CONFIG_HOME": "/proc/none",
                                            "XDG_DATA_HOME": "/proc/none"}),
    "folder cannot be written": Surroundings(folder="/proc"),
    "streams closed": Surroundings(redirected="<&- >&- 2>&-"),
    "stdout full": Surroundings(redirected="> /dev/full"),
    "stderr full": Surroundings(redirected="2> /dev/full"),
    "stdout broken": Surroundings(redirected="| true"),
    "TMPDIR missing": Surroundings({"TMPDIR": "/proc/none"}),
    "TERM unset": Surroundings(lacks=("TERM", "COLUMNS")),
    "warnings are errors": Surroundings({"PYTHONWARNINGS": "error"}),
}  # fmt: skip
"""None has a display."""


def environments(wanted: int, minutes: float, dice: random.Random, place: Path) -> Row:
    """Pairs of command and surroundings in random order, two at a time."""
    place.mkdir()
    pairs = [(c, e) for c in COMMANDS for e in ENVIRONMENTS]
    dice.shuffle(pairs)
    run = place / "run"
    _done([*COMMANDS["train"][:-1], str(run)], Surroundings(), place)
    end, faults, done = time.monotonic() + 60 * minutes, 0, 0

    def one(pair: tuple[str, str]) -> str | None:
        if time.monotonic() > end:
            return None
        return judged(*pair, run, place)

    with ThreadPoolExecutor(2) as pool:
        for pair, wrong in zip(pairs, pool.map(one, pairs[:wanted]), strict=False):
            done += wrong is not None
            if wrong:
                faults += 1
                sys.stderr.write(f"{pair[0]} where {pair[1]}: {wrong}\n")
    figures = f"of {len(COMMANDS)} commands × {len(ENVIRONMENTS)} surroundings"
    return Row("surroundings", f"{done:,}", figures, faults)


def judged(command: str, surroundings: str, run: Path, place: Path) -> str:
    """What was wrong with a command in surroundings; empty where nothing was."""
    name = f"{command}-{surroundings}".replace(" ", "-").replace("=", "-")
    own, out = place / f"{name}-run", place / f"{name}-out"
    shutil.copytree(run, own)
    around = ENVIRONMENTS[surroundings]
    words = [part.format(run=own, out=out) for part in COMMANDS[command]]
    done = _done(words, around, place)
    said = done.stderr.decode(errors="replace")
    wrong = []
    if "Traceback" in said or "Error:" in said or "Exception ignored" in said:
        wrong.append("a traceback")
    allowed = {2} if command == "gui" else {0, 1} if around.redirected else {0}
    if done.returncode not in allowed:
        wrong.append(f"code {done.returncode}")
    if command in WRITES and not (out / WRITES[command]).is_file():
        wrong.append(f"no {WRITES[command]}")
    if command == "gui" and said.count("\n") > 1:
        wrong.append("more than a line")
    shutil.rmtree(own)
    shutil.rmtree(out, ignore_errors=True)
    return f"{', '.join(wrong)}\n{said[-1500:]}" if wrong else ""


def _done(
    words: Sequence[str], around: Surroundings, place: Path
) -> subprocess.CompletedProcess[bytes]:
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "xcb"}
    kept = {k: v for k, v in (kept | around.sets).items() if k not in around.lacks}
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$0" -m maml_explorer "$@" {around.redirected}',
         sys.executable, *words],
        env=kept, cwd=around.folder or place, capture_output=True, timeout=300,
    )  # fmt: skip
