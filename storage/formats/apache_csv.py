"""Apache access logs written as comma-separated values, the columns told by their forms."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _times
from storage.formats._cells import present, share
from storage.formats._lines import LineFormat, matched, parted

_TEXT = r'"((?:[^"\\]|\\.|"")*)"'
_RECORD = (
    r"^(?:(?P<host>[^,\[]*),(?P<port>\d+),)?(?P<client>[^,\[]+),[^,]*,(?P<user>[^,]*),"
    r"\[(?P<when>\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\],(?P<numbers>(?:(?:-|\d+),)*?)(?P<status>\d{3}|-),"  # noqa: E501
    r'"(?P<protocol>HTTP/[^"]*|-|)","(?P<method>[^"]*)",' + _TEXT.replace("(", "(?P<path>", 1) + ","
    + _TEXT.replace("(", "(?P<query>", 1) + "," + _TEXT.replace("(", "(?P<referer>", 1) + "," + _TEXT.replace("(", "(?P<agent>", 1)  # noqa: E501
)  # fmt: skip


class ApacheCsv(LineFormat):
    """`host,port,client,ident,user,[time],numbers...,status,"protocol","method","path","?query","referer","agent",...`.

    What the numbers before the status mean differs from site to site: they are left out.
    """

    name: ClassVar[str] = "apache-csv"
    title: ClassVar[str] = "Apache access log as CSV"
    tables: ClassVar[tuple[str, ...]] = ("requests",)
    specificity: ClassVar[int] = 70
    steps: ClassVar[tuple[str, ...]] = (
        r"(?:[^,\[]*,){3,5}",
        r"\[[^\]]*\],",
        r"(?:(?:-|\d+),)*?(?=\d{3},\"|-,\")",
        r"(?:\d{3}|-),",
        r'"[^"]*","[^"]*",',
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            'a.app,443,67.240.117.81,-,-,[09/Dec/2024:20:41:15 +0000],367,5943,6310,208,200,"HTTP/2.0","GET","/x.html",'
            '"?a=1","https://a.app/","Mozilla/5.0, x","-",-\n',
            {"requests": [{"ts": "2024-12-09T20:41:15Z", "host": "a.app:443", "client_ip": "67.240.117.81", "method": "GET",  # noqa: E501
                           "path": "/x.html", "query": "a=1", "status": 200, "referer": "https://a.app/",
                           "user_agent": "Mozilla/5.0, x"}]},
        ),
        Sample(
            "edge",
            '10.0.0.9,-,ann,[09/Dec/2024:20:41:15 +0000],-,400,"-","-","/a\\"b","","-","-","-",-\n',
            {"requests": [{"host": None, "client_ip": "10.0.0.9", "remote_user": "ann", "status": 400, "method": None,
                           "path": '/a"b', "query": None}]},
            "no virtual host, no method, an escaped quote",
        ),
        Sample("reject", "a,b,c\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A time in brackets between commas."""
        return share(head, r"^(?:[^,\[]*,){3,7}\[\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\],")

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:  # noqa: ARG002 - its times name their zone
        """One request a line."""
        rows = matched(records, _RECORD)
        rows = rows.with_columns(_times.clf(rows["when"]).alias("ts"))
        good, rejects = parted(rows, 'no `client,ident,user,[time],..,status,"protocol","method","path",..`')
        return Parsed({"requests": _requests(good)}, rejects)


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    def text(name: str) -> pl.Expr:
        return present(pl.col(name).str.replace_many({'\\"': '"', "\\\\": "\\", '""': '"'}, leftmost=True))

    return rows.select(
        "byte_offset", "ts", pl.concat_str("host", "port", separator=":").alias("host"), pl.col("client").alias("client_ip"),  # noqa: E501
        present(pl.col("method")).alias("method"), text("path").alias("path"),
        present(text("query").str.strip_prefix("?")).alias("query"), _access.status(pl.col("status")).alias("status"),
        text("referer").alias("referer"), text("agent").alias("user_agent"), present(pl.col("user")).alias("remote_user"),  # noqa: E501
    )  # fmt: skip
