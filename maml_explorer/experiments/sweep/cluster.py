"""A Dask cluster of several machines: connected to by the driver, joined by its workers.

Whoever can speak to the scheduler can run code on every worker, so anything but loopback needs TLS
with certificates on both sides.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from maml_explorer.experiments.sweep.engine import (
    SETTINGS_OF_DASK,
    dask_library,
    refuse_workers_without,
)
from maml_explorer.files.opening import is_file
from maml_explorer.files.reader import StorageError, read_json
from maml_explorer.version import __version__

SLOT = f"maml-explorer {__version__}"
"""Resource that a worker offers and a run takes; workers of another version offer another."""
WAIT_SECONDS = 60.0
"""Time within which a first worker must join, and a scheduler must answer a worker."""
CONNECT_SECONDS = 15.0
CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")
"""Files of a folder for TLS: of the authority, this side's certificate and its key."""


@dataclass(frozen=True)
class ClusterPlace:
    """A scheduler, and how it is spoken to."""

    address: str
    """Such as tls://10.0.0.5:8786."""
    tls: Path | None = None
    """Folder with CERTIFICATES."""

    def security(self) -> Any:
        """The certificates, as Dask takes them; None without TLS."""
        if self.tls is None:
            return None
        _, distributed = dask_library()

        authority, certificate, key = (str(self.tls / name) for name in CERTIFICATES)
        sides = ("client", "worker", "scheduler")
        return distributed.Security(
            require_encryption=True,
            tls_ca_file=authority,
            **{f"tls_{side}_cert": certificate for side in sides},
            **{f"tls_{side}_key": key for side in sides},
        )


def cluster_place(where: str, tls: Path | None, *, insecure: bool = False) -> ClusterPlace:
    """The scheduler at an address, or in a scheduler file.

    Args:
        where: tls://HOST:PORT, tcp://HOST:PORT, or the file that `dask scheduler` writes.
        tls: folder with CERTIFICATES.
        insecure: whether another host may be spoken to without TLS.

    Raises:
        StorageError: if the file is missing or damaged, a certificate is missing, or the way to
            the scheduler is open to others.
    """
    address = where
    if "://" not in where:
        address = str(read_json(Path(where)).get("address", ""))
    scheme, _, rest = address.partition("://")
    host = rest.rpartition(":")[0].strip("[]")
    if scheme not in ("tls", "tcp") or not host:
        raise StorageError(
            f"{where} names no scheduler: allowed are tls://HOST:PORT, tcp://HOST:PORT and the "
            "file that dask scheduler --scheduler-file writes."
        )
    if tls is not None:
        missing = [name for name in CERTIFICATES if not is_file(tls / name)]
        if missing:
            raise StorageError(f"{tls} has no {missing[0]}: TLS needs {', '.join(CERTIFICATES)}.")
    if scheme == "tls" and tls is None:
        raise StorageError(f"{address} needs certificates: give --tls DIR.")
    if scheme == "tcp" and tls is not None:
        raise StorageError(f"{address} speaks no TLS: leave out --tls, or use a tls:// scheduler.")
    if scheme == "tcp" and not insecure and not is_loopback(host):
        raise StorageError(
            f"{address} is another host, and anyone there could run code on the workers: use TLS "
            "(--tls DIR), or --insecure inside a network that you trust."
        )
    return ClusterPlace(address, tls)


@contextlib.contextmanager
def connected(place: ClusterPlace, folder: Path, own_tasks: str | None = None) -> Iterator[Any]:
    """A client of a scheduler whose workers see a folder and are of this version.

    Args:
        place: the scheduler.
        folder: in which the runs lie; it must be on a file system that all workers share.
        own_tasks: the user's own tasks that the workers must import, by name; None for none.

    Raises:
        StorageError: if it does not answer, no worker of this version joins, or one of them
            does not see the folder or cannot import the tasks.
    """
    dask, distributed = dask_library()
    with dask.config.set(SETTINGS_OF_DASK):
        try:
            client = distributed.Client(
                place.address, security=place.security(), timeout=CONNECT_SECONDS,
                set_as_default=False,
            )  # fmt: skip
        except (OSError, TimeoutError, ValueError) as error:
            reason = " ".join(str(error).split())[:200] or "no answer"
            raise StorageError(
                f"The scheduler at {place.address} does not answer ({reason}): is it running?"
            ) from None
        try:
            _wait_for_workers(client)
            _refuse_other_disks(client, folder)
            refuse_workers_without(client, own_tasks, _ours(client))
            yield client
        finally:
            with contextlib.suppress(Exception):
                client.close(timeout=5)


class SchedulerLostError(OSError):
    """The scheduler of a cluster is gone while runs are trained."""


def slots_of(client: Any) -> int:
    """Slots of the workers of this version that are there now.

    Raises:
        SchedulerLostError: if the scheduler has ended.
    """
    return len(_ours(client))


