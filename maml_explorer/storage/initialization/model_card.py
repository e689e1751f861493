"""The README.md of an exported initialization. Torch-free."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.codegen.beside_theta import BESIDE
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.phases import phases, tested_layers
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import is_written
from maml_explorer.settings.words import counted
from maml_explorer.storage.initialization.expressions import (
    adapting_module,
    is_special,
    loss_name,
    network_expression,
    sgd_loop,
)
from maml_explorer.storage.initialization.maps_on_card import CLIP, OTHERS, PULL
from maml_explorer.storage.initialization.network_words import OWN_USE, network_words
from maml_explorer.storage.initialization.protocol_words import protocol_words
from maml_explorer.storage.initialization.task_words import task_words

MODULE_LINES = 44
"""Most lines of the module that a card may carry."""
SNIPPET_LINES = 10
"""Most lines of the snippet that loads and adapts."""

_SINE_PART = """\
PyTorch has no sine activation, so the module comes first:

```python
from torch import Tensor, nn, sin


class Sine(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return sin(z)
```"""


def model_card(
    settings: Settings,
    outer_step: int,
    evaluations: Sequence[Mapping[str, Any]],
    versions: Mapping[str, str],
    origin: str = "",
    history: str = "",
) -> str:
    """The card as Markdown: what it is, how well it adapts, how to use it.

    Args:
        settings: of the run, with the one arm that is exported.
        outer_step: outer steps the arm has taken.
        evaluations: records of the meta-test.
        versions: what it was trained with, name → version.
        origin: a sentence on where the weights come from, where they were not trained here.
        history: what was changed while it trained, in words.
    """
    arm = settings.arms[0]
    algorithm = ALGORITHMS[arm.algorithm]
    own = settings.of_arm(arm)
    kind = phases(own, algorithm).step_sizes
    but = f", without the learned {BESIDE[kind].words}," if kind else ""
    steps = counted(outer_step, "outer step")
    trained = f"meta-trained with {algorithm.label} for {steps} on tasks"
    trained = f"taken up for {algorithm.label} on tasks" if origin else trained
    parts = [
        _front_matter(own, algorithm, evaluations),
        f"# {algorithm.label} initialization for {_topic(own)[1]}",
        f"The initialization θ of a {network_words(own)} "
        f"{trained} {task_words(own)}. It is meant to be adapted to a new task with a few "
        f"gradient steps; by itself it predicts no task. {algorithm.summary} "
        f"Source of the algorithm: {algorithm.source}.{_paper(algorithm)}",
        origin,
        _evaluation(own, evaluations),
        "## Use",
        *([OWN_USE] if own.model_kind.own else _use(own, algorithm)),
        f"`model.pt` holds the same tensors{but} as a plain `state_dict`. `config.json` holds all "
        "settings.",
        "## Training",
        "\n".join(_settings_table(own)),
        history,
        f"Trained with {', '.join(' '.join(one) for one in versions.items())}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _use(own: Settings, algorithm: Algorithm) -> list[str]:
    return [
        _SINE_PART if own.model.activation == "sine" else "",
        _module_part(own),
        "In this folder, in plain PyTorch:",
        f"```python\n{_snippet(own, algorithm)}\n```",
        _rates_part(own, algorithm),
    ]


def _front_matter(
    settings: Settings, algorithm: Algorithm, evaluations: Sequence[Mapping[str, Any]]
) -> str:
    """The head of the card in YAML, as model hubs read it; JSON is YAML too."""
    topic, title = _topic(settings)
    kind = "image-classification" if settings.family.images else "tabular-regression"
    metrics = [
        {
            "type": "accuracy" if settings.family.images else "mse",
            "name": f"{counted(record['shots'], 'shot')}, {counted(step, 'inner step')}, "
            f"{record['tasks']} tasks",
            "value": value,
        }
        for record in evaluations
        for step, value in zip(record["inner_steps"], record["mean"], strict=True)
        if value is not None
    ]
    result = {
        "task": {"type": kind},
        "dataset": {"name": f"held-out tasks of {title}", "type": topic},
        "metrics": metrics,
    }
    index = [{"name": f"{algorithm.label} for {title}", "results": [result]}]
    lines = [
        "library_name: pytorch",
        "license: mit",
        f"pipeline_tag: {kind}",
        f"tags:\n- meta-learning\n- {topic}\n- {algorithm.key}",
        f"model-index: {json.dumps(index, ensure_ascii=False)}" if metrics else "",
    ]
    return "\n".join(["---", *filter(None, lines), "---"])


def _paper(algorithm: Algorithm) -> str:
    number = algorithm.paper
    return f" Paper: [arXiv:{number}](https://arxiv.org/abs/{number})." if number else ""


def _topic(settings: Settings) -> tuple[str, str]:
    """(the tag, the words of the title) that say what it is for."""
    if settings.family.images:
        ways, shots = settings.images.ways, settings.inner.shots
        return "few-shot-classification", f"{ways}-way {shots}-shot {settings.family.label.lower()}"
    own = settings.tasks.own_key
    if settings.family.own_tasks and own is not None:
        return "few-shot-regression", f"regression of “{own.name}”"
    sines = settings.tasks.family == "sine"
    words = "sine regression" if sines else f"regression of {settings.family.label}"
    return "few-shot-regression", words


def _module_part(settings: Settings) -> str:
    """The module's text, where there is one, and what is to be known of a norm."""
    if settings.model_kind.pictures and settings.model.norm == "batch":
        return (
            "Images given together are normalized by their common mean and variance, so a "
            "prediction depends on the images beside it. Scales and shifts of a norm do not adapt."
        )
    if not is_special(settings):
        return ""
    text = Path(__file__).with_name("network_module.py").read_text(encoding="utf-8").strip()
    said = {
        "batch": " Points given together are normalized by their common mean and variance, so a "
        "prediction depends on the points beside it.",
        "batch-running": " It was trained with the statistics of each set of points and is used "
        "with running averages over all tasks, as after `model.eval()`.",
        "batch-per-step": " It was trained, and is used, with running averages per inner step, "
        "which `step` counts.",
    }.get(settings.model.norm, "")
    return (
        "With a norm or skip connections, a module comes first. Scales and shifts of a norm do not "
        f"adapt.{said}\n\n```python\n{text}\n```"
    )


