"""Takes pictures of the window in its states: python -m tools.pictures [FOLDER].

Drives the real window and the real worker: start, training, paused with a person's own points,
stepping, diverged, tiny and huge values; light and dark; 1280 × 800 and 1920 × 1080. Without
FOLDER only the README's pictures are taken, into docs/.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from maml_explorer.worker import handle

handle.preload()

import numpy as np  # noqa: E402
from PySide6.QtCore import QEventLoop, QTimer  # noqa: E402

from maml_explorer.gui.app import Options  # noqa: E402
from maml_explorer.gui.startup import application, open_window  # noqa: E402
from maml_explorer.gui.window import MainWindow  # noqa: E402
from maml_explorer.settings import Settings  # noqa: E402
from maml_explorer.worker import messages as m  # noqa: E402

ROOT = Path(__file__).parents[1]
SIZES = {"1280x800": (1280, 800), "1920x1080": (1920, 1080)}
README_SIZE = (1440, 900)


@contextmanager
def window(settings: Settings, theme: str, size: tuple[int, int]) -> Iterator[MainWindow]:
    """A window with a worker of its own."""
    application()
    opened = open_window(handle.Worker(), Options(settings=settings, safe_mode=True))
    opened.appearance.use(theme)
    opened.resize(*size)
    opened.show()
    opened.session.start()
    try:
        wait(opened, lambda: opened.session.probed is not None)
        yield opened
    finally:
        opened.close()
        opened.deleteLater()
        wait_for(0.05)


def wait_for(seconds: float) -> None:
    """Lets the window live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec()


def wait(opened: MainWindow, reached: Callable[[], bool], seconds: float = 120.0) -> None:
    """Lets the window live until something is reached, and a little longer."""
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        wait_for(0.05)
    wait_for(0.3)


def step(opened: MainWindow) -> int:
    """Where the run stands."""
    status = opened.session.status
    return status.outer_step if status is not None else 0


def train_to(opened: MainWindow, outer_step: int) -> None:
    """Trains until there, and goes on training."""
    opened.session.train()
    wait(opened, lambda: step(opened) >= outer_step, 600)


def take(opened: MainWindow, path: Path) -> None:
    """One picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    opened.grab().save(str(path))
    print(path, flush=True)


def states(folder: Path, theme: str, size: str, pixels: tuple[int, int]) -> None:
    """Pictures of every state."""

    def name(state: str) -> Path:
        return folder / f"{state}-{theme}-{size}.png"

    with window(Settings(), theme, pixels) as opened:
        session = opened.session
        take(opened, name("1-start"))
        train_to(opened, 4000)
        take(opened, name("2-training"))
        session.pause()
        wait(opened, lambda: session.status.phase is m.Phase.PAUSED)
        wait_for(2)
        x = np.array([-4.0, -1.5, 0.5, 2.5, 4.0])
        session.set_probe(m.ProbeTask(x, np.array([2.0, -1.0, 3.0, 0.0, -2.5])))
        wait_for(0.6)
        take(opened, name("3-own-points"))
        session.new_task()
        for tab in range(opened.tabs.count()):
            opened.tabs.setCurrentIndex(tab)
            session.inner_step()
            wait_for(0.6)
            take(opened, name(f"4-stepping-tab-{tab}"))
        session.edit({"inner_lr": 90.0})
        session.train()
        wait(opened, lambda: bool(opened.banners.findChildren(object)), 20)
        wait_for(2)
        take(opened, name("5-diverged"))
    tiny = Settings().with_values(
        {"amplitude_min": 1e-8, "amplitude_max": 1e-8, "noise": 1e-9, "phase_max": 0.0}
    )
    huge = Settings().with_values(
        {"amplitude_min": 100, "amplitude_max": 100, "x_min": -100, "x_max": 100, "noise": 5.0}
    )
    noisy = Settings().with_values({"noise": 0.5, "phase_max": 6.283})
    for label, settings in (("6-tiny", tiny), ("7-huge", huge), ("8-noise", noisy)):
        with window(settings, theme, pixels) as opened:
            train_to(opened, 300)
            opened.session.pause()
            wait_for(1.5)
            take(opened, name(label))


def readme() -> None:
    """The pictures of the README: a run that has learned something."""
    settings = Settings()
    for theme in ("light", "dark"):
        with window(settings, theme, README_SIZE) as opened:
            train_to(opened, 20_000)
            take(opened, ROOT / "docs" / f"window-{theme}.png")


def main() -> None:
    """All pictures into a folder, or those of the README."""
    if len(sys.argv) > 1:
        for theme in ("light", "dark"):
            for size, pixels in SIZES.items():
                states(Path(sys.argv[1]), theme, size, pixels)
    else:
        readme()


if __name__ == "__main__":
    main()
