"""The one way a file is read: as bytes, within a cap, with everything checked. Torch-free.

Files may come from anyone. Nothing here unpickles, evaluates or maps a file, and no name found in
a file becomes a path.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from maml_explorer.files.opening import open_file
from maml_explorer.files.strict_json import parse_json

MAX_TEXT = 256 * 1024
"""Most bytes of a text or JSON file."""


class StorageError(ValueError):
    """A file that is refused; the text is one sentence for the user who chose it."""


class NewerError(StorageError):
    """A file that is refused, and that a newer version of this program can read."""


def read_bytes(path: Path, limit: int, *, follow: bool = False) -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    Args:
        path: where.
        limit: most bytes.
        follow: whether links may lead there, as for a path that the user has named.

    Raises:
        StorageError: where it is missing, unreadable, no regular file, a link, or larger.
    """
    try:
        descriptor = open_file(path, os.O_RDONLY, follow=follow)
        with os.fdopen(descriptor, "rb") as file:
            size = os.fstat(descriptor).st_size
            if size > limit:
                raise StorageError(f"{path} has {size} bytes: allowed are at most {limit}.")
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, StorageError):
            raise
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise StorageError(f"{quoted(path)} cannot be read: {reason}.") from None
    if len(data) > limit:
        raise StorageError(f"{path} grew while it was read: allowed are at most {limit} bytes.")
    return data


def read_text(path: Path, limit: int = MAX_TEXT, *, follow: bool = False) -> str:
    """The text of a UTF-8 file.

    Raises:
        StorageError: as for :func:`read_bytes`, or where it is not UTF-8.
    """
    try:
        # editors of some systems put a byte order mark first
        return read_bytes(path, limit, follow=follow).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StorageError(f"{path} is not UTF-8 text.") from None


def read_json(path: Path, limit: int = MAX_TEXT, *, follow: bool = False) -> dict[str, Any]:
    """The JSON object in a file, without NaN or Infinity.

    Raises:
        StorageError: as for :func:`read_text`, or where it is no such object.
    """
    return json_object(read_text(path, limit, follow=follow), path)


def json_object(text: str, path: Path) -> dict[str, Any]:
    """The JSON object in a text read from `path`, without NaN or Infinity.

    Raises:
        StorageError: where it is no such object.
    """
    try:
        content = parse_json(text)
    except ValueError:
        raise StorageError(f"{path} is not JSON as this program writes it.") from None
    if not isinstance(content, dict):
        raise StorageError(f"{path} is not a JSON object.")
    return content


def check_schema(schema: object, known: int, where: str) -> None:
    """Passes for the schema of a file that this program can read.

    Raises:
        StorageError: for another one; a newer one is called that, and is a NewerError.
    """
    if schema != known or isinstance(schema, bool):
        newer = isinstance(schema, int) and schema > known
        hint = " (a newer version wrote it)" if newer else ""
        shown = " ".join(str(schema)[:20].split())
        refusal = NewerError if newer else StorageError
        raise refusal(f"{where} has schema {shown}{hint}: allowed is {known}.")


def quoted(value: object) -> str:
    """A name or value found in a file, on one line and not too long."""
    return " ".join(repr(str(value)[:200]).split())
