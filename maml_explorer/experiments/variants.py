"""Variants of an ablation: tricks of MAML, or algorithms by their inner steps in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.report.ablation_table import PLAIN

TOGETHER = "all together"


@dataclass(frozen=True)
class Trick:
    """One variant: a change of the plain algorithm, or another algorithm."""

    name: str
    changes: Callable[[Settings], dict[str, Value]]
    """The settings it changes; schedules depend on the number of outer steps."""
    together: bool = True
    """True if it is part of "all together"."""
    algorithm: str = "maml"
    against: str = PLAIN
    """Variant that its figures are compared with, task by task."""
    fewer: str = ""
    """The same algorithm with the fewest inner steps; "" where this is it."""


Variants = Mapping[str, Trick]
"""Name → variant, the plain algorithm first."""


SEVERAL = 5
"""Inner steps of the tricks that need several: with one, a multi-step loss changes nothing."""
INNER_CLIP, OUTER_CLIP = 10.0, 1.0
"""Largest norms of gradients where they are clipped: low enough to act on these tasks."""

CAVIA_LR = 1.0
"""α of a context that enters features (Zintgraf et al. 2019, and their code)."""


def _multi_step(settings: Settings) -> dict[str, Value]:
    until = max(1, settings.outer.outer_steps // 2)
    return {"inner_steps": SEVERAL, "multi_step_loss": True, "multi_step_until": until}


TRICKS: tuple[Trick, ...] = (
    Trick(f"{SEVERAL} inner steps", lambda s: {"inner_steps": SEVERAL}),
    Trick(f"{SEVERAL} inner steps, multi-step loss", _multi_step),
    Trick(
        "first order for the first half",
        lambda s: {"second_order_from": max(1, s.outer.outer_steps // 2)},
    ),
    Trick("learned rates per layer (LSLR)", lambda s: {"lslr": True}),
    # in all together the rates are per layer and step
    Trick("Meta-SGD", lambda s: {}, together=False, algorithm="meta_sgd"),
    Trick("cosine schedule", lambda s: {"schedule": "cosine"}),
    Trick(f"inner clipping at {INNER_CLIP:g}", lambda s: {"inner_clip": INNER_CLIP}),
    Trick(f"outer clipping at {OUTER_CLIP:g}", lambda s: {"outer_clip": OUTER_CLIP}),
    Trick("skip connections", lambda s: {"skip": True}),
    Trick("layer norm", lambda s: {"norm": "layer"}),
    # one network has one norm
    Trick("batch norm", lambda s: {"norm": "batch"}, together=False),
)
"""Tricks that are tried, in the order of the table."""


def tricks_of(settings: Settings) -> dict[str, Trick]:
    """Name → trick: the plain algorithm, each trick, and those that go together as one.

    Tricks that change nothing here are left out: skip connections of a network that has none, or a
    norm that is in use anyway.
    """
    tried = [trick for trick in TRICKS if _matters(trick, settings)]
    together: dict[str, Value] = {}
    for trick in tried:
        if trick.together:
            together |= trick.changes(settings)
    every = (Trick(PLAIN, lambda s: {}), *tried, Trick(TOGETHER, lambda s: together))
    return {trick.name: trick for trick in every}


def _matters(trick: Trick, settings: Settings) -> bool:
    changes = trick.changes(settings)
    if not all(map(settings.reads, changes)):
        return False
    changed = any(settings[key] != value for key, value in changes.items())
    return trick.algorithm != "maml" or changed


def algorithms_of(
    settings: Settings, keys: Sequence[str], train_steps: Sequence[int]
) -> dict[str, Trick]:
    """Name → variant: MAML and the algorithms, each with every number of inner steps in training.

    An algorithm without such a number comes once. Each is compared with MAML of as many steps, and
    MAML of more steps with that of the first. iMAML takes the settings' α where it is below 1/λ,
    and else 1/λ, as beyond 2/λ its pull overshoots. CAVIA takes its paper's where the context
    enters features.

    Args:
        keys: of the algorithms; MAML comes first in any case.
        train_steps: in order; the first has names without a number.
    """
    first, found = train_steps[0], []
    for key in dict.fromkeys(("maml", *keys)):
        counted = DECLARATIONS["inner_steps"].reads(ALGORITHMS[key])
        for count in train_steps if counted else (first,):
            own: dict[str, Value] = {"inner_steps": count} if counted else {}
            found.append(
                Trick(
                    _named(key, count, first),
                    partial(_own_settings, key=key, own=own),
                    algorithm=key,
                    against=PLAIN if key == "maml" else _named("maml", count, first),
                    fewer="" if count == first else _named(key, first, first),
                )
            )
    return {one.name: one for one in found}


def _named(key: str, count: int, first: int) -> str:
    label = ALGORITHMS[key].label
    return label if count == first else f"{label}, {count} inner steps"


def _own_settings(settings: Settings, key: str, own: Mapping[str, Value]) -> dict[str, Value]:
    """The values of an algorithm's own that differ from the settings."""
    wanted = dict(own)
    if ALGORITHMS[key].implicit:
        wanted["inner_lr"] = min(settings.inner.inner_lr, 1 / settings.inner.proximal)
    if ALGORITHMS[key].adapts == "context" and settings.inner.context_enters == "features":
        wanted["inner_lr"] = CAVIA_LR
    return {name: value for name, value in wanted.items() if settings[name] != value}
