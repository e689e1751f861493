"""Opens what people bring: runs, presets, settings, lessons, initializations, shares, images.

What it is decides its content, not its name; a wrong file is refused with one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from maml_explorer.core.families.own.data import AbsentImagesError, opened_images
from maml_explorer.core.families.own_tasks.opened import refuse_absent_tasks
from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.gui.files.absent_data import with_present_data
from maml_explorer.gui.files.own_images import OwnImagesOpening
from maml_explorer.gui.files.own_points import SUFFIXES, read_points, take_points
from maml_explorer.gui.files.saved_view import SavedView
from maml_explorer.gui.files.sharing import Sharing
from maml_explorer.gui.lessons.toml_checks import is_lesson_file
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.banner import OPENING, Banners, Choice
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import Preset, load_preset, preset_of
from maml_explorer.settings.share import MAX_SHARE, is_share
from maml_explorer.settings.words import counted
from maml_explorer.storage.run.folder import OF_A_RUN, is_run_folder, open_run

if TYPE_CHECKING:
    from maml_explorer.settings.settings import Settings
    from maml_explorer.storage.initialization.folder import Initialization

# What only opening a file of its kind needs is imported by then: a start does not wait for it.

WHAT_OPENS = (
    "run folder, preset, lesson, initialization, file of weights (.pt, .safetensors), "
    "share string, points (.csv) or folder of images"
)
MOST_RECENT = 8
_CONFIG = "config.json"


class Opening:
    """Opens files into a session, and remembers the last ones.

    Args:
        images: opens folders of the user's own images.
        open_lesson: begins the lesson in a file.
        sharing: takes over a share string, and shows a run as it was seen when it was saved.
        presets: those that a run may have been trained with.
    """

    def __init__(
        self,
        session: Session,
        banners: Banners,
        images: OwnImagesOpening,
        open_lesson: Callable[[Path], None],
        sharing: Sharing,
        presets: Mapping[str, Preset],
    ) -> None:
        self._session, self._banners, self.images = session, banners, images
        self._open_lesson, self._take_share = open_lesson, sharing.take
        self._presets = presets
        self._view = SavedView(session.link, banners, sharing.bring_back)
        self.recent: tuple[str, ...] = ()
        """Paths, the newest first."""

    def open(self, path: Path) -> bool:
        """Opens what is at `path`; where that cannot be, a banner says why. Whether it could."""
        try:
            _kind(path)(self, path)
        except (SettingsError, StorageError, OSError) as error:
            words = f"{error.strerror}." if isinstance(error, OSError) else str(error)
            said = f"Can't open {path.name}. {words}"
            again: tuple[Choice, ...] = ()
            if isinstance(error, AbsentImagesError):
                again = self.images.remedies(error.key, partial(self.open, path))
            self._banners.say("open", said, "warning", again, stays=bool(again))
            self.recent = tuple(other for other in self.recent if other != str(path))
            return False
        self._banners.drop("open")
        self.remember(str(path))
        return True

    def remember(self, path: str) -> None:
        """Has a path come first among the recent ones."""
        others = (other for other in self.recent if other != path)
        self.recent = (path, *others)[:MOST_RECENT]

    def _run(self, path: Path) -> None:
        settings = open_run(path)[1]
        if settings.family.own_data:
            opened_images(settings.images.data)  # absent ones are named here, not there
        refuse_absent_tasks(settings)
        self._banners.say(OPENING, "Opening the run…", stays=True)
        # reading a long run takes seconds, in which nothing may be painted
        self._banners.repaint()
        self.go_on_with(path, preset_of(settings, self._presets), f"The run {path.name}")

    def go_on_with(self, folder: Path, preset: Preset | None, name: str) -> None:
        """Goes on with a saved run, and says its name once it is there.

        Args:
            folder: of the run.
            preset: the one that it was trained with, where that is known.
            name: of the run, at the beginning of a sentence.
        """
        control, stack = self._session.control, self._session.editor.undo_stack
        lost = not control.untouched
        control.open_run(str(folder), preset)
        step = stack.command(stack.index() - 1) if lost else None
        self._view.expect(folder, lambda: control.opened.emit(step, name))

    def _images(self, path: Path) -> None:
        self.images.open(path)

    def _settings(self, path: Path) -> None:
        preset = load_preset(path)
        settings, absent = with_present_data(preset.settings)
        self._session.control.load_preset(replace(preset, settings=settings))
        if absent:
            key = preset.settings.images.key
            self.images.say_absent(absent, key, partial(self.open, path))

    def _lesson(self, path: Path) -> None:
        self._open_lesson(path)

    def _share(self, path: Path) -> None:
        self._take_share(read_text(path, 4 * MAX_SHARE, follow=True))

    def _points(self, path: Path) -> None:
        take_points(self._session, self._banners, read_points(path), path.name)

    def _initialization(self, path: Path) -> None:
        from maml_explorer.storage.initialization.folder import load_initialization

        found = load_initialization(path)
        steps = f"{found.arm.name} after {counted(found.outer_step, 'outer step', whole)}"
        self._offer(path, found, f"the initialization {path.name} ({steps})", None)

    def _weights(self, path: Path) -> None:
        """Weights of another program, for the network of the settings; hidden layers may differ."""
        from maml_explorer.storage.foreign.importing import brings_settings, initialization_at

        settings = self._session.editor.edited
        found = initialization_at(path, settings, take_sizes=True)
        if brings_settings(path):
            self._offer(path, found, f"{path.name}, which comes from another program", None)
            return
        settings = settings.with_values({"hidden": found.settings.model.hidden})
        self._offer(path, found, f"the weights of {path.name}", settings)

    def _offer(
        self, path: Path, found: Initialization, what: str, settings: Settings | None
    ) -> None:
        """Begins a run from it; where one was trained already, it asks first."""
        from maml_explorer.storage.initialization.folder import CHANGED

        session, banners = self._session, self._banners
        note = f" {path.name}: {CHANGED}" if found.changed and not found.origin else ""
        note += f" {found.origin}" if found.origin else ""
        begin = partial(self._begin_from, path, settings)
        many = what.startswith("the weights")
        if session.control.untouched:
            begin()
            said = f"A new run began from {what}; its curves are drawn.{note}"
            banners.say("open initialization", said)
            return
        banners.say(
            "open initialization",
            f"Begin a new run from {what} (undo brings the present run back), or draw "
            f"{'them' if many else 'it'} faintly beside this run.{note}",
            choices=(
                (f"Begin from {'them' if many else 'it'}", begin),
                (f"Pin {'them' if many else 'it'} beside this run",
                 partial(self._pin, path, found)),
            ),
            stays=True,
        )  # fmt: skip

    def _pin(self, path: Path, found: Initialization) -> None:
        try:
            self._session.pins.pin_initialization(path, found)
        except (OSError, StorageError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            self._banners.say("open", f"{path.name} was not pinned: {words}", "warning",
                              stays=False)  # fmt: skip

    def _begin_from(self, path: Path, settings: Settings | None) -> None:
        self._session.control.open_initialization(str(path), settings)


def _kind(path: Path) -> Callable[[Opening, Path], None]:
    """Finds the way to open `path`.

    Raises:
        StorageError: where it is nothing that this program opens.
    """
    if path.is_dir():
        from maml_explorer.storage.own_images.layout import holds_images

        if is_run_folder(path):
            return Opening._run
        if (path / _CONFIG).is_file():
            return Opening._initialization
        if holds_images(path):
            return Opening._images
        raise StorageError(
            "The folder is neither a run nor an initialization, and has no sub-folder of images "
            "for each class."
        )
    if path.suffix == ".npz":
        return Opening._images
    if path.name in ("model.safetensors", _CONFIG) and (path.parent / _CONFIG).is_file():
        return lambda opening, file: Opening._initialization(opening, file.parent)
    if not path.exists():
        raise StorageError("There is no such file.")
    if path.name in OF_A_RUN and is_run_folder(path.parent):
        return lambda opening, file: Opening._run(opening, file.parent)
    if path.suffix.lower() in SUFFIXES:
        return Opening._points
    if path.is_file():
        from maml_explorer.storage.foreign.heads import holds_weights

        if holds_weights(path):
            return Opening._weights
    if path.suffix == ".toml":
        return Opening._lesson if is_lesson_file(path) else Opening._settings
    if path.stat().st_size <= 4 * MAX_SHARE:
        try:
            if is_share(read_text(path, 4 * MAX_SHARE, follow=True)):
                return Opening._share
        except StorageError:
            pass
    raise StorageError(f"Drop a {WHAT_OPENS}.")
