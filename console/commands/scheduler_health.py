"""`watchroom scheduler-health`: do the periodic jobs run, and run well?"""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit, say

PANEL = "Monitoring"
COLUMNS = (
    "job", "state", "consecutive_failures", "runs_24h", "success_rate_24h", "missed", "skipped", "last_success",
    "paused_until", "last_error",
)  # fmt: skip


def command(output: OutputOption = Output.table, home: HomeOption = None) -> int:
    """Check every periodic job; ends with 1 when one never ran, fails three times in a row, is unreliable or stale.

    unreliable: under 95 % of the last day's runs succeeded; stale: no success for two and a half intervals.

    Example: watchroom scheduler-health --output json
    """
    from engine.room import Room
    from engine.scheduler_health import is_healthy, status

    room = Room.open(home)
    rows = status(room.reader, room.clock())
    emit(rows, output, columns=COLUMNS)
    ill = [row["job"] for row in rows if not is_healthy(row)]
    if ill:
        say(f"look at {', '.join(ill)}: `watchroom scheduler history JOB`, `watchroom scheduler-restart`")
    return 1 if ill else 0
