"""PHP-FPM's access log, the default form and with its timings, and the pool's own log."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _times
from storage.formats._cells import number, present, share
from storage.formats._lines import LineFormat, matched, parted

_RECORD = (
    r"^(?P<client>\S+) -\s+(?P<user>\S*)\s*(?P<when>\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}) "
    r"\"(?P<request>[^\"]*)\" (?P<status>\d+)(?P<extra>.*)$"
)
_EXTRA = r"^(?: (?P<script>/\S+))? (?P<millis>\d+(?:\.\d+)?) (?P<kilo>\d+) (?P<cpu>[\d.]+)%"


class PhpFpm(LineFormat):
    """`client -  22/Nov/2026:16:03:47 +0000 "GET /index.php" 200 /script 35.040 7172 0.00% pid=26273`.

    The numbers after the script are taken for `%{mili}d %{kilo}M %C%%`, as the manual's example of `access.format` has
    them: milliseconds, peak memory in kB, CPU as a share of the duration. The path is the front controller's, not the
    route, unless the format says otherwise.
    """

    name: ClassVar[str] = "php-fpm"
    title: ClassVar[str] = "PHP-FPM access log"
    tables: ClassVar[tuple[str, ...]] = ("requests",)
    specificity: ClassVar[int] = 70
    steps: ClassVar[tuple[str, ...]] = (
        r"\S+ - ",
        r" *\S* *\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4} ",
        r'"[^"]*" ',
        r"\d+",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '127.0.0.1 -  22/Nov/2026:16:03:47 +0000 "GET /index.php?page=1" 200 /srv/web/index.php 35.040 7172 50.00% pid=26273\n',  # noqa: E501
            {"requests": [{"ts": "2026-11-22T16:03:47Z", "client_ip": "127.0.0.1", "method": "GET", "path": "/index.php",  # noqa: E501
                           "query": "page=1", "status": 200, "duration_ms": 35.04, "memory_mb": 7.00390625, "cpu_ms": 17.52}]},  # noqa: E501
        ),
        Sample(
            "edge",
            '- -  22/Nov/2026:16:03:47 +0100 "GET /ping" 200\n',
            {"requests": [{"ts": "2026-11-22T15:03:47Z", "client_ip": None, "duration_ms": None, "memory_mb": None}]},
            "the default format, a unix socket's client",
        ),
        Sample("reject", "[22-Nov-2026 16:03:47] NOTICE: fpm is running, pid 1\n", about="the pool's own log"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A time without brackets before a quoted request."""
        return share(head, r"^\S+ -\s+\S*\s*\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4} \"[^\"]*\" \d+")

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:  # noqa: ARG002
        """One request a line."""
        rows = matched(records, _RECORD)
        rows = rows.with_columns(
            _times.clf(rows["when"]).alias("ts"), pl.col("extra").str.extract_groups(_EXTRA).alias("more")
        )
        good, rejects = parted(rows, 'no `client - user time "request" status`')
        return Parsed({"requests": _requests(good.unnest("more"))}, rejects)


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    spent = number(pl.col("millis"))
    return rows.select(
        "byte_offset", "ts", present(pl.col("client")).alias("client_ip"), present(pl.col("user")).alias("remote_user"),
        *_access.request_line(pl.col("request")), _access.status(pl.col("status")).alias("status"),
        spent.alias("duration_ms"), (number(pl.col("kilo")) / 1024).alias("memory_mb"),
        (spent * number(pl.col("cpu")) / 100).round(6).alias("cpu_ms"),
    )  # fmt: skip
