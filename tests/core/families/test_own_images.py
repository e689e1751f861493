"""Own images: checks when they are opened, seeds, splits, groups, and what names them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maml_explorer.core.families.glyphs.sampler import ImageSource, training_sampler
from maml_explorer.core.families.own.data import (
    SIDE,
    OwnImages,
    area_weights,
    opened_images,
    scaled,
)
from maml_explorer.core.families.own.pool import own_pool
from maml_explorer.core.families.table import family_of
from maml_explorer.core.plan import prepare
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_data import data_key, fitting_name
from maml_explorer.settings.settings import Settings
from tests.own_images import opened, own_images

ABSENT = "animals:7:7:12:0123456789abcdef"


def settings(data: object, **more: object) -> Settings:
    base = {
        "family": "folder", "data": data, "ways": 3, "shots": 2, "query_points": 3, "side": 14,
        "hidden": (8,), "meta_batch": 2, "device": "cpu",
    }  # fmt: skip
    return Settings().with_values(base | more)


def test_a_key_says_the_smallest_sizes_and_is_read_again() -> None:
    images = own_images(12, 6, groups=2, more=3)
    assert images.key.classes == 4 and images.key.images == 6 and images.key.of_group == 2
    assert data_key(images.key.text) == images.key
    assert images.summary == (
        "12 classes (4 for training, 4 for validation, 4 for test) of 6 to 9 images"
    )


@pytest.mark.parametrize("text", ["", "a:1:1:1:0", "a:b:1:1:0123456789abcdef", "x" * 90])
def test_what_is_no_key_is_none(text: str) -> None:
    assert data_key(text) is None


def test_a_name_holds_what_a_key_can() -> None:
    assert fitting_name("a: b\nc") == "a b c"
    assert fitting_name("::") == "images"
    assert len(fitting_name("x" * 300)) == 40


def test_the_fingerprint_is_of_images_names_and_splits() -> None:
    base = own_images()
    assert own_images().key == base.key
    assert own_images(name="other").key.fingerprint == base.key.fingerprint
    pixels = base.pixels.copy()
    pixels[0, 14, 14] ^= 1
    parts = (base.counts, base.split, base.group, base.names, base.groups)
    for other in (
        OwnImages(base.name, pixels, *parts),
        OwnImages(base.name, base.pixels, base.counts, base.split[::-1], *parts[2:]),
        OwnImages(base.name, base.pixels, *parts[:3], ("z", *base.names[1:]), base.groups),
    ):
        assert other.key.fingerprint != base.key.fingerprint


def test_too_little_is_refused_with_class_count_and_need() -> None:
    base = own_images()
    with pytest.raises(
        SettingsError, match=r"“letters” has \d+ classes, 1 of them for test: at least 2 are"
    ):
        OwnImages(
            "letters", base.pixels, base.counts,
            np.array([0] * 9 + [1, 1, 2]), base.group, base.names, base.groups,
        )  # fmt: skip
    counts = base.counts.copy()
    counts[3] = 1
    with pytest.raises(SettingsError, match="class “class03” of “letters” has 1 image that can"):
        OwnImages("letters", base.pixels, counts, base.split, base.group, base.names, base.groups)


def test_absent_data_is_named() -> None:
    there = settings(ABSENT, ways=2)  # settings can be read anywhere
    with pytest.raises(SettingsError, match=r"needs the images “animals” \(fingerprint 0123456789"):
        prepare(there)
    key = data_key(opened())
    assert key is not None
    wrong = opened().replace(f":{key.images}:", f":{key.images + 5}:")
    with pytest.raises(SettingsError, match="sizes that are said of the images"):
        opened_images(wrong)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": ""}, "Own images need a folder with one sub-folder for each class"),
        ({"data": "nonsense"}, "cannot be “nonsense”: allowed is a folder"),
        ({"ways": 5}, "Tasks of 5 classes are more than “letters” has: its smallest split has 4"),
        ({"ways": 3, "classes_from": "one-script"}, "its smallest group has 2 classes"),
        ({"shots": 4}, "4 shots and 3 query images are 7 images of a class, and the smallest"),
    ],
)
def test_what_the_data_cannot_make_up_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings(**{"data": opened(groups=2), **changes})


def test_rotations_make_four_classes_of_one() -> None:
    assert settings(opened(), ways=16, rotations=True).images.ways == 16


def test_no_class_of_a_split_comes_up_in_another() -> None:
    data = opened(more=3)
    names = [set(own_pool(data, split, 14).names) for split in ("training", "validation", "test")]
    assert not names[0] & names[1] and not names[0] & names[2] and not names[1] & names[2]
    assert set.union(*names) == set(opened_images(data).names)


def test_every_image_of_a_large_class_comes_up_and_none_twice_in_a_task() -> None:
    data = opened(more=3)
    run = settings(data)
    source = ImageSource(run, "training", torch.float32)
    drawn = source.decide(torch.Generator().manual_seed(0), 400)
    assert drawn.hands.shape == (400, 3, 6)
    counts = source.drawings.counts
    for nth, count in enumerate(counts.tolist()):
        hands = drawn.hands[drawn.classes == nth]
        assert set(hands.flatten().tolist()) == set(range(count))
    assert (drawn.hands.sort(2).values.diff(dim=2) > 0).all()


def test_tasks_are_of_the_images_of_their_classes() -> None:
    data = opened(more=3)
    run = settings(data, side=SIDE)
    batch = training_sampler(run, torch.float64, torch.device("cpu")).draw(
        torch.Generator().manual_seed(1)
    )
    images = opened_images(data)
    ends = np.cumsum(images.counts)
    mine = np.flatnonzero(images.split == 0)
    pixels = (batch.inputs[..., :-1] * 255).round().to(torch.uint8).view(2, -1, SIDE, SIDE)
    for task, classes in enumerate(batch.tasks.tolist()):
        for point, image in enumerate(pixels[task].numpy()):
            letter = mine[classes[point % 3]]
            there = images.pixels[ends[letter] - images.counts[letter] : ends[letter]]
            assert (there == image).all((1, 2)).any()


def test_the_same_seed_draws_the_same_tasks() -> None:
    run = settings(opened())
    family = family_of(run)
    one, two = (family.held_out(run, 5, 2, "meta-test", torch.float32).batch() for _ in range(2))
    assert torch.equal(one.inputs, two.inputs)
    other = family.held_out(run.with_values({"seed": 1}), 5, 2, "meta-test", torch.float32).batch()
    assert not torch.equal(one.tasks, other.tasks)


def test_shots_leave_an_image_to_ask_for() -> None:
    run = settings(opened())
    with pytest.raises(SettingsError, match="smallest class has 6 images, so allowed"):
        family_of(run).held_out(run, 2, 6, "meta-test", torch.float32)


@pytest.mark.parametrize("side", [8, 14, 20, 28])
def test_scaling_keeps_the_ink(side: int) -> None:
    weights = area_weights(SIDE, side)
    assert np.allclose(weights.sum(1), 1) and np.allclose(weights.sum(0), side / SIDE)
    pixels = own_images().pixels[:3]
    found = scaled(pixels, side)
    assert found.shape == (3, side, side)
    assert np.allclose(found.mean((1, 2)), pixels.mean((1, 2)), atol=0.5)
