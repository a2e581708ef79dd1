"""`watchroom scheduler-status`: what runs when."""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit, say

PANEL = "Monitoring"
COLUMNS = ("job", "every_min", "state", "last_outcome", "last_ended", "last_duration_s", "next_run", "trend")


def command(output: OutputOption = Output.table, home: HomeOption = None) -> None:
    """Show each periodic job: how its last run went, when it is due next, and how long its last runs took (`trend`).

    Example: watchroom scheduler-status
    """
    from engine.room import Room
    from engine.scheduler_health import status
    from engine.scheduler_process import running

    room = Room.open(home)
    emit(status(room.reader, room.clock()), output, columns=COLUMNS)
    pid = running(room.home)
    say(f"scheduler process {pid}" if pid else "no scheduler process of its own; `watchroom run` schedules too")
