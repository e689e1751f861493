"""The current settings as one file of plain PyTorch. Torch-free: what is written is text.

The sections are chosen by the fields of the algorithm's record, so that an algorithm without a
field of its own needs nothing here. No name that a user typed gets into the code.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import pairwise

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.codegen import convolution, implicit
from maml_explorer.codegen import sections as sections
from maml_explorer.codegen.beside_theta import BESIDE, begin_text, one_by_one, scales_batch_norm
from maml_explorer.codegen.constants import constants, network_sizes
from maml_explorer.codegen.data import DataCode
from maml_explorer.codegen.families import data_code
from maml_explorer.codegen.incremental import refuse_stream
from maml_explorer.codegen.inner_loop import adapt_lines, adapting_test
from maml_explorer.codegen.own_tasks import refuse_own_network
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.phases import Phases, phases
from maml_explorer.settings.settings import Arm, Settings

PROSE = 72
"""Columns of the docstring; code has up to 88, what formatters use where nothing else is said."""
LINES = 120
"""A script stays below so many lines, where no trick of training is in use."""
LINES_WITH_TRICKS = 185
"""Limit for a script with tricks: each adds a function."""
LINES_OF_IMAGES = 95
"""Lines that a script may have more for images: it draws them."""
MOST_LAYERS = 3
"""Hidden layers that are written out."""
PRINTS = 20
"""Rough number of times a script prints the loss."""


def standalone_script(settings: Settings, arm: Arm) -> str:
    """One file of plain PyTorch (torch.func) that meta-trains one arm with these settings.

    It samples tasks of its own; `train(theta, batches)` takes others too, and then takes the outer
    steps of :func:`maml_explorer.core.training.outer_step` to rounding.

    Raises:
        SettingsError: for running averages that normalize training: they are state of the run.
    """
    refuse_own_network(settings)
    if NORMS[settings.model.norm].constant:
        allowed = ", ".join(name for name, norm in NORMS.items() if not norm.constant)
        raise SettingsError(
            f"A standalone script cannot have {DECLARATIONS['norm'].label} (norm) "
            f"{settings.model.norm}, whose averages the run keeps: allowed are {allowed}."
        )
    own, record = settings.of_arm(arm), ALGORITHMS[arm.algorithm]
    refuse_stream(own, record.adapts)
    step, data = phases(own, record), data_code(own)
    head, kind = constants(own, record), step.step_sizes
    clips = step.update.clip or (step.adapt and step.adapt.clip)
    schedule = sections.OUTER_LR.get(step.update.schedule, "")
    parts = [
        _docstring(record, data),
        _imports(own, record, data, "math." in "".join([head, schedule, *data.sample(own)])),
        head,
        sections.SINE if own.model.activation == "sine" else "",
        network_lines(own, ".to(DEVICE, DTYPE)"),
        _initialize(own),
        *data.sample(own),
        data.loss if record.has_inner_loop else "",
        sections.CLIPPED if clips else "",
        _with_rates(own, record, kind),
        *_outer(own, record),
        schedule,
        sections.TRAIN + _update(step, record),
        sections.MAIN.format(
            every=f"{max(1, own.outer.outer_steps // PRINTS):_}",
            rates=f"    theta = {BESIDE[kind].function}(theta)\n" if kind else "",
            saved=f'theta, "{record.key}.pt")  # with the {BESIDE[kind].words}'
            if kind
            else f'model.state_dict(), "{record.key}.pt")  # θ, which the model shares',
        ),
    ]
    return joined(parts)


def network_lines(own: Settings, ending: str = "") -> str:
    """The network as an assignment to `model`, with its norm and skip connections."""
    if own.model_kind.pictures:
        return convolution.module_lines(own) + ending
    if not own.model.special:
        return model_lines(own, ending)
    norm = NORMS[own.model.norm]
    over = {"points": "-2", "features": "-1", "": ""}[norm.over]
    words = f"Layers h ← σ({'norm(W h + b)' if norm.over else 'W h + b'})"
    words += " + h where widths agree" if own.model.skip else ""
    words += {"points": "; norm over a task's points", "features": "; norm over units", "": ""}[
        norm.over
    ]
    each = (
        "layer, linear in enumerate(self.linears[:-1])"
        if norm.over
        else "linear in self.linears[:-1]"
    )
    text = sections.NETWORK.format(
        words=f"{words}.",
        outputs=data_code(own).outputs,
        affine=sections.AFFINE if norm.over else "",
        each=each,
        normalized=sections.NORMALIZED.format(over=over) if norm.over else "",
        joined="h + z if h.shape == z.shape else z" if own.model.skip else "z",
        activation=sections.ACTIVATIONS[own.model.activation],
    )
    return text + ending


def model_lines(own: Settings, ending: str = "") -> str:
    """The network as an assignment to `model`: a layer per line, a loop where it is deep."""
    sizes = network_sizes(own)
    activation = sections.ACTIVATIONS[own.model.activation]
    if is_deep(own):
        return f"SIZES = {sizes}\n{sections.DEEP.format(activation=activation)}{ending}"
    layers = f"\n    {activation},\n".join(f"    nn.Linear({a}, {b})," for a, b in pairwise(sizes))
    return f"model = nn.Sequential(\n{layers}\n){ending}"


def needs_pairwise(own: Settings) -> bool:
    """True where the layers of a perceptron are made in a loop."""
    return not own.model_kind.pictures and (is_deep(own) or own.model.special)


def is_deep(own: Settings) -> bool:
    """True where the network is made in a loop, which needs `itertools.pairwise`."""
    return len(own.model.hidden) > MOST_LAYERS


def joined(parts: Iterable[str]) -> str:
    """Parts of a file, two blank lines apart where there is a function or a class."""
    text, defines = "", False
    for part in filter(None, parts):
        now = part.startswith(("def ", "class ", "if ", "@"))
        gap = "\n\n\n" if now or defines else "\n\n"
        text += (gap if text else "") + part
        defines = now
    return text + "\n"


def _docstring(record: Algorithm, data: DataCode) -> str:
    if not record.has_inner_loop:
        goal, how = "θ_MTL = argmin_θ Σ_τ L(θ, D_τ)", "D_τ: all points of task τ."
    elif record.interpolates:
        goal = "θ ← θ + ε · mean over tasks τ of (U_K(θ, S_τ) − θ)"
        how = "U_K: K inner steps on minibatches of the support set S_τ."
    else:
        goal = "θ* = argmin_θ E_τ L(U_K(θ, S_τ), Q_τ)"
        how = "U_K: K inner steps on the support set S_τ; Q_τ: query set."
    summary = _filled(f"{record.summary} {how}")
    source = _filled(f"Source: {record.source}.")
    note = f"{_filled(data.note)}\n\n" if data.note else ""
    return (
        f'"""{record.label} on {data.title}, in plain PyTorch.\n\n    {goal}\n\n{summary}\n'
        f"{source}\n\n{note}"
        "Tasks are sampled from SEED; train() takes other batches too.\n"
        '"""'
    )


