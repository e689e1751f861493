"""MTL: joint training of one network on all tasks, the baseline."""

from maml_explorer.algorithms.record import Algorithm

MTL = Algorithm(
    key="mtl",
    label="MTL",
    summary="Joint training of one network on all points of all tasks, without an inner loop; "
    "fine-tuned at meta-test.",
    source="Finn, Abbeel, Levine 2017, section 5.1, the pretrained baseline",
    adapts="none",
    second_order=False,
    outer_data="all",
    color="#D55E00",
    line="dot",
    marker="x",
)
