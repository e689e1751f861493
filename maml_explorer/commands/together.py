"""`torchrun … -m maml_explorer train --shards N`: one run that several processes train together.

The first process reads and writes all files; the others are told what to train, and write nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from maml_explorer.commands.arguments import UsageError
from maml_explorer.commands.asked import AskedRun, asked_run, begun_folder, resumed_run
from maml_explorer.commands.output import tell
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.text import from_toml, to_toml

if TYPE_CHECKING:
    from maml_explorer.core.shards import Shards
    from maml_explorer.experiments.processes import Processes

_NEW = b"a new run"
"""Text in place of a checkpoint."""


def process_count(environment: Mapping[str, str] = os.environ) -> int:
    """Processes that were started together; 1 where this one was started by itself."""
    size = environment.get("WORLD_SIZE", "1")
    several = size.isdecimal() and "RANK" in environment and "MASTER_ADDR" in environment
    return max(1, int(size[:6])) if several else 1


def begun_again(environment: Mapping[str, str] = os.environ) -> bool:
    """True where torchrun has started the processes once more, since one of them ended."""
    return environment.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def train_together(
    arguments: argparse.Namespace,
    typed: Mapping[str, Value],
    trained: Callable[[argparse.Namespace, AskedRun, Shards], int],
) -> int:
    """This process's part in training one run; the exit code.

    Args:
        arguments: of the command.
        typed: the settings that were typed.
        trained: called in the first process: trains and writes.

    Raises:
        UsageError: before anything was written; so do SettingsError and StorageError.
        OSError: where the disk fails.
    """
    from maml_explorer.experiments.processes import ProcessLostError, joined

    with joined(insecure=arguments.insecure) as processes:
        if processes.rank:
            try:
                return _followed(processes)
            except (ProcessLostError, KeyboardInterrupt):  # the first process says it
                return 1
        try:
            return _led(arguments, typed, processes, trained)
        except ProcessLostError as error:
            out = arguments.out
            how = f"go on with --out {out} --resume" if out else "nothing was saved"
            tell(f"maml-explorer train: {error} The run was stopped; {how}.")
            return 1


def _led(
    arguments: argparse.Namespace,
    typed: Mapping[str, Value],
    processes: Processes,
    trained: Callable[[argparse.Namespace, AskedRun, Shards], int],
) -> int:
    """Say what is trained, train it and write it; a new folder is made when all agree."""
    from maml_explorer.core.plan import prepare
    from maml_explorer.core.shards import refuse_shards
    from maml_explorer.experiments.processes import refuse_where_slower
    from maml_explorer.storage.run.folder import CHECKPOINT

    works: list[AskedRun] = []

    def asked() -> bytes:
        _refuse_what_is_for_one_process(arguments)
        work = resumed_run(arguments, typed) if arguments.resume else asked_run(arguments, typed)
        if not work.shards:
            size = processes.size
            raise UsageError(f"There are {size} processes: give --shards N, a multiple of {size}.")
        refuse_shards(work.shards, work.settings.outer.meta_batch, processes.size)
        if not begun_again():
            refuse_where_slower(prepare(work.settings))
        works.append(work)
        return _text(work)

    def state() -> bytes:
        work = works[0]
        if work.folder is None and arguments.out:
            # the same command once more, by torchrun, goes on
            works[0] = work = begun_folder(arguments.out, work, resume=begun_again())
        if work.folder is None or work.checkpoint is None:
            return _NEW
        return (work.folder.path / CHECKPOINT).read_bytes()

    _tell(processes, asked)
    shards = processes.shards(works[0].shards)
    processes.refuse_different(prepare(works[0].settings, shards=shards))
    _tell(processes, state)
    return trained(arguments, works[0], shards)


def _followed(processes: Processes) -> int:
    """Train what the first process says, and write nothing."""
    from maml_explorer.core.plan import prepare
    from maml_explorer.experiments.training import train_headless
    from maml_explorer.files.reader import StorageError
    from maml_explorer.storage.run.checkpoint import load_checkpoint

    text = processes.told(None)
    if text is None:
        return 1
    about = json.loads(text)
    settings, shards = from_toml(about["settings"]), processes.shards(about["shards"])
    plan = prepare(settings, shards=shards)
    try:
        processes.refuse_different(plan)
    except StorageError:  # the first process says it
        return 1
    state = processes.told(None)
    if state is None:
        return 1
    checkpoint = None
    if state != _NEW:
        with tempfile.TemporaryDirectory(prefix="maml-explorer-") as folder:
            path = Path(folder) / "checkpoint.safetensors"
            path.write_bytes(state)
            checkpoint = load_checkpoint(path, plan)
        if about["again"]:
            checkpoint = dataclasses.replace(checkpoint, results={})
    train_headless(
        settings, about["seeds"], checkpoint=checkpoint, meta_tested=False, shards=shards
    )
    return 0


def _tell(processes: Processes, text: Callable[[], bytes]) -> None:
    """Tell all a text; where it cannot be made, the others hear that they may end."""
    try:
        found = text()
    except BaseException:
        processes.told(None)
        raise
    processes.told(found)


def _text(work: AskedRun) -> bytes:
    """The run for the other processes, who have no files."""
    return json.dumps(
        {
            "settings": to_toml(work.settings),
            "seeds": list(work.seeds),
            "shards": work.shards,
            # a run that was done and gets more outer steps
            "again": work.checkpoint is not None and not work.checkpoint.results,
        }
    ).encode()


def _refuse_what_is_for_one_process(arguments: argparse.Namespace) -> None:
    for flag, given in (
        ("--workers", arguments.workers is not None),
        ("--cluster", arguments.cluster is not None),
        ("--tls", arguments.tls is not None),
        ("--insight", arguments.insight),
    ):
        if given:
            raise UsageError(f"{flag} does not go with the processes that torchrun starts.")
