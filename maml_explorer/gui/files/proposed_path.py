"""Path proposed by a file dialog."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths

if TYPE_CHECKING:
    pass


def proposed_path(name: str, ending: str = "") -> str:
    """An unused path among the user's documents: the time is in it."""
    kind = QStandardPaths.StandardLocation.DocumentsLocation
    documents = Path(QStandardPaths.writableLocation(kind) or Path.home())
    stamp = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    return str(documents / "maml-explorer" / f"{name}-{stamp}{ending}")
