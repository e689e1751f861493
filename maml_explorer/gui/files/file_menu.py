"""What the File menu does: open, save, share, export."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMenu

from maml_explorer.gui.files.autosave_choice import MINUTES, PERCENTS, Autosave
from maml_explorer.gui.files.opening import Opening
from maml_explorer.gui.files.proposed_path import proposed_path
from maml_explorer.gui.files.sharing import Sharing
from maml_explorer.gui.session.example import example_folder
from maml_explorer.gui.widgets.text_prompt import Ask
from maml_explorer.protocol.commands import SaveRun
from maml_explorer.protocol.reports import Exported, Written
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.own_presets import own_presets, save_preset

if TYPE_CHECKING:
    from maml_explorer.gui.window.window import MainWindow

MENU = (
    ("open_run", "open_file"),
    ("save_run", "save_preset", "export"),
    ("compare", "report"),
    ("copy_share", "paste_share"),
    ("quit",),
)
"""Names of actions, by section."""
FILE_KINDS = (
    "Presets, lessons, initializations, share strings (*.toml *.txt model.safetensors config.json)"
)


class Files:
    """Opens and saves for one window. `config` is the folder of the person's own presets."""

    def __init__(self, window: MainWindow, config: Path | None) -> None:
        self._window, self._config = window, config
        self.opening = Opening(window)
        self.sharing = Sharing(window)
        self.ask = Ask(window)
        self.autosave = Autosave()
        self._saved = ""
        """The folder of the run that is there now; saving again replaces it."""
        window.session.link.exported.connect(self._exported)
        window.session.link.run_started.connect(self._forget)

    def menu(self) -> QMenu:
        """The File menu as it is now."""
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        table = self._window.actions_table
        for nth, section in enumerate(MENU):
            for name in section:
                menu.addAction(table[name])
            if nth == 0 and self.opening.recent:
                recent = menu.addMenu("Open recent")
                for path in self.opening.recent:
                    recent.addAction(path, partial(self.opening.open, Path(path)))
            if "save_run" in section:
                self._add_autosave(menu.addMenu("Save the session by itself"))
            menu.addSeparator()
        return menu

    def choose_autosave(self, minutes: int | None = None, percent: int | None = None) -> None:
        """Saves the session so often, or for such a part of the time."""
        known = self.autosave
        self.autosave = Autosave(
            known.minutes if minutes is None else minutes,
            known.percent if percent is None else percent,
        )

    def _add_autosave(self, menu: QMenu) -> None:
        chosen = (f"autosave {self.autosave.minutes}", f"autosave share {self.autosave.percent}")
        for names in (
            [f"autosave {n}" for n in MINUTES],
            [f"autosave share {n}" for n in PERCENTS],
        ):
            for name in names:
                entry = self._window.actions_table[name]
                # the palette's words stand alone; in the menu its title says the first half
                action = menu.addAction(entry.text().partition(": ")[2])
                action.setCheckable(True)
                action.setChecked(name in chosen)
                action.triggered.connect(entry.trigger)
            menu.addSeparator()

    def open_run(self) -> None:
        """Asks for a run folder."""
        self._choose("Open run folder", QFileDialog.FileMode.Directory)

    def open_file(self) -> None:
        """Asks for a file."""
        self._choose("Open", QFileDialog.FileMode.ExistingFile)

    def open_example(self) -> None:
        """Goes on with the trained example."""
        self._window.session.control.open_run(str(example_folder()))

    def save_run(self) -> None:
        """Saves the run where it was saved before, or asks where."""
        if self._saved:
            self._window.session.control.write(SaveRun(self._saved, overwrite=True))
            return
        proposal = proposed_path("run")
        self.ask.ask("Save the run as the folder", proposal, self._save_into)

    def save_preset(self) -> None:
        """Asks for a name and saves the edited settings under it."""
        preset = self._window.session.editor.preset
        own = preset is not None and preset.name.startswith("own-")
        proposal = preset.title if preset is not None and own else ""
        self.ask.ask("Save the settings as the preset", proposal, self._save_preset)

    def load_own_presets(self) -> None:
        """Offers the person's own presets beside those of the program."""
        if self._config is None:
            return
        found, refused = own_presets(self._config)
        self._window.offer_presets(found)
        if refused:
            self._window.banners.say("own presets", " ".join(refused), "warning")

    def _save_into(self, folder: str) -> None:
        self._window.session.control.write(SaveRun(folder))

    def _save_preset(self, title: str) -> None:
        window, session = self._window, self._window.session
        if self._config is None:
            window.banners.say("preset", "In safe mode no preset is saved.", "warning")
            return
        try:
            preset = save_preset(self._config, title, session.editor.edited)
        except (SettingsError, OSError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            window.banners.say("preset", f"The preset was not saved: {words}", "warning")
            return
        session.editor.preset, session.editor.baseline = preset, preset.settings
        window.offer_presets({preset.name: preset})
        session.editor.settings_changed.emit(session.settings)
        window.banners.say("preset", f"The preset “{preset.title}” was saved.")

    def _choose(self, title: str, mode: QFileDialog.FileMode) -> None:
        chooser = QFileDialog(self._window, title)
        chooser.setFileMode(mode)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if mode is QFileDialog.FileMode.Directory:
            chooser.setOption(QFileDialog.Option.ShowDirsOnly)
        else:
            chooser.setNameFilters([FILE_KINDS, "All files (*)"])
        chooser.fileSelected.connect(lambda path: self.opening.open(Path(path)))
        chooser.open()

    def _exported(self, report: Exported) -> None:
        if report.what == Written.RUN:
            self._saved = report.folder

    def _forget(self, _: int) -> None:
        self._saved = ""
