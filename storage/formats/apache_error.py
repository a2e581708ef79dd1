"""Apache's error log, 2.2 and 2.4, ModSecurity's messages in it too."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample, rejected
from storage.formats import _json, _times
from storage.formats._lines import LineFormat, ends_before, matched, share_with_continuations

_TIME = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}"
START = rf"^\[{_TIME}\] \["
_RECORD = (
    rf"(?s)^\[(?P<when>{_TIME})\] \[(?:(?P<module>[\w-]*):)?(?P<severity>[a-z0-9]+)\] (?:\[pid (?P<pid>\d+)(?::tid \d+)?\] )?"  # noqa: E501
    r"(?:\[client (?P<client>[^\]]+)\] )?(?P<text>.*)$"
)


class ApacheError(LineFormat):
    """`[Fri Mar 15 10:12:48.1234 2024] [php:notice] [pid 8] [client 192.0.2.1:23] message, referer: ..`."""

    name: ClassVar[str] = "apache-error"
    title: ClassVar[str] = "Apache error log"
    tables: ClassVar[tuple[str, ...]] = ("logs",)
    specificity: ClassVar[int] = 70
    steps: ClassVar[tuple[str, ...]] = (rf"\[{_TIME}\] ", r"\[(?:[\w-]*:)?[a-z0-9]+\] ")
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "[Fri Mar 15 10:12:48.123400 2024] [php:notice] [pid 83429] [client 192.0.2.1:23006] Failed login for Ann, "
            "referer: http://a/login\n",
            {"logs": [{"ts": "2024-03-15T10:12:48.123400Z", "level": "notice", "logger": "php",
                       "message": "Failed login for Ann", "context": '{"client":"192.0.2.1","referer":"http://a/login"}'}]},
        ),
        Sample(
            "edge",
            "[Sun Dec  4 04:47:44 2005] [error] mod_jk child workerEnv in error state 6\n"
            "[Thu Sep 30 13:27:06.009964 2021] [:error] [pid 2560:tid 140] [client ::1:37752] [client ::1] ModSecurity: Warning.\n",  # noqa: E501
            {"logs": [{"ts": "2005-12-04T04:47:44Z", "level": "error", "logger": "apache"},
                      {"level": "error", "message": "ModSecurity: Warning.", "context": '{"client":"::1"}'}]},
            "Apache 2.2; a nameless module",
        ),
        Sample("reject", "(98)Address already in use: make_sock\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A time in ctime's form and a level, each in brackets."""
        return share_with_continuations(head, START)

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time and a level."""
        return ends_before(block, START)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Level, module, client and message."""
        found = logs(records, context)
        rest = records.join(found.select("byte_offset"), on="byte_offset", how="anti", maintain_order="left")
        return Parsed({"logs": found}, rejected(rest, "no `[time] [module:level]` at the front"))


def logs(records: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Those of `records` that are of Apache's error log, as rows of `logs`."""
    rows = matched(records.select("byte_offset", "record"), _RECORD)
    when = rows["when"].str.slice(4).str.replace_all("  ", " 0", literal=True)  # the date tells the day of the week
    exact = _times.shaped(when, "%b %d %H:%M:%S%.f %Y", context)
    times = exact.fill_null(_times.shaped(when, "%b %d %H:%M:%S %Y", context))
    rows = rows.with_columns(times.alias("ts")).filter(pl.col("ts").is_not_null())
    text = pl.col("text").str.replace(r"^\[client [^\]]+\] ", "")
    module = pl.when(pl.col("module") != "").then("module")
    client = pl.col("client").str.replace(r":\d+$", "")
    bare = pl.when(pl.col("client").str.count_matches(":", literal=True) == 1).then(client)
    address = pl.coalesce(bare, pl.col("text").str.extract(r"^\[client ([^\]]+)\]"), client)
    return rows.select(
        "byte_offset", "ts", pl.col("severity").replace({"err": "error", "warning": "warn"}).alias("level"),
        module.fill_null("apache").alias("logger"), text.str.replace(r", referer: \S*$", "").alias("message"),
        _json.objects(client=address, referer=text.str.extract(r", referer: (\S+)$")).alias("context"),
    )  # fmt: skip
