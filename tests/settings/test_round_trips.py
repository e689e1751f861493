"""Row 12: settings survive every format in which they are stored, typed or handed on."""

from __future__ import annotations

from pathlib import Path

from tests.round_trips import survive_every_format


def test_settings_survive_every_format(tmp_path: Path) -> None:
    survive_every_format(tmp_path, 500)
