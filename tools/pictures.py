"""Takes pictures of the window in its states: python -m tools.pictures [FOLDER] [WORD …].

Drives the real window and the real worker through every panel, overlay and state, in both themes,
at 1280 × 800 and 1920 × 1080, and at scale factors 1.5 and 2. WORDs that are part of the name of
a kind ("dark", "1280", "x2") choose kinds, other WORDs ("palette", "diverged") choose states.
Without FOLDER only the README's pictures are taken, into docs/.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
    # its own screen is 800 × 800, and windows stay inside the screen
    os.environ["QT_QPA_PLATFORM"] += f":configfile={ROOT / 'tests' / 'gui' / 'screen.json'}"

from maml_explorer.worker import handle  # noqa: E402

handle.preload()

import numpy as np  # noqa: E402
from PySide6.QtCore import QEventLoop, QTimer  # noqa: E402
from PySide6.QtWidgets import QLabel, QWidget  # noqa: E402

from maml_explorer.gui.app.options import Options  # noqa: E402
from maml_explorer.gui.app.startup import application, greet, open_window  # noqa: E402
from maml_explorer.gui.files.export_dialog import ExportDialog  # noqa: E402
from maml_explorer.gui.panels import PANELS, TAB  # noqa: E402
from maml_explorer.gui.panels.images.panel import ImagesPanel  # noqa: E402
from maml_explorer.gui.panels.insight.tab import InsightTab  # noqa: E402
from maml_explorer.gui.session import image_edits, task_sampling  # noqa: E402
from maml_explorer.gui.window.window import MainWindow  # noqa: E402
from maml_explorer.protocol import commands, reports  # noqa: E402
from maml_explorer.settings.presets import Preset, load_preset  # noqa: E402
from maml_explorer.settings.settings import Settings  # noqa: E402

SIZES = {"1280x800": (1280, 800), "1920x1080": (1920, 1080)}
SCALED = {"1.5": (1280, 800), "2": (1280, 800)}
"""Scale factor → size of the window in its own pixels."""
README_SIZE = (1440, 900)
LESSONS = ("multi-task", "instability", "images")
"""Words of the lessons whose first page is photographed."""
TRAINED = 3_000
"""Outer steps of the run whose panels are photographed."""
IMAGES, IMAGES_TRAINED = "glyphs-2-way-4-shot", 800
"""Preset of the run of images, and its outer steps."""
CROSS = (((0.2, 0.5), (0.8, 0.5)), ((0.5, 0.2), (0.5, 0.8)))
RING = (tuple((0.5 + 0.35 * np.cos(a), 0.5 + 0.35 * np.sin(a)) for a in np.linspace(0, 6.3, 24)),)
"""Strokes of letters drawn by hand."""

Shots = Iterator[tuple[str, QWidget]]
"""Pairs of (the subject of a picture, the widget that shows it), one after another."""


@contextmanager
def window(
    begin_with: Settings | Preset, theme: str, size: tuple[int, int], *, first: bool = False
) -> Iterator[MainWindow]:
    """A window with a worker of its own, begun as at the first start or with `begin_with`."""
    application()
    options = Options(safe_mode=True)
    if isinstance(begin_with, Preset):
        options = replace(options, preset=begin_with)
    else:
        options = replace(options, settings=begin_with)
    opened = open_window(handle.Worker(), options)
    opened.appearance.use(theme)
    opened.resize(*size)
    if first:
        greet(opened, Options(safe_mode=True))
    opened.show()
    opened.session.start()
    try:
        session = opened.session
        wait(opened, lambda: (session.task.probed or session.images.probed) is not None)
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


def step_of(opened: MainWindow) -> int:
    """Where the run stands."""
    status = opened.session.status
    return status.outer_step if status is not None else 0


def train_to(opened: MainWindow, outer_step: int) -> None:
    """Trains until there, and goes on training."""
    opened.session.control.train()
    wait(opened, lambda: step_of(opened) >= outer_step, 600)


def pause(opened: MainWindow) -> None:
    """Pauses, and waits until the meta-test has said what it finds."""
    opened.session.control.pause()
    wait(opened, lambda: opened.session.link.phase is reports.Phase.PAUSED)
    wait_for(1.5)


def tested(opened: MainWindow) -> bool:
    """True where the meta-test is of the newest step."""
    test = opened.session.measured.meta_test
    return test is not None and test.outer_step == step_of(opened)


# ---------------------------------------------------------------- what is photographed


def of_the_start(opened: MainWindow) -> Shots:
    """The first start, inside the trained example, in the simple view too; and a lesson."""
    wait(opened, lambda: step_of(opened) > 0, 20)
    wait_for(3.0)
    yield "welcome", opened
    opened.columns.toggle_simple()
    wait_for(0.5)
    yield "welcome simple", opened
    opened.columns.toggle_simple()
    opened.lessons.choose_lesson()
    wait_for(0.5)
    yield "lessons", opened
    opened.lessons.list.dismiss()
    for name in LESSONS:
        opened.lessons.start(next(one for one in opened.lessons.shelf.shipped if name in one.name))
        wait_for(3.0)
        yield f"lesson {name}", opened
        opened.lessons.leave()
        wait_for(1.0)


def of_training(opened: MainWindow) -> Shots:
    """Before training, running, and every loss and axis that can be shown of it."""
    yield "start", opened
    train_to(opened, TRAINED)
    yield "training", opened
    pause(opened)
    yield "paused", opened
    losses = opened.columns.places["losses"].panel
    assert losses is not None
    for which, choice in (("loss", "inner"), ("loss", "held-out"), ("axis", 1), ("axis", 2)):
        losses.choose(**{which: choice})  # type: ignore[attr-defined]
        wait_for(0.4)
        yield f"losses {which} {choice}", losses
    losses.choose(loss="outer")  # type: ignore[attr-defined]
    losses.choose(axis=0)  # type: ignore[attr-defined]


def of_the_task(opened: MainWindow) -> Shots:
    """Edits to the task, as a user makes them."""
    session = opened.session
    for where in (task_sampling.LEFT_HALF, task_sampling.CLUSTERED):
        session.task.new_points(where)
        wait_for(0.6)
        yield f"points {where}", opened
    x = np.array([-4.0, -1.5, 0.5, 2.5, 4.0])
    session.task.set_probe(commands.ProbeTask(x, np.array([2.0, -1.0, 3.0, 0.0, -2.5])))
    wait_for(0.6)
    yield "points own", opened
    session.task.set_probe(commands.ProbeTask(np.zeros(0), np.zeros(0), 3.0, 1.0))
    wait_for(0.6)
    yield "points none", opened
    session.task.new_task()
    wait_for(0.6)


def pages(opened: MainWindow) -> Iterator[str]:
    """Shows every tab, page by page; the name of each."""
    for entry in PANELS.values():
        if entry.place == TAB:
            opened.columns.show_tab(entry.name)
            panel = opened.columns.places[entry.name].panel
            for page in panel.offered if isinstance(panel, InsightTab) else ("",):
                if isinstance(panel, InsightTab):
                    panel.show_page(page)
                yield f"{entry.name} {page}".strip()


def of_the_tabs(opened: MainWindow) -> Shots:
    """Every insight tab, with a pinned run."""
    session = opened.session
    session.pins.pin_run()
    session.editor.edit({"inner_lr": 0.03})
    train_to(opened, TRAINED + 1500)
    pause(opened)
    yield "pinned", opened
    session.pins.pin_run()
    for name in pages(opened):
        wait_for(2.0)
        yield f"tab {name}", opened


def of_stepping(opened: MainWindow) -> Shots:
    """Each press of "Inner step", with the lecture's pseudocode."""
    opened.columns.show_tab("pseudocode")
    seen: list[str] = []
    opened.session.link.stepped.connect(lambda stepped: seen.append(stepped.phase))
    for _ in range(6):
        if "update" in seen:
            break
        before = len(seen)
        opened.session.control.inner_step()
        wait(opened, lambda before=before: len(seen) > before, 10)
        yield f"stepping {seen[-1] if seen else 'nothing'}", opened
    opened.columns.show_tab("tasks")


