"""OpenTelemetry traces as OTLP/JSON: one ExportTraceServiceRequest a line, as the collector's file exporter writes."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample, rejected
from storage.formats import _access, _json, _sqlcomment, _times
from storage.formats._cells import integer, number, present
from storage.formats._lines import LineFormat

_VALUE = _json.texts("stringValue", "intValue", "doubleValue", "boolValue", "arrayValue")
_ATTRIBUTES = [{"key": "VARCHAR", "value": _VALUE}]
_SPAN = _json.texts("traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano") | {
    "attributes": _ATTRIBUTES, "status": _json.texts("code", "message"),
}  # fmt: skip
_SHAPE = {
    "resourceSpans": [{"resource": {"attributes": _ATTRIBUTES}, "scopeSpans": [{"spans": [_SPAN]}]}],
}
_WANTED: dict[str, tuple[str, ...]] = {
    "system": ("db.system", "db.system.name"),
    "statement": ("db.query.text", "db.statement"),
    "database": ("db.namespace", "db.name"),
    "db_user": ("db.user",),
    "rows": ("db.response.returned_rows",),
    "method": ("http.request.method", "http.method"),
    "path": ("url.path", "http.target"),
    "query": ("url.query",),
    "url": ("url.full", "http.url"),
    "status_code": ("http.response.status_code", "http.status_code"),
    "client": ("client.address", "http.client_ip", "net.peer.ip"),
    "host": ("server.address", "http.host", "net.host.name"),
    "agent": ("user_agent.original", "http.user_agent"),
    "size": ("http.response.body.size", "http.response_content_length"),
    "file": ("code.file.path", "code.filepath"),
    "line": ("code.line.number", "code.lineno"),
    "function": ("code.function.name", "code.function"),
}
"""Semantic conventions, the stable name before the older ones."""


class OtlpJson(LineFormat):
    """Client spans with a database statement are queries, server spans with an HTTP method requests; `ts` is the start.

    Other spans are left out. Times are nanoseconds as text; ids are hex and stay as they are.
    """

    name: ClassVar[str] = "otlp-json"
    title: ClassVar[str] = "OpenTelemetry traces, OTLP/JSON lines"
    tables: ClassVar[tuple[str, ...]] = ("queries", "requests")
    specificity: ClassVar[int] = 90
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":'
            '[{"spans":[{"traceId":"0cda1241dee8495712da5e5d6b8ad3ff","spanId":"2e1f3ade6d2f74dd","parentSpanId":'
            '"1dc435be7f69b29c","name":"SELECT","kind":3,"startTimeUnixNano":"1795364087397401444","endTimeUnixNano":'
            '"1795364087397657965","attributes":[{"key":"db.system","value":{"stringValue":"postgresql"}},{"key":"db.statement",'
            '"value":{"stringValue":"SELECT 1"}},{"key":"db.name","value":{"stringValue":"shopdb"}}],"status":{}}]}]}]}\n',  # noqa: E501
            {"queries": [{"ts": "2026-11-22T16:14:47.397401Z", "trace_id": "0cda1241dee8495712da5e5d6b8ad3ff",
                          "span_id": "2e1f3ade6d2f74dd", "parent_span_id": "1dc435be7f69b29c", "sql": "SELECT 1",
                          "database": "shopdb", "application": "shop", "duration_ms": 0.256521, "error": None}]},
        ),
        Sample(
            "edge",
            '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"aa","spanId":"bb","name":"GET /x","kind":"SPAN_KIND_SERVER",'  # noqa: E501
            '"startTimeUnixNano":1795364087000000000,"endTimeUnixNano":1795364087005000000,"attributes":[{"key":'
            '"http.request.method","value":{"stringValue":"GET"}},{"key":"url.path","value":{"stringValue":"/x"}},{"key":'
            '"http.response.status_code","value":{"intValue":"500"}}]},{"traceId":"aa","spanId":"cc","kind":3,"name":"q",'
            '"startTimeUnixNano":"1795364087001000000","endTimeUnixNano":"1795364087002000000","attributes":[{"key":'
            '"db.query.text","value":{"stringValue":"SELECT 2"}}],"status":{"code":2,"message":"timeout"}},'
            '{"traceId":"aa","spanId":"dd","kind":1,"name":"render","startTimeUnixNano":"1795364087001000000"}]}]}]}\n'
            '{"resourceSpans":[]}\n',
            {"queries": [{"sql": "SELECT 2", "error": "timeout", "duration_ms": 1.0}],
             "requests": [{"ts": "2026-11-22T16:14:47Z", "method": "GET", "path": "/x", "status": 500, "duration_ms": 5.0,  # noqa: E501
                           "trace_id": "aa"}]},
            "a server's span, an enum by name, newer conventions, an error, an internal span; nothing to report",
        ),
        Sample("reject", '{"resourceLogs":[]}\n[]\n{"resourceSpans":\n'),
    )  # fmt: skip

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def sniff(self, head: pl.Series) -> float:
        """Objects with `resourceSpans`."""
        if not _json.any_in(head, "resourceSpans"):
            return 0.0
        found = _json.decode(head, _json.texts("resourceSpans"))["resourceSpans"].is_not_null().sum()
        return float(found) / head.len()

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:  # noqa: ARG002
        """Spans from their nesting, then those of databases and of servers."""
        cells = records.select("byte_offset", "record").hstack(_json.decode(records["record"], _SHAPE))
        bad = cells.filter(pl.col("resourceSpans").is_null())
        why = pl.when(pl.col("is_object")).then(pl.lit("no list of `resourceSpans`")).otherwise(
            pl.lit("not a whole JSON object")
        )  # fmt: skip
        spans = _spans(cells.filter(pl.col("resourceSpans").is_not_null()))
        undated = spans.filter(pl.col("ts").is_null()).unique("byte_offset", maintain_order=True)
        spans = spans.filter(pl.col("ts").is_not_null())
        queried = pl.col("statement").is_not_null()
        served = pl.col("kind").is_in(["2", "SPAN_KIND_SERVER"]) & pl.col("method").is_not_null() & ~queried
        rejects = pl.concat([rejected(bad, why), rejected(undated, "a span without a readable startTimeUnixNano")])
        return Parsed(
            {"queries": _queries(spans.filter(queried)), "requests": _requests(spans.filter(served.fill_null(False)))},
            rejects.sort("byte_offset"),
        )


def _attribute(attributes: pl.Expr, names: tuple[str, ...]) -> pl.Expr:
    """The first value among `names` in a list of OTLP attributes, as text."""

    def one(name: str) -> pl.Expr:
        value = pl.element().struct.field("value").struct
        text = pl.coalesce(*(value.field(kind) for kind in _VALUE))
        return attributes.list.eval(text.filter(pl.element().struct.field("key") == name)).list.first()

    return pl.coalesce(*(one(name) for name in names))


def _spans(cells: pl.DataFrame) -> pl.DataFrame:
    """One row a span: its fields, the attributes wanted, and its times."""
    resources = cells.explode("resourceSpans").unnest("resourceSpans").filter(pl.col("scopeSpans").is_not_null())
    resources = resources.with_columns(
        _attribute(pl.col("resource").struct.field("attributes"), ("service.name",)).alias("service")
    )
    spans = resources.explode("scopeSpans").select(
        "byte_offset", "record", "service", pl.col("scopeSpans").struct.field("spans")
    )
    spans = spans.explode("spans").filter(pl.col("spans").is_not_null()).unnest("spans")
    spans = spans.with_columns(_attribute(pl.col("attributes"), names).alias(key) for key, names in _WANTED.items())
    start = _times.epoch(spans["startTimeUnixNano"]).alias("ts")
    nanos = integer(pl.col("endTimeUnixNano")) - integer(pl.col("startTimeUnixNano"))
    return spans.with_columns(start, pl.when(nanos >= 0).then((nanos / 1e6).round(6)).alias("duration_ms"))


def _failure() -> pl.Expr:
    status = pl.col("status").struct
    failed = status.field("code").is_in(["2", "STATUS_CODE_ERROR"])
    return pl.when(failed).then(present(status.field("message")).fill_null("error"))


def _queries(spans: pl.DataFrame) -> pl.DataFrame:
    told = _sqlcomment.read(spans["statement"].alias("sql")).select("sql", pl.col("caller").alias("said"))
    place = pl.coalesce(pl.concat_str("file", "line", separator=":"), "file", "function", "said")
    return spans.hstack(told).select(
        "byte_offset",
        "ts",
        present(pl.col("traceId")).alias("trace_id"),
        pl.col("spanId").alias("span_id"),
        present(pl.col("parentSpanId")).alias("parent_span_id"),
        "database",
        "db_user",
        pl.col("service").alias("application"),
        "sql",
        "duration_ms",
        integer(pl.col("rows")).alias("rows_returned"),
        place.alias("caller"),
        _failure().alias("error"),
    )


def _requests(spans: pl.DataFrame) -> pl.DataFrame:
    whole = pl.coalesce("path", pl.col("url").str.replace(r"^[a-z]+://[^/]*", ""))
    cut = whole.str.splitn("?", 2)
    return spans.select(
        "byte_offset",
        "ts",
        pl.col("traceId").alias("trace_id"),
        "host",
        pl.col("client").alias("client_ip"),
        "method",
        cut.struct.field("field_0").alias("path"),
        pl.coalesce("query", cut.struct.field("field_1")).alias("query"),
        _access.status(pl.col("status_code")).alias("status"),
        number(pl.col("size")).cast(pl.Int64, strict=False).alias("bytes_sent"),
        "duration_ms",
        pl.col("agent").alias("user_agent"),
    )
