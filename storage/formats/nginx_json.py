"""JSON access logs as people define them for nginx (`log_format ... escape=json`), by the usual names of their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample, rejected
from storage.formats import _access, _json, _times
from storage.formats._cells import integer, present
from storage.formats._lines import LineFormat

_KEYS: dict[str, tuple[str, ...]] = {
    "ts": ("time_iso8601", "time", "@timestamp", "timestamp", "msec", "time_local", "ts", "date", "start_time"),
    "client": ("remote_addr", "client_ip", "remote_ip", "clientip", "ip", "x_real_ip", "client", "remote",
               "downstream_remote_address"),
    "host": ("host", "http_host", "server_name", "vhost", ":authority", "authority"),
    "request": ("request", "request_line"),
    "method": ("request_method", "method", "verb"),
    "target": ("request_uri", "uri", "path", "url", "x-envoy-origin-path"),
    "query": ("args", "query_string", "query"),
    "status": ("status", "response_code", "response", "status_code"),
    "bytes": ("body_bytes_sent", "bytes_sent", "bytes", "size", "response_size"),
    "seconds": ("request_time", "duration_s", "rt"),
    "millis": ("duration_ms", "request_time_ms", "latency_ms", "duration"),
    "upstream": ("upstream_response_time", "upstream_time", "urt"),
    "referer": ("http_referer", "http_referrer", "referer", "referrer"),
    "agent": ("http_user_agent", "user_agent", "agent", "user-agent"),
    "user": ("remote_user", "user"),
    "trace": ("trace_id", "request_id", "http_x_request_id", "req_id", "x-request-id", "traceparent"),
    "body": ("request_body",),
    "country": ("geoip_country_code", "geoip2_country_code", "country"),
}  # fmt: skip
"""What a request's fields are called; the first that is there counts. `duration` is Envoy's, in milliseconds."""


class NginxJson(LineFormat):
    """One JSON object a request. Numbers may be texts, and an absent upstream is an empty one."""

    name: ClassVar[str] = "nginx-json"
    title: ClassVar[str] = "JSON access log, as nginx, Envoy and others write it (tolerant of key names)"
    tables: ClassVar[tuple[str, ...]] = ("requests",)
    specificity: ClassVar[int] = 40
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"time":"2026-11-22T16:03:47+00:00","remote_addr":"127.0.0.1","method":"GET","uri":"/a?b=1","status":200,'
            '"bytes":17,"request_time":0.040,"upstream_response_time":"0.039","request_id":"029a891ccf2138dddeb45dc66e582fcf"}\n',
            {"requests": [{"ts": "2026-11-22T16:03:47Z", "client_ip": "127.0.0.1", "method": "GET", "path": "/a",
                           "query": "b=1", "status": 200, "bytes_sent": 17, "duration_ms": 40.0, "upstream_ms": 39.0,
                           "trace_id": "029a891ccf2138dddeb45dc66e582fcf"}]},
        ),
        Sample(
            "edge",
            '{"msec":"1795363427.123","remote_addr":"::1","request":"\\\\x16\\\\x03","status":"400","body_bytes_sent":"",'
            '"request_time":"","upstream_response_time":"0.010, 0.120","http_user_agent":"","http_referer":"-"}\n',
            {"requests": [{"ts": "2026-11-22T16:03:47.123000Z", "method": None, "path": "\\x16\\x03", "status": 400,
                           "bytes_sent": None, "duration_ms": None, "upstream_ms": 130.0, "user_agent": None}]},
            "everything as text, nothing as empty text, garbage as the request, two tries upstream",
        ),
        Sample(
            "edge",
            '{"start_time":"2025-12-31T16:37:40.479Z","method":"GET","x-envoy-origin-path":"/x","response_code":404,'
            '"duration":11,"user-agent":"u","downstream_remote_address":"10.0.0.12:59292",":authority":"app.internal"}\n',
            {"requests": [{"client_ip": "10.0.0.12", "host": "app.internal", "path": "/x", "duration_ms": 11.0}]},
            "Envoy",
        ),
        Sample("reject", '{"time":"2026-11-22T16:03:47+00:00","message":"starting"}\nplain\n'),
        Sample("reject", '{"remote_addr":"::1","request":"GET / HTTP/1.1","status":200}\n', about="no time"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """The share of objects with a status, something asked for, and a time."""
        if not any(_json.any_in(head, key) for key in _KEYS["status"]):
            return 0.0
        return _cells(head).filter(_is_request() & pl.col("ts").is_not_null()).height / max(head.len(), 1)

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Cells by DuckDB, types by Polars."""
        cells = _cells(records["record"])
        cells = cells.with_columns(_times.anything(cells["ts"], context).alias("ts"), records["byte_offset"])
        good = cells.select((_is_request() & pl.col("ts").is_not_null()).fill_null(False)).to_series()
        bad = cells.filter(~good).with_columns(records["record"].filter(~good))
        why = (
            pl.when(~pl.col("is_object")).then(pl.lit("not a whole JSON object"))
            .when(pl.col("ts").is_null()).then(pl.lit("no readable time under any usual key"))
            .otherwise(pl.lit("no status, or no request under any usual key"))
        )  # fmt: skip
        return Parsed({"requests": _typed(cells.filter(good))}, rejected(bad, why))