def _filled(text: str) -> str:
    return textwrap.fill(text, PROSE, break_on_hyphens=False)


def _imports(own: Settings, record: Algorithm, data: DataCode, needs_math: bool) -> str:
    functions = {
        "none": "functional_call, grad_and_value",
        "interpolation": "functional_call, grad, vmap",
        "gradient": "functional_call, grad, grad_and_value, vmap",
    }[record.outer_rule if record.has_inner_loop else "none"]
    iterables = ("Callable, " if record.implicit else "") + "Iterable, Iterator"
    if own.model_kind.pictures and "vmap" not in functions:
        functions += ", vmap"
    if _one_by_one(own, record):
        functions = functions.removesuffix(", vmap")
    plain, parts, others = data.modules
    return (
        ("import math\n" if needs_math else "")
        + "".join(f"import {name}\n" for name in plain)
        + f"from collections.abc import {iterables}\n"
        + "".join(f"from {name}\n" for name in parts)
        + ("from itertools import pairwise\n" if needs_pairwise(own) else "")
        + "\n"
        + "".join(f"import {name}\n" for name in others)
        + "import torch\nfrom torch import Tensor, nn\n"
        + f"from torch.func import {functions}\n\n"
        + "Parameters = dict[str, Tensor]\n"
        + "Batch = tuple[Tensor, Tensor, Tensor, Tensor]"
    )


