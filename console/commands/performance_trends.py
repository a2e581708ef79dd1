"""`watchroom performance-trends`: where the models are going."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = (
    "model", "version", "environment", "n", "accuracy", "earlier", "later", "change", "direction", "step", "trend",
)  # fmt: skip


By = Literal["auto", "minute", "hour", "day", "week"]


def command(
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days back from the newest verdict; 30.")] = None,
    last_week: Annotated[bool, typer.Option("--last-week", help="The last 7 days.")] = False,
    last_month: Annotated[bool, typer.Option("--last-month", help="The last 30 days.")] = False,
    by: Annotated[By, typer.Option("--by", help="What one point covers; auto fits it to the span.")] = "auto",
    points: Annotated[bool, typer.Option("--points", help="Every point instead of a line a version.")] = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Show how the accuracy of each version went, over event time, and whether its later half differs.

    `direction` is rising or falling only where a two-sided test at 1 % says so, else steady.

    Example: watchroom performance-trends --last-month --output markdown
    """
    from console.period import report_days
    from engine.monitor import trends
    from engine.room import Room
    from engine.trends import lines, step_for

    span = report_days(days, week=last_week, month=last_month, default=30)
    reader = Room.open(home).reader
    step = None if by == "auto" else by
    if points:
        emit(trends(reader, span, step or step_for(reader, span)), output, empty="no labelled verdicts in that time")
        return
    emit(lines(reader, span, step), output, columns=COLUMNS, empty="no labelled verdicts in that time")
