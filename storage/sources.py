"""What the ledger knows of each source: who it is, how far it has landed, what of it is lost."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storage.errors import ConflictError, InputError
from storage.identity import HEAD_BYTES, Head, are_rotations, has_marker, marker_at, marker_of
from storage.streams import Stream, open_stream
from storage.tail import Batch, Place

_HAS_LANDED = "coalesce(provisional_offset, byte_offset) > 0"


@dataclass(frozen=True, slots=True)
class Source:
    """One row of the ledger's table `source`."""

    id: int
    path: Path
    place: Path
    generation: int
    device: int
    inode: int
    head: Head
    read_to: Place
    format: str | None
    provisional_offset: int | None
    provisional_commit: int | None
    byte_size: int
    file_size: int
    file_mtime_ns: int
    row_count: int
    state: str

    @property
    def landed_to(self) -> int:
        """The offset up to which rows are in the lake, the unfinished last record included."""
        return max(self.read_to.offset, self.provisional_offset or 0)

    def is_file(self, status: os.stat_result) -> bool:
        """Whether a file with this status has the device and inode that the source had."""
        return (status.st_dev, status.st_ino) == (self.device, self.inode)

    def holds(self, stream: Stream) -> bool:
        """Whether a stream has the content that this source had when it was read."""
        place = self.read_to
        return self.head.begins(stream) and has_marker(stream, place.offset, place.marker, place.marker_bytes)


def read_source(row: sqlite3.Row) -> Source:
    """A row of `source` as a value."""
    read_to = Place(row["byte_offset"], row["marker"] or Place().marker, row["marker_bytes"])
    return Source(
        row["id"], Path(row["path"]), Path(row["place"]), row["generation"], row["device"] or 0, row["inode"] or 0,
        Head(row["head"], row["head_bytes"]), read_to, row["format"], row["provisional_offset"],
        row["provisional_commit"], row["byte_size"], row["file_size"], row["file_mtime_ns"], row["row_count"],
        row["state"],
    )  # fmt: skip


def all_sources(connection: sqlite3.Connection) -> list[Source]:
    """All sources, oldest first."""
    return [read_source(row) for row in connection.execute("SELECT * FROM source ORDER BY id")]


def get_source(connection: sqlite3.Connection, source_id: int) -> Source:
    """The source of that number."""
    return read_source(connection.execute("SELECT * FROM source WHERE id = ?", (source_id,)).fetchone())


def find_source(
    connection: sqlite3.Connection, stream: Stream, path: Path, busy: Collection[int] = ()
) -> Source | None:
    """The source that an open file is, or None for a file that is new. Raises CopyError for a mere copy of one.

    Sources that are `busy` are being read by the caller, so they live.

    By device and inode, if the content agrees; else by content alone, for a file that is named as a rotation of the
    source's log, or whose own place now holds something else (it was moved). Content alone is no proof between
    two files that both live: `messages` and `syslog` may hold the same lines.
    """
    status = stream.status()
    same = connection.execute(
        "SELECT * FROM source WHERE device = ? AND inode = ? ORDER BY id DESC", (status.st_dev, status.st_ino)
    ).fetchall()
    for row in same:
        if (known := read_source(row)).holds(stream):
            return known
    for known in _with_same_head(connection, stream):
        if are_rotations(path, known.path):
            lives = _lives(known)
            if lives and known.place != path and _is_copy(known, stream):
                raise CopyError
            if not lives and known.holds(stream):
                return known
        elif known.id not in busy and known.holds(stream) and not _lives(known):
            return known
    return None


def _with_same_head(connection: sqlite3.Connection, stream: Stream) -> list[Source]:
    """The sources, newest first, that begin as a stream does."""
    first = stream.read(0, HEAD_BYTES)
    lengths = [row[0] for row in connection.execute(f"SELECT DISTINCT head_bytes FROM source WHERE {_HAS_LANDED}")]
    found = []
    for length in lengths:
        if 0 < length <= len(first):
            found += connection.execute(
                f"SELECT * FROM source WHERE head = ? AND head_bytes = ? AND {_HAS_LANDED}",
                (marker_of(first[:length]), length),
            ).fetchall()
    return sorted((read_source(row) for row in found), key=lambda s: -s.id)


def is_claimed(connection: sqlite3.Connection, stream: Stream, by_other_than: Source) -> bool:
    """Whether an open file is a source of its own, and not the rest of another."""
    status = stream.status()
    rows = connection.execute(
        "SELECT * FROM source WHERE device = ? AND inode = ? AND id <> ?",
        (status.st_dev, status.st_ino, by_other_than.id),
    ).fetchall()
    return any(read_source(row).holds(stream) for row in rows)


class CopyError(Exception):
    """A file holds nothing but what a source that still lives holds as well: the first half of a copytruncate."""


def _lives(source: Source) -> bool:
    """Whether a source is still at its place, with the content it had."""
    try:
        if not source.is_file(source.place.stat()):
            return False
        with closing(open_stream(source.place)) as stream:
            return source.holds(stream)
    except (OSError, InputError):
        return False


def _is_copy(source: Source, stream: Stream) -> bool:
    """Whether a stream holds what the source's own file shows, up to some point of it. A copy is never the longer one.

    An archive is unpacked as far as the source has landed; one that goes on behind is judged by that part.
    """
    landed = source.holds(stream)
    size = stream.size()
    if size is None:
        return landed and source.read_to.offset > 0
    if size < source.head.length:
        return False
    with closing(open_stream(source.place)) as original:
        return size <= (original.size() or 0) and marker_at(stream, size) == marker_at(original, size)


