"""One outer gradient in two forms, side by side as a lecture shows them. Torch-free: text only.

Stateful: parameters are tensors that remember what was done to them, and the gradient lands in
their `.grad`. Functional: parameters are an argument, and a gradient is a function made of a
function. Neither imports this package; lines are short, so that two stand beside each other.
"""

from __future__ import annotations

import re
import textwrap

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.codegen import implicit
from maml_explorer.codegen import sections as sections
from maml_explorer.codegen.beside_theta import BESIDE, context_enters, context_width, of_features
from maml_explorer.codegen.constants import HEADS, head_names
from maml_explorer.codegen.data import DataCode
from maml_explorer.codegen.families import data_code
from maml_explorer.codegen.incremental import refuse_stream
from maml_explorer.codegen.own_tasks import refuse_own_network
from maml_explorer.codegen.script import (
    joined,
    needs_pairwise,
    network_lines,
)
from maml_explorer.settings.phases import phases
from maml_explorer.settings.settings import Arm, Settings

WIDTH = 58
"""Columns of a form, at most."""

_FUNCTIONS = ("functional_call", "grad", "vmap")
_STATEFUL = """\
# Stateful: tensors remember what was done to them,
# and the gradient is left in p.grad."""
_FUNCTIONAL = """\
# Functional: parameters are an argument, and a
# gradient is a function made of a function."""

_GRAPH = """\
def outer_gradient(batch):
    model.zero_grad()
    for sx, sy, qx, qy in zip(*batch):
        phi = dict(model.named_parameters())  # φ_0 = θ
{body}        for _ in range(K):
            gradient = torch.autograd.grad(
                loss(phi, sx, sy),
                [phi[name] for name in {names}],
                create_graph=True,  # for the Hessian
            )
            for name, g in zip({names}, gradient):
                phi[name] = phi[name] - ALPHA * g
        query_loss = loss(phi, qx, qy) / len(batch[0])
        query_loss.backward()  # through all inner steps"""
_CONTEXT_WEIGHTS = """\
like = next(model.parameters())
V = nn.Parameter(torch.randn(WIDTH, CONTEXT).to(like))"""
_CONTEXT_GRAPH = """\
def seeing(c):  # [x, c]: V c beside the bias
    phi = dict(model.named_parameters())
    return phi | {ENTERS: phi[ENTERS] + V @ c}


def outer_gradient(batch):
    model.zero_grad()
    V.grad = None
    for sx, sy, qx, qy in zip(*batch):
        c = V.new_zeros(CONTEXT).requires_grad_()  # c_0
        for _ in range(K):
            (gradient,) = torch.autograd.grad(
                loss(seeing(c), sx, sy),
                c,
                create_graph=True,  # for the Hessian
            )
            c = c - ALPHA * gradient
        query = loss(seeing(c), qx, qy) / len(batch[0])
        query.backward()  # by θ and V"""
_COPY = """\
def outer_gradient(batch):
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    for sx, sy, qx, qy in zip(*batch):
        phi = copy.deepcopy(model)  # φ_0 = θ
        sgd = torch.optim.SGD({adapting}.parameters(), lr=ALPHA)
"""
_COPY_STEPS = """\
        for _ in range(K):
            phi.zero_grad()
            loss(phi, sx, sy).backward()
            sgd.step()  # in place: no graph is kept
        phi.zero_grad()
        loss(phi, qx, qy).backward()
        pairs = zip(model.parameters(), phi.parameters())
        for p, q in pairs:  # first order: ∇L at φ_K
            p.grad += q.grad / len(batch[0])"""
_MINIBATCH_STEPS = """\
        xs, ys = sx.split(SIZE), sy.split(SIZE)
        for k in range(K):
            phi.zero_grad()
            part = k % len(xs)
            loss(phi, xs[part], ys[part]).backward()
            sgd.step()
        pairs = zip(model.parameters(), phi.parameters())
        for p, q in pairs:  # θ − φ_K for a gradient
            p.grad += (p - q).detach() / len(batch[0])"""
_JOINT = """\
def outer_gradient(batch):
    sx, sy, qx, qy = batch
    x, y = torch.cat([sx, qx], 1), torch.cat([sy, qy], 1)
    model.zero_grad()
    loss(model, x, y).backward()"""

_ADAPT = """\
def adapt(theta, x, y):  # φ_K = U_K(θ, S)
    phi = theta
    for _ in range(K):
        g = grad(loss)(phi, x, y)
{detached}        phi = {{n: phi[n] - ALPHA * g[n] for n in phi}}
    return phi"""
