"""Runs the benchmarks, each in a process of its own: python -m benchmarks [--quick] [NAME ...]."""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.measuring import machine

NAMES = (
    "meta_step", "growth", "images", "image_window", "where", "meta_test", "window", "start",
    "cuda",
)  # fmt: skip


def main() -> int:
    """The exit code: that of the first benchmark that failed, or 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark “{unknown[0]}”: there are {', '.join(NAMES)}")
    print(f"Measured on {machine()}.", flush=True)
    failed = 0
    for name in asked.names or NAMES:
        print(f"\n## {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] * asked.quick)]
        failed = failed or subprocess.run(command, check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
