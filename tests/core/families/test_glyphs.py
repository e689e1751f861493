"""Glyphs: no class leaks across splits, drawings are fixed, tasks are what settings say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from maml_explorer.core.families.glyphs.brush import drawn, fitted, hands, picture
from maml_explorer.core.families.glyphs.family import GLYPHS, nearest_neighbour
from maml_explorer.core.families.glyphs.letters import SPLITS, letters
from maml_explorer.core.families.glyphs.pool import Pool
from maml_explorer.core.families.glyphs.sampler import ImageSource, training_sampler
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.images import HANDS, LETTERS_OF_SCRIPT
from maml_explorer.settings.settings import Settings


def settings(**more: object) -> Settings:
    base = {"family": "glyphs", "ways": 5, "shots": 2, "query_points": 3, "side": 14}
    return Settings().with_values(base | more)


def looks(split: str) -> np.ndarray:
    """Every letter of a split as a unit vector [letter, pixel], drawn by a steady hand."""
    found = letters(split)
    count = len(found.codes)
    moves, turns = hands(np.random.default_rng(0), count)
    flat = drawn(found.lines, np.arange(count), moves, turns, 16, 0.0).reshape(count, -1) / 255
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def test_no_script_and_no_letter_is_in_two_splits() -> None:
    scripts = [set(letters(split).scripts) for split in SPLITS]
    codes = [set(letters(split).codes.tolist()) for split in SPLITS]
    for one, two in itertools.combinations(range(3), 2):
        assert not scripts[one] & scripts[two]
        assert not codes[one] & codes[two]
    assert sum(map(len, codes)) > 3000 and sum(map(len, scripts)) > 100
    assert {"LATIN", "GREEK", "HEBREW"} <= scripts[SPLITS.index("test")]


def test_no_letter_looks_like_one_of_another_split() -> None:
    """The thresholds of tools/glyphs.py, with room for points rounded in the file."""
    found = {split: looks(split) for split in SPLITS}
    for one, two in itertools.combinations(SPLITS, 2):
        images = found[one].reshape(-1, 16, 16)
        for quarter in range(4):
            for mirrored in (images, images[:, :, ::-1]):
                turned = np.rot90(mirrored, quarter, (1, 2)).reshape(len(images), -1)
                straight = quarter == 0 and mirrored is images
                most = float((turned @ found[two].T).max())
                assert most < (0.84 if straight else 0.88), (one, two, quarter)


def test_every_script_has_as_many_letters_as_settings_count_on() -> None:
    for split in SPLITS:
        counts = np.bincount(letters(split).script, minlength=len(letters(split).scripts))
        assert counts.min() >= LETTERS_OF_SCRIPT


def test_training_draws_training_letters_and_tests_draw_others() -> None:
    sampler = training_sampler(settings(), torch.float32, torch.device("cpu"))
    assert sampler.source.drawings.letters is letters("training")
    for name, split in (("meta-test", "test"), ("validation", "validation"), ("x", "validation")):
        held = GLYPHS.held_out(settings(), 4, 2, name, torch.float32)
        assert held.source.drawings.letters is letters(split)  # type: ignore[attr-defined]


def test_a_drawing_does_not_depend_on_what_was_drawn_before() -> None:
    one, two = Pool("validation", 14, 1.0), Pool("validation", 14, 1.0)
    which, hand = torch.tensor([7, 3]), torch.tensor([0, 19])
    one.images(torch.tensor([100, 3]), torch.tensor([5, 5]))
    assert torch.equal(one.images(which, hand), two.images(which, hand))
    assert not torch.equal(one.images(which, hand), one.images(which, hand - hand + 4))
    still = Pool("validation", 14, 0.0)
    assert torch.equal(still.images(which, hand), still.images(which, hand - hand))


def test_classes_of_a_task_are_distinct_and_labelled_one_hot() -> None:
    sampler = training_sampler(settings(meta_batch=20), torch.float64, torch.device("cpu"))
    batch = sampler.draw(torch.Generator().manual_seed(0))
    assert all(len(set(row)) == 5 for row in batch.tasks.tolist())
    labels = batch.y.argmax(2)
    assert labels[0].tolist() == [0, 1, 2, 3, 4] * 5
    assert torch.equal(batch.y.sum(2), torch.ones(20, 25, dtype=torch.float64))
    assert float(batch.inputs.min()) >= 0 and float(batch.inputs.max()) == 1
    # no image is in both the support and the query set
    for task in batch.points.x:
        assert len(torch.unique(task, dim=0)) == 25


def test_shuffled_labels_change_and_fixed_ones_stay() -> None:
    for labels, fixed in (("shuffled", False), ("fixed", True)):
        source = ImageSource(settings(labels=labels), "training", torch.float32)
        drawn_classes = source.decide(torch.Generator().manual_seed(1), 2000).classes
        label = torch.arange(5).expand_as(drawn_classes)
        assert bool((drawn_classes % 5 == label).all()) is fixed
        assert len(torch.unique(drawn_classes)) > 1500


def test_one_script_and_rotations() -> None:
    source = ImageSource(settings(classes_from="one-script"), "test", torch.float32)
    classes = source.decide(torch.Generator().manual_seed(0), 300).classes
    script = torch.from_numpy(letters("test").script)[classes]
    assert bool((script == script[:, :1]).all()) and len(torch.unique(script[:, 0])) > 20
    turned = ImageSource(settings(rotations=True), "test", torch.float32)
    hand = torch.zeros(1, 4, 1, dtype=torch.long)
    images = turned.inputs(torch.tensor([[40, 41, 42, 43]]), hand)[0, :, :-1].view(4, 14, 14)
    for quarter in range(4):
        assert torch.equal(images[quarter], torch.rot90(images[0], quarter))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"shots": 15, "query_points": 10}, "25 drawings"),
        ({"classes_from": "one-script", "ways": 13}, "at most 12"),
    ],
)
def test_what_the_letters_cannot_make_up_is_refused(more: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings(**more)
    assert Settings().with_values({"shots": 15, "query_points": 10}).inner.shots == 15
    with pytest.raises(SettingsError, match=f"at most {HANDS - 1} shots"):
        GLYPHS.held_out(settings(), 2, HANDS, "meta-test", torch.float32)


def test_more_jitter_is_harder_for_pixels() -> None:
    accuracy = [
        float(nearest_neighbour(settings(jitter=jitter, shots=1), "validation", 100).mean())
        for jitter in (0.0, 1.0, 1.4)
    ]
    assert accuracy[0] == 1
    assert 1 > accuracy[1] > accuracy[2] + 0.05 > 0.25
    chance, near = GLYPHS.references(settings())
    assert (chance.loss, chance.figure) == (np.log(5), 0.2)
    assert near.figure is not None and near.figure > 0.3


def test_strokes_of_a_mouse_become_an_image() -> None:
    stroke = np.array([[10.0, 10.0], [90.0, 90.0]], np.float32)
    image = picture(fitted([stroke]), 20)
    assert image.shape == (20, 20) and image.dtype == np.uint8
    assert image.diagonal()[4:16].min() > 200
    assert image[0, -1] == image[-1, 0] == 0
    dot = picture([np.array([[0.5, 0.5]], np.float32)], 20)
    assert dot[9:11, 9:11].min() > 80 and dot[0].max() == 0
