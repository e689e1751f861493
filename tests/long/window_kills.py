"""Windows that train and save, and are killed, or whose display is, or whose worker fails."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from maml_explorer.gui.app import crash_recovery, startup
from maml_explorer.gui.app.left_sessions import LeftSessions, in_words
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.window.remembered_layout import layout_path
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.folder import METRICS, open_run
from maml_explorer.storage.run.metrics import last_outer_step
from maml_explorer.worker import handle
from tests.gui.app.started import CODE
from tests.long.children import SIGNALS, Count, child, wrong
from tests.long.report import Row

LOADED = (crash_recovery, startup, handle)
"""What a child would load otherwise."""
SIDE_BY_SIDE = 3
"""Windows on one display server, which all die with it."""
LONGEST = 2.5
"""Seconds from the birth of a window's session to the end of it, at most."""


def window(*wishes: str) -> int:
    """A window in this process."""
    sys.argv = ["window", *wishes]
    exec(compile(CODE, "window", "exec"), {"__name__": "__main__"})
    return 0


def checked(home: Path, said: str) -> tuple[int, int]:
    """(faults, 1 where a session was saved and is offered)."""
    steps = [int(line.split()[1]) for line in said.splitlines() if line.startswith("saved ")]
    left = LeftSessions(home / "maml-explorer" / "sessions")
    runs, _ = left.found()
    offered = [path for path in runs if "outer step" in in_words(path)]
    kept = max((last_outer_step(path / METRICS) for path in offered), default=0)
    left.close()
    for path in offered:
        open_run(path)
    torn = len(runs) != len(offered)
    lost = bool(steps) and kept < max(steps)
    return int(wrong(torn or lost, "lost:", home, said)), int(bool(offered))


def _await(home: Path, what: str) -> None:
    """Waits until a window has made something of its session, or a while."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if any((home / "maml-explorer" / "sessions").glob(f"session-*{what}")):
            return
        time.sleep(0.005)


def displays(count: Count, dice: random.Random, place: Path) -> Row:
    """Windows whose display server is killed, some side by side."""
    faults = offered = servers = 0
    while count.goes_on():
        read, write = os.pipe()
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24"],
            pass_fds=(write,), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        number = ":" + os.read(read, 16).decode().strip()
        os.close(read)
        os.close(write)
        homes, runs = [], []
        for nth in range(SIDE_BY_SIDE):
            home = place / f"home-{servers}-{nth}"
            home.mkdir()
            homes.append(home)
            runs.append(
                child(lambda: window("train"), DISPLAY=number, QT_QPA_PLATFORM="xcb",
                      XDG_CONFIG_HOME=str(home), XDG_DATA_HOME=str(home))
            )  # fmt: skip
        # a third before, while and after the first save of one of them
        _await(dice.choice(homes), dice.choice(("", ".lock", "/checkpoint.safetensors")))
        time.sleep(dice.uniform(0, LONGEST))
        server.kill()
        server.wait()
        servers += 1
        for home, run in zip(homes, runs, strict=True):
            run.end()
            fault, one = checked(home, run.said())
            faults += fault
            offered += one
            count.done += 1
            shutil.rmtree(home)
    figures = f"by {servers} servers; {offered} had saved a session, which is offered whole"
    return Row("the display server is killed", f"{count.done:,}", figures, faults)


def windows(count: Count, dice: random.Random, place: Path) -> Row:
    """Windows that are killed by a signal.

    A process of their own builds one window, and each that is killed is a fork of it: its session,
    files, worker and event loop are its own.
    """
    seed = dice.randrange(2**31)
    nursery = child(lambda: _nursery(count, random.Random(seed), place))
    with os.fdopen(nursery.output, encoding="utf-8") as lines:
        found = [0, 0, 0]
        for line in lines:
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                continue
            sys.stderr.write(line)
    code = os.waitstatus_to_exitcode(os.waitpid(nursery.number, 0)[1])
    done, faults, offered = found
    faults += wrong(code != 0, "the windows ended with", code)
    figures = f"{offered} had saved a session, which is offered whole"
    return Row("the window is killed", f"{done:,}", figures, faults)


def _nursery(count: Count, dice: random.Random, place: Path) -> int:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    small = Settings().with_values({"hidden": (8, 8), "meta_batch": 4})
    startup.application()
    built = startup.open_window(handle.Worker(), Options(settings=small, safe_mode=True))
    startup.open_window = lambda *_: built  # type: ignore[assignment]
    faults = offered = 0
    while count.goes_on():
        home = place / f"home-{count.done}"
        home.mkdir()

        def work() -> int:
            built._layout_path = layout_path()
            return window("train")

        run = child(work, XDG_CONFIG_HOME=str(home), XDG_DATA_HOME=str(home))
        if dice.random() < 0.8:
            _await(home, ".lock")
        time.sleep(dice.uniform(0, LONGEST))
        run.end(dice.choice(SIGNALS))
        fault, one = checked(home, run.said())
        faults += fault
        offered += one
        count.done += 1
        shutil.rmtree(home)
        print(json.dumps([count.done, faults, offered]))
    return 0