def of_overlays(opened: MainWindow) -> Shots:
    """Palette, sheet, dialogs, popups, menus, tables."""
    opened.show_palette()
    wait_for(0.3)
    yield "palette", opened
    opened.palette_overlay.search.setText("theme")
    wait_for(0.2)
    yield "palette searching", opened
    opened.palette_overlay.dismiss()
    opened.show_shortcuts()
    wait_for(0.3)
    yield "shortcuts", opened
    opened.shortcut_sheet.dismiss()
    opened.files.save_preset()
    wait_for(0.2)
    yield "save preset", opened
    opened.files.ask.dismiss()
    dialog = ExportDialog(opened.session, opened)
    dialog.open()
    wait_for(0.3)
    yield "export", dialog
    dialog.close()
    hero = opened.columns.places["adaptation"].panel
    assert hero is not None
    arms = hero.arms  # type: ignore[attr-defined]
    popup = arms.edit_overrides(opened.session.settings.arms[0].name)
    wait_for(0.3)
    yield "overrides", popup
    popup.close()
    canvas = hero.canvas  # type: ignore[attr-defined]
    for name, menu in (
        ("file", opened.file_menu()), ("view", opened.view_menu()),
        ("arm", arms.menu("MAML")), ("plot", canvas.menu()),
    ):  # fmt: skip
        menu.popup(opened.mapToGlobal(opened.rect().topLeft()))
        wait_for(0.2)
        yield f"menu {name}", menu
        menu.close()
    numbers = canvas.show_table()
    wait_for(0.2)
    yield "numbers as a table", numbers
    numbers.close()


