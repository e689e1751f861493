"""The one way a file is written: whole or not at all. Torch-free.

Nothing is written through a link, except where the user has named it: a link that leads to a file
or folder of theirs stays, and so do the modes that they gave.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from maml_explorer.files.lock import InUseError, hold
from maml_explorer.files.opening import check_file, check_folder, check_named, open_file

log = logging.getLogger("maml_explorer.storage")
"""Log of what the user must hear although the file is whole."""

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_APPENDED = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_SHORT = 100
"""Most bytes of a name that stands in another one."""
_PATIENCE = 2.0
"""Seconds to wait for a process that is between two renames."""


def write_bytes(path: Path, data: bytes, *, follow: bool = False) -> None:
    """Write a file so that at every instant it is whole: the old one, then the new one.

    The bytes go into a temporary file in the same folder, to disk, and are then renamed over the
    old file, whose mode they keep. Any error before that leaves the old file as it was and removes
    the temporary one. A folder that cannot be synchronized afterwards is logged as a warning: the
    new file is whole.

    Args:
        path: where.
        data: its new content.
        follow: whether a link there stays and the file that it leads to is written, as for what a
            person has named. Otherwise a link is refused.

    Raises:
        UnfitError: what is there is no regular file; nothing was changed.
        OSError: nothing was changed.
    """
    if follow:
        path = path.resolve() if path.is_symlink() else path
        mode = stat.S_IMODE(path.stat().st_mode) if check_named(path) else None
    else:
        mode = stat.S_IMODE(path.stat().st_mode) if check_file(path) else None
    temporary = path.with_name(f".{_short(path.name)}.{_unique()}.part")
    try:
        _write_new(temporary, data, mode)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def write_text(path: Path, text: str, *, follow: bool = False) -> None:
    """Write text as UTF-8; see :func:`write_bytes`."""
    write_bytes(path, text.encode(), follow=follow)


def write_passing(path: Path, text: str) -> None:
    """Write text so that readers see it whole, without waiting for the disk.

    For what can be made again: after a power cut it may be missing or empty.

    Raises:
        UnfitError: what is there is no regular file; nothing was changed.
        OSError: nothing was changed.
    """
    check_file(path)
    temporary = path.with_name(f".{_short(path.name)}.{_unique()}.part")
    try:
        _write_new(temporary, text.encode(), sync=False)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_folder(folder: Path, files: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """Write a folder of files so that it appears whole.

    The files go into a new folder beside it, which is then renamed. An older folder is moved
    aside, and removed last; where the renaming fails it is moved back.

    Args:
        folder: where; its parent is made where missing. A link to a folder stays.
        files: name → content. Names are chosen by the program, never read from a file.
        overwrite: replace a folder that is there and holds files of these names only.

    Raises:
        FileExistsError: something else is there, or the folder is and `overwrite` is false.
        InUseError: another process writes it.
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
    for name in held:
        check_file(folder / name)
    with new_folder(folder) as temporary:
        for name, data in files.items():
            _write_new(temporary / name, data)
            if name in held:
                take_mode(folder / name, temporary / name)


@contextmanager
def new_folder(folder: Path, keep: Callable[[Path, Path], None] | None = None) -> Iterator[Path]:
    """A folder to fill, which then takes the place of `folder` whole.

    It lies beside it and is renamed at the end of the context; an older folder is moved aside, and
    removed last. Any error leaves the older folder as it was. Between the two renames there is none
    for an instant: :func:`recover_folder` brings the older one back where the program was killed
    there. Where `folder` is a link to a folder, the link stays.

    Args:
        folder: where.
        keep: called with the older folder and the new one before that takes its place, and again
            before the older one is removed: it brings over what is to be kept.

    Raises:
        InUseError: another process writes it.
        OSError: nothing was changed.
    """
    folder = folder.resolve() if folder.is_symlink() and folder.is_dir() else folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with hold_beside(folder):
        present = folder.is_symlink() or folder.exists()
        stem = f".{_short(folder.name)}.{_unique()}"
        temporary, aside = folder.with_name(f"{stem}.part"), folder.with_name(f"{stem}.old")
        remove_parts(folder.parent, folder.name)
        try:
            temporary.mkdir()
            if present:
                take_mode(folder, temporary)
            yield temporary
            if present and keep is not None:
                keep(folder, temporary)
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
            _remove(aside, folder, keep)


