"""First bytes of files of weights. Torch-free."""

from __future__ import annotations

from pathlib import Path

from maml_explorer.storage.initialization.tensors import MAX_HEADER


def is_torch_file(data: bytes) -> bool:
    """True for a zip archive, or for what older versions of PyTorch wrote."""
    return data[:4] == b"PK\x03\x04" or data[:2] == b"\x80\x02"


def is_safetensors(data: bytes) -> bool:
    """True where the bytes begin as a safetensors file does: the length of a header, a brace."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= MAX_HEADER


def holds_weights(path: Path) -> bool:
    """True where the file begins as one of weights does."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return False
    return is_torch_file(head) or is_safetensors(head)
