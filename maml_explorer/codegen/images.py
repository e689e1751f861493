"""Drawn letters in generated code. Torch-free: text only.

The script draws the very images of the program, from the file of strokes that comes with it, so
the numbers of :mod:`maml_explorer.core.families.glyphs.brush` stand here once more; a test compares
the images.
"""

from __future__ import annotations

from maml_explorer.codegen.data import DataCode
from maml_explorer.settings.images import HANDS, ImageSettings
from maml_explorer.settings.settings import Settings

FILE = "letters.npz"
"""The file of strokes, in resources/glyphs."""

_LETTERS = '''\
@cache
def letters() -> tuple[Tensor, list[tuple[int, list[np.ndarray]]]]:
    """Training letters: their scripts; code point and strokes [vertex, 2] of each."""
    with np.load(LETTERS) as file:
        data = dict(file)
    script = np.repeat(np.arange(len(data["letters"])), data["letters"])
    points = data["points"].astype(np.float32) / 255
    lines = np.split(points, np.cumsum(data["vertices"], dtype=int)[:-1])
    ends = np.cumsum(data["strokes"], dtype=int)
    begins = ends - data["strokes"]
    training = np.flatnonzero(data["split"][script] == 0)  # the others are for tests
    found = [(int(data["codes"][n]), lines[begins[n] : ends[n]]) for n in training]
    return torch.from_numpy(script[training]), found'''
_SPACED = '''\
def spaced(strokes: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """POINTS points [point, 2], equally spaced along all strokes, and their length."""
    lines = [s if len(s) > 1 else np.concatenate([s, s]) for s in strokes]
    start = np.concatenate([line[:-1] for line in lines]).astype(float)
    step = np.concatenate([np.diff(line, axis=0) for line in lines]).astype(float)
    size = np.hypot(step[:, 0], step[:, 1])
    size = np.where(size > 0, size, BRUSH)  # a dot is as long as the brush is broad
    ends = np.cumsum(size)
    at = (np.arange(POINTS) + 0.5) / POINTS * ends[-1]
    piece = np.searchsorted(ends, at).clip(0, len(size) - 1)
    part = (at - (ends[piece] - size[piece])) / size[piece]
    points = start[piece] + part[:, None] * step[piece]
    return points.astype(np.float32), float(ends[-1])'''
_DRAWINGS = '''\
@cache
def drawings(letter: int) -> Tensor:
    """A letter [hand, row, column], ink from 0 to 1, by hands that differ by JITTER.

    A hand moves points by a random affine map, a shift and slow waves; ink saturates.
    """
    code, strokes = letters()[1][letter]
    points, length = spaced(strokes)
    random = np.random.default_rng([HAND_SEED, code])
    hand = np.float32(JITTER) * random.standard_normal((HANDS, 20), np.float32)
    turns = np.float32(2 * np.pi) * random.random((HANDS, 3), np.float32)
    angle, shear = 0.147 * hand[:, 0], 0.147 * hand[:, 1]
    cos, sin = np.cos(angle), np.sin(angle)
    wide, tall = np.exp(0.11 * hand[:, 2]), np.exp(0.11 * hand[:, 3])
    first = [cos * wide, (cos * shear - sin) * tall]
    second = [sin * wide, (sin * shear + cos) * tall]
    affine = np.array([first, second]).transpose(2, 1, 0)
    centred = points - np.float32(0.5)
    moved = centred @ affine + np.float32(0.5) + 0.041 * hand[:, None, 4:6]
    waves = hand[:, 8:].reshape(-1, 3, 2, 2)
    for m in range(3):
        along = 2 * np.pi * m / 3
        slow = np.array([np.cos(along), np.sin(along)], np.float32) * (1 + m / 3)
        phase = (2 * np.pi * (centred @ slow) + turns[:, m, None])[..., None]
        one, two = waves[:, None, m, 0], waves[:, None, m, 1]
        moved += 0.022 * (np.sin(phase) * one + np.cos(phase) * two)
    sigma = BRUSH * np.exp(0.11 * hand[:, 7, None, None])
    middles = (np.arange(SIDE, dtype=np.float32) + np.float32(0.5)) / np.float32(SIDE)
    away = (moved[..., None] - middles) / sigma[..., None]  # [hand, point, 2, pixel]
    across, down = np.exp(-0.5 * away**2).transpose(2, 0, 1, 3)
    gain = np.float32(2.2 * length / POINTS / (2 * np.pi) ** 0.5) / sigma
    ink = 1 - np.exp(-gain * (down.transpose(0, 2, 1) @ across))
    return torch.from_numpy(np.rint(255 * ink)).to(DEVICE, DTYPE) / 255'''
_CLASSES = '''\
def sample_classes() -> Tensor:
    """The classes [way] of a task, by label: {words}."""
{row}
'''
_ALL = "    row = torch.arange(len(letters()[1]))"
_ONE_SCRIPT = """\
    script = letters()[0]
    names = script.unique()
    row = (script == names[torch.randint(len(names), ())]).nonzero()[:, 0]"""
