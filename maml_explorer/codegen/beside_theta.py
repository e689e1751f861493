"""Functions and lines of generated code that learns something beside θ. Torch-free: text."""

from __future__ import annotations

from dataclasses import dataclass

from maml_explorer.codegen.convolution import layer_places, norm_places
from maml_explorer.codegen.sections import INITIALIZATIONS
from maml_explorer.settings.norms import NORMS
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class BesideTheta:
    """One kind of it."""

    prefix: str
    """Of its names among the parameters."""
    words: str
    """Plural noun for it in a sentence."""
    begin: str
    """The function that puts it beside θ, and what the inner loop calls; see :func:`begin_text`."""
    function: str
    """Name of that function."""
    step: tuple[str, ...]
    """Lines of an inner step, from `gradient` to the new `phi`."""
    counted: bool = False
    """True where the inner steps are numbered."""
    begins: str = ""
    """Remark on α, where it begins with it."""


_RATE_STEP = (
    "        for name, g in gradient.items():",
    "            rate = {rate}",
    "            phi = phi | {{name: phi[name] - rate * g}}",
)
_RATES = '''\
def with_rates(theta: Parameters) -> Parameters:
    """θ, and beside it the step sizes that are learned, α at first."""
    rates = {{}}
    for name in theta:{test}
{indent}        {what}
    return theta | rates'''
_PER_PARAMETER = 'rates[f"alpha.{name}"] = torch.full_like(theta[name], INNER_LR)'
_PER_LAYER = """\
layer = "alpha." + name.rpartition(".")[0]
{indent}        rate = torch.full((INNER_STEPS,), INNER_LR, dtype=DTYPE)
{indent}        rates[layer] = rate.to(DEVICE)"""
_CURVATURE = '''\
def with_curvature(theta: Parameters) -> Parameters:
    """θ, and beside it the matrices of its gradients, identities at first."""
    beside = {{}}
    for name, value in theta.items():{test}
{indent}        if value.dim() == 1:
{indent}            beside[f"curvature.{{name}}"] = torch.ones_like(value)
{indent}            continue
{indent}        sizes = {{"out": value.shape[0], "in": value.shape[1]}}
{places}{indent}        for side, size in sizes.items():
{indent}            beside[f"curvature.{{name}}.{{side}}"] = torch.eye(size).to(value)
    return theta | beside


def curved(theta: Parameters, name: str, g: Tensor) -> Tensor:
    """A weight's gradient between its two matrices; a bias's by a factor each."""
    if g.dim() == 1:
        return theta[f"curvature.{{name}}"] * g
    out, into = theta[f"curvature.{{name}}.out"], theta[f"curvature.{{name}}.in"]
{filters}    return out @ g @ into'''
_CONTEXT = '''\
def with_context(theta: Parameters) -> Parameters:
    """θ, and beside it the weights of the context, drawn as those of x are."""
    linear = nn.Linear({inputs} + CONTEXT, {width})
    {drawn}
    weight = linear.weight.detach()[:, -CONTEXT:].contiguous()
    return theta | {{"context.weight": weight.to(DEVICE, DTYPE)}}


def seeing(theta: Parameters, context: Tensor) -> Parameters:
    """θ as it sees [x, context]: the context moves the bias of the first layer."""
    moved = theta["context.weight"] @ context
{rows}    parameters = {{name: theta[name] for name in theta if name != "context.weight"}}
    return parameters | {{CONTEXT_ENTERS: theta[CONTEXT_ENTERS] + moved}}'''
_PLACES = """\
{indent}        if value.dim() == 4:
{indent}            sizes["places"] = value[0, 0].numel()
"""
_FILTERS = """\
    if g.dim() == 4:  # a filter: its places go through a matrix of their own
        places = theta[f"curvature.{name}.places"]
        found = torch.einsum("po,ocf,cd,fe->pde", out, g.flatten(2), into, places)
        return found.reshape(g.shape)
"""

BESIDE: dict[str, BesideTheta] = {
    "parameter": BesideTheta(
        "alpha",
        "step sizes",
        _RATES.replace("{what}", _PER_PARAMETER.replace("{", "{{").replace("}", "}}")),
        "with_rates",
        tuple(line.format(rate='theta[f"alpha.{name}"]') for line in _RATE_STEP),
        begins=", where learned step sizes begin",
    ),
    "layer": BesideTheta(
        "alpha",
        "step sizes",
        _RATES.replace("{what}", _PER_LAYER),
        "with_rates",
        tuple(
            line.format(rate='theta["alpha." + name.rpartition(".")[0]][k]') for line in _RATE_STEP
        ),
        counted=True,
        begins=", where learned step sizes begin",
    ),
    "context": BesideTheta("context", "weights of the context", _CONTEXT, "with_context", ()),
    "matrices": BesideTheta(
        "curvature",
        "matrices",
        _CURVATURE,
        "with_curvature",
        (
            "        for name, g in gradient.items():",
            "            phi = phi | {name: phi[name] - INNER_LR * curved(theta, name, g)}",
        ),
    ),
}
"""Unit of :attr:`maml_explorer.settings.phases.Adapt.step_sizes` → what the code has for it."""


def begin_text(kind: str, test: str, own: Settings) -> str:
    """The functions of a kind.

    Args:
        kind: a key of the table.
        test: code that tests whether the parameter `name` adapts; "" where all do.
        own: the settings with the arm's overrides applied.
    """
    pictures = own.model_kind.pictures
    if kind == "context":
        affine = not pictures and NORMS[own.model.norm].over
        return BESIDE[kind].begin.format(
            inputs=9 if pictures else own.ends[0],
            width=own.model.filters if pictures else own.model.hidden[0],
            drawn=INITIALIZATIONS[own.model.initialization][1],
            rows="    moved = torch.stack([torch.zeros_like(moved), moved])\n" if affine else "",
        )
    indent = "    " if test else ""
    return BESIDE[kind].begin.format(
        test=f"\n        if {test}:" if test else "",
        indent=indent,
        places=_PLACES.format(indent=indent) if pictures else "",
        filters=_FILTERS if pictures else "",
    )


def context_enters(own: Settings) -> str:
    """Name of the parameter that the context is added to: a bias, or a norm's shift."""
    if own.model_kind.pictures:
        places = norm_places(own) or layer_places(own)
        return f"{places[0]}.bias"
    if NORMS[own.model.norm].over:
        return "affine.0"  # scale and shift
    return "linears.0.bias" if own.model.special else "0.bias"
