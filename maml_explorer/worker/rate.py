"""The speed of training, measured."""

from __future__ import annotations

from collections.abc import Callable


class Rate:
    """Outer steps per second over about the last second of training."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Starts to measure again."""
        self.since, self.steps, self.value = self.clock(), 0, 0.0

    def tick(self, count: int = 1) -> None:
        """Counts outer steps."""
        self.steps += count
        if count > 1 or self.steps & 7 == 0 or self.value < 50:
            elapsed = self.clock() - self.since
            if elapsed >= 0.5:
                now = self.steps / elapsed
                self.value = now if self.value == 0 else 0.5 * (self.value + now)
                self.since, self.steps = self.clock(), 0
