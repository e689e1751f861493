"""Path proposed where something is to be written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QStandardPaths


def proposed_path(name: str, ending: str = "") -> str:
    """An unused path among the user's documents: the time is in it."""
    kind = QStandardPaths.StandardLocation.DocumentsLocation
    documents = Path(QStandardPaths.writableLocation(kind) or Path.home())
    stamp = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    return str(documents / "maml-explorer" / f"{name}-{stamp}{ending}")
