"""Thirty runs trained in this process and on 1, 2 and 4 workers, and over TLS: files that differ.

    python -m benchmarks.sweep_bytes --steps 6

Widths 40 and 512: the wide ones compute on two threads, which the bits may depend on; four tasks of
them suffice for that.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.sweep_kills import digests
from tests.experiments.sweep.test_cluster import certificates

VARY = [
    "--vary", "width=40,512", "--vary", "algorithm=maml,fomaml,anil,reptile,meta_sgd",
    "--vary", "activation=relu,tanh,softplus",
]  # fmt: skip
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@contextlib.contextmanager
def cluster(home: Path, slots: int, *, secure: bool) -> Iterator[list[str]]:
    """Flags of a cluster: a scheduler and workers in processes of their own."""
    file, tls = home / "scheduler.json", certificates(home / "tls") if secure else None
    scheme = "tls" if tls else "tcp"
    scheduler = [
        sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard",
        "--host", f"{scheme}://127.0.0.1:0", "--scheduler-file", str(file),
    ]  # fmt: skip
    flags = ["--cluster", str(file)]
    if tls:
        flags += ["--tls", str(tls)]
        scheduler += ["--tls-ca-file", str(tls / "ca.pem"), "--tls-cert", str(tls / "cert.pem")]
        scheduler += ["--tls-key", str(tls / "key.pem")]
    worker = [sys.executable, "-m", "maml_explorer", "worker", *flags, "--slots", str(slots)]
    begun = [subprocess.Popen(scheduler, **QUIET)]  # type: ignore[call-overload]
    try:
        while not file.exists():
            time.sleep(0.1)
        begun.append(subprocess.Popen(worker, **QUIET))  # type: ignore[call-overload]
        yield flags
    finally:
        for process in reversed(begun):
            process.terminate()
            process.wait(60)


def trained(path: Path, steps: int, flags: list[str]) -> dict[str, str]:
    """File of a run → digest, of all runs trained in one way."""
    new = [sys.executable, "-m", "maml_explorer", "sweep", "--out", str(path), "--quiet", *VARY]
    new += ["--outer-steps", str(steps), "--hidden", "40,40", "--meta-batch", "4"]
    new += ["--objective", "mse@1", *flags]
    subprocess.run(new, check=True, stdout=subprocess.DEVNULL)
    return digests(path)


def main() -> None:
    """Train all ways and count the files that differ from those of this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ways = {"2 workers": ["--workers", "2"], "4 workers": ["--workers", "4"]}
        here = trained(home / "here", steps, ["--workers", "1"])
        runs = len(list((home / "here" / "runs").glob("*/summary.json")))
        print(f"in this process: {runs} runs, {len(here)} files", flush=True)

        def compare(name: str, flags: list[str]) -> None:
            found = trained(home / name, steps, flags)
            differ = sum(here.get(file) != found.get(file) for file in {*here, *found})
            print(f"{name}: {len(found)} files, {differ} differ", flush=True)

        for name, flags in ways.items():
            compare(name, flags)
        for name, slots, secure in (("1 worker", 1, False), ("2 workers over TLS", 2, True)):
            (home / f"{name} place").mkdir()
            with cluster(home / f"{name} place", slots, secure=secure) as flags:
                compare(name, flags)


if __name__ == "__main__":
    main()