def _learns(settings: Settings, algorithm: Algorithm) -> bool:
    """True if step sizes are learned."""
    return bool(phases(settings, algorithm).step_sizes)


def _rates_part(settings: Settings, algorithm: Algorithm) -> str:
    if not _learns(settings, algorithm):
        return ""
    if algorithm.step_sizes in OTHERS:
        return OTHERS[algorithm.step_sizes].words
    shape = "has its shape" if algorithm.step_sizes else "has one value per inner step"
    return (
        f"The step sizes of the inner loop were learned with θ: `inner_lr.NAME` is that of the "
        f"tensor `NAME` and {shape}. After more inner steps than it was trained with the last "
        "ones are used again, a rule of this program and not of a paper."
    )


def _snippet(settings: Settings, algorithm: Algorithm) -> str:
    adapts = tested_layers(settings, algorithm)
    number = ", dtype=float64" if settings.run.precision == "float64" else ""
    makes = _makes(settings)
    imported = f"nn, optim, {makes}{', float64' if number else ''}"
    if is_special(settings):
        imported = imported.replace("optim, ", "")
    adapting = adapting_module(settings, adapts)
    loss, steps = loss_name(settings), max(1, settings.inner.inner_steps)
    lines = [
        "from safetensors.torch import load_file",
        f"from torch import {imported}",
        f"model = {network_expression(settings)}",
        'model.load_state_dict(load_file("model.safetensors"))',
        _support_line(settings, number),
    ]
    learns = _learns(settings, algorithm)
    if learns or settings.inner.inner_clip or algorithm.implicit:
        return "\n".join(_by_hand(lines, settings, algorithm, steps))
    if is_special(settings):
        last = f", layers=slice(-{settings.inner.head_layers}, None)"
        head = {"head": last, "body": ", layers=slice(-1)"}.get(adapts, "")
        own_loss = f", loss={loss}" if settings.family.images else ""
        call = f"model.adapt(x, y, lr={settings.inner.inner_lr!r}, steps={steps}{head}{own_loss})"
        said = "" if settings.family.images else "  # your own support points [point, 1]"
        return "\n".join([*lines, call + said])
    return "\n".join(
        [
            *lines,
            f"sgd = optim.SGD({adapting}.parameters(), lr={settings.inner.inner_lr!r})",
            *sgd_loop(settings, loss, steps),
        ]
    )


