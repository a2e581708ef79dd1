"""HAProxy's HTTP log, with or without the syslog prefix that usually stands before it."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _json, _times
from storage.formats._cells import integer, number, share
from storage.formats._lines import LineFormat, matched, parted

_FRONT = (
    r"^(?:.*?haproxy\S*: )?(?P<client>\S+):(?P<port>\d+) \[(?P<when>\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] "
)
_HTTP = (
    _FRONT
    + r"(?P<frontend>\S+) (?P<backend>\S+) (?P<timers>[-\d+]+/[-\d+]+/[-\d+]+/[-\d+]+/[-\d+]+) (?P<status>-?\d+) "
    r"(?P<bytes>\+?\d+) \S+ \S+ (?P<state>\S{2,4}) \S+ \S+ (?:\{(?P<captured>.*?)\} )?(?:\{.*?\} )?\"(?P<request>[^\"]*)(?:\"(?P<extra>.*))?$"  # noqa: E501
)
_OTHER = _FRONT + r"(?P<frontend>[^ ]+): (?P<text>.*)$"


class Haproxy(LineFormat):
    """`client:port [accept date] frontend backend/server TR/Tw/Tc/Tr/Ta status bytes ... "request"`.

    `ts` is when the connection was accepted, in the local time of the host; `duration_ms` is Ta (the whole request),
    `upstream_ms` Tr (until the server's response). `host` is the backend. Errors of connections are log records.
    """

    name: ClassVar[str] = "haproxy"
    title: ClassVar[str] = "HAProxy HTTP log"
    tables: ClassVar[tuple[str, ...]] = ("requests", "logs")
    specificity: ClassVar[int] = 75
    steps: ClassVar[tuple[str, ...]] = (
        r"(?:.*?haproxy\S*: )?",
        r"\S+:\d+ ",
        r"\[[^\]]*\] ",
        r"\S+ \S+ ",
        r"\S+/\S+ ",
        r"-?\d+ ",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "22.118.26.10:10285 [12/Mar/2021:06:56:28.088] fe~ shop/app1 0/0/0/1263/1264 200 20602 - - ---- 19/19/3/4/0 0/0 "  # noqa: E501
            '"GET /a?b=1 HTTP/1.1"\n',
            {"requests": [{"ts": "2021-03-12T06:56:28.088000Z", "client_ip": "22.118.26.10", "host": "shop", "path": "/a",  # noqa: E501
                           "query": "b=1", "status": 200, "bytes_sent": 20602, "duration_ms": 1264.0, "upstream_ms": 1263.0}]},  # noqa: E501
        ),
        Sample(
            "edge",
            "Apr  4 14:30:19 hap-1 haproxy[3946303]: ::1:55032 [04/Apr/2024:14:30:18.885] front~ back/<NOSRV> -1/-1/-1/-1/5 400 0 "  # noqa: E501
            '- - PR-- 1/1/0/0/0 0/0 {a.example|curl} "<BADREQ>"\n'
            "192.168.1.4:50033 [28/Feb/2025:02:43:10.123] frontend/backend: SSL handshake failure\n",
            {"requests": [{"client_ip": "::1", "method": None, "path": "<BADREQ>", "upstream_ms": None, "duration_ms": 5.0}],  # noqa: E501
             "logs": [{"message": "SSL handshake failure", "level": "error"}]},
            "through syslog, IPv6, no server, captured headers, no request; a connection that failed",
        ),
        Sample("reject", "Proxy shop started.\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A client with its port, a time with milliseconds in brackets, a frontend."""
        return share(head, _FRONT.replace("?P<client>", "").replace("?P<port>", "").replace("?P<when>", ""))

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Requests, and what happened to connections without one."""
        rows = matched(records, _HTTP)
        other = records.select(pl.col("record").str.extract_groups(_OTHER).alias("o")).unnest("o")
        when = rows["when"].fill_null(other["when"])
        rows = rows.with_columns(
            _times.shaped(when, "%d/%b/%Y:%H:%M:%S%.f", context).alias("ts"),
            other["text"],
            other["client"].alias("peer"),
        )
        good, rejects = parted(rows, "no `client:port [time] frontend` with timers, a status and a request")
        request = good["request"].is_not_null()
        return Parsed({"requests": _requests(good.filter(request)), "logs": _logs(good.filter(~request))}, rejects)


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    timer = pl.col("timers").str.split("/")

    def spent(index: int) -> pl.Expr:
        value = number(timer.list.get(index, null_on_oob=True).str.strip_prefix("+"))
        return pl.when(value >= 0).then(value)

    return rows.select(
        "byte_offset",
        "ts",
        pl.col("backend").str.replace("/.*$", "").alias("host"),
        pl.col("client").alias("client_ip"),
        *_access.request_line(pl.col("request")),
        _access.status(pl.col("status")).alias("status"),
        integer(pl.col("bytes").str.strip_prefix("+")).alias("bytes_sent"),
        spent(4).alias("duration_ms"),
        spent(3).alias("upstream_ms"),
        _access.trailing(pl.col("extra").fill_null(""))[2],
    )


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.lit("error").alias("level"), pl.lit("haproxy").alias("logger"),
        pl.col("text").alias("message"), _json.objects(client_ip=pl.col("peer")).alias("context"),
    )  # fmt: skip
