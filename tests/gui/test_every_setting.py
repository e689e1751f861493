"""Every declared setting: its control shows it, and it survives saving, a restart and sharing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from maml_explorer.gui.settings_form.fields import written
from maml_explorer.gui.settings_form.form import is_offered
from maml_explorer.gui.widgets.controls import ComboBox, Switch
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from maml_explorer.settings.declaration import Hyperparameter, Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.folder import create_run
from tests.gui.driving import Opener, worker_of
from tests.gui.files.test_files import drop

TEXTS = {
    "mixture": "line, step, gaussian",
    "formula": "A*x^2 + saw(B*x)",
    "formula_ranges": "A = -1..1, B = 0..pi, w = 1, p = 2",
}
OFFERED = {key: declared for key, declared in DECLARATIONS.items() if is_offered(declared)}


def another(declared: Hyperparameter, value: Value) -> Value:
    """An allowed value that is not `value`."""
    if declared.kind == "bool":
        return not value
    if declared.kind == "choice":
        return next(choice for choice in declared.choices if choice != value)
    if declared.kind == "text":
        return TEXTS[declared.key]
    if not isinstance(value, int | float):
        return (8, 6)
    low = declared.minimum if declared.minimum is not None else value - 2
    high = declared.maximum if declared.maximum is not None else value + 2
    near = [value + 1, value - 1, value * 0.5, value * 1.5, value + 0.25, low, high]
    if declared.key.endswith("_min"):  # never above the largest
        near = [value * 0.5, value - 1, low]
    kind = int if declared.kind == "int" else float
    return next(kind(v) for v in near if low <= kind(v) <= high and kind(v) != value)


def changed() -> Settings:
    """Settings that differ from the defaults in every one that can be changed with the others."""
    default = Settings()
    return default.with_values(
        {
            key: another(declared, default[key])
            for key, declared in OFFERED.items()
            if key != "device"  # another one may not be there
        }
        # a letter has 20 drawings, for support and query images together
        | {"shots": 8, "query_points": 9}
    )


def on_screen(window: MainWindow, key: str) -> object:
    """What the control of a setting shows."""
    widget = window.columns.form.row(key).fields[key].widget
    if isinstance(widget, Switch):
        return widget.isChecked()
    if isinstance(widget, ComboBox):
        return widget.currentData()
    assert isinstance(widget, QLineEdit)
    return widget.text()


def shows(window: MainWindow, settings: Settings) -> None:
    assert window.session.editor.edited == settings
    for key, declared in OFFERED.items():
        value = settings[key]
        plain = declared.kind in ("bool", "choice")
        assert on_screen(window, key) == (value if plain else written(declared, value)), key


def test_every_setting_has_a_control_that_shows_it(window: MainWindow):
    settings = changed()
    different = [key for key in OFFERED if settings[key] != Settings()[key]]
    assert set(OFFERED) - set(different) <= {"device"}
    shows(window, Settings().with_arms(window.session.settings.arms))
    window.session.editor.adopt(settings)
    shows(window, settings)
    for key, declared in OFFERED.items():
        widget = window.columns.form.row(key).fields[key].widget
        assert widget.accessibleName(), key
        assert declared.help.split(".")[0] in " ".join(widget.toolTip().split()), key


def test_all_survive_a_restart_and_undo(window: MainWindow):
    before, settings = window.session.settings, changed()
    window.session.editor.adopt(settings)
    window.session.control.restart()
    window.session.link.pull()
    assert worker_of(window).posted_of(commands.Restart)[-1].settings == settings
    assert window.session.editor.staged is None
    shows(window, settings)
    for _ in range(2):
        window.session.editor.undo_stack.undo()
        window.session.link.pull()
    shows(window, before)


def test_all_survive_the_clipboard(opened: Opener):
    settings, usual = changed(), Settings()
    # ranges of all families of curves at once, and points, are more than a share string holds
    settings = settings.with_values(
        {
            key: usual[key]
            for key, declared in OFFERED.items()
            if declared.group == "tasks" and not settings.reads(key)
        }
    )
    first = opened()
    first.session.editor.adopt(settings)
    first.files.sharing.copy()
    assert len(QApplication.clipboard().text()) < 2000
    second = opened()
    second.files.sharing.paste()
    second.session.link.pull()
    shows(second, settings)


def test_all_survive_as_a_preset_and_in_a_run_folder(opened: Opener, qtbot: QtBot, tmp_path: Path):
    settings = changed()
    first = opened(tmp_path / "window.json")
    first.session.editor.adopt(settings)
    first.files.save_preset()
    first.files.ask.line.setText("All")
    first.files.ask.ok.click()
    first.close()
    second = opened(tmp_path / "window.json")
    second.session.control.load_preset(second.presets["own-all"])
    second.session.link.pull()
    shows(second, settings)
    create_run(tmp_path / "run", settings)
    third = opened()
    drop(third, tmp_path / "run")
    shows(third, settings)
