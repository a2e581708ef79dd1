"""How the home fares: room on the disk, segments, backups, gaps and rejects, each against its limit."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from storage.backup import copies
from storage.doctor import examine
from storage.home import Home
from storage.sql import Reader

MB = 1_000_000
LEAST_FREE_MB, LEAST_FREE_SHARE = 1_000.0, 0.05
OLDEST_BACKUP = timedelta(days=2)
MOST_WAL_MB = 100.0
MOST_SMALL = 2_000
"""More live segments than that want merging: `watchroom lake compact`, or a running daemon."""
MOST_REJECTS = 0.05


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: ok, warning or failed against its limit, and what to do about it."""

    measure: str
    state: str
    value: float | None
    limit: float | None
    unit: str
    detail: str = ""


def measures(home: Home, reader: Reader, now: datetime, *, deep: bool = False) -> list[Measure]:
    """Look at the home and change nothing; `deep` reads every segment and compares its checksum."""
    return [*_disk(home), *_files(home, deep, now), *_backup(home, now), *_rows(reader)]


def tables(reader: Reader) -> pl.DataFrame:
    """A row a table of the lake: live segments, rows, bytes, oldest and newest time of its rows."""
    return reader.query(
        "SELECT table_name AS name, count(*) AS segments, CAST(sum(row_count) AS BIGINT) AS rows,"
        " CAST(sum(byte_count) AS BIGINT) AS bytes, min(CAST(min_ts AS TIMESTAMPTZ)) AS oldest,"
        " max(CAST(max_ts AS TIMESTAMPTZ)) AS newest FROM segment WHERE superseded_by IS NULL"
        " GROUP BY table_name ORDER BY bytes DESC"
    )


def _disk(home: Home) -> list[Measure]:
    space = shutil.disk_usage(home.path)
    free, least = space.free / MB, max(LEAST_FREE_MB, min(space.total / MB * LEAST_FREE_SHARE, 20 * LEAST_FREE_MB))
    return [
        Measure("free_disk", "ok" if free >= least else "failed", free, least, "MB",
                "" if free >= least else "make room, or `watchroom cleanup-old-data`"),
        Measure("home", "ok", _size_mb(home.path), None, "MB", str(home.path)),
        Measure("lake", "ok", _size_mb(home.lake), None, "MB"),
    ]  # fmt: skip


def _size_mb(path: Path) -> float:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) / MB if path.is_dir() else 0.0


def _files(home: Home, deep: bool, now: datetime) -> list[Measure]:
    found = examine(home, deep=deep, clock=lambda: now)
    wal = home.ledger.with_name(home.ledger.name + "-wal")
    wal_mb = wal.stat().st_size / MB if wal.is_file() else 0.0
    cure = "`watchroom doctor --repair` mends it"
    few = found.segments <= MOST_SMALL
    return [
        Measure("ledger", "ok" if found.ledger is None else "failed", None, None, "", found.ledger or ""),
        Measure("ledger_log", "ok" if wal_mb <= MOST_WAL_MB else "warning", wal_mb, MOST_WAL_MB, "MB",
                "" if wal_mb <= MOST_WAL_MB else "a reader that never ends keeps it from being folded in"),
        Measure("live_segments", "ok" if few else "warning", found.segments, MOST_SMALL, "files",
                "" if few else "`watchroom lake compact` merges them"),
        Measure("broken_segments", "failed" if found.broken else "ok", len(found.broken), 0, "files",
                f"{found.lost_rows} rows; {cure}" if found.broken else "checksums compared" if deep else ""),
        Measure("orphans", "warning" if found.orphans or found.pending else "ok",
                len(found.orphans) + len(found.pending), 0, "files", cure if found.orphans or found.pending else ""),
    ]  # fmt: skip


def _backup(home: Home, now: datetime) -> list[Measure]:
    limit = OLDEST_BACKUP / timedelta(hours=1)
    known = copies(home)
    if not known:
        return [Measure("ledger_backup", "warning", None, limit, "h", "none yet; `watchroom run` makes one a day")]
    age = (now.timestamp() - known[0].stat().st_mtime) / 3_600
    return [Measure("ledger_backup", "ok" if age <= limit else "warning", age, limit, "h", known[0].name)]


def _rows(reader: Reader) -> list[Measure]:
    counts = reader.query(
        "SELECT coalesce(sum(row_count) FILTER (table_name = 'rejects'), 0) AS rejects,"
        " coalesce(sum(row_count) FILTER (table_name NOT IN ('predictions', 'labels')), 0) AS landed,"
        " (SELECT count(*) FROM gap) AS gaps, (SELECT coalesce(sum(byte_count), 0) FROM gap) AS lost_bytes"
        " FROM segment WHERE superseded_by IS NULL"
    ).row(0, named=True)
    share = float(counts["rejects"]) / float(counts["landed"]) if counts["landed"] else 0.0
    high = share > MOST_REJECTS
    gaps = int(counts["gaps"])
    return [
        Measure("rejects", "warning" if high else "ok", share, MOST_REJECTS, "share",
                "`watchroom sql \"SELECT reason, count(*) FROM rejects GROUP BY ALL\"` says why" if high else ""),
        Measure("gaps", "warning" if gaps else "ok", gaps, 0, "gaps",
                f"{int(counts['lost_bytes'])} bytes of logs were gone before they could be read" if gaps else ""),
    ]  # fmt: skip
