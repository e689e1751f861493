"""The table of task families. A new one is a file or folder beside this and a line here."""

from __future__ import annotations

from maml_explorer.core.families.curve_family import curve_family
from maml_explorer.core.families.glyphs.family import GLYPHS
from maml_explorer.core.families.incremental import INCREMENTAL
from maml_explorer.core.families.own.family import FOLDER
from maml_explorer.core.families.own_tasks.family import OWN
from maml_explorer.core.families.record import TaskFamily
from maml_explorer.core.families.sine_family import SINE
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.settings import Settings

_CURVES = [
    curve_family(about)
    for about in FAMILIES.values()
    if about.curve and about.key != SINE.about.key
]
TASK_FAMILIES: dict[str, TaskFamily] = {
    family.about.key: family for family in (SINE, *_CURVES, INCREMENTAL, GLYPHS, FOLDER, OWN)
}
"""Key → record; the keys are those of :data:`maml_explorer.settings.families.FAMILIES`."""


def family_of(settings: Settings) -> TaskFamily:
    """The family whose tasks these settings ask for."""
    return TASK_FAMILIES[settings.tasks.family]
