"""QR codes: against vectors of the standard, an independent encoder, and read back here."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from maml_explorer.gui.widgets import qr_code as qr

TEXT = "maml1.ab_c-d9Zq" * 200


def read(modules: qr.Modules) -> bytes:
    """Reads a code the other way round: format, mask, path, blocks, bytes; no errors expected."""
    size = len(modules)
    version = (size - 17) // 4
    corner = [modules[8, c] for c in (0, 1, 2, 3, 4, 5, 7, 8)] + [
        modules[r, 8] for r in (7, 5, 4, 3, 2, 1, 0)
    ]
    bits = int("".join(str(int(bit)) for bit in corner), 2) ^ 0b101010000010010
    assert bits >> 13 == 0b01, "level L"
    mask = bits >> 10 & 0b111
    fixed = np.zeros((size, size), dtype=bool)
    qr._draw_patterns(np.zeros((size, size), dtype=bool), fixed, version)
    rows, columns = qr._path(fixed).T
    stream = np.packbits(modules[rows, columns] ^ qr._mask(mask, rows, columns)).tobytes()
    count, checks = qr._BLOCKS[version - 1], qr._CHECKS[version - 1]
    total = qr._data_bytes(version)
    short, longer = divmod(total, count)
    blocks: list[list[int]] = [[] for _ in range(count)]
    at = 0
    for nth in range(short + 1):
        for block in range(count):
            if nth < short or block >= count - longer:
                blocks[block].append(stream[at])
                at += 1
    ends = [bytes(stream[at + nth * count + block] for nth in range(checks))
            for block in range(count)]  # fmt: skip
    for block, end in zip(blocks, ends, strict=True):
        for root in range(checks):  # every root of the generator is one of a code word
            value = 0
            for byte in bytes(block) + end:
                value = qr._times(value, qr._tables()[0][root]) ^ byte
            assert value == 0
    data = int.from_bytes(b"".join(map(bytes, blocks)))
    width, left = (8 if version < 10 else 16), 8 * total
    assert data >> (left - 4) == 0b0100
    length = data >> (left - 4 - width) & ((1 << width) - 1)
    return (data >> (left - 4 - width - 8 * length) & ((1 << 8 * length) - 1)).to_bytes(length)


def test_the_check_bytes_of_the_standard_s_example():
    block = bytes([16, 32, 12, 86, 97, 128, *(236, 17) * 5])
    assert list(qr.check_bytes(block, 10)) == [165, 36, 212, 193, 237, 54, 199, 135, 44, 85]


@pytest.mark.parametrize(
    ("mask", "bits"), [(0, 0b111011111000100), (1, 0b111001011110011), (7, 0b110100101110110)]
)
def test_the_format_bits_of_the_standard_s_table(mask: int, bits: int):
    assert qr.format_bits(mask) == bits


def test_the_version_bits_of_the_standard_s_table():
    assert qr._with_checks(7, 0b1111100100101, 12) == 0b000111110010010100
    assert qr._with_checks(40, 0b1111100100101, 12) == 0b101000110001101001


@pytest.mark.parametrize(
    ("count", "size", "digest"),
    [
        (17, 21, "46966248bea6963a"), (32, 25, "19b132fbd0b4501d"),
        (154, 45, "9ce6eacaaff00ce7"), (271, 57, "2382abe1cedb5dac"),
        (425, 69, "3da27f748bf25ff1"), (2068, 149, "72895488f83e9156"),
    ],
)  # fmt: skip
def test_the_modules_are_those_of_segno_1_6_6_with_the_same_mask(
    count: int, size: int, digest: str
):
    # full codes: that encoder writes one more byte of padding than the standard
    modules = qr.qr_code(TEXT[:count])
    assert modules.shape == (size, size)
    rows = "\n".join("".join(str(int(dark)) for dark in row) for row in modules)
    assert hashlib.sha256(rows.encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("text", ["", "maml", "grüß dich, θ", TEXT[:18], TEXT[:300], TEXT[:1100]])
def test_a_code_reads_back_as_its_text(text: str):
    assert read(qr.qr_code(text)).decode() == text


def test_the_largest_code_and_one_byte_more():
    assert qr._version(2953) == 40
    with pytest.raises(qr.TooLongError, match="at most 2953 bytes, and this text has 2954"):
        qr.qr_code("x" * 2954)


def test_the_mask_is_the_one_with_the_fewest_points():
    modules = qr.qr_code("maml")
    fixed = np.zeros((21, 21), dtype=bool)
    qr._draw_patterns(np.zeros((21, 21), dtype=bool), fixed, 1)
    least = qr.penalty(modules)
    rows, columns = qr._path(fixed).T
    bare = [m for m in range(8) if np.packbits(
        modules[rows, columns] ^ qr._mask(m, rows, columns)).tobytes()[:1] == b"\x40"]  # fmt: skip
    assert len(bare) == 1
    for mask in range(8):
        other = modules.copy()
        other[rows, columns] ^= qr._mask(bare[0], rows, columns) ^ qr._mask(mask, rows, columns)
        qr._draw_format(other, mask)
        assert qr.penalty(other) >= least
