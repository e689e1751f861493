"""The current settings as one file of plain PyTorch. Torch-free: what is written is text.

The sections are chosen by the fields of the algorithm's record, so that an algorithm without a
field of its own needs nothing here. No name a person typed gets into the code.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from itertools import pairwise

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.codegen import sections as sections
from maml_explorer.codegen.inner_loop import (
    adapt_lines,
    adapting_test,
    learned_rates,
    multi_step,
    order_anneals,
)
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS, TaskSettings
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Arm, Settings

PROSE = 72
"""Columns of the docstring; code has up to 88, what formatters use where nothing else is said."""
LINES = 120
"""A script stays below so many lines, where no trick of training is in use."""
LINES_WITH_TRICKS = 185
"""Where some are: each brings a function of its own."""
MOST_LAYERS = 3
"""Hidden layers that are written out."""
PRINTS = 20
"""How often a script prints the loss, about."""
_NAMED = {math.pi: "math.pi", 2 * math.pi: "2 * math.pi", math.pi / 2: "math.pi / 2"}


def standalone_script(settings: Settings, arm: Arm) -> str:
    """One file of plain PyTorch (torch.func) that meta-trains one arm with these settings.

    It samples tasks of its own; `train(theta, batches)` takes others too, and then takes the outer
    steps of :func:`maml_explorer.core.training.outer_step` to rounding.

    Raises:
        SettingsError: for running averages that normalize training: they are state of the run.
    """
    if NORMS[settings.model.norm].constant:
        allowed = ", ".join(name for name, norm in NORMS.items() if not norm.constant)
        raise SettingsError(
            f"A standalone script cannot have {DECLARATIONS['norm'].label} (norm) "
            f"{settings.model.norm}, whose averages the run keeps: allowed are {allowed}."
        )
    own, record = settings.of_arm(arm), ALGORITHMS[arm.algorithm]
    constants, kind = _constants(own, record), learned_rates(own, record)
    clips = (own.inner.inner_clip and record.adapts != "none") or _clips_outer(own, record)
    schedule = sections.OUTER_LR.get(_schedule(own, record), "")
    parts = [
        _docstring(record),
        _imports(record, "math." in constants + schedule, is_deep(own) or own.model.special),
        constants,
        sections.SINE if own.model.activation == "sine" else "",
        network_lines(own, ".to(DEVICE, DTYPE)"),
        _initialize(own),
        sections.SAMPLE
        + (sections.ONE_FREQUENCY if _one_frequency(own.tasks) else sections.FREQUENCY)
        + (sections.NOISE if own.tasks.noise > 0 else "")
        + sections.SPLIT,
        sections.LOSS if record.adapts != "none" else "",
        sections.CLIPPED if clips else "",
        _with_rates(own, record, kind),
        *_outer(own, record),
        schedule,
        sections.TRAIN + _update(own, record),
        sections.MAIN.format(
            every=f"{max(1, own.outer.outer_steps // PRINTS):_}",
            rates="    theta = with_rates(theta)\n" if kind else "",
            saved=f'theta, "{record.key}.pt")  # with the step sizes'
            if kind
            else f'model.state_dict(), "{record.key}.pt")  # θ, which the model shares',
        ),
    ]
    return joined(parts)


def network_lines(own: Settings, ending: str = "") -> str:
    """The network as an assignment to `model`, with its norm and skip connections."""
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
        affine=sections.AFFINE if norm.over else "",
        each=each,
        normalized=sections.NORMALIZED.format(over=over) if norm.over else "",
        joined="h + z if h.shape == z.shape else z" if own.model.skip else "z",
        activation=sections.ACTIVATIONS[own.model.activation],
    )
    return text + ending


def model_lines(own: Settings, ending: str = "") -> str:
    """The network as an assignment to `model`: a layer per line, a loop where it is deep."""
    sizes = (1, *own.model.hidden, 1)
    activation = sections.ACTIVATIONS[own.model.activation]
    if is_deep(own):
        return f"SIZES = {sizes}\n{sections.DEEP.format(activation=activation)}{ending}"
    layers = f"\n    {activation},\n".join(f"    nn.Linear({a}, {b})," for a, b in pairwise(sizes))
    return f"model = nn.Sequential(\n{layers}\n){ending}"


def is_deep(own: Settings) -> bool:
    """Whether the network is made in a loop, which needs `itertools.pairwise`."""
    return len(own.model.hidden) > MOST_LAYERS


def head_names(own: Settings) -> str:
    """The names of the last layer's parameters, as a tuple in code."""
    last = f"linears.{len(own.model.hidden)}" if own.model.special else 2 * len(own.model.hidden)
    return f'("{last}.weight", "{last}.bias")'


def inner_steps(own: Settings, record: Algorithm) -> int:
    """K while meta-training."""
    reptile = record.outer_rule == "interpolation"
    return own.inner.reptile_inner_steps if reptile else own.inner.inner_steps


