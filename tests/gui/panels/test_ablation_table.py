"""The shipped ablation in its window."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from maml_explorer.experiments.variants import tricks_of
from maml_explorer.gui.panels.runs.ablation_window import show_ablation
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.settings.presets import load_preset
from maml_explorer.storage.report.ablation_table import FULL_COLUMNS, shipped_ablations


def test_the_shipped_ablation_is_of_the_default_preset_and_of_every_trick() -> None:
    (found,) = shipped_ablations()
    assert found["preset"] == "finn-10-shot"
    names = [one["name"] for one in found["variants"]]
    assert names == list(tricks_of(load_preset("finn-10-shot").settings))
    assert found["command"].startswith("maml-explorer ablate --preset finn-10-shot --seeds ")


def test_it_opens_as_a_table_of_numbers(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    window = show_ablation(parent)
    (found,) = shipped_ablations()
    model = window.view.model()
    assert model.columnCount() == len(FULL_COLUMNS)
    assert model.rowCount() == len(found["inner_steps"]) * len(found["variants"])
    assert model.index(0, 1).data() == "MAML" and model.index(0, 5).data() == "–"
    one = found["variants"][1]
    assert model.rows[1][2] == one["mean"][0] and model.rows[1][5] == one["difference"][0]
    words = window.words.text()
    assert "Student's t over the seeds" in words and "tested with 5 shots" in words
    assert "mean of 3 seeds" in words and words.startswith(load_preset(found["preset"]).title)
    assert len(set(FULL_COLUMNS)) == len(FULL_COLUMNS), "no two columns have the same name"
    shown = [model.index(1, column).data() for column in range(2, 7)]
    assert all(len(value.strip("−").replace(".", "").lstrip("0")) <= 3 for value in shown), shown
    assert window.toolTip() == plain_tip(found["command"])
