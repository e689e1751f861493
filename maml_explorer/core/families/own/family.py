"""The family of the user's own images."""

from __future__ import annotations

from maml_explorer.core.families.glyphs.family import image_family
from maml_explorer.settings.families import FOLDER_FAMILY

FOLDER = image_family(FOLDER_FAMILY)
