"""The task families that code is written for. Torch-free."""

from __future__ import annotations

from maml_explorer.codegen.curves import CURVES
from maml_explorer.codegen.data import DataCode
from maml_explorer.codegen.images import IMAGES
from maml_explorer.codegen.incremental import INCREMENTAL_CODE
from maml_explorer.codegen.other_curves import OTHER_CURVES
from maml_explorer.codegen.own_images import OWN_IMAGES
from maml_explorer.codegen.own_tasks import OWN_TASKS
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.settings import Settings

DATA_CODE: dict[str, DataCode] = {
    **{key: OTHER_CURVES for key, family in FAMILIES.items() if family.curve},
    "sine": CURVES,
    "incremental": INCREMENTAL_CODE,
    "glyphs": IMAGES,
    "folder": OWN_IMAGES,
    "own": OWN_TASKS,
}
"""Key of a family → its data and loss as code."""


def data_code(settings: Settings) -> DataCode:
    """Data and loss of the family of these settings, as code."""
    return DATA_CODE[settings.family.key]
