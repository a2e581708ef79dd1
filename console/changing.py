"""What keys do that change something: on the row under the cursor, or on the chosen model.

Nothing is changed here: a key begins a change of `console/changes.py`, which shows first what it would do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from console import actions, proposals
from console.cells import Tone
from console.looking import Looking
from console.panes.alerts import AlertsPane
from console.panes.findings import FindingsPane
from console.panes.jobs import JobsPane

if TYPE_CHECKING:
    from console.changes import Changes
    from console.panes._details import Record


class Changing(Looking):
    """An app whose keys change something."""

    changes: Changes
    environment: str

    # the row under the cursor

    def action_acknowledge(self) -> None:
        """Take on the alert under the cursor, or hand it back."""
        self._of_row("acknowledge", self._alert, lambda alert: self.changes.propose(proposals.acknowledge(alert)))

    def action_silence(self) -> None:
        """Tell nobody of the alert under the cursor for a while, or end that."""
        at = self.room.clock()
        self._of_row("silence", self._alert, lambda alert: self.changes.propose(proposals.silence(alert, at)))

    def action_label_true(self) -> None:
        """Say that a finding was right."""
        self._of_row("label_true", self._finding, lambda row: self.changes.propose(proposals.label(row, True)))

    def action_label_false(self) -> None:
        """Say that a finding was a false alarm."""
        self._of_row("label_false", self._finding, lambda row: self.changes.propose(proposals.label(row, False)))

    def action_fixed(self) -> None:
        """Say that the loops of an N+1 finding are fixed, or are not."""
        self._of_row("fixed", self._finding, lambda row: self.changes.fix(row, self.environment))

    def action_hold_job(self) -> None:
        """Pause the job under the cursor, or resume it."""
        at = self.room.clock()
        self._of_row("hold_job", self._job, lambda job: self.changes.propose(proposals.hold_job(job, at)))

    def action_run_job(self) -> None:
        """Run the job under the cursor at once."""
        self._of_row("run_job", self._job, lambda job: self.changes.propose(proposals.run_job(job)))

    def _alert(self) -> Record | None:
        return self.pane.alert if isinstance(self.pane, AlertsPane) else None

    def _finding(self) -> Record | None:
        return self.pane.finding if isinstance(self.pane, FindingsPane) else None

    def _job(self) -> Record | None:
        return self.pane.job if isinstance(self.pane, JobsPane) else None

    def _of_row(self, action: str, chosen: Callable[[], Record | None], begin: Callable[[Record], None]) -> None:
        """Begin an action on the row that is chosen here, if it may be begun."""
        if self._may(action) and (row := chosen()) is not None:
            begin(row)

    # the chosen model

    def action_roll_back(self) -> None:
        """Show what a rollback of the chosen model would change."""
        self._of_model("roll_back", self.changes.roll_back)

    def action_tune(self) -> None:
        """Show what a search for a better threshold of the chosen model finds."""
        self._of_model("tune", self.changes.tune)

    def action_deploy(self) -> None:
        """Show what deploying the chosen version would change."""
        self._of_model("deploy", lambda model, env: self.changes.deploy(model, self.pane.version, env))

    def _of_model(self, action: str, begin: Callable[[str, str], None]) -> None:
        """Begin an action on the model that is chosen here, if it may be begun."""
        model = self.pane.model
        if not self._may(action):
            return
        if model is None:
            self.say("choose a model first", Tone.WARN)
        else:
            begin(model, self.environment)

    def _may(self, action: str) -> bool:
        """Whether an action that changes something may be begun here; if not, say why."""
        if not actions.works_in(actions.by_id(action), str(self.pane.id)):
            self.say(f"{actions.by_id(action).title}: not in this pane; ? says where", Tone.WARN)
            return False
        if self.room.read_only:
            self.say("this console is read-only; nothing can be changed here", Tone.WARN)
            return False
        return True
