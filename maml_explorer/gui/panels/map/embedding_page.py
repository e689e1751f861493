"""Map of the images of a task: the last hidden layer before and after adaptation."""

from __future__ import annotations

from collections.abc import Mapping

from maml_explorer.gui.panels.insight.choice_page import ChosenPage
from maml_explorer.gui.panels.map.embedding_board import EmbeddingBoard
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.theme import Theme
from maml_explorer.gui.widgets.step_slider import StepSlider
from maml_explorer.protocol.insight import Option, ViewName
from maml_explorer.protocol.insight_records.embedding import EmbeddingSeen


class EmbeddingPage(ChosenPage):
    """The images of the task shown above, where the last hidden layer of an arm puts them."""

    tip = "Does the network separate the classes? Its last hidden layer, drawn as the images"

    def __init__(self, session: Session) -> None:
        self.board = EmbeddingBoard(session)
        self.steps = StepSlider("Inner steps shown", "Inner step of the embedding")
        super().__init__(session, ViewName.EMBEDDING, self.board)
        self.seen: EmbeddingSeen | None = None
        self.controls = (self.steps,)
        self.steps.chosen.connect(self.inner.choose)
        self.inner.changed.connect(self._draw)
        session.images.task_changed.connect(self.reask_soon)
        self.reask()

    def extra(self) -> Mapping[str, Option]:
        """The classes of the task shown above."""
        task = self.session.images.task
        if task is None:
            return {}
        return {"seed": task.seed, "drawings": task.drawings, "unseen": task.unseen}

    def draw(self, record: object) -> None:
        """Draws an embedding."""
        if isinstance(record, EmbeddingSeen):
            self.seen = record
            self._draw()

    def restyle(self, theme: Theme) -> None:
        """Takes the colours of `theme`."""
        self.board.restyle()

    @property
    def shown_step(self) -> int:
        """The inner step that is drawn, from 0."""
        return 0 if self.seen is None else self.inner.within(len(self.seen.points) - 1)

    def _draw(self) -> None:
        seen, at = self.seen, self.shown_step
        if seen is None:
            return
        self.steps.show_step(at, len(seen.points) - 1)
        self.board.show_seen(seen, at)
        apart, before = (f"{100 * part:.0f} %" for part in (seen.apart[at], seen.apart[0]))
        self.tell(
            f"Last hidden layer after inner step {at}: {apart} of the variance of query images "
            f"lies between classes ({before} before)",
            "thick frames: support set",
            f"the plane holds {100 * seen.part:.0f} % of the variance",
            shorter=(
                f"{apart} of the variance of query images lies between classes ({before} before)",
                f"{apart} of the variance between classes ({before} before)",
                f"{apart} between classes ({before} before)",
                f"{apart} between classes",
            ),
        )
