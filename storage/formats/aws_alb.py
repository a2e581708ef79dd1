"""The access log of AWS' application load balancer."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _times
from storage.formats._cells import integer, milliseconds, number, present, share
from storage.formats._lines import LineFormat, matched, parted

_RECORD = (
    r"^(?P<kind>https?|h2|grpcs?|wss?) (?P<when>\d{4}-\d\d-\d\dT[\d:.]+Z) (?P<balancer>\S+) (?P<client>\S+):\d+ \S+ "
    r"(?P<before>-?[\d.]+) (?P<target>-?[\d.]+) (?P<after>-?[\d.]+) (?P<status>\d+|-) \S+ \d+ (?P<bytes>\d+) "
    r'"(?P<request>[^"]*)" "(?P<agent>[^"]*)"(?: \S+ \S+ \S+ "(?P<trace>[^"]*)")?(?: "(?P<host>[^"]*)")?'
)


class AwsAlb(LineFormat):
    """`https time balancer client:port target:port 0.086 0.048 0.037 200 200 0 57 "GET https://a:443/x HTTP/1.1" ...`.

    The duration is the sum of the three times (request, target, response) in seconds; -1 means there was none.
    """

    name: ClassVar[str] = "aws-alb"
    title: ClassVar[str] = "AWS application load balancer access log"
    tables: ClassVar[tuple[str, ...]] = ("requests",)
    specificity: ClassVar[int] = 75
    steps: ClassVar[tuple[str, ...]] = (
        r"(?:https?|h2|grpcs?|wss?) ",
        r"\S+Z ",
        r"\S+ ",
        r"\S+:\d+ ",
        r"\S+ ",
        r"(?:-?[\d.]+ ){3}",
        r"(?:\d+|-) \S+ ",
        r"\d+ \d+ ",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "https 2023-04-26T12:23:00.186641Z app/a/50dc 192.168.1.100:44740 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "  # noqa: E501
            '"GET https://www.example.com:443/robots.txt?a=1 HTTP/1.1" "curl/7.46.0" ECDHE TLSv1.2 arn:aws:x '
            '"Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn" 1 2023-04-26T12:22:59Z "forward"\n',
            {"requests": [{"ts": "2023-04-26T12:23:00.186641Z", "client_ip": "192.168.1.100", "host": "www.example.com",
                           "method": "GET", "path": "/robots.txt", "query": "a=1", "status": 200, "bytes_sent": 57,
                           "duration_ms": 171.0, "upstream_ms": 48.0, "user_agent": "curl/7.46.0",
                           "trace_id": "1-58337281-1d84f3d73c47ec4e58577259"}]},
        ),
        Sample(
            "edge",
            'http 2023-04-26T12:23:00.186641Z app/a/50dc 2001:db8::1:44740 - -1 -1 -1 - - 0 0 "- http://a:80- -" "-" - -\n',  # noqa: E501
            {"requests": [{"client_ip": "2001:db8::1", "status": None, "duration_ms": None, "upstream_ms": None,
                           "method": None, "user_agent": None}]},
            "a client that closed before it asked",
        ),
        Sample("reject", "https 2023-04-26T12:23:00.186641Z app/a/50dc\n", about="cut short"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """The kind of connection, a time, the balancer, a client with its port."""
        return share(head, r"^(?:https?|h2|grpcs?|wss?) \d{4}-\d\d-\d\dT[\d:.]+Z \S+ \S+:\d+ ")

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """One request a line; the target's scheme, host and port leave its path."""
        rows = matched(records, _RECORD)
        rows = rows.with_columns(_times.iso(rows["when"], context).alias("ts"))
        good, rejects = parted(rows, 'no `kind time balancer client:port target times status bytes "request"`')
        return Parsed({"requests": _requests(good)}, rejects)


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    def seconds(name: str) -> pl.Expr:
        value = number(pl.col(name))
        return pl.when(value >= 0).then(value)

    bare = pl.col("request").str.replace(r"^(\S+) [a-z]+://[^/ ]*", "$1 ")
    return rows.select(
        "byte_offset", "ts", present(pl.col("host")).alias("host"),
        pl.col("client").str.strip_chars("[]").alias("client_ip"), *_access.request_line(bare),
        _access.status(pl.col("status")).alias("status"), integer(pl.col("bytes")).alias("bytes_sent"),
        milliseconds(seconds("before") + seconds("target") + seconds("after")).alias("duration_ms"),
        milliseconds(seconds("target")).alias("upstream_ms"), present(pl.col("agent")).alias("user_agent"),
        pl.col("trace").str.extract(r"Root=([^;\"]+)").alias("trace_id"),
    )  # fmt: skip
