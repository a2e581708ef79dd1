"""`watchroom auto-tuning-report`: what tuning has brought."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Auto-Tuning"
COLUMNS = (
    "model", "environment", "runs", "applied", "proposed", "no_improvement", "undecided", "claimed_gain",
    "realised_gain", "optimism", "reverted", "stagnant", "last_verdict", "trend",
)  # fmt: skip


def command(
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days back from now; 7.")] = None,
    last_week: Annotated[bool, typer.Option("--last-week", help="The last 7 days.")] = False,
    last_month: Annotated[bool, typer.Option("--last-month", help="The last 30 days.")] = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Sum up the tuning of each model: searches, what was applied, the gain claimed and the gain that came true.

    `optimism` is how much better a threshold looks on the data it was chosen on; `trend` the threshold at each search.

    Example: watchroom auto-tuning-report --last-week --output markdown
    """
    from datetime import timedelta

    from console.period import report_days
    from engine.room import Room
    from engine.tuning_report import effect

    span = report_days(days, week=last_week, month=last_month, default=7)
    room = Room.open(home)
    rows = effect(room.reader, room.clock() - timedelta(days=span))
    emit(rows, output, columns=COLUMNS, empty=f"no search for a better threshold in {span} days")
