"""An RQ worker's log, which tells the time of day and no date."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample
from storage.formats import _applog, _json, _times
from storage.formats._cells import number
from storage.formats._lines import LineFormat, ends_before, matched, parted, share_with_continuations
from storage.schema import TIME

_STAMP = r"(?:\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d(?:[.,]\d+)?"
_START = rf"^{_STAMP} "
_OK = r"(?:[^W]|W[^o]|Worker [0-9a-f]+: (?:[^:\n]*$|[^:\n]*: (?:[^J]|J[^o]|Job [^O])))"
_OK = rf"^{_STAMP} Worker [^:\n]+: [^:\n]*: Job OK \("
_RECORD = rf"(?s)^(?P<when>{_STAMP}) (?:Worker (?P<worker>[^:\n]+): )?(?P<text>.*)$"
_DONE = (
    r"(?s)^Successfully completed (?P<call>.*) job in (?P<days>\d+ days?, )?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>[\d.]+)s"  # noqa: E501
    r" on worker (?P<by>\S+)(?:\n\S+ Worker [^:\n]+: (?P<queue>[^:\n]*): Job OK \((?P<id>[^)]+)\))?"
)
_FAILED = r"(?s)^job (?P<id>[\w-]+): exception raised while executing \((?P<call>[^)]*)\)(?P<trace>.*)$"
_BEGIN = r"^[^:\n]+: .*\([0-9a-f]{8}-[0-9a-f-]{27}\)\s*$|^[^:\n]*: Job OK \("


class Rq(LineFormat):
    """`16:02:52 Successfully completed f(1) job in 0:00:00.05s on worker W`, then `... default: Job OK (id)`.

    A time of day gets the latest date on which it was not after the file's last change, so a log of several days that
    is read at once folds into its last one. Without that context such records are rejected.
    """

    name: ClassVar[str] = "rq"
    title: ClassVar[str] = "RQ (Redis Queue) worker log"
    tables: ClassVar[tuple[str, ...]] = ("jobs", "logs")
    specificity: ClassVar[int] = 60
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "16:02:52 Worker 996100a0500840739ce2ebc93cc348dc: default: jobs.count('http://a.b') (5cdcc024-edec-46f4-9bc4-00aa92cf423d)\n"  # noqa: E501
            "16:02:52 Successfully completed jobs.count('http://a.b') job in 0:00:00.053717s on worker 996100a0500840739ce2ebc93cc348dc\n"  # noqa: E501
            "16:02:52 Worker 996100a0500840739ce2ebc93cc348dc: default: Job OK (5cdcc024-edec-46f4-9bc4-00aa92cf423d)\n",  # noqa: E501
            {"jobs": [{"ts": "2026-11-22T16:02:52Z", "job_id": "5cdcc024-edec-46f4-9bc4-00aa92cf423d", "queue": "default",  # noqa: E501
                       "job_type": "jobs.count", "worker": "996100a0500840739ce2ebc93cc348dc", "status": "done",
                       "execution_ms": 53.717}]},
        ),
        Sample(
            "edge",
            "23:02:52 Worker 9961: job 6286837e-2e5b-443c-870a-c54f56052b73: exception raised while executing (jobs.boom)\n"  # noqa: E501
            "Traceback (most recent call last):\n  File \"/a.py\", line 3, in boom\nRuntimeError: bad x\n\n"
            "10:02:52 Worker 9961: cleaning registries for queue: default\n",
            {"jobs": [{"ts": "2026-11-21T23:02:52Z", "job_type": "jobs.boom", "status": "failed",
                       "error": "RuntimeError: bad x"}],
             "logs": [{"ts": "2026-11-22T10:02:52Z", "message": "cleaning registries for queue: default"}]},
            "a failure with its trace; a time later than the file's last change is the day before's",
        ),
        Sample("reject", "RuntimeError: bad x\n", about="a trace without its record"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Times of day before the words of a worker, and traces after them."""
        words = r"(?:Worker [\w.-]+: |Successfully completed |\*\*\* Listening on|\w+: .*\([0-9a-f-]{36}\))"
        ours = head.str.contains(rf"^{_STAMP} {words}")
        return share_with_continuations(head, rf"^{_STAMP} ") if ours.sum() >= max(1, 0.1 * head.len()) else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time, but not before the `Job OK` that names the job just completed."""
        return ends_before(block, _START, unless=_OK)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Runs that ended, and everything else but the starts."""
        text = pl.col("record").str.replace_all("\r\n", "\n", literal=True)
        rows = matched(records.with_columns(text), _RECORD)
        rows = rows.with_columns(_dated(rows["when"], context).alias("ts"))
        why = pl.when(pl.col("when").is_null()).then(pl.lit("no time at the front")).otherwise(
            pl.lit("a time of day without a date, and the date of the file is not known")
        )  # fmt: skip
        good, rejects = parted(rows, why)
        done = good.select("byte_offset", "ts", pl.col("text").str.extract_groups(_DONE).alias("job")).unnest("job")
        failed = good.select(
            "byte_offset", "ts", pl.col("worker").alias("by"), pl.col("text").str.extract_groups(_FAILED).alias("job")
        ).unnest("job")
        begun = good["text"].str.contains(_BEGIN)
        rest = good.filter(done["call"].is_null() & failed["call"].is_null() & ~begun)
        jobs = pl.concat(
            [_done(done.filter(pl.col("call").is_not_null())), _failed(failed.filter(pl.col("call").is_not_null()))],
            how="diagonal",
        ).sort("byte_offset")
        return Parsed({"jobs": jobs, "logs": _logs(rest)}, rejects)


