"""The processes that train one run together, as `torchrun` starts them.

They exchange tensors and a text of settings, by torch.distributed: nothing that is received is run
as code. On one machine they listen on the loopback address alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor

from maml_explorer.core.plan import Plan, kernels_of
from maml_explorer.core.shards import Gather, Shards, shards_of
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.experiments.sweep.cluster import is_loopback
from maml_explorer.experiments.training import threads_of
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.text import to_toml
from maml_explorer.version import __version__

LEAST_SECONDS = 0.005
"""Of an outer step in one process: below it, what is exchanged takes about as long as is saved."""
LONGEST_WAIT = timedelta(hours=2)
"""Wait for the other processes: the first one also tests and writes."""
LONGEST_START = timedelta(minutes=5)
_LOOPBACK = {"linux": "lo", "darwin": "lo0"}


class ProcessLostError(OSError):
    """Another process of the run has ended, so that no outer step can be taken."""


@dataclass(frozen=True)
class Processes:
    """All processes of a run, as one of them sees it."""

    rank: int
    """Number of this process; the first one, 0, writes."""
    size: int
    gather: Gather

    def shards(self, count: int) -> Shards:
        """The shards of this process, of so many in all."""
        return shards_of(count, self.rank, self.size, self.gather)

    def told(self, text: bytes | None) -> bytes | None:
        """The text that the first process tells all others; None if it tells of no work.

        Raises:
            ProcessLostError: if another process has ended.
        """
        length = torch.tensor([-1 if text is None else len(text)])
        size = int(self.gather(length[None])[0])
        if size < 0:
            return None
        # every process gives as many bytes as it takes; only those of the first one count
        own = torch.zeros(size, dtype=torch.uint8)
        if text is not None:
            own = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        return bytes(self.gather(own[None])[0].tolist())

    def refuse_different(self, plan: Plan) -> None:
        """Refuse processes that would not compute the same bits.

        Raises:
            StorageError: if they differ in version, settings or kernels; in every process.
        """
        about = [__version__, torch.__version__, kernels_of(plan), to_toml(plan.settings)]
        digest = hashlib.sha256("\n".join(about).encode()).digest()
        rows = self.gather(torch.frombuffer(bytearray(digest), dtype=torch.uint8)[None])
        other = next((rank for rank, row in enumerate(rows) if not torch.equal(row, rows[0])), 0)
        if other:
            raise StorageError(
                f"Process {other} has another version of the program or of torch, or other "
                "kernels than process 0: use the same on all machines."
            )


@contextlib.contextmanager
def joined(*, insecure: bool) -> Iterator[Processes]:
    """This process among those that were started with it.

    Args:
        insecure: whether they may speak to other machines, which they do without TLS.

    Raises:
        StorageError: if they are on other machines and that was not allowed, or do not answer.
    """
    import torch.distributed as peers
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

    address = os.environ["MASTER_ADDR"]
    if is_loopback(address):
        if sys.platform in _LOOPBACK:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", _LOOPBACK[sys.platform])
    elif not insecure:
        raise StorageError(
            f"The processes meet at {address}, and they speak to each other without TLS: give "
            "--insecure inside a network that you trust."
        )
    devices = torch.cuda.device_count()
    # two processes on one device speak by gloo, through the memory of the host
    nccl = 0 < int(os.environ.get("LOCAL_WORLD_SIZE", "1")) <= devices
    if devices:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % devices)
    try:
        backend = "cpu:gloo,cuda:nccl" if nccl else "gloo"
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        meeting = TCPStore(
            address, int(os.environ["MASTER_PORT"]), size,
            is_master=rank == 0 and not agent, timeout=LONGEST_START,
        )  # fmt: skip
        # torchrun keeps its store when it starts the processes once more, and with it the addresses
        # of those that are gone
        again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = PrefixStore(f"maml-explorer/{again}", meeting)
        peers.init_process_group(
            backend, store=store, rank=rank, world_size=size, timeout=LONGEST_WAIT
        )
    except (KeyError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StorageError(
            f"The other processes do not answer at {address} ({reason}): start them by torchrun."
        ) from None

    def gather(rows: Tensor) -> Tensor:
        """The rows of all processes, in their order."""
        sent = rows.contiguous() if nccl else rows.cpu().contiguous()
        found = [torch.empty_like(sent) for _ in range(peers.get_world_size())]
        try:
            peers.all_gather(found, sent)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:120]
            raise ProcessLostError(f"Another process of the run has ended ({reason}).") from None
        return torch.cat(found).to(rows.device)

    try:
        yield Processes(peers.get_rank(), peers.get_world_size(), gather)
    finally:
        with contextlib.suppress(RuntimeError):
            peers.destroy_process_group()


def refuse_where_slower(plan: Plan) -> None:
    """Measure an outer step in this process alone, and refuse several where it is short.

    Raises:
        StorageError: with the figure.
    """
    with threads_of(plan):
        state, shortest = start_run(plan), float("inf")
        for _ in range(4):
            began = time.perf_counter()
            state, losses = outer_step(plan, state)
            for loss in losses.values():
                loss.tolist()  # waits for the device
            shortest = min(shortest, time.perf_counter() - began)
    if shortest < LEAST_SECONDS:
        raise StorageError(
            f"An outer step takes {1000 * shortest:.2g} ms in one process, and exchanging "
            "gradients takes about a millisecond: several processes pay from about "
            f"{1000 * LEAST_SECONDS:g} ms on. Train in one process, which gives the same bits."
        )
