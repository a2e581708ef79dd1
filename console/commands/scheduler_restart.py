"""`watchroom scheduler-restart`: end the scheduler and start it anew."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, YesOption
from console.output import Output, emit_one

PANEL = "Monitoring"


def command(
    stop_only: Annotated[bool, typer.Option("--stop", help="Only end it.")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """End the home's scheduler process, if one runs, and start it anew in the background.

    A run whose process died is closed as a failure, slots missed meanwhile are written down. The scheduler inside
    `watchroom run` is not touched; both may run, for a slot is run once.

    Example: watchroom scheduler-restart --yes
    """
    from engine.room import Room
    from engine.scheduler_process import running, start, stop

    room = Room.open(home)
    pid = running(room.home)
    was = f"end the scheduler (process {pid})" if pid else "no scheduler runs"
    if confirm(was if stop_only else f"{was}; start it in the background", yes=yes, dry_run=dry_run):
        ended = stop(room.home)
        emit_one({"ended": ended, "started": None if stop_only else start(room.home)}, output)
