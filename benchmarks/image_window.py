"""An outer step of four arms on images while the window is live, against torch.func vmap.

Trains in the real window at full speed; in turn, the window then paused and not served, the same
four arms are trained one after the other by the program and by vmap on the exported module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks import window as loaded  # first: it says which threads NumPy has

import torch  # isort: skip

from benchmarks.images import ARMS, NETWORKS, Ours, Vmapped, arm_plan, check, settings_of
from benchmarks.measuring import Times, Work, alternate, figure, milliseconds, quick_asked, show
from maml_explorer.core.plan import intra_op_threads, prepare
from maml_explorer.gui.app.garbage_collection import collected_between_events
from maml_explorer.settings.settings import Settings, default_arm


def four_arms(network: Mapping[str, Any]) -> Settings:
    """The preset with this network and the four arms that are measured."""
    return settings_of(network).with_arms(tuple(map(default_arm, ARMS)))


def measure(network: Mapping[str, Any], rounds: int, seconds: float) -> list[list[str]]:
    """Rows of a table: ms of an outer step of four arms, and vmap's time over it."""
    settings = four_arms(network)
    torch.set_num_threads(intra_op_threads(prepare(settings)))
    plans = [arm_plan(settings_of(network), name) for name in ARMS]
    ours, theirs = [Ours(plan) for plan in plans], [Vmapped(plan) for plan in plans]

    def all_of(contenders: list[Ours] | list[Vmapped]) -> Work:
        def work(count: int) -> None:
            for one in contenders:
                one.train(count)

        return work

    works = {"plain": all_of(ours), "vmap": all_of(theirs)}
    watch, speed = loaded.Watch(), loaded.Speed()
    found: dict[str, list[float]] = {name: [] for name in works}
    with (
        loaded.window(watch, settings) as opened,
        collected_between_events(opened.session.link.status_changed),
    ):
        for index in range(rounds):
            turns = [
                lambda: loaded.train_in_window(opened, watch, seconds, speed),
                lambda: [
                    found[name].extend(times.rounds)
                    for name, times in alternate(works, 1, seconds).items()
                ],
            ]
            for turn in turns if index % 2 == 0 else reversed(turns):
                turn()
    vmap = Times(tuple(found["vmap"]))
    contenders = {
        "window live": Times(tuple(1 / value for value in speed.window)),
        "the same, answers to the window apart": Times(tuple(1 / value for value in speed.apart)),
        "without a window": Times(tuple(found["plain"])),
    }
    rows = []
    for name, times in contenders.items():
        ratio = vmap.over(times)
        rows.append([name, milliseconds(times.median), milliseconds(times.minimum),
                     figure(ratio.median), figure(ratio.minima)])  # fmt: skip
    rows.append(["torch.func vmap", milliseconds(vmap.median), milliseconds(vmap.minimum), "", ""])
    return rows


def main() -> None:
    """Prints a table per network."""
    quick = quick_asked(__doc__)
    rounds, seconds = (2, 2.0) if quick else (5, 6.0)
    for name, network in NETWORKS.items():
        for algorithm in ARMS:
            check(network, algorithm)
        show(
            f"Images, {name}: an outer step of four arms, 8 tasks, 5-way 1-shot",
            ["", "ms (median)", "ms (fastest)", "vmap × (median)", "× (fastest)"],
            measure(network, rounds, seconds),
            "",
        )


if __name__ == "__main__":
    main()
