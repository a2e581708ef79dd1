"""The lake: facts as immutable Parquet segments, and the manifest in the ledger that says which of them are live.

A commit makes rows, the sources' new offsets and a detector's watermark true at one moment. The order of durability is
ours: segments synced, their folders synced, then the ledger commits. A segment without a ledger row never happened.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from uuid import uuid4

import polars as pl

from storage.clock import Clock, rfc3339, utc_now
from storage.disk import Disk
from storage.home import Home
from storage.ledger import Ledger
from storage.schema import table
from storage.segments import Draft, Segment, Written, draft, read_segments, write_segment

if TYPE_CHECKING:
    from storage.masking import Masking

__all__ = ["Also", "Lake", "Origin", "Prepared", "Segment", "Snapshot", "read_segments"]

Also = Callable[[sqlite3.Connection, int], None]
"""What else a commit makes true, given the open transaction and the commit's number."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which bytes of which source the rows of a commit came from; `identity` goes into the segments' metadata."""

    source_id: int
    start_offset: int
    end_offset: int
    identity: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Segments that are on disk and synced, and wait for the ledger to name them (`Lake.commit`) or not (`discard`)."""

    written: tuple[Written, ...]
    origins: tuple[Origin, ...]


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

    def __init__(self, home: Home, ledger: Ledger, clock: Clock = utc_now, disk: Disk | None = None) -> None:
        self.home = home
        self.ledger = ledger
        self.clock = clock
        self.disk = disk or Disk()

    @classmethod
    def open(cls, home: Home, clock: Clock = utc_now, masking: Callable[[], Masking] | None = None) -> Lake:
        """The lake at `home`, made if it is not there; a ledger that is lost is rebuilt first (storage/rebuild.py).

        What has to land again then is masked as `masking` says, which is not asked before: by the defaults without.
        """
        from storage.rebuild import revive

        home.create()
        revive(home, clock, masking)
        return cls(home, Ledger(home.ledger), clock)

    def append(self, frames: Mapping[str, pl.DataFrame], *, kind: str, origin: Origin | Sequence[Origin] | None = None,
               also: Also | None = None) -> int:  # fmt: skip
        """Commit `frames` (by table name, conformed) durably, with whatever `also` writes; returns the commit's number.

        Raises OSError when a segment cannot be written and UnavailableError when the ledger cannot; then nothing was
        committed.
        """
        origins = (origin,) if isinstance(origin, Origin) else tuple(origin or ())
        return self.commit(self.prepare(frames, origins), kind=kind, also=also)

    def prepare(self, frames: Mapping[str, pl.DataFrame], origins: Sequence[Origin] = ()) -> Prepared:
        """Write and sync the segments of a commit without making them true. Raises OSError and leaves nothing."""
        now = self.clock()
        drafts = [item for name, frame in frames.items() for item in draft(table(name), frame, now)]
        about = {
            "origins": [{**o.identity, "start_offset": o.start_offset, "end_offset": o.end_offset} for o in origins]
        }
        return replace(self.write(drafts, about), origins=tuple(origins))

    def write(self, drafts: Sequence[Draft], about: Mapping[str, object], *, level: int = 1) -> Prepared:
        """Write and sync segments that say `about` themselves where they come from. Raises OSError, leaves nothing."""
        metadata = self._metadata(drafts) | dict(about)
        written: list[Written] = []
        try:
            for item in drafts:
                written.append(write_segment(self.disk, self.home.lake, item, metadata, level=level))  # noqa: PERF401
            for folder in sorted({(self.home.lake / w.path).parent for w in written}):
                self.disk.sync_folder(folder)
        except BaseException:
            self.discard(Prepared(tuple(written), ()))
            raise
        return Prepared(tuple(written), ())

    def commit(self, prepared: Prepared, *, kind: str, also: Also | None = None, name: bool = True) -> int:
        """Make prepared segments true, with whatever `also` writes; returns the commit's number.

        If that fails before the ledger was asked to commit, the segments are removed. If the commit itself fails, its
        outcome is not known until the ledger is opened again, so they stay; the doctor sweeps them if they are orphans.
        Without `name`, it is `also` that names the segments in the manifest.
        """
        asked = False
        try:
            with self.ledger.write() as connection:
                commit_id = self._record(connection, kind, prepared if name else Prepared((), ()))
                if also is not None:
                    also(connection, commit_id)
                asked = True
            return commit_id
        except BaseException:
            if not asked:
                self.discard(prepared)
            raise

    def discard(self, prepared: Prepared) -> None:
        """Remove segments that were prepared and will not be committed."""
        for item in prepared.written:
            self.disk.remove(self.home.lake / item.path)

    def snapshot(self) -> Snapshot:
        """The live segments now."""
        with self.ledger.read() as connection:
            (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM landing_commit").fetchone()
            rows = connection.execute(
                "SELECT table_name, path, row_count, byte_count, commit_id, min_ts, max_ts, id FROM segment"
                " WHERE superseded_by IS NULL ORDER BY commit_id, id"
            ).fetchall()
        lake = self.home.lake
        return Snapshot(newest, tuple(Segment(lake / row[1], row[0], *row[2:]) for row in rows))

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

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """A snapshot whose files stay until the block ends, however long that takes.

        The lease is a lock on a file of `state/readers`, so it ends with the process at the latest.
        """
        folder = self.home.state / "readers"
        folder.mkdir(mode=0o700, exist_ok=True)
        path, lease = _lease(folder)
        with lease:
            snapshot = self.snapshot()
            lease.write(str(snapshot.commit_id))
            lease.flush()
            try:
                yield snapshot
            finally:
                path.unlink(missing_ok=True)

    def oldest_lease(self) -> int | None:
        """The oldest commit that a living reader works from, if one holds a lease; leases of the dead are removed."""
        held: list[int] = []
        for path in (self.home.state / "readers").glob("*"):
            with suppress(FileNotFoundError), path.open("r+") as lease:  # a reader that is done removes its own
                try:
                    fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink(missing_ok=True)
                except BlockingIOError:
                    text = lease.read()
                    held.append(int(text) if text else 0)
        return min(held, default=None)

    def _metadata(self, drafts: Sequence[Draft]) -> dict[str, object]:
        with self.ledger.read() as connection:
            (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM landing_commit").fetchone()
        return {
            "commit": uuid4().hex,
            "after_commit": newest,
            "written_ts": rfc3339(self.clock()),
            "files": [item.path for item in drafts],
        }

    def _record(self, connection: sqlite3.Connection, kind: str, prepared: Prepared) -> int:
        done = connection.execute(
            "INSERT INTO landing_commit (ts, kind) VALUES (?, ?)", (rfc3339(self.clock()), kind)
        ).lastrowid
        assert done is not None
        record_segments(connection, done, done, prepared.written)
        for origin in prepared.origins:
            record_landed(connection, done, (origin.source_id, origin.start_offset, origin.end_offset))
        return done


def _lease(folder: Path) -> tuple[Path, TextIO]:
    """A new file in `folder`, locked; made again if somebody swept it away between its making and its locking."""
    while True:
        path = folder / uuid4().hex
        lease = path.open("w")
        fcntl.flock(lease, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(lease.fileno()).st_ino:
                return path, lease
        lease.close()


def record_landed(connection: sqlite3.Connection, made_by: int, stretch: tuple[int, int, int]) -> None:
    """Say of the segments that a commit made which bytes they came from: source, start and end offset."""
    connection.execute(
        "INSERT OR IGNORE INTO landed SELECT id, ?, ?, ? FROM segment WHERE made_by = ?", (*stretch, made_by)
    )


def record_segments(connection: sqlite3.Connection, made_by: int, commit_id: int, written: Sequence[Written]) -> None:
    """Name segments in the manifest, live from this transaction on; `commit_id` is the newest whose rows they hold."""
    connection.executemany(
        "INSERT INTO segment (made_by, commit_id, table_name, path, row_count, byte_count, min_ts,"
        " max_ts, checksum, schema_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (made_by, commit_id, w.table_name, w.path, w.row_count, w.byte_count, w.min_ts, w.max_ts, w.checksum,
             w.schema_version)
            for w in written
        ],
    )  # fmt: skip
