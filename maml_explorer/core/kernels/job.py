"""Description of one call of the compiled kernels: `job.h`, field by field."""

from __future__ import annotations

import ctypes
from ctypes import c_double, c_int32, c_int64, c_void_p
from typing import TypeGuard

from maml_explorer.core.learned_rates import LearnedRates
from maml_explorer.core.models.mlp import Mlp
from maml_explorer.core.models.model import Model
from maml_explorer.core.outer_gradient import Shape

VERSION = 1
"""Of the library; raised with every change of what its functions take or compute."""
MAX_DEPTH, MAX_STEPS = 12, 64
ACTIVATIONS = {"relu": 0, "tanh": 1, "sigmoid": 2, "softplus": 3, "sine": 4}
LOSSES = {"squared-error": 0, "cross-entropy": 1}
RULES = {"query": 0, "all": 1, "interpolation": 2}
RATES = {"": 0, "layer": 1, "parameter": 2}
"""Kinds of learned step sizes that the kernels know."""
NO_UPDATE, STEP_TOWARDS = 0, 3
OPTIMIZERS = {"adam": 1, "sgd": 2}


class Job(ctypes.Structure):
    """One call: the shape, what changes from call to call, and where everything lies."""

    _fields_ = (
        ("sizes", c_int32 * (MAX_DEPTH + 1)),
        *((name, c_int32) for name in (
            "depth", "activation", "skip", "loss", "rule", "start", "steps", "second_order",
            "multi_step", "clips", "rates", "rate_steps", "shots", "points", "minibatch",
            "optimizer",
        )),
        *((name, c_int64) for name in (
            "total_tasks", "parameters", "rate_count", "begin", "end", "first", "last", "step",
        )),
        *((name, c_double) for name in ("outer_rate", "momentum", "outer_clip")),
        *((name, c_void_p) for name in (
            "memory", "theta", "x", "y", "inner_rate", "clip", "weights", "gradient", "losses",
            "moment_1", "moment_2", "new_theta", "new_moment_1", "new_moment_2", "predictions",
        )),
    )  # fmt: skip


def network_covered(model: Model) -> TypeGuard[Mlp]:
    """True where the kernels know this network."""
    if not isinstance(model, Mlp) or model.links:
        return False
    known = model.norm == "none" and model.activation in ACTIVATIONS
    return known and model.loss.key in LOSSES and model.depth <= MAX_DEPTH


def job_of_network(model: Mlp) -> Job:
    """A job with the fields of the network alone."""
    job = Job()
    job.sizes[: len(model.sizes)] = model.sizes
    job.depth, job.skip = model.depth, model.skip
    job.activation, job.loss = ACTIVATIONS[model.activation], LOSSES[model.loss.key]
    job.parameters = model.parameter_count
    return job


def job_of(shape: Shape) -> Job:
    """A job with all fields of the shape, whose network is covered."""
    assert network_covered(shape.model)
    job, learned = job_of_network(shape.model), shape.learned
    job.rule, job.start, job.steps = RULES[shape.rule], shape.start, shape.steps
    job.second_order, job.multi_step = shape.second_order, shape.multi_step
    job.clips, job.minibatch = shape.inner_clip, shape.minibatch
    job.rates = RATES["" if learned is None else learned.kind]
    if isinstance(learned, LearnedRates):
        job.rate_steps, job.rate_count = learned.steps, learned.count(shape.model)
    job.shots, job.points, job.total_tasks = shape.shots, shape.points, shape.total_tasks
    return job


def products(shape: Shape) -> int:
    """Multiplications of one task, about: what a call takes goes with them."""
    queries = shape.points - shape.shots
    if shape.rule == "all":
        passes = 3 * shape.points
    else:
        losses = shape.steps if shape.multi_step else 1
        batch = shape.minibatch or shape.shots
        passes = shape.steps * batch * (9 if shape.second_order else 3) + 3 * queries * losses
    return passes * shape.model.parameter_count
