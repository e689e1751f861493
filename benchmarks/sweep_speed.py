"""Speed of workers: seeds on one and on two, processor time of a run, and a thousand slots.

    python -m benchmarks.sweep_speed --rounds 3
    python -m benchmarks.sweep_speed --slots 60

The first wants a quiet machine of two cores. Rounds alternate between one worker, two workers and
plain training; workers have started and loaded torch before the clock runs. With --slots the runs
are simulated: the driver, the scheduler and 20 workers of 50 threads are real, and a run waits so
many seconds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.measuring import show
from maml_explorer.experiments.sweep import engine
from maml_explorer.experiments.sweep.apart import ApartRun, begin_apart, train_apart
from maml_explorer.experiments.sweep.driver import drive
from maml_explorer.experiments.training import train_headless
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.run.folder import create_run
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import create_sweep
from maml_explorer.storage.sweep.spec import SweepSpec

SEEDS, STEPS = 8, 5000


def paper(steps: int) -> Settings:
    """The preset of the paper, MAML alone."""
    settings = load_preset("finn-10-shot").settings.with_arms((default_arm("maml"),))
    return settings.with_values({"outer_steps": steps})


def processor_seconds() -> float:
    """Processor time of the process that is asked."""
    return time.process_time()


@contextmanager
def warm(workers: int, home: Path) -> Iterator[Any]:
    """A client of workers that have trained a little."""
    with engine.local_cluster(workers) as client:
        seeds(client, workers, home / "warm", 20, 2 * workers)
        yield client


def seeds(client: Any, workers: int, path: Path, steps: int, count: int) -> tuple[float, float]:
    """(seconds, processor seconds of the workers) that so many seeds take."""
    path.mkdir(parents=True)
    runs = [ApartRun(path / "run", paper(steps))]
    parts = begin_apart(path, runs, tuple(range(count)), resume=False)
    before, began = sum(client.run(processor_seconds).values()), time.perf_counter()
    train_apart(parts, engine.OnDask(client, workers, None, parts.stop))
    took = time.perf_counter() - began
    return took, sum(client.run(processor_seconds).values()) - before


def plain(path: Path, steps: int, count: int) -> tuple[float, float]:
    """The same in this process, one seed after the other."""
    path.mkdir(parents=True)
    settings, began, before = paper(steps), time.perf_counter(), time.process_time()
    for seed in range(count):
        one = settings.with_values({"seed": seed})
        train_headless(one, (seed,), folder=create_run(path / str(seed), one))
    return time.perf_counter() - began, time.process_time() - before


def speed(rounds: int, steps: int, count: int) -> None:
    """Alternate between the ways, and say their ratios."""
    found: dict[str, list[tuple[float, float]]] = {"plain": [], "1 worker": [], "2 workers": []}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        plain(home / "warm", 20, 1)
        for nth in range(rounds):
            found["plain"].append(plain(home / f"plain {nth}", steps, count))
            for workers in (1, 2):
                name = f"{workers} worker{'s' * (workers > 1)}"
                place = home / f"{name} {nth}"
                with warm(workers, place) as client:
                    found[name].append(seeds(client, workers, place / "s", steps, count))
    rows = []
    for name, pairs in found.items():
        took, used = (median(one) for one in zip(*pairs, strict=True))
        rows.append([name, f"{took:.1f}", f"{used / count:.2f}"])
    show(f"{count} seeds of {steps} outer steps, median of {rounds} rounds",
         ["", "s", "processor s a run"], rows)  # fmt: skip
    one, two = found["1 worker"], found["2 workers"]
    ratios = [a[0] / b[0] for a, b in zip(one, two, strict=True)]
    more = [a[1] / b[1] - 1 for a, b in zip(one, found["plain"], strict=True)]
    print(f"1 → 2 workers: {median(ratios):.2f} (by round {', '.join(f'{r:.2f}' for r in ratios)})")
    print(
        f"processor time of a run on a worker against plain training: {100 * median(more):+.1f} %"
    )


def simulated(seconds: float, runs: int) -> None:
    """Drive runs that only wait, on a thousand slots."""
    import dask
    import distributed

    def waits(path: str, *_: Any) -> tuple[str, str]:
        time.sleep(seconds)
        return "done", ""

    engine._on_worker = waits  # type: ignore[assignment]
    base = paper(10)
    axes = (parse_axis(f"inner_lr=0.001:0.3:log:{runs // 10}"),)
    with tempfile.TemporaryDirectory() as home, dask.config.set(engine.SETTINGS_OF_DASK):
        sweep = create_sweep(Path(home) / "s", SweepSpec(base, axes, tuple(range(10))))
        cluster = distributed.LocalCluster(
            n_workers=20, threads_per_worker=50, processes=False, dashboard_address="127.0.0.1:0"
        )
        with distributed.Client(cluster, set_as_default=False) as client:
            began = time.perf_counter()
            ended = drive(sweep, engine.OnDask(client, 1000, 5, sweep.stop))
            took = time.perf_counter() - began
        cluster.close()
    busy = seconds * ended.done / 1000 / took
    size = psutil.Process().memory_info().rss / 2**20
    what = f"{ended.done} runs of {seconds:g} s on 1000 slots"
    print(f"{what}: {took:.1f} s, {100 * busy:.0f} % busy, {size:.0f} MiB in all")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--slots", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--runs", type=int, default=3000)
    wanted = parser.parse_args()
    if wanted.slots:
        simulated(wanted.slots, wanted.runs)
    else:
        speed(wanted.rounds, wanted.steps, wanted.seeds)
    print(f"load: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
