"""Loops remembered: how often, since when, how bad, gone or not, and whether going helped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.detectors.n1_detector import N1Detector
from engine.n1.advice import advice
from engine.n1.patterns import find, mark, patterns
from engine.pipeline import Stamp, predict
from engine.room import Room
from storage.errors import RefusedError, UsageError
from storage.schema import QUERIES, REQUESTS
from tests.conftest import HeldClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POSTS = "SELECT id, author_id FROM posts"
LOOP = [POSTS, *(f"SELECT * FROM users WHERE id = {i}" for i in range(9))]
EAGER = [POSTS, "SELECT * FROM users WHERE id IN (1, 2, 3)"]
CLEAN = 20


def traces(*wanted: tuple[list[str], str | None], first: int = 0) -> pl.DataFrame:
    """Predictions on traces a minute apart, each a list of statements and where it ran."""
    rows: list[dict[str, Any]] = [
        {"ts": START + timedelta(minutes=i, milliseconds=k), "trace_id": f"t{i:03}", "sql": sql, "caller": place}
        for i, (statements, place) in enumerate(wanted, first)
        for k, sql in enumerate(statements)
    ]
    events = QUERIES.conform(pl.DataFrame(rows, infer_schema_length=None).with_columns(duration_ms=2.0))
    return predict(N1Detector(), events.lazy(), Stamp("production", 1, "r"))


@pytest.fixture
def room(tmp_path: Path, clock: HeldClock) -> Room:
    return Room.open(tmp_path, create=True, clock=clock)


def remembered(room: Room, predictions: pl.DataFrame) -> pl.DataFrame:
    room.lake.append({"predictions": predictions}, kind="judge")
    return patterns(room.reader, "production")


def test_a_pattern_adds_up_its_traces(room: Room) -> None:
    found = remembered(room, traces((LOOP, "blog"), (EAGER, "news"), (LOOP, "blog"), (LOOP, "feed")))
    row = found.row(0, named=True)
    assert found.height == 1
    assert (row["detections"], row["template"], row["parent"]) == (3, "SELECT * FROM users WHERE id = ?", POSTS)
    assert row["first_seen"] == START + timedelta(milliseconds=9)
    assert row["last_seen"] == START + timedelta(minutes=3, milliseconds=9)
    assert (row["repeats"], row["wasted_ms"], row["severity"], row["state"]) == (9.0, 16.0, "low", "open")
    assert 0.5 < row["confidence"] <= 1.0
    assert row["better"] is None
    assert patterns(room.reader, "staging").height == 0


def test_it_is_fixed_when_its_place_stays_clean_and_then_it_is_better(room: Room) -> None:
    found = remembered(room, traces(*[(LOOP, "blog")] * 3, *[(EAGER, "blog")] * CLEAN)).row(0, named=True)
    assert (found["state"], found["visits_since"], found["better"]) == ("fixed", CLEAN, True)
    assert (found["trace_ms_before"], found["trace_ms_after"]) == (20.0, 4.0)


def test_few_clean_traces_or_other_places_say_nothing(tmp_path: Path, clock: HeldClock) -> None:
    cases = {
        "quiet": traces((LOOP, "blog"), *[(EAGER, "blog")] * (CLEAN - 1)),
        "open": traces((LOOP, "blog"), *[(EAGER, "news")] * CLEAN),
    }
    for state, predictions in cases.items():
        room = Room.open(tmp_path / state, create=True, clock=clock)
        assert remembered(room, predictions)["state"].item() == state


def test_a_fix_that_made_it_slower_is_no_better(room: Room) -> None:
    slow = [*EAGER, *(f"SELECT * FROM t{i}" for i in range(30))]
    found = remembered(room, traces((LOOP, "blog"), *[(slow, "blog")] * CLEAN)).row(0, named=True)
    assert (found["state"], found["better"]) == ("fixed", False)


def test_without_call_sites_the_request_says_where_a_trace_belongs(room: Room) -> None:
    predictions = traces((LOOP, None), *[(EAGER, None)] * CLEAN)
    asked = predictions.select("ts", pl.col("subject").alias("trace_id"), path=pl.format("/posts/{}", pl.len()))
    room.lake.append({"requests": REQUESTS.conform(asked)}, kind="land")
    assert remembered(room, predictions)["state"].item() == "fixed"


def test_a_person_says_that_it_is_fixed_until_it_comes_back(room: Room, clock: HeldClock) -> None:
    clock.moment = START + timedelta(minutes=2)
    remembered(room, traces((LOOP, "blog")))
    actor = room.registry.actor
    known = find(room.reader, "production", str(patterns(room.reader, "production")["pattern"][0])[:6])
    mark(room.ledger, known, fixed=True, actor=actor, clock=room.clock, reason="includes(:author)")
    fixed = find(room.reader, "production", known["pattern"])
    assert (fixed["state"], fixed["fixed_by"], fixed["fixed_ts"]) == ("fixed", actor.name, clock.moment)
    with pytest.raises(RefusedError, match="already"):
        mark(room.ledger, fixed, fixed=True, actor=actor, clock=room.clock)
    assert remembered(room, traces((EAGER, "blog"), first=4))["better"].item() is True
    assert remembered(room, traces((LOOP, "blog"), first=5))["state"].item() == "regressed"
    again = find(room.reader, "production", known["pattern"])
    mark(room.ledger, again, fixed=False, actor=actor, clock=room.clock)
    assert patterns(room.reader, "production", "open").height == 1


def test_a_hash_that_names_nothing_is_refused(room: Room) -> None:
    remembered(room, traces((LOOP, "blog")))
    with pytest.raises(UsageError, match="no pattern"):
        find(room.reader, "production", "zz")


def test_what_is_no_evidence_is_passed_over(room: Room) -> None:
    predictions = traces((LOOP, "blog"))
    odd = pl.concat([predictions.with_columns(evidence=pl.lit(text))
                     for text in ("", "no json", "[]", '{"groups": 7}', '{"groups": [null, {}]}')])  # fmt: skip
    assert remembered(room, odd).height == 0
    assert all(advice(text) == "" for text in ("", "no json", "[]", '{"groups": 7}', '{"groups": [null, {}]}', None))


def test_advice_on_a_verdict_names_sql_and_every_stack() -> None:
    text = advice(traces((LOOP, "blog"))["evidence"].item())
    assert "users.id IN" in text.replace('"', "") or "id IN (" in text
    for stack in ("SQLAlchemy", "Django", "Rails", "Laravel", "Doctrine", "Hibernate"):
        assert f"    {stack}: " in text
