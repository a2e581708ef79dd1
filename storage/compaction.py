"""Small segments become large ones, old ones go: the lake stays quick over months, and no reader ever notices.

Segments of a table and day are merged in the order of their commits, 32 of a size at a time, so a row is written anew
three or four times in its life: seconds into minutes, minutes into hours, hours into the day. One transaction
puts the merged segment in the place of those it replaces; their files stay until no reader can hold them any more.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from storage.clock import parse_rfc3339, rfc3339
from storage.errors import ConflictError
from storage.lake import Lake, Snapshot, record_landed, record_segments
from storage.schema import table
from storage.segments import Draft, Segment, name_segment, read_metadata, read_segments

FAN = 32
"""So many segments of one size class make one of the next."""
TIERS = (2_000, 64_000, 500_000)
"""Upper bounds of the size classes, in rows; a segment is never merged beyond the last (memory: some 300 MB)."""
CLOSED_AFTER = timedelta(hours=1)
"""A past day whose segments are older than this is merged whole."""
GRACE = timedelta(hours=1)
"""Superseded files are kept so long, whoever reads; a reader that needs longer holds a lease (`Lake.reading`)."""

_log = logging.getLogger("watchroom")


@dataclass(slots=True)
class Compacted:
    """What a run of compaction did."""

    merged: int = 0
    into: int = 0
    removed: int = 0


def compact(lake: Lake, *, fan: int = FAN) -> Compacted:
    """Merge what is small, then remove files that nobody can read any more. Raises OSError when the disk is full."""
    done = Compacted()
    unreadable: set[int] = set()
    while groups := [g for g in plan(lake, lake.snapshot(), fan=fan) if unreadable.isdisjoint(s.id for s in g)]:
        for group in groups:
            try:
                replace(lake, group, [merge(group)], kind="compact")
            except ConflictError:
                return done  # another process is at it
            except (pl.exceptions.PolarsError, FileNotFoundError) as error:
                unreadable.update(s.id for s in group)
                _log.warning("segments of %s cannot be merged (%s); run `watchroom doctor`", group[0].table_name, error)
                continue
            done.merged += len(group)
            done.into += 1
    done.removed = remove_superseded(lake)
    return done


def plan(lake: Lake, snapshot: Snapshot, *, fan: int = FAN) -> list[list[Segment]]:
    """Which segments to merge: runs of one table and day, neighbours in commit order, each within one size class.

    No run crosses a detector's watermark, so what a detector has not seen is never hidden behind what it has.
    """
    with lake.ledger.read() as connection:
        marks = sorted({row[0] for row in connection.execute("SELECT commit_id FROM watermark")})
        held = {
            row[0] for row in connection.execute(
                "SELECT provisional_commit FROM source WHERE provisional_commit IS NOT NULL"
            )
        }  # fmt: skip
    now = lake.clock()
    today = f"date={now:%Y-%m-%d}"
    groups: list[list[Segment]] = []
    ordered = sorted(snapshot.segments, key=lambda s: (s.table_name, s.path.parent.name, s.commit_id, s.id))
    for (_, day), members in groupby(ordered, key=lambda s: (s.table_name, s.path.parent.name)):
        free = [s for s in members if s.commit_id not in held]
        closed = day < today and _age(lake, free) >= CLOSED_AFTER
        for _, run in groupby(free, key=lambda s: sum(mark < s.commit_id for mark in marks)):
            groups += _runs(list(run), fan=2 if closed else fan)
    return groups


def _age(lake: Lake, segments: Sequence[Segment]) -> timedelta:
    """How long ago the newest commit of these was."""
    if not segments:
        return timedelta()
    with lake.ledger.read() as connection:
        row = connection.execute(
            "SELECT ts FROM landing_commit WHERE id = ?", (max(s.commit_id for s in segments),)
        ).fetchone()
    return lake.clock() - parse_rfc3339(row["ts"]) if row else CLOSED_AFTER


def _tier(rows: int) -> int:
    return sum(rows >= bound for bound in TIERS)


def _runs(segments: Sequence[Segment], *, fan: int) -> list[list[Segment]]:
    """Runs of at least `fan` neighbours of one size class or smaller; the smallest class that has any."""
    for level in range(len(TIERS)) if fan > 2 else (len(TIERS) - 1,):
        runs: list[list[Segment]] = [[]]
        for segment in segments:
            rows = sum(s.row_count for s in runs[-1])
            full = rows + segment.row_count > TIERS[-1] or (len(runs[-1]) >= fan and rows >= TIERS[level])
            if full or _tier(segment.row_count) > level:
                runs.append([])
            if _tier(segment.row_count) <= level:
                runs[-1].append(segment)
        if found := [run for run in runs if len(run) >= fan]:
            return found
    return []


def merge(group: Sequence[Segment]) -> Draft:
    """The rows of a group as one segment to be, in commit order."""
    kind = table(group[0].table_name)
    rows = read_segments(kind, group).collect()
    day = group[0].path.parent.name.removeprefix("date=")
    return Draft(kind, day, rows, name_segment(kind, day))


def replace(lake: Lake, group: Sequence[Segment], drafts: Sequence[Draft], *, kind: str) -> int:
    """Put `drafts` in the place of `group`, at one moment for every reader; returns the commit's number.

    Raises ConflictError if one of the group is not live any more; then nothing has changed.
    """
    about = {
        "replaces": [str(s.path.relative_to(lake.home.lake)) for s in group],
        "origins": _origins([s.path for s in group]),
    }
    prepared = lake.write(drafts, about, level=3)

    def swap(connection: sqlite3.Connection, commit_id: int) -> None:
        marks = ",".join("?" * len(group))
        ids = [s.id for s in group]
        (redacted,) = connection.execute(f"SELECT max(redacted) FROM segment WHERE id IN ({marks})", ids).fetchone()
        stretches = connection.execute(
            f"SELECT DISTINCT source_id, start_offset, end_offset FROM landed WHERE segment_id IN ({marks})"
            " ORDER BY 1, 2, 3", ids,
        ).fetchall()  # fmt: skip
        gone = connection.execute(
            f"UPDATE segment SET superseded_by = ?, superseded_ts = ? WHERE superseded_by IS NULL AND id IN ({marks})",
            [commit_id, rfc3339(lake.clock()), *ids],
        )
        if gone.rowcount != len(group):
            raise ConflictError("these segments were merged by another process")
        record_segments(connection, commit_id, max(s.commit_id for s in group), prepared.written)
        for stretch in _joined([(row[0], row[1], row[2]) for row in stretches]):
            record_landed(connection, commit_id, stretch)
        if redacted or kind == "forget":
            connection.execute("UPDATE segment SET redacted = 1 WHERE made_by = ?", (commit_id,))

    return lake.commit(prepared, kind=kind, also=swap, name=False)


def _joined(stretches: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Stretches (source, start, end), sorted, with neighbours made one."""
    joined: list[tuple[int, int, int]] = []
    for source, start, end in stretches:
        if joined and joined[-1][0] == source and start <= joined[-1][2]:
            joined[-1] = (source, joined[-1][1], max(end, joined[-1][2]))
        else:
            joined.append((source, start, end))
    return joined


