"""What the console changes: always by the engine call that the command line uses, always in a thread."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from console import proposals
from console.cells import SafeText, Tone, printable
from console.dialogs.confirm import ConfirmDialog
from console.dialogs.rollback import RollbackDialog
from console.proposals import Proposal
from console.reading import Done
from engine.deployment import config_changes

if TYPE_CHECKING:
    from console.shell import WatchroomApp
    from engine.deployment import Deployment, RollbackPlan
    from engine.tuning import TuningRun

ACT, PLAN, FIGURES = "act", "plan", "figures"


class Changes:
    """The changes that keys of `app` make."""

    def __init__(self, app: WatchroomApp) -> None:
        self.app = app
        self.room = app.room

    def propose(self, proposal: Proposal) -> None:
        """Show what would be done; it is after a yes."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.feed.do(ACT, lambda: proposal.work(self.room.writable()), done)

        def done(done: Done) -> None:
            self._tell(proposal.told(done.value) if done.error is None else "")(done)

        self.app.push_screen(ConfirmDialog(printable(proposal.title), proposal.lines, proposal.command), answered)

    def fix(self, finding: Mapping[str, Any], environment: str) -> None:
        """Look for the loops that an N+1 finding tells, then propose to call them fixed."""
        from engine.n1.patterns import of_finding

        def found(done: Done) -> None:
            if done.error is not None:
                self.app.say(done.error, Tone.WARN, seconds=10)
            elif done.value:
                self.propose(proposals.fixed(done.value))
            else:
                self.app.say("no N+1 loop in this finding", Tone.WARN)

        self.app.feed.do(PLAN, lambda: of_finding(self.room.reader, environment, finding["evidence"]), found)

    def tune(self, model: str, environment: str) -> None:
        """Search as a rehearsal, show what was found, and do it after a yes."""
        from engine.tuning import search

        room = self.room

        def found(done: Done) -> None:
            if done.error is not None:
                self.app.say(done.error, Tone.WARN, seconds=10)
                return
            self.app.say("")
            command = _command("watchroom tune", model, environment)
            dialog = ConfirmDialog(printable(f"Tune {model} in {environment}"), _search_words(done.value), command)
            self.app.push_screen(dialog, lambda yes: self._tune(model, environment) if yes else None)

        self.app.say(f"looking for a better threshold of {model}")
        self.app.feed.do(
            PLAN, lambda: search(room.reader, room.registry, room.registry.config(model, environment)), found
        )

    def _tune(self, model: str, environment: str) -> None:
        from engine.tuning import tune

        def work() -> Any:
            room = self.room.writable()
            return tune(room.reader, room.registry, room.registry.config(model, environment))

        def then(done: Done) -> None:
            self._tell(f"{model}: {done.value.verdict}, {done.value.detail}" if done.error is None else "")(done)

        self.app.feed.do(ACT, work, then)

    def deploy(self, model: str, version: str | None, environment: str) -> None:
        """Show what putting a version (or the newest) into the environment would change; it is done after a yes."""
        room = self.room

        def plan() -> tuple[str, Deployment | None, Mapping[str, Any]]:
            named = version or room.newest_version(model)
            return named, *room.registry.plan_deploy(model, named, environment)

        def planned(done: Done) -> None:
            if done.error is not None:
                self.app.say(done.error, Tone.WARN, seconds=10)
                return
            named, now, config = done.value
            if now is not None and now.version == named and not config_changes(now.config, config):
                self.app.say(f"{model} {named} runs in {environment} already", Tone.WARN)
                return
            command = _command(f"watchroom deploy --version {shlex.quote(named)}", model, environment, always=True)
            title = printable(f"Deploy {model} {named} to {environment}")
            dialog = ConfirmDialog(title, _deploy_words(named, now, config), command)
            seen = now.id if now is not None else 0
            self.app.push_screen(dialog, lambda yes: self._deploy((model, named, environment), seen) if yes else None)

        self.app.feed.do(PLAN, plan, planned)

    def _deploy(self, what: tuple[str, str, str], seen: int) -> None:
        """Deploy, if what runs there is still what was `seen`."""

        def work() -> Any:
            return self.room.writable().registry.deploy(*what, reason="deployed from the console", expected=seen)

        self.app.feed.do(ACT, work, self._tell(f"{what[0]} {what[1]} runs in {what[2]} now; R takes it back"))

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


def _command(words: str, model: str, environment: str, *, always: bool = False) -> SafeText:
    """The command that does the same; its environment where it is not the default."""
    env = f" --env {shlex.quote(environment)}" if always or environment != "production" else ""
    return printable(f"{words} {shlex.quote(model)}{env}")


def _search_words(run: TuningRun) -> list[SafeText]:
    """What a search found, and each gate that is closed."""
    closed = [f"closed: {name}, {gate.why}" for name, gate in sorted(run.gates.items()) if not gate.ok]
    then = {
        "applied": f"It is applied: {run.finding.current:g} becomes {run.finding.best:g}.",
        "proposed": "It is written down; the next run that finds the same applies it.",
    }.get(run.verdict, "Nothing changes; the search is written down.")
    return [printable(line, limit=200) for line in (f"{run.verdict}: {run.detail}", *closed, then)]


def _deploy_words(version: str, now: Deployment | None, config: Mapping[str, Any]) -> list[SafeText]:
    """From which version to which, and each setting that changes with it."""
    if now is None:
        return [SafeText("Nothing of this model runs there."), printable(f"settings {dict(config)}", limit=200)]
    changes = [f"{key} {old} becomes {new}" for key, (old, new) in config_changes(now.config, config).items()]
    since = f"{now.started_ts:%Y-%m-%d %H:%M}"
    return [printable(f"from {now.version} config {now.config_revision}, since {since} by {now.actor}", limit=200),
            printable(f"to   {version}", limit=200), *(printable(change, limit=200) for change in changes)]  # fmt: skip
