"""CloudFront's standard access log: tab-separated, its columns fixed."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _access, _times
from storage.formats._cells import integer, milliseconds, number, present, share, unquoted_url
from storage.formats._lines import LineFormat, parted

_COLUMNS = (
    "date", "time", "edge", "bytes", "client", "method", "domain", "path", "status", "referer", "agent", "query",
    "cookie", "result", "id", "host", "protocol", "received", "seconds", "forwarded",
)  # fmt: skip
_START = r"^\d{4}-\d\d-\d\d\t\d\d:\d\d:\d\d\t[A-Z]{3}\d"


class AwsCloudfront(LineFormat):
    """`date <TAB> time <TAB> edge <TAB> bytes ...`; `-` is nothing, and blanks in texts are `%20`."""

    name: ClassVar[str] = "aws-cloudfront"
    title: ClassVar[str] = "AWS CloudFront standard access log"
    tables: ClassVar[tuple[str, ...]] = ("requests",)
    specificity: ClassVar[int] = 75
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2024-03-12\t15:22:28\tCDG50-P2\t703\t1.2.3.4\tGET\td6.cloudfront.net\t/test\t400\t-\tMozilla%20(a)\tb=42\t-\t"
            "Error\t375W==\ta.example\thttps\t62\t0.113\t-\tTLSv1.3\n",
            {"requests": [{"ts": "2024-03-12T15:22:28Z", "client_ip": "1.2.3.4", "host": "a.example", "method": "GET",
                           "path": "/test", "query": "b=42", "status": 400, "bytes_sent": 703, "duration_ms": 113.0,
                           "user_agent": "Mozilla (a)", "referer": None, "trace_id": "375W=="}]},
        ),
        Sample(
            "edge",
            "#Version: 1.0\n#Fields: date time x-edge-location\n"
            "2024-03-12\t15:22:28\tCDG50-P2\t-\t2001:db8::1\tHEAD\td6.cloudfront.net\t/\t000\t-\t-\t-\n",
            {"requests": [{"client_ip": "2001:db8::1", "status": None, "bytes_sent": None, "duration_ms": None,
                           "host": "d6.cloudfront.net"}]},
            "the header is left out; a client that went away; the short form of older logs",
        ),
        Sample("reject", "2024-03-12\t15:22:28\tCDG50-P2\n", about="cut short"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A date, a time and an edge location, tab-separated."""
        return share(head, rf"{_START}|^#(?:Version|Fields): ") if head.str.contains(_START).any() else 0.0

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """One request a line."""
        records = records.filter(~pl.col("record").str.contains(r"^#(?:Version|Fields): "))
        cut = (
            records["record"]
            .str.splitn("\t", len(_COLUMNS) + 1)
            .struct.rename_fields([*_COLUMNS, "rest"])
            .struct.unnest()
        )
        when = cut.select(pl.col("date") + " " + pl.col("time")).to_series()
        rows = records.hstack(cut).with_columns(_times.iso(when, context).alias("at"))
        rows = rows.with_columns(pl.when(pl.col("status").is_not_null()).then("at").alias("ts"))
        good, rejects = parted(rows, "no `date time edge bytes client method domain path status`, tab-separated")
        return Parsed({"requests": _requests(good)}, rejects)


def _requests(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.coalesce(present(pl.col("host")), present(pl.col("domain"))).alias("host"),
        present(pl.col("client")).alias("client_ip"), present(pl.col("method")).alias("method"), "path",
        present(pl.col("query")).alias("query"), _access.status(pl.col("status")).alias("status"),
        integer(pl.col("bytes")).alias("bytes_sent"), milliseconds(number(pl.col("seconds"))).alias("duration_ms"),
        present(pl.col("referer")).alias("referer"), unquoted_url(present(pl.col("agent"))).alias("user_agent"),
        present(pl.col("id")).alias("trace_id"),
    )  # fmt: skip
