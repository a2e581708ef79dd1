"""One client or user is forgotten everywhere in the home: lake, ledger, notes, and every copy of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from storage import backup, redaction
from storage.audit import append, verify
from storage.compaction import compact
from storage.doctor import examine
from storage.errors import RefusedError, UnavailableError
from storage.forget import forget
from storage.lake import Lake
from storage.ledger import Ledger
from storage.schema import TABLES
from storage.subject import pattern
from tests.conftest import HeldClock
from tests.modelops import MARA
from tests.storage.test_masking import grep

WHO = "c4n4ry@example.com"
SPELLED = ["c4n4ry@example.com", "C4N4RY@Example.com", "c4n4ry%40example.com", "to=c4n4ry%40EXAMPLE.com&x"]


def land_everywhere(lake: Lake, clock: HeldClock) -> int:
    """Rows that name the subject in every text column of every table, one at a time; returns how many."""
    rows = 0
    for name, kind in TABLES.items():
        texts = [c for c, dtype in kind.columns.items() if dtype == pl.String]
        made = [{"ts": clock(), column: SPELLED[n % len(SPELLED)]} for n, column in enumerate(texts)]
        if name == "rejects":
            made.append({"ts": clock(), "raw": b"\xff garbage of " + WHO.encode() + b" \x00"})
        kept = [{"ts": clock(), texts[0]: "c4n4ry2@example.com"}]
        lake.append({name: kind.conform(pl.DataFrame(made + kept, infer_schema_length=None))}, kind="land")
        rows += len(made)
    return rows


def tell_everywhere(lake: Lake) -> None:
    """The subject in the event log, in a row that triggers hold, and in the home's notes."""
    with lake.ledger.write() as connection:
        for number in range(3):
            body = {"note": f"seen {WHO}" if number == 1 else "nobody"}
            append(connection, MARA, ts=f"2026-03-02T09:00:0{number}Z", kind="label.added", subject="s", body=body)
        connection.execute(
            "INSERT INTO model VALUES ('m', 'external', 'M', 'f1', 0.9, 'warning', 0.5, 0.9, 0.05, 'x', 'x', 1)"
        )
        connection.execute(
            "INSERT INTO model_version (model, version, defaults, created_ts, created_by, reason)"
            " VALUES ('m', '1', '{}', 'x', 'mara', ?)", (f"because of {WHO}",),
        )  # fmt: skip
    lake.home.history.write_text(f"SELECT 1;\nSELECT * FROM logs WHERE message = '{WHO}';\n")
    lake.home.log.write_text(f'{{"message": "trouble with {WHO}"}}\n{{"message": "other"}}\n')


def canaries(home: Path) -> list[Path]:
    return [path for spelling in SPELLED for path in grep(home, spelling)]


def test_no_byte_of_a_subject_is_left_in_the_home(lake: Lake, clock: HeldClock) -> None:
    rows = land_everywhere(lake, clock) + land_everywhere(lake, clock)
    tell_everywhere(lake)
    compact(lake, fan=2)
    backup.back_up(lake.home, clock())
    lake.home.aside.mkdir()
    (lake.home.aside / "damaged.bin").write_bytes(WHO.encode())
    assert {p.name.split(".")[0][:6] for p in canaries(lake.home.path)} >= {"ledger", "sql_hi", "watchr", "damage"}

    done = forget(lake, WHO, MARA)

    assert sum(done.rows.values()) == rows
    assert (done.ledger_rows, done.note_lines) == (2, 2)
    lake.ledger.close()
    assert canaries(lake.home.path) == []
    kept = sum(lake.scan(name).select(pl.len()).collect().item() for name in TABLES)
    assert kept == 2 * len(TABLES), "strangers stay"
    assert examine(lake.home, clock=clock).sound
    assert lake.home.history.read_text() == "SELECT 1;\n"


def test_the_event_log_stays_a_chain_and_says_who_asked_but_not_whom(lake: Lake, clock: HeldClock) -> None:
    tell_everywhere(lake)
    forget(lake, WHO, MARA)
    forget(lake, "nobody", MARA)
    with lake.ledger.read() as connection:
        assert verify(connection).intact
        newest = connection.execute("SELECT * FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        assert (newest["actor"], newest["kind"]) == (MARA.name, "subject.forgotten")
        assert connection.execute("SELECT body FROM event WHERE seq = 2").fetchone()[0] == '{"note":"seen [forgotten]"}'
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), lake.ledger.write() as connection:
        connection.execute("UPDATE event SET body = '{}' WHERE seq = 1")
    with pytest.raises(sqlite3.IntegrityError, match="immutable"), lake.ledger.write() as connection:
        connection.execute("UPDATE model_version SET reason = ''")
    with lake.ledger.write() as connection:
        connection.execute("DROP TRIGGER event_is_never_changed")
        connection.execute('UPDATE event SET body = \'{"note":"seen nobody at all"}\' WHERE seq = 2')
    with lake.ledger.read() as connection:
        assert verify(connection).broken_seq == 2, "what nobody vouches for is still noticed"


def test_a_row_that_lands_while_a_merge_goes_on_is_forgotten_too(lake: Lake, clock: HeldClock) -> None:
    land_everywhere(lake, clock)
    other = Lake(lake.home, Ledger(lake.home.ledger), clock)
    merged: list[int] = []
    write = lake.write

    def merging(*arguments: object, **options: object) -> object:
        if not merged:
            land_everywhere(other, clock)
            merged.append(compact(other, fan=2).merged)
        return write(*arguments, **options)  # type: ignore[arg-type]

    lake.write = merging  # type: ignore[method-assign, assignment]
    forget(lake, WHO, MARA)
    assert merged[0] > 0
    assert canaries(lake.home.path / "lake") == []


def test_a_ledger_that_is_read_all_the_while_is_told_and_can_be_wiped_later(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "PATIENCE_S", 0.05)
    tell_everywhere(lake)
    reading = sqlite3.connect(lake.ledger.path)
    reading.execute("BEGIN")
    reading.execute("SELECT count(*) FROM event").fetchone()
    with pytest.raises(UnavailableError, match="run this again"):
        forget(lake, WHO, MARA)
    reading.close()
    forget(lake, WHO, MARA)
    lake.ledger.close()
    assert canaries(lake.home.path) == []


@pytest.mark.parametrize(
    ("subject", "text", "found"),
    [
        ("10.0.0.1", "from 10.0.0.1:443", True), ("10.0.0.1", "10.0.0.12", False), ("10.0.0.1", "110.0.0.1", False),
        ("ann", "user=Ann;", True), ("ann", "channel", False), ("jörg", '"j\\u00f6rg"', True),
        ("a b", "q=a+b&", True), ("a b", "q=a%20b&", True), ("2001:db8::1", "2001%3Adb8%3A%3A1", True),
    ],
)  # fmt: skip
def test_a_subject_is_found_however_it_is_spelled_and_only_as_a_word(subject: str, text: str, found: bool) -> None:
    assert (pattern([subject]).search(text) is not None) is found


def test_a_short_subject_is_refused(lake: Lake) -> None:
    with pytest.raises(RefusedError, match="too short"):
        forget(lake, "a ", MARA)
