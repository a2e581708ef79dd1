"""Segments: immutable zstd Parquet files of one table and day, written and synced before anything names them.

Each carries in its Parquet metadata, under `watchroom`, what the ledger knows of it: the commit's own name, the
other files of that commit, and the sources with the place each was read to. So offsets and manifest can be rebuilt
from the segments alone (storage/rebuild.py).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import polars as pl

from storage.clock import rfc3339
from storage.disk import Disk
from storage.schema import SCHEMA_VERSION, Table

METADATA_KEY = "watchroom"
PENDING_SUFFIX = ".pending"


@dataclass(frozen=True, slots=True)
class Segment:
    """A live segment as the manifest knows it; `path` is absolute.

    `commit_id` is the newest commit whose rows it holds, so who has seen that commit has seen these rows.
    """

    path: Path
    table_name: str
    row_count: int
    byte_count: int
    commit_id: int
    min_ts: str | None
    max_ts: str | None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A segment on disk that no ledger names yet; `path` is below the lake."""

    path: str
    table_name: str
    row_count: int
    byte_count: int
    min_ts: str | None
    max_ts: str | None
    checksum: str
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Draft:
    """Rows of one table and day on their way to a segment; `path` is below the lake."""

    kind: Table
    day: str
    rows: pl.DataFrame
    path: str


def draft(kind: Table, rows: pl.DataFrame, now: datetime) -> list[Draft]:
    """`rows` conformed and parted by the UTC day of their `ts`, each with a file name; rows without one are today's."""
    if rows.is_empty():
        return []
    whole = kind.conform(rows)
    today = now.strftime("%Y-%m-%d")
    day = pl.col("ts").dt.strftime("%Y-%m-%d").fill_null(today)
    low, high = whole.select(pl.col("ts").min().alias("low"), pl.col("ts").max().alias("high")).row(0)
    first, last = (t.strftime("%Y-%m-%d") if t is not None else today for t in (low, high))
    if first == last and (first == today or not whole["ts"].has_nulls()):
        return [Draft(kind, first, whole, name_segment(kind, first))]
    parts = whole.with_columns(day.alias("_day")).partition_by("_day", as_dict=True, include_key=False)
    return [Draft(kind, str(key[0]), part, name_segment(kind, str(key[0]))) for key, part in sorted(parts.items())]


def name_segment(kind: Table, day: str) -> str:
    """A new name for a segment, below the lake."""
    return f"{kind.name}/date={day}/{uuid4().hex}.parquet"


def write_segment(disk: Disk, lake: Path, item: Draft, metadata: Mapping[str, object], *, level: int = 1) -> Written:
    """Write `item` durably but for its folder's entry, which the caller syncs. Raises OSError and leaves nothing."""
    data = encode(item.rows, metadata, level=level)
    final = lake / item.path
    if not final.parent.is_dir():
        disk.make_folder(final.parent)
    pending = final.with_suffix(PENDING_SUFFIX)
    try:
        disk.write(pending, data)
        disk.rename(pending, final)
    except BaseException:
        disk.remove(pending)
        raise
    low, high = item.rows.select(pl.col("ts").min().alias("low"), pl.col("ts").max().alias("high")).row(0)
    span = [rfc3339(t) if t is not None else None for t in (low, high)]
    return Written(item.path, item.kind.name, item.rows.height, len(data), span[0], span[1], checksum_of(data))


def encode(rows: pl.DataFrame, metadata: Mapping[str, object], *, level: int = 1) -> bytes:
    """`rows` as Parquet with `metadata` as JSON."""
    buffer = io.BytesIO()
    text = json.dumps({"schema_version": SCHEMA_VERSION, **metadata}, separators=(",", ":"))
    rows.write_parquet(buffer, compression="zstd", compression_level=level, metadata={METADATA_KEY: text})
    return buffer.getvalue()


def read_metadata(path: Path) -> dict[str, object]:
    """What a segment says of itself; empty for a Parquet file that is none of ours. Raises OSError, ComputeError."""
    found = pl.read_parquet_metadata(path).get(METADATA_KEY)
    value = json.loads(found) if found else {}
    return value if isinstance(value, dict) else {}


def checksum_of(data: bytes) -> str:
    """The checksum of a segment's bytes (blake2b, 16 bytes, hex)."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def checksum_file(path: Path) -> str:
    """The checksum of a segment on disk."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def read_segments(kind: Table, segments: Sequence[Segment]) -> pl.LazyFrame:
    """The rows of `segments` lazily, with every column of the table; an older segment's missing columns are null."""
    if not segments:
        return kind.empty().lazy()
    return pl.scan_parquet(
        [s.path for s in segments], schema=kind.schema, missing_columns="insert", extra_columns="ignore",
        hive_partitioning=False, glob=False,
    )  # fmt: skip
