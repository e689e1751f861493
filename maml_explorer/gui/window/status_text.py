"""The line at the foot of the window: what runs, how far, how fast."""

from __future__ import annotations

from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.reports import Phase, Status

WORDS = {
    Phase.LOADING: "Loading",
    Phase.PAUSED: "Paused",
    Phase.RUNNING: "Training",
    Phase.STEPPING: "Stepping",
    Phase.FINISHED: "Finished",
    Phase.FAILED: "Failed",
    Phase.STOPPED: "Stopped",
}


def status_text(status: Status | None, began_from: str = "") -> str:
    """The status line: "Training · outer step 20 000 of 70 000 · 26 s left · …".

    `began_from` is the name of the exported initialization that the run began from, if any.
    """
    if status is None:
        return "Loading the training engine…"
    goal = status.settings.outer.outer_steps
    parts = [
        WORDS[status.phase],
        f"outer step {whole(status.outer_step)} of {whole(goal)}",
    ]
    if began_from:
        parts.append(f"from {began_from}")
    if status.phase is Phase.RUNNING and status.steps_per_second > 0:
        if goal > status.outer_step:
            parts.append(f"{duration((goal - status.outer_step) / status.steps_per_second)} left")
        parts.append(f"{number(status.steps_per_second)} steps/s")
    if status.device:
        parts.append(status.device.replace("cpu", "CPU").replace("cuda", "CUDA"))
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """A time in words: "26 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{whole(hours)} h {minutes} min" if hours < 48 else f"{whole(hours / 24)} days"