def of_changes(opened: MainWindow) -> Shots:
    """A search in the form, a staged restart, and the run after it."""
    session = opened.session
    opened.columns.form.search.setText("learning rate")
    wait_for(0.3)
    yield "search", opened
    opened.columns.form.search.setText("nothing like this")
    wait_for(0.3)
    yield "search nothing", opened
    opened.columns.form.search.clear()
    field = opened.columns.form.row("inner_lr").fields["inner_lr"].widget
    field.setFocus()
    wait_for(0.2)
    yield "slider", opened
    session.editor.edit({"hidden": (80, 80), "activation": "tanh"})
    wait_for(0.4)
    yield "staged", opened
    session.control.restart()
    wait(opened, lambda: step_of(opened) == 0, 10)
    yield "restarted", opened
    train_to(opened, 400)
    pause(opened)
    yield "restarted and trained", opened


def of_appearances(opened: MainWindow) -> Shots:
    """Text sizes, presenter mode, a narrow window, hidden parts."""
    for size in ("large", "largest"):
        opened.columns.set_text_size(size)
        wait_for(0.5)
        yield f"text {size}", opened
    opened.columns.set_text_size("")
    opened.columns.toggle_presenter()
    wait_for(0.6)
    yield "presenter", opened
    opened.columns.toggle_presenter()
    opened.columns.toggle_part("Losses")
    opened.columns.toggle_part("Settings")
    wait_for(0.4)
    yield "hidden parts", opened
    opened.columns.reset_layout()
    wait_for(0.3)


def of_trouble(opened: MainWindow) -> Shots:
    """Refused, diverged, failed."""
    session = opened.session
    opened.files.sharing.take("maml1:nonsense")
    wait_for(0.3)
    yield "refused", opened
    opened.banners.drop("share")
    session.editor.edit({"inner_lr": 90.0})
    session.control.train()
    wait(opened, lambda: bool(opened.banners.shown), 20)
    wait_for(1.5)
    yield "diverged", opened
    opened.columns.places["losses"].fail(RuntimeError("a picture of a panel that failed"))
    wait_for(0.3)
    yield "panel failed", opened
    opened.columns.places["losses"].build()
    # no such command: the loop meets an exception, as it would by a fault of its own
    session.link.worker.post("nonsense")  # type: ignore[arg-type]
    wait(opened, lambda: session.link.phase is reports.Phase.FAILED, 10)
    yield "failed", opened


def computing(opened: MainWindow) -> bool:
    """True while a view says that it is being computed."""
    labels = opened.findChildren(QLabel)
    return any(one.isVisible() and one.text().startswith("Computing") for one in labels)


