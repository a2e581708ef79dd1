"""The lake: facts as immutable Parquet segments, and the manifest in the ledger that says which of them are live.

A commit makes rows, the source's new offset and a detector's watermark true at one moment. The order of durability is
ours: segment synced, its folder synced, then the ledger commits. A segment without a ledger row never happened.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import polars as pl

from storage.clock import Clock, rfc3339, utc_now
from storage.home import Home
from storage.ledger import Ledger
from storage.schema import SCHEMA_VERSION, Table, table

Also = Callable[[sqlite3.Connection, int], None]
"""What else a commit makes true, given the open transaction and the commit's number."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which bytes of which source the rows of a commit came from."""

    source_id: int
    start_offset: int
    end_offset: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A live segment as the manifest knows it; `path` is absolute."""

    path: Path
    table_name: str
    row_count: int
    byte_count: int
    commit_id: int
    min_ts: str | None
    max_ts: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The live segments at one moment, all tables; readers work from one and never see a row twice or not at all."""

    commit_id: int
    segments: tuple[Segment, ...]

    def of(self, name: str, *, since: datetime | None = None, until: datetime | None = None,
           after_commit: int = 0) -> list[Segment]:  # fmt: skip
        """The segments of table `name` that may hold rows with `since <= ts < until`, committed after a commit."""
        low = rfc3339(since) if since else None
        high = rfc3339(until) if until else None
        return [
            s for s in self.segments
            if s.table_name == name and s.commit_id > after_commit
            and (low is None or s.max_ts is None or s.max_ts >= low)
            and (high is None or s.min_ts is None or s.min_ts < high)
        ]  # fmt: skip


class Lake:
    """The lake of one home."""

    def __init__(self, home: Home, ledger: Ledger, clock: Clock = utc_now) -> None:
        self.home = home
        self.ledger = ledger
        self.clock = clock

    @classmethod
    def open(cls, home: Home, clock: Clock = utc_now) -> Lake:
        """The lake at `home`, made if it is not there."""
        home.create()
        return cls(home, Ledger(home.ledger), clock)

    def append(self, frames: Mapping[str, pl.DataFrame], *, kind: str, origin: Origin | None = None,
               also: Also | None = None) -> int:  # fmt: skip
        """Commit `frames` (by table name, conformed) durably, with whatever `also` writes; returns the commit's number.

        Raises OSError when a segment cannot be written; then nothing was committed and no segment is left behind.
        """
        written: list[_Written] = []
        try:
            for name, frame in frames.items():
                for day, part in _by_day(table(name), frame, self.clock()):
                    written.append(self._write(table(name), part, day))
            for folder in {w.path.parent for w in written}:
                sync_folder(folder)
            with self.ledger.write() as connection:
                commit_id = self._record(connection, kind, written, origin)
                if also is not None:
                    also(connection, commit_id)
            return commit_id
        except BaseException:
            for item in written:
                item.path.unlink(missing_ok=True)
            raise

    def snapshot(self) -> Snapshot:
        """The live segments now."""
        with self.ledger.read() as connection:
            (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM landing_commit").fetchone()
            rows = connection.execute(
                "SELECT table_name, path, row_count, byte_count, commit_id, min_ts, max_ts FROM segment"
                " WHERE superseded_by IS NULL ORDER BY id"
            ).fetchall()
        return Snapshot(newest, tuple(
            Segment(self.home.lake / r["path"], r["table_name"], r["row_count"], r["byte_count"], r["commit_id"],
                    r["min_ts"], r["max_ts"])
            for r in rows
        ))  # fmt: skip

    def scan(self, name: str, *, since: datetime | None = None, until: datetime | None = None,
             snapshot: Snapshot | None = None) -> pl.LazyFrame:  # fmt: skip
        """Rows of table `name` with `since <= ts < until`, lazily, in the order they were committed."""
        held = snapshot if snapshot is not None else self.snapshot()
        frame = read_segments(table(name), held.of(name, since=since, until=until))
        if since is not None:
            frame = frame.filter(pl.col("ts") >= since)
        if until is not None:
            frame = frame.filter(pl.col("ts") < until)
        return frame

    def _write(self, kind: Table, rows: pl.DataFrame, day: str) -> _Written:
        folder = self.home.lake / kind.name / f"date={day}"
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
            sync_folder(self.home.lake)
        final = folder / f"{uuid4().hex}.parquet"
        pending = final.with_suffix(".pending")
        try:
            rows.write_parquet(pending, compression="zstd", compression_level=1)
            checksum = sync_file(pending)
            pending.rename(final)
        except BaseException:
            pending.unlink(missing_ok=True)
            raise
        span = rows.select(pl.col("ts").min().alias("low"), pl.col("ts").max().alias("high")).row(0)
        low, high = (rfc3339(t) if t is not None else None for t in span)
        return _Written(final, kind.name, rows.height, final.stat().st_size, low, high, checksum)

    def _record(self, connection: sqlite3.Connection, kind: str, written: Sequence[_Written],
                origin: Origin | None) -> int:  # fmt: skip
        done = connection.execute(
            "INSERT INTO landing_commit (ts, kind) VALUES (?, ?)", (rfc3339(self.clock()), kind)
        ).lastrowid
        assert done is not None
        connection.executemany(
            "INSERT INTO segment (commit_id, table_name, path, row_count, byte_count, min_ts, max_ts, source_id,"
            " start_offset, end_offset, checksum, schema_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (done, w.table_name, str(w.path.relative_to(self.home.lake)), w.row_count, w.byte_count, w.min_ts,
                 w.max_ts, origin and origin.source_id, origin and origin.start_offset, origin and origin.end_offset,
                 w.checksum, SCHEMA_VERSION)
                for w in written
            ],
        )  # fmt: skip
        return done


@dataclass(frozen=True, slots=True)
class _Written:
    path: Path
    table_name: str
    row_count: int
    byte_count: int
    min_ts: str | None
    max_ts: str | None
    checksum: str


def read_segments(kind: Table, segments: Sequence[Segment]) -> pl.LazyFrame:
    """The rows of `segments` lazily, with every column of the table; an older segment's missing columns are null."""
    if not segments:
        return kind.empty().lazy()
    return pl.scan_parquet(
        [s.path for s in segments], schema=kind.schema, missing_columns="insert", extra_columns="ignore",
        hive_partitioning=False, glob=False,
    )  # fmt: skip


def sync_file(path: Path) -> str:
    """Force a file's bytes to disk; returns their checksum (blake2b, 16 bytes, hex)."""
    with path.open("rb") as handle:
        checksum = hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        os.fsync(handle.fileno())
    return checksum


def sync_folder(path: Path) -> None:
    """Force a folder's entries to disk, so that a file in it is still found after a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _by_day(kind: Table, rows: pl.DataFrame, now: datetime) -> list[tuple[str, pl.DataFrame]]:
    """`rows` conformed and parted by the UTC day of their `ts`; rows without one go to today."""
    if rows.is_empty():
        return []
    whole = kind.conform(rows).with_columns(
        pl.col("ts").dt.strftime("%Y-%m-%d").fill_null(now.strftime("%Y-%m-%d")).alias("_day")
    )
    parts = whole.partition_by("_day", as_dict=True, include_key=False, maintain_order=True)
    return [(str(key[0]), part) for key, part in sorted(parts.items())]