def joined(parts: Iterable[str]) -> str:
    """Parts of a file, two blank lines apart where there is a function or a class."""
    text, defines = "", False
    for part in filter(None, parts):
        now = part.startswith(("def ", "class ", "if ", "@"))
        gap = "\n\n\n" if now or defines else "\n\n"
        text += (gap if text else "") + part
        defines = now
    return text + "\n"


def _docstring(record: Algorithm) -> str:
    if record.adapts == "none":
        goal, how = "θ_MTL = argmin_θ Σ_τ L(θ, D_τ)", "D_τ: all points of task τ."
    elif record.outer_rule == "interpolation":
        goal = "θ ← θ + ε · mean over tasks τ of (U_K(θ, S_τ) − θ)"
        how = "U_K: K inner steps on minibatches of the support set S_τ."
    else:
        goal = "θ* = argmin_θ E_τ L(U_K(θ, S_τ), Q_τ)"
        how = "U_K: K inner steps on the support set S_τ; Q_τ: query set."
    summary = _filled(f"{record.summary} {how}")
    source = _filled(f"Source: {record.source}.")
    return (
        f'"""{record.label} on sine regression, in plain PyTorch.\n\n    {goal}\n\n{summary}\n'
        f"{source}\n\n"
        "Tasks are sampled from SEED; train() takes other batches too.\n"
        '"""'
    )


def _filled(text: str) -> str:
    return textwrap.fill(text, PROSE, break_on_hyphens=False)


def _imports(record: Algorithm, needs_math: bool, needs_pairwise: bool) -> str:
    functions = {
        "none": "functional_call, grad_and_value",
        "interpolation": "functional_call, grad, vmap",
        "gradient": "functional_call, grad, grad_and_value, vmap",
    }["none" if record.adapts == "none" else record.outer_rule]
    return (
        ("import math\n" if needs_math else "")
        + "from collections.abc import Iterable, Iterator\n"
        + ("from itertools import pairwise\n" if needs_pairwise else "")
        + "\nimport torch\nfrom torch import Tensor, nn\n"
        + f"from torch.func import {functions}\n\n"
        + "Parameters = dict[str, Tensor]\n"
        + "Batch = tuple[Tensor, Tensor, Tensor, Tensor]"
    )


def _constants(own: Settings, record: Algorithm) -> str:
    tasks, inner, outer = own.tasks, own.inner, own.outer
    # the program's own choice is the CPU but for large meta-batches of wide networks
    device = "cuda" if own.run.device == "cuda" else "cpu"
    lines = [
        f"SEED = {own.run.seed}  # of θ_0 and the tasks",
        f'DEVICE, DTYPE = "{device}", torch.{own.run.precision}',
        "",
        f"# Tasks: y = A sin({'' if _one_frequency(own.tasks) else 'ω'}x − φ)"
        f"{' + noise' if tasks.noise > 0 else ''}; φ is subtracted.",
        f"AMPLITUDE = {_ends(tasks.amplitude_min, tasks.amplitude_max)}  # A",
        _phase(tasks),
        f"X = {_ends(tasks.x_min, tasks.x_max)}",
        f"NOISE = {tasks.noise!r}  # σ" if tasks.noise > 0 else "",
        f"SHOTS, QUERY_POINTS = {inner.shots}, {inner.query_points}  # points per task",
        f"META_BATCH = {outer.meta_batch}  # tasks per outer step",
        f"OUTER_STEPS = {outer.outer_steps:_}",
    ]
    if own.model.special:
        lines.append(f"SIZES = {(1, *own.model.hidden, 1)}  # x to y")
    if record.adapts != "none":
        steps = inner_steps(own, record)
        begins = ", where learned step sizes begin" if learned_rates(own, record) else ""
        lines.append(f"INNER_LR, INNER_STEPS = {inner.inner_lr!r}, {steps}  # α, K{begins}")
        if inner.inner_clip:
            lines.append(f"INNER_CLIP = {inner.inner_clip!r}  # largest norm of an inner gradient")
    if record.adapts == "head":
        lines.append(f"HEAD = {head_names(own)}  # the last layer, which alone adapts")
    if record.outer_rule == "interpolation":
        size = min(inner.reptile_batch, inner.shots)
        falls = ", which falls to 0" if outer.reptile_anneal else ""
        lines.append(f"INNER_BATCH = {size}  # support points per inner step")
        lines.append(f"EPSILON = {outer.reptile_step!r}  # ε{falls}")
    else:
        lines.append(f"OUTER_LR = {outer.outer_lr!r}  # β")
        lines += _outer_constants(own, record)
    return "\n".join(line for n, line in enumerate(lines) if line or n == 2)


