"""What the long scripts share: a budget of time, progress on stderr, a table at the end."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


def arguments(description: str, minutes: float, parts: Sequence[str] = ()) -> argparse.Namespace:
    """The command line of a long script: minutes, seed, and which parts of it to run."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--minutes", type=float, default=minutes, help="how long it may take")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    if parts:
        parser.add_argument("--parts", default=",".join(parts), help=f"from {','.join(parts)}")
    found = parser.parse_args()
    if parts:
        found.parts = [part for part in found.parts.split(",") if part]
        if unknown := set(found.parts) - set(parts):
            parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return found


class Budget:
    """A span of time, with a line of progress every few seconds."""

    def __init__(self, what: str, seconds: float) -> None:
        self.what, self.seconds = what, seconds
        self.began = time.monotonic()
        self.count = 0
        """How often its loop has begun."""
        self._next = self.began

    @property
    def left(self) -> float:
        """Seconds until it is over."""
        return self.began + self.seconds - time.monotonic()

    def __iter__(self) -> Iterator[int]:
        """Counts from 0 until the time is over."""
        while self.left > 0:
            self.say(f"{self.count:,}")
            self.count += 1
            yield self.count

    def say(self, words: str) -> None:
        """Shows how far it is, not too often."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 5
            done = min(1.0, (now - self.began) / max(self.seconds, 1e-9))
            sys.stderr.write(f"{self.what:<28} {done:4.0%}  {words}\n")


@dataclass(frozen=True)
class Row:
    """One line of the summary."""

    what: str
    count: str
    figures: str
    faults: int


def summary(rows: Sequence[Row]) -> int:
    """Prints the table; the exit code, 1 where there was a fault."""
    widths = [max(len(getattr(row, name)) for row in rows) for name in ("what", "count")]
    for row in rows:
        verdict = "ok" if not row.faults else f"{row.faults} FAULTS"
        print(f"{row.what:<{widths[0]}}  {row.count:>{widths[1]}}  {verdict:<9}  {row.figures}")
    return 1 if any(row.faults for row in rows) else 0
