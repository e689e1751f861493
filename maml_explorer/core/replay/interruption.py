"""Work that can be told to end between two kernels, and is then dropped whole.

At the largest sizes one outer step takes seconds; a pause must not wait for it. States are values,
so what was begun can be dropped at any kernel: nothing that counts was written yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

Look = Callable[[], None]
"""Called between kernels; raises :class:`Interrupted` where the work shall end."""


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """Work in progress was told to end; what it had done is dropped."""


class KernelMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Base of modes that are called instead of every kernel of this thread."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keeps torch from importing its compiler, a second of work, to wrap a subclass."""
        return False


class _Looking(KernelMode):
    """Looks before every kernel of this thread."""

    def __init__(self, look: Look) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._look = look

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        self._look()
        return function(*args, **(kwargs or {}))


@contextmanager
def interruptible(look: Look | None) -> Iterator[None]:
    """Within it, `look` is called before every kernel: microseconds each; None looks at nothing.

    The kernels and their results are the same. A generator must not yield within it.
    """
    if look is None:
        yield
    else:
        with _Looking(look):
            yield
