"""Other tasks in the place of own images or own tasks that are absent, so that all else opens."""

from __future__ import annotations

from maml_explorer.core.families.own.data import is_open
from maml_explorer.core.families.own_tasks.opened import tasks_are_open
from maml_explorer.settings.images import HANDS
from maml_explorer.settings.settings import Settings


def with_present_data(settings: Settings) -> tuple[Settings, str]:
    """The settings, with drawn letters or sines where they need what is not open.

    Returns:
        the settings, and a sentence that names the data or tasks; empty where nothing is missing.
    """
    own = settings.tasks.own_key
    if settings.family.own_tasks and own and not tasks_are_open(settings.tasks.own_tasks):
        return settings.with_values({"family": "sine"}), (
            f"The tasks {own.words} are needed, but not registered here. Everything else "
            "was opened, with sines in their place. Start the window with --own-tasks "
            f"{own.name} or from the program that has them, then open it again."
        )
    key = settings.images.key
    if not settings.family.own_data or key is None or is_open(settings.images.data):
        return settings, ""
    inner = settings.inner
    shots = min(inner.shots, HANDS - 1)
    instead = settings.with_values(
        {
            "family": "glyphs",
            "classes_from": "all",
            "shots": shots,
            "query_points": min(inner.query_points, HANDS - shots),
        }
    )
    return instead, (
        f"This needs the images {key.words}, which are not open here. Everything else was opened, "
        "with drawn letters in their place. Drop their folder onto the window, then open it again."
    )
