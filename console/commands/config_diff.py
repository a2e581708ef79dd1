"""`watchroom config-diff`: what was changed lately."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, LimitOption, OutputOption
from console.output import Output, emit

PANEL = "Maintenance"
COLUMNS = ("ts", "model", "environment", "setting", "before", "after", "kind", "actor", "reason")


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    since: Annotated[str, typer.Option("--since", help="'1 week ago', 7days, 2026-03-01 or RFC 3339.")] = "1 week ago",
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """List every version, setting and alert limit that changed since a moment: before, after, by whom and why.

    Example: watchroom config-diff --since "1 week ago"
    """
    from console.period import since as moment
    from engine.config_drift import changes
    from engine.room import Room

    room = Room.open(home)
    if model is not None:
        room.registry.model(model)
    rows = changes(room.reader, moment(since, room.clock()), model)
    emit(rows, output, columns=COLUMNS, limit=limit, empty=f"nothing was changed since {since}")
