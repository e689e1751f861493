"""Progress of training in a notebook or a script: tqdm's bar where it is installed, else lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from maml_explorer.experiments.outcome import Progress
from maml_explorer.settings.words import counted

LINES = 10
"""Lines over a whole run where there is no bar."""
Follow = Callable[[Progress], None]


@contextmanager
def shown_progress(progress: bool | Follow | None) -> Iterator[Follow | None]:
    """The function to call after every outer step; None if nothing is shown.

    Args:
        progress: True shows a bar on stderr or in the notebook; a function is called itself.
    """
    if progress is None or isinstance(progress, bool):
        if not progress:
            yield None
            return
        try:
            tqdm = import_module("tqdm.auto").tqdm
        except ImportError:
            yield _lines
            return
        with tqdm(unit=" steps") as bar:
            yield lambda now: _advance(bar, now)
        return
    yield progress


def _advance(bar: Any, now: Progress) -> None:
    if bar.total is None:
        bar.reset(total=now.total)
        bar.initial = bar.n = now.done - 1  # a resumed run begins later
    if bar.update(now.done - bar.n):  # drawn now and then only
        bar.set_postfix_str(_losses(now), refresh=False)


def _lines(now: Progress) -> None:
    if now.done * LINES // now.total != (now.done - 1) * LINES // now.total:
        sys.stderr.write(f"{now.done} of {counted(now.total, 'outer step')}; loss {_losses(now)}\n")


def _losses(now: Progress) -> str:
    return ", ".join(f"{name} {loss:.3g}" for name, loss in now.losses.items())
