"""Events that the worker reports, as banners that offer what can be done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QUndoCommand

from maml_explorer.gui.session.blamed_change import (
    BlamedChange,
    blamed_change,
    changed_since,
    still_changed,
)
from maml_explorer.gui.session.halved_rate import halve_words, lowered_words
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.banner import ABSENT, OPENING, OWN_IMAGES, Banners, Choice
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.window.divergence_words import divergence_words, undo_words
from maml_explorer.protocol.commands import (
    BackToLastGood,
    ExportInitialization,
    OpenRun,
    Reproduce,
    SaveRun,
    StopWriting,
)
from maml_explorer.protocol.reports import (
    Diverged,
    Exported,
    Failed,
    Phase,
    Refused,
    Rewound,
    Status,
    Written,
)
from maml_explorer.protocol.returned import Returned
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.words import by_value, counted, listed

SLOW = 400
"""Milliseconds of writing from which on it is said."""
GOES_BACK = "Every arm goes back to outer step {}, those that trained on since then too."
GOING = "going back"
"""Subject of what is said until all arms are back."""
OF_THE_RUN = ("open initialization", "noted", OWN_IMAGES, ABSENT)
"""Subjects of what is said of a run as it begins: its beginning does not end them."""
READ = 60_000
"""Milliseconds of training after which the way back to the run before is in the File menu alone."""


class Notices(QObject):
    """Turns Diverged, Failed, Refused and Exported into banners; a new run clears them."""

    def __init__(self, session: Session, banners: Banners) -> None:
        super().__init__(banners)
        self._session, self._banners = session, banners
        session.link.diverged.connect(self._diverged)
        session.link.subscribe(Returned, self._returned)
        session.link.failed.connect(self._failed)
        session.link.refused.connect(self._refused)
        session.link.exported.connect(self._exported)
        session.link.noted.connect(lambda report: banners.say("noted", report.what))
        session.measured.compared.connect(lambda _: self._written())
        session.control.writing.connect(self._writing)
        session.editor.came_late.connect(self._came_late)
        # a little later: in the midst of an edit the undo stack does not have it yet
        session.editor.settings_changed.connect(lambda _: QTimer.singleShot(0, self, self._edited))
        self._reports: list[Diverged] = []
        """Of the arms that diverged last."""
        self._said_of: BlamedChange | None = None
        """The change that the banner on them names and takes back."""
        self._since = False
        """True where the banner says that the settings were changed after the divergence."""
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(SLOW)
        self._slow.timeout.connect(self._say_writing)
        self._what = ""
        self._said_began = 0
        """The number of the run that the message on a beginning is about."""
        self._read = QTimer(self)
        self._read.setSingleShot(True)
        self._read.setInterval(READ)
        self._read.timeout.connect(lambda: banners.drop("began"))
        session.control.noted.connect(partial(banners.say, "noted"))
        session.control.began_other.connect(self._began_other)
        session.control.opened.connect(self._opened)
        session.link.run_started.connect(self._forget)
        session.link.run_started.connect(self._forget_began)
        session.link.status_changed.connect(self._train_on)
        session.link.run_started.connect(lambda _: self._reports.clear())
        session.link.rewound.connect(self._rewound)
        session.divergences.changed.connect(self._recovered)

    def _diverged(self, report: Diverged) -> None:
        """One banner for all arms that have diverged since the run last went well."""
        self._banners.drop("rewound")
        self._reports = list(self._session.divergences.frozen.values())
        self._say_diverged()

    def _say_diverged(self) -> None:
        control, frozen = self._session.control, self._reports
        blamed = self._blamed()
        step = max((one.back_step for one in frozen if one.back_step is not None), default=None)
        way = partial(self._go_back, step, control.back_to_last_good)
        back = (f"Set all arms back{_to(step)}", way)
        if blamed is not None:
            words = f"{undo_words(blamed)}{_to(step, ' · back')}"
            undo = partial(control.undo_change_and_go_on, blamed.edit)
            back = (words, partial(self._go_back, step, undo))
        self._since = self._changed_since()
        words = divergence_words(frozen, "" if blamed is None else blamed.words, self._since)
        self._banners.say(
            "diverged", words, "danger", (back, (self._remedy()[0], self._take_remedy))
        )
        said = self._banners.of("diverged")
        if step is not None and said is not None:
            said.buttons[0].setToolTip(plain_tip(GOES_BACK.format(whole(step))))
        self._said_of = blamed

    def _go_back(self, step: int | None, way: Callable[[], None]) -> None:
        """Says that all arms go back, which takes seconds where the worker is busy."""
        to = "" if step is None else f" to outer step {whole(step)}"
        self._banners.say(GOING, f"Going back{to}…", stays=True)
        way()

    def _remedy(self) -> Choice:
        """The other way on, as it is with the settings there are now."""
        if all(one.why for one in self._reports):
            # a smaller α alone solves no inner problem that has no solution
            return f"{DECLARATIONS['proximal'].label}…", self._open_strength
        known = self._session.divergences
        lowered = lowered_words(known.settings, self._session.settings)
        if lowered and known.settings.keys() == known.frozen.keys():
            return lowered, self._let_go_on
        return halve_words(self._session.editor.at_hand, known.frozen.keys()), self._halve

    def _take_remedy(self) -> None:
        """Does what the button says by now, which follows the settings."""
        self._remedy()[1]()

    def _changed_since(self) -> bool:
        """True where an arm would no longer train with what it diverged with."""
        return changed_since(self._session.divergences.settings, self._session.settings)

    def _blamed(self) -> BlamedChange | None:
        editor = self._session.editor
        return blamed_change(editor.undo_stack, editor.settings, self._reports)

    def _edited(self) -> None:
        """After an edit the buttons would do something else than they say."""
        blamed, there = self._blamed(), self._banners.of("diverged") is not None
        if there and (blamed, self._changed_since()) != (self._said_of, self._since):
            self._say_diverged()
        elif blamed != self._said_of:
            self._banners.drop("rewound")
        elif there:
            self._banners.reword("diverged", 1, self._remedy()[0])

    def _open_strength(self) -> None:
        """Opens λ of the first arm; the message stays, for the arm's way on."""
        self._say_diverged()
        first = next(iter(self._session.divergences.frozen), "")
        if first:
            self._session.control.override_wanted.emit(first, "proximal")

    def _halve(self) -> None:
        arms = list(self._session.divergences.frozen)
        self._session.control.halve_inner_lr(*arms)
        self._session.divergences.go_on(arms)

    def _let_go_on(self) -> None:
        arms = list(self._session.divergences.frozen)
        self._session.control.let_go_on(*arms)
        self._session.divergences.go_on(arms)

    def _recovered(self) -> None:
        """The banner leaves with its cause, whichever way the arms went on."""
        if not self._session.divergences.frozen:
            self._banners.drop("diverged")

    def _began_other(self, step: QUndoCommand, name: str) -> None:
        self._say_begun(f"A new run began with {name}.", step)

    def _opened(self, step: QUndoCommand | None, name: str) -> None:
        taken = 0 if self._session.status is None else self._session.status.outer_step
        self._say_begun(f"{name} is open, at outer step {whole(taken)}.", step)

    def _say_begun(self, said: str, step: QUndoCommand | None) -> None:
        """Offers the way back too, as long as the undo stack has one."""
        stack = self._session.editor.undo_stack
        at = stack.index() - 1

        def back() -> None:
            if stack.index() > at and stack.command(at) is step:
                stack.setIndex(at)

        offered = step is not None and stack.command(at) is step
        choices = (("Back to the run before", back),) if offered else ()
        self._said_began = self._session.link.expected_run
        self._read.stop()
        self._banners.say("began", said, choices=choices, stays=offered)

    def _train_on(self, status: Status) -> None:
        """Has the message leave a while after training began: what the run shows is read first."""
        trains = status.phase is Phase.RUNNING and status.run == self._said_began
        if trains and not self._read.isActive() and self._banners.of("began") is not None:
            self._read.start()

    def _forget_began(self, run: int) -> None:
        """Puts the message away with the run that it is about."""
        if run > self._said_began:
            self._banners.drop("began")

    def _failed(self, report: Failed) -> None:
        details = f"{report.what}\n\n{report.details}"
        for subject in (OPENING, GOING):
            self._banners.drop(subject)
        self._banners.say(
            "failed",
            f"Training failed: {report.what}",
            "danger",
            (
                ("Restart", self._session.control.restart),
                ("Copy details", lambda: QGuiApplication.clipboard().setText(details)),
            ),
        )

    def _writing(self, command: ExportInitialization | SaveRun | Reproduce) -> None:
        """Says what takes a while, once it does."""
        if isinstance(command, Reproduce):
            self._what = "Writing the report" if command.file else "Comparing"
        elif isinstance(command, SaveRun):
            self._what = "Writing the run"
        else:
            self._what = f"Writing the initialization of {command.arm}"
        self._slow.start()

    def _say_writing(self) -> None:
        self._banners.say(
            "writing",
            f"{self._what}: measuring on held-out tasks…",
            choices=(("Cancel", lambda: self._session.link.post(StopWriting())),),
            stays=True,
        )

    def _written(self) -> None:
        self._slow.stop()
        self._banners.drop("writing")

    def _came_late(self, names: list[str]) -> None:
        session, status = self._session, self._session.status
        begins = "begins" if len(names) == 1 else "begin"
        step = 0 if status is None else status.outer_step
        self._banners.say(
            "late",
            f"{listed(names)} {begins} here, at outer step 0; the others have already taken "
            f"{counted(step, 'step', whole)}.",
            choices=(("Restart all", session.control.restart_in_place),),
        )

    def _returned(self, report: Returned) -> None:
        """Says how far arms are that an undo brought back, where that is less than the others."""
        taken = 0 if self._session.status is None else self._session.status.outer_step
        behind = {name: own for name, own in report.own_steps.items() if own < taken}
        if behind:
            parts = []
            for own, names in by_value(behind).items():
                back = "is back as it was" if len(names) == 1 else "are back as they were"
                parts.append(f"{listed(names)} {back} after {counted(own, 'step', whole)}")
            said = f"{listed(parts)}; the others have taken {whole(taken)}."
            restart = ("Restart all", self._session.control.restart_in_place)
            self._banners.say("late", said, choices=(restart,))

    def _refused(self, report: Refused) -> None:
        if report.refused in (ExportInitialization, SaveRun, Reproduce):
            self._written()
        if report.refused is OpenRun:
            self._banners.drop(OPENING)
        if report.refused is BackToLastGood:
            self._banners.drop(GOING)
        self._banners.say(f"refused {report.refused}", report.reason, "warning", stays=False)

    def _exported(self, report: Exported) -> None:
        if report.what in (Written.SESSION, Written.PIN):  # nobody asked for a file
            return
        self._written()
        self._banners.drop_passing()
        what = f"The {report.what} of {report.arm}" if report.arm else f"The {report.what}"
        opens = "Open" if report.what == Written.REPORT else "Open folder"
        folder = QUrl.fromLocalFile(report.folder)
        said = f"{what} was written to {report.folder}."
        if report.what == Written.INITIALIZATION:
            said += " PyTorch loads its model.safetensors; README.md there has the lines."
        self._banners.say(
            "exported",
            said,
            choices=(
                (opens, lambda: QDesktopServices.openUrl(folder)),
                ("Copy path", lambda: QGuiApplication.clipboard().setText(report.folder)),
            ),
        )

    def _rewound(self, report: Rewound) -> None:
        self._forget(report)
        said = (
            f"Every arm is back at outer step {whole(report.outer_step)}, the last state that was "
            "kept from before a divergence."
        )
        # nothing of settings that somebody has just gone back to
        kept, blamed = still_changed(self._session.settings, self._reports), self._blamed()
        choices: tuple[tuple[str, Callable[[], None]], ...] = ()
        if kept:
            said += f" {kept}."
        if kept and blamed:
            undo = partial(self._session.control.undo_change, blamed.edit)
            choices = ((undo_words(blamed), undo),)
        self._banners.say("rewound", said, choices=choices)

    def forget_replaced(self) -> None:
        """Puts away what was said of a run that gives way to another, before that one is there."""
        self._forget(None)
        for subject in ("began", "noted"):
            self._banners.drop(subject)

    def _forget(self, _: object) -> None:
        for subject in ("failed", "late", "diverged", "close", OPENING, GOING):
            self._banners.drop(subject)
        self._banners.drop_passing(but=OF_THE_RUN)


def _to(step: int | None, before: str = "") -> str:
    """Words on where a button goes back to; none where that is not known."""
    return "" if step is None else f"{before} to {whole(step)}"
