"""Folders of images: layouts, splits, what is refused or left out, and Qt's decoding."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from maml_explorer.files.reader import StorageError
from maml_explorer.gui.files.image_decoder import grey_values, read_own_images
from maml_explorer.storage.own_images import layout, reading
from maml_explorer.storage.own_images.file import read_images, write_images
from maml_explorer.storage.own_images.layout import holds_images, laid_out
from maml_explorer.storage.own_images.reading import GivenUpError, fitted, read_folder
from tests.own_images import letters, own_images, write_classes


def touched(path: Path, *names: str) -> None:
    """Empty files at these places."""
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()


def of_split(path: Path) -> list[list[str]]:
    found = laid_out(path).classes
    return [[one.name for one in found if one.split == split] for split in range(3)]


def test_a_folder_of_classes_is_read_as_drawn(tmp_path: Path) -> None:
    write_classes(tmp_path / "own", 12, 4)
    opened = read_own_images(tmp_path / "own")
    images = opened.images
    assert opened.notes == () and images.key.name == "own"
    assert (images.pixels.reshape(12, 4, 28, 28) == letters(12, 4)).all()  # ink is bright
    assert np.bincount(images.split).tolist() == [8, 2, 2]
    assert read_own_images(tmp_path / "own").images.key == images.key


@pytest.mark.parametrize("ending", ["png", "bmp", "ppm", "jpg", "webp"])
def test_formats_and_sizes_show_one_image(tmp_path: Path, ending: str) -> None:
    write_classes(tmp_path, 1, 1, side=84, ending=ending)
    (file,) = tmp_path.glob("*/*")
    grey = grey_values(file.read_bytes())
    assert not isinstance(grey, str) and grey.shape == (84, 84)
    apart = 255 - fitted(grey, 255).astype(int) - letters(1, 1)[0, 0]
    assert abs(apart).mean() < 3


def test_what_is_clear_is_white(tmp_path: Path) -> None:
    from PySide6.QtGui import QColor, QImage

    image = QImage(4, 2, QImage.Format.Format_ARGB32)
    image.fill(QColor(0, 0, 0, 0))
    image.setPixelColor(1, 0, QColor(0, 0, 0))
    image.setPixelColor(2, 0, QColor(255, 0, 0))
    assert image.save(str(tmp_path / "a.png"))
    grey = grey_values((tmp_path / "a.png").read_bytes())
    assert not isinstance(grey, str)
    assert grey[0].tolist() == [255, 0, 88, 255] and grey[1].tolist() == [255] * 4


def test_an_oblong_lies_in_the_middle_of_a_square() -> None:
    grey = np.full((28, 14), 10, np.uint8)
    found = fitted(grey, 200)
    assert (found[:, 7:21] == 10).all() and (found[:, :7] == 200).all()


def test_classes_are_split_by_their_names(tmp_path: Path) -> None:
    touched(tmp_path, *(f"c{nth:02d}/a.png" for nth in range(20)))
    training, validation, test = of_split(tmp_path)
    assert (len(training), len(validation), len(test)) == (12, 4, 4)
    touched(tmp_path, "more/a.png")
    assert len({*training, *validation, *test}) == 20
    again = of_split(tmp_path)
    assert [len(part) for part in again] == [13, 4, 4]


def test_splits_as_laid_out(tmp_path: Path) -> None:
    touched(tmp_path, "train/a/1.png", "train/b/1.png", "val/c/1.PNG", "test/d/1.jpg", "x/e/1.png")
    assert of_split(tmp_path) == [["a", "b"], ["c"], ["d"]]


def test_a_missing_split_is_cut_off_training(tmp_path: Path) -> None:
    touched(tmp_path, *(f"train/c{nth}/1.png" for nth in range(10)), "test/d/1.png")
    training, validation, test = of_split(tmp_path)
    assert len(training) == 8 and len(validation) == 2 and test == ["d"]


def test_omniglot_as_published(tmp_path: Path) -> None:
    for a, c in itertools.product(range(10), range(3)):
        touched(tmp_path / "images_background" / f"Alphabet{a}" / f"character0{c}", "1.png")
    for c in range(2):
        touched(tmp_path / "images_evaluation" / "Other" / f"character0{c}", "1.png")
    found = laid_out(tmp_path).classes
    groups = [{one.group for one in found if one.split == split} for split in range(3)]
    assert len(groups[0]) == 8 and len(groups[1]) == 2 and groups[2] == {"Other"}
    assert not groups[0] & groups[1]
    assert found[0].name.startswith("Alphabet0/character0")


def test_a_class_in_two_splits_is_refused(tmp_path: Path) -> None:
    touched(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/1.png")
    with pytest.raises(StorageError, match="'a' is in two splits"):
        laid_out(tmp_path)


def test_a_test_split_alone_is_refused(tmp_path: Path) -> None:
    touched(tmp_path, "test/a/1.png", "val/b/1.png")
    with pytest.raises(StorageError, match="none for training"):
        laid_out(tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    touched(tmp_path, "notes/a.txt", "b.png")
    assert not holds_images(tmp_path)
    with pytest.raises(StorageError, match="no sub-folder with images: needed is one sub-folder"):
        read_own_images(tmp_path)


def test_too_few_classes_or_images_are_refused(tmp_path: Path) -> None:
    write_classes(tmp_path / "few", 4, 3)
    with pytest.raises(
        StorageError, match=r"“few” has \d+ class(?:es)?, none of them for training: at least 2"
    ):
        read_own_images(tmp_path / "few")
    write_classes(tmp_path / "one", 8, 3)
    for name in ("01.png", "02.png"):
        (tmp_path / "one" / "class03" / name).unlink()
    with pytest.raises(StorageError, match="class “class03” of “one” has 1 image that can be read"):
        read_own_images(tmp_path / "one")


def test_broken_and_huge_files_are_counted_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_classes(tmp_path, 8, 4)
    (tmp_path / "class00" / "00.png").write_bytes(b"no image")
    whole = (tmp_path / "class01" / "01.png").read_bytes()
    (tmp_path / "class01" / "01.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "class02" / "02.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    with (tmp_path / "class03" / "03.png").open("wb") as file:
        file.truncate(reading.MOST_BYTES + 1)
    opened = read_own_images(tmp_path)
    assert opened.images.counts.tolist() == [3, 3, 3, 3, 4, 4, 4, 4]
    assert opened.notes == (
        "4 files were left out: 'class00/00.png' (it cannot be read as an image), "
        "'class01/01.png' (it is damaged or not an image), 'class02/02.png' (it cannot be read as "
        "an image) and 1 more.",
    )
    (tmp_path / "class00" / "00.png").unlink()
    (tmp_path / "class01" / "01.png").unlink()
    (tmp_path / "class02" / "02.png").unlink()
    assert read_own_images(tmp_path).notes == (
        "1 file was left out: 'class03/03.png' (has 20971521 bytes: allowed are at most 20971520).",
    )
    (tmp_path / "class03" / "03.png").unlink()
    monkeypatch.setattr("maml_explorer.gui.files.image_decoder.MOST_SIDE", 20)
    with pytest.raises(StorageError, match="it is 28 × 28 pixels, and allowed are at most 20"):
        read_own_images(tmp_path)


def test_mixed_sizes_are_said(tmp_path: Path) -> None:
    write_classes(tmp_path, 8, 3)
    write_classes(tmp_path / "more", 1, 3, side=40, first=8)
    notes = read_own_images(tmp_path).notes
    assert notes == (
        "3 images are not 28 × 28 pixels as most are: all are fitted into a square of 28 × 28.",
    )


def test_nothing_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_classes(outside, 1, 3)
    own = tmp_path / "own"
    write_classes(own, 8, 3)
    (own / "linked").symlink_to(outside / "class00", target_is_directory=True)
    (own / "class00" / "zz.png").symlink_to(outside / "class00" / "00.png")
    os.mkfifo(own / "class01" / "pipe.png")
    os.link(outside / "class00" / "00.png", own / "class02" / "second.png")
    opened = read_own_images(own)
    assert opened.images.counts.tolist() == [3] * 8
    said = " ".join(opened.notes)
    assert "'class02/second.png' (it is a hard link, a file with a second name" in said
    assert "not followed: 'linked', 'class00/zz.png', 'class01/pipe.png'." in said


def test_a_folder_that_is_named_may_be_a_link(tmp_path: Path) -> None:
    write_classes(tmp_path / "own", 8, 3)
    (tmp_path / "link").symlink_to(tmp_path / "own", target_is_directory=True)
    assert read_own_images(tmp_path / "link").images.key.images == 3


def test_too_many_images_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(tmp_path, *(f"a/{nth}.png" for nth in range(6)))
    monkeypatch.setattr(layout, "MOST_IMAGES", 5)
    with pytest.raises(StorageError, match="more than 5 images"):
        laid_out(tmp_path)


def test_reading_can_be_given_up(tmp_path: Path) -> None:
    touched(tmp_path, *(f"{c}/{nth}.png" for c in "abcdef" for nth in range(50)))
    asked = []

    def progress(done: int, total: int) -> bool:
        asked.append((done, total))
        return done < 200

    with pytest.raises(GivenUpError):
        read_folder(tmp_path, lambda _: np.zeros((4, 4), np.uint8), progress)
    assert asked == [(100, 300), (200, 300)]


def test_the_file_holds_what_the_folder_held(tmp_path: Path) -> None:
    images = own_images(groups=2, more=2)
    write_images(tmp_path / "images.npz", images)
    found = read_images(tmp_path / "images.npz")
    assert found.key == images.key and found.groups == images.groups
    assert (found.pixels == images.pixels).all()


@pytest.mark.parametrize("damage", ["cut", "text", "other"])
def test_a_damaged_file_of_images_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "images.npz"
    write_images(path, own_images())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("images")
    else:
        np.savez_compressed(path, pixels=np.zeros(3))
    with pytest.raises(StorageError, match="no file of images as this program writes it"):
        read_images(path)