def run_workers(place: ClusterPlace, slots: int) -> None:
    """Train what the scheduler sends, in so many processes, until it is gone or a signal comes.

    Raises:
        StorageError: if the scheduler does not answer.
    """
    dask, _ = dask_library()
    with dask.config.set(SETTINGS_OF_DASK):
        asyncio.run(_serve(place, slots))


async def _serve(place: ClusterPlace, slots: int) -> None:
    _, distributed = dask_library()
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(kind, over.set)
    host = place.address.partition("://")[2].rpartition(":")[0].strip("[]")

    def worker() -> Any:
        return distributed.Nanny(
            place.address,
            nthreads=1,  # a run is a process: the threads of torch are those of a process
            security=place.security(),
            resources={SLOT: 1},
            host=host if is_loopback(host) else None,
            dashboard=False,
            silence_logs=50,
            death_timeout=WAIT_SECONDS,
        )

    nannies = [worker() for _ in range(slots)]
    asked = asyncio.ensure_future(over.wait())
    try:
        try:
            await asyncio.wait_for(asyncio.gather(*nannies), WAIT_SECONDS)
        except (OSError, TimeoutError):
            raise StorageError(
                f"The scheduler at {place.address} does not answer: is it running?"
            ) from None
        ends = {asyncio.ensure_future(_served(nanny)): nanny for nanny in nannies}
        while not over.is_set():
            await asyncio.wait([*ends, asked], return_when=asyncio.FIRST_COMPLETED)
            if over.is_set() or not await _answers(place):
                break
            for end in [end for end in ends if end.done()]:  # as one that was killed at its start
                nannies.remove(ends.pop(end))
                nannies.append(worker())
                ends[asyncio.ensure_future(_served(nannies[-1]))] = nannies[-1]
        for end in ends:
            end.cancel()
    finally:
        asked.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(*(nanny.close(timeout=5) for nanny in nannies))


async def _served(nanny: Any) -> None:
    """Begin a worker where it has not begun, and wait for its end; a failed start is one."""
    with contextlib.suppress(OSError, TimeoutError, RuntimeError):
        await asyncio.wait_for(nanny, WAIT_SECONDS)
        await nanny.finished()


async def _answers(place: ClusterPlace) -> bool:
    """True if the scheduler takes a connection."""
    _, distributed = dask_library()
    security = place.security()
    extra = security.get_connection_args("worker") if security is not None else {}
    try:
        comm = await distributed.core.connect(place.address, timeout=5, **extra)
    except (OSError, TimeoutError):
        return False
    await comm.close()
    return True


def _workers(client: Any) -> dict[str, Any]:
    with catch_warnings():
        simplefilter("ignore")
        try:
            return dict(client.scheduler_info(n_workers=-1)["workers"])
        except (KeyError, OSError):
            raise SchedulerLostError(
                "The scheduler has ended. What was trained is saved: start it again, and go on "
                "with --resume."
            ) from None


def _ours(client: Any) -> list[str]:
    """Addresses of the workers of this version."""
    return [name for name, one in _workers(client).items() if SLOT in one["resources"]]


def _wait_for_workers(client: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        # One answer for both questions: a worker may join between two of them.
        offered = {name for one in _workers(client).values() for name in one["resources"]}
        if SLOT in offered:
            return
        if others := sorted(offered):
            raise StorageError(
                f"The workers run {', '.join(others)} and this is {SLOT}: use one version."
            )
        if time.monotonic() > deadline:
            raise StorageError(
                f"No worker joined within {WAIT_SECONDS:g} s: start some with maml-explorer worker "
                "--cluster, with the same scheduler."
            )
        time.sleep(0.2)


def _refuse_other_disks(client: Any, folder: Path) -> None:
    token = os.urandom(8).hex()
    path = folder / f".seen-{token}"
    path.write_text(json.dumps(token), encoding="ascii")
    try:
        answers = client.run(_sees, str(path), token, workers=_ours(client))
    finally:
        path.unlink(missing_ok=True)
    blind = [name for name, sees in answers.items() if not sees]
    if blind:
        raise StorageError(
            f"The worker {blind[0]} does not see {folder}: it must lie on a file system that all "
            "workers share, under the same path."
        )


def _sees(path: str, token: str) -> bool:
    """True if a worker reads what the driver wrote, and can rename beside it."""
    place = Path(path)
    try:
        if json.loads(place.read_text(encoding="ascii")) != token:
            return False
        mine = place.with_name(f"{place.name}-{os.urandom(4).hex()}")
        mine.mkdir()
        moved = mine.rename(mine.with_name(f"{mine.name}-moved"))
        moved.rmdir()
    except (OSError, ValueError):
        return False
    return True


def is_loopback(host: str) -> bool:
    """True for an address that other machines cannot reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