def _cells(lines: pl.Series) -> pl.DataFrame:
    """A text column for each of `_KEYS`, and `is_object`."""
    empty = lines.str.contains(r'"request"\s*:\s*""').fill_null(False).alias("empty_request")
    return _json.coalesced(lines, _KEYS).with_columns(empty)


def _is_request() -> pl.Expr:
    asked = pl.any_horizontal(pl.col("request", "method", "target").is_not_null())
    return pl.col("status").is_not_null() & (asked | pl.col("empty_request").fill_null(False))


def _typed(cells: pl.DataFrame) -> pl.DataFrame:
    """Columns of `requests`; the request line counts before its parts. What no record has costs nothing."""
    told = {name for name in cells.columns if cells[name].null_count() < cells.height}
    nothing = pl.lit(None, dtype=pl.String)
    lines = _access.request_line(pl.col("request")) if "request" in told else ()
    line = dict.fromkeys(("method", "path", "query"), nothing) | {e.meta.output_name(): e for e in lines}
    target = pl.col("target").str.splitn("?", 2).struct if "target" in told else None
    path, query = (target.field("field_0"), target.field("field_1")) if target is not None else (nothing, nothing)
    port = r"^(\[?[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F]*\]?|[^:]+)(?::\d+)?$"

    def number(name: str, of: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
        return of(pl.col(name)) if name in told else pl.lit(None, dtype=pl.Float64)

    return cells.select(
        "byte_offset", "ts", "host",
        pl.coalesce(pl.col("client").str.extract(port), "client").alias("client_ip"),
        pl.coalesce(line["method"], "method").alias("method"),
        pl.coalesce(line["path"], path, pl.when("empty_request").then(pl.lit("")))
        .alias("path"),
        pl.coalesce(line["query"], present(query), "query").alias("query"),
        _access.status(pl.col("status")).alias("status"),
        number("bytes", integer).alias("bytes_sent"),
        pl.coalesce(number("seconds", _access.seconds_ms), (number("millis", _access.seconds_ms) / 1000).round(6))
        .alias("duration_ms"),
        number("upstream", _access.seconds_ms).alias("upstream_ms"),
        "referer", pl.col("agent").alias("user_agent"), pl.col("user").alias("remote_user"),
        pl.coalesce(pl.col("trace").str.extract(r"^[0-9a-f]{2}-([0-9a-f]{32})-"), "trace").alias("trace_id"),
        "body", "country",
    )  # fmt: skip
