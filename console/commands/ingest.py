"""`watchroom ingest`: land logs and archives once, and judge them."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import FormatOption, HomeOption, OutputOption, PathsArgument
from console.output import Output, emit_one, say

PANEL = "Logs"


def command(
    paths: PathsArgument,
    format: FormatOption = "auto",
    env: Annotated[str, typer.Option("--env", help="Whose models judge: production or staging.")] = "production",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Land logs once to their end and judge what they hold; what landed before is not landed again.

    Example: watchroom ingest /var/log/nginx/access.log 'archive/*.gz' --output json
    """
    from console.progress import progress
    from engine.room import Room
    from engine.service import ingest
    from storage.inputs import expand

    files = expand(paths)
    room = Room.open(home, create=True)
    try:
        with progress("landing") as advance:
            landed, tally = ingest(
                room, paths, format_name=None if format == "auto" else format, environment=env, on_progress=advance
            )
    except KeyboardInterrupt:
        say("interrupted; what landed stays, and the same command goes on where it stopped")
        raise
    for notice in landed.notices:
        say(notice)
    emit_one(
        {
            "files": len(files),
            "landed": landed.files,
            "bytes": landed.bytes,
            "rows": sum(landed.rows.values()) - landed.rows.get("rejects", 0),
            "rejects": landed.rows.get("rejects", 0),
            "verdicts": tally.judged,
            "flagged": tally.flagged,
            "home": str(room.home.path),
        },
        output,
    )
