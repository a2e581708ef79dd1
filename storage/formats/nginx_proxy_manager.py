"""The access logs of Nginx Proxy Manager, of proxied hosts and of the default one."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _times
from storage.formats._cells import integer, present, share
from storage.formats._lines import LineFormat, matched, parted

_RECORD = (
    r"^\[(?P<when>\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] (?:[A-Z]+ |- )?(?:\d{3}|-)?(?P<status> ?\d{3}|) - "  # noqa: E501
    r"(?P<method>\S+) (?P<scheme>\S+) (?P<host>\S+) \"(?P<target>.*?)\" \[Client (?P<client>[^\]]+)\] \[Length (?P<bytes>[^\]]+)\] "  # noqa: E501
    r"\[Gzip [^\]]*\](?: \[Sent-to [^\]]*\])? \"(?P<agent>[^\"]*)\" \"(?P<referer>[^\"]*)\""
)


class NginxProxyManager(LineFormat):
    """`[time] - 200 200 - GET https host "/path" [Client 192.0.2.1] [Length 1543] [Gzip 2.45] [Sent-to a] "agent" "referer"`."""  # noqa: E501

    name: ClassVar[str] = "nginx-proxy-manager"
    title: ClassVar[str] = "Nginx Proxy Manager access log"
    tables: ClassVar[tuple[str, ...]] = ("requests",)
    specificity: ClassVar[int] = 75
    steps: ClassVar[tuple[str, ...]] = (
        r"\[[^\]]*\] ",
        r"(?:[A-Z]+ |- )?\d{3} (?:\d{3} )?- ",
        r"\S+ \S+ \S+ ",
        r'".*?" ',
        r"\[Client [^\]]+\] ",
        r"\[Length [^\]]+\] ",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '[01/Oct/2025:14:32:15 +0000] HIT 200 206 - GET https example.com "/api/users?a=1" [Client 192.168.1.100] '
            '[Length 1543] [Gzip 2.45] [Sent-to 10.0.0.15:8080] "curl/7" "-"\n',
            {"requests": [{"ts": "2025-10-01T14:32:15Z", "client_ip": "192.168.1.100", "host": "example.com", "method": "GET",  # noqa: E501
                           "path": "/api/users", "query": "a=1", "status": 206, "bytes_sent": 1543, "user_agent": "curl/7"}]},  # noqa: E501
        ),
        Sample(
            "edge",
            '[24/Jan/2022:13:40:19 +0000] 444 - GET https 4.3.2.1 "/.env" [Client 207.32.219.89] [Length 0] [Gzip -] "x" "-"\n'  # noqa: E501
            '[24/Jan/2022:16:51:02 +0000] - 404 404 - GET http a.b "/x" [Client 1.2.3.4] [Length 192] [Gzip 3.10] '
            '[Sent-to a] "y" "http://r/"\n',
            {"requests": [{"status": 444, "host": "4.3.2.1"}, {"status": 404, "referer": "http://r/"}]},
            "the default host; a proxied one",
        ),
        Sample("reject", "[24/Jan/2022:16:51:02 +0000] - 404\n", about="cut short"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A time in brackets at the front and a client in brackets."""
        return share(head, r"^\[\d{1,2}/[A-Z][a-z]{2}/\d{4}:[^\]]+\] .* \[Client [^\]]+\] \[Length ")

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:  # noqa: ARG002 - its times name their zone
        """One request a line; the second status is what the client got."""
        rows = matched(records, _RECORD)
        rows = rows.with_columns(_times.clf(rows["when"]).alias("ts"))
        good, rejects = parted(rows, 'no `[time] status - METHOD scheme host "/path" [Client ...] [Length ...]`')
        return Parsed({"requests": _requests(good)}, rejects)


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    target = pl.col("target").str.splitn("?", 2)
    first = pl.col("record").str.extract(r"\] (?:[A-Z]+ |- )?(\d{3})")
    return rows.select(
        "byte_offset", "ts", present(pl.col("host")).alias("host"), pl.col("client").alias("client_ip"), "method",
        target.struct.field("field_0").alias("path"), present(target.struct.field("field_1")).alias("query"),
        pl.coalesce(_access.status(pl.col("status")), _access.status(first)).alias("status"),
        integer(pl.col("bytes")).alias("bytes_sent"), present(pl.col("referer")).alias("referer"),
        present(pl.col("agent")).alias("user_agent"),
    )  # fmt: skip
