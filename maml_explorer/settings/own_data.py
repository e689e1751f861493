"""Name of the user's own images, as settings hold it: which data a run was trained on. Torch-free.

Settings say everything that determines a run, so they name the data by a fingerprint, and say how
much of it there is: then what does not fit is refused even where the data is absent.
"""

from __future__ import annotations

import re

from maml_explorer.late_dataclass import dataclass

MOST_NAME = 40
"""Most characters of a name."""
_TEXT = re.compile(
    r"(?P<name>[^:]{1,40}):(?P<classes>[0-9]{1,6}):(?P<of_group>[0-9]{1,6}):"
    r"(?P<images>[0-9]{1,6}):(?P<fingerprint>[0-9a-f]{16})"
)


@dataclass(frozen=True)
class DataKey:
    """The name, sizes and fingerprint of some data."""

    name: str
    """Of its folder: 1 to 40 printable characters without a colon."""
    classes: int
    """Of the smallest split."""
    of_group: int
    """Classes of the smallest group (alphabet, script) that is drawn from on its own."""
    images: int
    """Of the smallest class."""
    fingerprint: str
    """16 hexadecimal digits of the SHA-256 of its images, names and splits."""

    @property
    def text(self) -> str:
        """The key as one text: "animals:7:7:12:0123456789abcdef"."""
        sizes = (self.classes, self.of_group, self.images)
        return ":".join([self.name, *map(str, sizes), self.fingerprint])

    @property
    def words(self) -> str:
        """The data in words, as a sentence that asks for it names it."""
        return f"“{self.name}” (fingerprint {self.fingerprint})"


def data_key(text: str) -> DataKey | None:
    """The key that a text holds; None if it is none."""
    found = _TEXT.fullmatch(text)
    if found is None or not found["name"].isprintable() or not found["name"].strip():
        return None
    classes, of_group, images = (int(found[part]) for part in ("classes", "of_group", "images"))
    return DataKey(found["name"], classes, of_group, images, found["fingerprint"])


def fitting_name(text: str) -> str:
    """A name of a folder as a key may hold it."""
    kept = "".join(one if one.isprintable() and one != ":" else " " for one in text)
    return " ".join(kept.split())[:MOST_NAME].strip() or "images"
