"""The command line. `--help` and `--version` load neither torch nor Qt.

Exit codes: 0 done; 1 failed while working (an arm diverged, the disk is full, interrupted); 2 the
arguments or input files are wrong. One line on stderr says what and what is allowed.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from maml_explorer.commands import (
    ablate,
    code,
    evaluate,
    export,
    import_weights,
    output,
    reproduce,
    sweep,
    train,
    worker,
)
from maml_explorer.commands.arguments import (
    Parser,
    UsageError,
    folder_path,
    joined_values,
    preset_of,
)
from maml_explorer.commands.completion import add_completion, print_completion
from maml_explorer.commands.data import add_data, opened_data
from maml_explorer.commands.output import RemarksHandler, say, tell
from maml_explorer.commands.own_tasks import add_own_tasks, open_own_tasks, own_task_values
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.version import __version__

COMMANDS = {
    "train": (train, "meta-train without a window"),
    "evaluate": (evaluate, "meta-test an exported initialization"),
    "reproduce": (reproduce, "train a preset and compare with the numbers published for it"),
    "ablate": (ablate, "train each trick on its own and all together, on the same tasks"),
    "sweep": (sweep, "train many runs over axes of settings and seeds, on all cores"),
    "worker": (worker, "train what the driver of a cluster sends"),
    "export": (export, "write an arm of a run folder as an exported initialization"),
    "import": (import_weights, "write weights of another program as an exported initialization"),
    "code": (code, "print a standalone PyTorch script of these settings"),
}
"""Name → (module with add_arguments and run, what it does)."""


EXAMPLES = {
    "train": "Example: maml-explorer train --preset finn-10-shot --set inner_lr=0.02 --out run",
    "evaluate": "Example: maml-explorer evaluate run/maml run/anil --shots 10",
    "reproduce": "Example: maml-explorer reproduce finn-10-shot --num-seeds 5 --out again",
    "ablate": "Example: maml-explorer ablate --outer-steps 2000 --seeds 0:3 --out tricks",
    "sweep": "Example: maml-explorer sweep --vary inner_lr=0.001:0.1:log:5 --seeds 0:3 --out sweep",
    "worker": "Example: maml-explorer worker --cluster scheduler.json --slots 4",
    "export": "Example: maml-explorer export run --algorithm maml --out maml",
    "import": "Example: maml-explorer import model.pt --preset finn-10-shot --out taken",
    "code": "Example: maml-explorer code --preset finn-10-shot --algorithm anil",
}
"""Command → a line for the end of its help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    output.set_up()
    return output.finish(_main(argv))


def _main(argv: Sequence[str] | None) -> int:
    parser = _parser()
    try:
        arguments, unknown = parser.parse_known_args(
            joined_values(sys.argv[1:] if argv is None else argv)
        )
        if unknown:
            parser.refuse(unknown, arguments.command)
    except SystemExit as end:  # --help, --version, wrong arguments
        return end.code if isinstance(end.code, int) else 2
    name = "maml-explorer" + (f" {arguments.command}" if arguments.command else "")
    _report_warnings(name)
    try:
        return int(arguments.run(arguments))
    except (UsageError, SettingsError, StorageError) as error:
        return _fail(name, error, 2)
    except OSError as error:
        return _fail(name, error, 1)
    except KeyboardInterrupt:
        return _fail(name, "stopped.", 1)


