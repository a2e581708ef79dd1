"""Which file is this? Inodes are reused, heads are shared, offsets fit by chance: each lost somebody data."""

from __future__ import annotations

from storage.identity import marker_of
from storage.lake import Lake
from tests.storage.following import AT_ONCE
from tests.storage.numbered import append, line, lines, seen
from tests.storage.rotating import Make, compress, recreate_with_inode


def test_inode_reused_by_shorter_file(watched: Make) -> None:
    """Case 1 (vector#23076): a new file with the inode of a longer one, deleted while stopped, lands at once."""
    w = watched("app.log")
    log = w.log
    append(log, range(1000, 1100))
    w.look()
    w.stop()
    inode = log.stat().st_ino
    log.unlink()
    recreate_with_inode(log, inode, lines(range(10)))
    w.look()
    assert seen(w.lake) == [*range(10), *range(1000, 1100)]


def test_inode_reused_by_longer_file(watched: Make) -> None:
    """Case 1 again: nor does the old offset count in a longer file."""
    w = watched("app.log")
    log = w.log
    append(log, range(10))
    w.look()
    w.stop()
    inode = log.stat().st_ino
    log.unlink()
    recreate_with_inode(log, inode, lines(range(500, 900)))
    w.look()
    assert seen(w.lake) == [*range(10), *range(500, 900)]


def test_files_with_the_same_first_4_kb_are_all_complete(watched: Make) -> None:
    """Case 2 (vector#25079): a banner shared by all files makes none of them another."""
    w = watched("*.log")
    banner = line(0, padding=4096)
    for name, numbers in (("a.log", range(1, 50)), ("b.log", range(50, 100)), ("c.log", range(100, 120))):
        (w.folder / name).write_bytes(banner + lines(numbers))
        w.look()
    append(w.folder / "a.log", range(120, 140))
    append(w.folder / "b.log", range(140, 160))
    w.look()
    assert seen(w.lake) == [0, 0, 0, *range(1, 160)]


def test_deleted_file_and_new_file_with_the_same_header(watched: Make) -> None:
    """Case 3 (beats#51417): a like head is no proof that a file was renamed."""
    w = watched("*.log")
    banner = line(0, padding=2048)
    (w.folder / "a.log").write_bytes(banner + lines(range(1, 30)))
    w.look()
    (w.folder / "a.log").unlink()
    (w.folder / "b.log").write_bytes(banner + lines(range(30, 90)))
    w.look()
    assert seen(w.lake) == [0, 0, *range(1, 90)]


def test_one_stream_written_to_two_files_lands_from_both(watched: Make) -> None:
    """Case 4 (otel-contrib#46496): messages and syslog hold the same lines; both are followed."""
    w = watched("*")
    for step in range(3):
        for name in ("messages", "syslog"):
            append(w.folder / name, range(step * 40, step * 40 + 40))
            w.look()
    assert seen(w.lake) == sorted([*range(120), *range(120)])


def test_rotate_compress_recreate(watched: Make) -> None:
    """Case 5 (beats#1341, fluent-bit#4895): renamed, packed, removed; the new file has the old inode."""
    w = watched("app.log")
    log = w.log
    append(log, range(100))
    w.look()
    append(log, range(100, 150))
    inode = log.stat().st_ino
    log.rename(w.folder / "app.log.1")
    compress(w.folder / "app.log.1", w.folder / "app.log.1.gz")
    recreate_with_inode(log, inode, lines(range(150, 180)))
    w.look()
    assert seen(w.lake) == list(range(180)) and w.gaps() == []


def test_of_two_rows_for_one_file_in_the_ledger_the_newest_counts(watched: Make, lake: Lake) -> None:
    """Case 6 (fluent-bit#2960): a stale row of the same device and inode, with a smaller offset that fits as well."""
    w = watched("app.log")
    append(w.log, range(20))
    w.look()
    copied = (
        "path, place, device, inode, head, head_bytes, marker, marker_bytes, format, byte_offset, byte_size, file_size,"
        " file_mtime_ns, row_count, state, first_ts, updated_ts"
    )
    with lake.ledger.write() as connection:
        connection.execute(f"INSERT INTO source (generation, {copied}) SELECT generation + 1, {copied} FROM source")
        stale, length = marker_of(lines(range(10))[-1024:]), len(lines(range(10)))
        connection.execute(
            "UPDATE source SET byte_offset = ?, marker = ?, marker_bytes = ? WHERE generation = 0",
            (length, stale, min(length, 1024)),
        )
    w.stop()
    append(w.log, range(20, 30))
    w.look()
    assert seen(lake) == list(range(30)) and w.gaps() == []


def test_half_a_line_makes_no_other_log_its_copy(watched: Make) -> None:
    """Two bytes that every JSON log begins with, landed for now, rotated away: the next log is another."""
    w = watched("app.log*")
    w.log.write_bytes(b'{"')
    w.look(AT_ONCE)
    w.log.rename(w.folder / "app.log.1")
    w.look()
    append(w.log, range(10))
    w.look()
    assert seen(w.lake) == list(range(10))
