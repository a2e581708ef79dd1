"""What the console changes: always by the engine call that the command line uses, always in a thread."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.cells import SafeText, Tone, printable
from console.dialogs.confirm import ConfirmDialog
from console.dialogs.rollback import RollbackDialog
from console.reading import Done

if TYPE_CHECKING:
    from console.shell import WatchroomApp
    from engine.deployment import Deployment, RollbackPlan

ACT, PLAN, FIGURES = "act", "plan", "figures"


class Changes:
    """The changes that keys of `app` make."""

    def __init__(self, app: WatchroomApp) -> None:
        self.app = app
        self.room = app.room

    def acknowledge(self, number: int, summary: str) -> None:
        """Show the alert that would be taken on; it is after a yes."""
        what = [printable(summary, limit=200), SafeText("It becomes yours, and is not told again for eight hours.")]
        dialog = ConfirmDialog(
            SafeText(f"Acknowledge alert {number}"), what, SafeText(f"watchroom acknowledge {number}")
        )  # fmt: skip
        self.app.push_screen(dialog, lambda yes: self._acknowledge(number) if yes else None)

    def label(self, finding: Mapping[str, Any], truth: bool) -> None:
        """Show what would be said of a finding; it is after a yes."""
        model, subject = str(finding["model"]), str(finding["subject"])
        said = "right: it was what the model looks for" if truth else "a false alarm"
        window = finding["window_start"]
        what = [printable(f"{model}: {subject}", limit=200), printable(finding["reason"] or "", limit=200),
                SafeText(f"Label this window as {said}. A later label takes its place.")]  # fmt: skip
        start = f" --window {window:%Y-%m-%dT%H:%M:%S}" if window else ""
        command = printable(f"watchroom label {shlex.quote(model)} {shlex.quote(subject)} {str(truth).lower()}{start}")
        dialog = ConfirmDialog(SafeText("Label a finding"), what, command)
        self.app.push_screen(dialog, lambda yes: self._label(model, subject, truth, window) if yes else None)

    def _label(self, model: str, subject: str, truth: bool, window: datetime | None) -> None:
        from engine.labels import label

        def work() -> Any:
            room = self.room.writable()
            return label(room.lake, model, subject, truth, actor=room.registry.actor, window_start=window,
                         note="from the console")  # fmt: skip

        self.app.feed.do(ACT, work, self._tell("labelled"))

    def _acknowledge(self, number: int) -> None:
        from engine.alerts import acknowledge

        def work() -> Any:
            room = self.room.writable()
            return acknowledge(room.ledger, number, room.registry.actor, room.clock)

        self.app.feed.do(ACT, work, self._tell(f"alert {number} is yours"))

    def roll_back(self, model: str, environment: str) -> None:
        """Show what a rollback of the model would change; nothing changes before it is confirmed."""
        dialog = RollbackDialog(model, environment, self.app.glyphs, self._confirmed)
        room = self.room

        def planned(done: Done) -> None:
            if done.error is not None:
                dialog.refuse(done.error)
                return
            preview = done.value
            dialog.show(preview)
            self.app.feed.do(FIGURES, lambda: RollbackDialog.read_figures(room, preview), figured)

        def figured(done: Done) -> None:
            if done.error is None:
                dialog.show(done.value)

        self.app.push_screen(dialog, self._rolled_back)
        self.app.feed.do(PLAN, lambda: RollbackDialog.read_plan(room, model, environment), planned)

    def _confirmed(self, plan: RollbackPlan, reason: str, then: Callable[[Done], None]) -> None:
        room = self.room
        self.app.feed.do(ACT, lambda: room.writable().registry.rollback(plan, reason=reason), then)

    def _rolled_back(self, deployment: Deployment | None) -> None:
        if deployment is not None:
            self.app.say(f"{deployment} runs now; R takes this back too", Tone.GOOD, seconds=15)
            self.app.read_again()

    def _tell(self, words: str) -> Callable[[Done], None]:
        """Says what came of a change, and reads again."""

        def then(done: Done) -> None:
            self.app.say(done.error or words, Tone.WARN if done.error else Tone.GOOD, seconds=10)
            self.app.read_again()

        return then