_TURNED = "\n    row = (4 * row[:, None] + torch.arange(4)).flatten()"
_SHUFFLED = "    return row[torch.randperm(len(row))[:WAYS]]  # in random order"
_FIXED = """\
    parts = [row[label::WAYS] for label in range(WAYS)]  # a class keeps its label
    return torch.stack([part[torch.randint(len(part), ())] for part in parts])"""
SAMPLE_IMAGES = '''\
def sample_batch() -> Batch:
    """Sample tasks: images x [task, image, pixel] and one-hot y, support then query."""
    count, tasks = SHOTS + QUERY_POINTS, []
    for _ in range(META_BATCH):
        images = []
        for one in sample_classes().tolist():
            hands = torch.randperm(HANDS)[:count]
            images.append({image})
        tasks.append(torch.stack(images, 1).flatten(0, 1).flatten(1))
    x, shots = torch.stack(tasks), SHOTS * WAYS
    y = torch.eye(WAYS).to(x).repeat(count, 1).expand(META_BATCH, -1, -1)
    return x[:, :shots], y[:, :shots], x[:, shots:], y[:, shots:]'''


def sample_classes(images: ImageSettings, words: str, row: str) -> str:
    """Code of the function that samples the classes of a task.

    Args:
        images: of the run.
        words: what the numbers of classes are.
        row: the line that makes `row`, the classes to choose from.
    """
    body = _CLASSES.format(words=words, row=row + (_TURNED if images.rotations else ""))
    return body + (_FIXED if images.labels == "fixed" else _SHUFFLED)


def _constants(own: Settings) -> list[str]:
    images, inner = own.images, own.inner
    return [
        f"# Tasks: {images.ways} classes, each with some support and some query images.",
        f'LETTERS = sys.argv[1] if len(sys.argv) > 1 else "{FILE}"',
        f"WAYS, SIDE = {images.ways}, {images.side}  # classes N, pixels of an image's side",
        f"JITTER, HANDS = {images.jitter!r}, {HANDS}  # who draws the letters",
        "HAND_SEED, POINTS, BRUSH = 20170309, 96, 0.03  # how they draw",
        f"SHOTS, QUERY_POINTS = {inner.shots}, {inner.query_points}  # images of each class",
    ]


def _sample(own: Settings) -> list[str]:
    images = own.images
    row = _ALL if images.classes_from == "all" else _ONE_SCRIPT
    words = "4 · letter + quarter turn" if images.rotations else "letters"
    image = "drawings(one)[hands]"
    if images.rotations:
        image = "torch.rot90(drawings(one // 4)[hands], one % 4, (1, 2))"
    return [
        _LETTERS,
        _SPACED,
        _DRAWINGS,
        sample_classes(images, words, row),
        SAMPLE_IMAGES.replace("{image}", image),
    ]


IMAGES = DataCode(
    title="few-shot image classification",
    note=f"Images are drawn from {FILE}, a file of MAML Explorer: put it beside this one, or give "
    "its path as the argument.",
    modules=(("sys",), ("functools import cache",), ("numpy as np",)),
    constants=_constants,
    sample=_sample,
    outputs="way",
    loss='''\
def loss(parameters: Parameters, x: Tensor, y: Tensor) -> Tensor:
    """L: the mean cross-entropy over images."""
    scores = functional_call(model, parameters, (x,))
    return -(scores.log_softmax(-1) * y).sum(-1).mean()''',
    joint_loss='''\
def joint_loss(theta: Parameters, batch: Batch) -> tuple[Tensor, Tensor]:
    """The mean over all images of all tasks, and over the query images alone."""
    support_x, support_y, query_x, query_y = batch
    x, y = torch.cat([support_x, query_x], 1), torch.cat([support_y, query_y], 1)
    losses = -(functional_call(model, theta, (x,)).log_softmax(-1) * y).sum(-1)
    return losses.mean(), losses[:, SHOTS * WAYS :].mean()''',
    joint_loss_of_pictures='''\
def joint_loss(theta: Parameters, batch: Batch) -> tuple[Tensor, Tensor]:
    """The mean over all images of all tasks, and over the query images alone."""
    support_x, support_y, query_x, query_y = batch
    x, y = torch.cat([support_x, query_x], 1), torch.cat([support_y, query_y], 1)
    scores = vmap(lambda images: functional_call(model, theta, (images,)))(x)
    losses = -(scores.log_softmax(-1) * y).sum(-1)
    return losses.mean(), losses[:, SHOTS * WAYS :].mean()''',
    called_loss="""\
def loss(theta, x, y):  # cross-entropy, y one-hot
    scores = functional_call(model, theta, (x,))
    return -(scores.log_softmax(-1) * y).sum(-1).mean()""",
    module_loss="""\
def loss(module, x, y):  # cross-entropy, y one-hot
    log_p = module(x).log_softmax(-1)
    return -(log_p * y).sum(-1).mean()""",
)
