"""Pieces judged before, so that a live stream pays for a text only once. It changes no verdict."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

MAX_PIECES = 100_000
MAX_BYTES = 1_024
"""Longer pieces are judged anew: they rarely come back and would fill the memory."""
KEY = ("column", "piece")


class Memo:
    """The verdicts of at most MAX_PIECES short pieces, the newest; `judge` is asked for the others.

    `judge` takes pieces (`column`, `piece`) and returns those that show something, with their verdict.
    """

    def __init__(self, judge: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        self._judge = judge
        self._judged: pl.DataFrame | None = None
        self._clean = pl.DataFrame(schema=dict.fromkeys(KEY, pl.String))

    def __call__(self, pieces: pl.DataFrame) -> pl.DataFrame:
        """The verdicts of those `pieces` that show something."""
        judged, clean = self._judged, self._clean
        if judged is None:
            found = self._judge(pieces)
            self._remember(found, pieces)
            return found
        known = pieces.join(judged, on=KEY)
        fresh = pieces.join(clean, on=KEY, how="anti").join(judged, on=KEY, how="anti")
        if fresh.is_empty():
            return known
        found = self._judge(fresh)
        self._remember(found, fresh)
        return pl.concat([known, found.select(known.columns)])

    def _remember(self, found: pl.DataFrame, pieces: pl.DataFrame) -> None:
        short = pl.col("piece").str.len_bytes() <= MAX_BYTES
        clean = pieces.select(KEY).filter(short).join(found, on=KEY, how="anti")
        before = found.clear() if self._judged is None else self._judged
        self._judged = pl.concat([before, found.filter(short).select(before.columns)]).tail(MAX_PIECES)
        self._clean = pl.concat([self._clean, clean]).tail(MAX_PIECES)
