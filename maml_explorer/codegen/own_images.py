"""The user's own images in generated code. Torch-free: text only."""

from __future__ import annotations

from dataclasses import replace

from maml_explorer.codegen.images import IMAGES, SAMPLE_IMAGES, sample_classes
from maml_explorer.settings.settings import Settings

OWN_FILE = "images.npz"
"""The file that the images stand in, written beside the script."""

_LOAD = '''\
@cache
def training_images() -> tuple[list[Tensor], Tensor]:
    """Images [image, row, column] of every training class, ink from 0 to 1; their groups."""
    with np.load(IMAGES) as file:
        data = dict(file)
    # each new pixel is the mean of the area that it has in an image of 28 × 28
    edges, pixel = np.arange(SIDE + 1) * (28 / SIDE), np.arange(28)
    part = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    weights = (part.clip(0) / (28 / SIDE)).astype(np.float32)
    ends, found = np.cumsum(data["counts"]), []
    training = np.flatnonzero(data["split"] == 0)  # the others are for validation and tests
    for one in training:
        of_class = data["pixels"][ends[one] - data["counts"][one] : ends[one]]
        small = np.rint(weights @ of_class.astype(np.float32) @ weights.T)
        found.append(torch.from_numpy(small).to(DEVICE, DTYPE) / 255)
    return found, torch.from_numpy(data["group"][training])'''
_ALL = "    row = torch.arange(len(training_images()[0]))"
_ONE_GROUP = """\
    group = training_images()[1]
    names = group.unique()
    row = (group == names[torch.randint(len(names), ())]).nonzero()[:, 0]"""


def _constants(own: Settings) -> list[str]:
    images, inner = own.images, own.inner
    key = images.key
    which = "" if key is None else f"  # {key.name!a}, fingerprint {key.fingerprint}"
    return [
        f"# Tasks: {images.ways} classes, each with some support and some query images.",
        f'IMAGES = sys.argv[1] if len(sys.argv) > 1 else "{OWN_FILE}"{which}',
        f"WAYS, SIDE = {images.ways}, {images.side}  # classes N, pixels of an image's side",
        f"SHOTS, QUERY_POINTS = {inner.shots}, {inner.query_points}  # images of each class",
    ]


def _sample(own: Settings) -> list[str]:
    images = own.images
    row = _ALL if images.classes_from == "all" else _ONE_GROUP
    words = "4 · class + quarter turn" if images.rotations else "places among the training classes"
    one = "one // 4" if images.rotations else "one"
    image = "of_class[chosen]"
    if images.rotations:
        image = "torch.rot90(of_class[chosen], one % 4, (1, 2))"
    sample = SAMPLE_IMAGES.replace(
        "hands = torch.randperm(HANDS)[:count]",
        f"of_class = training_images()[0][{one}]\n"
        "            chosen = torch.randperm(len(of_class))[:count]",
    )
    return [
        _LOAD,
        sample_classes(images, words, row),
        sample.replace("{image}", image),
    ]


OWN_IMAGES = replace(
    IMAGES,
    note=f"Images are read from {OWN_FILE}, which “maml-explorer code --data DIR --images "
    f"{OWN_FILE}” writes: put it beside this script, or give its path as the argument.",
    constants=_constants,
    sample=_sample,
)
