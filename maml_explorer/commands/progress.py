"""Progress of a headless run on a text stream. Torch-free."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from maml_explorer.commands.output import clean
from maml_explorer.settings.words import counted

if TYPE_CHECKING:
    from maml_explorer.experiments.outcome import Progress


class Screen(Protocol):
    """Stream on which progress is shown."""

    def write(self, text: str, /) -> object:
        """Show text."""

    def flush(self) -> None:
        """Show it now."""

    def isatty(self) -> bool:
        """True where a line can be redrawn."""


BAR_WIDTH = 24
REDRAW_SECONDS = 0.1
LINES = 10
"""Lines over a whole run where the stream is no terminal."""


class ProgressBar:
    """One line that is redrawn in a terminal; ten lines where there is none."""

    def __init__(self, stream: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = stream, clock
        self.terminal = stream.isatty()
        self.began: tuple[float, int] | None = None
        self.drawn = -1.0
        self.tenth = 0

    def __call__(self, progress: Progress) -> None:
        """Show where the run stands."""
        now = self.clock()
        if self.began is None:
            self.began = (now, progress.done - 1)
            self.tenth = (progress.done - 1) * LINES // progress.total
        if self.terminal:
            if progress.done < progress.total and now - self.drawn < REDRAW_SECONDS:
                return
            self.drawn = now
            self.stream.write(f"\r{progress_line(progress, *self._pace(now, progress))}\x1b[K")
        else:
            tenth = progress.done * LINES // progress.total
            if tenth == self.tenth:
                return
            self.tenth = tenth
            self.stream.write(progress_line(progress, *self._pace(now, progress)) + "\n")
        self.stream.flush()

    def close(self) -> None:
        """End the line."""
        if self.terminal and self.began is not None:
            self.stream.write("\n")
            self.stream.flush()

    def _pace(self, now: float, progress: Progress) -> tuple[float, float]:
        assert self.began is not None
        seconds, first = now - self.began[0], self.began[1]
        rate = (progress.done - first) / seconds if seconds > 0 else 0.0
        return rate, (progress.total - progress.done) / rate if rate > 0 else 0.0


def progress_line(progress: Progress, rate: float, seconds_left: float) -> str:
    """Such as "[=====>    ] 12 000 of 70 000 outer steps, 812/s, 1:11 left, MAML 0.71"."""
    filled = BAR_WIDTH * progress.done // progress.total
    head = ">" if filled < BAR_WIDTH else ""
    bar = ("=" * filled + head).ljust(BAR_WIDTH)
    losses = ", ".join(f"{clean(name)} {loss:.3g}" for name, loss in progress.losses.items())
    return (
        f"[{bar}] {grouped(progress.done)} of {counted(progress.total, 'outer step', grouped)}, "
        f"{rate:.3g}/s, {time_left(seconds_left)} left; loss {losses}"
    )


def time_left(seconds: float) -> str:
    """Minutes and seconds, or hours, minutes and seconds: "1:05", "2:00:00"."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    tail = f"{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
    return f"{hours}:{tail}" if hours else tail


def grouped(number: int) -> str:
    """Thousands separated by a space: "70 000"."""
    return f"{number:,}".replace(",", " ")
