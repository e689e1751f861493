"""Sizes that the user gave the parts of the window, taken down and given back."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QSplitter


def sizes_of(splitters: Mapping[str, QSplitter]) -> dict[str, list[int]]:
    """Splitter → the pixels of its parts."""
    return {name: splitter.sizes() for name, splitter in splitters.items()}


def put_sizes(splitters: Mapping[str, QSplitter], sizes: Mapping[str, list[int]]) -> None:
    """Gives the parts these sizes again, but for splitters that showed none of theirs."""
    settle()  # sizes that do not fill the room would be scaled later, and rounded
    for name, before in sizes.items():
        if any(before):
            splitters[name].setSizes(before)


def settle() -> None:
    """Lets every layout take what was changed; until then it tells the sizes of before."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
