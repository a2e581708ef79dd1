"""Logs that are renamed, packed, moved: each line lands once, wherever its file goes."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from storage.lake import Lake
from storage.landing import Landing
from storage.sql import Reader
from tests.storage.following import landing, restart
from tests.storage.numbered import append, lines, seen
from tests.storage.rotating import Make, compress, polled


@polled
def test_rename_and_create(watched: Make) -> None:
    """What logrotate does by default: the old file is drained, the new one read from its start."""
    w = watched("app.log")
    log = w.log
    append(log, range(100))
    w.look()
    append(log, range(100, 150))
    log.rename(w.folder / "app.log.1")
    append(w.folder / "app.log.1", range(150, 170))
    append(log, range(170, 200))
    w.look()
    append(log, range(200, 230))
    w.look()
    assert seen(w.lake) == list(range(230)) and w.gaps() == []


def test_writer_that_switches_late_goes_on_in_the_renamed_file(watched: Make) -> None:
    """nginx writes to the renamed file until it is told to reopen; those lines are not lost."""
    w = watched("app.log*")
    log = w.log
    append(log, range(50))
    w.look()
    log.rename(w.folder / "app.log.1")
    w.look()
    append(w.folder / "app.log.1", range(50, 60))
    append(log, range(60, 80))
    w.look()
    append(w.folder / "app.log.1", range(80, 90))
    w.look()
    assert seen(w.lake) == list(range(90))


@polled
def test_a_chain_of_rotations_with_three_compressions_inside_the_glob(watched: Make) -> None:
    """Case 13 (vector#7990, otel#40523, loki#2353): app.log.1, .2.gz, .3.zst match the glob and land once."""
    w = watched("app.log*")
    log = w.log
    number = 0
    for _ in range(5):
        append(log, range(number, number + 40))
        number += 40
        w.look()
        for old, new in ((".2.gz", ".3.gz"), (".1", ".2.gz")):
            source, target = w.folder / f"app.log{old}", w.folder / f"app.log{new}"
            if source.exists() and old == ".1":
                compress(source, target)
            elif source.exists():
                source.rename(target)
        w.look()
        log.rename(w.folder / "app.log.1")
        w.look()
    shutil.copy(w.folder / "app.log.1", w.folder / "x")
    compress(w.folder / "x", w.folder / "app.log.4.zst")
    w.look()
    assert seen(w.lake) == list(range(number))


def test_offsets_of_an_archive_count_uncompressed_bytes(watched: Make) -> None:
    """Case 14 (otel#46105): the rest of a packed file is found at the plain file's offset."""
    w = watched("app.log")
    log = w.log
    append(log, range(3000))
    w.look()
    append(log, range(3000, 6000))
    w.stop()
    log.rename(w.folder / "app.log.1")
    compress(w.folder / "app.log.1", w.folder / "app.log.1.gz")
    append(log, range(6000, 6010))
    w.look()
    assert seen(w.lake) == list(range(6010)) and w.gaps() == []


def test_an_archive_that_was_read_is_not_read_again(watched: Make) -> None:
    """Case 15 (alloy#5365): a .gz that was read to its end stays read over restarts."""
    w = watched("*.gz")
    (w.folder / "old.gz").write_bytes(gzip.compress(lines(range(100))))
    w.look()
    w.look()
    assert seen(w.lake) == list(range(100))


def test_a_damaged_archive_is_read_again_only_once_it_has_changed(watched: Make) -> None:
    """Case 15 again: rows before the damage, one reject, and no second reading of the same bytes."""
    w = watched("*.gz")
    whole = gzip.compress(lines(range(50))) + gzip.compress(lines(range(50, 100)))
    (w.folder / "bad.gz").write_bytes(whole[:-9])
    w.look()
    before = seen(w.lake)
    w.look()
    assert before[:50] == list(range(50)) and seen(w.lake) == before
    assert w.rejects() == 1
    (w.folder / "bad.gz").write_bytes(whole)
    w.look()
    assert seen(w.lake) == list(range(100))


def test_a_rotation_looked_at_while_it_is_being_packed(watched: Make) -> None:
    """The archive is there in part beside the file it is made of: neither its lines nor its damage land."""
    w = watched("app.log*")
    append(w.log, range(400))
    w.look()
    w.log.rename(w.folder / "app.log.1")
    packed = gzip.compress(lines(range(400)))
    for end in (0, 1, 10, len(packed) // 2, len(packed)):
        (w.folder / "app.log.1.gz").write_bytes(packed[:end])
        w.look()
    (w.folder / "app.log.1").unlink()
    append(w.log, range(400, 420))
    w.look()
    assert seen(w.lake) == list(range(420)) and w.gaps() == [] and w.rejects() == 0


def test_counts_stay_equal_to_what_was_written_after_five_rotations(watched: Make) -> None:
    """Case 25 (goaccess#1974, #2630): after rotations a source, SQL and the writer count the same."""
    w = watched("app.log*")
    number = 0
    for rotation in range(5):
        for _ in range(3):
            append(w.folder / "app.log", range(number, number + 17))
            number += 17
            w.look()
        (w.folder / "app.log").rename(w.folder / f"app.log.{rotation}")
    w.look()
    assert seen(w.lake) == list(range(number))
    with w.lake.ledger.read() as connection:
        (counted,) = connection.execute("SELECT sum(row_count) FROM source").fetchone()
    assert counted == number
    assert Reader(w.lake).query("SELECT count(*) FROM logs").item() == number


def test_a_file_moved_away_while_nobody_looked_is_found_and_a_deleted_one_is_told(lake: Lake, tmp_path: Path) -> None:
    """Stopped: one file is moved, its rest is landed; another is deleted, and that is told as a gap."""
    for name, numbers in (("a.log", range(10)), ("b.log", range(10, 20))):
        append(tmp_path / name, numbers)
        landing(lake).ingest([tmp_path / name])
    append(tmp_path / "a.log", range(20, 30))
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    (tmp_path / "b.log").unlink()
    restart(lake, [f"{tmp_path}/*.log"])
    assert seen(lake) == list(range(30))
    with lake.ledger.read() as connection:
        gaps = connection.execute("SELECT path FROM gap JOIN source ON source.id = source_id").fetchall()
    assert [row["path"] for row in gaps] == [str(tmp_path / "b.log")]


def test_what_vanished_while_nobody_looked_is_told(lake: Lake, tmp_path: Path) -> None:
    """A file replaced while nobody looked: whether lines are lost is not known, so it is told."""
    log = tmp_path / "app.log"
    append(log, range(10))
    landing(lake).ingest([log])
    log.unlink()
    append(tmp_path / "other", range(0))
    append(log, range(10, 20))
    summary = Landing(lake, format_name="jsonl").ingest([log])
    assert (summary.gaps, seen(lake)) == (1, list(range(20)))
    assert "lost" in summary.notices[0]
