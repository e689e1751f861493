"""Dataclasses that are made when they are first used, for records that a start only names.

`dataclasses.dataclass` writes and compiles six functions for a frozen class, which takes half a
millisecond. The window names all that crosses to the worker and back before its first picture,
sixty such classes, and makes none of them. Here Python's own decorator does its work when the
first record is made, or when somebody asks for the fields; the class is the same from then on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool = False, eq: bool = True) -> Callable[[type], type]:
        """Decorator for a class of fields, as Python's own of this name.

        Args:
            frozen: no field can be set.
            eq: records with equal fields are equal; else each equals itself only.
        """

        def decorate(cls: type) -> type:
            fields = _Fields(cls, dataclasses.dataclass(frozen=frozen, eq=eq))

            def new(kind: type, *_: Any, **__: Any) -> Any:
                fields.finish()
                return object.__new__(kind)

            # Python's decorator leaves the former alone, and replaces the latter
            cls.__new__, cls.__dataclass_fields__ = new, fields
            return cls

        return decorate


_finishing = RLock()
"""Held while a class is made: the worker may make a record of it at the same time."""


class _Fields:
    """Stands for the fields of a class until they are wanted."""

    def __init__(self, cls: type, make: Callable[[type], type]) -> None:
        self._cls, self._make = cls, make
        self._made = False

    def finish(self) -> None:
        """Makes the class, or waits until another thread has made it."""
        if self._made:
            return
        with _finishing:
            if not self._made:
                self._make(self._cls)
                self._made = True

    def __get__(self, _: object, asked: type) -> Any:
        self.finish()
        return asked.__dataclass_fields__  # type: ignore[attr-defined]
