"""The lock of a folder: kept by the system, with a text that names its holder. Torch-free.

A process number says nothing: it comes again, and means another process in another container or on
another host. A lock belongs to what holds it and goes with it, however that ends. The text holds a
random token, so that a holder notices when the folder is no longer its own.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import sys
import time
import weakref
from pathlib import Path

from maml_explorer.files.opening import open_file
from maml_explorer.files.reader import StorageError, read_bytes
from maml_explorer.files.strict_json import parse_json

MOST = 4096
"""Most bytes of the text."""
_FAR = 2**30
"""The byte that is locked on Windows, where nobody could read a locked text."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EINVAL, getattr(errno, "ENOTSUP", errno.ENOSYS))
"""Errors of a file system without locks; there only the token tells who writes."""
_TRIES = 1000

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class InUseError(StorageError):
    """Another process writes there; the text says which."""


class TakenOverError(OSError):
    """The folder is another process's by now, or another folder: nothing may be written."""


class Held:
    """A lock that is held until :meth:`release`, or until the process ends, however it ends."""

    def __init__(self, path: Path, descriptor: int, token: str) -> None:
        self.path = path
        self._descriptor, self._token = descriptor, token
        self._end = weakref.finalize(self, _release, path, descriptor)

    def check(self) -> None:
        """Passes where the lock is still this one.

        Raises:
            TakenOverError: where the file is gone, another one, or says another token.
        """
        if _same(self.path, self._descriptor) and _text(self._descriptor).get("token") in (
            self._token,
            None,  # a full disk took no text
        ):
            return
        found = _read(self.path)
        who = f"{_who(found)} has taken it over" if found else "it was removed or replaced"
        raise TakenOverError(
            errno.ESTALE, f"{who}, so nothing more was written there", str(self.path.parent)
        )

    def release(self) -> None:
        """Gives the lock back and removes its file."""
        self._end()

    def abandon(self) -> None:
        """Gives the lock back and leaves its file, as a process that is killed does."""
        if self._end.detach() is not None:
            os.close(self._descriptor)


def hold(path: Path, what: Path | None = None) -> Held:
    """The lock file at `path`, held; a lock of a process that ended is taken over.

    Args:
        path: of the lock file.
        what: what it stands for, as said where it is held already; its folder unless given.

    Raises:
        InUseError: where another process holds it; the text says who, and since when.
        OSError: where the file cannot be made.
    """
    for _ in range(_TRIES):
        descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
        try:
            try:
                _lock(descriptor)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise InUseError(_refusal(what or path.parent, _text(descriptor))) from None
            # whoever held it may have removed it between the two calls
            if _same(path, descriptor):
                token = os.urandom(16).hex()
                _write(descriptor, token)
                return Held(path, descriptor, token)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise InUseError(_refusal(what or path.parent, _read(path)))


def _release(path: Path, descriptor: int) -> None:
    """Removes the file while it is locked: nobody can then lock one that is about to go."""
    with contextlib.suppress(OSError):
        if _same(path, descriptor):
            if os.name == "nt":  # an open file cannot be removed there
                os.close(descriptor)
                path.unlink()
                return
            path.unlink()
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _same(path: Path, descriptor: int) -> bool:
    try:
        found, held = path.lstat(), os.fstat(descriptor)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)


def _host() -> str:
    import platform  # the window starts without it

    return platform.node()


def _write(descriptor: int, token: str) -> None:
    about = {
        "token": token,
        "host": _host(),
        "process": os.getpid(),
        "since": time.strftime("%Y-%m-%d %H:%M"),
    }
    with contextlib.suppress(OSError):  # the lock holds without its text
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, (json.dumps(about) + "\n").encode())


def _text(descriptor: int) -> dict[str, object]:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return _parsed(os.read(descriptor, MOST))
    except OSError:
        return {}


def _read(path: Path) -> dict[str, object]:
    try:
        return _parsed(read_bytes(path, MOST))
    except StorageError:
        return {}


def _parsed(data: bytes) -> dict[str, object]:
    try:
        found = parse_json(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _who(found: dict[str, object]) -> str:
    """Holder named in a text that anyone may have written."""
    process, host = found.get("process"), str(found.get("host", ""))
    if not isinstance(process, int) or not 0 < process < 2**32:
        return "another process"
    return f"process {process}" + (f" on {host}" if re.fullmatch(r"[\w.-]{1,80}", host) else "")


def _refusal(what: Path, found: dict[str, object]) -> str:
    since = str(found.get("since", ""))
    when = f" since {since}" if re.fullmatch(r"[0-9 :-]{16}", since) else ""
    text = f"{what} is in use: {_who(found)} has been writing it{when}."
    process = found.get("process")
    if isinstance(process, int) and found.get("host") == _host() and _suspended(process):
        return (
            f"{text} That process is suspended: “kill -CONT {process}” lets it go on, and "
            f"“kill -KILL {process}” ends it."
        )
    return f"{text} Wait until it ends, or choose another folder."


def _suspended(process: int) -> bool:
    """True where a process of this host is suspended, as far as the system tells."""
    try:
        text = read_bytes(Path(f"/proc/{process:d}/stat"), MOST).decode(errors="replace")
    except StorageError:
        return False
    return text.rpartition(")")[2].split()[:1] in (["T"], ["t"])
