"""Every panel opened alone on the trained example, with the real worker."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels import PANELS, of_folder, preview
from maml_explorer.gui.session.example import example_settings
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.shown_images import ShownImages
from maml_explorer.gui.session.shown_streams import ShownStreams
from maml_explorer.settings.presets import presets
from maml_explorer.worker.handle import Worker

ROOT = Path(__file__).parents[3]
ARMS = {arm.name for arm in example_settings().arms}
STEPS = example_settings().outer.outer_steps


def has_curves(panel: Any) -> bool:
    curves = panel.canvas.curves.arms
    return curves.keys() == ARMS and all(np.ptp(curve.yData) > 0.1 for curve in curves.values())


def has_losses(panel: Any) -> bool:
    drawn = panel.plot.drawn
    return drawn.keys() == ARMS and all(line.x[-1] == STEPS for line in drawn.values())


def has_a_meta_test(panel: Any) -> bool:
    drawn = panel.plot.drawn
    return drawn.keys() == ARMS and bool(drawn["MAML"].mean[1] < drawn["MAML"].mean[0] / 2)


def has_tasks(panel: Any) -> bool:
    return len(panel.cells) >= 3 and all(cell.curves.keys() == ARMS for cell in panel.cells)


def has_found(panel: Any) -> bool:
    return panel.page.record is not None and panel.page.view.problem == ""


def has_the_run(panel: Any) -> bool:
    cells = [panel.table.item(0, nth).text() for nth in range(panel.table.columnCount())]
    return cells[1].replace("\u202f", "") == str(STEPS) and "–" not in cells[3:]


def has_text(panel: Any) -> bool:
    text = panel.text if isinstance(panel.text, str) else panel.text.toPlainText()
    return panel.arm_choice.currentText() == "MAML" and len(text) > 200


def has_no_sweep(panel: Any) -> bool:
    return panel.words.full.startswith("No sweep is open") and not panel.here.isEnabled()


SHOWS: dict[str, Callable[[Any], bool]] = {
    "adaptation": has_curves,
    "losses": has_losses,
    "adaptation_speed": has_a_meta_test,
    "tasks": has_tasks,
    "gradient": has_found,
    "network": has_found,
    "map": has_found,
    "runs": has_the_run,
    "sweep": has_no_sweep,
    "code": has_text,
    "pseudocode": has_text,
}


@pytest.fixture(scope="module")
def windows(qapp: QApplication) -> Iterator[dict[str, QWidget]]:
    """Every panel in a window of its own; all of one session, so that the run is opened once."""
    session = Session(Worker(), example_settings())
    made = {name: preview.alone(name, session) for name in PANELS}
    preview.open_example(session)
    yield made
    assert session.close()
    for window in made.values():
        window.deleteLater()


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_alone_shows_the_trained_example(
    name: str, windows: dict[str, QWidget], qtbot: QtBot
) -> None:
    window = windows[name]
    window.show()
    panel = window.findChild(PANELS[name].kind())
    qtbot.waitUntil(lambda: SHOWS[name](panel), timeout=20_000)
    assert window.windowTitle() == f"{PANELS[name].title} on the trained example"
    window.hide()


@pytest.mark.parametrize("name", ["images", "image_tasks", "streams", "stream_tasks"])
def test_a_panel_for_other_tasks_alone_trains_on_them(name: str, qapp: QApplication, qtbot: QtBot):
    preset = preview.TRAINED[of_folder(name)[1]]
    session = Session(Worker(), presets()[preset].settings)
    window = preview.alone(name, session)
    preview.train(session)
    window.show()
    try:
        qtbot.waitUntil(
            lambda: session.link.status is not None and session.link.status.outer_step > 5,
            timeout=60_000,
        )
        shown = session.shown
        assert isinstance(shown, ShownImages | ShownStreams)
        qtbot.waitUntil(lambda: shown.probed is not None, timeout=20_000)
        assert window.windowTitle().endswith(f" on {preset}")
    finally:
        assert session.close()
        window.deleteLater()


@pytest.mark.parametrize("name", [*PANELS, "images", "image_tasks", "streams", "stream_tasks"])
def test_the_folder_of_a_panel_runs_that_panel(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(preview, "preview", lambda name: opened.append(name) or 0)
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f"maml_explorer.gui.panels.{name}", run_name="__main__")
    assert (opened, end.value.code) == ([name], 0)


def test_a_panel_draws_itself_into_a_file(tmp_path: Path) -> None:
    picture = tmp_path / "pseudocode.png"
    command = [sys.executable, "-m", "maml_explorer.gui.panels.pseudocode", "--theme", "dark"]
    done = subprocess.run(
        [*command, "--picture", str(picture), "--after", "0.1"],
        cwd=ROOT, env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    image = QImage(str(picture))
    assert (image.width(), image.height()) == preview.SIZES[PANELS["pseudocode"].place]
    colors = {image.pixelColor(x, 40).name() for x in range(40, 400)}
    assert "#1c1f25" in colors and len(colors) > 2
