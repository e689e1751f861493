"""A search by TPE on 1, 2 and 4 workers, and with its driver killed in every round: same points?

    python -m benchmarks.sweep_search --points 24

Compares what was asked and told (decisions.jsonl, times left out), and the files of the runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.sweep_kills import command, digests

ROUND = 6
AXES = ("inner_lr=0.001:0.1:log", "outer_lr=0.0001:0.01:log", "algorithm=maml,anil,meta_sgd")


def new(path: Path, points: int, workers: int) -> list[str]:
    """Command line of the search from its beginning."""
    axes = [word for axis in AXES for word in ("--vary", axis)]
    return command(
        path, *axes, "--search", f"tpe:{points}:{ROUND}", "--seeds", "0,1", "--outer-steps", "400",
        "--hidden", "16", "--meta-batch", "5", "--workers", str(workers),
    )  # fmt: skip


def decided(path: Path) -> list[dict[str, Any]]:
    """What was asked and told so far, in order."""
    try:
        lines = (path / "decisions.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return []
    found = [json.loads(line) for line in lines if line]
    return [
        {key: value for key, value in one.items() if key != "at"}
        for one in found
        if one["what"] in ("asked", "told")
    ]


def trained(arguments: list[str]) -> None:
    """Train to the end."""
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)


def interrupted(path: Path, points: int) -> int:
    """Train with a driver that is killed once in every round; how often it was."""
    rounds, kills = -(-points // ROUND), 0
    for nth in range(rounds):
        arguments = command(path, "--resume", "--workers", "2") if kills else new(path, points, 2)
        driver = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while driver.poll() is None and len(decided(path)) < 2 * nth + 1:
            time.sleep(0.02)
        time.sleep(0.3 * nth)  # in another part of each round
        if driver.poll() is None:
            driver.kill()
            kills += 1
        driver.wait()
    trained(command(path, "--resume", "--workers", "2"))
    return kills


def main() -> None:
    """Train all ways, and count what differs from one worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=24)
    points = parser.parse_args().points
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        alone = home / "1 worker"
        trained(new(alone, points, 1))
        files, wanted = digests(alone), decided(alone)
        print(f"1 worker: {len(wanted)} decisions, {len(files)} files", flush=True)

        def compare(name: str) -> None:
            found, other = decided(home / name), digests(home / name)
            same = "equal" if found == wanted else "DIFFERENT"
            differ = sum(files.get(file) != other.get(file) for file in {*files, *other})
            print(f"{name}: {len(found)} decisions {same}, {differ} files differ", flush=True)

        for workers in (2, 4):
            trained(new(home / f"{workers} workers", points, workers))
            compare(f"{workers} workers")
        kills = interrupted(home / "interrupted", points)
        compare("interrupted")
        print(f"its driver was killed {kills} times")


if __name__ == "__main__":
    main()
