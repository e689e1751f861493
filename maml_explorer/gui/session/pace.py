"""Pace at which the window looks for reports: 60 times a second, fewer where painting takes longer.

It also sets how often live drawings are redrawn while training: no more than leaves training its
speed. The threads share one interpreter, so what this one takes the other loses.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer

FRAME = 16
"""Milliseconds between two looks."""
IDLE = 150
"""Milliseconds between two looks while paused with nothing asked."""
SLOWEST = 250
DRAWING_SHARE = 0.03
"""Part of a core that the window may take while training at full speed."""
MOST_PATIENCE = 4.0
JUDGED_SECONDS = 0.5
_HURRY_SECONDS = 1.0


class Patience:
    """Factor, from 1, by which live drawings wait longer than usual for one another.

    The window's own events are answered as always: only what changes by itself is drawn less often.
    """

    def __init__(self) -> None:
        self.learned = 1.0
        """Factor found so far; kept over a pause, since the next training needs the same."""
        self._since = self._used = 0.0
        self._judging = False

    @property
    def value(self) -> float:
        """Factor now: 1 where nothing trains at full speed."""
        return self.learned if self._judging else 1.0

    def rest(self) -> None:
        """Nothing trains at full speed: whatever is drawn is drawn as often as usual."""
        self._judging = False

    def judge(self, now: float, used: float) -> None:
        """Takes note of the seconds by the clock, and of those that this thread has computed."""
        if not self._judging:
            self._judging, self._since, self._used = True, now, used
        elapsed = now - self._since
        if elapsed >= JUDGED_SECONDS:
            share = (used - self._used) / elapsed
            # a part of the work does not depend on it, and one drag is over soon: small strides
            stride = min(max(share / DRAWING_SHARE, 0.8), 1.25)
            self.learned = min(max(self.learned * stride, 1.0), MOST_PATIENCE)
            self._since, self._used = now, used


class Pace(QObject):
    """Calls `pull` on a timer that gives way when drawing takes longer than the interval."""

    def __init__(self, pull: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._pull = pull
        self._idle = False
        self._limited = False
        self._patience = Patience()
        self._hurry_until = 0.0
        self._late = float(FRAME)
        self._was_late, self._spent = False, 0.0
        self._began = 0.0
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Looks from now on."""
        self.timer.start(FRAME)

    def stop(self) -> None:
        """Stops looking."""
        self.timer.stop()

    def relax(self, idle: bool) -> None:
        """Says whether there is nothing to expect but answers."""
        self._idle = idle

    def limit(self, limited: bool) -> None:
        """Says whether training is slower than it could be: then drawing costs it nothing."""
        self._limited = limited

    @property
    def patience(self) -> float:
        """Factor, from 1, by which live drawings wait longer than usual for one another."""
        return self._patience.value

    def hurry(self) -> None:
        """Looks at frame rate for a second: more is on its way."""
        self._hurry_until = time.monotonic() + _HURRY_SECONDS
        if self.timer.isActive() and self.timer.interval() > self._busy_interval:
            self.timer.start(self._busy_interval)

    def after_a_look(self, milliseconds: float) -> int:
        """Milliseconds until just after the look nearest to so many from now.

        What is drawn then is painted before the next look is due, which would come late otherwise.
        """
        until, between = self.timer.remainingTime(), self.timer.interval()
        if self._idle or until < 0 or between <= 0:
            return round(milliseconds)
        return until + between * max(round((milliseconds - until) / between), 0) + 1

    @property
    def interval(self) -> int:
        """Milliseconds until the next look."""
        if self._idle and time.monotonic() > self._hurry_until:
            return max(IDLE, self._busy_interval)
        return self._busy_interval

    @property
    def _busy_interval(self) -> int:
        return round(self._late)

    def _tick(self) -> None:
        began = time.monotonic()
        waited = 1000 * (began - self._began)
        self._began = began
        if self._idle or self._limited:
            self._patience.rest()
        else:
            self._patience.judge(began, time.thread_time())
        # ticks that come late mean that painting, not this timer, is the bottleneck; one alone is
        # over already, and so is one pull that takes long
        late = self.timer.interval() < IDLE and waited > 1.6 * self.timer.interval()
        if late and self._was_late:
            self._late = min(self._late * 1.25, SLOWEST)
        else:
            self._late = max(self._late * 0.97, FRAME)
        self._pull()
        spent = 1000 * (time.monotonic() - began)
        self._late = min(max(self._late, 2 * min(spent, self._spent)), SLOWEST)
        self._was_late, self._spent = late, spent
        if self.timer.isActive() and self.timer.interval() != self.interval:
            self.timer.setInterval(self.interval)
