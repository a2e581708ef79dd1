"""Traefik's JSON access log. Its text form is the common log format with extras: `combined` reads it."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _json, _times
from storage.formats._cells import integer, number, present
from storage.formats._lines import LineFormat, parted

_SHAPE = _json.texts(
    "ClientHost", "ClientUsername", "DownstreamContentSize", "DownstreamStatus", "Duration", "OriginDuration",
    "RequestHost", "RequestMethod", "RequestPath", "StartUTC", "time", "request_User-Agent", "request_Referer",
    "request_X-Request-Id", "TraceId", "level", "msg", "request_Traceparent",
)  # fmt: skip


class Traefik(LineFormat):
    """One object a request; durations are nanoseconds."""

    name: ClassVar[str] = "traefik"
    title: ClassVar[str] = "Traefik access log, JSON"
    tables: ClassVar[tuple[str, ...]] = ("requests", "logs")
    specificity: ClassVar[int] = 85
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"ClientAddr":"172.17.0.1:39490","ClientHost":"172.17.0.1","ClientUsername":"-","DownstreamContentSize":356,'
            '"DownstreamStatus":404,"Duration":215563,"OriginDuration":204708,"RequestHost":"a.example","RequestMethod":"GET",'
            '"RequestPath":"/x?y=1","StartUTC":"2021-12-08T14:02:43.464763557Z","request_User-Agent":"Nikto","level":"info",'
            '"msg":"","time":"2021-12-08T14:02:43Z"}\n',
            {"requests": [{"ts": "2021-12-08T14:02:43.464763Z", "client_ip": "172.17.0.1", "host": "a.example", "method": "GET",  # noqa: E501
                           "path": "/x", "query": "y=1", "status": 404, "bytes_sent": 356, "duration_ms": 0.215563,
                           "upstream_ms": 0.204708, "user_agent": "Nikto", "remote_user": None}]},
        ),
        Sample(
            "edge",
            '{"level":"error","msg":"middleware not found","time":"2021-12-08T14:02:43+01:00"}\n',
            {"logs": [{"ts": "2021-12-08T13:02:43Z", "level": "error", "message": "middleware not found"}]},
            "Traefik's own log in the same file",
        ),
        Sample("reject", '{"RequestMethod":"GET","RequestPath":"/","DownstreamStatus":200}\nx\n', about="no time"),
    )  # fmt: skip

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def sniff(self, head: pl.Series) -> float:
        """Objects with Traefik's keys."""
        if not _json.any_in(head, "RequestMethod", "DownstreamStatus"):
            return 0.0
        seen = _json.decode(head, _SHAPE)
        ours = seen["RequestMethod"].is_not_null() & seen["DownstreamStatus"].is_not_null()
        own = seen["msg"].is_not_null() & seen["time"].is_not_null() & seen["level"].is_not_null()
        return float((ours | own).sum()) / head.len() if ours.any() else 0.0

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Requests by their method, log records by their message."""
        cells = records.hstack(_json.decode(records["record"], _SHAPE))
        when = cells.select(pl.coalesce("StartUTC", "time")).to_series()
        cells = cells.with_columns(_times.iso(when, context).alias("ts"))
        why = pl.when(pl.col("is_object")).then(pl.lit("no readable `StartUTC` or `time`")).otherwise(
            pl.lit("not a whole JSON object")
        )  # fmt: skip
        good, rejects = parted(cells, why)
        request = good["RequestMethod"].is_not_null()
        return Parsed({"requests": _requests(good.filter(request)), "logs": _logs(good.filter(~request))}, rejects)


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    target = pl.col("RequestPath").str.splitn("?", 2)
    parent = pl.col("request_Traceparent").str.extract(r"^[0-9a-f]{2}-([0-9a-f]{32})-")
    return rows.select(
        "byte_offset",
        "ts",
        present(pl.col("RequestHost")).alias("host"),
        pl.col("ClientHost").alias("client_ip"),
        pl.col("RequestMethod").alias("method"),
        target.struct.field("field_0").alias("path"),
        present(target.struct.field("field_1")).alias("query"),
        _access.status(pl.col("DownstreamStatus")).alias("status"),
        integer(pl.col("DownstreamContentSize")).alias("bytes_sent"),
        (number(pl.col("Duration")) / 1e6).round(6).alias("duration_ms"),
        (number(pl.col("OriginDuration")) / 1e6).round(6).alias("upstream_ms"),
        present(pl.col("request_Referer")).alias("referer"),
        present(pl.col("request_User-Agent")).alias("user_agent"),
        present(pl.col("ClientUsername")).alias("remote_user"),
        pl.coalesce("TraceId", parent, "request_X-Request-Id").alias("trace_id"),
    )


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset",
        "ts",
        pl.col("level").str.to_lowercase(),
        pl.lit("traefik").alias("logger"),
        pl.col("msg").alias("message"),
    )
