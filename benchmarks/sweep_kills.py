"""A sweep whose workers and driver are killed at random instants, compared with one left alone.

    python -m benchmarks.sweep_kills --minutes 10

Prints how often each was killed, and how many files of the runs differ (durations left out).
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

RUNS, STEPS, WORKERS = 12, 4000, 2
CLOCKS = {"summary.json", "objective.json"}


def command(path: Path, *more: str) -> list[str]:
    """Command line of a sweep."""
    return [sys.executable, "-m", "maml_explorer", "sweep", "--out", str(path), "--quiet", *more]


def new(path: Path, steps: int, workers: int) -> list[str]:
    """Command line of the sweep from its beginning."""
    alphas = ",".join(f"{0.002 * (nth + 1):g}" for nth in range(RUNS // 2))
    return command(
        path, "--vary", f"inner_lr={alphas}", "--seeds", "0,1", "--outer-steps", str(steps),
        "--hidden", "16", "--meta-batch", "5", "--workers", str(workers),
    )  # fmt: skip


def digests(path: Path) -> dict[str, str]:
    """File of a run → digest."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((path / "runs").rglob("*"))
        if file.is_file() and file.name not in CLOCKS and not file.name.startswith(".")
    }


def trainers(driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The worker processes of a driver."""
    try:
        below = psutil.Process(driver.pid).children(recursive=True)
        return [p for p in below if any("spawn_main" in word for word in p.cmdline())]
    except psutil.Error:
        return []


def trains(path: Path) -> bool:
    """True where a run said within the last seconds how far it is."""
    notes = (file.stat().st_mtime for file in path.glob("runs/.*.step"))
    return any(time.time() - at < 2.0 for at in notes)


def main() -> None:
    """Kill until the time is over, let the sweep end, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    dice, killed = random.Random(wanted.seed), {"worker": 0, "driver": 0, "paused": 0}
    with tempfile.TemporaryDirectory() as home:
        alone, hit = Path(home) / "alone", Path(home) / "hit"
        subprocess.run(new(alone, wanted.steps, 1), check=True, stdout=subprocess.DEVNULL)
        driver = subprocess.Popen(new(hit, wanted.steps, WORKERS), stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60 * wanted.minutes
        while time.monotonic() < until:
            time.sleep(dice.uniform(1.0, 6.0))
            if driver.poll() is not None and driver.returncode == 0:
                break
            kind = dice.random()
            workers = trainers(driver) if trains(hit) else []
            if driver.poll() is not None or (workers and kind < 0.15):
                killed["driver"] += driver.poll() is None
                driver.kill()
                driver.wait()
                for worker in workers:
                    psutil.wait_procs([worker], timeout=10)
                again = command(hit, "--resume", "--workers", str(WORKERS))
                driver = subprocess.Popen(again, stdout=subprocess.DEVNULL)
            elif workers:
                worker = dice.choice(workers)
                try:
                    if kind < 0.25:
                        worker.send_signal(signal.SIGSTOP)
                        time.sleep(5.0)
                        worker.send_signal(signal.SIGCONT)
                        killed["paused"] += 1
                    else:
                        worker.kill()
                        killed["worker"] += 1
                except psutil.NoSuchProcess:
                    continue
        if driver.wait() != 0:
            end = command(hit, "--resume", "--retry-failed", "--workers", str(WORKERS))
            subprocess.run(end, check=True, stdout=subprocess.DEVNULL)
        one, other = digests(alone), digests(hit)
        differ = sum(one.get(name) != other.get(name) for name in {*one, *other})
        decisions = (hit / "decisions.jsonl").read_text().splitlines()
        failed = sum('"failed", "run"' in line for line in decisions)
        print(
            f"{killed['worker']} workers and {killed['driver']} drivers killed, {killed['paused']} "
            f"workers paused for 5 s; {RUNS} runs, {len(one)} files, {differ} differ, {failed} "
            "runs given up."
        )


if __name__ == "__main__":
    main()
