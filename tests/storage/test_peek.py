"""Rows are seen before they land: at once, masked, and with the landed ones each exactly once."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from storage.lake import Lake
from storage.ledger import Ledger
from storage.peek import LEAST_BYTES, Peek
from tests.storage.following import landing
from tests.storage.numbered import append, line, lines

EVERY = 1_000


def onlooker(lake: Lake) -> Peek:
    """Somebody else who looks on, as a console does while a daemon lands."""
    return Peek(Lake(lake.home, Ledger(lake.home.ledger), lake.clock))


def waiting(peek: Peek, shown: dict[int, int] | None = None) -> list[int] | None:
    """The numbers of the lines that are in the logs and have not landed; None if nothing changed."""
    frames = peek.look(shown if shown is not None else {}, EVERY)
    return None if frames is None else numbers(frames)


def numbers(frames: dict[str, pl.DataFrame]) -> list[int]:
    return sorted(int(text[1:]) for text in frames["logs"]["message"].to_list()) if "logs" in frames else []


def landed_to(lake: Lake) -> dict[int, int]:
    with lake.ledger.read() as connection:
        rows = connection.execute("SELECT id, max(byte_offset, coalesce(provisional_offset, 0)) AS n FROM source")
        return {row["id"]: row["n"] for row in rows}


def test_what_was_appended_is_seen_before_it_lands_and_forgotten_once_it_is_shown(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, range(3))
    landing(lake).ingest([log])
    peek = onlooker(lake)
    assert waiting(peek) == []
    append(log, range(3, 6))
    nothing: dict[int, int] = {}
    assert waiting(peek, nothing) == [3, 4, 5]
    assert waiting(peek, nothing) is None, "nothing changed"
    landing(lake).ingest([log])
    assert waiting(peek, nothing) == [3, 4, 5], "landed, but the reader does not show that yet"
    assert waiting(peek, landed_to(lake)) == []
    peek.close()


def statement(number: int) -> bytes:
    """A record of two lines, of which the last is complete only when another record begins."""
    return b"2026-03-02 09:00:00.%03d UTC [7] LOG:  duration: 1.5 ms  statement: SELECT n%d\n\tFROM t\n" % (
        number % 1000, number,
    )  # fmt: skip


def told(frames: dict[str, pl.DataFrame]) -> list[int]:
    """The numbers of records of either kind."""
    texts = [text for name, column in (("logs", "message"), ("queries", "sql")) if name in frames
             for text in frames[name][column].to_list()]  # fmt: skip
    return sorted(int(found[1]) for text in texts if (found := re.search(r"n([0-9]+)", text)))


@pytest.mark.parametrize(("form", "record"), [("jsonl", line), ("postgresql", statement)])
def test_landed_and_waiting_rows_are_every_row_once_whatever_comes_when(
    form: str, record: Callable[[int], bytes], lake: Lake, tmp_path: Path
) -> None:
    rng, logs = random.Random(7), [tmp_path / f"{name}.log" for name in "abc"]
    for number, log in enumerate(logs):
        log.write_bytes(record(number))
    lander = landing(lake, format_name=form)
    lander.ingest(logs)

    def in_lake() -> list[int]:
        return told({name: lake.scan(name).collect() for name in ("logs", "queries")})

    peek, shown, at_hand = onlooker(lake), landed_to(lake), in_lake()
    written = 3
    for _ in range(40):
        act, log = rng.choice(["write", "write", "part", "land", "show"]), rng.choice(logs)
        if act in ("write", "part"):
            whole = b"".join(record(n) for n in range(written, written + 3))
            with log.open("ab", buffering=0) as out:
                out.write(whole[:5] if act == "part" else b"")
                peek.look(dict(shown), EVERY)
                out.write(whole[5:] if act == "part" else whole)
            written += 3
        elif act == "land":
            lander.ingest(logs)
        else:
            shown, at_hand = landed_to(lake), in_lake()
        assert sorted(at_hand + told(peek.look(dict(shown), EVERY) or {})) == list(range(written))
    peek.close()


def test_an_unfinished_last_line_is_seen_once_the_log_rests(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    whole = b'10.0.0.7 - - [02/Mar/2026:09:00:00 +0000] "GET /%s HTTP/1.1" 200 5 "-" "curl/8.11.1"'
    log.write_bytes(whole % b"a" + b"\n")
    landing(lake, format_name="combined").ingest([log])
    peek, nothing = onlooker(lake), dict[int, int]()

    def paths() -> list[str] | None:
        frames = peek.look(nothing, EVERY)
        return frames["requests"]["path"].to_list() if frames else [] if frames is not None else None

    with log.open("ab", buffering=0) as out:
        out.write(whole % b"b")
        assert paths() == []
        assert paths() == ["/b"]
        assert paths() is None
        out.write(b"\n" + whole % b"c" + b"\n" + whole % b"d")
        assert paths() == ["/b", "/c"]
        assert paths() == ["/b", "/c", "/d"]
    peek.close()


def test_what_must_not_be_written_is_not_shown_either(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    text = '10.0.0.7 - - [02/Mar/2026:09:00:00 +0000] "GET /l?password=c4n4ry HTTP/1.1" 200 5 "-" "curl/8.11.1"\n'
    log.write_text(text)
    landing(lake, format_name="combined").ingest([log])
    peek = onlooker(lake)
    log.open("a").write(text)
    frames = peek.look({}, EVERY) or {}
    assert "c4n4ry" not in str(frames["requests"].to_dicts()) and "password=***" in str(frames["requests"].to_dicts())
    peek.close()


def test_a_rewritten_a_vanished_and_a_hollow_log_show_nothing(lake: Lake, tmp_path: Path) -> None:
    logs = [tmp_path / f"{name}.log" for name in "abc"]
    for log in logs:
        append(log, range(40))
    landing(lake).ingest(logs)
    peek = onlooker(lake)
    logs[0].write_bytes(lines(range(900, 999)))
    logs[1].unlink()
    with logs[2].open("ab") as out:
        out.truncate(100_000_000)
    assert waiting(peek) == []
    append(logs[2], range(40, 43))
    assert waiting(peek) == [41, 42], "where a record begins is known behind a line end only"
    peek.close()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_of_a_log_far_behind_the_newest_rows_are_seen_and_no_more_than_its_end_is_read(
    encoding: str, lake: Lake, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"

    def write(numbers: range) -> None:
        log.open("ab").write(lines(numbers).decode().encode(encoding))

    log.write_bytes("\ufeff".encode(encoding))
    write(range(10))
    landing(lake, format_name="jsonl").ingest([log])
    peek = onlooker(lake)
    write(range(10, 30_000))
    assert numbers(peek.look({}, 100) or {}) == list(range(29_900, 30_000))
    (item,) = peek._open.values()
    assert item.window == LEAST_BYTES
    assert numbers(peek.look({1: 0}, EVERY) or {}) == list(range(29_900, 30_000)), "the log has not grown"
    write(range(30_000, 30_001))
    assert numbers(peek.look({}, EVERY) or {}) == list(range(29_001, 30_001)), "as far back as that takes"
    peek.close()


def test_large_records_are_looked_for_further_back(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, range(1))
    landing(lake).ingest([log])
    peek = onlooker(lake)
    log.open("ab").write(b"".join(line(n).replace(b"}", b',"spare":"%s"}' % (b"x" * 9_000)) for n in range(1, 300)))
    assert numbers(peek.look({}, 40) or {}) == list(range(260, 300))
    peek.close()


def test_a_csv_log_is_resumed_behind_whatever_quotes_are_open(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "postgres.csv"
    row = (
        '2021-01-01 07:13:44.120 GMT,"ann","shop",7,"h:1",60e2b128.1308a,13,"SELECT",2021-07-05 07:13:44 GMT,4/1,0,LOG,'
        '00000,"duration: 0.576 ms  statement: select n%d,\n""a"",\n\'x\'",,,,,,,,,"web","client backend",,0\n'
    )
    log.write_text(row % 0)
    landing(lake, format_name="postgresql-csv").ingest([log])
    peek = onlooker(lake)
    log.open("a").write("".join(row % n for n in range(1, 2_000)))
    frames = peek.look({}, 100) or {}
    assert told(frames) == list(range(1_900, 2_000))
    assert frames["queries"]["sql"][0] == "select n1900,\n\"a\",\n'x'"
    peek.close()


def test_logs_that_are_read_together_keep_their_rows_apart(lake: Lake, tmp_path: Path) -> None:
    logs = [tmp_path / f"{name}.log" for name in "abc"]
    for number, log in enumerate(logs):
        append(log, range(number))
        append(log, range(number, 3))
    landing(lake).ingest(logs)
    peek = onlooker(lake)
    for number, log in enumerate(logs):
        append(log, range(100 * number, 100 * number + 50))
    frame = (peek.look({}, 20) or {})["logs"]
    for number, log in enumerate(logs):
        mine = frame.filter(pl.col("source") == str(log))
        assert numbers({"logs": mine}) == list(range(100 * number + 30, 100 * number + 50))
        assert mine["source_id"].n_unique() == 1
        for text, offset in mine.select("message", "byte_offset").iter_rows():
            assert f'"{text}"'.encode() in log.read_bytes()[offset : offset + 80].splitlines()[0]
    peek.close()


def test_labels_in_a_log_have_no_place_in_it_and_are_not_shown(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, range(1))
    landing(lake).ingest([log])
    peek = onlooker(lake)
    log.open("a").write('{"event":"label","ts":1772442000,"model":"m","subject":"s","truth":true}\n')
    append(log, [7])
    assert set(peek.look({}, EVERY) or {}) == {"logs"}
    peek.close()
