"""A home that was damaged: the doctor says what it found, mends it, and every line is there once again."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from storage import backup
from storage.compaction import merge, replace
from storage.doctor import examine, repair
from storage.errors import UnavailableError
from storage.home import Home
from storage.lake import Lake
from storage.opening import open_source
from storage.schema import SCHEMA_VERSION
from storage.segments import METADATA_KEY, read_metadata
from storage.sql import Reader
from tests.conftest import HeldClock
from tests.storage.following import AT_ONCE, following, landing, restart, sweep_to_rest
from tests.storage.numbered import append, line, lines, seen


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture
def filled(lake: Lake, log: Path) -> Lake:
    """A lake with three commits of `log`, 30 lines each, and one reject."""
    for start in (0, 30, 60):
        append(log, range(start, start + 30))
        if start == 30:
            log.open("ab").write(b"no json\n")
        landing(lake).ingest([log])
    return lake


def check(lake: Lake) -> Lake:
    """Reopen and see that every line is there once and landing goes on."""
    lake.ledger.close()
    again = Lake.open(lake.home, lake.clock)
    assert examine(again.home, orphan_age_s=0).sound
    assert seen(again) == list(range(90))
    assert again.scan("rejects").collect().height == 1
    return again


def segments(lake: Lake, name: str = "logs") -> list[Path]:
    return [s.path for s in lake.snapshot().of(name)]


def test_a_sound_home_is_said_to_be_sound(filled: Lake) -> None:
    assert examine(filled.home).lines() == ["sound: 4 segments"]


def missing(path: Path) -> None:
    path.unlink()


def torn(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def altered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [missing, torn, emptied, altered])
def test_a_harmed_segment_is_found_kept_and_landed_again_from_the_log(filled: Lake, harm) -> None:  # type: ignore[no-untyped-def]
    victim = segments(filled)[1]
    harm(victim)
    found = examine(filled.home)
    assert [b.path for b in found.broken] == [victim] and found.lost_rows == 30
    report = repair(filled.home, clock=filled.clock)
    assert (report.landed_again, report.lost_rows) == (30, 0)
    check(filled)
    if harm is not missing:
        assert len(list(filled.home.aside.iterdir())) == 1


def test_losing_again_what_was_landed_again_doubles_nothing(lake: Lake, tmp_path: Path) -> None:
    logs = [tmp_path / f"{name}.log" for name in "ab"]
    with following(lake, logs) as follower:
        for start in (0, 10, 20):
            for place, log in enumerate(logs):
                append(log, range(100 * place + start, 100 * place + start + 10))
            sweep_to_rest(follower)
    segments(lake)[1].unlink()
    repair(lake.home, clock=lake.clock)
    first, second, *_ = lake.snapshot().of("logs")
    replace(lake, [first, second], [merge([first, second])], kind="compact")
    for _ in range(3):
        segments(lake)[0].unlink()
        repair(lake.home, clock=lake.clock)
        assert seen(lake) == [*range(30), *range(100, 130)]


def test_following_begins_with_a_quick_look_that_mends(filled: Lake, log: Path) -> None:
    segments(filled)[0].unlink()
    restart(filled, [log])
    check(filled)


def test_a_harmed_segment_whose_log_is_gone_is_counted_as_lost(filled: Lake, log: Path) -> None:
    missing(segments(filled)[1])
    log.unlink()
    report = repair(filled.home, clock=filled.clock)
    assert (report.landed_again, report.lost_rows) == (0, 30)
    assert seen(filled) == [*range(30), *range(60, 90)]
    with filled.ledger.read() as connection:
        assert connection.execute("SELECT count(*) FROM gap").fetchone()[0] == 1


def test_a_file_that_no_commit_names_is_set_aside_once_it_is_old(filled: Lake) -> None:
    stray = segments(filled)[0].with_name("stray.parquet")
    stray.write_bytes(b"PAR1")
    pending = stray.with_suffix(".pending")
    pending.write_bytes(b"half")
    assert examine(filled.home).sound
    assert len(examine(filled.home, orphan_age_s=0).orphans) == 1
    repair(filled.home, orphan_age_s=0)
    assert not stray.exists() and not pending.exists()
    check(filled)


def ledger_empty(path: Path) -> None:
    path.write_bytes(b"")


def ledger_nul(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def ledger_torn(path: Path) -> None:
    path.write_bytes(os.urandom(100) + path.read_bytes()[:3000])


def ledger_missing(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [ledger_empty, ledger_nul, ledger_torn, ledger_missing])
@pytest.mark.parametrize("with_backup", [False, True])
def test_a_home_opens_with_a_lost_ledger_and_rebuilds_it(filled: Lake, log: Path, harm, with_backup: bool) -> None:  # type: ignore[no-untyped-def]
    """Case 20 (beats#3537, loki#1457, alloy#4642): empty, NUL or torn state is kept aside and made anew."""
    if with_backup:
        backup.back_up(filled.home, filled.clock())
    filled.ledger.close()
    harm(filled.home.ledger)
    for name in ("-wal", "-shm"):
        Path(f"{filled.home.ledger}{name}").unlink(missing_ok=True)
    again = check(filled)
    assert landing(again).ingest([log]).rows == {}
    append(log, [90])
    landing(again).ingest([log])
    assert seen(again) == list(range(91))
    if harm is not ledger_missing:
        assert list(filled.home.aside.iterdir())


def test_what_landed_after_the_backup_comes_from_the_segments(filled: Lake, log: Path) -> None:
    with filled.ledger.write() as connection:
        connection.execute("INSERT INTO watermark VALUES ('n1-detector', 'production', 3, NULL, 'x')")
    backup.back_up(filled.home, filled.clock())
    append(log, range(90, 120))
    landing(filled).ingest([log])
    filled.ledger.close()
    ledger_torn(filled.home.ledger)
    again = Lake.open(filled.home, filled.clock)
    assert landing(again).ingest([log]).rows == {}
    assert seen(again) == list(range(120))
    with again.ledger.read() as connection:
        assert connection.execute("SELECT commit_id FROM watermark").fetchone()[0] == 3


def test_an_unfinished_last_record_survives_the_loss_of_the_ledger_without_doubling(lake: Lake, log: Path) -> None:
    log.write_bytes(line(0) + line(1).rstrip(b"\n"))
    with following(lake, [log], AT_ONCE) as follower:
        sweep_to_rest(follower)
    assert seen(lake) == [0, 1]
    lake.ledger.close()
    lake.home.ledger.unlink()
    again = Lake.open(lake.home, lake.clock)
    log.write_bytes(line(0) + line(1) + line(2))
    landing(again).ingest([log])
    assert seen(again) == [0, 1, 2]


def test_half_a_line_that_came_whole_is_no_reject_after_the_ledger_was_lost(lake: Lake, log: Path) -> None:
    log.write_bytes(line(0) + line(1)[:20])
    with following(lake, [log], AT_ONCE) as follower:
        sweep_to_rest(follower)
        log.write_bytes(line(0) + line(1))
        sweep_to_rest(follower)
    lake.ledger.close()
    lake.home.ledger.unlink()
    again = Lake.open(lake.home, lake.clock)
    assert (seen(again), again.scan("rejects").collect().height) == ([0, 1], 0)


def test_segments_of_an_older_schema_stay_known_as_such_when_the_ledger_was_lost(filled: Lake) -> None:
    """SQL takes segments of one schema together, so one that lacks a column must not pass for one of today."""
    old = segments(filled)[0]
    about = {METADATA_KEY: json.dumps(read_metadata(old) | {"schema_version": SCHEMA_VERSION - 1})}
    pl.read_parquet(old).drop("context").write_parquet(old, metadata=about)
    filled.ledger.close()
    filled.home.ledger.unlink()
    again = Lake.open(filled.home, filled.clock)
    found = Reader(again).query("SELECT schema_version, count(context) AS n FROM segment, logs GROUP BY 1 ORDER BY 1")
    assert found["schema_version"].to_list() == [SCHEMA_VERSION - 1, SCHEMA_VERSION]


@pytest.mark.parametrize("log_is_gone", [False, True])
def test_a_segment_that_was_replaced_after_the_backup_that_serves_now(
    filled: Lake, log: Path, log_is_gone: bool
) -> None:
    """The backup names a segment that is not there any more; its rows lie in another, or still in the log."""
    backup.back_up(filled.home, filled.clock())
    segments(filled)[1].unlink()
    repair(filled.home, clock=filled.clock)
    filled.ledger.close()
    filled.home.ledger.write_bytes(b"")
    if log_is_gone:
        log.unlink()
    again = Lake.open(filled.home, filled.clock)
    assert seen(again) == list(range(90)) and examine(again.home, orphan_age_s=0).sound


def test_a_segment_that_is_lost_with_the_ledger_lands_again_from_the_log_or_is_a_gap(filled: Lake, log: Path) -> None:
    backup.back_up(filled.home, filled.clock())
    for round_ in range(2):
        segments(filled)[1].unlink()
        filled.ledger.close()
        filled.home.ledger.write_bytes(b"")
        if round_:
            log.unlink()
        filled = Lake.open(filled.home, filled.clock)
        assert examine(filled.home, orphan_age_s=0).sound
        assert len(seen(filled)) == (60 if round_ else 90)
    with filled.ledger.read() as connection:
        gaps = connection.execute("SELECT start_offset, byte_count FROM gap").fetchall()
    assert len(gaps) == 1 and gaps[0]["byte_count"] >= 30 * len(line(0)) - 60


def test_a_ledger_lost_twice_at_one_moment_is_kept_twice(filled: Lake) -> None:
    """The clock may stand still, or be set back."""
    for kept in (1, 2):
        filled.ledger.close()
        ledger_nul(filled.home.ledger)
        filled = check(filled)
        assert len(list(filled.home.aside.glob("ledger-*"))) == kept


def test_a_segment_that_a_crash_left_is_not_taken_for_a_commit(filled: Lake, log: Path) -> None:
    append(log, range(90, 100))
    work = landing(filled)
    reading = open_source(filled.ledger, log, work.terms, filled.clock())
    assert reading is not None
    batch = reading.tail.step(filled.clock())
    assert batch is not None
    assert len(work.prepare([(reading, batch)]).written) == 1
    reading.close()
    append(log, range(100, 110))
    work.ingest([log])
    filled.ledger.close()
    filled.home.ledger.unlink()
    again = Lake.open(filled.home, filled.clock)
    assert seen(again) == list(range(110))


def test_a_segment_lost_together_with_the_ledger_is_landed_again(filled: Lake, log: Path) -> None:
    segments(filled)[1].unlink()
    filled.ledger.close()
    filled.home.ledger.unlink()
    check(filled)


def test_a_segment_the_ledger_and_the_log_lost_together_are_told_by_what_is_left(filled: Lake, log: Path) -> None:
    """The segment of rejects of the same commit still names the bytes that its twin held."""
    with filled.ledger.read() as connection:
        (twin,) = connection.execute(
            "SELECT path FROM segment WHERE table_name = 'logs' AND commit_id ="
            " (SELECT commit_id FROM segment WHERE table_name = 'rejects')"
        ).fetchone()
    (filled.home.lake / twin).unlink()
    log.unlink()
    filled.ledger.close()
    filled.home.ledger.unlink()
    report = repair(filled.home, clock=filled.clock)
    again = Lake.open(filled.home, filled.clock)
    with again.ledger.read() as connection:
        gaps = [tuple(row) for row in connection.execute("SELECT start_offset, byte_count FROM gap")]
    assert gaps == [(len(lines(range(30))), len(lines(range(30, 60))) + len(b"no json\n"))]
    assert report.lost_bytes == gaps[0][1]


def test_a_ledger_of_a_newer_watchroom_is_left_alone(filled: Lake) -> None:
    """Case 20 again: a newer state is no damage."""
    with filled.ledger.write() as connection:
        connection.execute("PRAGMA user_version = 999")
    filled.ledger.close()
    with pytest.raises(UnavailableError, match="newer watchroom"):
        Lake.open(filled.home)
    assert not filled.home.aside.exists()


def test_damage_deep_in_the_ledger_is_found_and_mended(filled: Lake, log: Path) -> None:
    filled.ledger.close()
    sqlite3.connect(filled.home.ledger).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(filled.home.ledger.read_bytes())
    data[4096 * 3 : 4096 * 9] = os.urandom(4096 * 6)
    filled.home.ledger.write_bytes(data)
    assert examine(filled.home).ledger is not None
    repair(filled.home, clock=filled.clock)
    check(filled)


def test_the_ledger_is_backed_up_once_a_day_and_seven_copies_are_kept(filled: Lake, clock: HeldClock) -> None:
    made = []
    for _ in range(10):
        made.append(backup.back_up(filled.home, clock()))
        assert backup.back_up(filled.home, clock()) is None
        clock.moment += timedelta(days=1)
    assert all(made) and backup.copies(filled.home) == made[:2:-1]
    assert all(backup.is_sound(copy) for copy in backup.copies(filled.home))


def test_a_backup_is_whole_while_others_write(lake: Lake, log: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        mine = Lake.open(lake.home, lake.clock)
        number = 0
        while not stop.is_set():
            append(log, range(number, number + 5))
            landing(mine).ingest([log])
            number += 5
        mine.ledger.close()

    writer = threading.Thread(target=write)
    writer.start()
    while not lake.snapshot().segments:
        pass
    copy = backup.back_up(lake.home, lake.clock())
    stop.set()
    writer.join()
    assert copy is not None and backup.is_sound(copy)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a home away")
def test_a_home_of_somebody_else_is_refused_in_one_line(tmp_path: Path) -> None:
    """Case 20 again: nor is another user's."""
    Lake.open(Home(tmp_path / "theirs")).ledger.close()
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(UnavailableError, match="belongs to another user"):
        Lake.open(Home(tmp_path / "theirs"))
