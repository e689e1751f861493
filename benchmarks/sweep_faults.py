"""A sweep of which one run always aborts its process, and one whose disk becomes full.

    python -m benchmarks.sweep_faults [--disk FOLDER]

FOLDER is a small disk of its own, such as `mount -t tmpfs -o size=9m tmpfs FOLDER`. It is filled
when some runs are done, and emptied for the resume.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.sweep_kills import command, digests, new

STEPS, WORKERS = 1500, 2
ABORTS = '''
"""Aborts the process that trains one run, after some outer steps."""
import importlib.abc, importlib.machinery, os, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "maml_explorer.experiments.training":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            whole = module.train_headless
            def train_headless(settings, seeds, **more):
                look = more["progress"]
                def progress(found):
                    look(found)
                    if more["folder"].path.name == os.environ["VICTIM"] and found.done > 300:
                        os.abort()
                return whole(settings, seeds, **{**more, "progress": progress})
            module.train_headless = train_headless
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
'''


def begun(path: Path, *more: str, **environment: str) -> tuple[int, str]:
    """(exit code, what it said) of a command."""
    done = subprocess.run(
        [*more], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    return done.returncode, " ".join(done.stderr.split())[-300:]


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def compared(alone: Path, other: Path) -> str:
    """How many files differ, of the runs that are done in both."""
    one, two = digests(alone), digests(other)
    differ = sum(one[name] != two[name] for name in one.keys() & two.keys())
    return f"{len(two)} of {len(one)} files, {differ} of them differ"


def states(path: Path) -> str:
    """Done and failed runs of a sweep, with the reasons."""
    done = len(list(path.glob("runs/*/summary.json")))
    found = [json.loads(file.read_text()) for file in path.glob("runs/*/failure.json")]
    reasons = {f"{one['reason']} ({one['attempts']} attempts)" for one in found}
    return f"{done} done, {len(found)} failed: {'; '.join(sorted(reasons)) or 'none'}"


def main() -> None:
    """Try both, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--disk", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        alone, hit = Path(home) / "alone", Path(home) / "hit"
        begun(alone, *new(alone, STEPS, 1))
        victim = sorted((alone / "runs").iterdir())[3].name
        (Path(home) / "sitecustomize.py").write_text(ABORTS)
        path = os.pathsep.join([home, os.environ.get("PYTHONPATH", "")])
        code, said = begun(hit, *new(hit, STEPS, WORKERS), PYTHONPATH=path, VICTIM=victim)
        print(f"always aborts: exit code {code}; {states(hit)}\n  {said}")
        again = command(hit, "--resume", "--retry-failed", "--workers", str(WORKERS))
        code, _ = begun(hit, *again)
        print(f"without the fault: exit code {code}; {states(hit)}; {compared(alone, hit)}")
        if wanted.disk is None:
            return
        full, filler = wanted.disk / "sweep", wanted.disk / "filler"
        driver = subprocess.Popen(new(full, STEPS, WORKERS), stderr=subprocess.PIPE, text=True)
        while driver.poll() is None and len(list(full.glob("runs/*/summary.json"))) < 4:
            time.sleep(0.1)
        fill(filler)
        _, said = driver.communicate()
        print(f"a full disk: exit code {driver.returncode}; {states(full)}\n  {said[-300:]}")
        filler.unlink()
        again = command(full, "--resume", "--retry-failed", "--workers", str(WORKERS))
        code, said = begun(full, *again)
        print(f"with space: exit code {code}; {states(full)}; {compared(alone, full)}\n  {said}")


if __name__ == "__main__":
    main()
