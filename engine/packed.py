"""Rows of one table held packed: as Parquet in memory, a tenth to a thirtieth of what a frame of them takes.

Logs that are judged without a home are written nowhere, so that nothing of them stays behind; packed they fit all the
same. A slice unpacks no more than the parts that its times lie in.
"""

from __future__ import annotations

import io
from datetime import datetime

import polars as pl

from storage.schema import Table

PART_ROWS = 500_000


class Packed:
    """Rows of `kind`, in the order they came."""

    def __init__(self, kind: Table, part_rows: int = PART_ROWS) -> None:
        self.kind = kind
        self.height = 0
        self._part_rows = part_rows
        self._parts: list[bytes] = []
        self._loose: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Rows that follow those before."""
        self._loose.append(self.kind.conform(rows))
        self.height += rows.height
        if sum(frame.height for frame in self._loose) >= self._part_rows:
            buffer = io.BytesIO()
            pl.concat(self._loose).write_parquet(buffer, compression="zstd", compression_level=1)
            self._parts.append(buffer.getvalue())
            self._loose.clear()

    def between(self, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
        """Rows with `since <= ts < until`; those without a time only where both ends are open."""
        parts = [pl.scan_parquet(io.BytesIO(part)) for part in self._parts]
        rows = (
            pl.concat([*parts, *(frame.lazy() for frame in self._loose)]) if self.height else self.kind.empty().lazy()
        )
        if since is not None:
            rows = rows.filter(pl.col("ts") >= since)
        return rows if until is None else rows.filter(pl.col("ts") < until)
