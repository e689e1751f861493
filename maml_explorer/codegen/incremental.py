"""Streams of functions in generated code: they are refused. Torch-free."""

from __future__ import annotations

import dataclasses
from typing import NoReturn

from maml_explorer.codegen.curves import CURVES
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings


def _refuse(own: Settings) -> NoReturn:
    raise SettingsError(
        f"A script cannot include {own.family.label.lower()} yet: write it for sines, and let "
        "inner step k of its adapt see batch k of the support set alone."
    )


INCREMENTAL_CODE = dataclasses.replace(
    CURVES, title="regression of a stream", constants=_refuse, sample=_refuse
)
