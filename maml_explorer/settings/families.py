"""The table of task families as plain data: what settings, tables and the window know of them.

Torch-free. How tasks of a family are drawn is in :mod:`maml_explorer.core.families`, under the same
keys.
"""

from __future__ import annotations

from dataclasses import replace

from maml_explorer.settings.curves.formula import FORMULA_FAMILY
from maml_explorer.settings.curves.mixture import MIXTURE_FAMILY, PARTS
from maml_explorer.settings.curves.sine import SINE_FAMILY as SINE_FAMILY
from maml_explorer.settings.family import Family as Family
from maml_explorer.settings.family import FamilySizes as FamilySizes
from maml_explorer.settings.family import ImageSizes as ImageSizes

GLYPHS_FAMILY = Family(
    key="glyphs",
    label="Glyphs",
    summary="N-way K-shot classification of letters, drawn from thinned strokes by synthetic "
    "hands; test scripts are never trained on.",
    source="letters of the Noto fonts; the setting of Lake et al. 2015 and Vinyals et al. 2016",
    loss="cross-entropy",
    figure="accuracy",
    higher_is_better=True,
    ends=lambda sizes: (sizes.images.side**2, sizes.images.ways),
    classes=lambda sizes: sizes.images.ways,
    images=True,
)
FOLDER_FAMILY = replace(
    GLYPHS_FAMILY,
    key="folder",
    label="Own images",
    summary="N-way K-shot classification of the user's own images, of a folder with one sub-folder "
    "for each class; test classes are never trained on.",
    source="the user; Omniglot as published by Lake et al. 2015 is read as it is",
    own_data=True,
)
OWN_FAMILY = Family(
    key="own",
    label="Own tasks",
    summary="Regression on the user's own tasks, an object of Python that samples them.",
    source="the user",
    own_tasks=True,
)
INCREMENTAL_FAMILY = Family(
    key="incremental",
    label="Sine streams",
    summary="A stream of sine functions, learned one after another and all asked for at the end; "
    "inputs are x and the one-hot number of the function.",
    source="Javed, White 2019, section 4.1",
    ends=lambda sizes: (1 + sizes.tasks.functions, 1),
    classes=lambda sizes: sizes.tasks.functions,
    stream=True,
    reads=("amplitude", "phase", "frequency", "functions", "batches"),
)
USUAL_FIGURE = SINE_FAMILY.figure
"""The figure of a record that does not say: there was no other once."""
FAMILIES: dict[str, Family] = {
    family.key: family
    for family in (
        *PARTS.values(),
        MIXTURE_FAMILY,
        FORMULA_FAMILY,
        INCREMENTAL_FAMILY,
        GLYPHS_FAMILY,
        FOLDER_FAMILY,
        OWN_FAMILY,
    )
}
"""Key → record, in the order of menus."""
