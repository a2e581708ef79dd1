"""Loops remembered: how often, since when, how bad, gone or not, and whether going helped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from engine.detectors.n1_detector import N1Detector
from engine.n1.patterns import PATTERNS, Judgement, patterns
from engine.pipeline import Stamp, predict
from storage.schema import PREDICTIONS, QUERIES

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POSTS = "SELECT id, author_id FROM posts"
LOOP = [POSTS, *(f"SELECT * FROM users WHERE id = {i}" for i in range(9))]
EAGER = [POSTS, "SELECT * FROM users WHERE id IN (1, 2, 3)"]
CLEAN = 20


def traces(*wanted: tuple[list[str], str | None]) -> pl.DataFrame:
    """Predictions on traces a minute apart, each a list of statements and where it ran."""
    rows: list[dict[str, Any]] = [
        {"ts": START + timedelta(minutes=i, milliseconds=k), "trace_id": f"t{i:03}", "sql": sql, "caller": place}
        for i, (statements, place) in enumerate(wanted)
        for k, sql in enumerate(statements)
    ]
    events = QUERIES.conform(pl.DataFrame(rows, infer_schema_length=None).with_columns(duration_ms=2.0))
    return predict(N1Detector(), events.lazy(), Stamp("production", 1, "r"))


def test_a_pattern_adds_up_its_traces() -> None:
    found = patterns(traces((LOOP, "blog"), (EAGER, "news"), (LOOP, "blog"), (LOOP, "feed")))
    assert found.schema == PATTERNS
    row = found.row(0, named=True)
    assert found.height == 1
    assert (row["detections"], row["template"], row["parent"]) == (3, "SELECT * FROM users WHERE id = ?", POSTS)
    assert row["first_seen"] == START + timedelta(milliseconds=9)
    assert row["last_seen"] == START + timedelta(minutes=3, milliseconds=9)
    assert (row["repeats"], row["wasted_ms"], row["severity"], row["state"]) == (9.0, 16.0, "low", "open")
    assert 0.5 < row["confidence"] <= 1.0
    assert row["better"] is None


def test_the_same_loop_has_the_same_name_in_any_run() -> None:
    one, other = patterns(traces((LOOP, "a"))), patterns(traces((EAGER, "b"), (LOOP, "b")))
    assert one["pattern"].item() == other["pattern"].item() == "7197764073c0acae"


def test_it_is_fixed_when_its_place_stays_clean_and_then_it_is_better() -> None:
    found = patterns(traces(*[(LOOP, "blog")] * 3, *[(EAGER, "blog")] * CLEAN)).row(0, named=True)
    assert (found["state"], found["since"], found["better"]) == ("fixed", CLEAN, True)
    assert (found["trace_ms_before"], found["trace_ms_after"]) == (20.0, 4.0)


def test_few_clean_traces_or_other_places_say_nothing() -> None:
    few = patterns(traces((LOOP, "blog"), *[(EAGER, "blog")] * (CLEAN - 1))).row(0, named=True)
    assert (few["state"], few["better"]) == ("unknown", None)
    elsewhere = patterns(traces((LOOP, "blog"), *[(EAGER, "news")] * CLEAN)).row(0, named=True)
    assert elsewhere["state"] == "open"
    nowhere = patterns(traces((LOOP, None), *[(EAGER, None)] * CLEAN)).row(0, named=True)
    assert nowhere["state"] == "open"


def test_a_fix_that_made_it_slower_is_no_better() -> None:
    slow = [*EAGER, *(f"SELECT * FROM t{i}" for i in range(30))]
    found = patterns(traces((LOOP, "blog"), *[(slow, "blog")] * CLEAN)).row(0, named=True)
    assert (found["state"], found["better"]) == ("fixed", False)


def test_places_can_come_from_the_requests() -> None:
    """Where no call site is logged, the request's path says where a trace belongs."""
    predictions = traces((LOOP, None), *[(EAGER, None)] * CLEAN)
    places = pl.DataFrame({"subject": predictions["subject"], "place": "/blog"})
    assert patterns(predictions, places)["state"].item() == "fixed"


def test_severity_follows_the_limits_given() -> None:
    predictions = traces((LOOP, "blog"))
    assert patterns(predictions, judged=Judgement(medium_ms=10.0))["severity"].item() == "medium"
    assert patterns(predictions, judged=Judgement(high_repeats=9.0))["severity"].item() == "high"


def test_what_is_no_evidence_is_passed_over() -> None:
    predictions = traces((LOOP, "blog"))
    odd = pl.concat([predictions.with_columns(pl.lit(text).alias("evidence"))
                     for text in ("", "no json", "[]", '{"groups": 7}', '{"groups": [null, {}]}')])  # fmt: skip
    assert patterns(odd).height == 0
    assert patterns(PREDICTIONS.empty()).schema == PATTERNS
