"""Opening of the user's own images: read beside the window, checked, and taken up as settings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from maml_explorer.files.reader import StorageError
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.banner import ABSENT, OWN_IMAGES, Banners, Choice
from maml_explorer.settings.own_data import DataKey, fitting_name
from maml_explorer.settings.presets import load_preset
from maml_explorer.settings.settings import Settings

if TYPE_CHECKING:
    from maml_explorer.storage.own_images.reading import Opened

PRESET = "glyphs-2-way-4-shot"
"""Settings to begin with where those of the run are of no images."""
_LOOK = 100
"""Milliseconds between two looks at the thread that reads."""


class OwnImagesOpening(QObject):
    """Reads a folder of images in a thread of its own, and has the run take them up."""

    def __init__(self, session: Session, banners: Banners) -> None:
        super().__init__(session)
        self._session, self._banners = session, banners
        self._reading: _Reading | None = None
        self._then: Callable[[], object] | None = None
        self.folder = ""
        """Path of the images that were opened last, now or before the program was started."""
        self._read = False
        """True where they were opened since it started."""
        self._look = QTimer(self)
        self._look.setInterval(_LOOK)
        self._look.timeout.connect(self._see)

    @property
    def busy(self) -> bool:
        """True while a folder is read, or its images wait to be taken up."""
        return self._reading is not None

    @property
    def reading(self) -> bool:
        """True while a folder is read."""
        return self._reading is not None and self._reading.thread.is_alive()

    def open(self, path: Path, then: Callable[[], object] | None = None) -> None:
        """Begins to read what is at `path`.

        Args:
            path: a folder of classes.
            then: called once the images are open, instead of taking them up.
        """
        self.give_up()
        self._then = then
        self._reading = _Reading(path)
        self._look.start()
        self._say_progress()

    def remedies(self, key: DataKey | None, then: Callable[[], object]) -> tuple[Choice, ...]:
        """A button where the folder that is remembered has the name of images that are absent.

        Args:
            key: of the absent images.
            then: called once they are open.
        """
        path = Path(self.folder)
        if key is None or self._read or fitting_name(path.name) != key.name or not path.exists():
            return ()
        return ((f"Open {path.name} again", lambda: self.open(path, then)),)

    def say_absent(self, words: str, key: DataKey | None, then: Callable[[], object]) -> None:
        """Says which images are absent, and offers to open them where their folder is remembered.

        Args:
            words: a sentence.
            key: of the absent images.
            then: called once they are open.
        """
        choices = self.remedies(key, then)
        self._banners.say(ABSENT, words, "warning", choices, stays=bool(choices))

    def give_up(self) -> None:
        """Ends a reading that is under way; nothing has changed."""
        if self._reading is not None:
            self._reading.stop.set()
            self._reading = None
            self._look.stop()
            self._banners.drop(OWN_IMAGES)

    def close(self) -> None:
        """Waits until nothing is read any more."""
        reading = self._reading
        self.give_up()
        if reading is not None:
            reading.thread.join(5)

    def _see(self) -> None:
        reading = self._reading
        if reading is None:
            return
        if reading.thread.is_alive():
            self._say_progress()
            return
        if self._session.status is None:
            return  # the worker is not there yet: whether a run would be lost is not known
        self._look.stop()
        self._reading = None
        if reading.found is None:
            said = f"Can't open {reading.path.name}. {reading.refusal}"
            self._banners.say(OWN_IMAGES, said, "warning", stays=False)
            return
        self.folder, self._read = str(reading.path), True
        self._take(reading.found)

    def _say_progress(self) -> None:
        reading = self._reading
        if reading is None:
            return
        done, total = reading.progress
        how_far = f": {whole(done)} of {whole(total)}" if total else ""
        words = f"Reading the images of {reading.path.name}{how_far}…"
        banner = self._banners.of(OWN_IMAGES)
        if banner is None:
            self._banners.say(OWN_IMAGES, words, choices=(("Cancel", self.give_up),), stays=True)
        else:
            banner.text.say(words)

    def _take(self, found: Opened) -> None:
        from maml_explorer.core.families.own.data import open_images

        key = open_images(found.images)
        summary = " ".join([f"“{key.name}”: {found.images.summary}.", *found.notes])
        if self._then is not None:
            self._banners.drop(ABSENT)
            self._banners.say(OWN_IMAGES, summary)
            self._then()
            return
        editor, control = self._session.editor, self._session.control
        settings, changed = on_data(editor.edited, key)
        control.take_over(settings, None, "Open images")
        waits = editor.staged is not None
        self._banners.say(
            OWN_IMAGES,
            " ".join([summary, *changed]),
            "warning" if found.notes else "notice",
            (("Restart with them", control.restart),) if waits else (),
            stays=waits or bool(found.notes),
        )


class _Reading:
    """A folder being read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.progress = (0, 0)
        self.found: Opened | None = None
        self.refusal = ""
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._read, name="own images", daemon=True)
        self.thread.start()

    def _read(self) -> None:
        # here and not above: a start does not wait for it
        from maml_explorer.gui.files.image_decoder import read_own_images
        from maml_explorer.storage.own_images.reading import GivenUpError

        try:
            self.found = read_own_images(self.path, self._note)
        except StorageError as error:
            self.refusal = str(error)
        except OSError as error:
            self.refusal = f"{error.strerror}."
        except GivenUpError:
            self.refusal = "Reading was stopped."
        except MemoryError:
            self.refusal = "Its images do not fit in memory."

    def _note(self, done: int, total: int) -> bool:
        self.progress = (done, total)
        return not self.stop.is_set()


def on_data(settings: Settings, key: DataKey) -> tuple[Settings, tuple[str, ...]]:
    """The settings with tasks of the user's own images, as large as the images allow.

    Returns:
        the settings, and a sentence for what had to be smaller.
    """
    if not settings.family.images:
        settings = load_preset(PRESET).settings.with_arms(settings.arms)
    images, inner = settings.images, settings.inner
    changes: dict[str, object] = {
        "ways": min(images.ways, key.classes),
        "shots": min(inner.shots, key.images - 1),
    }
    changes["query_points"] = min(inner.query_points, key.images - int(str(changes["shots"])))
    one_group = images.classes_from == "one-script"
    if one_group and key.of_group < images.ways:
        changes["classes_from"] = "all"
    now = {"ways": images.ways, "shots": inner.shots, "query_points": inner.query_points}
    words = {"ways": "classes", "shots": "shots", "query_points": "query images"}
    smaller = [
        f"{now[name]} {words[name]} to {changes[name]}"
        for name in now
        if changes[name] != now[name]
    ]
    said = (f"Made smaller to fit: {', '.join(smaller)}.",) if smaller else ()
    return settings.with_values({"family": "folder", "data": key.text, **changes}), said
