"""Every table of the lake, in one place, with units.

`ts` is the event's own time in UTC with microseconds. A missing value is null, never zero. `source` names the log a row
came from (its path as given), `byte_offset` where its record starts there, in uncompressed bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

TIME = pl.Datetime("us", "UTC")
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the lake: `event` is its name in JSON lines, `columns` map a name to its type, in order."""

    name: str
    event: str | None
    about: str
    columns: Mapping[str, pl.DataType | type[pl.DataType]]

    @property
    def schema(self) -> pl.Schema:
        """The table as a Polars schema."""
        return pl.Schema(self.columns)

    def empty(self) -> pl.DataFrame:
        """A frame of this table without rows."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with exactly this table's columns, in order and typed; what it lacks becomes null.

        A value that does not fit its column becomes null as well. Columns the table does not know are dropped.
        """
        have = frame.schema
        return pl.DataFrame([
            frame[name] if have.get(name) == kind
            else frame[name].cast(kind, strict=False) if name in have
            else _nothing(name, kind).new_from_index(0, frame.height)
            for name, kind in self.columns.items()
        ])  # fmt: skip


@functools.cache
def _nothing(name: str, kind: pl.DataType | type[pl.DataType]) -> pl.Series:
    """A column of one null, of which longer ones are made at no cost."""
    return pl.Series(name, [None], dtype=kind)


_ORIGIN: dict[str, pl.DataType | type[pl.DataType]] = {"ts": TIME, "source": pl.String, "byte_offset": pl.Int64}

REQUESTS = Table(
    "requests", "request", "a web request",
    _ORIGIN | {
        "host": pl.String, "client_ip": pl.String, "method": pl.String, "path": pl.String, "query": pl.String,
        "status": pl.Int16, "bytes_sent": pl.Int64, "duration_ms": pl.Float64, "upstream_ms": pl.Float64,
        "referer": pl.String, "user_agent": pl.String, "remote_user": pl.String, "trace_id": pl.String,
        "headers": pl.String, "body": pl.String, "memory_mb": pl.Float64, "cpu_ms": pl.Float64,
        "db_queries": pl.Int32, "cache_hit_rate": pl.Float64, "country": pl.String,
    },
)  # fmt: skip
"""`query` is raw, without `?`; `headers` holds one `Name: value` a line; `cache_hit_rate` is 0..1."""

QUERIES = Table(
    "queries", "query", "a statement that a database ran",
    _ORIGIN | {
        "trace_id": pl.String, "span_id": pl.String, "parent_span_id": pl.String, "session": pl.String,
        "transaction_id": pl.String, "database": pl.String, "db_user": pl.String, "application": pl.String,
        "sql": pl.String, "params": pl.String, "fingerprint": pl.String, "duration_ms": pl.Float64,
        "rows_examined": pl.Int64, "rows_returned": pl.Int64, "caller": pl.String, "error": pl.String,
        "plan": pl.String,
    },
)  # fmt: skip
"""`params` is JSON text; `ts` is when the statement was logged or began, whichever the log tells."""

JOBS = Table(
    "jobs", "job", "a queue job's run",
    _ORIGIN | {
        "job_id": pl.String, "job_type": pl.String, "queue": pl.String, "worker": pl.String, "status": pl.String,
        "execution_ms": pl.Float64, "wait_ms": pl.Float64, "memory_mb": pl.Float64, "cpu_ms": pl.Float64,
        "retry_count": pl.Int32, "payload_kb": pl.Float64, "error": pl.String,
    },
)  # fmt: skip
"""`ts` is the end of the run; `memory_mb` is its peak; `status` is done, failed, retried, ... as the queue says it."""

LOGS = Table(
    "logs", "log", "an application log record",
    _ORIGIN | {"level": pl.String, "logger": pl.String, "message": pl.String, "trace_id": pl.String,
               "context": pl.String},
)  # fmt: skip
"""`context` is JSON text; `level` is lower case."""

REJECTS = Table(
    "rejects", None, "a record that no format could read", _ORIGIN | {"reason": pl.String, "raw": pl.Binary},
)  # fmt: skip
"""`ts` is when it landed, for such a record tells no time."""

PREDICTIONS = Table(
    "predictions", "prediction", "a detector's verdict on a subject",
    {
        "ts": TIME, "prediction_id": pl.String, "model": pl.String, "version": pl.String, "environment": pl.String,
        "config_revision": pl.Int64, "subject": pl.String, "window_start": TIME, "window_end": TIME,
        "score": pl.Float64, "threshold": pl.Float64, "flagged": pl.Boolean, "reason": pl.String,
        "evidence": pl.String, "features": pl.String, "analysis_ms": pl.Float64, "run_id": pl.String,
    },
)  # fmt: skip
"""`ts` equals `window_end`; `score` is 0..1; `evidence` and `features` are JSON text."""

LABELS = Table(
    "labels", "label", "ground truth for a subject",
    {
        "ts": TIME, "model": pl.String, "subject": pl.String, "window_start": TIME, "truth": pl.Boolean,
        "propensity": pl.Float64, "actor": pl.String, "note": pl.String,
    },
)  # fmt: skip
"""A null `window_start` labels every window of the subject; the newest label of a subject and window counts."""

TABLES: dict[str, Table] = {
    table.name: table for table in (REQUESTS, QUERIES, JOBS, LOGS, REJECTS, PREDICTIONS, LABELS)
}
EVENTS: dict[str, Table] = {table.event: table for table in TABLES.values() if table.event}


def table(name: str) -> Table:
    """The table of that name. Raises KeyError with the names there are."""
    try:
        return TABLES[name]
    except KeyError:
        raise KeyError(f"no table {name!r}; there are {', '.join(TABLES)}") from None


def concat(name: str, frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All `frames` of table `name` as one conformed frame, in the order given."""
    known = table(name)
    parts = [known.conform(frame) for frame in frames if frame.height]
    return pl.concat(parts) if parts else known.empty()