def _with_rates(own: Settings, record: Algorithm, kind: str) -> str:
    """The function that puts beside θ what else is learned; "" where nothing is."""
    if not kind:
        return ""
    return begin_text(kind, adapting_test(own, record), own)


def _initialize(own: Settings) -> str:
    words, line = sections.INITIALIZATIONS[own.model.initialization]
    zero = "" if own.model.initialization == "pytorch" else "\n        linear.bias.zero_()"
    every = "model.linears:" if own.model.special else "model[::2]:  # activations are between"
    if own.model_kind.pictures:
        every = "(model[n] for n in LAYERS):"
    return (
        f'@torch.no_grad()\ndef initialize() -> None:\n    """θ_0: {words}"""\n'
        f"    for linear in {every}\n        {line}{zero}"
    )


def _outer(own: Settings, record: Algorithm) -> list[str]:
    """From the inner loop to the outer loss."""
    step = phases(own, record)
    if step.adapt is None:
        if own.model_kind.pictures:
            return [data_code(own).joint_loss_of_pictures]
        return [data_code(own).joint_loss]
    adapt = adapt_lines(own, record)
    if step.query is None:
        return [adapt]
    if step.query.solve_steps:
        return [adapt, implicit.implicit_lines(own, record)]
    anneals = step.order_anneals
    also = "step, " if anneals else ""
    loss = sections.OUTER_LOSS.format(step="step: int, " if anneals else "", also=also)
    if step.multi_step:
        loss = sections.MULTI_STEP_LOSS.format(also=also)
    return [adapt, one_by_one(loss) if _one_by_one(own, record) else loss]


def _one_by_one(own: Settings, record: Algorithm) -> bool:
    """True where the code goes through its tasks in a loop."""
    return record.adapts == "context" and scales_batch_norm(own)


def _update(step: Phases, record: Algorithm) -> str:
    """The outer loop, its gradient or its interpolation."""
    update = step.update
    if not update.optimizer:
        falls = update.anneals
        return sections.INTERPOLATION.format(
            each="step, batch" if falls else "batch",
            batches="enumerate(batches)" if falls else "batches",
            annealed=sections.ANNEALED if falls else "",
            epsilon="epsilon" if falls else "EPSILON",
        )
    optimizer = "Adam(theta.values(), lr=OUTER_LR)"
    if update.optimizer == "sgd":
        momentum = f", momentum={update.momentum!r}" if update.momentum else ""
        optimizer = f"SGD(theta.values(), lr=OUTER_LR{momentum})"
    counts = step.order_anneals or update.schedule or step.multi_step
    gradient = sections.GRADIENT.format(step="step, " if step.order_anneals else "")
    if step.sample.joined:
        gradient = sections.JOINT_GRADIENT
    elif record.implicit:
        gradient = implicit.STEP
    elif step.multi_step:
        gradient = sections.WEIGHTED_GRADIENT
    clipped = "        gradient = clipped(gradient, OUTER_CLIP)\n"
    return sections.OPTIMIZATION.format(
        optimizer=optimizer,
        each="step, batch in enumerate(batches)" if counts else "batch in batches",
        rate=sections.SCHEDULED if update.schedule else "",
        gradient=gradient,
        clipped=clipped if update.clip else "",
    )