def _by_hand(lines: list[str], settings: Settings, algorithm: Algorithm, steps: int) -> list[str]:
    """The snippet where `torch.optim` does not take the inner steps: rates learned, or clipped."""
    imports, _, model, load, points = lines
    number = ", float64" if "float64" in points else ""
    makes = _makes(settings)
    imports_by_hand = f"from torch import autograd, nn, {makes}{number}"
    special, adapts = is_special(settings), tested_layers(settings, algorithm)
    update = "p.data.sub_(a * d)"
    if not _learns(settings, algorithm):
        module = f"{adapting_module(settings, adapts)}.parameters()"
        adapting = f"dict.fromkeys({module}, {settings.inner.inner_lr!r})"
    else:
        load = 'model.load_state_dict(saved := load_file("model.safetensors"), strict=False)'
        if algorithm.step_sizes in OTHERS:
            by_hand = OTHERS[algorithm.step_sizes].snippet
            return by_hand(lines, settings, load, imports_by_hand, loss_name(settings))
        names = 'for n, a in saved.items() if n.startswith("inner_lr.")'
        adapting = f"{{model.get_parameter(n[9:]): a {names}}}"
        if not algorithm.step_sizes:
            update = "p.data.sub_(a[min(k, len(a) - 1)] * d)"
    pulled = PULL.format(half=settings.inner.proximal / 2) if algorithm.implicit else ""
    begin = "; theta = [p.detach().clone() for p in phi]" if pulled else ""
    counts = special and NORMS[settings.model.norm].stored > 1 and adapts != "head"
    clip = settings.inner.inner_clip
    return [
        imports,
        imports_by_hand,
        model,
        load,
        f"phi = {adapting}{begin}  # what adapts, with its step size",
        points,
        f"for k in range({steps}):  # inner steps on your own support points x, y",
        f"    g = autograd.grad({loss_name(settings)}(model(x), y){pulled}, list(phi))",
        *([CLIP.format(limit=clip)] if clip else []),
        f"    [{update.replace('d)', 's * d)') if clip else update} for (p, a), d in "
        f"zip(phi.items(), g)]{'; model.step += 1' if counts else ''}",
    ]


def _support_line(settings: Settings, number: str) -> str:
    """x and y of a support set; for images random ones, with what to put in their place."""
    if settings.family.images:
        ways, shots, pixels = settings.images.ways, settings.inner.shots, settings.images.side**2
        made = f"rand({ways * shots}, {pixels}{number}), arange({ways}).repeat({shots})"
        return f"x, y = {made}  # your own images [image, pixel], ink 1 on 0, and their classes"
    if settings.ends != (1, 1):
        inputs, outputs = settings.ends
        made = f"rand(3, {inputs}{number}), rand(3, {outputs}{number})"
        return f"x, y = {made}  # your own support points [point, in], [point, out]"
    low, width = settings.tasks.x_min, settings.tasks.x_max - settings.tasks.x_min
    points = [[round(low + width * part, 3)] for part in (0.2, 0.55, 0.8)]
    return f"x, y = tensor({points}{number}), tensor([[1.0], [-0.5], [0.2]]{number})"


def _makes(settings: Settings) -> str:
    """Functions of torch that make up a support set, as they are imported."""
    if settings.family.images:
        return "arange, rand"
    return "tensor" if settings.ends == (1, 1) else "rand"


def _evaluation(settings: Settings, evaluations: Sequence[Mapping[str, Any]]) -> str:
    if not evaluations:
        return ""
    lines = [
        "## Evaluation",
        "",
        protocol_words(settings.family),
        *_transduction(settings),
        "",
        f"| shots | tasks | inner steps | {settings.family.figure} | median | diverged tasks |",
        "|---|---|---|---|---|---|",
    ]
    for record in evaluations:
        for index, steps in enumerate(record["inner_steps"]):
            mean, ci95 = record["mean"][index], record["ci95"][index]
            median = record["median"][index]
            # a mean near the largest number has no finite interval
            scale = 100 if settings.family.images else 1
            half = "" if ci95 is None else f" ± {scale * ci95:.2g}"
            error = "not finite" if mean is None else f"{scale * mean:.3g}{half}"
            middle = "not finite" if median is None else f"{scale * median:.3g}"
            lines.append(
                f"| {record['shots']} | {record['tasks']} | {steps} | {error} | {middle} "
                f"| {record['diverged'][index]} |"
            )
    if any(record["fine_tuning_lr"] for record in evaluations):
        lines += ["", "Fine-tuned with the best α of a grid on validation tasks:", ""]
        for record in evaluations:
            pairs = zip(record["inner_steps"], record["fine_tuning_lr"] or (), strict=False)
            said = (f"{rate:.2g} for {counted(k, 'inner step')}" for k, rate in pairs if k)
            lines.append(f"- {counted(record['shots'], 'shot')}: {', '.join(said)}")
    return "\n".join(lines)


def _transduction(settings: Settings) -> list[str]:
    """The sentence that belongs to accuracies where batch norm sees all query images together."""
    if not settings.family.images or settings.model.norm not in ("batch",):
        return []
    return [
        "",
        "Batch norm takes its statistics from all query images of a task together (transductive): "
        "one image alone would be told worse. `maml-explorer evaluate --transduction alone` "
        "measures each beside the support set alone.",
    ]


def _settings_table(settings: Settings) -> list[str]:
    lines = ["| setting | value |", "|---|---|"]
    for key, declaration in DECLARATIONS.items():
        if not is_written(settings, key):
            continue
        unit = f" {declaration.unit_of(settings.family)}" if declaration.unit else ""
        lines.append(f"| {declaration.label} (`{key}`) | {shown(settings[key])}{unit} |")
    return lines
