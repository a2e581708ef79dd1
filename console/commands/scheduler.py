"""`watchroom scheduler`: run the periodic jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from console.completion import job_names
from console.confirm import confirm, writable
from console.options import DryRunOption, HomeOption, LimitOption, OutputOption, ReasonOption, YesOption
from console.output import Output, emit, emit_one, say
from storage.errors import UsageError

if TYPE_CHECKING:
    from engine.room import Room

PANEL = "Monitoring"
What = Literal["run", "run-now", "pause", "resume", "history"]
HISTORY = ("id", "job", "slot_ts", "outcome", "trigger_kind", "late_s", "duration_s", "error", "output")


WhatArgument = Annotated[What, typer.Argument(help="run in the foreground; run-now, pause, resume one job; history.")]
JobArgument = Annotated[
    str | None, typer.Argument(metavar="JOB", help="A job, as `scheduler-status` names it.", autocompletion=job_names)
]


def command(
    what: WhatArgument = "run",
    job: JobArgument = None,
    once: Annotated[bool, typer.Option("--once", help="run: only what is due now; for cron or systemd.")] = False,
    lasting: Annotated[str, typer.Option("--for", help="pause: how long.")] = "1day",
    reason: ReasonOption = "",
    limit: LimitOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Run the periodic jobs until stopped (Ctrl-C, SIGTERM), or steer one of them.

    Performance every 5 minutes, degradation every 15, tuning every hour, clean-up every day. A slot is run once however
    many processes schedule; `watchroom run` does it too. run-now ends with 1 when the job fails.

    Example: watchroom scheduler run-now ml-degradation-detection
    """
    from engine.room import Room

    room = Room.open(home, origin="scheduler" if what == "run" else "cli")
    if what == "history":
        return _history(room, job, limit, output)
    if (job is None) != (what == "run"):
        told = "run takes no job, run-now does" if job else f"say which job to {what}"
        raise UsageError(f"{told}; `watchroom scheduler-status` names them")
    if what in ("run", "run-now") and dry_run:
        confirm(f"run {job or 'the jobs as they fall due'}", yes=yes, dry_run=True)
        return 0
    writable()
    if job is None:
        return _run(room, once, output)
    if what == "run-now":
        return _run_now(room, job, output)
    until = _end_of_pause(room, lasting, reason) if what == "pause" else None
    said = f"pause {job} until {until:%Y-%m-%d %H:%M} UTC" if until else f"resume {job}"
    if confirm(said, yes=yes, dry_run=dry_run):
        _hold(room, job, until, reason)
    return 0


def _end_of_pause(room: Room, lasting: str, reason: str) -> datetime:
    from console.period import span

    if not reason.strip():
        raise UsageError("a pause needs a reason; give one with --reason")
    return room.clock() + span(lasting)


def _hold(room: Room, job: str, until: datetime | None, reason: str) -> None:
    """Pause a job until then; without a moment, resume it."""
    from engine.scheduler_process import scheduler_of

    scheduler = scheduler_of(room, room.registry.actor)
    if until is None:
        scheduler.resume(job)
    else:
        scheduler.pause(job, until=until, reason=reason)


def _history(room: Room, job: str | None, limit: int | None, output: Output) -> int:
    sql = "SELECT * FROM job_runs WHERE $1 IS NULL OR job = $1 ORDER BY id DESC"
    emit(room.reader.query(sql, [job]), output, columns=HISTORY, limit=limit, empty="no run yet")
    return 0


def _run_now(room: Room, job: str, output: Output) -> int:
    from engine.scheduler_process import scheduler_of

    done = scheduler_of(room, room.registry.actor).run_now(job)
    emit_one({"job": done.job, "outcome": done.outcome, "duration_s": done.duration_s, "error": done.error,
              "output": dict(done.output)}, output)  # fmt: skip
    return 0 if done.outcome == "success" else 1


def _run(room: Room, once: bool, output: Output) -> int:
    from engine.scheduler_process import scheduler_of, serve

    if once:
        done = scheduler_of(room).tick()
        emit([{"job": r.job, "slot": r.slot_ts, "outcome": r.outcome, "trigger": r.trigger, "duration_s": r.duration_s,
               "error": r.error} for r in done], output, empty="nothing is due")  # fmt: skip
        return 1 if any(r.outcome in ("failure", "timeout") for r in done) else 0
    say(f"scheduling the jobs of {room.home.path}; Ctrl-C stops")
    return 128 + serve(room)
