"""What a query answers, as frames: read batch by batch, so that a long answer needs no more memory than a short one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import polars as pl
import pyarrow as pa

from storage.errors import QueryError
from storage.sql import one_line

BATCH_ROWS = 20_000
_AS_TEXT = re.compile(r"\b(INTERVAL|UNION|BIT|VARIANT|GEOMETRY|TIME WITH TIME ZONE)\b")
"""DuckDB types, nested ones too, that a frame cannot hold; they are given as DuckDB prints them."""
_PER_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31 as days since 1970."""


class Answer:
    """The rows of a query as they come: frames of at most `BATCH_ROWS` rows, every one with the columns `schema`."""

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        """Raises duckdb.Error where the query fails before its first row."""
        batches = _presentable(relation).to_arrow_reader(BATCH_ROWS)
        self.arrow_schema: pa.Schema = batches.schema
        self.schema = _frame(pa.Table.from_batches([], schema=batches.schema)).schema
        self._batches = batches

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """The batches. Raises QueryError."""
        while (batch := self._next()) is not None:
            yield _frame(pa.Table.from_batches([batch]))

    def arrow(self) -> Iterator[pa.RecordBatch]:
        """The same batches as Arrow has them."""
        while (batch := self._next()) is not None:
            yield batch

    def _next(self) -> pa.RecordBatch | None:
        try:
            return self._batches.read_next_batch()
        except StopIteration:
            return None
        except (OSError, pa.ArrowException) as error:  # Arrow wraps what DuckDB says while rows are fetched
            raise FailedError(one_line(error)) from error


class FailedError(Exception):
    """DuckDB's reason, on its way to `answering`, which knows whether the query was stopped."""


def _presentable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation with a name of its own for every column, and as text what a frame cannot hold."""
    names: list[str] = []
    for name in relation.columns:
        free = (name, *(f"{name}_{n}" for n in range(1, len(relation.columns) + 1)))
        names.append(next(n for n in free if n not in names))
    texts = [_AS_TEXT.search(str(kind)) is not None for kind in relation.types]
    if names == relation.columns and not any(texts):
        return relation
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    columns = zip(quoted, texts, strict=True)
    return relation.project(", ".join(f"#{i}{'::VARCHAR' * t} AS {n}" for i, (n, t) in enumerate(columns, start=1)))


def _frame(table: pa.Table) -> pl.DataFrame:
    """Arrow rows as a frame. Raises QueryError for times that Python's calendar does not have."""
    try:
        frame = pl.from_arrow(table)
    except pl.exceptions.PolarsError as error:
        raise QueryError(f"a column cannot be given as it is ({one_line(error)}); cast it: x::VARCHAR") from error
    assert isinstance(frame, pl.DataFrame)
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Datetime | pl.Date):
            days = frame[name].to_physical() // _PER_DAY.get(str(getattr(kind, "time_unit", "")), 1)
            if not days.is_between(_FIRST_DAY, _LAST_DAY).all():
                raise QueryError(f"column {name} has times before the year 1 or after 9999; cast it: {name}::VARCHAR")
    return frame
