"""The one way a file is opened: a regular file with one name, and no link followed. Torch-free.

A run, an export, a session or a pin may come from anyone. A link in it could lead a write to a file
elsewhere, and opening a named pipe or a device waits or does something. What the user names
(a preset, a picture to save) may be a link: `follow` is for those.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from maml_explorer.files.resources import resources

_ALWAYS = (
    getattr(os, "O_BINARY", 0)
    # without it, opening a named pipe would wait for ever
    | getattr(os, "O_NONBLOCK", 0)
)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class UnfitError(OSError):
    """Something that is not opened: no regular file, a link, or a file with a second name."""

    def __init__(self, path: Path, why: str, code: int = errno.EINVAL) -> None:
        super().__init__(code, why, str(path))


def open_file(path: Path, flags: int, *, follow: bool = False, mode: int = 0o666) -> int:
    """The descriptor of a regular file.

    Args:
        path: where.
        flags: of `os.open`.
        follow: whether links may lead there, as for a path that the user has named.
        mode: of a file that is created.

    Raises:
        UnfitError: for anything but a regular file; without `follow`, for a symbolic link and for a
            file that has another name too.
        OSError: where it cannot be opened.
    """
    if not follow:
        check_file(path)
    try:
        descriptor = os.open(path, flags | _ALWAYS | (0 if follow else _NO_LINK), mode)
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise UnfitError(path, "it is a symbolic link, which is not followed") from None
        raise
    try:
        _check(path, os.fstat(descriptor), follow)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check_file(path: Path) -> bool:
    """True where there is a file at `path`, which is then regular and has one name.

    Raises:
        UnfitError: for anything else.
        OSError: where that cannot be seen.
    """
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    _check(path, status, follow=False)
    return True


def check_named(path: Path) -> bool:
    """True where what the user has named is a file; it may have other names too.

    Raises:
        UnfitError: for a folder, a pipe or a device, which is not to be replaced.
        OSError: where that cannot be seen.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    _check(path, status, follow=True)
    return True


def check_folder(path: Path) -> bool:
    """True where there is a folder at `path` that is no link.

    Raises:
        UnfitError: for a link or a file.
        OSError: where that cannot be seen.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISLNK(mode):
        raise UnfitError(path, "it is a symbolic link, which is not followed")
    if not stat.S_ISDIR(mode):
        raise UnfitError(path, "it is not a folder", errno.ENOTDIR)
    return True


def is_file(path: Path) -> bool:
    """True where a regular file that is no link is at `path`."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _check(path: Path, status: os.stat_result, follow: bool) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise UnfitError(path, "it is a symbolic link, which is not followed")
    if not stat.S_ISREG(status.st_mode):
        raise UnfitError(path, "it is a directory, a pipe or a device, not a file")
    if status.st_nlink > 1 and not follow and not _shipped(path):
        raise UnfitError(path, "it is a hard link, a file with a second name: copy the folder")


def _shipped(path: Path) -> bool:
    """True where the file came with the program: some installers link those from their stores."""
    return path.is_relative_to(resources())
