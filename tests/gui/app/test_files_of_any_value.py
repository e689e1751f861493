"""The window starts whatever its files hold, and says in a sentence what it did not read."""

from __future__ import annotations

import json
from pathlib import Path

from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import keep_pins
from tests.gui.driving import Opener
from tests.storage.hostile import good_files
from tests.storage.structured import PIN, good_files_of_all

HUGE = 10**399
"""Python converts it, and neither Qt nor a float can hold it."""


def test_the_window_starts_whatever_its_files_hold(opened: Opener, tmp_path: Path) -> None:
    good_files_of_all(tmp_path)
    layout = tmp_path / "window.json"
    layout.write_text(json.dumps({"schema": 1, "geometry": [1, 2, 3, HUGE]}))
    pin = json.loads((tmp_path / PIN).read_text())
    pin["losses"][0]["arm"] = {"a": {"a": {}}}
    (tmp_path / PIN).write_text(json.dumps(pin))
    window = opened(layout, options=Options())
    keep_pins(window, tmp_path / "pins")
    assert window.isVisible() and window.session.pins.runs == ()
    said = [banner.text.full for banner in window.banners.shown]
    refused = "The pinned run in p was not read: pin.json is not as this program writes it."
    assert f"{refused} It was kept as pin.unreadable.json." in said
    assert any("window.json is not JSON as this program writes it." in text for text in said), said


def test_an_export_with_a_huge_number_is_one_sentence(opened: Opener, tmp_path: Path) -> None:
    good_files(tmp_path)
    config = tmp_path / "init" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"outer_steps": HUGE}))
    window = opened()
    before = window.session.settings
    assert not window.files.opening.open(tmp_path / "init")
    (said,) = [b.text.full for b in window.banners.shown if "init" in b.text.full]
    assert said == f"Can't open init. {config} is not JSON as this program writes it."
    assert window.session.settings == before
