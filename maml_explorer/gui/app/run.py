"""Starts the window. Importing this loads neither Qt, torch nor NumPy."""

from __future__ import annotations

import gc
import os

from maml_explorer.gui.app.options import Options


def one_thread_for_numpy() -> None:
    """Keeps NumPy's products to the thread that asks for them; before NumPy is loaded.

    While the worker trains, the window's thread would wait for a second one, which gets no core: a
    tenth of a second for a product of a millisecond.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run(options: Options | None = None) -> int:
    """Opens the window and waits until it is closed; the exit code."""
    one_thread_for_numpy()
    # what a start loads and builds stays: looking through it for garbage takes a twentieth of it
    gc.disable()
    try:
        from maml_explorer.gui.app import lean_pyside

        lean_pyside.load()  # before anything else imports PySide

        from maml_explorer.gui.app.startup import show
        from maml_explorer.worker.handle import Worker

        return show(Worker(), options or Options())
    finally:
        gc.enable()
