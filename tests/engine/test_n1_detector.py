"""The N+1 detector: what is one, what only looks like one, and what it says about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.detectors.n1_detector import N1Detector
from engine.n1 import rows
from storage.schema import QUERIES

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POSTS = "SELECT id, author_id, title FROM posts ORDER BY id LIMIT 20"
USER = "SELECT * FROM users WHERE id = {}"
FILES = "SELECT * FROM files WHERE post_id = {}"
KEYSET = "SELECT * FROM t WHERE shop_id = 1 AND id > {}00 ORDER BY id LIMIT 100"
OFFSET = "SELECT * FROM t WHERE shop_id = 1 LIMIT 100 OFFSET {}00"
BOUND_OFFSET = "SELECT * FROM t WHERE shop_id = $1 LIMIT $2 OFFSET $3"
TAKEN = "SELECT 1 AS one FROM t WHERE name = 'n{0}' AND id != {0} LIMIT 1"


def trace(
    *sql: str | tuple[str, str | None], name: str | None = "t1", every_ms: float = 1.0, **columns: Any
) -> pl.DataFrame:
    """Statements one after the other; a pair is a statement and its parameters."""
    pairs = [(s, None) if isinstance(s, str) else s for s in sql]
    frame = pl.DataFrame(
        {
            "ts": [START + timedelta(milliseconds=every_ms * i) for i in range(len(pairs))],
            "source": "app.log", "byte_offset": [100 * i for i in range(len(pairs))], "trace_id": name,
            "sql": [s for s, _ in pairs], "params": [p for _, p in pairs], "duration_ms": 0.5,
        },
        schema_overrides={"params": pl.String, "trace_id": pl.String},
    )  # fmt: skip
    more = {key: pl.Series(value) if isinstance(value, list) else pl.lit(value) for key, value in columns.items()}
    return QUERIES.conform(frame.with_columns(**more))


def judge(events: pl.DataFrame, **config: Any) -> pl.DataFrame:
    detector = N1Detector.configured(config)
    return detector.score(detector.features(events.lazy())).collect()


def score(events: pl.DataFrame, **config: Any) -> float:
    return float(judge(events, **config)["score"].item())


def loop(n: int, sql: str = USER) -> list[str]:
    return [sql.format(i + 1) for i in range(n)]


def test_a_list_and_one_more_for_each_row() -> None:
    found = judge(trace(POSTS, *loop(12)))
    assert found["score"].item() > 0.9
    assert found["reason"].item() == (
        "N+1: 12 x SELECT * FROM users WHERE id = ? with 12 different values"
        " after SELECT id, author_id, title FROM posts ORDER BY id LIMIT ?; about 5.5 ms wasted"
    )
    evidence = json.loads(found["evidence"].item())
    assert evidence["lacked"] == ["caller"]
    group = evidence["groups"][0]
    assert (group["count"], group["distinct_params"], group["wasted_ms"], group["kind"]) == (12, 12, 5.5, "row by id")
    assert group["parent"].startswith("SELECT id, author_id")


@pytest.mark.parametrize(
    ("name", "statements"),
    [
        ("values in parameters", [(POSTS, None), *((USER.format("$1"), f'["{i}"]') for i in range(9))]),
        ("a prepared statement by name", [POSTS, *loop(14, "EXECUTE author({})")]),
        ("no values logged", [POSTS, *([USER.format("$1")] * 9)]),
        ("lists of one", [POSTS, *loop(9, "SELECT * FROM tags WHERE post_id IN ({})")]),
        ("a count for each", [POSTS, *loop(9, "SELECT COUNT(*) FROM comments WHERE post_id = {}")]),
        ("alternating", [POSTS, *(s for i in range(6) for s in (USER.format(i), FILES.format(i)))]),
        ("by id without a list before", loop(9)),
        ("two of three statements", [POSTS, *loop(2)]),
        ("MySQL quotes", ["SELECT `p`.* FROM `p`", *loop(6, "SELECT `u`.* FROM `u` WHERE `u`.`id` = {} LIMIT 1")]),
        ("a polymorphic list", ["SELECT * FROM pay", *loop(3, "SELECT * FROM card WHERE {} = card.id"),
                                *loop(3, "SELECT * FROM cash WHERE {} = cash.id")]),
        ("a transaction around each", [POSTS, *(s for q in loop(6) for s in ("BEGIN", "SET x = 1", q, "COMMIT"))]),
    ],
)  # fmt: skip
def test_is_flagged(name: str, statements: list[Any]) -> None:
    assert score(trace(*statements)) >= 0.5, name


@pytest.mark.parametrize(
    ("name", "statements"),
    [
        ("one list", [POSTS]),
        ("eager load", [POSTS, "SELECT * FROM users WHERE id IN (1, 2, 3)"]),
        ("prefetch in chunks", [POSTS, *(f"SELECT * FROM users WHERE id IN ({i}, {i + 1})" for i in range(20))]),
        ("polling with the same values", [USER.format(7)] * 30),
        ("polling, bound", [(USER.format("$1"), '["7"]')] * 30),
        ("retries", ["SELECT * FROM stock WHERE id = 7", "UPDATE stock SET n = n - 1 WHERE id = 7 AND v = 3"] * 8),
        ("settings by name", [f"SELECT * FROM settings WHERE name = 'option_{i}'" for i in range(13)]),
        ("inserts", [POSTS, *loop(30, "INSERT INTO t (a) VALUES ({})")]),
        ("validations", [s for i in range(12) for s in (TAKEN.format(i), f"UPDATE t SET name = '{i}' WHERE id = 1")]),
        ("pages of one list", loop(20, KEYSET)),
        ("pages by offset", loop(20, OFFSET)),
        ("pages by bound offset", [(BOUND_OFFSET, f'["1", "100", "{i}00"]') for i in range(20)]),
        ("rows locked one by one", [POSTS, *loop(12, "SELECT * FROM jobs WHERE id = {} FOR UPDATE")]),
        ("one row and its relations", ["SELECT * FROM posts WHERE id = 1 LIMIT 1", USER.format(1), USER.format(2)]),
        ("two single objects", ["SELECT * FROM posts WHERE id = 1 LIMIT 1", "SELECT * FROM posts WHERE id = 2 LIMIT 1",
                                USER.format(1), USER.format(2)]),
        ("noise", ["BEGIN", "SELECT 1", "SET x = 1", "COMMIT"] * 20),
        ("catalogue", loop(20, "SELECT * FROM pg_catalog.pg_class WHERE oid = {}")),
        ("cut short", [f"SELECT * FROM a_table_{i % 2} WHERE ..." for i in range(20)]),
        ("another store", [POSTS, *loop(20, "HGETALL user:{}")]),
        ("nothing but text", ["no (", "'", "", "~", "\x00", "SELECT", "WITH"]),
    ],
)  # fmt: skip
def test_is_not_flagged(name: str, statements: list[Any]) -> None:
    assert score(trace(*statements)) < 0.5, name


def test_look_ups_from_one_place_weigh_more_than_from_many() -> None:
    """Four look-ups in a long request: from one line they are a loop of four, from four lines they are none."""
    statements = [POSTS, *loop(4), *(f"SELECT * FROM t{i}" for i in range(3))]
    together = trace(*statements, caller=["list", *["a.py:1"] * 4, "x", "y", "z"])
    apart = trace(*statements, caller=["list", *(f"a.py:{i}" for i in range(4)), "x", "y", "z"])
    assert score(together) > 0.5 > score(apart)


def test_a_parent_that_returned_one_row_feeds_no_loop() -> None:
    statements = [POSTS, *loop(2)]
    assert score(trace(*statements, rows_returned=[20, 1, 1])) > 0.5
    assert score(trace(*statements, rows_returned=[1, 1, 1])) < 0.5


def test_a_limit_of_one_among_the_parameters_is_one_row() -> None:
    child = [(USER.format("$1"), f'["{i}"]') for i in range(2)]
    assert score(trace(("SELECT * FROM posts ORDER BY id LIMIT $1", '["20"]'), *child)) > 0.5
    assert score(trace(("SELECT * FROM posts ORDER BY id LIMIT $1", '["1"]'), *child)) < 0.5


def test_interleaved_traces_are_told_apart() -> None:
    both = pl.concat([trace(POSTS, *loop(9), name="a"), trace(POSTS, *["SELECT * FROM tags"] * 9, name="b")]).sort("ts")
    found = judge(both)
    assert found.sort("subject")["score"].to_list() == [
        pytest.approx(score(trace(POSTS, *loop(9)))),
        pytest.approx(0.008),
    ]


def test_a_session_without_traces_is_cut_into_bursts_and_requests() -> None:
    """An author asked for once a request is no loop; nine in one request are; five silent seconds end a burst."""
    visits = [
        trace(POSTS, USER.format(i), name=None, session="4711").with_columns(pl.col("ts") + timedelta(seconds=i))
        for i in range(9)
    ]
    assert judge(pl.concat(visits))["score"].to_list() == [pytest.approx(0.008)]
    one = trace(POSTS, *loop(9), name=None, session="4711")
    found = judge(pl.concat([one, one.with_columns(pl.col("ts") + timedelta(seconds=30))]))
    assert found["subject"].to_list() == ["4711", "4711"]
    assert (found["score"] > 0.5).all()
    assert json.loads(found["evidence"][0])["lacked"] == ["caller", "trace_id"]


def test_a_busy_session_of_short_requests_is_no_loop() -> None:
    """A pooled connection without trace ids serves request after request, 10 ms apart: each asks once."""
    request = [USER, "SELECT * FROM orders WHERE user_id = {}", "SELECT * FROM baskets WHERE id = {}"]
    busy = [s.format(i) for i in range(60) for s in request]
    assert score(trace(*busy, name=None, session="s", every_ms=10.0)) < 0.5
    real = [
        s
        for i in range(6)
        for s in (USER.format(i), f"{POSTS} /* {i} */", *(FILES.format(10 * i + k) for k in range(9)))
    ]
    assert score(trace(*real, name=None, session="s", every_ms=10.0)) > 0.5


def test_slow_statements_are_no_silence() -> None:
    """A loop of statements of 300 ms each is one request, though they stand 300 ms apart."""
    slow = trace(POSTS, *loop(9), name=None, session="s", every_ms=300.0)
    assert score(slow.with_columns(pl.lit(295.0).alias("duration_ms"))) > 0.5 > score(slow)


def test_a_window_that_lasts_is_cut_where_anyone_would_cut_it() -> None:
    """At multiples of 40 seconds: who sees only the last minutes, or not yet the next, cuts the same."""
    events = trace(*loop(400, "SELECT * FROM t WHERE id = {}"), name=None, session="s", every_ms=1_000)
    whole = judge(events)
    late = judge(events.filter(pl.col("ts") >= START + timedelta(seconds=170)))
    early = judge(events.filter(pl.col("ts") < START + timedelta(seconds=170)))
    assert whole.height == 10
    assert early.select("window_start", "window_end").head(4).equals(whole.select("window_start", "window_end").head(4))
    assert (whole["window_end"] - whole["window_start"]).max() < timedelta(seconds=60)
    columns = ["window_start", "window_end", "score"]
    assert late.select(columns).tail(3).equals(whole.select(columns).tail(3))


def test_what_is_missing_is_null_and_said() -> None:
    bare = judge(trace(POSTS, *loop(9), duration_ms=None))
    assert bare["wasted_ms"].item() is None
    assert "wasted" not in bare["reason"].item()
    assert json.loads(bare["evidence"].item())["lacked"] == ["caller", "duration_ms"]
    odd = judge(trace(POSTS, *loop(9), duration_ms=[float("nan"), float("inf"), 1e300, -1.0, *[2.0] * 6]))
    assert odd["wasted_ms"].item() == 10.0


def test_the_settings_hold_back_what_is_too_small_to_tell() -> None:
    events = trace(POSTS, *loop(8))
    assert score(events) > 0.5
    assert score(events, min_repeats=9) < 0.5
    assert score(events, min_wasted_ms=50) < 0.5
    assert score(events.with_columns(pl.lit(None, pl.Float64).alias("duration_ms")), min_wasted_ms=50) > 0.5
    many = trace(POSTS, *(s for i in range(9) for s in loop(3, f"SELECT * FROM t{i} WHERE id = {{}}")))
    assert len(json.loads(judge(many, max_loops=2)["evidence"].item())["groups"]) == 2


def test_a_huge_trace_is_judged_as_one() -> None:
    """Twenty thousand statements of thousands of templates in one trace: an answer, and only the surest loops told."""
    statements = [f"SELECT * FROM t{i % 5_000} WHERE id = {i}" for i in range(20_000)]
    found = judge(trace(*statements, every_ms=1.0))
    assert found["statements"].item() == 20_000
    assert len(json.loads(found["evidence"].item())["groups"]) == 5


def test_judging_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What bounds memory: subjects are judged in parts of so many rows."""
    events = pl.concat([trace(POSTS, *loop(n % 9), name=f"t{n}") for n in range(30)])
    whole = judge(events)
    monkeypatch.setattr(rows, "MOST_ROWS", 20)
    assert len(list(rows.parts(rows.narrow(events.lazy()).collect()))) > 5
    assert judge(events).equals(whole)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_order_and_duplicates_change_nothing(data: st.DataObject) -> None:
    pool = [POSTS, "BEGIN", "SELECT * FROM tags WHERE post_id IN (1)", *loop(4), *loop(3, "UPDATE t SET a = {}")]
    statements = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=30))
    coarse = data.draw(st.sampled_from([0.0, 0.4, 3_000.0]))
    events = trace(*statements, every_ms=coarse, name=data.draw(st.sampled_from(["t", None])), session="s")
    again = pl.concat([events, events.head(7)]).sample(fraction=1.0, shuffle=True, seed=data.draw(st.integers(0, 9)))
    assert judge(again).equals(judge(events))
