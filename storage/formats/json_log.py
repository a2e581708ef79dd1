"""Application logs as JSON lines, by the usual names of their keys: slog, zap, logrus, pino, bunyan, Python, ECS."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _applog, _json, _times
from storage.formats._lines import LineFormat, parted

_KEYS: dict[str, tuple[str, ...]] = {
    "when": ("time", "timestamp", "@timestamp", "ts", "t", "datetime", "asctime", "date", "timeMillis"),
    "level": ("level", "severity", "lvl", "levelname", "log.level", "loglevel"),
    "message": ("msg", "message", "event", "body", "textPayload", "short_message"),
    "logger": ("logger", "logger_name", "name", "module", "component", "caller", "log.logger", "loggerName"),
    "trace": ("trace_id", "traceId", "trace.id", "request_id", "requestId", "req_id", "correlation_id"),
}
"""What the fields are called; the first that is there counts."""
_NUMBERS = {"10": "trace", "20": "debug", "30": "info", "40": "warn", "50": "error", "60": "fatal"}
"""pino's and bunyan's levels."""


class JsonLog(LineFormat):
    """One object a line with a time and a message; the whole object is the row's context."""

    name: ClassVar[str] = "json-log"
    title: ClassVar[str] = "Application log, JSON lines (tolerant of key names)"
    tables: ClassVar[tuple[str, ...]] = ("logs",)
    specificity: ClassVar[int] = 20
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"time":"2026-11-22T16:03:47.5Z","level":"WARN","msg":"disk is full","trace_id":"ab12","disk":"sda"}\n',
            {"logs": [{"ts": "2026-11-22T16:03:47.500000Z", "level": "warn", "message": "disk is full", "trace_id": "ab12",  # noqa: E501
                       "context": '{"time":"2026-11-22T16:03:47.5Z","level":"WARN","msg":"disk is full",'
                                  '"trace_id":"ab12","disk":"sda"}'}]},
        ),
        Sample(
            "edge",
            '{"level":50,"time":1795363427500,"pid":7,"hostname":"a","name":"shop","msg":"no stock"}\n'
            '{"@timestamp":"2026-11-22T16:03:47.000Z","log.level":"error","message":"x","severity":null}\n'
            '{"ts":1795363427.5,"lvl":"information","message":{"code":7}}\n',
            {"logs": [{"ts": "2026-11-22T16:03:47.500000Z", "level": "error", "logger": "shop"},
                      {"level": "error", "message": "x"}, {"level": "info", "message": '{"code":7}'}]},
            "pino's numbers, the Elastic common schema, a message that is an object",
        ),
        Sample("reject", '{"level":"info","msg":"no time"}\n{"time":"2026-11-22T16:03:47Z"}\nplain\n'),
    )  # fmt: skip

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def sniff(self, head: pl.Series) -> float:
        """Objects with a time and a message, a level in some of them."""
        if not any(_json.any_in(head, key) for key in _KEYS["message"]):
            return 0.0
        cells = _cells(head)
        fits = cells["when"].is_not_null() & cells["message"].is_not_null()
        return float(fits.sum()) / head.len() if cells["level"].is_not_null().any() else 0.0

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Cells by DuckDB."""
        cells = records.hstack(_cells(records["record"]))
        times = _times.anything(cells["when"], context)
        cells = cells.with_columns(times.alias("at"))
        cells = cells.with_columns(pl.when(pl.col("message").is_not_null()).then("at").alias("ts"))
        why = (
            pl.when(~pl.col("is_object")).then(pl.lit("not a whole JSON object"))
            .when(pl.col("message").is_null()).then(pl.lit("no message under any usual key"))
            .otherwise(pl.lit("no readable time under any usual key"))
        )  # fmt: skip
        good, rejects = parted(cells, why)
        return Parsed({"logs": _logs(good)}, rejects)


def _cells(lines: pl.Series) -> pl.DataFrame:
    """A text column for each of `_KEYS`, and `is_object`."""
    return _json.coalesced(lines, _KEYS)


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    named = pl.coalesce(_applog.level(pl.col("level")), pl.col("level").replace_strict(_NUMBERS, default=None))
    return rows.select(
        "byte_offset", "ts", pl.coalesce(named, pl.col("level").str.to_lowercase()).alias("level"), "logger", "message",
        pl.col("trace").alias("trace_id"), pl.col("record").str.strip_chars().alias("context"),
    )  # fmt: skip