def _origins(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The bytes that all these segments came from, neighbouring stretches joined."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for path in paths:
        origins = read_metadata(path).get("origins")
        for origin in origins if isinstance(origins, list) else []:
            found.setdefault((origin["path"], origin["generation"]), []).append(origin)
    joined: list[dict[str, Any]] = []
    for parts in found.values():
        for part in sorted(parts, key=lambda p: (p["start_offset"], p["end_offset"])):
            last = joined[-1] if joined and joined[-1]["path"] == part["path"] else None
            if last and last["generation"] == part["generation"] and part["start_offset"] <= last["end_offset"]:
                start = last["start_offset"]
                joined[-1] = {**(part if part["end_offset"] >= last["end_offset"] else last), "start_offset": start}
            else:
                joined.append(dict(part))
    return joined


def remove_superseded(lake: Lake, grace: timedelta = GRACE) -> int:
    """Remove files that were superseded longer than `grace` ago and that no lease holds; returns how many."""
    before = rfc3339(lake.clock() - grace)
    oldest = lake.oldest_lease()
    with lake.ledger.read() as connection:
        rows = connection.execute(
            "SELECT id, path FROM segment WHERE superseded_by IS NOT NULL AND superseded_ts <= ?"
            " AND (? IS NULL OR superseded_by <= ?)", (before, oldest, oldest),
        ).fetchall()  # fmt: skip
    for row in rows:
        lake.disk.remove(lake.home.lake / row["path"])
    with lake.ledger.write() as connection:
        connection.executemany("DELETE FROM segment WHERE id = ?", [(row["id"],) for row in rows])
    return len(rows)


def prune_commits(lake: Lake, older_than: timedelta = timedelta(days=7)) -> int:
    """Let the numbers of old commits go that no segment names any more; returns how many went."""
    with lake.ledger.write() as connection:
        done = connection.execute(
            "DELETE FROM landing_commit WHERE ts < ? AND NOT EXISTS (SELECT 1 FROM segment WHERE made_by ="
            " landing_commit.id OR commit_id = landing_commit.id OR superseded_by = landing_commit.id)",
            (rfc3339(lake.clock() - older_than),),
        )
    return done.rowcount


def retain(lake: Lake, keep_days: Mapping[str, float]) -> dict[str, int]:
    """Take rows older than so many days out of each table, a whole segment at a time; returns rows taken by table.

    Their files go with the superseded ones.
    """
    gone: dict[str, int] = {}
    now = lake.clock()
    with lake.ledger.write() as connection:
        for name, days in keep_days.items():
            cutoff = now - timedelta(days=days)
            old = (
                "superseded_by IS NULL AND table_name = ? AND coalesce(max_ts, substr(path, instr(path, 'date=') + 5,"
                " 10) || 'T23:59:59.999999Z') < ?"
            )
            args = (name, rfc3339(cutoff))
            (rows,) = connection.execute(
                f"SELECT coalesce(sum(row_count), 0) FROM segment WHERE {old}", args
            ).fetchone()
            if rows:
                done = connection.execute(
                    "INSERT INTO landing_commit (ts, kind) VALUES (?, 'retain')", (rfc3339(now),)
                ).lastrowid
                connection.execute(
                    f"UPDATE segment SET superseded_by = ?, superseded_ts = ? WHERE {old}", (done, rfc3339(now), *args)
                )
                gone[name] = rows
    return gone
