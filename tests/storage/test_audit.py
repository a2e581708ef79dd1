"""The event log notices every way of changing it short of writing it anew from the start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.audit import append, canonical, digest, head, verify
from tests.modelops import MARA, Room, room


def _log(path: Path, events: int = 5) -> Room:
    r = room(path, deployed=False)
    with r.ledger.write() as connection:
        for i in range(events):
            append(connection, MARA, ts=f"2026-03-02T09:00:0{i}Z", kind="test", subject=f"s{i}", body={"i": i})
    return r


def _tamper(r: Room, *statements: str) -> None:
    with r.ledger.write() as connection:
        for trigger in ("event_is_never_changed", "event_is_never_deleted"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)


def test_an_untouched_log_is_intact_and_its_head_is_the_newest_hash(tmp_path: Path) -> None:
    r = _log(tmp_path)
    with r.ledger.read() as connection:
        chain = verify(connection)
        assert (chain.intact, chain.events, chain.head) == (True, 5, head(connection))


@pytest.mark.parametrize(("statement", "broken"), [
    ("UPDATE event SET body = '{\"i\":7}' WHERE seq = 3", 3),
    ("UPDATE event SET actor = 'idris' WHERE seq = 1", 1),
    ("UPDATE event SET ts = '2026-03-02T09:00:01Z' WHERE seq = 5", 5),
    ("DELETE FROM event WHERE seq = 2", 2),
    ("DELETE FROM event WHERE seq >= 4", 4),
    ("DELETE FROM event", 1),
])  # fmt: skip
def test_changing_or_removing_events_breaks_the_chain_there(tmp_path: Path, statement: str, broken: int) -> None:
    r = _log(tmp_path)
    _tamper(r, statement)
    with r.ledger.read() as connection:
        chain = verify(connection)
    assert not chain.intact
    assert chain.broken_seq == broken


def test_an_event_put_in_between_breaks_the_chain(tmp_path: Path) -> None:
    r = _log(tmp_path)
    _tamper(r, "UPDATE event SET seq = 60 WHERE seq = 5", "UPDATE event SET seq = 5 WHERE seq = 60",
            "INSERT INTO event SELECT 6, ts, actor, origin, host, kind, subject, body, prev_hash, hash FROM event"
            " WHERE seq = 2")  # fmt: skip
    with r.ledger.read() as connection:
        assert verify(connection).broken_seq == 6


def test_an_event_that_was_undone_leaves_no_gap(tmp_path: Path) -> None:
    r = _log(tmp_path)
    with pytest.raises(RuntimeError), r.ledger.write() as connection:
        append(connection, MARA, ts="t", kind="test", subject="undone", body={})
        raise RuntimeError
    with r.ledger.write() as connection:
        append(connection, MARA, ts="t", kind="test", subject="kept", body={})
        assert verify(connection).intact


@settings(max_examples=40, deadline=None)
@given(position=st.integers(1, 5), column=st.sampled_from(["actor", "origin", "host", "kind", "subject", "body"]),
       text=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=8))  # fmt: skip
def test_no_other_text_in_any_place_goes_unnoticed(position: int, column: str, text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute(
        "CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, ts, actor, origin, host, kind, subject, body,"
        " prev_hash, hash)"
    )
    for i in range(5):
        append(connection, MARA, ts=f"t{i}", kind="test", subject=f"s{i}", body={"i": i})
    before = connection.execute(f"SELECT {column} FROM event WHERE seq = ?", (position,)).fetchone()[0]
    connection.execute(f"UPDATE event SET {column} = ? WHERE seq = ?", (text, position))
    assert verify(connection).intact == (text == before)


def test_the_same_settings_have_the_same_hash_whatever_their_order() -> None:
    assert canonical({"b": 1, "a": [1.5, None]}) == '{"a":[1.5,null],"b":1}'
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"x": float("nan")})
