"""logfmt: `key=value` pairs, as Go services, Heroku's router, Grafana and many others write."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _json, _times
from storage.formats._cells import integer, number, present
from storage.formats._lines import LineFormat, parted

_PAIR = r"(?:^|\s)[A-Za-z_@][\w.@/-]*=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"]*)"
_KEYS: dict[str, str] = {
    "when": "ts|time|timestamp|t|@timestamp|datetime",
    "level": "level|lvl|severity",
    "message": "msg|message",
    "logger": "logger|component|caller|source|module|name",
    "trace": "trace_id|traceID|traceId|trace|request_id|req_id",
    "method": "method|http_method|verb",
    "target": "path|uri|url|http_path",
    "status": "status|status_code|code|http_status",
    "spent": "duration|elapsed|took|latency|service|response_time|duration_ms|latency_ms|request_time",
    "bytes": "bytes|size|bytes_sent|response_size",
    "client": "fwd|remote_addr|client_ip|ip|remote|client|remoteaddr",
    "host": "host",
    "agent": "user_agent|userAgent|agent",
    "query": "query",
}
_NAMES = {key: number for number, keys in enumerate(_KEYS.values()) for key in keys.split("|")}
_STAMP = r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\s"


class Logfmt(LineFormat):
    """`ts=2026-11-22T16:03:47Z level=info msg="started" trace_id=ab`, the time also in front of the pairs.

    A line with a method, a path and a status is a request; anything else a log record whose context holds the line.
    A duration may carry a unit (`12ms`, `1.5s`, `3.2µs`); without one it is milliseconds where its key says so,
    else seconds.
    """

    name: ClassVar[str] = "logfmt"
    title: ClassVar[str] = "logfmt (key=value pairs)"
    tables: ClassVar[tuple[str, ...]] = ("logs", "requests")
    specificity: ClassVar[int] = 45
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            'ts=2026-11-22T16:03:47.5Z level=WARN caller=main.go:7 msg="disk \\"sda\\" is full" trace_id=0af7651916cd43dd8448eb211c80319c\n',  # noqa: E501
            {"logs": [{"ts": "2026-11-22T16:03:47.500000Z", "level": "warn", "logger": "main.go:7",
                       "message": 'disk "sda" is full', "trace_id": "0af7651916cd43dd8448eb211c80319c"}]},
        ),
        Sample(
            "edge",
            '2026-11-22T16:03:47+00:00 at=info method=GET path="/a?b=1" host=a.app request_id=1234 fwd="192.0.2.7, 10.0.0.1" '  # noqa: E501
            "dyno=web.1 connect=1ms service=20ms status=200 bytes=13 protocol=https\n"
            "ts=1795363301.889115 gid=2 type=item_get key=k1 status=not_found size=0\n",
            {"requests": [{"ts": "2026-11-22T16:03:47Z", "method": "GET", "path": "/a", "query": "b=1", "status": 200,
                           "duration_ms": 20.0, "bytes_sent": 13, "client_ip": "192.0.2.7", "trace_id": "1234"}],
             "logs": [{"ts": "2026-11-22T16:01:41.889115Z", "level": None,
                       "message": "gid=2 type=item_get key=k1 status=not_found size=0"}]},
            "Heroku's router; pairs without a message",
        ),
        Sample("reject", "level=info msg=hello\njust words\n", about="no time; no pairs"),
    )  # fmt: skip

    def stops_at(self, record: str) -> int | None:
        """The first word that is no pair."""
        found = re.match(rf"(?:{_STAMP[1:]})?(?:{_PAIR}|\s)*", record)
        end = found.end() if found else 0
        return end if end < len(record) else None

    def sniff(self, head: pl.Series) -> float:
        """Lines of three pairs or more with a time among them or in front."""
        timed = head.str.contains(rf"(?:^|\s)(?:{_KEYS['when']})=|{_STAMP}")
        return float((timed & (head.str.count_matches(_PAIR) >= 3) & ~head.str.starts_with("{")).sum()) / head.len()

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """The lines taken apart once; of each usual key the first value."""
        rows = records.hstack(_cells(records["record"]))
        rows = rows.with_columns(pl.coalesce("when", pl.col("record").str.extract(_STAMP)).alias("when"))
        rows = rows.with_columns(_times.anything(rows["when"], context).alias("at"))
        rows = rows.with_columns(pl.when("paired").then("at").alias("ts"))
        why = pl.when("paired").then(pl.lit("no readable time under any usual key, nor in front")).otherwise(
            pl.lit("no key=value pairs")
        )  # fmt: skip
        good, rejects = parted(rows, why)
        asked = good.select(
            pl.all_horizontal(pl.col("method", "target").is_not_null()) & integer(pl.col("status")).is_not_null()
        ).to_series().fill_null(False)  # fmt: skip
        return Parsed({"requests": _requests(good.filter(asked)), "logs": _logs(good.filter(~asked))}, rejects)


def _cells(lines: pl.Series) -> pl.DataFrame:
    """A text column for each of `_KEYS`, unquoted, and `paired`: whether a line has any pair at all."""
    pairs = lines.str.extract_all(_PAIR).alias("pair")
    frame = pl.DataFrame({"row": pl.int_range(lines.len(), eager=True), "pair": pairs})
    part = pl.col("pair").str.strip_chars_start().str.splitn("=", 2)
    frame = frame.explode("pair").select(
        "row", part.struct.field("field_0").replace_strict(_NAMES, default=None).alias("name"),
        part.struct.field("field_1").alias("value"),
    )  # fmt: skip
    frame = frame.filter(pl.col("name").is_not_null() & (pl.col("value") != ""))
    quoted = pl.col("value").str.starts_with('"')
    bare = pl.col("value").str.strip_prefix('"').str.strip_suffix('"').str.replace_all('\\"', '"', literal=True)
    frame = frame.with_columns(pl.when(quoted).then(bare).otherwise("value").alias("value"))
    row, name = frame["row"].to_numpy(), frame["name"].to_numpy()
    cells = []
    for place, field in enumerate(_KEYS):
        at = np.flatnonzero(name == place)[::-1]  # of several the first is written last
        first = np.full(lines.len(), -1, dtype=np.int64)
        first[row[at]] = at
        where = pl.Series(first)
        cells.append(frame["value"].gather(where.set(where < 0, None)).alias(field))
    return pl.DataFrame([*cells, (pairs.list.len() > 0).alias("paired")])


def _spent_ms() -> pl.Expr:
    text = pl.col("spent")
    value = number(text.str.extract(r"^([\d.]+)"))
    unit = text.str.extract(r"^[\d.]+\s?(ns|us|µs|μs|ms|s|m|h)$")
    by_key = pl.col("record").str.contains(r"(?:^|\s)(?:duration_ms|latency_ms)=")
    factor = unit.replace_strict(
        {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6},
        default=None, return_dtype=pl.Float64,
    )  # fmt: skip
    return (value * factor.fill_null(pl.when(by_key).then(1.0).otherwise(1e3))).round(6)


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    target = pl.col("target").str.splitn("?", 2)
    return rows.select(
        "byte_offset",
        "ts",
        "host",
        pl.col("client").str.extract(r"^\"?([^,\s\"]+)").alias("client_ip"),
        "method",
        target.struct.field("field_0").alias("path"),
        pl.coalesce(present(target.struct.field("field_1")), "query").alias("query"),
        _access.status(pl.col("status")).alias("status"),
        integer(pl.col("bytes")).alias("bytes_sent"),
        _spent_ms().alias("duration_ms"),
        present(pl.col("agent")).alias("user_agent"),
        pl.col("trace").alias("trace_id"),
    )


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    rest = pl.col("record").str.replace(rf"(?:^|\s)(?:{_KEYS['when']})=(?:\"[^\"]*\"|\S*)", "").str.strip_chars()
    return rows.select(
        "byte_offset",
        "ts",
        pl.col("level").str.to_lowercase().replace({"warning": "warn", "err": "error"}).alias("level"),
        "logger",
        pl.coalesce("message", rest).alias("message"),
        pl.col("trace").alias("trace_id"),
        pl.when(pl.col("message").is_not_null()).then(_json.objects(pairs=rest)).alias("context"),
    )
