"""A long log judged piece by piece in event time: memory follows its busiest hours, not its length.

A verdict depends on nothing but what lies between `lookback` before its window and `settle` after it (the contract of
`engine/detector.py`), so pieces that overlap by that much give the verdicts that the whole gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from engine.detector import Detector

ROWS = 250_000
"""New events judged at a time; with verdicts of a kilobyte each this keeps a step under a gigabyte."""
SHORTEST = timedelta(hours=1)
"""A piece is no shorter than this, or than the detector's lookback, so that what lies before it is not read many times
over."""

Source = Callable[[datetime | None, datetime | None], pl.LazyFrame]
"""Events with `since <= ts < until`; None leaves an end open."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Verdicts on windows that end at or after `begin` and before `stop`; None leaves an end open."""

    begin: datetime | None
    stop: datetime | None

    def events(self, detector: Detector, source: Source) -> pl.LazyFrame:
        """All events that these verdicts depend on."""
        before = detector.span + detector.settle + detector.lookback
        since = self.begin - before if self.begin is not None else None
        until = self.stop + detector.settle + timedelta(microseconds=1) if self.stop is not None else None
        return source(since, until)

    def holds(self) -> pl.Expr:
        """Whether a verdict is of this slice."""
        end = pl.col("window_end")
        low = end >= self.begin if self.begin is not None else pl.lit(True)
        return low & (end < self.stop) if self.stop is not None else low


def slices(
    detector: Detector, source: Source, begin: datetime | None, *, rows: int = ROWS, shortest: timedelta = SHORTEST
) -> Iterator[Slice]:
    """Slices in order of time that together hold every verdict from `begin` on, about `rows` new events in each."""
    shortest = min(shortest, detector.lookback)
    counts = (
        source(begin, None)
        .filter(pl.col("ts").is_not_null())
        .group_by(pl.col("ts").dt.truncate("1m").alias("minute"))
        .agg(pl.len().cast(pl.Int64).alias("events"))
        .collect(engine="streaming")
        .sort("minute")
    )
    held, since = 0, None
    for minute, events in counts.iter_rows():
        since = since or minute
        if held and held + events > rows and minute - since >= shortest:
            yield Slice(begin, minute)
            begin, since, held = minute, minute, 0
        held += events
    yield Slice(begin, None)
