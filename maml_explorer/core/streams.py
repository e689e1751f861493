"""Random streams by name: what one stream draws never depends on another."""

from __future__ import annotations

import hashlib

import torch


def stream_seed(seed: int, name: str) -> int:
    """A 32-bit seed for a named stream of a run, the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "little")


def stream(seed: int, name: str, device: torch.device | None = None) -> torch.Generator:
    """A fresh generator of the named stream."""
    return torch.Generator(device or "cpu").manual_seed(stream_seed(seed, name))
