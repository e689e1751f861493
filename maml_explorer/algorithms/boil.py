"""BOIL: the body adapts, the head does not."""

from maml_explorer.algorithms.record import Algorithm

BOIL = Algorithm(
    key="boil",
    label="BOIL",
    summary="The inner loop changes all layers but the last; the outer loop trains all layers.",
    source="Oh, Yoo, Kim, Yun 2021",
    paper="2008.08882",
    adapts="body",
    test_adapts="body",
    color="#882255",
    line="dashdot",
    marker="p",
)