def of_images(opened: MainWindow) -> Shots:
    """Images in training, drawn by hand, in every tab, and with five classes."""
    train_to(opened, IMAGES_TRAINED)
    wait_for(2.0)
    yield "images training", opened
    pause(opened)
    session, hero = opened.session, opened.columns.places["adaptation"].panel
    assert isinstance(hero, ImagesPanel)
    for step in (0, 1):
        hero.slider.setValue(step)
        wait_for(0.4)
        yield f"images step {step}", opened
    for name in pages(opened):
        wait_for(1.0)
        wait(opened, lambda: not computing(opened), 40)
        yield f"images tab {name}", opened
    session.images.clear()
    wait_for(0.5)
    yield "images none", opened
    for label, strokes in ((0, CROSS), (1, RING), (None, RING)):
        task = session.images.task
        assert task is not None
        session.images.edit(image_edits.with_drawn(task, strokes, label))
    wait_for(1.0)
    yield "images drawn", opened
    session.control.load_preset(load_preset("glyphs-5-way-1-shot"))
    session.control.restart()
    wait(opened, lambda: step_of(opened) == 0 and session.settings.images.ways == 5, 20)
    train_to(opened, IMAGES_TRAINED // 2)
    pause(opened)
    wait(opened, lambda: session.measured.meta_test is not None, 40)
    yield "images of five classes", opened


ONE_RUN = (
    of_training, of_the_task, of_the_tabs, of_stepping, of_overlays, of_appearances,
    of_changes, of_trouble,
)  # fmt: skip
OTHER_FAMILIES = {
    "tiny": {"amplitude_min": 1e-8, "amplitude_max": 1e-8, "noise": 1e-9, "phase_max": 0.0},
    "huge": {
        "amplitude_min": 100.0, "amplitude_max": 100.0, "x_min": -100.0, "x_max": 100.0,
        "noise": 5.0,
    },
    "noise": {"noise": 0.5, "phase_max": 6.283},
}  # fmt: skip


def states(theme: str, pixels: tuple[int, int]) -> Shots:
    """Every state of the window."""
    with window(Settings(), theme, pixels, first=True) as opened:
        yield from of_the_start(opened)
    with window(Settings(), theme, pixels) as opened:
        for shots in ONE_RUN:
            yield from shots(opened)
    for name, values in OTHER_FAMILIES.items():
        with window(Settings().with_values(values), theme, pixels) as opened:
            train_to(opened, 300)
            pause(opened)
            yield name, opened
    yield from image_states(theme, pixels)


def image_states(theme: str, pixels: tuple[int, int]) -> Shots:
    """Every state of the window on images."""
    with window(load_preset(IMAGES), theme, pixels) as opened:
        yield from of_images(opened)


def photograph(folder: Path, wanted: list[str], kinds: dict[str, tuple[str, tuple[int, int]]]):
    """Writes the wanted pictures: `kinds` is the end of their names → (theme, size)."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [word for word in wanted if any(word in kind for kind in kinds)]
    wanted = [word for word in wanted if word not in chosen]
    for kind, (theme, pixels) in kinds.items():
        if chosen and not any(word in kind for word in chosen):
            continue
        for nth, (state, widget) in enumerate(states(theme, pixels), 1):
            name = f"{nth:02d}-{state.replace(' ', '-')}-{kind}.png"
            if not wanted or any(word in state for word in wanted):
                widget.grab().save(str(folder / name))
                print(folder / name, flush=True)


def all_states(folder: Path, wanted: list[str]) -> None:
    """Every state at every size, theme and scale factor; the latter need a process each."""
    scale = os.environ.get("QT_SCALE_FACTOR")
    if scale is not None:
        photograph(folder, wanted, {f"light-x{scale}": ("light", SCALED[scale])})
        return
    kinds = {
        f"{theme}-{size}": (theme, pixels)
        for theme in ("light", "dark")
        for size, pixels in SIZES.items()
    }
    scaled = [factor for factor in SCALED if f"x{factor}" in wanted]
    if not scaled:
        photograph(folder, wanted, kinds)
    sized = any(word in kind for kind in kinds for word in wanted)
    for factor in scaled or (() if sized else SCALED):
        subprocess.run(
            [sys.executable, "-m", "tools.pictures", str(folder), *wanted],
            env=os.environ | {"QT_SCALE_FACTOR": factor}, check=True,
        )  # fmt: skip


def readme() -> None:
    """The pictures of the README: a run that has learned something."""
    for theme in ("light", "dark"):
        with window(Settings(), theme, README_SIZE) as opened:
            train_to(opened, 20_000)
            pause(opened)
            wait(opened, lambda opened=opened: tested(opened), 90)
            opened.session.control.train()
            wait_for(1.0)
            path = ROOT / "docs" / f"window-{theme}.png"
            opened.grab().save(str(path))
            print(path, flush=True)
    for theme in ("light", "dark"):
        with window(load_preset(IMAGES), theme, README_SIZE) as opened:
            train_to(opened, IMAGES_TRAINED)
            pause(opened)
            wait(opened, lambda: tested(opened), 90)
            opened.session.control.train()
            wait_for(3.0)
            path = ROOT / "docs" / f"images-{theme}.png"
            opened.grab().save(str(path))
            print(path, flush=True)


def main() -> None:
    """All pictures into a folder, or those of the README."""
    if len(sys.argv) > 1:
        all_states(Path(sys.argv[1]), sys.argv[2:])
    else:
        readme()


if __name__ == "__main__":
    main()
