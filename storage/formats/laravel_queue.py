"""`php artisan queue:work`: the text of Laravel up to 8, that of 9 and later, and the JSON of 11 and later."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Parsed, Sample
from storage.formats import _json, _times
from storage.formats._cells import integer, milliseconds, number, present
from storage.formats._lines import LineFormat, parted

_OLD = r"^\[(?P<old_when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\]\[(?P<old_id>[^\]]*)\] (?P<old_how>Processing|Processed|Failed): +(?P<old_type>\S+)\s*$"  # noqa: E501
_NEW = (
    r"^\s*(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<type>[^\s.]\S*?)(?: (?P<id>[\w-]+))?(?: (?P<connection>\w+))?"
    r"(?: (?P<queue>[\w:-]+))? ?\.{2,} (?P<spent>(?:[\d,.]+ ?(?:ms|s|m|h) ?)+)?(?P<how>RUNNING|DONE|FAIL)\s*$"
)
_SHAPE = _json.texts(
    "id", "uuid", "connection", "queue", "job", "status", "result", "attempts", "timestamp", "duration", "exception",
    "message", "level",
)  # fmt: skip
_STATUS = {
    "Processed": "done", "Failed": "failed", "DONE": "done", "FAIL": "failed", "success": "done", "failed": "failed",
    "released_after_exception": "retried",
}  # fmt: skip
_BEGUN = ["Processing", "RUNNING", "starting"]


class LaravelQueue(LineFormat):
    """One line when a job begins (left out) and one when it ends. The old text tells no duration."""

    name: ClassVar[str] = "laravel-queue"
    title: ClassVar[str] = "Laravel queue worker output, text and JSON (also Horizon)"
    tables: ClassVar[tuple[str, ...]] = ("jobs",)
    specificity: ClassVar[int] = 75
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "  2026-11-22 16:03:07 App\\Jobs\\SendInvoice ..................... RUNNING\n"
            "  2026-11-22 16:03:07 App\\Jobs\\SendInvoice ............... 127.61ms DONE\n"
            "  2026-11-22 16:03:09 App\\Jobs\\SendInvoice 0f82 redis default ............... 1s 27.5ms FAIL\n",
            {"jobs": [{"ts": "2026-11-22T16:03:07Z", "job_type": "App\\Jobs\\SendInvoice", "status": "done",
                       "execution_ms": 127.61},
                      {"status": "failed", "execution_ms": 1027.5, "job_id": "0f82", "queue": "default"}]},
            "Laravel 9 and later, the last line of `-v`",
        ),
        Sample(
            "edge",
            "[2026-11-22 16:03:07][8471] Processing: App\\Jobs\\SendInvoice\n"
            "[2026-11-22 16:03:08][8471] Processed:  App\\Jobs\\SendInvoice\n"
            '{"level":"info","id":"8471","uuid":"0f82","connection":"redis","queue":"default","job":"App\\\\Jobs\\\\SendInvoice",'
            '"status":"released_after_exception","attempts":2,"timestamp":"2026-11-22T16:03:07.123456+00:00","duration":0.127614,'
            '"message":"smtp 421"}\n',
            {"jobs": [{"job_id": "8471", "status": "done", "execution_ms": None},
                      {"ts": "2026-11-22T16:03:07.123456Z", "status": "retried", "execution_ms": 127.614,
                       "retry_count": 1, "queue": "default", "error": "smtp 421", "job_id": "8471"}]},
            "the text of Laravel 8; JSON",
        ),
        Sample("reject", "   INFO  Processing jobs from the [default] queue.\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Lines of any of the three forms."""
        text = head.str.contains(_OLD) | head.str.contains(_NEW)
        if _json.any_in(head, "job", "status", "timestamp"):
            cells = _json.decode(head, _SHAPE)
            text |= cells["job"].is_not_null() & cells["status"].is_not_null() & cells["timestamp"].is_not_null()
        return float(text.sum()) / head.len()

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Runs that ended."""
        groups = records.select(
            "byte_offset", "record", pl.col("record").str.extract_groups(_OLD).alias("old"),
            pl.col("record").str.extract_groups(_NEW).alias("new"),
        ).unnest("old", "new")  # fmt: skip
        told = _json.decode(records["record"], _SHAPE).select(pl.all().name.prefix("json_"))
        rows = groups.hstack(told)
        when = rows.select(pl.coalesce("old_when", "when", "json_timestamp")).to_series()
        how = pl.coalesce("old_how", "how", pl.when(pl.col("json_job").is_not_null()).then("json_status"))
        rows = rows.with_columns(_times.anything(when, context).alias("at"), how.alias("state"))
        rows = rows.with_columns(pl.when(pl.col("state").is_not_null()).then("at").alias("ts"))
        good, rejects = parted(rows, "no line of queue:work that tells of a job")
        return Parsed({"jobs": _jobs(good.filter(~pl.col("state").is_in(_BEGUN)))}, rejects)


def _spent_ms() -> pl.Expr:
    """`1s 27.5ms` or `127.61ms` in milliseconds."""
    text = pl.col("spent").str.replace_all(",", "", literal=True)
    parts = [number(text.str.extract(rf"([\d.]+) ?{unit}\b")) * factor
             for unit, factor in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))]  # fmt: skip
    return pl.when(text.is_not_null()).then(pl.sum_horizontal(*parts).round(6))


def _jobs(rows: pl.DataFrame) -> pl.DataFrame:
    failed = pl.col("json_status").is_in(["failed", "released_after_exception"])
    return rows.select(
        "byte_offset",
        "ts",
        pl.coalesce("old_id", "id", "json_id", "json_uuid").alias("job_id"),
        pl.coalesce("old_type", "type", "json_job").alias("job_type"),
        pl.coalesce("queue", "json_queue").alias("queue"),
        pl.col("state").replace(_STATUS).alias("status"),
        pl.coalesce(_spent_ms(), milliseconds(number(pl.col("json_duration")))).alias("execution_ms"),
        (integer(pl.col("json_attempts"), pl.Int32) - 1).alias("retry_count"),
        pl.when(failed).then(pl.coalesce(present(pl.col("json_message")), "json_exception")).alias("error"),
    )
