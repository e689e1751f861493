"""Reptile: move the initialization towards adapted parameters."""

from maml_explorer.algorithms.record import Algorithm

REPTILE = Algorithm(
    key="reptile",
    label="Reptile",
    summary="Moves θ a fraction ε of the way to parameters adapted on minibatches of the support "
    "set; no query gradient.",
    source="Nichol, Achiam, Schulman 2018, Algorithm 1",
    paper="1803.02999",
    second_order=False,
    outer_rule="interpolation",
    color="#E69F00",
    line="dashdotdot",
    marker="d",
)
