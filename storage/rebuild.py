"""A lost ledger, rebuilt: from the newest sound backup, and from what every segment says of itself.

Which segments count is decided by the bytes that they came from (storage/claims.py). Bytes between them that no segment
claims are landed again from the log, where it still is.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from storage import backup, sources
from storage.claims import Found, choose, find_commits, merged
from storage.clock import Clock, rfc3339
from storage.disk import Disk
from storage.errors import UnavailableError
from storage.home import Home, set_aside
from storage.lake import Lake, record_landed, record_segments
from storage.ledger import Ledger
from storage.masking import Masking
from storage.missing import Missing, held_spans, holes, land_missing, missing_segments, tell_gap
from storage.reland import Range, reland
from storage.segments import Written, checksum_file, read_metadata

_log = logging.getLogger("watchroom")


def is_lost(home: Home) -> bool:
    """Whether a ledger that was there is gone, or is no ledger any more. Cheap: looks at its first page.

    SQLite is asked, and the file never opened by hand: closing any handle of it would drop the locks that this
    process's other connections hold on it (POSIX), and another process could delete the log they write to.
    """
    try:
        size = home.ledger.stat().st_size
    except FileNotFoundError:
        size = 0
    if size:
        return _is_no_database(home.ledger)
    return any(path.suffix == ".parquet" for path in home.lake_files())


def _is_no_database(path: Path) -> bool:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
        try:
            connection.execute("PRAGMA schema_version")
        finally:
            connection.close()
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB
    return False


def revive(home: Home, clock: Clock, masking: Callable[[], Masking] | None = None) -> list[str]:
    """Rebuild the ledger if it is lost, one process at a time; returns what was done. Raises UnavailableError."""
    if not is_lost(home):
        return []
    try:
        with (home.state / "rebuild.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = rebuild(home, clock, masking() if masking else None) if is_lost(home) else []
    except OSError as error:
        text = f"the ledger {home.ledger} is lost and cannot be rebuilt now ({error.strerror}); make room and try again"
        raise UnavailableError(text) from error
    for line in done:
        _log.warning("%s", line)
    return done


def rebuild(home: Home, clock: Clock, masking: Masking | None = None) -> list[str]:
    """Put a ledger in place of the damaged one; returns what was done, one line each. Raises OSError.

    What lands again is masked by `masking`, by the safe defaults without.
    """
    done = [f"kept the damaged ledger in {kept}"] if (kept := _set_ledger_aside(home, clock)) else []
    done.append(_restore(home))
    lake = Lake(home, Ledger(home.ledger), clock)
    known = _known(lake)
    found = find_commits(home, known)
    _count_on(lake, max((item.order[0] for item in found), default=0))
    taken, candidates = merged(found)
    missing = [item for item in missing_segments(lake) if item.path not in taken]
    chosen = choose(candidates, _landed_before(lake), held_spans(missing))
    for item in sorted(chosen, key=lambda i: i.order):
        _adopt(lake, item)
    _supersede(lake, (taken & known) | {item.path for item in missing})
    _set_unclaimed_aside(lake)
    rows, lost_bytes = land_missing(lake, missing, chosen, masking)
    more, also_lost = _fill_holes(lake, missing, masking)
    rows, lost_bytes = rows + more, lost_bytes + also_lost + _tell_torn(lake, found)
    done.append(f"rebuilt the manifest: {len(chosen)} commits adopted from their segments, {rows} rows landed again")
    if lost_bytes:
        done.append(f"lost: the rows of {lost_bytes} bytes, whose segments and logs are both gone (table gap)")
    lake.ledger.close()
    return done


def _set_ledger_aside(home: Home, clock: Clock) -> Path | None:
    files = [p for p in (home.ledger, *(Path(f"{home.ledger}-{s}") for s in ("wal", "shm"))) if p.exists()]
    if not files:
        return None
    name = f"ledger-{clock():%Y%m%dT%H%M%S%f}"
    folder = next(f for n in count() if not (f := home.aside / (f"{name}-{n}" if n else name)).exists())
    folder.mkdir(mode=0o700, parents=True)
    for path in files:
        path.rename(folder / path.name)
    return folder


def _restore(home: Home) -> str:
    for copy in backup.copies(home):
        if backup.is_sound(copy):
            pending = home.ledger.with_suffix(".pending")
            shutil.copyfile(copy, pending)
            pending.chmod(0o600)
            pending.rename(home.ledger)
            Disk().sync_folder(home.path)
            return f"restored the ledger from {copy.name}"
    return "made a new ledger: no backup was there, so models, deployments and configurations start anew"


def _known(lake: Lake) -> set[str]:
    with lake.ledger.read() as connection:
        return {row[0] for row in connection.execute("SELECT path FROM segment")}


def _count_on(lake: Lake, newest: int) -> None:
    """Number commits on from the newest that any segment knows of: their numbers tell which of two is older."""
    with lake.ledger.write() as connection:
        done = connection.execute("INSERT INTO landing_commit (ts, kind) VALUES ('', 'rebuild')").lastrowid
        connection.execute("DELETE FROM landing_commit WHERE id = ?", (done,))
        connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'landing_commit'", (newest + 1,))


def _landed_before(lake: Lake) -> dict[tuple[str, int], int]:
    """What the ledger that was restored says to have landed, by source path and generation."""
    with lake.ledger.read() as connection:
        return {(str(s.path), s.generation): s.read_to.offset for s in sources.all_sources(connection)}


def _adopt(lake: Lake, item: Found) -> None:
    """Name a commit's segments in the manifest and move its sources' offsets on."""
    written = [_describe(lake, path) for path in item.paths]
    with lake.ledger.write() as connection:
        done = connection.execute(
            "INSERT INTO landing_commit (ts, kind) VALUES (?, 'rebuild')", (item.order[1],)
        ).lastrowid
        assert done is not None
        record_segments(connection, done, done, written)
        rows = sum(w.row_count for w in written) if len(item.origins) == 1 else 0
        for origin in item.origins:
            _adopt_origin(connection, origin, done, rows, rfc3339(lake.clock()))


def _describe(lake: Lake, name: str) -> Written:
    path = lake.home.lake / name
    low, high, count = (
        pl.scan_parquet(path, glob=False)
        .select(pl.col("ts").min().alias("low"), pl.col("ts").max().alias("high"), pl.len()).collect().row(0)
    )  # fmt: skip
    span = [rfc3339(t) if t is not None else None for t in (low, high)]
    told = read_metadata(path).get("schema_version")
    return Written(
        name, Path(name).parts[0], count, path.stat().st_size, span[0], span[1], checksum_file(path),
        told if isinstance(told, int) else 0,
    )  # fmt: skip


def _adopt_origin(connection: sqlite3.Connection, origin: Mapping[str, Any], commit: int, rows: int, now: str) -> None:
    source_id = _source_of(connection, origin, now)
    start, end, provisional = origin["start_offset"], origin["end_offset"], origin.get("provisional", False)
    record_landed(connection, commit, (source_id, start, end))
    if provisional:
        connection.execute(
            "UPDATE source SET provisional_offset = ?, provisional_commit = ? WHERE id = ? AND byte_offset = ?",
            (end, commit, source_id, start),
        )
        return
    connection.execute(
        "UPDATE source SET byte_offset = ?, marker = ?, marker_bytes = ?, head = ?, head_bytes = ?, device = ?,"
        " inode = ?, place = ?, provisional_offset = NULL, provisional_commit = NULL, row_count = row_count + ?,"
        " updated_ts = ? WHERE id = ? AND byte_offset <= ?",
        (end, bytes.fromhex(origin["marker"]), origin["marker_bytes"], bytes.fromhex(origin["head"]),
         origin["head_bytes"], origin["device"],
         origin["inode"], origin["place"], rows, now, source_id, end),
    )  # fmt: skip


def _source_of(connection: sqlite3.Connection, origin: Mapping[str, Any], now: str) -> int:
    """The number of the source that an origin tells of, made anew if the ledger does not know it."""
    connection.execute(
        "INSERT OR IGNORE INTO source (path, place, generation, device, inode, head, head_bytes, format, first_ts,"
        " updated_ts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (origin["path"], origin["place"], origin["generation"], origin["device"], origin["inode"],
         bytes.fromhex(origin["head"]), origin["head_bytes"], origin["format"], now, now),
    )  # fmt: skip
    key = (origin["path"], origin["generation"])
    (found,) = connection.execute("SELECT id FROM source WHERE path = ? AND generation = ?", key).fetchone()
    return int(found)


def _tell_torn(lake: Lake, found: Sequence[Found]) -> int:
    """Tell of bytes behind what a source has landed to that a commit with a missing segment held, if its log is gone.

    Where the log is still there they land again with what follows. Returns how many bytes are gone.
    """
    lost_bytes, now = 0, rfc3339(lake.clock())
    origins = sorted((o for i in found if not i.whole for o in i.origins), key=lambda o: int(o["start_offset"]))
    for origin in origins:
        if Path(origin["place"]).exists() or origin.get("provisional"):
            continue
        with lake.ledger.write() as connection:
            source = sources.get_source(connection, _source_of(connection, origin, now))
            told = connection.execute(
                "SELECT coalesce(max(start_offset + byte_count), 0) FROM gap WHERE source_id = ?", (source.id,)
            ).fetchone()
            start = max(int(origin["start_offset"]), source.read_to.offset, told[0])
            if (size := int(origin["end_offset"]) - start) > 0:
                reason = "its segment was lost with the ledger, and the log is gone"
                sources.record_gap(connection, source, size, reason, now, start=start)
                lost_bytes += size
    return lost_bytes


def _set_unclaimed_aside(lake: Lake) -> None:
    known = _known(lake)
    for path in lake.home.lake_files():
        if str(path.relative_to(lake.home.lake)) not in known:
            set_aside(lake.home, path, lake.clock())


def _supersede(lake: Lake, paths: set[str]) -> None:
    """Segments of a restored ledger that were merged into others since are not live."""
    now = rfc3339(lake.clock())
    with lake.ledger.write() as connection:
        (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM landing_commit").fetchone()
        connection.executemany(
            "UPDATE segment SET superseded_by = ?, superseded_ts = ? WHERE path = ? AND superseded_by IS NULL",
            [(newest, now, path) for path in sorted(paths)],
        )


def _fill_holes(lake: Lake, missing: Sequence[Missing], masking: Masking | None) -> tuple[int, int]:
    """Land bytes again that lie before a source's offset and that no commit claims; what is gone is a gap.

    Bytes of `missing` segments are no holes: they have been seen to. How many rows landed, how many bytes are gone.
    """
    rows = lost_bytes = 0
    with lake.ledger.read() as connection:
        known = sources.all_sources(connection)
        spans = {
            s.id: connection.execute(
                "SELECT start_offset, end_offset FROM landed JOIN segment ON id = segment_id"
                " WHERE source_id = ? AND superseded_by IS NULL ORDER BY 1",
                (s.id,),
            ).fetchall()
            for s in known
        }
    for source_id, start, end in (stretch for item in missing for stretch in item.stretches):
        spans[source_id].append((start, end))
    for source in known:
        for start, end in holes([(a, b) for a, b in spans[source.id]], 0, source.read_to.offset):
            again = reland(lake, Range(source, start, end), masking)
            rows += again or 0
            lost_bytes += tell_gap(lake, source, (start, end)) if again is None else 0
    return rows, lost_bytes
