"""The tables of panels and pages: nothing lies in a folder that no table names."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from maml_explorer.gui import panels
from maml_explorer.gui.panels import PANELS, of_folder
from maml_explorer.gui.panels.insight.page import InsightPage
from maml_explorer.gui.panels.insight.tab import InsightTab
from maml_explorer.protocol import insight_records
from maml_explorer.worker.insight import VIEWS
from tests.gui.panel_bench import Bench

FOLDER = Path(panels.__file__).parent
WITHOUT_A_PAGE = {"stability": "StabilitySeen"}
"""View → its record: drawn by the light in the status line and by the trace below the losses."""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def tables() -> dict[str, dict[str, type[InsightPage]]]:
    """Name of a panel of pages → its table."""
    found = {name: importlib.import_module(f"{panels.__name__}.{name}.panel") for name in PANELS}
    pages = {name: getattr(module, "PAGES", None) for name, module in found.items()}
    # those of the pseudocode are parts of one text
    return {name: table for name, table in pages.items() if isinstance(table, dict)}


def listed() -> set[type[InsightPage]]:
    return {page for table in tables().values() for page in table.values()}


def test_every_folder_with_a_panel_is_in_the_table() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/panel.py")}
    others = {folder: kind for one in PANELS.values() for kind, (folder, _) in one.others.items()}
    assert set(others.values()) == {"images", "stream"}
    assert folders == PANELS.keys() | others.keys()
    assert {name: of_folder(name)[1] for name in folders} == {
        name: others.get(name, "curve") for name in folders
    }
    assert {path.parent.name for path in FOLDER.glob("*/__main__.py")} == folders
    assert [name for name, entry in PANELS.items() if entry.name != name] == []


def test_every_panel_of_pages_has_a_table_of_them() -> None:
    tabs = {name for name, entry in PANELS.items() if issubclass(entry.kind(), InsightTab)}
    assert tabs == tables().keys() == {"gradient", "network", "map"}


def test_every_page_is_in_the_table_of_its_panel() -> None:
    defined = {
        kind
        for module in modules(panels)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, InsightPage) and kind.__module__ == module.__name__
    }
    # those without a drawing are what pages are made from
    assert {kind for kind in defined if "draw" in vars(kind)} - {InsightPage} == listed()
    assert all(page.tip for page in listed())


def test_every_kind_of_record_has_a_page() -> None:
    kinds = {
        name
        for module in modules(insight_records)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if name.endswith("Seen") and kind.__module__ == module.__name__
    }
    drawn = set[str]().union(*(vars(sys.modules[page.__module__]) for page in listed()))
    assert kinds - drawn == set(WITHOUT_A_PAGE.values())


def test_every_view_of_the_worker_has_a_page(bench: Bench) -> None:
    asked = set()
    for kind in listed():
        page = kind(bench.session)  # type: ignore[call-arg]
        bench.qtbot.addWidget(page)
        asked.add(page.view.request.view)
    assert VIEWS.keys() - asked == WITHOUT_A_PAGE.keys()
    assert asked <= VIEWS.keys()
