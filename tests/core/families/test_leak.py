"""Images that training draws: none of them is of a class of the meta-test or of validation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from maml_explorer.core.families.glyphs import sampler
from maml_explorer.core.families.table import family_of
from maml_explorer.settings.settings import Settings
from tests.own_images import opened

FAMILIES: dict[str, dict[str, Any]] = {
    "glyphs": {"ways": 20, "jitter": 1.0},
    "folder": {"ways": 4, "data": opened(more=3)},
}


def seen(family: str, split: str) -> set[bytes]:
    """Every image that many tasks of a split are made of; the blank one is none of a class."""
    settings = Settings().with_values(
        {"family": family, "shots": 1, "query_points": 3, "side": 14, "meta_batch": 60,
         **FAMILIES[family]}
    )  # fmt: skip
    family_here = family_of(settings)
    if split == "training":
        drawn = family_here.sampler(settings, torch.float32, torch.device("cpu"))
        batch = drawn.draw(torch.Generator().manual_seed(0))
    else:
        stream = "meta-test" if split == "test" else "validation"
        batch = family_here.held_out(settings, 60, 1, stream, torch.float32).batch()
    images = batch.inputs.flatten(0, 1)
    return {one.numpy().tobytes() for one in images if float(one[:-1].max()) > 0}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_no_image_of_training_is_of_a_class_of_another_split(family: str, split: str) -> None:
    trained, other = seen(family, "training"), seen(family, split)
    assert min(len(trained), len(other)) >= 24
    assert not trained & other


@pytest.mark.parametrize("family", FAMILIES)
def test_a_leak_would_be_seen(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a planted leak the test above is red: training draws from the test classes, too."""
    usual = sampler._DRAWINGS[family]
    leaking = {"training": "test", "validation": "validation", "test": "test"}
    monkeypatch.setitem(
        sampler._DRAWINGS, family, lambda images, split: usual(images, leaking[split])
    )
    assert seen(family, "training") & seen(family, "test")
