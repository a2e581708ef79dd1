"""Rows held packed are the rows that were given, for any part size and any slice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from engine.packed import Packed
from storage.schema import TABLES

LOGS = TABLES["logs"]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
minutes = st.one_of(st.none(), st.integers(0, 20))


def rows(times: list[int | None]) -> pl.DataFrame:
    when = [None if t is None else NOON + timedelta(minutes=t) for t in times]
    said = [f"line {number}" for number in range(len(times))]
    return LOGS.conform(
        pl.DataFrame({"ts": when, "message": said}, schema={"ts": LOGS.schema["ts"], "message": pl.String})
    )


@given(st.lists(st.lists(minutes, max_size=5), max_size=6), st.integers(1, 7), minutes, minutes)
def test_a_slice_is_what_a_filter_of_all_rows_gives(
    batches: list[list[int | None]], part_rows: int, since: int | None, until: int | None
) -> None:
    packed, whole = Packed(LOGS, part_rows), pl.concat([LOGS.empty(), *(rows(batch) for batch in batches)])
    for batch in batches:
        packed.add(rows(batch))
    assert packed.height == whole.height
    if since is not None:
        whole = whole.filter(pl.col("ts") >= NOON + timedelta(minutes=since))
    if until is not None:
        whole = whole.filter(pl.col("ts") < NOON + timedelta(minutes=until))
    low, high = (None if t is None else NOON + timedelta(minutes=t) for t in (since, until))
    assert_frame_equal(packed.between(low, high).collect(), whole)
