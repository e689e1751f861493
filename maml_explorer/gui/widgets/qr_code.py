"""QR codes of short texts: byte mode, error correction L, smallest version that holds them.

After ISO/IEC 18004:2015. Pure: text in, modules out.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Modules = NDArray[np.bool_]
"""[row, column]: True where a module is dark."""

_CHECKS = (
    7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
    28, 28, 30, 30, 26, 28, *(30,) * 14,
)  # fmt: skip
"""Version − 1 → check bytes of each block, level L (table 9 of the standard)."""
_BLOCKS = (
    1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8,
    8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25,
)  # fmt: skip
"""Version − 1 → number of blocks, level L."""
_LEVEL_L = 0b01
QUIET = 4
"""Light modules that a reader needs on every side."""


class TooLongError(ValueError):
    """The text exceeds what the largest code holds."""


def qr_code(text: str) -> Modules:
    """The code of a text, without its quiet zone.

    Raises:
        TooLongError: where its UTF-8 has more than 2953 bytes.
    """
    data = text.encode()
    version = _version(len(data))
    size = 17 + 4 * version
    fixed = np.zeros((size, size), dtype=bool)
    modules = np.zeros((size, size), dtype=bool)
    _draw_patterns(modules, fixed, version)
    path = _path(fixed)
    bits = np.unpackbits(np.frombuffer(_interleaved(data, version), dtype=np.uint8)).astype(bool)
    rows, columns = path[:, 0], path[:, 1]
    modules[rows[: len(bits)], columns[: len(bits)]] = bits
    best, least = modules, np.inf
    for mask in range(8):
        tried = modules.copy()
        tried[rows, columns] ^= _mask(mask, rows, columns)
        _draw_format(tried, mask)
        if (cost := penalty(tried)) < least:
            best, least = tried, cost
    return best


def _version(count: int) -> int:
    """The smallest version that holds so many bytes."""
    for version in range(1, 41):
        head = 4 + (8 if version < 10 else 16)
        if head + 8 * count <= 8 * _data_bytes(version):
            return version
    raise TooLongError(f"A QR code holds at most 2953 bytes, and this text has {count}.")


def _all_bytes(version: int) -> int:
    """Bytes in a code of this version, data and checks."""
    bits = (16 * version + 128) * version + 64
    if version >= 2:
        aligned = version // 7 + 2
        bits -= (25 * aligned - 10) * aligned - 55
        if version >= 7:
            bits -= 36
    return bits // 8


def _data_bytes(version: int) -> int:
    return _all_bytes(version) - _CHECKS[version - 1] * _BLOCKS[version - 1]


def _encoded(data: bytes, version: int) -> bytes:
    """Mode, count, data, and the padding up to the capacity."""
    width, room = (8 if version < 10 else 16), 8 * _data_bytes(version)
    value, bits = (0b0100 << width) | len(data), 4 + width
    value, bits = (value << 8 * len(data)) | int.from_bytes(data), bits + 8 * len(data)
    end = min(4, room - bits)
    value, bits = value << end, bits + end
    value, bits = value << -bits % 8, bits + -bits % 8
    made = value.to_bytes(bits // 8)
    missing = room // 8 - len(made)
    return made + (b"\xec\x11" * (missing // 2 + 1))[:missing]


def _interleaved(data: bytes, version: int) -> bytes:
    """Bytes of all blocks, the first of each, the second of each …, then their checks alike."""
    encoded, count = _encoded(data, version), _BLOCKS[version - 1]
    short, longer = divmod(len(encoded), count)
    blocks, at = [], 0
    for nth in range(count):
        size = short + (nth >= count - longer)
        blocks.append(encoded[at : at + size])
        at += size
    checks = [check_bytes(block, _CHECKS[version - 1]) for block in blocks]
    mixed = bytearray()
    for group in (blocks, checks):
        for nth in range(max(map(len, group))):
            mixed += bytes(part[nth] for part in group if nth < len(part))
    return bytes(mixed)


# ---------------------------------------------------------------- Reed and Solomon's code


@cache
def _tables() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(exponent → element, element → exponent) of GF(256) modulo x⁸ + x⁴ + x³ + x² + 1."""
    powers, logs, value = [0] * 510, [0] * 256, 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logs[value] = exponent
        value = (value << 1) ^ (0x11D if value & 0x80 else 0)
    return tuple(powers), tuple(logs)


def _times(a: int, b: int) -> int:
    powers, logs = _tables()
    return powers[logs[a] + logs[b]] if a and b else 0


@cache
def _generator(count: int) -> tuple[int, ...]:
    """Coefficients of (x − 1)(x − α) … (x − α^(count − 1)), highest power first, without the 1."""
    made = [1]
    for root in range(count):
        factor = _tables()[0][root]
        made = [
            (made[nth] if nth < len(made) else 0) ^ (_times(made[nth - 1], factor) if nth else 0)
            for nth in range(len(made) + 1)
        ]
    return tuple(made[1:])


def check_bytes(block: bytes, count: int) -> bytes:
    """The remainder of a block by the generator polynomial of so many check bytes."""
    generator, rest = _generator(count), [0] * count
    for byte in block:
        factor = byte ^ rest.pop(0)
        rest.append(0)
        rest = [one ^ _times(g, factor) for one, g in zip(rest, generator, strict=True)]
    return bytes(rest)


