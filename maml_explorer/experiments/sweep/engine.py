"""Engines that run trials: in this process, or on the workers of Dask.

An engine carries names and folders, never settings or results: those are files. It promises that
each trial it was given ends once, with a word or an error.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Protocol

from maml_explorer.core.families.own_tasks.opened import opened_tasks
from maml_explorer.experiments.own_tasks import named_tasks
from maml_explorer.experiments.sweep.work import Ended, train_trial
from maml_explorer.files.reader import StorageError

_GONE = ("closed", "failed")
"""States of a worker that Dask does not begin again."""
_KILLED = "its process was ended from outside"
SETTINGS_OF_DASK = {
    # its statistical profiler takes 15 % of the time
    "distributed.worker.profile.enabled": False,
    # runs are long: one that waits is not worth moving
    "distributed.scheduler.work-stealing": False,
    # attempts are counted by the driver, which also knows those of an earlier driver
    "distributed.scheduler.allowed-failures": 0,
    # its own gives memory back at once, and the meta-test then asks for it again: a second a run
    "distributed.nanny.pre-spawn-environ": {
        "OMP_NUM_THREADS": 1,
        "MKL_NUM_THREADS": 1,
        "OPENBLAS_NUM_THREADS": 1,
    },
    # a worker joins when it has loaded torch: a run is not sent to one that is still starting
    "distributed.worker.preload": ["maml_explorer.experiments.training"],
    # a worker that was killed needs longer than 15 s to load torch on a busy machine
    "distributed.deploy.lost-worker-timeout": "1 hour",
    "distributed.admin.tick.limit": "60s",
    "distributed.comm.timeouts.connect": "30s",
}


@dataclass(frozen=True)
class Result:
    """The end of one attempt at a trial."""

    name: str
    ended: Ended | None
    """None if it failed."""
    error: str = ""
    killed: bool = False
    """True if its process died, so that another attempt may do better."""


class Engine(Protocol):
    """Interface of an engine, as the driver needs it."""

    look: Callable[[], None]
    """Called now and then while it trains in this process; set by the driver."""

    @property
    def slots(self) -> int:
        """Threads that may be busy at once."""

    def submit(self, name: str, path: Path, until: int | None = None) -> None:
        """Begin a trial, or put it in the queue; it pauses at the outer step `until`."""

    def wait(self, seconds: float) -> list[Result]:
        """The trials that have ended, after at most so many seconds."""

    def close(self) -> None:
        """End the workers, whatever they do."""


class InProcess:
    """One trial after another, in this process: needs no library."""

    slots = 1

    def __init__(self, inner_steps: int | None, asked_to_stop: Callable[[], bool]) -> None:
        self._inner_steps, self._asked = inner_steps, asked_to_stop
        self.look: Callable[[], None] = lambda: None
        self._queue: deque[tuple[str, Path, int | None]] = deque()

    def submit(self, name: str, path: Path, until: int | None = None) -> None:
        """Put a trial in the queue."""
        self._queue.append((name, path, until))

    def wait(self, seconds: float) -> list[Result]:
        """The next trial, trained to its end."""
        if not self._queue:
            return []
        name, path, until = self._queue.popleft()
        try:
            return [Result(name, train_trial(path, self._inner_steps, self._looked, until))]
        except (StorageError, ValueError, RuntimeError, OSError) as error:
            return [Result(name, None, _words(error))]

    def close(self) -> None:
        """Nothing is left running."""

    def _looked(self) -> bool:
        self.look()
        return self._asked()


class OnDask:
    """Trials on the workers of a Dask cluster, local or elsewhere."""

    def __init__(
        self,
        client: Any,
        slots: int | Callable[[], int],
        inner_steps: int | None,
        stop: Path,
        resource: str = "",
        own_tasks: str | None = None,
    ) -> None:
        self._slots, self._own_tasks = slots, own_tasks
        self._resources = {resource: 1} if resource else None
        self.look: Callable[[], None] = lambda: None
        self._client, self._inner_steps, self._stop = client, inner_steps, stop
        self._futures: dict[Any, str] = {}
        self._ended: Queue[Any] = Queue()
        self._attempt = 0

    @property
    def slots(self) -> int:
        """Threads that may be busy at once; of a cluster as many as there are now."""
        return self._slots if isinstance(self._slots, int) else max(1, self._slots())

    def submit(self, name: str, path: Path, until: int | None = None) -> None:
        """Send a trial to a worker that is free."""
        self._attempt += 1
        future = self._client.submit(
            _on_worker, str(path), self._inner_steps, str(self._stop), until, self._own_tasks,
            key=f"{name}-{self._attempt}", pure=False, resources=self._resources,
        )  # fmt: skip
        self._futures[future] = name
        future.add_done_callback(self._ended.put)

    def wait(self, seconds: float) -> list[Result]:
        """The trials that have ended, after at most so many seconds."""
        if not self._futures:
            return []
        _begin_lost_workers(self._client.cluster)
        ended = []
        with contextlib.suppress(Empty):
            ended.append(self._ended.get(timeout=seconds))
            while True:
                ended.append(self._ended.get_nowait())
        return [self._taken(future) for future in ended]

    def close(self) -> None:
        """End the workers of a local cluster, and the connection to another."""
        self._client.close()
        if self._client.cluster is not None:
            self._client.cluster.close()

    def _taken(self, future: Any) -> Result:
        name = self._futures.pop(future)
        try:
            if future.status == "finished":
                word, error = future.result()
                return Result(name, None if error else Ended(word), error)
            failure = future.exception()
            killed = type(failure).__name__ == "KilledWorker" or future.status in (
                "lost", "cancelled",
            )  # fmt: skip
            return Result(name, None, _KILLED if killed else _words(failure), killed)
        finally:
            future.release()  # a result that is held would be trained again were its worker lost


@contextlib.contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """A client of so many worker processes on this machine, which listen on loopback alone.

    Raises:
        StorageError: if the library is not installed, or the processes do not start.
    """
    dask, distributed = dask_library()
    with dask.config.set(SETTINGS_OF_DASK):
        cluster = _begun(distributed, workers)
        client = distributed.Client(cluster, set_as_default=False)
        try:
            yield client
        finally:
            with contextlib.suppress(Exception):
                client.close()
            with contextlib.suppress(Exception):
                cluster.close(timeout=10)


def _begun(distributed: Any, workers: int) -> Any:
    """A local cluster, begun again where one of its processes was ended while it started."""
    for last in (False, False, True):
        try:
            return distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # None is port 8787, which another sweep may hold
                silence_logs=50,
                protocol="tcp",
            )
        except RuntimeError as error:
            if last:
                raise StorageError(
                    f"The workers could not be started: {_words(error)} Nothing was trained; go on "
                    "with --resume, or use --workers 1."
                ) from None
    raise AssertionError


def local_slots(client: Any) -> int:
    """Workers of a local cluster that are there now; one that was killed comes back later."""
    return len(client.cluster.scheduler.workers)


def _begin_lost_workers(cluster: Any) -> None:
    """Begin the workers of a local cluster again that Dask gave up, as where a start failed."""
    if cluster is None:
        return
    lost = [name for name, one in cluster.workers.items() if one.status.name in _GONE]
    for name in lost:
        cluster.workers.pop(name, None)
    if lost:
        cluster.scale(len(cluster.worker_spec))


def dask_library() -> tuple[Any, Any]:
    """The modules dask and distributed.

    Raises:
        StorageError: if they are not installed.
    """
    try:
        import dask
        import distributed
    except ImportError:
        raise StorageError(
            "More than one worker needs the library distributed: pip install "
            "'maml-explorer[cluster]', or use --workers 1."
        ) from None
    return dask, distributed


def refuse_workers_without(
    client: Any, own_tasks: str | None, workers: Sequence[str] | None = None
) -> None:
    """Refuses workers that cannot import the user's own tasks, or that find others.

    Args:
        client: of the cluster.
        own_tasks: the name of installed tasks, or "module:object"; None asks for none.
        workers: addresses of those that are asked; None asks all.

    Raises:
        StorageError: naming the first of them, and the reason.
        SettingsError: where this process cannot import them.
    """
    if own_tasks is None:
        return
    key = named_tasks(own_tasks).key.text
    answers = client.run(_lacks, own_tasks, key, workers=workers)
    for worker, said in sorted(answers.items()):
        if said:
            raise StorageError(
                f"The worker {worker} cannot train on the tasks {own_tasks}: {said} Install their "
                "module there, or start the worker in its folder; nothing was trained."
            )


def _lacks(own_tasks: str, key: str) -> str:
    """Reason for which a worker cannot draw from tasks; empty where it can."""
    try:
        named_tasks(own_tasks)
        opened_tasks(key)
    except ValueError as error:
        return _words(error)
    return ""


def _on_worker(
    path: str, inner_steps: int | None, stop: str, until: int | None, own_tasks: str | None
) -> tuple[str, str]:
    """One trial on a worker: (word, error). Errors travel as text, which every version can read."""
    asked = Path(stop)
    try:
        if own_tasks is not None:  # the driver names them: no file does
            named_tasks(own_tasks)
        return train_trial(Path(path), inner_steps, asked.exists, until).value, ""
    except (StorageError, ValueError, RuntimeError, OSError) as error:
        return "", _words(error)


def _words(error: BaseException | None) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:500]
