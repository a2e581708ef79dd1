"""What real machines do to logs, each a bug that cost somebody data. Numbered lines: seen == written, each once.

Every case runs alive, and with a kill between any two steps.
"""

from __future__ import annotations

import bz2
import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from storage.following import Follower
from storage.lake import Lake
from storage.landing import Landing
from tests.storage.following import AT_ONCE, PATIENT, following, landing, restart, sweep_to_rest
from tests.storage.numbered import append, line, lines, seen


class Watched:
    """A folder that is followed; `look` is one sweep, before which the process may have been killed and started."""

    def __init__(self, lake: Lake, folder: Path, pattern: str, *, killed: bool) -> None:
        self.lake = lake
        self.folder = folder
        self.pattern = f"{folder}/{pattern}"
        self.killed = killed
        self._held: list[object] = []
        self._follower: Follower | None = None

    def look(self, rhythm=PATIENT) -> Watched:  # type: ignore[no-untyped-def]
        if self.killed or self._follower is None:
            self.stop()
            context = following(self.lake, [self.pattern], rhythm)
            self._follower = context.__enter__()
            self._held.append(context)
        self._follower.sweeper.rhythm = rhythm
        sweep_to_rest(self._follower)
        return self

    def stop(self) -> None:
        if self._follower is not None:
            self._follower.close()
        self._follower = None

    def gaps(self) -> list[tuple[int | None, str]]:
        with self.lake.ledger.read() as connection:
            return [(r["byte_count"], r["reason"]) for r in connection.execute("SELECT * FROM gap ORDER BY id")]


@pytest.fixture(params=["alive", "killed"])
def watched(request: pytest.FixtureRequest, lake: Lake, tmp_path: Path) -> Iterator[Callable[[str], Watched]]:
    made: list[Watched] = []
    (tmp_path / "logs").mkdir()

    def make(pattern: str) -> Watched:
        made.append(Watched(lake, tmp_path / "logs", pattern, killed=request.param == "killed"))
        return made[-1]

    yield make
    for item in made:
        item.stop()


def compress(path: Path, target: Path) -> None:
    data = path.read_bytes()
    packed = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard.compress}[target.suffix](data)
    target.write_bytes(packed)
    path.unlink()


def recreate_with_inode(path: Path, inode: int, data: bytes) -> bool:
    """Make `path` anew until it has the inode that was freed, if the file system gives it back."""
    spare: list[Path] = []
    for number in range(300):
        path.touch()
        if path.stat().st_ino == inode:
            break
        spare.append(path.rename(path.with_name(f".spare{number}")))
    same = path.exists()
    path.write_bytes(data)
    for other in spare:
        other.unlink()
    return same


