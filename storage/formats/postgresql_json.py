"""PostgreSQL's jsonlog (15 and later), and the same record in CloudNativePG's envelope."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import NO_CONTEXT, Context, LogFormat, Parsed, Sample, rejected
from storage.formats import _json, _postgres, _times
from storage.formats._cells import present
from storage.formats._lines import unblank

_JSONLOG = {
    "ts": "timestamp", "severity": "error_severity", "message": "message", "pid": "pid", "session": "session_id",
    "database": "dbname", "db_user": "user", "application": "application_name", "transaction_id": "vxid",
    "detail": "detail", "hint": "hint", "context": "context", "statement": "statement",
}  # fmt: skip
_CNPG = _JSONLOG | {
    "ts": "log_time", "pid": "process_id", "database": "database_name", "db_user": "user_name",
    "transaction_id": "virtual_transaction_id", "statement": "query",
}  # fmt: skip


class PostgresqlJson(LogFormat):
    """One JSON object a line; keys that have no value are left out by the server."""

    name: ClassVar[str] = "postgresql-json"
    title: ClassVar[str] = "PostgreSQL jsonlog (log_destination = jsonlog), also as CloudNativePG wraps it"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 80
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"timestamp":"2026-11-22 16:03:56.781 UTC","user":"shop","dbname":"shop","pid":26639,"session_id":"6b.680f",'  # noqa: E501
            '"vxid":"3/7","error_severity":"LOG","message":"duration: 0.077 ms  execute a: SELECT \\"x\\"",'
            '"detail":"parameters: $1 = \'5\'","application_name":"web","query_id":2}\n',
            {"queries": [{"ts": "2026-11-22T16:03:56.781000Z", "db_user": "shop", "session": "6b.680f", "duration_ms": 0.077,  # noqa: E501
                          "sql": 'SELECT "x"', "params": '["5"]', "transaction_id": "3/7", "application": "web"}]},
        ),
        Sample(
            "edge",
            '{"level":"info","ts":"2025-12-09T00:32:21.5Z","logger":"postgres","msg":"record","record":{"log_time":'
            '"2025-12-09 00:32:21.499 UTC","user_name":"postgres","database_name":"postgres","process_id":"4004",'
            '"session_id":"69.fa4","error_severity":"LOG","message":"duration: 100.000 ms  statement: SELECT 1"}}\n'
            '{"level":"info","ts":"2025-12-09T00:32:22Z","msg":"reconciling"}\n',
            {"queries": [{"ts": "2025-12-09T00:32:21.499000Z", "duration_ms": 100.0, "sql": "SELECT 1"}],
             "logs": [{"level": "info", "message": "reconciling"}]},
            "CloudNativePG: a server's record, and the operator's own",
        ),
        Sample("reject", '{"timestamp":"yesterday","error_severity":"LOG","message":"x"}\nnot json\n'),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """The share of objects with PostgreSQL's severity beside its time."""
        if not _json.any_in(head, "error_severity"):
            return 0.0
        seen = _json.decode(head, _shape())
        own = pl.col("error_severity").is_not_null() & pl.col("timestamp").is_not_null()
        wrapped = pl.col("logger").eq("postgres") & pl.col("record").struct.field("error_severity").is_not_null()
        return seen.filter((own | wrapped).fill_null(False)).height / max(head.len(), 1)

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """Cells by DuckDB; what they mean says `_postgres`."""
        records = unblank(records)
        seen = _json.decode(records["record"], _shape())
        inner = pl.col("record").struct
        cells = seen.select(
            "is_object",
            *(pl.coalesce(inner.field(_CNPG[name]), _outer(name)).alias(name) for name in _JSONLOG),
        ).with_columns(present(pl.col(name)) for name in _JSONLOG if name != "message")
        events = records.select("byte_offset").hstack(cells)
        events = events.with_columns(_times.iso(events["ts"], context).alias("ts"))
        readable = events["ts"].is_not_null() & events["severity"].is_not_null() & events["message"].is_not_null()
        told = _postgres.tell(_postgres.kinds(events.filter(readable).select(_postgres.EVENTS.names())), final=final)
        bad = records.filter(~readable).hstack(events.filter(~readable).select("is_object", "ts"))
        if told.held_from is not None:
            bad = bad.filter(pl.col("byte_offset") < told.held_from)
        why = (
            pl.when(~pl.col("is_object")).then(pl.lit("not a whole JSON object"))
            .when(pl.col("ts").is_null()).then(pl.lit("no readable `timestamp`"))
            .otherwise(pl.lit("no `error_severity` or `message`"))
        )  # fmt: skip
        return Parsed({"queries": told.queries, "logs": told.logs}, rejected(bad, why), told.held_from)


def _shape() -> _json.Shape:
    return _json.texts(*_JSONLOG.values(), "level", "ts", "msg", "logger") | {"record": _json.texts(*_CNPG.values())}


def _outer(name: str) -> pl.Expr:
    """jsonlog's own key, else the envelope's where it carries no record."""
    spare = {"ts": "ts", "severity": "level", "message": "msg"}
    own = pl.col(_JSONLOG[name])
    return pl.coalesce(own, spare[name]) if name in spare else own
