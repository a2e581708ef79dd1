"""Records cut by the end of what is there, by a kill, by a rotation: each lands once and whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace

import pytest

from storage.lake import Lake
from storage.manner import Rhythm
from tests.storage.following import AT_ONCE, PATIENT, following, landing, sweep_to_rest
from tests.storage.numbered import append, line, lines, seen
from tests.storage.rotating import Make

PREFIX = b"2026-03-02 09:00:0%d.000 UTC [7] app@shop LOG:  duration: 1.500 ms  statement: SELECT %d"


def statements(numbers: Iterable[int]) -> bytes:
    """PostgreSQL's log of statements of three lines."""
    return b"".join(PREFIX % (n, n) + b"\n\tFROM t\n\tWHERE id = 5\n" for n in numbers)


def expected(numbers: Iterable[int]) -> list[str]:
    """What `Watched.statements` gives for them."""
    return [f"SELECT {n} FROM t WHERE id = 5" for n in numbers]


def test_a_partial_line_across_a_kill_comes_once_and_whole(watched: Make) -> None:
    """Case 16 (fluent-bit#11265): half a line was read, the process died; the line comes once, whole."""
    w = watched("app.log")
    whole = lines(range(3))
    for cut in range(1, len(whole), 7):
        (w.folder / "app.log").write_bytes(whole[:cut])
        w.look(AT_ONCE if cut % 2 else PATIENT)
    (w.folder / "app.log").write_bytes(whole)
    w.look(AT_ONCE)
    assert seen(w.lake) == [0, 1, 2]
    assert w.lake.scan("rejects").collect().height == 0


def test_a_last_line_without_its_end_lands_once_it_rests_and_is_replaced_by_the_whole(watched: Make) -> None:
    """Case 17 (vector#18341): a job ends without a newline; the line lands for now, and once when the rest comes."""
    w = watched("app.log")
    w.log.write_bytes(lines(range(3)) + line(3).rstrip(b"\n"))
    w.look()
    assert seen(w.lake) == [0, 1, 2]
    w.look(AT_ONCE)
    assert seen(w.lake) == [0, 1, 2, 3]
    append(w.log, [], end=b"\n")
    append(w.log, [4])
    w.look()
    assert seen(w.lake) == [0, 1, 2, 3, 4] and w.rejects() == 0


def test_a_record_of_several_lines_open_at_any_cut(watched: Make, lake: Lake) -> None:
    """Case 21 (vector#14253, fluentd#1732): a statement of three lines, stopped at any byte of it."""
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


@pytest.mark.parametrize(
    ("pattern", "rhythm", "cut"),
    [("pg.log", PATIENT, b"SELECT 3"), ("pg.log*", AT_ONCE, b"FROM t\n"), ("pg.log*", PATIENT, b"WHERE")],
)
def test_a_record_cut_in_two_by_a_rotation_is_joined(watched: Make, pattern: str, rhythm: Rhythm, cut: bytes) -> None:
    """Case 22 (beats#47336): half of it in pg.log.1, half in pg.log, cut within a line or between two."""
    w = watched(pattern)
    w.format_name = "postgresql"
    log, whole = w.folder / "pg.log", statements(range(6))
    at = whole.index(cut, whole.index(b"SELECT 3")) + len(cut)
    log.write_bytes(whole[:at])
    w.look(rhythm if w.way != "killed" else PATIENT)
    log.rename(w.folder / "pg.log.1")
    w.look()
    log.write_bytes(whole[at:])
    w.look(PATIENT)
    w.look(replace(AT_ONCE, rotate_wait_s=1e9))
    assert w.statements() == expected(range(6)) and w.rejects() == 0 and w.gaps() == []
    with log.open("ab") as out:
        out.write(statements([6]))
    w.look(AT_ONCE)
    assert w.statements() == expected(range(7))


def test_a_record_that_is_whole_is_not_joined_with_what_follows_a_rotation(watched: Make) -> None:
    """Case 22 again: the last record before a rotation and the first one after it stay two."""
    w = watched("app.log*")
    append(w.log, range(5))
    append(w.log, [], end=line(77)[:20])
    w.look()
    w.log.rename(w.folder / "app.log.1")
    append(w.log, range(5, 9))
    w.look()
    w.look(AT_ONCE)
    assert seen(w.lake) == list(range(9)) and w.rejects() == 1


def test_a_line_that_lost_its_end_is_not_joined_with_a_whole_line_after_a_rotation(watched: Make) -> None:
    """Plain text reads whatever follows as more of the message; but what is a record by itself is no half of one."""
    w = watched("app.log*")
    w.format_name = "text"
    said = [f"2026-03-02 09:00:0{n},000 - shop - ERROR - order {n} failed" for n in range(4)]
    w.log.write_text("\n".join(said[:2]))
    w.look()
    w.log.rename(w.folder / "app.log.1")
    w.log.write_text("\n".join(said[2:]) + "\n")
    w.look()
    w.look(AT_ONCE)
    rows = w.lake.scan("logs").collect().sort("ts")
    assert rows["message"].to_list() == [f"shop - ERROR - order {n} failed" for n in range(4)]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_halves_left_by_a_copy_and_truncate_are_not_made_a_record_nobody_wrote(watched: Make, pattern: str) -> None:
    """Between copy and cut the writer goes on: the half in the copy and the one in the file are of two records."""
    w = watched(pattern)
    half = len(line(5)) // 2
    append(w.log, range(5), end=line(5)[:half])
    w.look()
    shutil.copy(w.log, w.folder / "app.log.1")
    append(w.log, [], end=line(5)[half:] + line(6) + line(7)[:half])
    w.log.write_bytes(b"")
    append(w.log, [], end=line(7)[half:] + line(8))
    w.look()
    w.look(AT_ONCE)
    assert seen(w.lake) == [0, 1, 2, 3, 4, 8] and w.rejects() == 2