def _parser() -> Parser:
    parser = Parser(
        prog="maml-explorer",
        description="Watch an initialization learn to adapt: MAML and its relatives on sine "
        "regression. Without a command, the window opens.",
    )
    parser.add_argument("--version", action="version", version=f"maml-explorer {__version__}")
    parser.add_argument("--info", action="store_true", help="print versions, devices and paths")
    _add_window_flags(parser)
    parser.set_defaults(run=_window_or_info, command=None, what=None, data=None, own_tasks=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    window = commands.add_parser("gui", help="open the window")
    window.add_argument("what", nargs="?", metavar="FILE|SHARE", help="settings to begin with")
    _add_window_flags(window)
    add_data(window)
    add_own_tasks(window)
    window.set_defaults(run=_window)
    for name, (module, words) in COMMANDS.items():
        command = commands.add_parser(
            name, help=words, description=module.__doc__, epilog=EXAMPLES[name]
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    listing = commands.add_parser("presets", help="list the presets, or print one as TOML")
    listing.add_argument("name", nargs="?", metavar="NAME")
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    listing.set_defaults(run=_presets)
    add_completion(commands)
    commands.choices["completion"].set_defaults(
        run=lambda arguments: print_completion(parser, arguments.shell)
    )
    sheet = commands.add_parser("answers", help="print ten questions and answers to hand out")
    sheet.set_defaults(run=_answers)
    return parser


def _add_window_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reset", action="store_true", help="forget the remembered layout")
    parser.add_argument("--safe-mode", action="store_true", help="read nothing that is remembered")


def _window_or_info(arguments: argparse.Namespace) -> int:
    if not arguments.info:
        return _window(arguments)

    from maml_explorer.commands.info import info

    say(info())
    return 0


def _window(arguments: argparse.Namespace) -> int:
    try:
        return _opened_window(arguments)
    except ImportError as error:
        if not str(error.name or "PySide6").startswith(("PySide6", "shiboken6", "pyqtgraph")):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"The window needs Qt, which cannot be loaded ({reason}): install PySide6-Essentials "
            "and the system's libegl1 and libxkbcommon0. “maml-explorer train” needs neither."
        ) from None


def _opened_window(arguments: argparse.Namespace) -> int:
    from maml_explorer.files.reader import read_text
    from maml_explorer.gui.app.options import Options
    from maml_explorer.gui.app.run import run
    from maml_explorer.gui.lessons.toml_checks import is_lesson_file
    from maml_explorer.settings.presets import DEFAULT_PRESET, presets
    from maml_explorer.settings.share import MAX_SHARE, from_share, is_share
    from maml_explorer.storage.initialization.folder import load_initialization
    from maml_explorer.storage.kinds import described
    from maml_explorer.storage.own_images.layout import laid_out
    from maml_explorer.storage.run.folder import open_run

    flags = {"reset": arguments.reset, "safe_mode": arguments.safe_mode}
    what, data = arguments.what, arguments.data
    open_own_tasks(arguments)
    if what is None and data is None and arguments.own_tasks is not None:
        usual = presets()[DEFAULT_PRESET].settings
        settings = usual.with_values(own_task_values(arguments, usual))
        settings.refuse_unshown()
        return run(Options(settings=settings, **flags))
    if what is None:
        if data is not None and data.suffix != ".npz":
            laid_out(data)  # a folder of something else is refused before a window opens
        return run(Options(data=data, **flags))
    opened_data(arguments)  # for what needs it
    if is_share(what):
        from_share(what)  # a damaged one is refused before a window opens
        return run(Options(share=what, **flags))
    if what in presets():
        return run(Options(preset=preset_of(what), **flags))
    path = folder_path(what)
    kind = described(path)
    # a file of a run or an initialization stands for it, but its settings are a preset
    if kind.startswith("a file of") and path.suffix != ".toml":
        path = path.parent
        kind = described(path)
    if kind.startswith("a run folder"):
        return run(Options(settings=open_run(path)[1], run=path, **flags))
    if kind == "an exported initialization":
        load_initialization(path)  # a damaged one is refused before a window opens
        return run(Options(initialization=path, **flags))
    if is_lesson_file(path):
        return run(Options(lesson=path, **flags))
    if _is_own_file(path):
        return run(Options(file=path, **flags))
    if path.is_file() and path.stat().st_size <= MAX_SHARE:
        text = read_text(path, MAX_SHARE, follow=True).strip()
        if is_share(text):
            from_share(text)
            return run(Options(share=text, **flags))
    return run(Options(preset=preset_of(what), **flags))


def _is_own_file(path: Path) -> bool:
    """True for own points and weights of another program; damaged ones are refused."""
    from maml_explorer.files.points_text import points_of
    from maml_explorer.gui.files.own_points import SUFFIXES, read_points
    from maml_explorer.settings.presets import DEFAULT_PRESET, presets
    from maml_explorer.storage.foreign.heads import holds_weights

    if not path.is_file():
        return False
    if path.suffix.lower() in SUFFIXES:
        points_of(read_points(path), path.name)
        return True
    if not holds_weights(path):
        return False

    # loads torch, which every other start leaves until the window is there
    from maml_explorer.storage.foreign.importing import initialization_at

    initialization_at(path, presets()[DEFAULT_PRESET].settings, take_sizes=True)
    return True


def _presets(arguments: argparse.Namespace) -> int:
    from maml_explorer.settings.presets import load_preset, preset_json, preset_toml, presets

    if arguments.json:
        names = presets() if arguments.name is None else [arguments.name]
        found = [preset_json(load_preset(name)) for name in names]
        say(json.dumps(found if arguments.name is None else found[0], indent=2, allow_nan=False))
        return 0
    if arguments.name is not None:
        say(preset_toml(load_preset(arguments.name)).removesuffix("\n"))
        return 0
    known = presets()
    width = max(map(len, known))
    say("\n".join(f"{name:<{width}}  {one.title} ({one.source})" for name, one in known.items()))
    return 0


def _answers(arguments: argparse.Namespace) -> int:
    from maml_explorer.files.answer_sheet import answer_sheet

    say(answer_sheet().removesuffix("\n"))
    return 0


def _report_warnings(name: str) -> None:
    """Say on stderr what the storage says beside a file that was written."""
    logging.getLogger("maml_explorer").handlers[:] = [RemarksHandler(name)]


def _fail(name: str, error: Exception | str, code: int) -> int:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    tell(f"{name}: {' '.join(text.split())}")
    return code


if __name__ == "__main__":
    sys.exit(main())