def add_source(connection: sqlite3.Connection, path: Path, stream: Stream, format_name: str | None, now: str) -> Source:
    """A new source at offset 0, the next generation of its path."""
    status, head = stream.status(), Head.of(stream)
    (generation,) = connection.execute(
        "SELECT coalesce(max(generation) + 1, 0) FROM source WHERE path = ?", (str(path),)
    ).fetchone()
    done = connection.execute(
        "INSERT INTO source (path, place, generation, device, inode, head, head_bytes, format, byte_size, file_size,"
        " file_mtime_ns, first_ts, updated_ts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (str(path), str(path), generation, status.st_dev, status.st_ino, head.digest, head.length, format_name,
         stream.size() or 0, status.st_size, status.st_mtime_ns, now, now),
    )  # fmt: skip
    assert done.lastrowid is not None
    return get_source(connection, done.lastrowid)


def record_batch(connection: sqlite3.Connection, source: Source, batch: Batch, commit_id: int, now: str) -> None:
    """Make a batch's offset true. Raises ConflictError if another process has moved this source meanwhile."""
    place = source.read_to if batch.provisional else batch.after
    changed = connection.execute(
        "UPDATE source SET byte_offset = ?, marker = ?, marker_bytes = ?, provisional_offset = ?,"
        " provisional_commit = ?, row_count = row_count + ?, updated_ts = ?"
        " WHERE id = ? AND byte_offset = ? AND provisional_commit IS ?",
        (place.offset, place.marker, place.marker_bytes, batch.after.offset if batch.provisional else None,
         commit_id if batch.provisional else None, sum(batch.rows.values()) - _replaced(connection, source), now,
         source.id, source.read_to.offset, source.provisional_commit),
    )  # fmt: skip
    if changed.rowcount != 1:
        raise ConflictError(f"{source.place}: another process lands this file into the same home; let one do it")
    if source.provisional_commit is not None:
        connection.execute(
            "UPDATE segment SET superseded_by = ?, superseded_ts = ? WHERE commit_id = ? AND superseded_by IS NULL",
            (commit_id, now, source.provisional_commit),
        )


def _replaced(connection: sqlite3.Connection, source: Source) -> int:
    """How many rows of an unfinished record go when the record comes whole."""
    if source.provisional_commit is None:
        return 0
    (rows,) = connection.execute(
        "SELECT coalesce(sum(row_count), 0) FROM segment WHERE commit_id = ? AND superseded_by IS NULL",
        (source.provisional_commit,),
    ).fetchone()
    return int(rows)


def settle(connection: sqlite3.Connection, source: Source, stream: Stream | None, now: str) -> None:
    """Nothing more can come for an unfinished last record: what landed of it counts."""
    if source.provisional_offset is None:
        return
    marker, marker_bytes = marker_at(stream, source.provisional_offset) if stream else (Place().marker, 0)
    connection.execute(
        "UPDATE source SET byte_offset = ?, marker = ?, marker_bytes = ?, provisional_offset = NULL,"
        " provisional_commit = NULL, updated_ts = ? WHERE id = ?",
        (source.provisional_offset, marker, marker_bytes, now, source.id),
    )


def record_seen(connection: sqlite3.Connection, source: Source, stream: Stream, now: str) -> None:
    """Keep what is seen of a file: where it is, its first bytes as far as they go, its size."""
    status = stream.status()
    grown = source.head.length < HEAD_BYTES and not stream.is_archive
    head = Head.of(stream) if grown else source.head
    connection.execute(
        "UPDATE source SET place = ?, device = ?, inode = ?, head = ?, head_bytes = ?, byte_size = ?, file_size = ?,"
        " file_mtime_ns = ?, updated_ts = ? WHERE id = ?",
        (str(stream.path), status.st_dev, status.st_ino, head.digest, head.length, stream.size() or source.byte_size,
         status.st_size, status.st_mtime_ns, now, source.id),
    )  # fmt: skip


def record_state(connection: sqlite3.Connection, source: Source, state: str, format_name: str | None, now: str) -> None:
    """Change a source's state, and its format where it was not known before."""
    connection.execute(
        "UPDATE source SET state = ?, format = coalesce(?, format), updated_ts = ? WHERE id = ?",
        (state, format_name, now, source.id),
    )


def record_gap(
    connection: sqlite3.Connection, source: Source, byte_count: int | None, reason: str, now: str, *,
    start: int | None = None,
) -> None:  # fmt: skip
    """Bytes of a source are gone for good, from `start` or from where it had landed to: say so where people look."""
    connection.execute(
        "INSERT INTO gap (source_id, ts, start_offset, byte_count, reason) VALUES (?, ?, ?, ?, ?)",
        (source.id, now, source.landed_to if start is None else start, byte_count, reason),
    )


def identity(source: Source, after: Place) -> dict[str, object]:
    """What a segment must know of a source so that the source can be rebuilt from it."""
    return {
        "path": str(source.path), "place": str(source.place), "generation": source.generation,
        "device": source.device, "inode": source.inode, "head": source.head.digest.hex(),
        "head_bytes": source.head.length, "format": source.format,
        "marker": after.marker.hex(), "marker_bytes": after.marker_bytes,
    }  # fmt: skip