def test_rename_and_create(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
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


def test_writer_that_switches_late_goes_on_in_the_renamed_file(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log*")
    log = w.folder / "app.log"
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


def test_inode_reused_by_shorter_file(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(1000, 1100))
    w.look()
    w.stop()
    inode = log.stat().st_ino
    log.unlink()
    recreate_with_inode(log, inode, lines(range(10)))
    w.look()
    assert seen(w.lake) == [*range(10), *range(1000, 1100)]


def test_inode_reused_by_longer_file(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(10))
    w.look()
    w.stop()
    inode = log.stat().st_ino
    log.unlink()
    recreate_with_inode(log, inode, lines(range(500, 900)))
    w.look()
    assert seen(w.lake) == [*range(10), *range(500, 900)]


def test_files_with_the_same_first_4_kb_are_all_complete(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("*.log")
    banner = line(0, padding=4096)
    for name, numbers in (("a.log", range(1, 50)), ("b.log", range(50, 100)), ("c.log", range(100, 120))):
        (w.folder / name).write_bytes(banner + lines(numbers))
        w.look()
    append(w.folder / "a.log", range(120, 140))
    append(w.folder / "b.log", range(140, 160))
    w.look()
    assert seen(w.lake) == [0, 0, 0, *range(1, 160)]


def test_deleted_file_and_new_file_with_the_same_header(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("*.log")
    banner = line(0, padding=2048)
    (w.folder / "a.log").write_bytes(banner + lines(range(1, 30)))
    w.look()
    (w.folder / "a.log").unlink()
    (w.folder / "b.log").write_bytes(banner + lines(range(30, 90)))
    w.look()
    assert seen(w.lake) == [0, 0, *range(1, 90)]


def test_one_stream_written_to_two_files_lands_from_both(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("*")
    for step in range(3):
        for name in ("messages", "syslog"):
            append(w.folder / name, range(step * 40, step * 40 + 40))
            w.look()
    assert seen(w.lake) == sorted([*range(120), *range(120)])


def test_rotate_compress_recreate(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(100))
    w.look()
    append(log, range(100, 150))
    inode = log.stat().st_ino
    log.rename(w.folder / "app.log.1")
    compress(w.folder / "app.log.1", w.folder / "app.log.1.gz")
    recreate_with_inode(log, inode, lines(range(150, 180)))
    w.look()
    assert seen(w.lake) == list(range(180)) and w.gaps() == []


def test_copytruncate_to_fewer_bytes(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(100))
    w.look()
    append(log, range(100, 120))
    shutil.copy(log, w.folder / "app.log.1")
    os.truncate(log, 0)
    append(log, range(120, 125))
    w.look()
    assert seen(w.lake) == list(range(125)) and w.gaps() == []


@pytest.mark.parametrize("grown_to", [120, 400])
def test_truncated_and_grown_past_the_offset(watched, grown_to: int) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(100))
    w.look()
    os.truncate(log, 0)
    append(log, range(100, 100 + grown_to))
    w.look()
    assert seen(w.lake) == list(range(100 + grown_to))


def test_overwritten_at_the_same_size_and_the_loss_is_told(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(100, 150))
    w.look()
    log.write_bytes(lines(range(200, 250)))
    w.look()
    assert seen(w.lake) == [*range(100, 150), *range(200, 250)]
    assert [reason for _, reason in w.gaps()] == ["gone before it was read to its end"]


def test_truncated_and_rewritten_is_read_by_one_reader_only(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    for round_ in range(5):
        log.write_bytes(lines(range(round_ * 100, round_ * 100 + 100 - round_ * 15)))
        w.look()
        w.look()
    assert seen(w.lake) == [n for r in range(5) for n in range(r * 100, r * 100 + 100 - r * 15)]


def test_copytruncate_with_a_stale_writer_leaves_a_hole_that_costs_nothing(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(50))
    w.look()
    shutil.copy(log, w.folder / "app.log.1")
    os.truncate(log, 0)
    with log.open("r+b") as out:
        out.seek(500 << 20)
        out.write(lines(range(50, 60)))
    w.look()
    with log.open("r+b") as out:
        out.seek(0, os.SEEK_END)
        out.write(lines(range(60, 70)))
    w.look()
    assert seen(w.lake) == list(range(70))
    assert w.lake.scan("rejects").collect().height == 0


def test_copytruncate_with_the_copy_in_the_glob(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log*")
    log = w.folder / "app.log"
    append(log, range(60))
    w.look()
    append(log, range(60, 80))
    shutil.copy(log, w.folder / "app.log.1")
    w.look()
    os.truncate(log, 0)
    append(log, range(80, 90))
    w.look()
    assert seen(w.lake) == list(range(90)) and w.gaps() == []


def test_copytruncate_then_restart_then_gzip(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(50))
    w.look()
    append(log, range(50, 100))
    shutil.copy(log, w.folder / "app.log.1")
    os.truncate(log, 0)
    compress(w.folder / "app.log.1", w.folder / "app.log.1.gz")
    append(log, range(100, 150))
    w.look()
    assert seen(w.lake) == list(range(150)) and w.gaps() == []


def test_a_chain_of_rotations_with_three_compressions_inside_the_glob(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log*")
    log = w.folder / "app.log"
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


def test_offsets_of_an_archive_count_uncompressed_bytes(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    log = w.folder / "app.log"
    append(log, range(3000))
    w.look()
    append(log, range(3000, 6000))
    w.stop()
    log.rename(w.folder / "app.log.1")
    compress(w.folder / "app.log.1", w.folder / "app.log.1.gz")
    append(log, range(6000, 6010))
    w.look()
    assert seen(w.lake) == list(range(6010)) and w.gaps() == []


def test_an_archive_that_was_read_is_not_read_again(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("*.gz")
    (w.folder / "old.gz").write_bytes(gzip.compress(lines(range(100))))
    w.look()
    w.look()
    assert seen(w.lake) == list(range(100))


def test_a_partial_line_across_a_kill_comes_once_and_whole(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log")
    whole = lines(range(3))
    for cut in range(1, len(whole), 7):
        (w.folder / "app.log").write_bytes(whole[:cut])
        w.look(AT_ONCE if cut % 2 else PATIENT)
    (w.folder / "app.log").write_bytes(whole)
    w.look(AT_ONCE)
    assert seen(w.lake) == [0, 1, 2]
    assert w.lake.scan("rejects").collect().height == 0


def test_a_symlink_that_is_switched(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("current")
    (w.folder / "real").mkdir()
    for number in range(3):
        target = w.folder / "real" / f"app-{number}.log"
        append(target, range(number * 20, number * 20 + 20))
        link = w.folder / "new"
        link.symlink_to(target)
        link.rename(w.folder / "current")
        w.look()
    assert seen(w.lake) == list(range(60))


def test_a_folder_that_is_replaced(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app/*.log")
    for number in range(3):
        folder = w.folder / "app"
        if folder.exists():
            folder.rename(w.folder / f"was{number}")
        folder.mkdir()
        append(folder / "app.log", range(number * 20, number * 20 + 20))
        w.look()
    assert seen(w.lake) == list(range(60))


def test_a_file_that_left_its_place_is_let_go(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("*.log")
    for number in range(30):
        log = w.folder / f"{number}.log"
        append(log, range(number * 10, number * 10 + 10))
        w.look(AT_ONCE)
        log.unlink()
    w.look(AT_ONCE)
    follower = w.look(AT_ONCE)._follower
    assert follower is not None and len(follower.lags()) <= 1
    assert seen(w.lake) == list(range(300))


def test_counts_stay_equal_to_what_was_written_after_five_rotations(watched) -> None:  # type: ignore[no-untyped-def]
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


def test_a_record_of_several_lines_open_at_any_cut(watched, lake: Lake) -> None:  # type: ignore[no-untyped-def]
    w = watched("pg.log")
    prefix = b"2026-03-02 09:00:0%d.000 UTC [7] app@shop LOG:  duration: 1.500 ms  statement: SELECT %d"
    whole = b"".join(prefix % (n, n) + b"\n\tFROM t\n\tWHERE id = 5\n" for n in range(4))
    log = w.folder / "pg.log"
    for cut in [*range(10, len(whole), 37), len(whole)]:
        log.write_bytes(whole[:cut])
        with following(lake, [log], AT_ONCE if cut % 2 else PATIENT, "postgresql") as follower:
            sweep_to_rest(follower)
    landing(lake, format_name="postgresql").ingest([log])
    statements = lake.scan("queries").collect().sort("ts")["sql"].to_list()
    assert [s.split() for s in statements] == [f"SELECT {n} FROM t WHERE id = 5".split() for n in range(4)]


def test_copytruncate_while_nothing_but_half_a_line_has_landed(watched) -> None:  # type: ignore[no-untyped-def]
    w = watched("app.log*")
    log = w.folder / "app.log"
    whole = lines(range(4))
    log.write_bytes(whole[:18])
    w.look(AT_ONCE)
    log.write_bytes(whole)
    shutil.copy(log, w.folder / "app.log.1")
    os.truncate(log, 0)
    w.look()
    append(log, range(4, 8))
    w.look()
    assert seen(w.lake) == list(range(8)) and w.lake.scan("rejects").collect().height == 0


def test_a_file_moved_away_while_nobody_looked_is_found_and_a_deleted_one_is_told(lake: Lake, tmp_path: Path) -> None:
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
    log = tmp_path / "app.log"
    append(log, range(10))
    landing(lake).ingest([log])
    log.unlink()
    append(tmp_path / "other", range(0))
    append(log, range(10, 20))
    summary = Landing(lake, format_name="jsonl").ingest([log])
    assert (summary.gaps, seen(lake)) == (1, list(range(20)))
    assert "lost" in summary.notices[0]
