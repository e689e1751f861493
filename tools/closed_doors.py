"""Fails on calls and imports that the program must not contain.

Opening a file somebody sent must never run code, nothing is sent anywhere, and the window never
runs a nested event loop. So these doors stay closed in maml_explorer/, and this says where one
has been opened.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RUNS_CODE = "runs code from the file it reads"
NETWORK = "the program uses no network"
PROGRAM = "the program runs no other program"
MODULES = {
    "pickle": RUNS_CODE,
    "cPickle": RUNS_CODE,
    "cloudpickle": RUNS_CODE,
    "dill": RUNS_CODE,
    "joblib": RUNS_CODE,
    "marshal": RUNS_CODE,
    "shelve": RUNS_CODE,
    "pyqtgraph.configfile": RUNS_CODE,
    "pyqtgraph.parametertree": "leaks its widgets",
    "PySide6.QtCore.QProcess": PROGRAM,
    "aiohttp": NETWORK,
    "dask": NETWORK,
    "distributed": NETWORK,
    "ftplib": NETWORK,
    "http": NETWORK,
    "httpx": NETWORK,
    "PySide6.QtNetwork": NETWORK,
    "requests": NETWORK,
    "smtplib": NETWORK,
    "socket": NETWORK,
    "socketserver": NETWORK,
    "ssl": NETWORK,
    "subprocess": PROGRAM,
    "torch.distributed": NETWORK,
    "torch.hub": NETWORK,
    "torch.utils.model_zoo": NETWORK,
    "urllib": NETWORK,
    "urllib3": NETWORK,
    "websockets": NETWORK,
    "xmlrpc": NETWORK,
}
TEXT = "runs text as code"
BUILTINS = {"eval": TEXT, "exec": TEXT, "compile": TEXT, "__import__": "hides what is imported"}
ATTRIBUTES = {"processEvents": "runs a nested event loop: pull on a timer instead"}
QUALIFIED = {
    "torch.load": RUNS_CODE,
    "os.system": PROGRAM,
    "os.popen": PROGRAM,
    **{f"builtins.{name}": reason for name, reason in BUILTINS.items()},
}

DECLARED = {
    "experiments/sweep/engine.py": {
        "dask": "--workers and --cluster train on processes that Dask starts or finds",
        "distributed": "the same: on loopback, or with TLS",
    },
    "gui/panels/sweep/training.py": {
        "PySide6.QtCore.QProcess": "the window starts this program once more, to train a sweep",
    },
    "experiments/processes.py": {
        "torch.distributed": "--shards exchanges tensors with the processes that torchrun started, "
        "on loopback unless other machines are allowed",
    },
}
"""File of maml_explorer/ → module that it alone may import, and the reason. Those of the network
are imported when the command line asks for them, never by the window."""


def closed_module(name: str) -> str | None:
    """The reason this module is closed, by itself or by a package it lies in."""
    parts = name.split(".")
    prefixes = (".".join(parts[: n + 1]) for n in range(len(parts)))
    return next((MODULES[prefix] for prefix in prefixes if prefix in MODULES), None)


def opened(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, name and reason of every closed door that this syntax tree opens."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = [(name.name, closed_module(name.name)) for name in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                full = [f"{module}.{name.name}" for name in names]
                found = [(name, closed_module(name) or QUALIFIED.get(name)) for name in full]
            case ast.Name(id=name):
                found = [(name, BUILTINS.get(name))]
            case ast.Attribute(attr=name):
                full_name = ast.unparse(node)
                reason = ATTRIBUTES.get(name) or QUALIFIED.get(full_name)
                found = [(full_name, reason or closed_attribute(full_name))]
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                found = [("allow_pickle=True", RUNS_CODE)]
            case _:
                continue
        yield from ((node.lineno, name, reason) for name, reason in found if reason)


def closed_attribute(name: str) -> str | None:
    """The reason a dotted name such as torch.hub is closed; None for names of one part."""
    return MODULES.get(name) if "." in name else None


def declared(file: Path, name: str) -> bool:
    """True where a door is declared for this file."""
    doors = DECLARED.get(file.relative_to(ROOT / "maml_explorer").as_posix(), {})
    return any(name == door or name.startswith(f"{door}.") for door in doors)


def main() -> None:
    """Print every opened door as `file:line: name: reason`; exit code 1 if there is one."""
    faults = [
        f"{file.relative_to(ROOT)}:{line}: {name}: {reason}"
        for file in sorted((ROOT / "maml_explorer").rglob("*.py"))
        for line, name, reason in opened(ast.parse(file.read_text(encoding="utf-8")))
        if not declared(file, name)
    ]
    if faults:
        sys.exit("\n".join(faults))
    print("All doors are closed.")


if __name__ == "__main__":
    main()
