"""changes.csv: what happened to a run while it trained, so that it can be replayed. Torch-free.

A row is (outer step, setting, old, new). Values are JSON; the arms are one row, as in a share
string. Four kinds of rows are no settings: "frozen" (an arm, and how many outer steps of its own
are left after it was set back), "revived" (an arm), "back" (an arm that the change of the next rows
brings back as it was when it left), and "begun from" (an arm, and the exported initialization that
it started from).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from maml_explorer.files.csv_text import text_of
from maml_explorer.files.reader import StorageError, read_text
from maml_explorer.files.strict_json import parse_json
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import changed_keys
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.share import arms_from_json, arms_to_json
from maml_explorer.settings.words import counted

MAX_CHANGES = 16 * 1024 * 1024
"""Most bytes of the file."""
ARMS, FROZEN, REVIVED, BACK, BEGUN_FROM = "arms", "frozen", "revived", "back", "begun from"

Row = tuple[int, str, str, str]
"""Outer step after which it happened, setting, old, new."""


def change_rows(outer_step: int, old: Settings, new: Settings) -> list[Row]:
    """The rows of a change of settings."""
    rows = [
        (outer_step, key, json.dumps(old[key]), json.dumps(new[key]))
        for key in changed_keys(old, new)
    ]
    if old.arms != new.arms:
        rows.append((outer_step, ARMS, arms_to_json(old.arms), arms_to_json(new.arms)))
    return rows


def frozen_row(outer_step: int, arm_name: str, own_step: int) -> Row:
    """The row of an arm that was set back to an outer step of its own."""
    return outer_step, FROZEN, arm_name, str(own_step)


def revived_row(outer_step: int, arm_name: str) -> Row:
    """The row of a frozen arm that goes on."""
    return outer_step, REVIVED, arm_name, ""


def back_row(outer_step: int, arm_name: str) -> Row:
    """The row of an arm that comes back; before those of the change that brings it."""
    return outer_step, BACK, arm_name, ""


def begun_from_row(arm_name: str, folder_name: str, trained: int) -> Row:
    """The row of an arm that started from what had been exported after `trained` outer steps."""
    return 0, BEGUN_FROM, arm_name, f"{folder_name} after {counted(trained, 'outer step')}"


def rewound(rows: Iterable[Row], outer_step: int) -> list[Row]:
    """The rows of a run that went back to an outer step, with the settings it had."""
    return [
        (min(row[0], outer_step), *row[1:])
        for row in rows
        if row[0] <= outer_step or row[1] not in (FROZEN, REVIVED)
    ]


def settings_before(settings: Settings, rows: Sequence[Row]) -> Settings:
    """The settings a run began with, from those it has now.

    Raises:
        SettingsError: where the rows do not belong to these settings.
    """
    values: dict[str, object] = {}
    for _, setting, old, _ in reversed(rows):
        if setting == ARMS:
            settings = settings.with_values(values).with_arms(arms_from_json(old))
            values = {}
        elif setting in DECLARATIONS:
            values[setting] = parse_json(old)
    return settings.with_values(values)


def settings_after(settings: Settings, rows: Sequence[Row]) -> Settings:
    """The settings after the changes of rows; of other kinds there must be none.

    Raises:
        SettingsError: where they are not allowed.
    """
    settings = settings.with_values(
        {key: parse_json(new) for _, key, _, new in rows if key != ARMS}
    )
    for _, key, _, new in rows:
        if key == ARMS:
            settings = settings.with_arms(arms_from_json(new))
    return settings


def changes_of(settings: Settings, rows: Sequence[Row]) -> list[tuple[int, Settings, Settings]]:
    """(outer step, settings before, settings after) of every change, from those a run has now.

    Raises:
        SettingsError: where the rows do not belong to these settings.
    """
    found: list[tuple[int, Settings, Settings]] = []
    now = settings_before(settings, rows)
    of_settings = [row for row in rows if row[1] == ARMS or row[1] in DECLARATIONS]
    for step, together in groupby(of_settings, key=itemgetter(0)):
        before, waiting = now, list[Row]()
        for row in together:
            waiting.append(row)
            if row[1] == ARMS:  # the end of one change: the next may name its arms
                now, waiting = settings_after(now, waiting), []
        now = settings_after(now, waiting)
        found.append((step, before, now))
    return found


def read_changes(path: Path) -> tuple[Row, ...]:
    """The rows of the file; none where there is no file.

    Raises:
        StorageError: where a row is not as this program writes it.
    """
    if not path.is_symlink() and not path.exists():
        return ()
    rows: list[Row] = []
    try:
        for step, setting, old, new in list(csv.reader(io.StringIO(read_text(path, MAX_CHANGES))))[
            1:
        ]:
            old, new = text_of(old), text_of(new)
            rows.append((int(step), setting, old, new))
            if setting in DECLARATIONS:
                parse_json(old), parse_json(new)
            elif setting == FROZEN:
                int(new)
            elif setting not in (ARMS, REVIVED, BACK, BEGUN_FROM):
                raise ValueError(setting)
            if not 0 <= (rows[-2][0] if len(rows) > 1 else 0) <= rows[-1][0] < 2**53:
                raise ValueError(step)
    except (ValueError, RecursionError, csv.Error) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} has a row that is not as this program writes it.") from None
    return tuple(rows)
