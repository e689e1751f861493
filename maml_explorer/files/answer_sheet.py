"""The answer sheet: ten questions on meta-learning with their answers, as Markdown."""

from __future__ import annotations

from maml_explorer.files.resources import resources


def answer_sheet() -> str:
    """The sheet that comes with the program.

    Raises:
        OSError: where its file is missing.
    """
    return resources().joinpath("lessons", "answers.md").read_text(encoding="utf-8")
