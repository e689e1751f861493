"""Settings as scripts ask for them: a preset's name, a file, settings, and single values."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from maml_explorer.experiments.own_tasks import family_of_tasks, named_tasks
from maml_explorer.settings.declaration import SettingsError, quoted
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.presets import Preset, load_preset
from maml_explorer.settings.settings import Settings, algorithm_key, default_arm
from maml_explorer.storage.run.checkpoint import MAX_SEEDS
from maml_explorer.storage.run.folder import SETTINGS, is_run_folder

if TYPE_CHECKING:
    from maml_explorer.core.families.own_tasks.task import Task

Wanted = Settings | Preset | str | Path


def asked_settings(
    what: Wanted,
    algorithms: str | Iterable[str] | None,
    values: Mapping[str, object],
    tasks: Task | str | None = None,
) -> Settings:
    """The settings that are meant.

    Args:
        what: settings, a preset or its name, or the path of a settings file or a run folder.
        algorithms: of the arms, by key or label, "maml,fomaml" or a list; None keeps the arms.
        values: setting key → value.
        tasks: own tasks or their name; None keeps the family.

    Raises:
        SettingsError: naming what is not allowed and what is, the nearest name with it.
        StorageError: if a file cannot be read.
    """
    settings = _settings(what)
    if algorithms is not None:
        names = algorithms.split(",") if isinstance(algorithms, str) else algorithms
        # the arms first: a value must suit those that are trained, not those of the preset
        settings = settings.with_arms(tuple(default_arm(algorithm_key(str(n))) for n in names))
    given = dict(values)
    if tasks is None and family_of_tasks(given.get("family")):
        tasks = str(given.pop("family"))
    if tasks is not None:
        if "family" in given:
            raise SettingsError("tasks and family exclude each other: give one of them.")
        given = named_tasks(tasks).values(settings) | given
    return settings.with_values(given)


def asked_seeds(seeds: Iterable[int] | None, settings: Settings) -> tuple[int, ...]:
    """The seeds that are meant: those given, else that of the settings.

    Raises:
        SettingsError: if they are no list of different seeds.
    """
    if seeds is None:
        return (settings.run.seed,)
    if isinstance(seeds, (str, bytes)) or not isinstance(seeds, Iterable):
        raise SettingsError(
            f"seeds cannot be {quoted(seeds)}: allowed is a list such as [0, 1, 2] or range(3); "
            "for one seed give seed=0."
        )
    found = tuple(operator.index(DECLARATIONS["seed"].check(one)) for one in seeds)  # type: ignore[arg-type]
    if not 1 <= len(found) <= MAX_SEEDS or len(set(found)) < len(found):
        raise SettingsError(f"seeds are 1 to {MAX_SEEDS} different whole numbers.")
    return found


def _settings(what: Wanted) -> Settings:
    if isinstance(what, Settings):
        return what
    if isinstance(what, Preset):
        return what.settings
    if not isinstance(what, str | Path):
        raise SettingsError(
            f"{quoted(what)} names no settings: allowed are Settings, a preset or its name, and "
            "the path of a settings file or a run folder."
        )
    if is_run_folder(Path(what)):
        what = Path(what) / SETTINGS
    return load_preset(what).settings
