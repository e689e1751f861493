"""Files that a user laid beside a run: kept where the run is replaced."""

from __future__ import annotations

import os
import re
from pathlib import Path

from maml_explorer.files.opening import check_file
from maml_explorer.files.writer import bring_over, take_mode

LEFT_BEHIND = re.compile(r"\..{1,100}\.[0-9a-f]{16}\.(part|old)", re.DOTALL)
"""Names of what a killed save leaves behind."""
_SEED = re.compile(r"/seed-\d{1,10}/")


def keep_others(old: Path, new: Path, own: set[str], kept: set[str]) -> None:
    """Brings over the user's own files beside a run; links, pipes and modes stay the same.

    Relative names of what was brought over are added to `kept`, and not brought over again.

    Raises:
        OSError: where a file of the user has the name of a file of the run.
    """
    for place, folders, names in os.walk(old):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in [*names, *links]:
            source = here / name
            within = source.relative_to(old).as_posix()
            if LEFT_BEHIND.fullmatch(name) or within in kept:
                continue
            if _SEED.sub("/", within) in own:
                if check_file(source) and (new / within).exists():
                    take_mode(source, new / within)
                continue
            (new / within).parent.mkdir(parents=True, exist_ok=True)
            bring_over(source, new / within)
            kept.add(within)
        exported = {name.split("/")[0] for name in own if "/" in name}
        for name in folders:
            within = (here / name).relative_to(old).as_posix()
            if name not in links and _SEED.sub("/", f"{within}/")[:-1] not in exported:
                (new / within).mkdir(parents=True, exist_ok=True)
                take_mode(here / name, new / within)
