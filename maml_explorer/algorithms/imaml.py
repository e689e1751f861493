"""iMAML: the gradient of the inner minimum, without the path to it."""

from maml_explorer.algorithms.record import Algorithm

IMAML = Algorithm(
    key="imaml",
    label="iMAML",
    summary="The inner loop stays near θ; conjugate gradients solve for the outer gradient at its "
    "end, so memory does not grow with the inner steps.",
    source="Rajeswaran, Finn, Kakade, Levine 2019, Algorithms 1 and 2",
    paper="1909.04630",
    second_order=False,
    implicit=True,
    color="#332288",
    line="solid",
    marker="h",
)
