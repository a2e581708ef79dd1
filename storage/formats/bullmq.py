"""BullMQ jobs as JSON (what `job.toJSON()` gives), and its queue's events."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _json, _times
from storage.formats._cells import integer, number, present
from storage.formats._lines import LineFormat, parted

_SHAPE = _json.texts(
    "name", "id", "data", "attemptsMade", "timestamp", "processedOn", "finishedOn", "delay", "queueQualifiedName",
    "failedReason", "queueName", "stalledCounter", "opts",
)  # fmt: skip
_LEAD = r"^(?:JOB )?(?P<json>\{.*\})$"
_EVENT = r"^EVENT (?P<event>[\w-]+) (?P<told>\{.*\}) (?P<stamp>\d{13})-\d+$"


class Bullmq(LineFormat):
    """A job's JSON, perhaps after the word JOB: a run once it finished, or failed and waits for its next try.

    `EVENT failed {"jobId":..} 1795363375172-0` lines are log records: they repeat what the job's JSON says.
    """

    name: ClassVar[str] = "bullmq"
    title: ClassVar[str] = "BullMQ jobs as JSON, and queue events"
    tables: ClassVar[tuple[str, ...]] = ("jobs", "logs")
    specificity: ClassVar[int] = 80
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            'JOB {"name":"welcome","data":{"userId":42},"id":"1","attemptsMade":1,"stalledCounter":0,"timestamp":1795363374645,'  # noqa: E501
            '"queueQualifiedName":"bull:mail","processedOn":1795363374709,"finishedOn":1795363374776,"delay":0}\n',
            {"jobs": [{"ts": "2026-11-22T16:02:54.776000Z", "job_id": "1", "job_type": "welcome", "queue": "mail",
                       "status": "done", "execution_ms": 67.0, "wait_ms": 64.0, "retry_count": 0,
                       "payload_kb": 0.0126953125}]},
        ),
        Sample(
            "edge",
            '{"name":"boom","data":{"userId":43},"id":"2","attemptsMade":1,"stalledCounter":0,"timestamp":1795363374672,'
            '"processedOn":1795363374776,"failedReason":"smtp 421","delay":200}\n'
            'EVENT active {"jobId":"2","prev":"waiting"} 1795363374778-1\n'
            '{"name":"later","data":{},"id":"3","attemptsMade":0,"timestamp":1795363374672,"delay":5000}\n',
            {"jobs": [{"ts": "2026-11-22T16:02:54.776000Z", "status": "retried", "error": "smtp 421", "wait_ms": None}],
             "logs": [{"ts": "2026-11-22T16:02:54.778000Z", "message": "active", "context": '{"jobId":"2","prev":"waiting"}'}]},  # noqa: E501
            "a failure that will be tried again: its delay is the next try's; an event; a job that waits is no run",
        ),
        Sample("reject", 'COUNTS {"active":0,"completed":1}\n'),
        Sample("reject", '{"name":"welcome","id":"1"\n'),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Jobs by their unmistakable keys, events by their form."""
        events, told = head.str.contains(_EVENT), head.str.strip_prefix("JOB ")
        if not _json.any_in(told, "attemptsMade", "timestamp", "name"):
            return float(events.sum()) / head.len()
        cells = _json.decode(told, _SHAPE)
        jobs = cells["attemptsMade"].is_not_null() & cells["timestamp"].is_not_null() & cells["name"].is_not_null()
        return float((jobs | events).sum()) / head.len()

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:  # noqa: ARG002
        """Runs, and events as log records."""
        told = records.select(pl.col("record").str.extract(_LEAD, 1).fill_null("")).to_series()
        cells = records.hstack(_json.decode(told, _SHAPE))
        event = records.select(pl.col("record").str.extract_groups(_EVENT).alias("e")).unnest("e")
        cells = cells.hstack(event)
        when = cells.select(pl.coalesce("stamp", "finishedOn", "processedOn", "timestamp")).to_series()
        job = pl.col("attemptsMade").is_not_null() & pl.col("name").is_not_null()
        cells = cells.with_columns(_times.epoch(when).alias("at"), (job | pl.col("event").is_not_null()).alias("known"))
        cells = cells.with_columns(pl.when("known").then("at").alias("ts"))
        good, rejects = parted(cells, "neither a job's JSON with its times nor an EVENT line")
        run = good["finishedOn"].is_not_null() | good["failedReason"].is_not_null()
        return Parsed(
            {"jobs": _jobs(good.filter(run)), "logs": _events(good.filter(pl.col("event").is_not_null()))}, rejects
        )


def _jobs(rows: pl.DataFrame) -> pl.DataFrame:
    begun, ended, added = (number(pl.col(name)) for name in ("processedOn", "finishedOn", "timestamp"))
    attempts = integer(pl.col("attemptsMade"), pl.Int32)
    first = attempts <= 1
    failed = pl.col("failedReason").is_not_null()
    again = failed & pl.col("finishedOn").is_null()
    delay = number(pl.col("delay")).fill_null(0.0)
    return rows.select(
        "byte_offset",
        "ts",
        pl.col("id").alias("job_id"),
        pl.col("name").alias("job_type"),
        pl.coalesce("queueName", pl.col("queueQualifiedName").str.replace(r"^.*:", "")).alias("queue"),
        pl.when(again)
        .then(pl.lit("retried"))
        .when(failed)
        .then(pl.lit("failed"))
        .otherwise(pl.lit("done"))
        .alias("status"),
        (ended - begun).alias("execution_ms"),
        pl.when(first & ~again).then((begun - added - delay).clip(lower_bound=0)).alias("wait_ms"),
        (attempts - 1).clip(lower_bound=0).alias("retry_count"),
        (pl.col("data").str.len_bytes() / 1024).alias("payload_kb"),
        present(pl.col("failedReason")).alias("error"),
    )


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.when(pl.col("event").is_in(["failed", "error", "retries-exhausted", "stalled"]))
        .then(pl.lit("error")).otherwise(pl.lit("info")).alias("level"),
        pl.lit("bullmq").alias("logger"), pl.col("event").alias("message"), pl.col("told").alias("context"),
    )  # fmt: skip
