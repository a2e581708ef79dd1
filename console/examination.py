"""What `formats test` shows: which format fits, and the first lines that it cannot read, each with a caret."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from console.cells import printable
from console.output import Output, emit, emit_one, say

if TYPE_CHECKING:
    from storage.format import Examination
    from storage.manner import Manner

HEAD_BYTES = 4 << 20
"""How much of a log is examined."""
WIDTH = 100
"""Characters of a rejected line that are shown."""


def examine_file(path: Path, format_name: str | None, how: Manner) -> Examination:
    """The first part of a log or archive, examined. Raises InputError where it cannot be read."""
    from storage.format import Context, examine, load
    from storage.streams import open_stream

    with closing(open_stream(path)) as stream:
        named = load(format_name) if format_name else None
        return examine(stream.read(0, HEAD_BYTES), named, Context(how.time_zone, how.keys))


def show_examination(found: Examination, output: Output) -> int:
    """Print it; the exit code: 1 when lines were rejected or no format fits."""
    if output is not Output.table:
        emit_one(asdict(found), output)
        return int(found.format is None or found.rejected > 0)
    if found.format is None:
        say("no format fits; the nearest:" if found.shares else "no format fits any of its first lines")
        emit([{"format": n, "share": s} for n, s in list(found.shares.items())[:5]], output, empty="-")
        return 1
    rows = ", ".join(f"{n:,} {name}" for name, n in found.rows.items()) or "no rows"
    print(f"{found.format}: {found.records:,} records, {rows}, {found.rejected:,} rejected")
    for reject in found.rejects:
        print(f"line {reject.line}: {printable(reject.reason)}")
        start = max(0, reject.column - WIDTH // 2)
        print(f"    {printable(reject.record[start : start + WIDTH])}")
        print("    " + " " * len(printable(reject.record[start : reject.column - 1])) + "^")
    if len(found.rejects) < found.rejected:
        say(f"{len(found.rejects)} of {found.rejected:,} rejected lines shown")
    return int(found.rejected > 0)
