"""The verdict on a client's minute depends on that client's hour alone, however the log was cut."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from engine.detectors.waf_behavioral import WafBehavioral
from engine.waf import assess, memo
from engine.waf.memo import Memo
from engine.waf.model import shipped_model
from engine.waf.payloads import judged_pieces
from engine.waf.units import distinct_pieces
from tests.engine.waf_traffic import START, judged, log, request

KEY = ["subject", "window_start"]


def mixed(seed: int = 3, rows: int = 3000, hours: int = 4) -> pl.DataFrame:
    """Some hours of a few clients that browse, probe, guess and attack."""
    rng = np.random.default_rng(seed)
    paths = ["/", "/login", "/item/7", "/a.php", "/.env", "/phpmyadmin/", *(f"/p{i}" for i in range(60))]
    queries = [None, None, None, "q=tea", "id=1' OR '1'='1", "q=<b>", "x=../", "page=2"]
    return log(
        request(
            paths[rng.integers(len(paths))], at_s=float(s), query=queries[rng.integers(len(queries))],
            method="POST" if rng.random() < 0.2 else "GET", status=int(rng.choice([200, 302, 401, 404])),
            client_ip=f"10.0.0.{rng.integers(6)}",
        )
        for s in np.sort(rng.integers(0, hours * 3600, rows))
    )  # fmt: skip


def same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Whether two runs say the same of the same subjects."""
    columns = [*KEY, "score", "reason", "evidence"]
    return one.select(columns).sort(KEY).equals(other.select(columns).sort(KEY))


def test_a_part_of_the_log_gives_the_verdicts_of_the_whole() -> None:
    """Cut an hour before a minute and just behind it: same score, reason and evidence."""
    events = mixed()
    whole = judged(events)
    detector = WafBehavioral
    for minute in (70, 125, 180, 230):
        start = START + timedelta(minutes=minute)
        until = start + detector.span + detector.settle
        part = judged(events.filter(pl.col("ts").is_between(start - detector.lookback, until)))
        here = pl.col("window_start") == start
        assert same(part.filter(here), whole.filter(here))
        assert whole.filter(here).height > 0


def test_order_and_repeats_change_nothing() -> None:
    events = mixed(rows=600, hours=1)
    shuffled = pl.concat([events, events.sample(200, seed=1)]).sample(fraction=1.0, shuffle=True, seed=5)
    assert same(judged(events), judged(shuffled))


def test_chunks_of_clients_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    events = mixed(rows=900, hours=1)
    whole = judged(events)
    monkeypatch.setattr(assess, "CHUNK_ROWS", 200)
    assert same(whole, judged(events))


def test_an_empty_log_and_one_row_are_no_trouble() -> None:
    events = mixed(rows=10)
    assert judged(events.clear()).height == 0
    assert judged(events.head(1)).height == 1
    nothing = events.head(1).with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in events.schema.items() if name != "ts"
    )
    assert judged(nothing)["score"].to_list() == [0.0]
    assert judged(events.with_columns(pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("ts"))).height == 0


def test_memory_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged in portions by a memory that is far too small, every piece gets the verdict it gets alone."""
    monkeypatch.setattr(memo, "MAX_PIECES", 7)
    pieces = distinct_pieces(mixed(rows=400, hours=1))
    asked: list[int] = []

    def judge(some: pl.DataFrame) -> pl.DataFrame:
        asked.append(some.height)
        return judged_pieces(some, shipped_model())

    remembering = Memo(judge)
    order = ["column", "piece"]
    for n in (0, 20, 40, 20, 0):
        portion = pieces.slice(n, 30)
        alone = judged_pieces(portion, shipped_model()).sort(order)
        assert remembering(portion).select(alone.columns).sort(order).equals(alone)
    assert sum(asked) < 5 * 30


def test_what_is_known_is_not_judged_again() -> None:
    asked: list[int] = []

    def judge(some: pl.DataFrame) -> pl.DataFrame:
        asked.append(some.height)
        return judged_pieces(some, shipped_model())

    pieces = distinct_pieces(mixed(rows=200, hours=1))
    remembering = Memo(judge)
    first = remembering(pieces)
    assert remembering(pieces).height == first.height
    assert asked == [pieces.height]
