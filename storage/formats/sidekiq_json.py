"""Sidekiq's JSON log, its own formatter's and the richer one that GitLab and others write."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _json, _times
from storage.formats._cells import integer, milliseconds, number, present
from storage.formats._lines import LineFormat, parted
from storage.formats.sidekiq import STATUS

_SHAPE = _json.texts(
    "ts", "time", "timestamp", "pid", "tid", "lvl", "severity", "msg", "message", "class", "jid", "queue", "job_status",
    "duration_s", "duration", "cpu_s", "mem_bytes", "scheduling_latency_s", "job_size_bytes", "retry_count",
    "error_message", "correlation_id", "worker",
) | {"ctx": _json.texts("class", "jid", "elapsed", "queue", "tags")}  # fmt: skip


class SidekiqJson(LineFormat):
    """`{"ts":..,"msg":"done","ctx":{"class":..,"jid":..,"elapsed":0.051}}`, or flat with `job_status` and `duration_s`.

    GitLab's `mem_bytes` is what a job allocated in all, not its peak: it is not taken for `memory_mb`. Its `retry` is
    the limit, not the count.
    """

    name: ClassVar[str] = "sidekiq-json"
    title: ClassVar[str] = "Sidekiq log, JSON (Sidekiq's own and GitLab's)"
    tables: ClassVar[tuple[str, ...]] = ("jobs", "logs")
    specificity: ClassVar[int] = 80
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '{"ts":"2026-11-22T16:03:07.949Z","pid":26040,"tid":"j2c","lvl":"INFO","msg":"done",'
            '"ctx":{"class":"HardWorker","jid":"c239507f9158dfacbbc8e816","elapsed":0.051}}\n',
            {"jobs": [{"ts": "2026-11-22T16:03:07.949000Z", "job_id": "c239507f9158dfacbbc8e816", "job_type": "HardWorker",  # noqa: E501
                       "status": "done", "execution_ms": 51.0, "worker": "26040 j2c"}]},
        ),
        Sample(
            "edge",
            '{"severity":"INFO","time":"2021-02-03T15:07:22.022Z","queue":"cronjob:geo","class":"Geo::Worker","retry":0,'
            '"jid":"a1","job_status":"done","scheduling_latency_s":0.003492,"job_size_bytes":395,"duration_s":1.556568,'
            '"cpu_s":0.387845}\n'
            '{"ts":"2026-11-22T16:03:07.899Z","pid":1,"tid":"j54","lvl":"WARN","msg":"ArgumentError: nope"}\n'
            '{"ts":"2026-11-22T16:03:07.898Z","pid":1,"tid":"j2c","lvl":"INFO","msg":"start","ctx":{"class":"A","jid":"b"}}\n',
            {"jobs": [{"queue": "cronjob:geo", "execution_ms": 1556.568, "wait_ms": 3.492, "cpu_ms": 387.845,
                       "payload_kb": 0.3857421875, "retry_count": None}],
             "logs": [{"level": "warn", "message": "ArgumentError: nope"}]},
            "GitLab; a warning; a start is no run",
        ),
        Sample("reject", "Passing the timeout as a positional argument is deprecated\n"),
        Sample("reject", '{"lvl":"INFO","msg":"done","ctx":{"class":"A","jid":"b"}}\n', about="no time"),
    )  # fmt: skip

    def stops_at(self, record: str) -> int | None:
        """Where the JSON breaks."""
        return _json.breaks_at(record)

    def sniff(self, head: pl.Series) -> float:
        """The share of objects with Sidekiq's thread or job keys; half of the lines may be a library's warnings."""
        if not (_json.any_in(head, "tid", "lvl") or _json.any_in(head, "jid", "class")):
            return 0.0
        seen = _json.decode(head, _SHAPE)
        own = pl.col("tid").is_not_null() & pl.col("lvl").is_not_null()
        rich = pl.col("jid").is_not_null() & pl.col("class").is_not_null()
        found = seen.filter((own | rich).fill_null(False)).height
        others = seen.filter(pl.col("is_object")).height - found
        return 0.0 if not found or others > found else min(1.0, 0.5 + found / head.len())

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Runs that ended, and everything else but the starts."""
        cells = records.hstack(_json.decode(records["record"], _SHAPE).rename({"ts": "stamp"}))
        when = cells.select(pl.coalesce("stamp", "time", "timestamp")).to_series()
        inner = pl.col("ctx").struct
        cells = cells.with_columns(
            _times.anything(when, context).alias("ts"),
            pl.coalesce("jid", inner.field("jid")).alias("jid"),
            pl.coalesce("class", inner.field("class")).alias("class"),
            pl.coalesce("queue", inner.field("queue")).alias("queue"),
            pl.coalesce("msg", "message").alias("msg"),
            pl.coalesce("job_status", pl.when(inner.field("jid").is_not_null()).then("msg")).alias("state"),
            pl.coalesce("duration_s", "duration", inner.field("elapsed")).alias("seconds"),
        )
        why = pl.when(pl.col("is_object")).then(pl.lit("no readable `ts` or `time`")).otherwise(
            pl.lit("not a whole JSON object")
        )  # fmt: skip
        good, rejects = parted(cells, why)
        state = good["state"].str.to_lowercase()
        ended = state.is_in(["done", "fail", "failed", "interrupted", "deduplicated"]) & good["jid"].is_not_null()
        started = (state == "start") & good["jid"].is_not_null()
        skip = (ended | started).fill_null(False)
        return Parsed({"jobs": _jobs(good.filter(ended)), "logs": _logs(good.filter(~skip))}, rejects)


def _jobs(rows: pl.DataFrame) -> pl.DataFrame:
    def seconds(name: str) -> pl.Expr:
        return milliseconds(number(pl.col(name)))

    return rows.select(
        "byte_offset", "ts", pl.col("jid").alias("job_id"), pl.col("class").alias("job_type"), "queue",
        pl.coalesce(pl.col("pid") + " " + pl.col("tid"), "worker", "pid").alias("worker"),
        pl.col("state").str.to_lowercase().replace(STATUS).alias("status"), seconds("seconds").alias("execution_ms"),
        seconds("scheduling_latency_s").alias("wait_ms"), seconds("cpu_s").alias("cpu_ms"),
        (number(pl.col("job_size_bytes")) / 1024).alias("payload_kb"),
        integer(pl.col("retry_count"), pl.Int32).alias("retry_count"), present(pl.col("error_message")).alias("error"),
    )  # fmt: skip


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.coalesce("lvl", "severity").str.to_lowercase().alias("level"),
        pl.lit("sidekiq").alias("logger"), pl.col("msg").alias("message"), pl.col("correlation_id").alias("trace_id"),
        _json.objects(job_id=pl.col("jid"), job_type=pl.col("class")).alias("context"),
    )  # fmt: skip
