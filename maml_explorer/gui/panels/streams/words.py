"""Words of the hero for streams."""

from __future__ import annotations

import math

from maml_explorer.gui.session.shown_streams import error_so_far, functions_learned, last_step
from maml_explorer.gui.style.numbers import number
from maml_explorer.protocol.streams import StreamProbed

SEEN, ARRIVING, WAITING = "seen", "arriving", "not yet seen"


def state_of(probed: StreamProbed, function: int, step: int) -> str:
    """State of a function after an inner step: seen, arriving, or not yet seen."""
    if step >= (function + 1) * probed.batches:
        return SEEN
    return ARRIVING if step > function * probed.batches else WAITING


def stream_line(probed: StreamProbed | None, step: int) -> str:
    """The stream shown: "stream of 5 functions · 3 seen · 6 of 10 batches have arrived"."""
    if probed is None:
        return "no stream yet"
    learned = functions_learned(probed, step)
    arrived = f"{min(step, last_step(probed))} of {last_step(probed)} batches have arrived"
    return f"stream of {len(probed.truth)} functions · {learned} seen · {arrived}"


def value_of(probed: StreamProbed, arm: str, step: int) -> str:
    """Mean error of an arm on the functions learned so far."""
    value = error_so_far(probed, arm, step)
    return number(value, fixed=True) if math.isfinite(value) else "diverged"


def captions(probed: StreamProbed | None, step: int) -> list[str]:
    """Words over the errors, the longest first."""
    learned = 0 if probed is None else functions_learned(probed, step)
    if learned == 0:
        return ["query MSE on function 1, before it is seen", "MSE, function 1", "MSE"]
    over = "function 1" if learned == 1 else f"functions 1 to {learned}"
    return [f"query MSE on {over}, seen so far", f"query MSE, {over}", "query MSE", "MSE"]
