"""`maml-explorer train --replay`: a saved run trained again and compared."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping

from maml_explorer.commands.arguments import UsageError
from maml_explorer.commands.output import REMARKS, say, tell
from maml_explorer.commands.progress import ProgressBar
from maml_explorer.settings.declaration import Value
from maml_explorer.settings.groups import DECLARATIONS


def replay(arguments: argparse.Namespace, typed: Mapping[str, Value]) -> int:
    """Train a saved run again and compare; 1 where it differs.

    Args:
        arguments: of the command; `replay` is the run folder.
        typed: the settings that were typed, which do not go with it.

    Raises:
        UsageError: naming what does not go with it.
        StorageError: where the run cannot be read.
    """
    others = [DECLARATIONS[key].flag for key in typed]
    others += [
        f"--{name}"
        for name in ("preset", "algorithms", "seeds", "num-seeds", "out", "resume")
        if getattr(arguments, name.replace("-", "_"))
    ]
    if others:
        raise UsageError(
            f"--replay trains what the run says: it does not go with {', '.join(others)}."
        )

    from maml_explorer.experiments.replay import differences, replay_folder

    bar = None if arguments.quiet else ProgressBar(REMARKS)
    try:
        saved, settings, state = replay_folder(arguments.replay, bar)
    finally:
        if bar is not None:
            bar.close()
    differs = differences(saved.state, state)
    if saved.settings != settings:
        differs.append("the settings")
    if arguments.json:
        result = {"outer_step": state.outer_step, "equal": not differs, "differs": differs}
        say(json.dumps(result, indent=2))
    elif not differs:
        say(f"The replay equals the saved run at outer step {state.outer_step} bit for bit.")
    if differs:
        tell(
            f"maml-explorer train: the replay differs from the saved run in {', '.join(differs)}: "
            "another version, device, kind of kernels or number of threads may have trained it."
        )
    return 1 if differs else 0
