"""How far a live stream has come in event time, when several logs fill a table and any of them may be behind."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import polars as pl

from storage.lake import Lake, read_segments
from storage.schema import table

LIVELY_S = 5.0
"""A log that was read to its end and has not grown for so long holds up nobody else's verdicts."""


class EventClock:
    """Says through which event time each of some tables is complete.

    A table is complete through the newest event of its slowest lively log. When all are quiet, time goes on with the
    wall clock from the moment the last row landed.
    """

    def __init__(self, lake: Lake, tables: AbstractSet[str]) -> None:
        self.lake = lake
        self.tables = tables
        self._seen_commit = 0
        self._newest: dict[tuple[str, str], datetime] = {}
        self._grew_s: dict[tuple[str, str], float] = {}

    def observe(self, now_s: float) -> None:
        """Take in what was committed since the last call; `now_s` is a monotonic clock's reading."""
        snapshot = self.lake.snapshot()
        latest = self.lake.clock()
        for name in sorted(self.tables):
            segments = snapshot.of(name, after_commit=self._seen_commit)
            if not segments:
                continue
            rows = read_segments(table(name), segments).group_by("source").agg(pl.col("ts").max()).collect()
            for source, moment in rows.drop_nulls("ts").iter_rows():
                key = (name, source or "")
                # A clock that runs ahead must not settle what has not happened yet.
                self._newest[key] = max(min(moment, latest), self._newest.get(key, min(moment, latest)))
                self._grew_s[key] = now_s
        self._seen_commit = snapshot.commit_id

    def settled_through(self, name: str, now_s: float, *, behind: AbstractSet[str] = frozenset()) -> datetime | None:
        """Event time up to which table `name` is complete; `behind` are the sources with unread bytes."""
        logs = [key for key in self._newest if key[0] == name]
        lively = [key for key in logs if key[1] in behind or now_s - self._grew_s[key] < LIVELY_S]
        if lively:
            return min(self._newest[key] for key in lively)
        return max((self._newest[key] + timedelta(seconds=now_s - self._grew_s[key]) for key in logs), default=None)
