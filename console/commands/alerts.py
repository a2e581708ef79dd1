"""`watchroom alerts`: what is wrong now, and what was."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, LimitOption, OutputOption
from console.output import Output, emit

PANEL = "Monitoring"
OPEN = (
    "id", "severity", "state", "fired_ts", "summary", "value", "limit_value", "n", "acknowledged_by", "silenced_by",
    "rule", "model", "environment", "subject",
)  # fmt: skip
HISTORY = (
    "ts", "alert_id", "severity", "to_state", "summary", "actor", "note", "value", "limit_value", "n", "rule", "model",
    "environment", "from_state",
)  # fmt: skip
"""Those that decide first: a narrow terminal leaves out the others."""


def command(
    history: Annotated[bool, typer.Option("--history", help="Resolved ones too.")] = False,
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """List the open alerts, the newest first; ends with 1 when one that is not mere information is firing.

    Example: watchroom alerts --history --output json
    """
    from engine.room import Room

    reader = Room.open(home).reader
    rows = reader.query("SELECT * FROM alert_history" if history else "SELECT * FROM open_alerts")
    emit(rows, output, columns=HISTORY if history else OPEN, limit=limit, empty="no alerts")
    return 1 if reader.query("SELECT 1 FROM open_alerts WHERE state = 'firing' AND severity <> 'info'").height else 0
