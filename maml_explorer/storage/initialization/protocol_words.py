"""Words on the meta-test of a task family, for a card."""

from __future__ import annotations

from maml_explorer.settings.family import Family

_PROTOCOL = {
    "MSE": "Mean squared error on held-out tasks: 100 equally spaced query points with clean "
    "targets, mean ± half-width of the 95 % interval over tasks.",
    "accuracy": "Accuracy in % on held-out tasks, whose letters are of scripts that were never "
    "trained on, mean ± half-width of the 95 % interval over tasks. The letters are drawn by "
    "synthetic hands: no figure of Omniglot may stand beside these.",
}


_OWN_PROTOCOL = (
    "Accuracy in % on held-out tasks, whose classes were never trained on, mean ± half-width of "
    "the 95 % interval over tasks."
)


_OWN_TASKS_PROTOCOL = (
    "Mean squared error on held-out tasks, on all query points that the tasks give, mean ± "
    "half-width of the 95 % interval over tasks."
)


_STREAM_PROTOCOL = (
    "Mean squared error on held-out streams, over all functions of a stream: 25 equally spaced "
    "query points with clean targets for each, mean ± half-width of the 95 % interval over "
    "streams. An inner step is a batch that has arrived."
)


def protocol_words(family: Family) -> str:
    """The sentence under "Evaluation"."""
    if family.stream:
        return _STREAM_PROTOCOL
    if family.own_tasks:
        return _OWN_TASKS_PROTOCOL
    return _OWN_PROTOCOL if family.own_data else _PROTOCOL[family.figure]
