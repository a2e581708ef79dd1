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
from storage.peek import Peek
from tests.storage.following import landing
from tests.storage.numbered import append, line


def onlooker(lake: Lake) -> Peek:
    """Somebody else who looks on, as a console does while a daemon lands."""
    return Peek(Lake(lake.home, Ledger(lake.home.ledger), lake.clock))


def waiting(peek: Peek, shown: dict[int, int] | None = None) -> list[int] | None:
    """The numbers of the lines that are in the logs and have not landed; None if nothing changed."""
    frames = peek.look(shown if shown is not None else {})
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
                peek.look(dict(shown))
                out.write(whole[5:] if act == "part" else whole)
            written += 3
        elif act == "land":
            lander.ingest(logs)
        else:
            shown, at_hand = landed_to(lake), in_lake()
        assert sorted(at_hand + told(peek.look(dict(shown)) or {})) == list(range(written))
    peek.close()


def test_an_unfinished_last_line_is_seen_as_it_grows(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    whole = b'10.0.0.7 - - [02/Mar/2026:09:00:00 +0000] "GET /%s HTTP/1.1" 200 5 "-" "curl/8.11.1"'
    log.write_bytes(whole % b"a" + b"\n")
    landing(lake, format_name="combined").ingest([log])
    peek = onlooker(lake)
    with log.open("ab", buffering=0) as out:
        out.write(whole % b"b")
        assert [row["path"] for row in (peek.look({}) or {})["requests"].to_dicts()] == ["/b"]
        out.write(b"\n" + whole % b"c" + b"\n")
        assert [row["path"] for row in (peek.look({}) or {})["requests"].to_dicts()] == ["/b", "/c"]
    peek.close()


def test_what_must_not_be_written_is_not_shown_either(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    text = '10.0.0.7 - - [02/Mar/2026:09:00:00 +0000] "GET /l?password=c4n4ry HTTP/1.1" 200 5 "-" "curl/8.11.1"\n'
    log.write_text(text)
    landing(lake, format_name="combined").ingest([log])
    peek = onlooker(lake)
    log.open("a").write(text)
    frames = peek.look({}) or {}
    assert "c4n4ry" not in str(frames["requests"].to_dicts()) and "password=***" in str(frames["requests"].to_dicts())
    peek.close()


def test_a_rewritten_or_vanished_log_shows_nothing_and_neither_does_one_far_behind(lake: Lake, tmp_path: Path) -> None:
    logs = [tmp_path / f"{name}.log" for name in "abc"]
    for log in logs:
        append(log, range(40))
    landing(lake).ingest(logs)
    peek = onlooker(lake)
    logs[0].write_bytes(b"".join(line(n) for n in range(900, 999)))
    logs[1].unlink()
    with logs[2].open("ab") as out:
        out.truncate(100_000_000)
    assert waiting(peek) == []
    assert not peek._open
    peek.close()
