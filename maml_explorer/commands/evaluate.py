"""`maml-explorer evaluate`: the meta-test of an exported initialization."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from maml_explorer.commands.arguments import UsageError, folder_path, number_list, whole_number
from maml_explorer.commands.data import add_data, opened_data
from maml_explorer.commands.output import say, tell
from maml_explorer.commands.own_tasks import add_own_tasks, open_own_tasks
from maml_explorer.experiments.result_tables import (
    difference_table,
    evaluation_table,
    forgetting_table,
)
from maml_explorer.settings.declaration import Value
from maml_explorer.storage.run.records import ALONE, TOGETHER

if TYPE_CHECKING:
    from maml_explorer.storage.initialization.folder import Initialization

MAX_STEPS = 51
_SEEN = {
    TOGETHER: "Batch norm sees all query images of a task together (transductive).",
    ALONE: "Batch norm sees one query image at a time, with the support set.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "folders",
        metavar="INIT_DIR",
        type=folder_path,
        nargs="+",
        help="folder of an exported initialization; of several, each is also compared to the one "
        "before it, on the same tasks",
    )
    parser.add_argument(
        "--shots",
        metavar="K",
        help="support points, for images of each class (default 5 for sines, for images those it "
        "was trained with)",
    )
    parser.add_argument("--inner-steps", default="0,1,5,10", metavar="K,K", help="default 0,1,5,10")
    parser.add_argument("--tasks", default="600", metavar="N", help="held-out tasks (default 600)")
    parser.add_argument(
        "--seed", metavar="S", help="of the held-out tasks (default: that it was trained with)"
    )
    parser.add_argument(
        "--transduction",
        choices=(TOGETHER, ALONE),
        default=TOGETHER,
        help="what batch norm sees: all query points of a task together (default), or one of them "
        "alone with the support set",
    )
    add_data(parser)
    add_own_tasks(parser)
    parser.add_argument("--json", action="store_true", help="print the record as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the record.

    Raises:
        UsageError: before anything was computed; so do SettingsError and StorageError.
    """
    shots = None
    if arguments.shots is not None:
        shots = whole_number(arguments.shots, "shots", "--shots")
    steps = number_list(arguments.inner_steps, "test_steps", "--inner-steps", MAX_STEPS)
    tasks = whole_number(arguments.tasks, "test_tasks", "--tasks")
    seed = None if arguments.seed is None else whole_number(arguments.seed, "seed", "--seed")

    from maml_explorer.experiments.api import compare
    from maml_explorer.experiments.streams import forgetting_of
    from maml_explorer.storage.initialization.folder import CHANGED, load_initialization

    open_own_tasks(arguments)
    data = opened_data(arguments)
    initializations = [_on_data(load_initialization(folder), data) for folder in arguments.folders]
    for folder, found in zip(arguments.folders, initializations, strict=True):
        if found.changed:
            tell(f"maml-explorer evaluate: {folder}: {CHANGED}")
    if seed is None:
        seed = initializations[0].settings.run.seed
    result = compare(initializations, shots, steps, tasks, seed, arguments.transduction == ALONE)
    forgot = {
        index: forgetting_of(one, shots, tasks, seed)
        for index, one in enumerate(initializations)
        if one.settings.family.stream
    }
    for index, errors in forgot.items():
        result["records"][index]["forgetting"] = dataclasses.asdict(errors)
    if arguments.json:
        one = result["records"][0] if len(initializations) == 1 else result
        text = json.dumps(one, allow_nan=False)
    else:
        blocks = [evaluation_table(record) for record in result["records"]]
        for index, one in enumerate(initializations):
            if one.settings.family.images and one.settings.model.norm == "batch":
                blocks[index] += "\n" + _SEEN[arguments.transduction]
            family = one.settings.family
            if index in forgot:
                blocks[index] += "\n\n" + forgetting_table(one.arm.name, forgot[index])
            if one.arm.algorithm == "mtl" and family.curve is not None:
                blocks[index] += "\n" + _distance(one)
        if result["paired"]:
            blocks.append(
                difference_table(
                    result["paired"], list(steps), initializations[0].settings.family.figure
                )
            )
        text = "\n\n".join(blocks)
    say(text)
    return 0


def _on_data(initialization: Initialization, data: Mapping[str, Value]) -> Initialization:
    """The initialization, tested on the data that was given instead of its own tasks."""
    trained = initialization.settings
    if not data or trained.images.data == data["data"]:
        return initialization
    if not trained.family.images:
        raise UsageError(
            f"--data is for initializations of images, and {initialization.arm.name} is of "
            f"{trained.family.label.lower()}."
        )
    settings = trained.with_values(data)
    tell(
        f"{initialization.arm.name} was trained on {trained.family.label.lower()} and is tested on "
        "the images of --data."
    )
    return replace(initialization, settings=settings)


def _distance(initialization: Initialization) -> str:
    """One line on where joint training has converged to."""
    import torch

    from maml_explorer.core.families.curve_family import single_gap
    from maml_explorer.core.families.curve_tasks import single_predictor
    from maml_explorer.core.meta_test import at_theta
    from maml_explorer.core.models.table import network

    model = network(initialization.settings)
    theta = torch.from_numpy(initialization.parameters.copy())
    gap = single_gap(initialization.settings, at_theta(model, theta))
    formula = single_predictor(initialization.settings.tasks)[1]
    which = f", {formula}" if formula else ""
    return f"Mean squared distance of θ to the best single predictor{which}: {gap:.3g}"
