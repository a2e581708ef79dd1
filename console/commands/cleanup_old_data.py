"""`watchroom cleanup-old-data`: let old data go."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, YesOption
from console.output import Output, emit
from storage.errors import UsageError

PANEL = "Maintenance"


def command(
    older_than: Annotated[str, typer.Option("--older-than", help="How old: 90days, 6months.")] = "90days",
    logs: Annotated[bool, typer.Option("--logs", help="Also what landed of the logs themselves.")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Let verdicts and labels go that are older, and looks, runs and notices that are done; --logs: landed logs too.

    What was decided stays for ever: versions, settings, deployments, alerts, the event log. A segment goes when its
    newest row is old enough. At least one day is kept.

    Example: watchroom cleanup-old-data --older-than 90days --yes
    """
    from datetime import timedelta

    from console.period import span
    from console.words import span as length
    from engine.retention import LOGS, PERFORMANCE, clean, would_go
    from engine.room import Room

    age = span(older_than)
    if age < timedelta(days=1):
        raise UsageError(f"at least one day is kept, not {older_than!r}")
    tables = PERFORMANCE + (LOGS if logs else ())
    room = Room.open(home)
    gone = would_go(room, age, tables)
    listed = ", ".join(f"{n:,} {name}" for name, n in gone.items() if n) or "nothing"
    if confirm(f"let go what is older than {length(age)}: {listed}", yes=yes, dry_run=dry_run):
        gone = dict(clean(room, age, tables))
    emit([{"name": name, "rows": n} for name, n in gone.items()], output)
