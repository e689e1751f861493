"""One panel alone on the trained example: `python -m maml_explorer.gui.panels.losses`.

A panel for images or streams trains instead: `python -m maml_explorer.gui.panels.images`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QApplication, QFrame, QVBoxLayout, QWidget

from maml_explorer.gui.panels import CENTRE, RIGHT, TAB, of_folder
from maml_explorer.gui.session.example import example_folder, example_settings
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.qt_style import apply_theme, base_font, system_theme
from maml_explorer.gui.style.theme import LIGHT, THEMES
from maml_explorer.settings.presets import presets
from maml_explorer.worker.handle import Worker

SIZES = {CENTRE: (720, 560), RIGHT: (420, 420), TAB: (900, 320)}
"""Place of a panel in the window → (width, height) in pixels it has alone."""
TRAINED = {"images": "glyphs-2-way-4-shot", "stream": "oml-sine"}
"""Kind of shown task → the preset that is trained, where there is no trained example."""


def preview(name: str, arguments: Sequence[str] | None = None) -> int:
    """Shows a panel until its window is closed. Space trains and pauses, T samples another task.

    Args:
        name: of the panel's folder.
        arguments: those of the command line unless given; `--help` names them.

    Returns:
        The exit code.
    """
    wanted = _arguments(name, arguments)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setStyle("Fusion")
    app.setFont(base_font(LIGHT.points))
    theme = THEMES.get(wanted.theme) or system_theme()
    apply_theme(app, theme)
    _, shown_as = of_folder(name)
    preset = TRAINED.get(shown_as)
    session = Session(Worker(), presets()[preset].settings if preset else example_settings())
    session.set_theme(theme)
    window = alone(name, session)
    window.show()
    begin = train if preset else open_example
    # after the first painting: the worker's thread loads torch, which takes a second
    QTimer.singleShot(0, window, lambda: begin(session))
    if wanted.picture is not None:

        def save() -> None:
            window.grab().save(str(wanted.picture), "PNG")
            window.close()

        def wait(run: int) -> None:
            if run > 1 or preset:  # the first one is what the session begins with
                QTimer.singleShot(round(1000 * wanted.after), window, save)

        session.link.run_started.connect(wait)
    try:
        return app.exec()
    finally:
        session.close()


def open_example(session: Session) -> None:
    """Starts the worker and opens the run folder of the trained example."""
    session.start()
    session.control.open_run(str(example_folder()))


def train(session: Session) -> None:
    """Starts the worker, and trains from the seed."""
    session.start()
    session.control.train()


def alone(name: str, session: Session) -> QWidget:
    """A window with nothing in it but the panel of a folder; it is not shown yet."""
    entry, shown_as = of_folder(name)
    card = QFrame()
    card.setProperty("role", "card")
    inner = QVBoxLayout(card)
    inner.setContentsMargins(12, 8, 12, 8)
    inner.addWidget(entry.build(session))
    window = QWidget()
    window.setProperty("role", "ground")
    window.setWindowTitle(f"{entry.title} on {TRAINED.get(shown_as, 'the trained example')}")
    window.resize(*SIZES[entry.place])
    outer = QVBoxLayout(window)
    outer.setContentsMargins(8, 8, 8, 8)
    outer.addWidget(card)
    QShortcut(Qt.Key.Key_Space, window, session.control.toggle)
    QShortcut(Qt.Key.Key_T, window, lambda: session.shown.new_task())
    return window


def _arguments(name: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m maml_explorer.gui.panels.{name}",
        description=f"The panel “{of_folder(name)[0].title}” alone, on the trained example, or "
        "while it trains on images or streams.",
    )
    parser.add_argument("--theme", choices=THEMES, help="the desktop's unless given")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="save a PNG and end")
    parser.add_argument(
        "--after",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="from the opened run to the PNG (5)",
    )
    return parser.parse_args(arguments)
