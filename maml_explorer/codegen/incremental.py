"""Streams of sine functions in generated code. Torch-free: text only."""

from __future__ import annotations

import dataclasses

from maml_explorer.codegen import sections
from maml_explorer.codegen.curves import CURVES
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings

_SAMPLE = '''\
def sample_batch() -> Batch:
    """Sample streams: support x, y and query x, y, one function after another."""
    empty = next(model.parameters()).new_empty  # of the same device and type
    amplitude = empty(META_BATCH, FUNCTIONS, 1).uniform_(*AMPLITUDE)
    phase = empty(META_BATCH, FUNCTIONS, 1).uniform_(*PHASE)
    x = empty(META_BATCH, FUNCTIONS, SHOTS + QUERY_POINTS).uniform_(*X)
'''
_JOIN = """\
    number = torch.eye(FUNCTIONS).to(x)[:, None].expand(*x.shape, FUNCTIONS)
    x, y = torch.cat([x[..., None], number], 3), y[..., None]
    support, query = (x[:, :, :SHOTS], y[:, :, :SHOTS]), (x[:, :, SHOTS:], y[:, :, SHOTS:])
    support_x, support_y, query_x, query_y = (p.flatten(1, 2) for p in (*support, *query))
    return support_x, support_y, query_x, query_y"""


def _constants(own: Settings) -> list[str]:
    tasks = own.tasks
    if own.inner.shots % tasks.batches:
        raise SettingsError(
            f"A script has batches of one size: {own.inner.shots} shots cannot be cut into "
            f"{tasks.batches} batches (batches) of one size."
        )
    batches = f"in {tasks.batches} batches" if tasks.batches > 1 else "in one batch"
    own_lines = [line.replace("per task", "per function") for line in CURVES.constants(own)]
    return [*own_lines, f"FUNCTIONS = {tasks.functions}  # of a stream, each {batches}"]


def _sample(own: Settings) -> list[str]:
    one = own.tasks.frequency_min == own.tasks.frequency_max == 1
    y = sections.ONE_FREQUENCY if one else sections.FREQUENCY.replace("META_BATCH, 1", _EACH)
    return [_SAMPLE + y + (sections.NOISE if own.tasks.noise > 0 else "") + _JOIN]


_EACH = "META_BATCH, FUNCTIONS"


def refuse_stream(own: Settings, adapts: str) -> None:
    """Refuses forms of code that know one support set for all inner steps.

    Args:
        own: settings of an arm.
        adapts: layers that its inner loop changes; "" for the two forms of any.

    Raises:
        SettingsError: naming what can be had.
    """
    if own.family.stream and adapts in ("", "context"):
        what = "The two forms are" if not adapts else "A script of CAVIA is"
        raise SettingsError(
            f"{what} not written for streams: the script of another algorithm learns one batch "
            "after another."
        )


INCREMENTAL_CODE = dataclasses.replace(
    CURVES,
    title="incremental sine waves",
    note="A task is a stream: the inner loop sees each batch of it once, the query all of it.",
    constants=_constants,
    sample=_sample,
    joint_loss=sections.JOINT_LOSS.replace("errors[:, SHOTS:]", "errors[:, support_x.shape[1] :]"),
)
