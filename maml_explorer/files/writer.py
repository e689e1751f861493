"""The one way a file is written: whole or not at all.

Torch-free and without imports of this package, so that the kill tests start quickly.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("maml_explorer.storage")
"""What the person is to be told although the file is whole."""

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_APPENDED = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that at every instant it is whole: the old one, then the new one.

    The bytes go into a temporary file in the same folder, to disk, and are then renamed over the
    old file. Any error before that leaves the old file as it was and removes the temporary one. A
    folder that cannot be synchronized afterwards is logged as a warning: the new file is whole.

    Raises:
        OSError: nothing was changed.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        _write_new(temporary, data)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8; see :func:`write_bytes`."""
    write_bytes(path, text.encode())


def write_folder(folder: Path, files: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """Write a folder of files so that it appears whole.

    The files go into a new folder beside it, which is then renamed. An older folder is moved
    aside, and removed last; where the renaming fails it is moved back.

    Args:
        folder: where; its parent is made where missing.
        files: name → content. Names are chosen by the program, never read from a file.
        overwrite: replace a folder that is there and holds files of these names only.

    Raises:
        FileExistsError: something else is there, or the folder is and `overwrite` is false.
        OSError: nothing was changed.
    """
    recover_folder(folder)
    present = folder.is_symlink() or folder.exists()
    held = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if present and not folder.is_dir():
        raise FileExistsError(errno.EEXIST, "a file of that name is there", str(folder))
    if held and not overwrite:
        raise FileExistsError(errno.EEXIST, "the folder is not empty", str(folder))
    if held - files.keys():
        other = min(held - files.keys())
        raise FileExistsError(errno.EEXIST, f"the folder holds other files ({other})", str(folder))
    with new_folder(folder) as temporary:
        for name, data in files.items():
            _write_new(temporary / name, data)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which then takes the place of `folder` whole.

    It lies beside it and is renamed at the end of the context; an older folder is moved aside, and
    removed last. Any error leaves the older folder as it was. Between the two renames there is none
    for an instant: :func:`recover_folder` brings the older one back where the program was killed
    there.

    Raises:
        OSError: nothing was changed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    present = folder.is_symlink() or folder.exists()
    unique = secrets.token_hex(8)
    temporary = folder.with_name(f".{folder.name[:100]}.{unique}.part")
    aside = folder.with_name(f".{folder.name[:100]}.{unique}.old")
    try:
        temporary.mkdir()
        yield temporary
        _sync_folder(temporary)
        if present:
            folder.rename(aside)
        try:
            temporary.rename(folder)
        except BaseException:
            if present:
                aside.rename(folder)
            raise
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_folder(folder.parent)
    if present:
        _remove(aside)


def recover_folder(folder: Path) -> bool:
    """Bring back a folder that a killed program had moved aside; whether there was one."""
    pattern = re.compile(rf"\.{re.escape(folder.name[:100])}\.[0-9a-f]{{16}}\.old")
    try:
        if folder.is_symlink() or folder.exists():
            return False
        left = [p for p in folder.parent.iterdir() if pattern.fullmatch(p.name) and p.is_dir()]
        if not left:
            return False
        max(left, key=lambda path: path.stat().st_mtime).rename(folder)
    except (OSError, ValueError):
        return False
    return True


def append_bytes(path: Path, data: bytes) -> None:
    """Append bytes to a file and bring them to disk.

    Raises:
        OSError: a part of them may be there.
    """
    _write_all(os.open(path, _APPENDED, 0o666), data)


def _write_new(path: Path, data: bytes) -> None:
    """Create a file and bring its bytes to disk; it must not exist."""
    _write_all(os.open(path, _NEW_FILE, 0o666), data)


def _write_all(descriptor: int, data: bytes) -> None:
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warning(
            "%s was written, but may be lost if the power fails now: %s.", folder, error.strerror
        )


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        log.warning("The older version was left behind as %s: %s.", path, error.strerror)
