"""Open, save, share: the work behind the File menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from maml_explorer.gui.files.autosave_choice import Autosave
from maml_explorer.gui.files.opening import Opening
from maml_explorer.gui.files.sharing import Sharing
from maml_explorer.gui.session.example import example_folder, example_preset
from maml_explorer.gui.session.proposed_path import proposed_path
from maml_explorer.gui.session.run_before import go_back
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.widgets.banner import Banners
from maml_explorer.gui.widgets.text_prompt import Ask
from maml_explorer.protocol.commands import SaveRun
from maml_explorer.protocol.reports import Exported, Written
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_presets import own_presets, save_preset
from maml_explorer.settings.presets import Preset
from maml_explorer.storage.run.folder import is_run_folder

FILE_KINDS = (
    "All files that open here (*.toml *.txt *.safetensors *.pt *.pth *.csv *.tsv config.json)"
)


class Files:
    """Opens and saves for one window.

    Args:
        parent: the window, over which dialogs lie.
        offer_presets: takes presets that the run bar shall offer.
        config: the folder of the user's own presets; None keeps none.
    """

    def __init__(
        self,
        parent: QWidget,
        session: Session,
        banners: Banners,
        opening: Opening,
        sharing: Sharing,
        offer_presets: Callable[[Mapping[str, Preset]], None],
        config: Path | None,
    ) -> None:
        self._parent, self._session, self._banners = parent, session, banners
        self._offer_presets, self._config = offer_presets, config
        self.opening, self.sharing = opening, sharing
        self.ask = Ask(parent)
        self.autosave = Autosave()
        self._saved = ""
        """The folder of the run that is there now; saving again replaces it."""
        session.link.exported.connect(self._exported)
        session.link.run_started.connect(self._forget)

    def choose_autosave(self, minutes: int | None = None, percent: int | None = None) -> None:
        """Saves the session so often, or for such a part of the time."""
        known = self.autosave
        self.autosave = Autosave(
            known.minutes if minutes is None else minutes,
            known.percent if percent is None else percent,
        )

    def open_run(self) -> None:
        """Asks for a run folder."""
        self._choose("Open run folder", QFileDialog.FileMode.Directory, self._newest_run)

    @property
    def _newest_run(self) -> str:
        """The run folder that was saved or opened last; where the first would be proposed, if none.

        A chooser begins there: runs are seldom in the folder the program was started in.
        """
        proposal = proposed_path("run")
        return next((one for one in self.opening.recent if is_run_folder(Path(one))), proposal)

    def open_images(self) -> None:
        """Asks for a folder of images, one sub-folder for each class."""
        self._choose("Open images: a folder with one sub-folder for each class",
                     QFileDialog.FileMode.Directory, self.opening.images.folder)  # fmt: skip

    def open_file(self) -> None:
        """Asks for a file."""
        self._choose("Open", QFileDialog.FileMode.ExistingFile)

    def open_example(self) -> None:
        """Goes on with the trained example."""
        self.opening.go_on_with(example_folder(), example_preset(), "The trained example")

    def back_to_run_before(self) -> None:
        """Brings back the run that this one took the place of."""
        go_back(self._session)

    def save_run(self) -> None:
        """Saves the run where it was saved before, or asks where."""
        if self._saved:
            seen = self.sharing.written()
            self._session.control.write(SaveRun(self._saved, overwrite=True, view=seen))
            return
        proposal = proposed_path("run")
        self.ask.ask("Save the run as the folder", proposal, self._save_into)

    def save_preset(self) -> None:
        """Asks for a name and saves the edited settings under it."""
        preset = self._session.editor.preset
        own = preset is not None and preset.name.startswith("own-")
        proposal = preset.title if preset is not None and own else ""
        self.ask.ask("Save these settings as a preset", proposal, self._save_preset)

    def load_own_presets(self) -> None:
        """Offers the user's own presets beside those of the program."""
        if self._config is None:
            return
        found, refused = own_presets(self._config)
        self._offer_presets(found)
        if refused:
            self._banners.say("own presets", " ".join(refused), "warning")

    def _save_into(self, folder: str) -> None:
        self._session.control.write(SaveRun(folder, view=self.sharing.written()))

    def _save_preset(self, title: str) -> None:
        session, banners = self._session, self._banners
        if self._config is None:
            banners.say("preset", "Presets are not saved in safe mode.", "warning", stays=False)
            return
        try:
            preset = save_preset(self._config, title, session.editor.edited)
        except (SettingsError, OSError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            banners.say("preset", f"The preset was not saved: {words}", "warning", stays=False)
            return
        session.editor.mark_against(preset.settings, preset)
        self._offer_presets({preset.name: preset})
        session.editor.settings_changed.emit(session.settings)
        banners.say("preset", f"The preset “{preset.title}” was saved.")

    def _choose(self, title: str, mode: QFileDialog.FileMode, last: str = "") -> None:
        chooser = QFileDialog(self._parent, title)
        if last:
            chooser.setDirectory(str(Path(last).parent))
            if Path(last).exists():
                chooser.selectFile(last)
        chooser.setFileMode(mode)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if mode is QFileDialog.FileMode.Directory:
            chooser.setOption(QFileDialog.Option.ShowDirsOnly)
        else:
            # the endings would be cut in the box
            chooser.setOption(QFileDialog.Option.HideNameFilterDetails)
            chooser.setNameFilters([FILE_KINDS, "All files (*)"])
        chooser.fileSelected.connect(lambda path: self.opening.open(Path(path)))
        chooser.open()

    def _exported(self, report: Exported) -> None:
        if report.what == Written.RUN:
            self._saved = report.folder
            self.opening.remember(report.folder)

    def _forget(self, _: int) -> None:
        self._saved = ""
