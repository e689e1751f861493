"""The files a desktop reads: entry, metadata and icon, consistent with the program."""

from __future__ import annotations

import configparser
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from maml_explorer.algorithms import ALGORITHMS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "resources" / "desktop"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def entry() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(FOLDER / "maml-explorer.desktop", encoding="utf-8")
    assert parser.sections() == ["Desktop Entry"]
    return parser["Desktop Entry"]


def test_the_desktop_entry_starts_the_program() -> None:
    found = entry()
    assert found["Type"] == "Application"
    assert found["Name"] == "MAML Explorer"
    command = found["Exec"].split()
    assert command == ["maml-explorer", "gui", "%f"]
    assert command[0] in PROJECT["scripts"]
    assert found["Terminal"] == "false"
    for key in ("Categories", "Keywords", "MimeType"):
        assert found[key].endswith(";")
    assert {"Education", "Science"} <= set(found["Categories"].split(";"))


def test_the_application_id_is_the_window_s(qapp: object) -> None:
    from maml_explorer.gui.app.startup import application

    app = application()
    assert app.desktopFileName() == entry()["StartupWMClass"] == "maml-explorer"
    assert not app.windowIcon().isNull()


def test_the_metadata_name_entry_license_and_icon() -> None:
    root = ElementTree.parse(FOLDER / "maml-explorer.metainfo.xml").getroot()
    assert (root.tag, root.get("type")) == ("component", "desktop-application")
    text = {child.tag: (child.text or "").strip() for child in root}
    assert text["id"] == "maml-explorer"
    assert text["name"] == entry()["Name"]
    assert text["summary"] == entry()["Comment"]
    assert not text["summary"].endswith(".")
    assert text["project_license"] == PROJECT["license"]
    assert text["metadata_license"] == "CC0-1.0"
    assert text["launchable"] == "maml-explorer.desktop"
    assert root.find("content_rating") is not None
    words = " ".join("".join(root.find("description").itertext()).split())  # type: ignore[union-attr]
    for name in ("MAML", "ANIL", "Reptile", "Meta-SGD"):
        assert name in words
    binaries = [part.text for part in root.iter("binary")]
    assert binaries == list(PROJECT["scripts"])


def test_the_icon_has_the_arms_colours_and_loads_nothing() -> None:
    root = ElementTree.parse(FOLDER / "maml-explorer.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 64 64"
    strokes = [part.get("stroke") for part in root if part.tag.endswith("polyline")]
    assert strokes == [ALGORITHMS[name].color for name in ("mtl", "anil", "maml")]
    assert "href" not in (FOLDER / "maml-explorer.svg").read_text()