def _dated(when: pl.Series, context: Context) -> pl.Series:
    """Times with a date as they are; times of day on the latest day that puts them before the file's last change."""
    full = _times.iso(when, context)
    if context.written_at is None or full.null_count() == when.null_count():
        return full
    last = pl.lit(context.written_at).cast(TIME).dt.convert_time_zone(context.time_zone)
    frame = when.alias("when").to_frame().with_columns(last.dt.date().alias("day"))
    for days in (1, 0):  # a minute's grace: a file's time and a process's clock may differ
        stamped = (
            (pl.col("day").dt.offset_by(f"{days}d") if days else pl.col("day")).dt.strftime("%Y-%m-%d")
            + " "
            + pl.col("when")
        )
        frame = frame.with_columns(_times.iso(frame.select(stamped).to_series(), context).alias(f"on_{days}"))
    soon = pl.lit(context.written_at).cast(TIME) + pl.duration(minutes=1)
    day = pl.when(pl.col("on_0") <= soon).then("on_0").otherwise(pl.col("on_0") - pl.duration(days=1))
    return full.fill_null(frame.select(pl.when(pl.col("on_1") <= soon).then("on_1").otherwise(day)).to_series())


def _done(rows: pl.DataFrame) -> pl.DataFrame:
    seconds = (
        number(pl.col("days").str.extract(r"(\d+)")).fill_null(0) * 86_400 + number(pl.col("hours")) * 3600
        + number(pl.col("minutes")) * 60 + number(pl.col("seconds"))
    )  # fmt: skip
    return rows.select(
        "byte_offset", "ts", pl.col("id").alias("job_id"), _function().alias("job_type"), "queue",
        pl.col("by").alias("worker"), pl.lit("done").alias("status"), (seconds * 1000).round(6).alias("execution_ms"),
    )  # fmt: skip


def _failed(rows: pl.DataFrame) -> pl.DataFrame:
    last = pl.col("trace").str.strip_chars().str.extract(r"([^\n]+)$")
    return rows.select(
        "byte_offset", "ts", pl.col("id").alias("job_id"), _function().alias("job_type"), pl.col("by").alias("worker"),
        pl.lit("failed").alias("status"), last.alias("error"),
    )  # fmt: skip


def _function() -> pl.Expr:
    return pl.col("call").str.extract(r"^([\w.:<>-]+)")


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return _applog.log_rows(
        rows.with_columns(pl.lit(None, dtype=pl.String).alias("level")),
        pl.lit("rq"),
        pl.col("text").str.strip_chars_end(),
        _json.objects(worker=pl.col("worker")),
    )