def _outer_constants(own: Settings, record: Algorithm) -> list[str]:
    """Of the tricks that are in use."""
    outer, schedule = own.outer, _schedule(own, record)
    lines = []
    if schedule == "warm-up":
        lines.append(f"WARMUP_STEPS = {outer.warmup_steps:_}")
    elif schedule:
        lines.append(f"SCHEDULE_END = {outer.schedule_end!r}  # the part of β it ends with")
    if _clips_outer(own, record):
        lines.append(f"OUTER_CLIP = {outer.outer_clip!r}  # largest norm of the outer gradient")
    if order_anneals(own, record):
        lines.append(f"SECOND_ORDER_FROM = {outer.second_order_from:_}  # outer step")
    if multi_step(own, record):
        lines.append(f"MULTI_STEP_UNTIL = {outer.multi_step_until:_}  # outer step")
    return lines


def _schedule(own: Settings, record: Algorithm) -> str:
    """The schedule of β, where there is one."""
    constant = own.outer.schedule == "constant" or record.outer_rule == "interpolation"
    return "" if constant else own.outer.schedule


def _clips_outer(own: Settings, record: Algorithm) -> bool:
    return own.outer.outer_clip > 0 and record.outer_rule == "gradient"


def _with_rates(own: Settings, record: Algorithm, kind: str) -> str:
    """The function that puts learned step sizes beside θ; "" where none are learned."""
    if not kind:
        return ""
    test = adapting_test(own, record)
    indent = "    " if test else ""
    return sections.RATES.format(
        test=f"\n        if {test}:" if test else "",
        indent=indent,
        what=sections.RATE[kind].replace("{indent}", indent),
    )


def _phase(tasks: TaskSettings) -> str:
    phase = _ends(tasks.phase_min, tasks.phase_max)
    if _one_frequency(tasks):
        return f"PHASE = {phase}  # φ"
    return f"PHASE, FREQUENCY = {phase}, {_ends(tasks.frequency_min, tasks.frequency_max)}  # φ, ω"


def _one_frequency(tasks: TaskSettings) -> bool:
    """Whether every task has frequency 1, as in the paper: then the code says nothing of it."""
    return tasks.frequency_min == tasks.frequency_max == 1


def _ends(low: float, high: float) -> str:
    return f"({_number(low)}, {_number(high)})"


def _number(value: float) -> str:
    name = _NAMED.get(abs(value))
    return repr(value) if name is None else ("-" if value < 0 else "") + name


def _initialize(own: Settings) -> str:
    words, line = sections.INITIALIZATIONS[own.model.initialization]
    zero = "" if own.model.initialization == "pytorch" else "\n        linear.bias.zero_()"
    every = "model.linears:" if own.model.special else "model[::2]:  # activations are between"
    return (
        f'@torch.no_grad()\ndef initialize() -> None:\n    """θ_0: {words}"""\n'
        f"    for linear in {every}\n        {line}{zero}"
    )


def _outer(own: Settings, record: Algorithm) -> list[str]:
    """From the inner loop to the outer loss."""
    if record.adapts == "none":
        return [sections.JOINT_LOSS]
    adapt = adapt_lines(own, record)
    if record.outer_rule == "interpolation":
        return [adapt]
    anneals = order_anneals(own, record)
    also = "step, " if anneals else ""
    if multi_step(own, record):
        return [adapt, sections.MULTI_STEP_LOSS.format(also=also)]
    return [adapt, sections.OUTER_LOSS.format(step="step: int, " if anneals else "", also=also)]


def _update(own: Settings, record: Algorithm) -> str:
    """The outer loop, its gradient or its interpolation."""
    outer = own.outer
    if record.outer_rule == "interpolation":
        falls = outer.reptile_anneal
        return sections.INTERPOLATION.format(
            each="step, batch" if falls else "batch",
            batches="enumerate(batches)" if falls else "batches",
            annealed=sections.ANNEALED if falls else "",
            epsilon="epsilon" if falls else "EPSILON",
        )
    optimizer = "Adam(theta.values(), lr=OUTER_LR)"
    if outer.optimizer == "sgd":
        momentum = f", momentum={outer.momentum!r}" if outer.momentum else ""
        optimizer = f"SGD(theta.values(), lr=OUTER_LR{momentum})"
    anneals, scheduled = order_anneals(own, record), bool(_schedule(own, record))
    counts = anneals or scheduled or multi_step(own, record)
    gradient = sections.GRADIENT.format(step="step, " if anneals else "")
    if record.outer_data == "all":
        gradient = sections.JOINT_GRADIENT
    elif multi_step(own, record):
        gradient = sections.WEIGHTED_GRADIENT
    return sections.OPTIMIZATION.format(
        optimizer=optimizer,
        each="step, batch in enumerate(batches)" if counts else "batch in batches",
        rate=sections.SCHEDULED if scheduled else "",
        gradient=gradient,
        clipped="        gradient = clipped(gradient, OUTER_CLIP)\n"
        if _clips_outer(own, record)
        else "",
    )
