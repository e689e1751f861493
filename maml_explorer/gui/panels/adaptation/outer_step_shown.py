"""End of an outer step that is shown piece by piece: when it leaves the screen."""

from __future__ import annotations

from maml_explorer.protocol.reports import Phase, Status, Stepped


def over(stepped: Stepped, status: Status) -> bool:
    """True where the outer step in progress is over: abandoned, or overtaken by full speed.

    In slow motion the worker says both that it runs and which piece it has just done.
    """
    if status.phase is Phase.STEPPING:
        return False
    return status.phase is not Phase.RUNNING or status.outer_step > stepped.outer_step
