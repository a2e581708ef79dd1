"""nginx's error log."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample, load, rejected
from storage.formats import _json, _times
from storage.formats._cells import trace
from storage.formats._lines import LineFormat, ends_before, matched, share_with_continuations

ACCESS = r"^[^\[]*\[\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] \""
START = r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[a-z]+\] \d+#\d+: "
_RECORD = r"(?s)^(?P<when>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<severity>[a-z]+)\] (?P<pid>\d+)#\d+: (?:\*(?P<connection>\d+) )?(?P<text>.*)$"  # noqa: E501


class NginxError(LineFormat):
    """`2025/12/17 19:37:12 [error] 1#1: *296 message, client: .., request: "GET / HTTP/1.1", host: ".."`.

    The failing request is named in the context. It is no row of `requests`: the access log has that one, and where
    both logs share a stream its lines are read as such.
    """

    name: ClassVar[str] = "nginx-error"
    title: ClassVar[str] = "nginx error log"
    tables: ClassVar[tuple[str, ...]] = ("logs", "requests")
    specificity: ClassVar[int] = 70
    steps: ClassVar[tuple[str, ...]] = (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", r"\[[a-z]+\] ", r"\d+#\d+: ")
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '2025/12/17 19:37:12 [error] 10022#10022: *296 connect() failed (111: Connection refused) while connecting to '  # noqa: E501
            'upstream, client: 47.91.125.252, server: a.app, request: "GET /?a=1 HTTP/1.1", host: "a.app"\n',
            {"logs": [{"ts": "2025-12-17T19:37:12Z", "level": "error", "logger": "nginx",
                       "message": "connect() failed (111: Connection refused) while connecting to upstream",
                       "context": '{"client":"47.91.125.252","server":"a.app","request":"GET /?a=1 HTTP/1.1","host":"a.app"}'}]},  # noqa: E501
        ),
        Sample(
            "edge",
            "2025/12/17 19:37:12 [warn] 1#1: conflicting server name \"a\", ignored\n",
            {"logs": [{"level": "warn", "message": 'conflicting server name "a", ignored', "context": None}]},
            "no request",
        ),
        Sample(
            "edge",
            "2025/12/17 19:37:12 [error] 1#1: *1 FastCGI sent in stderr: \"PHP message: a\nPHP message: b\" while reading\n"  # noqa: E501
            '192.0.2.1 - - [17/Dec/2025:19:37:12 +0000] "GET / HTTP/1.1" 500 5 "-" "-"\n',
            {"logs": [{"message": 'FastCGI sent in stderr: "PHP message: a\nPHP message: b" while reading'}],
             "requests": [{"status": 500}]},
            "a message of two lines; a line of the access log in the same stream",
        ),
        Sample("reject", "nginx: [emerg] bind() failed\n", about="printed before the log is open: no time"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """A time with slashes, a level in brackets, a process and thread."""
        return share_with_continuations(head, START)

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time and a level: what FastCGI says may have several lines."""
        return ends_before(block, rf"{START}|{ACCESS}|^\[(?:\d\d/[A-Z]|[A-Z][a-z]{{2}} )")

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """The message without its `, client: ...` tail, which becomes the context."""
        found = logs(records, context)
        rest = records.join(found.select("byte_offset"), on="byte_offset", how="anti", maintain_order="left")
        access = rest["record"].str.contains(ACCESS)
        rejects = rejected(rest.filter(~access), "no `date time [level] pid#tid: ` at the front")
        if not access.any():
            return Parsed({"logs": found}, rejects)
        asked = load("combined").parse(rest.filter(access), final=True, context=context)
        rejects = pl.concat([rejects, asked.rejects]).sort("byte_offset")
        return Parsed({"logs": found, "requests": asked.frames["requests"]}, rejects)


def logs(records: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Those of `records` that are of nginx's error log, as rows of `logs`."""
    rows = matched(records.select("byte_offset", "record"), _RECORD)
    rows = rows.with_columns(_times.iso(rows["when"], context).alias("ts")).filter(pl.col("ts").is_not_null())
    text = pl.col("text")
    tail = {
        "client": text.str.extract(r", client: ([^,]+)"), "server": text.str.extract(r", server: ([^,]+)"),
        "request": text.str.extract(r', request: "([^"]*)"'), "upstream": text.str.extract(r', upstream: "([^"]*)"'),
        "host": text.str.extract(r', host: "([^"]*)"'), "referer": text.str.extract(r', referrer: "([^"]*)"'),
    }  # fmt: skip
    return rows.select(
        "byte_offset",
        "ts",
        pl.col("severity").alias("level"),
        pl.lit("nginx").alias("logger"),
        text.str.replace(r"(?s), client: .*$", "").alias("message"),
        trace(text.str.extract(r"request_id[:=] ?\"?(\S+)")).alias("trace_id"),
        _json.objects(**tail).alias("context"),
    )
