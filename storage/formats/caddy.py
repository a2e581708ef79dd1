"""Caddy's JSON log: requests of its access logger, and everything else that it says."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _json, _times
from storage.formats._cells import integer, milliseconds, number, present
from storage.formats._lines import LineFormat, parted

_REQUEST = _json.texts("remote_ip", "client_ip", "remote_addr", "method", "host", "uri", "headers")
_SHAPE = _json.texts("level", "ts", "logger", "msg", "user_id", "duration", "size", "status", "error") | {
    "request": _REQUEST | {"headers": {"User-Agent": ["VARCHAR"], "Referer": ["VARCHAR"], "X-Request-Id": ["VARCHAR"]}},
}


class Caddy(LineFormat):
    """`{"logger":"http.log.access","request":{...},"duration":0.02,"status":200}`; a status of 0 means none was sent."""  # noqa: E501

    name: ClassVar[str] = "caddy"
    title: ClassVar[str] = "Caddy log, JSON"
    tables: ClassVar[tuple[str, ...]] = ("requests", "logs")
    specificity: ClassVar[int] = 85
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"level":"info","ts":1693840791.7564995,"logger":"http.log.access.log0","msg":"handled request","request":'
            '{"remote_ip":"172.17.0.1","client_ip":"127.0.0.1","proto":"HTTP/1.1","method":"GET","host":"a:8080","uri":"/x?y=1",'
            '"headers":{"User-Agent":["curl/7.74.0"]}},"user_id":"ann","duration":0.0025,"size":5,"status":401}\n',
            {"requests": [{"ts": "2023-09-04T15:19:51.756500Z", "client_ip": "127.0.0.1", "method": "GET", "host": "a:8080",  # noqa: E501
                           "path": "/x", "query": "y=1", "status": 401, "bytes_sent": 5, "duration_ms": 2.5,
                           "user_agent": "curl/7.74.0", "remote_user": "ann"}]},
        ),
        Sample(
            "edge",
            '{"level":"warn","ts":1693840791.5,"logger":"tls","msg":"stapling OCSP","error":"no OCSP"}\n'
            '{"level":"info","ts":"2023-09-04T15:19:51Z","logger":"http.log.access","msg":"handled request","request":'
            '{"remote_addr":"1.2.3.4:555","method":"GET","host":"a","uri":"/"},"duration":0.1,"size":0,"status":0}\n',
            {"logs": [{"level": "warn", "logger": "tls", "message": "stapling OCSP", "context": '{"error":"no OCSP"}'}],
             "requests": [{"client_ip": "1.2.3.4", "status": None, "user_agent": None}]},
            "another logger; the keys of Caddy 2.4",
        ),
        Sample("reject", '{"level":"info","logger":"http.log.access","msg":"handled request"}\nrun\n'),
    )  # fmt: skip

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def sniff(self, head: pl.Series) -> float:
        """Objects with a time, a message and a level, if some are Caddy's requests."""
        if not _json.any_in(head, "logger", "request", "msg"):
            return 0.0
        seen = _json.decode(head, _SHAPE)
        ours = (
            seen["logger"].str.starts_with("http.").fill_null(False)
            & seen["request"].struct.field("method").is_not_null()
        )
        like = seen["msg"].is_not_null() & seen["ts"].is_not_null() & seen["level"].is_not_null()
        return float(like.sum()) / head.len() if ours.any() else 0.0

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Requests by the access logger's `request`, log records by their message."""
        cells = records.hstack(_json.decode(records["record"], _SHAPE))
        cells = cells.with_columns(_times.anything(cells["ts"], context).alias("ts"))
        why = pl.when(pl.col("is_object")).then(pl.lit("no readable `ts`")).otherwise(pl.lit("not a whole JSON object"))
        good, rejects = parted(cells, why)
        asked = (
            pl.col("logger").str.starts_with("http.log.access") & pl.col("request").struct.field("method").is_not_null()
        )
        is_request = good.select(asked.fill_null(False)).to_series()
        return Parsed(
            {"requests": _requests(good.filter(is_request)), "logs": _logs(good.filter(~is_request))}, rejects
        )


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    request = pl.col("request").struct
    header = request.field("headers").struct
    target = request.field("uri").str.splitn("?", 2)
    address = request.field("remote_addr").str.replace(r":\d+$", "")
    return rows.select(
        "byte_offset",
        "ts",
        request.field("host").alias("host"),
        pl.coalesce(request.field("client_ip"), request.field("remote_ip"), address).alias("client_ip"),
        request.field("method").alias("method"),
        target.struct.field("field_0").alias("path"),
        present(target.struct.field("field_1")).alias("query"),
        _access.status(pl.col("status")).alias("status"),
        integer(pl.col("size")).alias("bytes_sent"),
        milliseconds(number(pl.col("duration"))).alias("duration_ms"),
        header.field("Referer").list.first().alias("referer"),
        header.field("User-Agent").list.first().alias("user_agent"),
        present(pl.col("user_id")).alias("remote_user"),
        header.field("X-Request-Id").list.first().alias("trace_id"),
    )


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.col("level").str.to_lowercase(), "logger", pl.col("msg").alias("message"),
        _json.objects(error=pl.col("error")).alias("context"),
    )  # fmt: skip
