"""CAVIA: only context parameters adapt; θ is shared by all tasks."""

from maml_explorer.algorithms.record import Algorithm

CAVIA = Algorithm(
    key="cavia",
    label="CAVIA",
    summary="The inner loop changes context parameters alone, which begin at 0 and are appended to "
    "the input; the outer loop trains θ and the weights that take them in.",
    source="Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson 2019, Algorithm 1",
    paper="1810.03642",
    adapts="context",
    step_sizes="context",
    test_adapts="context",
    color="#999933",
    line="dot",
    marker="h",
)
