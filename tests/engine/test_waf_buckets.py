"""Leaky buckets without a loop hold what buckets with a loop hold."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.waf.buckets import Bucket, levels, rolling_count
from engine.waf.events import MEMORY, REPEAT, prepared
from tests.engine.waf_traffic import log, request

EVERY = Bucket("every", "{} requests", pl.lit(True), 5, 10.0, 0.5, distinct=None)
NEW = Bucket("new", "{} paths", pl.lit(True), 5, 10.0, 0.5, distinct="target")


def level_by_loop(seconds: list[int], leak_s: float) -> float:
    """The fullest that a bucket gets, the way a person would write it."""
    content, last, fullest = 0.0, None, 0.0
    for at in sorted(seconds):
        if last is not None:
            content = max(0.0, content - (at - last) / leak_s)
        content, last = content + 1.0, at
        fullest = max(fullest, content)
    return fullest


@given(st.lists(st.integers(0, 1200), min_size=1, max_size=60))
@settings(max_examples=30, deadline=None)
def test_the_level_is_that_of_a_bucket_that_leaks(seconds: list[int]) -> None:
    events = prepared(log(request("/", at_s=s) for s in seconds).lazy())
    assert levels(events, EVERY)["level"].max() == pytest.approx(level_by_loop(seconds, 10.0), abs=1e-6)


def test_a_level_looks_back_no_further_than_its_memory() -> None:
    """A bucket that never drains forgets what is older than MEMORY, whatever else the frame holds."""
    slow = Bucket("slow", "{}", pl.lit(True), 5, 1e9, 0.5, distinct=None)
    minutes = range(3 * int(MEMORY.total_seconds() // 60))
    events = prepared(log(request("/", at_s=60.0 * m) for m in minutes).lazy())
    assert levels(events, slow)["level"].max() == pytest.approx(MEMORY.total_seconds() / 60 + 1, abs=1e-3)


def test_a_value_seen_before_counts_again_only_after_a_while() -> None:
    again = REPEAT.total_seconds()
    rows = [request("/a", at_s=0), request("/a", at_s=5), request("/b", at_s=6), request("/a", at_s=again + 100)]
    counted = levels(prepared(log(rows).lazy()), NEW)
    assert counted["count"].sum() == 3


def test_each_client_has_a_bucket_of_its_own() -> None:
    rows = [request(f"/{i}", at_s=i / 10, client_ip=f"10.0.0.{i % 2}") for i in range(12)]
    full = levels(prepared(log(rows).lazy()), NEW)
    assert full.height == 2
    assert full["level"].max() <= 6


def test_a_slow_count_is_that_of_its_window() -> None:
    step = timedelta(minutes=2)
    rows = [request(f"/{i}", at_s=i * step.total_seconds()) for i in range(40)]
    counted = rolling_count(prepared(log(rows).lazy()), pl.lit(True), distinct="target")
    assert counted["count"].max() == MEMORY // step + 1