@contextmanager
def hold_beside(folder: Path) -> Iterator[None]:
    """Holds the right to rename or replace a folder.

    Raises:
        InUseError: another process does.
        OSError: where the lock file, which lies beside it, cannot be made.
    """
    held = hold(folder.with_name(f".{_short(folder.name)}.lock"), folder)
    try:
        yield
    finally:
        held.release()


def recover_folder(folder: Path) -> bool:
    """Bring back a folder that a killed program had moved aside; whether there was one.

    A process that is just replacing the folder is waited for.
    """
    pattern = re.compile(rf"\.{re.escape(_short(folder.name))}\.[0-9a-f]{{16}}\.old")
    end = time.monotonic() + _PATIENCE
    try:
        while not (folder.is_symlink() or folder.exists()):
            left = [p for p in folder.parent.iterdir() if pattern.fullmatch(p.name)]
            left = [p for p in left if p.is_dir() and not p.is_symlink()]
            if not left:
                return False
            try:
                with hold_beside(folder):
                    if folder.is_symlink() or folder.exists():
                        return False
                    max(left, key=lambda path: path.stat().st_mtime).rename(folder)
                return True
            except InUseError:
                if time.monotonic() > end:
                    return False
                time.sleep(0.01)
    except (OSError, ValueError):
        return False
    return False


def remove_parts(folder: Path, name: str | None = None) -> None:
    """Removes what killed programs had not written to the end: temporary files and folders.

    Only for who holds the lock of their names: another process may be writing its own.

    Args:
        folder: where they lie.
        name: of the file or folder that they were to be; any unless given.
    """
    stem = ".+" if name is None else re.escape(_short(name))
    pattern = re.compile(rf"\.{stem}\.[0-9a-f]{{16}}\.part", re.DOTALL)
    with contextlib.suppress(OSError):
        for left in folder.iterdir():
            if not pattern.fullmatch(left.name) or left.is_symlink():
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            elif left.is_file():
                left.unlink(missing_ok=True)


def append_bytes(path: Path, data: bytes) -> None:
    """Append bytes to a file and bring them to disk.

    Raises:
        OSError: a part of them may be there.
    """
    _write_all(open_file(path, _APPENDED), data)


def cut_file(path: Path, size: int) -> None:
    """Cut a file to so many bytes.

    Raises:
        OSError: where that cannot be done.
    """
    descriptor = open_file(path, os.O_WRONLY)
    try:
        os.truncate(descriptor, size)
    finally:
        os.close(descriptor)


def bring_over(source: Path, target: Path) -> None:
    """Gives a file, link, pipe or device a second name in a folder that replaces the one it is in.

    Nothing is opened. Only where the file system has no second names is a file or link copied.

    Raises:
        OSError: where that cannot be done.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        if not (source.is_symlink() or source.is_file()):
            raise
        shutil.copy2(source, target, follow_symlinks=False)


def _unique() -> str:
    """A part of a name that no other process takes."""
    return os.urandom(8).hex()


def _short(name: str) -> str:
    """A name of at most `_SHORT` bytes; a longer one is cut and told apart by its digest."""
    data = os.fsencode(name)
    if len(data) <= _SHORT:
        return name
    import hashlib  # few names are that long, and the window starts without it

    digest = hashlib.sha256(data).hexdigest()[:16]
    return f"{data[: _SHORT - 17].decode(errors='ignore')}~{digest}"


def take_mode(old: Path, new: Path) -> None:
    """Gives `new` the mode of `old`; a disk without modes is left alone."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            new.chmod(stat.S_IMODE(old.lstat().st_mode))


def _write_new(path: Path, data: bytes, mode: int | None = None, *, sync: bool = True) -> None:
    """Create a file and, unless `sync` is false, bring its bytes to disk; it must not exist."""
    descriptor = open_file(path, _NEW_FILE)
    if mode is not None and os.name == "posix":
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, mode)
    _write_all(descriptor, data, sync=sync)


def _write_all(descriptor: int, data: bytes, *, sync: bool = True) -> None:
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if sync:
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


def _remove(aside: Path, folder: Path, keep: Callable[[Path, Path], None] | None) -> None:
    """Removes the older folder, after what came into it meanwhile was brought over."""
    try:
        if keep is not None:
            keep(aside, folder)
        if check_folder(aside):
            shutil.rmtree(aside)
    except OSError as error:
        log.warning("The older version was left behind as %s: %s.", aside, error.strerror)
