"""A Celery worker's log in its default format."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample, rejected
from storage.formats import _applog
from storage.formats._cells import milliseconds, number
from storage.formats._lines import LineFormat, ends_before, matched, share_with_continuations

_START = r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: [A-Z]+/"
_RECORD = r"(?s)^\[(?P<when>[\d-]+ [\d:,]+): (?P<severity>[A-Z]+)/(?P<process>[^\]]+)\] (?P<text>.*)$"
_TASK = (
    r"(?s)^Task (?P<type>[^\[\s]+)\[(?P<id>[^\]]+)\] "
    r"(?P<how>succeeded in (?P<seconds>[\d.e-]+)s|retry: |raised unexpected: |raised expected: |ignored|rejected|"
    r"Failed: |failed: |received)(?P<rest>.*)$"
)
_STATUS = {"succeeded": "done", "retry": "retried", "raised": "failed", "failed": "failed", "ignored": "ignored",
           "rejected": "rejected"}  # fmt: skip
_BANNER = r"(?m)^ -------------- celery@|^worker: (?:Warm|Cold) shutdown|SecurityWarning: You're running the worker"


class Celery(LineFormat):
    """`[time: INFO/ForkPoolWorker-2] Task tasks.add[id] succeeded in 0.12s: 5`. `received` is no run."""

    name: ClassVar[str] = "celery"
    title: ClassVar[str] = "Celery worker log"
    tables: ClassVar[tuple[str, ...]] = ("jobs", "logs")
    specificity: ClassVar[int] = 65
    steps: ClassVar[tuple[str, ...]] = (r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: ", r"[A-Z]+/", r"[^\]]+\] ")
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "[2026-11-22 16:02:43,739: INFO/MainProcess] Task tasks.add[76159a88-0944] received\n"
            "[2026-11-22 16:02:43,892: INFO/ForkPoolWorker-2] Task tasks.add[76159a88-0944] succeeded in 0.125s: 5\n",
            {"jobs": [{"ts": "2026-11-22T16:02:43.892000Z", "job_id": "76159a88-0944", "job_type": "tasks.add",
                       "worker": "ForkPoolWorker-2", "status": "done", "execution_ms": 125.0, "error": None}]},
        ),
        Sample(
            "edge",
            " \n -------------- celery@vm v5.7.0 (collider)\n--- ***** ----- \n"
            "[2026-11-22 16:02:43,972: INFO/ForkPoolWorker-1] Task tasks.flaky[0f82] retry: Retry in 1s: ValueError('boom')\n"  # noqa: E501
            "[2026-11-22 16:02:44,788: ERROR/ForkPoolWorker-2] Task tasks.flaky[0f82] raised unexpected: ValueError('boom')\n"  # noqa: E501
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: boom\n"
            "[2026-11-22 16:02:45,000: WARNING/MainProcess] mingle: all alone\n",
            {"jobs": [{"status": "retried", "error": "Retry in 1s: ValueError('boom')"},
                      {"status": "failed", "error": "ValueError('boom')", "execution_ms": None}],
             "logs": [{"level": "warn", "message": "mingle: all alone"}]},
            "the banner, a retry, a failure with its trace",
        ),
        Sample("reject", "Traceback (most recent call last):\n", about="a trace without its record"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Lines of a worker's processes, behind the banner."""
        return 1.0 if share_with_continuations(head, _START) > 0.2 else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time, a level and a process."""
        return ends_before(block, _START)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Runs that ended, retries, and everything else but receptions and the banner."""
        text = pl.col("record").str.replace_all("\r\n", "\n", literal=True)
        rows = matched(records.with_columns(text), _RECORD)
        rows = rows.with_columns(_applog.time_of(rows["when"], context).alias("ts"))
        readable = rows["ts"].is_not_null()
        banner = rows["record"].str.contains(_BANNER) & rows["when"].is_null()
        good = rows.filter(readable).with_columns(pl.col("text").str.extract_groups(_TASK).alias("task")).unnest("task")
        run = good["id"].is_not_null() & (good["how"] != "received")
        received = good["how"] == "received"
        logs = good.filter(~(run | received).fill_null(False))
        rejects = rejected(rows.filter(~readable & ~banner), "no `[time: LEVEL/process]` at the front")
        return Parsed({"jobs": _jobs(good.filter(run)), "logs": _logs(logs)}, rejects)


def _jobs(rows: pl.DataFrame) -> pl.DataFrame:
    done = pl.col("how").str.starts_with("succeeded")
    error = pl.when(~done).then(pl.col("rest").str.split("\n").list.first().str.strip_chars())
    return rows.select(
        "byte_offset", "ts", pl.col("id").alias("job_id"), pl.col("type").alias("job_type"),
        pl.col("process").alias("worker"),
        pl.col("how").str.extract(r"^(\w+)").str.to_lowercase().replace(_STATUS).alias("status"),
        milliseconds(number(pl.col("seconds"))).alias("execution_ms"), error.alias("error"),
    )  # fmt: skip


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return _applog.log_rows(
        rows.with_columns(pl.col("severity").str.to_lowercase().replace({"warning": "warn"}).alias("level")),
        pl.lit("celery"), pl.col("text").str.strip_chars_end(),
    )  # fmt: skip
