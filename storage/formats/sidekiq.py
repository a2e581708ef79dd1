"""Sidekiq's text log: 6 and later with `key=value` context, 5 and earlier with a fixed one."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample
from storage.formats import _applog, _json
from storage.formats._cells import milliseconds, number
from storage.formats._lines import LineFormat, ends_before, matched, parted, share_with_continuations

_START = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:pid=\d+|\d+ TID-)"
_RECORD = (
    r"(?s)^(?P<when>\S+Z) (?:pid=(?P<pid>\d+) tid=(?P<tid>\S+)|(?P<old_pid>\d+) TID-(?P<old_tid>\S+))(?P<context>.*?) "
    r"(?P<severity>DEBUG|INFO|WARN|ERROR|FATAL): (?P<text>.*)$"
)
_END = r"^(?:done|fail)(?:: (?P<seconds>[\d.]+) sec)?\s*$"
STATUS = {"fail": "failed", "start": "running", "deduplicated": "skipped"}
"""Sidekiq's words for the end of a run, in ours."""


class Sidekiq(LineFormat):
    """`... class=HardWorker jid=8b6f elapsed=0.051 INFO: done`: a run is its `done` or `fail` line, `start` is none.

    Lines that Sidekiq did not write (a library's warnings, the frames of a trace) follow the record before them.
    """

    name: ClassVar[str] = "sidekiq"
    title: ClassVar[str] = "Sidekiq log, text"
    tables: ClassVar[tuple[str, ...]] = ("jobs", "logs")
    specificity: ClassVar[int] = 65
    steps: ClassVar[tuple[str, ...]] = (
        r"\S+Z ",
        r"pid=\d+ tid=\S+|\d+ TID-\S+",
        r".*? (?:DEBUG|INFO|WARN|ERROR|FATAL): ",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2026-11-22T16:02:58.794Z pid=25957 tid=j15 class=HardWorker jid=8b6f575d1b95b79becffe8ee INFO: start\n"
            "2026-11-22T16:02:58.845Z pid=25957 tid=j15 class=HardWorker jid=8b6f575d1b95b79becffe8ee elapsed=0.051 INFO: done\n",  # noqa: E501
            {"jobs": [{"ts": "2026-11-22T16:02:58.845000Z", "job_id": "8b6f575d1b95b79becffe8ee", "job_type": "HardWorker",  # noqa: E501
                       "worker": "25957 j15", "status": "done", "execution_ms": 51.0, "wait_ms": None}]},
        ),
        Sample(
            "edge",
            "2017-05-31T15:00:06.590Z 7947 TID-sfsls UpdateWorker JID-16a22bc4cb44c2d69ad536a9 INFO: fail: 0.837 sec\n"
            "2026-11-22T16:02:58.796Z pid=25957 tid=j05 WARN: ArgumentError: nope\n/srv/app.rb:5:in `perform'\n",
            {"jobs": [{"job_id": "16a22bc4cb44c2d69ad536a9", "job_type": "UpdateWorker", "status": "failed",
                       "execution_ms": 837.0}],
             "logs": [{"level": "warn", "message": "ArgumentError: nope\n/srv/app.rb:5:in `perform'"}]},
            "Sidekiq 5; a warning with a trace",
        ),
        Sample("reject", "  redis.brpop(\"queue:default\", timeout: 2)\n", about="what follows no record"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Lines with Sidekiq's process and thread, and what follows them."""
        return share_with_continuations(head, _START)

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time, a process and a thread."""
        return ends_before(block, _START)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Runs that ended, and everything else but the starts."""
        text = pl.col("record").str.replace_all("\r\n", "\n", literal=True)
        rows = matched(records.with_columns(text), _RECORD)
        rows = rows.with_columns(_applog.time_of(rows["when"], context).alias("ts"))
        good, rejects = parted(rows, "no time, process and thread at the front")
        in_job = good["context"].str.contains(r"jid=|JID-")
        first = good["text"].str.split("\n").list.first().fill_null("")
        ended = in_job & first.str.contains(_END)
        started = in_job & (first.str.strip_chars() == "start")
        logs = good.filter(~ended & ~started)
        return Parsed({"jobs": _jobs(good.filter(ended)), "logs": _logs(logs)}, rejects)


def _jobs(rows: pl.DataFrame) -> pl.DataFrame:
    told = pl.col("context")
    seconds = pl.coalesce(told.str.extract(r"elapsed=([\d.]+)"), pl.col("text").str.extract(r"^\w+: ([\d.]+) sec"))
    return rows.select(
        "byte_offset", "ts", told.str.extract(r"(?:jid=|JID-)(\S+)").alias("job_id"),
        pl.coalesce(told.str.extract(r"class=(\S+)"), told.str.extract(r"(\S+) JID-")).alias("job_type"),
        told.str.extract(r"queue=(\S+)").alias("queue"), _worker().alias("worker"),
        pl.col("text").str.extract(r"^(\w+)").replace(STATUS).alias("status"),
        milliseconds(number(seconds)).alias("execution_ms"),
    )  # fmt: skip


def _worker() -> pl.Expr:
    return pl.coalesce("pid", "old_pid") + " " + pl.coalesce("tid", "old_tid")


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.col("severity").str.to_lowercase().alias("level"), pl.lit("sidekiq").alias("logger"),
        pl.col("text").str.strip_chars_end().alias("message"),
        _json.objects(worker=_worker(), job_id=pl.col("context").str.extract(r"(?:jid=|JID-)(\S+)")).alias("context"),
    )  # fmt: skip