_ADAPT_HEAD = """\
def adapt(theta, x, y):  # φ_K = U_K(θ, S)
    def head_loss(head):
        return loss(theta | head, x, y)

    head = {{n: theta[n] for n in HEAD}}
    for _ in range(K):
        g = grad(head_loss)(head)
{detached}        head = {{n: head[n] - ALPHA * g[n] for n in HEAD}}
    return theta | head"""
_ADAPT_BODY = """\
def adapt(theta, x, y):  # φ_K = U_K(θ, S)
    def body_loss(body):
        return loss(theta | body, x, y)

    body = {{n: theta[n] for n in theta if n not in HEAD}}
    for _ in range(K):
        g = grad(body_loss)(body)
{detached}        body = {{n: body[n] - ALPHA * g[n] for n in body}}
    return theta | body"""
_BODY = "        body = [name for name in phi if name not in HEAD]\n"
_NAMES = {"all": "phi", "head": "HEAD", "body": "body"}
_MODULES = {"all": "phi", "head": "phi[-1]", "body": "phi[:-1]"}
_ADAPT_CONTEXT = """\
def seeing(theta, c):  # [x, c]: V c beside the bias
    phi = {{n: theta[n] for n in theta if n != "V"}}
    return phi | {{ENTERS: phi[ENTERS] + theta["V"] @ c}}


def adapt(theta, x, y):  # c_K = U_K(θ, V, S)
    def loss_at(c):
        return loss(seeing(theta, c), x, y)

    c = theta["V"].new_zeros(CONTEXT)  # c_0 = 0
    for _ in range(K):
        c = c - ALPHA * grad(loss_at)(c)
    return seeing(theta, c)"""
_ADAPTS = {"all": _ADAPT, "head": _ADAPT_HEAD, "body": _ADAPT_BODY, "context": _ADAPT_CONTEXT}
_DETACHED = "        g = {n: g[n].detach() for n in g}  # first order\n"
_ADAPT_MINIBATCHES = """\
def adapt(theta, x, y):  # φ_K = U_K(θ, S)
    xs, ys = x.split(SIZE), y.split(SIZE)
    phi = theta
    for k in range(K):
        part = k % len(xs)
        g = grad(loss)(phi, xs[part], ys[part])
        phi = {n: phi[n] - ALPHA * g[n] for n in phi}
    return phi"""
_TASK_LOSS = """\
def task_loss(theta, sx, sy, qx, qy):
    return loss(adapt(theta, sx, sy), qx, qy)"""
_OUTER_LOSS = """\
def outer_loss(theta, batch):
    every = vmap(task_loss, (None, 0, 0, 0, 0))
    return every(theta, *batch).mean()"""
_OUTER_GRADIENT = "outer_gradient = grad(outer_loss)  # of (θ, batch)"
_MOVED = """\
def outer_gradient(theta, batch):
    sx, sy, _, _ = batch
    phi = vmap(adapt, (None, 0, 0))(theta, sx, sy)
    return {n: theta[n] - phi[n].mean(0) for n in theta}"""
_JOINT_LOSS = """\
def outer_loss(theta, batch):
    sx, sy, qx, qy = batch
    x, y = torch.cat([sx, qx], 1), torch.cat([sy, qy], 1)
    return loss(theta, x, y)"""


def stateful_and_functional(settings: Settings, arm: Arm) -> tuple[str, str]:
    """The outer gradient of one arm (for Reptile mean(θ − φ_K)) in both forms.

    Both define `model`. The stateful form's `outer_gradient(batch)` leaves the gradient in its
    parameters; the functional form's `outer_gradient(theta, batch)` returns it, name → tensor. A
    batch is support x, y and query x, y, each [task, point, …].

    They show what an outer gradient is, in few lines: tricks of training are left out, and named.
    """
    refuse_own_network(settings)
    refuse_stream(settings, "")
    own, record = settings.of_arm(arm), ALGORITHMS[arm.algorithm]
    out = _left_out(own, record)
    own, data = own.with_values({"skip": False, "norm": "none"}), data_code(own)
    of = record, data, own.model_kind.pictures, of_features(own)
    return (
        _form(own, record, _STATEFUL + out, _stateful(*of)),
        _form(own, record, _FUNCTIONAL + out, _functional(*of)),
    )


def _left_out(own: Settings, record: Algorithm) -> str:
    """A comment on what these settings have beside the outer gradient shown; "" for nothing."""
    step = phases(own, record)
    kind = "" if step.step_sizes == "context" else step.step_sizes  # a context is shown
    tricks = {
        "skip connections": own.model.skip,
        "normalization": own.model.norm != "none",
        f"learned {BESIDE[kind].words}" if kind else "": kind,
        "inner clipping": step.adapt and step.adapt.clip,
        "multi-step loss": step.multi_step,
    }
    words = ", ".join(name for name, used in tricks.items() if used)
    if not words:
        return ""
    return "\n" + textwrap.fill(
        f"Left out here: {words}. The script has them.", WIDTH,
        initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False,
    )  # fmt: skip


