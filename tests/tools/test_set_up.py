"""What the first set-up says while it goes on."""

from __future__ import annotations

import pytest

from tools.set_up import large_step


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (176.0 MB)\n",
            "  downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (176.0 MB)",
        ),
        (
            "Downloading https://example.org/whl/torch-2.13.0-none-any.whl (1.2 MB)\n",
            "  downloading torch-2.13.0-none-any.whl (1.2 MB)",
        ),
        ("  Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)\n", ""),
        (
            "  Using cached numpy-2.3.0-cp311.whl (16.9 MB)\n",
            "  using numpy-2.3.0-cp311.whl (16.9 MB)",
        ),
        ("Collecting numpy==2.3.0\n", ""),
        ("Installing collected packages: six, numpy, torch\n", "  installing 3 packages"),
        ("\n", ""),
    ],
)
def test_large_downloads_are_named_with_their_size(line: str, said: str) -> None:
    assert large_step(line) == said
