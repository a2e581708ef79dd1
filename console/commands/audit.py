"""`watchroom audit`: who changed what, and whether that is the whole truth."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from console.options import HomeOption, LimitOption, OutputOption
from console.output import Output, emit, emit_one

PANEL = "Maintenance"
COLUMNS = ("seq", "ts", "actor", "origin", "host", "kind", "subject", "body")


def command(
    what: Annotated[Literal["verify", "log"], typer.Argument(help="verify the event log, or list it.")] = "verify",
    since: Annotated[str | None, typer.Option("--since", help="log: only from then on, e.g. '1 week ago'.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="log: only kinds that begin so, e.g. deployment.")] = "",
    head: Annotated[
        str | None, typer.Option("--head", help="verify: a hash noted earlier that must still be in the log.")
    ] = None,
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Verify the hash-chained event log, or list it; ends with 1 when an event was changed, inserted or removed.

    Note the `head` of a verification somewhere else: with --head a log that was rewritten whole is noticed as well.

    Example: watchroom audit verify --output json
    """
    from console.period import since as moment
    from engine.room import Room
    from storage.audit import FIRST_HASH, verify

    room = Room.open(home)
    if what == "log":
        start = moment(since, room.clock()) if since is not None else None
        rows = room.reader.query(
            "SELECT * FROM events WHERE ($1 IS NULL OR ts >= $1) AND starts_with(kind, $2) ORDER BY seq DESC",
            [start, kind],
        )
        emit(rows, output, columns=COLUMNS, limit=limit, empty="no such event")
        return 0
    with room.ledger.read() as connection:
        chain = verify(connection)
        found = head in (None, FIRST_HASH) or (
            connection.execute("SELECT 1 FROM event WHERE hash = ?", (head,)).fetchone() is not None
        )
    reason = chain.reason or ("" if found else "the hash noted earlier is not in it: the log was rewritten")
    emit_one(
        {"intact": chain.intact and found, "events": chain.events, "head": chain.head,
         "broken_seq": chain.broken_seq, "reason": reason}, output,
    )  # fmt: skip
    return 0 if chain.intact and found else 1