def _form(own: Settings, record: Algorithm, title: str, body: list[str]) -> str:
    code = "\n".join(body)
    names = [name for name in _FUNCTIONS if re.search(rf"(?<![\w.]){name}\(", code)]
    imports = ["import torch"] if "torch." in code or own.model.activation == "sine" else []
    standard = ["import copy"] if "copy." in code else []
    standard += ["from itertools import pairwise"] if needs_pairwise(own) else []
    imports.append("from torch import nn")
    if names:
        imports.append(f"from torch.func import {', '.join(names)}")
    sine = sections.SINE.replace(": Tensor", "").replace(" -> Tensor", "")
    return joined(
        [
            "\n".join([title, *standard, *[""] * bool(standard), *imports]),
            _constants(own, record),
            sine if own.model.activation == "sine" else "",
            network_lines(own, ".double()" if own.run.precision == "float64" else ""),
            *body,
        ]
    )


def _joint(text: str, pictures: bool) -> str:
    """Joint training, where pictures of all tasks pass in one row."""
    if not pictures:
        return text
    line = "    x, y = torch.cat([sx, qx], 1), torch.cat([sy, qy], 1)\n"
    flat = "    x, y = x.flatten(0, 1), y.flatten(0, 1)\n"
    return text.replace(line, line + flat)


def _constants(own: Settings, record: Algorithm) -> str:
    adapt = phases(own, record).adapt
    if adapt is None:
        return ""
    if adapt.context:
        (name,) = context_enters(own)  # without a norm, which is left out here
        return "\n".join(
            [
                f"ALPHA, K = {own.inner.inner_lr!r}, {adapt.steps}",
                f'CONTEXT, WIDTH, ENTERS = {adapt.context}, {context_width(own)}, "{name}"',
            ]
        )
    lines = [f"ALPHA, K = {own.inner.inner_lr!r}, {adapt.steps}"]
    if adapt.pull:
        lines.append(f"PULL, CG = {adapt.pull!r}, {own.inner.cg_steps}  # λ, its steps")
    if adapt.layers in HEADS:
        lines.append(f"HEAD = {head_names(own, adapt.layers)}")
    if adapt.minibatch:
        lines.append(f"SIZE = {adapt.minibatch}  # of a minibatch")
    return "\n".join(lines)


def _seen(features: bool) -> tuple[str, str]:
    """(remark where a context is appended to x, that where it is)."""
    appended = "  # [x, c]: V c beside the bias"
    return appended, "  # V c beside the last hidden bias" if features else appended


def _stateful(record: Algorithm, data: DataCode, pictures: bool, features: bool) -> list[str]:
    if not record.has_inner_loop:
        return [data.module_loss, _joint(_JOINT, pictures)]
    if record.adapts == "context":
        return [_CONTEXT_WEIGHTS, data.called_loss, _CONTEXT_GRAPH.replace(*_seen(features))]
    body = _BODY if record.adapts == "body" else ""
    if record.has_outer_optimizer and record.second_order:
        return [data.called_loss, _GRAPH.format(names=_NAMES[record.adapts], body=body)]
    if record.implicit:
        return [data.called_loss, implicit.FORM_SOLVE, implicit.FORM_STATEFUL]
    steps = _MINIBATCH_STEPS if record.interpolates else _COPY_STEPS
    return [data.module_loss, _COPY.format(adapting=_MODULES[record.adapts]) + steps]


def _functional(record: Algorithm, data: DataCode, pictures: bool, features: bool) -> list[str]:
    if not record.has_inner_loop:
        return [data.called_loss, _joint(_JOINT_LOSS, pictures), _OUTER_GRADIENT]
    if record.interpolates:
        return [data.called_loss, _ADAPT_MINIBATCHES, _MOVED]
    if record.implicit:
        parts = implicit.FORM_FUNCTIONAL, implicit.FORM_SOLVE, implicit.FORM_TASK
        return [data.called_loss, *parts, implicit.FORM_MEAN]
    adapt = _ADAPTS[record.adapts].format(detached="" if record.second_order else _DETACHED)
    adapt = adapt.replace(*_seen(features))
    return [data.called_loss, adapt, _TASK_LOSS, _OUTER_LOSS, _OUTER_GRADIENT]
