"""AWS Lambda's REPORT lines, as CloudWatch exports, `aws logs tail` and the console show them."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample, rejected
from storage.formats import _times
from storage.formats._cells import number, trace
from storage.formats._lines import LineFormat, ends_before

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)|\d{13}"
_REPORT = r"REPORT RequestId: (?P<id>[0-9a-fA-F-]{8,})\s"
_PLATFORM = r"\b(?:START RequestId: |END RequestId: |INIT_START |EXTENSION\s|LOGS\s)"
_START = rf"^(?:{_STAMP})|^(?:REPORT|START|END) RequestId: "


class LambdaReport(LineFormat):
    """`REPORT RequestId: id <TAB> Duration: 960.45 ms <TAB> ... Max Memory Used: 69 MB`, with a time in front.

    The report itself tells no time: an export without one in front cannot be dated and is rejected. START and END say
    nothing that the report does not; what the function printed is a log record. `worker` is the log stream, where
    `aws logs tail` shows it.
    """

    name: ClassVar[str] = "lambda-report"
    title: ClassVar[str] = "AWS Lambda log with REPORT lines"
    tables: ClassVar[tuple[str, ...]] = ("jobs", "logs")
    specificity: ClassVar[int] = 75
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2026-11-22T16:03:07.123Z START RequestId: 3189db8f-aaaa Version: $LATEST\n"
            "2026-11-22T16:03:08.123Z REPORT RequestId: 3189db8f-aaaa\tDuration: 960.45 ms\tBilled Duration: 961 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 69 MB\tInit Duration: 326.33 ms\t\n",
            {"jobs": [{"ts": "2026-11-22T16:03:08.123000Z", "job_id": "3189db8f-aaaa", "execution_ms": 960.45,
                       "memory_mb": 69.0, "status": "done"}]},
        ),
        Sample(
            "edge",
            "1795363387123\tREPORT RequestId: 3189db8f-aaaa\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"
            "Max Memory Used: 128 MB\tStatus: timeout\n"
            "2026-11-22T16:03:08.123+00:00 2026/11/22/[$LATEST]ab12 hello\nworld\n",
            {"jobs": [{"ts": "2026-11-22T16:03:07.123000Z", "status": "timeout", "error": "timeout"}],
             "logs": [{"message": "2026/11/22/[$LATEST]ab12 hello\nworld"}]},
            "a run that timed out; output of the function over two lines",
        ),
        Sample("reject", "REPORT RequestId: 3189db8f-aaaa\tDuration: 960.45 ms\n", about="no time in front"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Reports and the platform's other lines; what the function prints lies between them."""
        own = head.str.contains(r"\b(?:REPORT|START|END) RequestId: [0-9a-fA-F-]{8,}")
        return 1.0 if float(own.sum()) >= max(1, 0.1 * head.len()) else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time in front, or a platform's line without."""
        return ends_before(block, _START)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Runs by their reports."""
        when = records["record"].str.extract(rf"^({_STAMP})")
        rows = records.with_columns(_times.anything(when, context).alias("ts"))
        platform = rows["record"].str.contains(_PLATFORM)
        report = rows["record"].str.contains(_REPORT)
        good = rows["ts"].is_not_null()
        rejects = rejected(rows.filter(~good & ~platform), "no time in front of it")
        return Parsed(
            {"jobs": _jobs(rows.filter(good & report)), "logs": _logs(rows.filter(good & ~report & ~platform))}, rejects
        )


def _jobs(rows: pl.DataFrame) -> pl.DataFrame:
    def amount(name: str, unit: str) -> pl.Expr:
        return number(pl.col("record").str.extract(rf"(?:^|\t|\s){name}: ([\d.]+) {unit}"))

    status = pl.col("record").str.extract(r"\bStatus: (\w+)").str.to_lowercase()
    return rows.select(
        "byte_offset", "ts", pl.col("record").str.extract(_REPORT, 1).alias("job_id"),
        status.fill_null("done").replace({"success": "done", "error": "failed"}).alias("status"),
        number(pl.col("record").str.extract(r"\tDuration: ([\d.]+) ms")).alias("execution_ms"),
        amount("Max Memory Used", "MB").alias("memory_mb"),
        pl.when(status != "success").then(pl.coalesce(pl.col("record").str.extract(r"\bError Type: (\S+)"), status))
        .alias("error"),
    )  # fmt: skip


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    message = pl.col("record").str.replace(rf"^(?:{_STAMP})\s*", "")
    level = message.str.extract(r"(?:^|\t)(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b").str.to_lowercase()
    timed_out = message.str.contains("Task timed out", literal=True)
    return rows.select(
        "byte_offset", "ts", pl.when(timed_out).then(pl.lit("error")).otherwise(level).alias("level"),
        pl.lit("lambda").alias("logger"), message.alias("message"), trace(message).alias("trace_id"),
    )  # fmt: skip
