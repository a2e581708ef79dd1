"""What goes when old data are cleaned up: verdicts and labels, looks and runs that are done, and logs if asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.cleanup import cleanup
from storage.clock import rfc3339
from storage.compaction import remove_superseded, retain
from storage.schema import TABLES

if TYPE_CHECKING:
    from engine.room import Room

PERFORMANCE = ("predictions", "labels")
LOGS = tuple(name for name in TABLES if name not in PERFORMANCE)


def would_go(room: Room, older_than: timedelta, tables: Sequence[str]) -> dict[str, int]:
    """How many rows of each table of lake and ledger are older; a segment goes when its newest row is. Changes nothing.

    Nothing that was decided goes: versions, settings, deployments, alerts and the event log are kept for ever.
    """
    before = rfc3339(room.clock() - older_than)
    with room.ledger.read() as connection:
        rows = connection.execute(
            "SELECT table_name, sum(row_count) AS n FROM segment WHERE superseded_by IS NULL"
            " AND coalesce(max_ts, substr(path, instr(path, 'date=') + 5, 10) || 'T23:59:59.999999Z') < ?"
            " GROUP BY table_name",
            (before,),
        ).fetchall()
    lake = {str(row["table_name"]): int(row["n"]) for row in rows}
    counted = {name: lake.get(name, 0) for name in tables}
    return counted | cleanup(room.ledger, room.registry.actor, older_than, room.clock, dry_run=True)


def clean(room: Room, older_than: timedelta, tables: Sequence[str]) -> Mapping[str, int]:
    """Let it go; returns rows gone by table. Files go as soon as no reader can hold them any more."""
    days = older_than / timedelta(days=1)
    gone = dict.fromkeys(tables, 0) | retain(room.lake, dict.fromkeys(tables, days))
    remove_superseded(room.lake)
    return gone | cleanup(room.ledger, room.registry.actor, older_than, room.clock)
