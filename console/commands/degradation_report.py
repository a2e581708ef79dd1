"""`watchroom degradation-report`: the incidents of a while."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = (
    "model", "version", "environment", "metric", "began", "over", "looks", "baseline", "worst", "drop_percent",
    "verdict", "answered_by", "trend",
)  # fmt: skip


def command(
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days back from now; 7.")] = None,
    last_week: Annotated[bool, typer.Option("--last-week", help="The last 7 days.")] = False,
    last_month: Annotated[bool, typer.Option("--last-month", help="The last 30 days.")] = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """List each time that a metric was degraded: from when until when, how far, whether true, and what was done.

    `over` is the first look that did not find it any more; `answered_by` the first deployment after it began.

    Example: watchroom degradation-report --last-week --output markdown
    """
    from datetime import timedelta

    from console.period import report_days
    from engine.degradation_report import incidents, looks
    from engine.room import Room

    span = report_days(days, week=last_week, month=last_month, default=7)
    room = Room.open(home)
    since = room.clock() - timedelta(days=span)
    seen = looks(room.reader, since)
    none = f"no metric was degraded in {seen} looks of {span} days"
    empty = none if seen else f"nobody looked in {span} days; `watchroom check-degradation` looks now"
    emit(incidents(room.reader, since), output, columns=COLUMNS, empty=empty)