# ---------------------------------------------------------------- where modules lie


def _draw_patterns(modules: Modules, fixed: Modules, version: int) -> None:
    """Draws finders, timing, alignment and version, and marks in `fixed` what holds no data."""
    size = len(modules)
    modules[6, ::2] = modules[::2, 6] = True
    fixed[6, :] = fixed[:, 6] = True
    rings = np.maximum(*np.abs(np.indices((9, 9)) - 4))
    finder = (rings != 2) & (rings != 4)
    for top, left in ((-1, -1), (-1, size - 8), (size - 8, -1)):
        for row in range(max(top, 0), min(top + 9, size)):
            for column in range(max(left, 0), min(left + 9, size)):
                modules[row, column] = finder[row - top, column - left]
                fixed[row, column] = True
    places = _aligned(version)
    last = len(places) - 1
    for r, row in enumerate(places):
        for c, column in enumerate(places):
            if (r, c) not in ((0, 0), (0, last), (last, 0)):
                inside = np.s_[row - 2 : row + 3, column - 2 : column + 3]
                modules[inside] = rings[2:7, 2:7] != 1
                fixed[inside] = True
    fixed[:9, :9] = fixed[:9, -8:] = fixed[-8:, :9] = True
    modules[size - 8, 8] = True
    if version >= 7:
        code = _with_checks(version, 0b1111100100101, 12)
        for nth in range(18):
            at = nth // 3, size - 11 + nth % 3
            modules[at] = modules[at[::-1]] = bool(code >> nth & 1)
            fixed[at] = fixed[at[::-1]] = True


def _aligned(version: int) -> list[int]:
    """Rows and columns at which alignment patterns are centred."""
    if version == 1:
        return []
    count = version // 7 + 2
    step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    return [6, *reversed([10 + 4 * version - step * nth for nth in range(count - 1)])]


def _with_checks(value: int, generator: int, checks: int) -> int:
    """A value with its check bits of a BCH code behind it."""
    rest = value << checks
    while rest.bit_length() > checks:
        rest ^= generator << (rest.bit_length() - generator.bit_length())
    return value << checks | rest


def format_bits(mask: int) -> int:
    """The 15 bits that name level L and a mask."""
    return _with_checks(_LEVEL_L << 3 | mask, 0b10100110111, 10) ^ 0b101010000010010


def _draw_format(modules: Modules, mask: int) -> None:
    size, code = len(modules), format_bits(mask)
    around = [*((row, 8) for row in (0, 1, 2, 3, 4, 5, 7, 8)),
              *((8, column) for column in (7, 5, 4, 3, 2, 1, 0))]  # fmt: skip
    apart = [*((8, size - 1 - nth) for nth in range(8)),
             *((size - 7 + nth, 8) for nth in range(7))]  # fmt: skip
    for nth in range(15):
        modules[around[nth]] = modules[apart[nth]] = bool(code >> nth & 1)


def _path(fixed: Modules) -> NDArray[np.intp]:
    """[module, 2]: (row, column) of what holds data, in the order in which it is filled."""
    size = len(fixed)
    columns = [column for column in range(size - 1, 0, -2) if column > 6]
    columns += [5, 3, 1]
    found = []
    for turn, right in enumerate(columns):
        rows = range(size - 1, -1, -1) if turn % 2 == 0 else range(size)
        found += [(row, right - side) for row in rows for side in (0, 1)
                  if not fixed[row, right - side]]  # fmt: skip
    return np.array(found, dtype=np.intp)


def _mask(mask: int, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    r, c = rows, columns
    values = (
        lambda: (r + c) % 2,
        lambda: r % 2,
        lambda: c % 3,
        lambda: (r + c) % 3,
        lambda: (r // 2 + c // 3) % 2,
        lambda: r * c % 2 + r * c % 3,
        lambda: (r * c % 2 + r * c % 3) % 2,
        lambda: ((r + c) % 2 + r * c % 3) % 2,
    )[mask]()
    masked: NDArray[np.bool_] = values == 0
    return masked


def penalty(modules: Modules) -> int:
    """Points against a pattern that is hard to read: runs, blocks, false finders, imbalance."""
    size = len(modules)
    points = 0
    for lines in (modules, modules.T):
        for line in lines:
            ends = np.flatnonzero(np.diff(line))
            runs = np.diff(np.concatenate(([-1], ends, [size - 1])))
            points += int((runs[runs >= 5] - 2).sum())
            text = "".join("1" if dark else "0" for dark in line)
            points += 40 * sum(
                text.startswith(pattern, at)
                for at in range(size - 10)
                for pattern in ("10111010000", "00001011101")
            )
    same = modules[1:, 1:] == modules[:-1, 1:]
    same &= (modules[1:, :-1] == modules[:-1, :-1]) & (modules[1:, 1:] == modules[1:, :-1])
    points += 3 * int(same.sum())
    return points + 10 * int(abs(20 * int(modules.sum()) - 10 * size * size) // (size * size))
