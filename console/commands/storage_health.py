"""`watchroom storage-health`: how the home fares."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Maintenance"


def command(
    tables: Annotated[bool, typer.Option("--tables", help="The tables of the lake and their sizes instead.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read every segment and compare its checksum.")] = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Check disk, ledger, segments, backups, gaps and rejects, changing nothing; ends with 1 when one has failed.

    Example: watchroom storage-health --deep
    """
    from dataclasses import asdict

    from engine.room import Room
    from engine.storage_health import measures
    from engine.storage_health import tables as table_sizes

    room = Room.open(home)
    if tables:
        emit(table_sizes(room.reader), output, empty="nothing has landed yet")
        return 0
    found = measures(room.home, room.reader, room.clock(), deep=deep)
    emit([asdict(one) for one in found], output)
    return 1 if any(one.state == "failed" for one in found) else 0
