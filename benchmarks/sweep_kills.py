"""A sweep whose workers, driver and scheduler are killed at random, compared with one left alone.

    python -m benchmarks.sweep_kills --kills 25 --only worker --seed 1
    python -m benchmarks.sweep_kills --kills 20 --scheduler

Prints how often each was killed, how many files of the runs differ (durations left out), and how
many runs were trained to the end a second time. With --scheduler the scheduler and the workers are
processes of their own, and it is killed too.
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

RUNS, STEPS, WORKERS = 12, 30_000, 2
CLOCKS = {"summary.json", "objective.json"}


def command(path: Path, *more: str) -> list[str]:
    """Command line of a sweep."""
    return [sys.executable, "-m", "maml_explorer", "sweep", "--out", str(path), "--quiet", *more]


def new(path: Path, steps: int, workers: int) -> list[str]:
    """Command line of the sweep from its beginning."""
    alphas = ",".join(f"{0.002 * (nth + 1):g}" for nth in range(RUNS // 2))
    return command(
        path, "--vary", f"inner_lr={alphas}", "--seeds", "0,1", "--outer-steps", str(steps),
        "--hidden", "40,40", "--meta-batch", "25", "--workers", str(workers),
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


class Ends:
    """The ends of runs, each seen once."""

    def __init__(self, path: Path) -> None:
        self.path, self.seen = path, dict[str, set[int]]()

    def look(self) -> None:
        """Note the runs that have ended; a run that ends again has a newer file."""
        for file in self.path.glob("runs/*/summary.json"):
            self.seen.setdefault(file.parent.name, set()).add(file.stat().st_mtime_ns)

    def twice(self) -> int:
        """Runs that were trained to the end more than once."""
        return sum(len(times) > 1 for times in self.seen.values())


class Scene:
    """The processes that train a sweep, to be killed and begun again."""

    def __init__(self, home: Path, steps: int, own_scheduler: bool) -> None:
        self.path, self.home, self.own = home / "hit", home, own_scheduler
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self.begun = 0
        self.driver = self._drive(new(self.path, steps, WORKERS)[:-2])

    def _drive(self, arguments: list[str], *more: str) -> subprocess.Popen[bytes]:
        place = self._place() if self.own else ["--workers", str(WORKERS)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([*arguments, *place, *more], **quiet)  # type: ignore[call-overload, no-any-return]

    def _place(self) -> list[str]:
        """Flags of a scheduler and workers that live, begun again where they do not."""
        file = self.home / f"scheduler-{self.begun}.json"
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.end()
            self.begun += 1
            file = self.home / f"scheduler-{self.begun}.json"
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self.scheduler = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard",
                 "--host", "tcp://127.0.0.1:0", "--scheduler-file", str(file)], **quiet,
            )  # type: ignore[call-overload]  # fmt: skip
            while not file.exists():
                time.sleep(0.1)
        if self.worker is None or self.worker.poll() is not None:
            worker = [sys.executable, "-m", "maml_explorer", "worker", "--cluster", str(file)]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self.worker = subprocess.Popen([*worker, "--slots", str(WORKERS)], **quiet)  # type: ignore[call-overload]
        return ["--cluster", str(file)]

    def again(self, *more: str) -> None:
        """Go on with the sweep."""
        self.driver = self._drive(command(self.path, "--resume"), *more)

    def trainers(self) -> list[psutil.Process]:
        """The processes that train."""
        return trainers(self.worker if self.own and self.worker else self.driver)

    def kill_driver(self) -> None:
        """Kill the driver; the workers of a local cluster end with it."""
        below = [] if self.own else self.trainers()
        self.driver.kill()
        self.driver.wait()
        psutil.wait_procs(below, timeout=20)

    def kill_scheduler(self) -> None:
        """Kill the scheduler; driver and workers then end by themselves."""
        assert self.scheduler is not None and self.worker is not None
        self.scheduler.kill()
        self.driver.wait(600)
        self.worker.wait(600)
        self.scheduler.wait()

    def end(self) -> None:
        """End what is left of scheduler and workers."""
        for process in (self.worker, self.scheduler):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(60)


KINDS = {"worker": 0.7, "paused": 0.1, "driver": 0.1, "both": 0.1}
"""What is done to a sweep → how often. "both": a worker, and the driver at once."""


def hit(scene: Scene, kind: str, dice: random.Random, pause: float) -> bool:
    """Do it; False where nobody was there."""
    workers = scene.trainers()
    if not workers or scene.driver.poll() is not None:
        return False
    try:
        if kind in ("worker", "both"):
            dice.choice(workers).kill()
        if kind == "paused":
            worker = dice.choice(workers)
            worker.send_signal(signal.SIGSTOP)
            time.sleep(pause)
            worker.send_signal(signal.SIGCONT)
    except psutil.NoSuchProcess:
        return False
    if kind in ("driver", "both"):
        scene.kill_driver()
    if kind == "scheduler":
        scene.kill_scheduler()
    return True


def main() -> None:
    """Kill until it is enough, let the sweep end, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scheduler", action="store_true")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--alone", type=Path, metavar="FOLDER", help="that sweep, made if missing")
    parser.add_argument("--pause", type=float, default=5.0, metavar="SECONDS")
    wanted = parser.parse_args()
    dice = random.Random(wanted.seed)
    kinds = {wanted.only: 1.0} if wanted.only else KINDS
    odds = kinds | ({"scheduler": 0.3} if wanted.scheduler else {})
    done = dict.fromkeys(odds, 0)
    with tempfile.TemporaryDirectory() as home:
        alone = wanted.alone or Path(home) / "alone"
        if not alone.exists():
            subprocess.run(new(alone, wanted.steps, 1), check=True, stdout=subprocess.DEVNULL)
        scene = Scene(Path(home), wanted.steps, wanted.scheduler)
        ends = Ends(scene.path)
        while sum(done.values()) < wanted.kills:
            time.sleep(dice.uniform(0.5, 4.0))
            ends.look()
            if scene.driver.poll() == 0:
                break
            if scene.driver.poll() is not None:
                scene.again("--retry-failed")
            (kind,) = dice.choices(list(odds), list(odds.values()))
            if trains(scene.path):
                done[kind] += hit(scene, kind, dice, wanted.pause)
        for _ in range(5):
            if scene.driver.wait() == 0:
                break
            scene.again("--retry-failed")
            ends.look()
        scene.end()
        ends.look()
        one, other = digests(alone), digests(scene.path)
        differ = sum(one.get(name) != other.get(name) for name in {*one, *other})
        decisions = (scene.path / "decisions.jsonl").read_text().splitlines()
        failed = sum('"failed", "run"' in line for line in decisions)
        print(
            f"{sum(done.values())} hits: {', '.join(f'{n} {kind}' for kind, n in done.items())}; "
            f"{len(ends.seen)} of {RUNS} runs done, {ends.twice()} of them twice, "
            f"{len(one)} files, {differ} differ; given up on the way: {failed}.",
            flush=True,
        )


if __name__ == "__main__":
    main()
