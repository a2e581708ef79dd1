"""`watchroom daily-summary`: a day of each model."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = (
    "model", "version", "environment", "predictions", "predictions_before", "flagged", "n", "accuracy",
    "accuracy_before", "f1", "fpr", "alerts", "changes", "tunings", "reverts", "trend",
)  # fmt: skip


def command(
    day: Annotated[
        datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="The day (UTC); default the newest judged.")
    ] = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Sum up a day of each model beside the day before: verdicts, accuracy, alerts, changes, tunings.

    A day is one of event time. `n` counts verdicts whose truth is known; `trend` draws the verdicts hour by hour.

    Example: watchroom daily-summary --day 2026-03-02 --output markdown
    """
    from engine.daily import summary
    from engine.room import Room

    rows = summary(Room.open(home).reader, day.date() if day else None)
    emit(rows, output, columns=COLUMNS, empty="nothing was judged on that day")
