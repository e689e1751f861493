"""The line at the foot of the window: what runs, how far, how fast."""

from __future__ import annotations

from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.reports import Phase, Status

LEFT = "Opening another run… The panels do not show it yet"
WORDS = {
    Phase.LOADING: "Loading",
    Phase.PAUSED: "Paused",
    Phase.RUNNING: "Training",
    Phase.STEPPING: "Stepping",
    Phase.FINISHED: "Finished",
    Phase.FAILED: "Failed",
    Phase.STOPPED: "Stopped",
}


def step_words(outer_step: int, planned: int) -> str:
    """Words on how far a run is; a run may go on after the steps that were planned."""
    if outer_step > planned:
        return f"outer step {whole(outer_step)} ({whole(planned)} planned)"
    return f"outer step {whole(outer_step)} of {whole(planned)}"


def progress_text(status: Status) -> str:
    """Beginning of the status line: what it does and how far it is."""
    goal = status.settings.outer.outer_steps
    return f"{WORDS[status.phase]} · {step_words(status.outer_step, goal)}"


def status_text(status: Status | None, began_from: str = "", left: str = "") -> str:
    """The status line: "Training · outer step 20 000 of 70 000 · 26 s left · …".

    `began_from` is the name of the exported initialization that the run began from, if any;
    `left` the time that is left in words, as " · 26 s left", if known.
    """
    if status is None:
        return "Loading the training engine…"
    parts = [progress_text(status)]
    if began_from:
        parts.append(f"from {began_from}")
    if status.phase is Phase.RUNNING and status.steps_per_second > 0:
        if left:
            parts.append(left.removeprefix(" · "))
        parts.append(f"{number(status.steps_per_second)} steps/s")
    if status.device:
        # what stands in brackets is for those who ask: the tooltip says it
        device = status.device.partition(" (")[0]
        parts.append(device.replace("cpu", "CPU").replace("cuda", "CUDA"))
    return " · ".join(parts)
