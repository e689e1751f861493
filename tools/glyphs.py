"""Makes resources/glyphs/letters.npz: thinned strokes of the letters of many scripts.

Each letter of Noto Sans is painted by Qt, thinned (Zhang and Suen 1984), traced into strokes, and
simplified. Letters that look alike are dropped, within a split and, more strictly, across splits,
turned and mirrored ones too: a class that is tested on must not have been trained on under another
name. The fonts are needed here alone: on Debian `fonts-noto-core`, under the Open Font License 1.1.

    QT_QPA_PLATFORM=offscreen python tools/glyphs.py [FOLDER OF FONTS]
"""

from __future__ import annotations

import hashlib
import itertools
import sys
import unicodedata
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QRawFont, QTransform

from maml_explorer.core.families.glyphs.brush import drawn, fitted, hands, spaced

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent
FONTS = Path("/usr/share/fonts/truetype/noto")
OUT = ROOT / "resources" / "glyphs" / "letters.npz"
SIZE = 64
"""Pixels on a side where letters are thinned."""
FEWEST, MOST = 12, 48
"""Letters of a script."""
SHORTEST = 0.4
"""Length of all strokes of a letter, in sides of the square: shorter ones are specks."""
ALIKE = 0.86
"""Correlation of two letters of one split from which on the later one is dropped."""
ALIKE_ACROSS, ALIKE_TURNED = 0.80, 0.85
"""The same for letters of two splits: as they are, and turned or mirrored."""
LEFT_OUT = ("Math", "Symbols", "Mono", "Display", "SignWriting", "Siyaq", "Numerals", "Duployan")
"""Fonts without letters of one script."""
KINDS = (" LETTER ", " CAPITAL ", " SMALL ", " SYLLABLE ", " HIEROGLYPH ", " SIGN ", " VOWEL ",
         " CONSONANT ", " IDEOGRAM ", " CHARACTER", " SYLLABICS ", " INDEPENDENT ")  # fmt: skip
"""Words after which a letter's name no longer names its script."""
TESTED = ("LATIN", "GREEK", "CYRILLIC", "COPTIC", "LISU", "HEBREW", "DEVANAGARI", "BALINESE",
          "TAGALOG", "IMPERIAL ARAMAIC")  # fmt: skip
"""Tested on whatever the draw: alphabets of Omniglot, and scripts that share their shapes."""
TESTED_PART, VALIDATION_PART = 0.24, 0.10


def script_of(character: str) -> str:
    """The script that a letter's Unicode name begins with; empty where there is none."""
    name = unicodedata.name(character, "")
    ends = [name.find(kind) for kind in KINDS if kind in name]
    script = name[: min(ends)] if ends else ""
    for prefix in ("CANADIAN", "EGYPTIAN", "ANATOLIAN", "TIFINAGH"):
        script = prefix if script.startswith(prefix) else script
    return script


def painted(font: QRawFont, character: str) -> NDArray[np.bool_] | None:
    """A letter as large as fits, [row, column]; None where the font draws nothing."""
    indexes = font.glyphIndexesForString(character)
    if len(indexes) != 1 or indexes[0] == 0:
        return None
    path = font.pathForGlyph(indexes[0])
    box = path.boundingRect()
    if path.isEmpty() or max(box.width(), box.height()) < 20:
        return None
    scale = (SIZE - 10) / max(box.width(), box.height())
    image = QImage(SIZE, SIZE, QImage.Format.Format_Grayscale8)
    image.fill(0)
    painter = QPainter(image)
    middle = box.center()
    move = QTransform(
        scale, 0, 0, scale, SIZE / 2 - scale * middle.x(), SIZE / 2 - scale * middle.y()
    )
    painter.setTransform(move)
    painter.fillPath(path, QColor("white"))
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(SIZE, image.bytesPerLine())
    return rows[:, :SIZE] > 127


