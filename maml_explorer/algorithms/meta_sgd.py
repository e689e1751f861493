"""Meta-SGD: MAML with a learned step size per parameter."""

from maml_explorer.algorithms.record import Algorithm

META_SGD = Algorithm(
    key="meta_sgd",
    label="Meta-SGD",
    summary="As MAML, and the step size of every parameter is learned with θ, its sign included; "
    "all begin at α (the paper draws them from a range) and serve every inner step.",
    source="Li, Zhou, Chen, Li 2017, Algorithm 1",
    paper="1707.09835",
    step_sizes="parameter",
    color="#CC79A7",
    line="dash",
    marker="star",
)
