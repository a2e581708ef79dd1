"""Segments that a restored ledger takes for live and that are gone: lost since its backup was made, or replaced."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage import sources
from storage.claims import Claim, Found, Span, claimed
from storage.clock import rfc3339
from storage.lake import Lake
from storage.masking import Masking
from storage.reland import Range, ranges_of, reland


@dataclass(frozen=True, slots=True)
class Missing:
    """A segment that is not there, by its path below the lake, and the bytes whose rows it held.

    `ranges` are those to land again: none of a segment that rows were taken out of, for they must not come back.
    `stretches` are all: (number of the source, start, end).
    """

    path: str
    ranges: tuple[Range, ...]
    stretches: tuple[tuple[int, int, int], ...]


def missing_segments(lake: Lake) -> list[Missing]:
    """The live segments of the manifest whose files are gone."""
    with lake.ledger.read() as connection:
        live = connection.execute("SELECT id, path, table_name FROM segment WHERE superseded_by IS NULL").fetchall()
        gone = [row for row in live if not (lake.home.lake / row["path"]).exists()]
        return [_missing(connection, *row) for row in gone]


def _missing(connection: sqlite3.Connection, segment_id: int, path: str, table_name: str) -> Missing:
    stretches = connection.execute(
        "SELECT source_id, start_offset, end_offset FROM landed WHERE segment_id = ?", (segment_id,)
    ).fetchall()
    ranges = ranges_of(connection, segment_id, Path(path), table_name)
    return Missing(path, tuple(ranges), tuple((row[0], row[1], row[2]) for row in stretches))


def held_spans(missing: Sequence[Missing]) -> dict[Claim, list[Span]]:
    """Which bytes the missing segments held rows of, by table, day and source."""
    spans: dict[Claim, list[Span]] = defaultdict(list)
    for item in missing:
        for held in item.ranges:
            spans[_claim(item, held)].append((held.start, held.end))
    return spans


def land_missing(
    lake: Lake, missing: Sequence[Missing], adopted: Sequence[Found], masking: Masking | None
) -> tuple[int, int]:
    """Land again what missing segments held and nothing that was adopted holds; what is gone is a gap.

    How many rows landed, and how many bytes are gone.
    """
    spans, rows, lost_bytes = claimed(adopted), 0, 0
    for item in missing:
        for held in item.ranges:
            for start, end in holes(spans.get(_claim(item, held), []), held.start, held.end):
                again = reland(lake, Range(held.source, start, end, held.table_name, held.day), masking)
                rows += again or 0
                lost_bytes += tell_gap(lake, held.source, (start, end)) if again is None else 0
    return rows, lost_bytes


def holes(spans: Sequence[Span], begin: int, end: int) -> list[Span]:
    """What of `begin` to `end` no span covers."""
    found, at = [], begin
    for start, stop in sorted(spans):
        if at < start:
            found.append((at, min(start, end)))
        at = max(at, stop)
        if at >= end:
            return found
    return [*found, (at, end)] if at < end else found


def tell_gap(lake: Lake, source: sources.Source, lost: Span) -> int:
    """Say that bytes are gone for good; how many."""
    with lake.ledger.write() as connection:
        reason, size = "its segment was lost with the ledger, and the log is gone", lost[1] - lost[0]
        sources.record_gap(connection, source, size, reason, rfc3339(lake.clock()), start=lost[0])
    return size


def _claim(item: Missing, held: Range) -> Claim:
    table, day = Path(item.path).parts[:2]
    return table, day, str(held.source.path), held.source.generation
