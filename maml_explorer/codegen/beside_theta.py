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
    """θ, and beside it the weights of the context, drawn as those of {like} are."""
    linear = nn.Linear({inputs}CONTEXT, {width})
    {drawn}
    weight = linear.weight.detach()[:, -CONTEXT:].contiguous()
    return theta | {{"context.weight": weight.to(DEVICE, DTYPE)}}


def seeing(theta: Parameters, context: Tensor) -> Parameters:
    """{sees}"""
    moved = theta["context.weight"] @ context
{rows}    parameters = {{name: theta[name] for name in theta if name != "context.weight"}}
{added}'''
_ADDED = "    return parameters | {CONTEXT_ENTERS: theta[CONTEXT_ENTERS] + moved}"
_ADDED_TO_BOTH = """\
    parts = zip(CONTEXT_ENTERS, moved.chunk(2), strict=True)
    return parameters | {name: theta[name] + part for name, part in parts}"""
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
        return _context_text(own)
    indent = "    " if test else ""
    return BESIDE[kind].begin.format(
        test=f"\n        if {test}:" if test else "",
        indent=indent,
        places=_PLACES.format(indent=indent) if pictures else "",
        filters=_FILTERS if pictures else "",
    )


def _context_text(own: Settings) -> str:
    """The functions of a context."""
    pictures, features = own.model_kind.pictures, of_features(own)
    affine = not pictures and NORMS[own.model.norm].over
    rows, sees = "", "θ as it sees [x, context]: the context moves the bias of the first layer."
    if features:
        moves = "scale and shift" if NORMS[own.model.norm].over else "the bias"
        sees = f"θ with the context, which moves {moves} of the last hidden layer."
        rows = "    moved = moved.view_as(theta[CONTEXT_ENTERS])\n" if affine else ""
    elif affine:
        rows = "    moved = torch.stack([torch.zeros_like(moved), moved])\n"
    return BESIDE["context"].begin.format(
        like="a layer" if features else "x",
        inputs="" if features else f"{9 if pictures else own.ends[0]} + ",
        width=context_width(own),
        drawn=INITIALIZATIONS[own.model.initialization][1],
        sees=sees,
        rows=rows,
        added=_ADDED_TO_BOTH if len(context_enters(own)) > 1 else _ADDED,
    )


def of_features(own: Settings) -> bool:
    """True where the context enters features, else the input."""
    return own.inner.context_enters == "features"


def scales_batch_norm(own: Settings) -> bool:
    """True where the context moves the scale of PyTorch's own batch norm."""
    return len(context_enters(own)) > 1 and own.model.norm.startswith("batch")


def one_by_one(loss: str) -> str:
    """An outer loss whose tasks pass in a loop.

    vmap of PyTorch 2.13 gives a wrong second derivative of a batch norm whose scale has an axis of
    tasks.
    """
    for name in ("task_loss", "task_losses"):
        loop = f"torch.stack([{name}(*task) for task in zip(*batch, strict=True)])"
        loss = loss.replace(f"vmap({name})(*batch)", loop)
    remark = "    # in a loop: vmap errs in the second derivative of a scale\n"
    begin = loss.rindex("\n", 0, loss.index("torch.stack([task_")) + 1
    return loss[:begin] + remark + loss[begin:]


def context_width(own: Settings) -> int:
    """Numbers that the context moves."""
    pictures, features = own.model_kind.pictures, of_features(own)
    width = own.model.filters if pictures else own.model.hidden[-1 if features else 0]
    return width * (2 if features and NORMS[own.model.norm].over else 1)


def context_enters(own: Settings) -> tuple[str, ...]:
    """Names of the parameters that the context is added to.

    A bias, a norm's shift, or its scale and shift.
    """
    pictures, features = own.model_kind.pictures, of_features(own)
    layer = (own.model.blocks if pictures else len(own.model.hidden)) - 1 if features else 0
    if pictures:
        norms = norm_places(own)
        if norms and features:
            return f"{norms[layer]}.weight", f"{norms[layer]}.bias"
        return (f"{(norms or layer_places(own))[layer]}.bias",)
    if NORMS[own.model.norm].over:
        return (f"affine.{layer}",)  # scale and shift
    return (f"linears.{layer}.bias" if own.model.special else f"{2 * layer}.bias",)
