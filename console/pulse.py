"""The pulse: the little that is read every second to know whether anything else must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from console import words
from console.cells import SafeText, printable
from storage.clock import parse_rfc3339

if TYPE_CHECKING:
    from engine.room import Room

QUIET = timedelta(seconds=30)
"""After this long without a commit the header says since when it is quiet."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The home at a moment: `mark` changes whenever the ledger does; `alerts` fire; rows landed since a pause."""

    mark: str
    commit_id: int
    landed_ts: datetime | None
    alerts: int
    rows_since: int
    source: SafeText

    def following(self, now: datetime) -> SafeText:
        """What feeds the home, and since when it does not."""
        if self.landed_ts is None:
            return self.source or SafeText("nothing landed yet; `watchroom run LOG...` follows logs")
        age = now - self.landed_ts
        if age > QUIET:
            quiet = f"quiet for {words.span(age)}"
            return SafeText(f"{self.source} · {quiet}" if self.source else quiet)
        return self.source or SafeText(f"landed {words.span(age)} ago")


def read_pulse(room: Room, follow: Callable[[], str] | None, since: Pulse | None) -> Pulse:
    """The pulse of `room`. `since` is the pulse at which the panes were paused."""
    mark = _mark(room)
    with room.ledger.read() as ledger:
        newest = ledger.execute("SELECT id, ts FROM landing_commit ORDER BY id DESC LIMIT 1").fetchone()
        (alerts,) = ledger.execute(
            "SELECT count(*) FROM alert WHERE state IN ('firing', 'recovering') AND severity <> 'info'"
            " AND acknowledged_by IS NULL"
        ).fetchone()
        rows = 0
        if since is not None:
            (rows,) = ledger.execute(
                "SELECT coalesce(sum(s.row_count), 0) FROM segment s JOIN landing_commit c ON c.id = s.commit_id"
                " WHERE s.commit_id > ? AND c.kind <> 'compaction'",
                (since.commit_id,),
            ).fetchone()
    return Pulse(
        mark, newest["id"] if newest else 0, parse_rfc3339(newest["ts"]) if newest else None, alerts, rows,
        printable(follow() if follow else "", limit=60),
    )  # fmt: skip


def _mark(room: Room) -> str:
    """Changes with every commit of any process, and costs two looks at the file system."""
    parts = []
    for path in (room.home.ledger, room.home.ledger.with_name(room.home.ledger.name + "-wal")):
        try:
            found = path.stat()
        except FileNotFoundError:
            parts.append("-")
        else:
            parts.append(f"{found.st_mtime_ns}.{found.st_size}")
    return "/".join(parts)
