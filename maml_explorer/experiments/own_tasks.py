"""Own tasks by name: registered in the program, installed beside it, or an object of a module.

Code of others runs here, so nothing is imported but what the user names: a file never does.
"""

from __future__ import annotations

import difflib
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from maml_explorer.settings.declaration import SettingsError, quoted
from maml_explorer.settings.families import FAMILIES

if TYPE_CHECKING:
    from maml_explorer.core.families.own_tasks.opened import OwnTasks
    from maml_explorer.core.families.own_tasks.task import Task

GROUP = "maml_explorer.tasks"
"""Group of entry points under which other packages offer tasks."""


def register_task(name: str, task: Task) -> None:
    """Make tasks known under a name: to settings, runs that are opened, and the window.

    Args:
        name: 1 to 40 printable characters without a colon.
        task: an object with `sample(n, generator)`; it is called a few times, to be checked.

    Raises:
        SettingsError: naming the tasks, what is wrong with them, and what is allowed; tasks that
            were registered before stay.
    """
    _opened(name, task)


def installed_tasks() -> dict[str, EntryPoint]:
    """The tasks that installed packages offer, by name; none is imported."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def named_tasks(what: Task | str) -> OwnTasks:
    """The tasks that are meant, open from now on.

    Args:
        what: an object that samples tasks, the name of registered or installed ones, or
            "module:object".

    Raises:
        SettingsError: if there are none of that name, they cannot be imported, or they do not
            give what is allowed.
    """
    from maml_explorer.core.families.own_tasks.opened import newest_tasks

    if not isinstance(what, str):
        return _opened(_name_of(what), what)
    registered = newest_tasks(what)
    if registered is not None:
        return registered
    entry = installed_tasks().get(what)
    if entry is not None:
        return _opened(what, _imported(what, entry.module, entry.attr))
    module, colon, attribute = what.partition(":")
    if colon and module and attribute:
        found = _imported(what, module, attribute)
        return _opened(_name_of(found, attribute.rpartition(".")[2]), found)
    known = [*registered_names(), *installed_tasks()]
    near = difflib.get_close_matches(what[:40], known, n=1)
    hint = f": did you mean {near[0]}?" if near else f"; known are {', '.join(known) or 'none'}."
    raise SettingsError(
        f"There are no tasks {quoted(what)}: allowed are an object with sample(n, generator), "
        f"the name of registered or installed tasks, and module:object{hint}"
    )


def family_of_tasks(name: object) -> bool:
    """True if a task family that is asked for is the name of tasks, and not of a family."""
    if not isinstance(name, str) or name in FAMILIES:
        return False
    return name in registered_names() or name in installed_tasks()


def registered_names() -> list[str]:
    """The names of the tasks that are registered."""
    from maml_explorer.core.families.own_tasks.opened import open_names

    return open_names()


def _opened(name: str, task: Any) -> OwnTasks:
    from maml_explorer.core.families.own_tasks.opened import open_tasks
    from maml_explorer.core.families.own_tasks.task import checked_tasks

    tasks = checked_tasks(name, task)
    open_tasks(tasks)
    return tasks


def _name_of(task: object, usual: str = "") -> str:
    """The attribute `name`, else the usual name, else that of the class or module."""
    name = getattr(task, "name", None)
    if isinstance(name, str):
        return name
    own = getattr(task, "__name__", type(task).__name__)
    return usual or str(own).rpartition(".")[2][:40]


def _imported(what: str, module: str, attribute: str) -> Any:
    if "" not in sys.path:
        sys.path.append("")  # behind all else: a file beside the user hides no installed module
    try:
        found: Any = import_module(module)
        for part in attribute.split(".") if attribute else ():
            found = getattr(found, part)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SettingsError(f"The tasks {quoted(what)} cannot be imported: {said}.") from error
    return found
