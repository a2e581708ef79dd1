"""What a key would do to the row under the cursor: told first, done after a yes, by the engine call of the command.

Each function gives one proposal. Where the change is in force already, the same key proposes to take it back.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from console.cells import SafeText, printable

if TYPE_CHECKING:
    from engine.room import Room

Row = Mapping[str, Any]
"""A row of a view."""
SILENT_FOR = timedelta(hours=2)
PAUSED_FOR = timedelta(days=1)
NOTE = "from the console"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change: what it is called, what it does, the commands that do the same, and what to say when it is done."""

    title: str
    what: Sequence[str]
    commands: Sequence[str]
    work: Callable[[Room], Any]
    """Does it, in a thread, with a room that may be written to."""
    told: Callable[[Any], str]
    """Says what came of it, from what `work` returned."""

    @property
    def lines(self) -> list[SafeText]:
        """`what`, made printable."""
        return [printable(line, limit=200) for line in self.what]

    @property
    def command(self) -> SafeText:
        """The commands that do the same, one a line."""
        return printable("\n".join(f"watchroom {command}" for command in self.commands), lines=True)


def acknowledge(alert: Row) -> Proposal:
    """Take an alert on; one that is taken on is handed back."""
    from engine import alerts

    number, summary = int(alert["id"]), str(alert["summary"])
    if alert["acknowledged_by"] is not None:
        return Proposal(
            f"Hand alert {number} back", [summary, f"{alert['acknowledged_by']} has it. It is told again from now on."],
            [f"acknowledge {number} --release"],
            lambda room: alerts.release(room.ledger, number, room.registry.actor, room.clock, note=NOTE),
            lambda _done: f"alert {number} is nobody's; a takes it on",
        )  # fmt: skip
    return Proposal(
        f"Acknowledge alert {number}", [summary, "It becomes yours, and is not told again for eight hours."],
        [f"acknowledge {number}"],
        lambda room: alerts.acknowledge(room.ledger, number, room.registry.actor, room.clock, note=NOTE),
        lambda _done: f"alert {number} is yours; a hands it back",
    )  # fmt: skip


def silence(alert: Row, at: datetime) -> Proposal:
    """Tell nobody of an alert for two hours; one that is silent is told again."""
    from engine import alerts

    number, summary = int(alert["id"]), str(alert["summary"])
    until = alert["silenced_until"]
    if until is not None and until > at:
        return Proposal(
            f"End the silence of alert {number}",
            [summary, f"{alert['silenced_by']} silenced it until {until:%H:%M} UTC. It is told again from now on."],
            [f"silence {number} --end"],
            lambda room: alerts.end_silence(room.ledger, number, room.registry.actor, room.clock, note=NOTE),
            lambda _done: f"alert {number} is told again; s silences it",
        )  # fmt: skip
    return Proposal(
        f"Silence alert {number}", [summary, "Nobody is told of it for two hours. Its state goes on, here too."],
        [f"silence {number} --for 2h --reason '{NOTE}'"],
        lambda room: alerts.silence(room.ledger, number, room.registry.actor, room.clock() + SILENT_FOR, room.clock,
                                    note=NOTE),
        lambda _done: f"alert {number} is silent for two hours; s ends it",
    )  # fmt: skip


def label(finding: Row, truth: bool) -> Proposal:
    """Say whether a finding was right."""
    from engine.labels import label as write

    model, subject, window = str(finding["model"]), str(finding["subject"]), finding["window_start"]
    said = "right: it was what the model looks for" if truth else "a false alarm"
    start = f" --window {window:%Y-%m-%dT%H:%M:%S}" if window else ""
    return Proposal(
        "Label a finding",
        [f"{model}: {subject}", str(finding["reason"] or ""),
         f"Label this window as {said}. A later label takes its place."],
        [f"label {shlex.quote(model)} {shlex.quote(subject)} {str(truth).lower()}{start}"],
        lambda room: write(room.lake, model, subject, truth, actor=room.registry.actor, window_start=window, note=NOTE),
        lambda _done: f"labelled as {'right; f' if truth else 'a false alarm; t'} says otherwise",
    )  # fmt: skip


def fixed(patterns: Sequence[Row]) -> Proposal:
    """Say that the loops of an N+1 finding are fixed; where that is said of all of them, that they are not."""
    from engine.n1.patterns import is_marked, mark

    to_mark = [pattern for pattern in patterns if not is_marked(pattern)]
    undo, chosen = not to_mark, to_mark or list(patterns)
    word = "reopen" if undo else "fixed"
    told = [f"{p['pattern'][:8]} {p['state']}, {p['detections']} times: {p['template']}" for p in chosen]
    then = "They are open again." if undo else "Should one come back, it is shown as regressed."

    def work(room: Room) -> int:
        for pattern in chosen:
            mark(room.ledger, pattern, fixed=not undo, actor=room.registry.actor, clock=room.clock, reason=NOTE)
        return len(chosen)

    return Proposal(
        f"Say that {_loops(len(chosen))} {'not ' if undo else ''}fixed", [*told, then],
        [f"patterns {word} {pattern['pattern']}" for pattern in chosen], work,
        lambda count: f"{_loops(count)} {'open' if undo else 'fixed'}; x takes it back",
    )  # fmt: skip


def _loops(count: int) -> str:
    return "one loop is" if count == 1 else f"{count} loops are"


def hold_job(job: Row, at: datetime) -> Proposal:
    """Run a periodic job no more for a day; one that is held runs again."""
    from engine.scheduler_process import scheduler_of

    name, until = str(job["job"]), job["paused_until"]
    if until is not None and until > at:
        return Proposal(
            f"Resume {name}", [f"{job['paused_by']} paused it until {until:%m-%d %H:%M} UTC."],
            [f"scheduler resume {name}"], lambda room: scheduler_of(room, room.registry.actor).resume(name),
            lambda _done: f"{name} runs again from its next slot on; s pauses it",
        )  # fmt: skip
    return Proposal(
        f"Pause {name}", ["It does not run for a day. Slots that it misses meanwhile are written down."],
        [f"scheduler pause {name} --for 1day --reason '{NOTE}'"],
        lambda room: scheduler_of(room, room.registry.actor).pause(name, until=room.clock() + PAUSED_FOR, reason=NOTE),
        lambda _done: f"{name} is paused for a day; s resumes it",
    )  # fmt: skip


def run_job(job: Row) -> Proposal:
    """Run a periodic job at once, whatever its slot."""
    from engine.scheduler_process import scheduler_of

    name = str(job["job"])
    return Proposal(
        f"Run {name} now", [f"{job['about']}.", "It runs once, whatever its slot; its next slot comes as planned."],
        [f"scheduler run-now {name}"], lambda room: scheduler_of(room, room.registry.actor).run_now(name),
        lambda run: f"{name}: {run.outcome}" + (f", {run.error}" if run.error else ""),
    )  # fmt: skip