def thinned(images: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Lines one pixel wide, [letter, row, column]. Source: Zhang and Suen 1984."""
    p = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    while True:
        before = p.copy()
        for first in (True, False):
            n = _neighbours(p)
            around = np.stack(n)
            count = around.sum(0)
            turns = (~around & np.roll(around, -1, 0)).sum(0)
            p2, p4, p6, p8 = n[0], n[2], n[4], n[6]
            if first:
                kept = (p2 & p4 & p6) | (p4 & p6 & p8)
            else:
                kept = (p2 & p4 & p8) | (p2 & p6 & p8)
            gone = (count >= 2) & (count <= 6) & (turns == 1) & ~kept
            p[:, 1:-1, 1:-1] &= ~gone
        if (before == p).all():
            return p[:, 1:-1, 1:-1]


def _neighbours(p: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The eight neighbours of every pixel, from above clockwise."""
    offsets = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
    height, width = p.shape[1] - 2, p.shape[2] - 2
    return [p[:, 1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in offsets]


def traced(image: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """The lines of a thinned image as runs of pixels (x, y), from end or crossing to the next."""
    pixels = {(int(x), int(y)) for y, x in np.argwhere(image)}

    def near(at: tuple[int, int]) -> list[tuple[int, int]]:
        x, y = at
        straight = [q for q in ((x, y - 1), (x + 1, y), (x, y + 1), (x - 1, y)) if q in pixels]
        # a diagonal beside a straight neighbour would be a second way to the same place
        slanted = [
            (x + dx, y + dy)
            for dx in (-1, 1)
            for dy in (-1, 1)
            if (x + dx, y + dy) in pixels
            and (x + dx, y) not in pixels
            and (x, y + dy) not in pixels
        ]
        return straight + slanted

    links = {at: near(at) for at in sorted(pixels)}
    knots = [at for at, others in links.items() if len(others) != 2]
    used: set[frozenset[tuple[int, int]]] = set()
    lines = []

    def follow(start: tuple[int, int], then: tuple[int, int]) -> None:
        line = [start, then]
        used.add(frozenset(line))
        while len(links[line[-1]]) == 2 and line[-1] != start:
            ahead = [q for q in links[line[-1]] if frozenset((line[-1], q)) not in used]
            if not ahead:
                break
            used.add(frozenset((line[-1], ahead[0])))
            line.append(ahead[0])
        lines.append(line)

    for start in [*knots, *links]:  # what no knot lies on is a ring
        if not links[start]:
            lines.append([start])
        for then in links[start]:
            if frozenset((start, then)) not in used:
                follow(start, then)
    ends = {at for at, others in links.items() if len(others) == 1}
    spurs = [n for n in lines if len(n) <= 5 and (n[0] in ends) != (n[-1] in ends)]
    return [line for line in lines if line not in spurs]


def simplified(line: list[tuple[int, int]], most: float = 0.9) -> list[tuple[int, int]]:
    """The vertices of a run of pixels that are farther than `most` from the line without them."""
    if len(line) < 3:
        return line
    points = np.array(line, float)
    step = points[-1] - points[0]
    away = points - points[0]
    size = np.hypot(*step)
    far = np.abs(step[0] * away[:, 1] - step[1] * away[:, 0]) / size if size else np.hypot(*away.T)
    worst = int(far.argmax())
    if far[worst] <= most:
        return [line[0], line[-1]]
    return simplified(line[: worst + 1])[:-1] + simplified(line[worst:])


def letters_of_fonts(folder: Path) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """Script → letter → its image, from every font of one script and from Noto Sans itself."""
    found: dict[str, dict[str, NDArray[np.bool_]]] = {}
    fonts = [sorted(folder.glob(f"Noto{kind}*-Regular.ttf")) for kind in ("Sans", "Serif")]
    for file in itertools.chain(*fonts):
        if any(word in file.name for word in LEFT_OUT):
            continue
        font = QRawFont(str(file), 200)
        for code in range(0x41, 0x1F000):
            character = chr(code)
            if unicodedata.category(character) not in ("Lu", "Ll", "Lo", "Lm"):
                continue
            if not font.supportsCharacter(code):
                continue
            script = script_of(character)
            if not script or character in found.get(script, {}):
                continue
            if unicodedata.normalize("NFKD", character) != character:
                continue  # an accented or a compatibility form of another letter
            image = painted(font, character)
            if image is not None:
                found.setdefault(script, {})[character] = image
    return {
        script: dict(_spread(list(found[script].items()), 4 * MOST))
        for script in sorted(found)
        if len(found[script]) >= FEWEST
    }


def _spread(items: list[T], most: int) -> list[T]:
    """At most so many of a list, from its whole range."""
    return [items[round(n)] for n in np.linspace(0, len(items) - 1, min(most, len(items)))]


def splits_of(scripts: list[str]) -> dict[str, int]:
    """Script → 0 training, 1 validation, 2 test: by a hash of its name, but for those named."""
    others = [s for s in scripts if s not in TESTED]
    others.sort(key=lambda s: hashlib.sha256(s.encode()).hexdigest())
    tested = round(TESTED_PART * len(scripts)) - sum(s in TESTED for s in scripts)
    validation = tested + round(VALIDATION_PART * len(scripts))
    split = dict.fromkeys(scripts, 2)
    split |= {s: 2 if n < tested else 1 if n < validation else 0 for n, s in enumerate(others)}
    return split


def looks(strokes: list[list[NDArray[np.float32]]]) -> NDArray[np.float32]:
    """Every letter as a unit vector [letter, 8 turns and mirrors, pixel], drawn small."""
    moves, turns = hands(np.random.default_rng(0), len(strokes))
    images = drawn(spaced(strokes), np.arange(len(strokes)), moves, turns, 16, 0.0)
    ink = images / np.float32(255)
    ways = [np.rot90(way, n, (1, 2)) for way in (ink, ink[:, :, ::-1]) for n in range(4)]
    flat = np.stack(ways, 1).reshape(len(ink), 8, -1)
    flat -= flat.mean(2, keepdims=True)
    return (flat / np.linalg.norm(flat, axis=2, keepdims=True).clip(1e-9)).astype(np.float32)


def kept_letters(
    look: NDArray[np.float32], split: NDArray[np.int64], script: NDArray[np.int64]
) -> list[int]:
    """Letters that stay, test first, then validation, then training: a later twin goes."""
    kept: list[int] = []
    for part in (2, 1, 0):
        mine = np.flatnonzero(split == part)
        if kept:
            others = look[kept, 0]
            alike = np.zeros(len(mine), bool)
            for way in range(look.shape[1]):
                most = ALIKE_TURNED if way else ALIKE_ACROSS
                alike |= (look[mine, way] @ others.T).max(1) > most
            mine = mine[~alike]
        twins = look[mine, 0] @ look[mine, 0].T > ALIKE
        stays = np.zeros(len(mine), bool)
        for n in range(len(mine)):
            stays[n] = not (twins[n] & stays).any()
        mine = mine[stays]
        for one in np.unique(script[mine]):
            found = mine[script[mine] == one].tolist()
            if len(found) >= FEWEST:
                kept += _spread(found, MOST)  # of a large script letters from its whole range
    return sorted(kept)


def main() -> None:
    """Write the file, and say what is in it."""
    app = QGuiApplication.instance() or QGuiApplication([])
    fonts = Path(sys.argv[1]) if len(sys.argv) > 1 else FONTS
    by_script = letters_of_fonts(fonts)
    scripts = list(by_script)
    names = [(s, letter) for s in scripts for letter in by_script[s]]
    lines = thinned(np.stack([by_script[s][letter] for s, letter in names]))
    strokes, known = [], []
    for name, image in zip(names, lines, strict=True):
        whole = [simplified(line) for line in traced(image)]
        if whole and sum(map(len, whole)) > 1:
            strokes.append([np.array(line, np.float32) for line in whole])
            known.append(name)
    strokes = [fitted(one) for one in strokes]
    splits = splits_of(scripts)
    split = np.array([splits[s] for s, _ in known])
    number = {s: n for n, s in enumerate(scripts)}
    script = np.array([number[s] for s, _ in known])
    final = kept_letters(looks(strokes), split, script)
    length = spaced(strokes).length
    order: dict[str, list[int]] = {}
    for index in (n for n in final if length[n] >= SHORTEST):
        order.setdefault(known[index][0], []).append(index)
    order = {s: found for s, found in order.items() if len(found) >= FEWEST}
    final = [index for found in order.values() for index in found]
    every = [stroke for index in final for stroke in strokes[index]]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        OUT,
        scripts=np.frombuffer("\n".join(order).encode(), np.uint8),
        split=np.array([splits[s] for s in order], np.uint8),
        letters=np.array([len(found) for found in order.values()], np.uint8),
        codes=np.array([ord(known[index][1]) for index in final], np.uint32),
        strokes=np.array([len(strokes[index]) for index in final], np.uint8),
        vertices=np.array([len(stroke) for stroke in every], np.uint8),
        points=np.rint(255 * np.concatenate(every)).astype(np.uint8),
    )
    counts = [sum(len(f) for s, f in order.items() if splits[s] == part) for part in range(3)]
    parts = [sum(splits[s] == part for s in order) for part in range(3)]
    print(f"{len(order)} scripts, {len(final)} letters of {len(known)}, {OUT.stat().st_size} bytes")
    print(f"training, validation, test: scripts {parts}, letters {counts}")
    del app


if __name__ == "__main__":
    main()
