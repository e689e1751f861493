"""The head of a model card, as hubs read it."""

from __future__ import annotations

import json
import re

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.model_card import model_card

RECORD = {
    "algorithm": "maml", "shots": 5, "tasks": 600, "seed": 0, "inner_steps": [0, 1],
    "mean": [3.5, None], "ci95": [0.1, None], "mean_kept": [3.5, None], "median": [3.0, None],
    "diverged": [0, 600], "fine_tuning_lr": None,
}  # fmt: skip


def test_the_head_names_license_kind_and_figures() -> None:
    settings = Settings().with_arms((default_arm("maml"),))
    card = model_card(settings, 10, (RECORD,), {"torch": "2"})
    head = card.split("---\n")[1].splitlines()
    assert "license: mit" in head and "pipeline_tag: tabular-regression" in head
    (index,) = [line for line in head if line.startswith("model-index: ")]
    (result,) = json.loads(index.removeprefix("model-index: "))[0]["results"]
    assert result["metrics"] == [
        {"type": "mse", "name": "5 shots, 0 inner steps, 600 tasks", "value": 3.5}
    ]
    assert "Paper: [arXiv:1703.03400](https://arxiv.org/abs/1703.03400)." in card


def test_a_card_without_figures_has_no_index() -> None:
    card = model_card(Settings().with_arms((default_arm("mtl"),)), 10, (), {"torch": "2"})
    assert "model-index" not in card and "arXiv" not in card and "- mtl\n---" in card


def test_every_algorithm_names_its_paper() -> None:
    without = {key for key, record in ALGORITHMS.items() if not record.paper}
    assert without == {"mtl"}
    assert all(re.fullmatch(r"\d{4}\.\d{5}", r.paper) for r in ALGORITHMS.values() if r.paper)
