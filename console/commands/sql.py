"""`watchroom sql`: ask the lake and the ledger in SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.options import HomeOption, LimitOption, OutputOption
from console.output import Output, emit
from storage.errors import UsageError

PANEL = "Logs"


def command(
    statement: Annotated[str | None, typer.Argument(help="One SELECT. `-` reads it from stdin.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the statement from a file.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds until the query is interrupted.")] = 60.0,
    memory: Annotated[str, typer.Option(help="Memory that the query may use.")] = "1GB",
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Ask the lake and the ledger in SQL (DuckDB), read-only and fenced: no other files, no network.

    Tables of the lake are plural (requests, queries, jobs, logs, rejects, predictions, labels), tables of the
    ledger singular (segment, source, deployment, ...); `watchroom sql "SHOW TABLES"` lists them with all views.

    Example: watchroom sql "SELECT path, count(*) AS n FROM requests WHERE status >= 500 GROUP BY ALL ORDER BY n DESC"
    """
    import sys

    from engine.room import Room
    from storage.fence import Limits, ask

    if (statement is None) == (file is None):
        raise UsageError('give one statement, or --file: watchroom sql "SELECT count(*) FROM requests"')
    try:
        if file is not None:
            text = file.read_text("utf-8")
        else:
            text = sys.stdin.read() if statement == "-" else statement or ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {error}") from None
    room = Room.open(home)
    emit(ask(room.reader, text, Limits(timeout_s=timeout, memory=memory)), output, limit=limit, empty="no rows")
