"""Laravel's log (Monolog lines), with the statements that a query listener writes into it."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample
from storage.formats import _applog, _json, _sqlcomment
from storage.formats._cells import number, trace
from storage.formats._lines import LineFormat, ends_before, matched, parted

_STAMP = r"\[\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d|Z)?\]"
_START = rf"^{_STAMP} [\w-]+\.[A-Z]+: "
_RECORD = rf"(?s)^(?P<when>{_STAMP}) (?P<channel>[\w-]+)\.(?P<severity>[A-Z]+): (?P<text>.*)$"
_SQL = (
    r"(?is)^(?:sql|query|executed query)?:? ?(?P<sql>(?:select|insert|update|delete|replace|with|begin|commit|rollback|"
    r"create|alter|drop|truncate|set|show) ?.*?)(?:\s+(?P<params>[\[{].*[\]}]))?(?:\s+\[\])?\s*$"
)


class Laravel(LineFormat):
    """`[2026-11-22 12:00:00] local.DEBUG: select * from users where id = ? [1]`.

    How a listener prints its statements is the application's choice: SQL at the front of the message, a JSON list (the
    bindings) or object (with `bindings`, `time` in milliseconds) after it are understood.
    """

    name: ClassVar[str] = "laravel"
    title: ClassVar[str] = "Laravel (Monolog) log, with statements of a query listener"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 65
    steps: ClassVar[tuple[str, ...]] = (_STAMP, r" [\w-]+", r"\.[A-Z]+: ")
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '[2021-03-10 12:00:00] local.DEBUG: select * from `users` where `id` = ? ["1"]\n'
            '[2021-03-10 12:00:01] local.INFO: select 1 {"bindings":[5],"time":1.25}\n',
            {"queries": [{"ts": "2021-03-10T12:00:00Z", "sql": "select * from `users` where `id` = ?", "params": '["1"]'},  # noqa: E501
                         {"sql": "select 1", "params": "[5]", "duration_ms": 1.25}]},
        ),
        Sample(
            "edge",
            '[2021-03-10T12:00:00.123456+01:00] production.ERROR: Boom {"exception":"[object] (E(code: 0): Boom at /a.php:1)\n'  # noqa: E501
            '[stacktrace]\n#0 /b.php(2)\n"} \n',
            {"logs": [{"ts": "2021-03-10T11:00:00.123456Z", "level": "error", "logger": "production"}]},
            "a stack trace over several lines",
        ),
        Sample("reject", "#0 /b.php(2)\n", about="a stack trace without its record"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Monolog's lines; at least one in ten, for stack traces are long."""
        return 1.0 if float(head.str.contains(_START).sum()) >= max(1, 0.1 * head.len()) else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time, a channel and a level."""
        return ends_before(block, _START)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Statements at debug or info level, everything else as log records."""
        text = pl.col("record").str.replace_all("\r\n", "\n", literal=True)
        rows = matched(records.with_columns(text), _RECORD)
        rows = rows.with_columns(_applog.time_of(rows["when"], context).alias("ts"))
        good, rejects = parted(rows, "no `[time] channel.LEVEL: ` at the front")
        said = good.select(
            pl.when(pl.col("severity").is_in(["DEBUG", "INFO"])).then("text").str.extract_groups(_SQL).alias("said")
        ).unnest("said")  # fmt: skip
        good = good.hstack(said)
        executed = good["sql"].is_not_null()
        return Parsed({"queries": _queries(good.filter(executed)), "logs": _logs(good.filter(~executed))}, rejects)


def _queries(rows: pl.DataFrame) -> pl.DataFrame:
    tags = _sqlcomment.read(rows["sql"].fill_null("").str.strip_chars())
    more = _json.decode(rows["params"].fill_null(""), _json.texts("bindings", "time", "connection"))
    valid = _json.is_valid(rows["params"])
    listed = pl.when(pl.Series(valid) & pl.col("params").str.starts_with("[")).then("params")
    return (
        rows.drop("sql")
        .hstack(tags)
        .hstack(more)
        .select(
            "byte_offset",
            "ts",
            "trace_id",
            "parent_span_id",
            "sql",
            pl.coalesce("bindings", listed).alias("params"),
            number(pl.col("time").str.strip_suffix("ms")).alias("duration_ms"),
            pl.col("connection").alias("database"),
            "caller",
        )
    )


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.col("severity").str.to_lowercase().replace({"warning": "warn"}).alias("level"),
        pl.col("channel").alias("logger"), pl.col("text").str.strip_chars_end().alias("message"),
        trace(pl.col("text").str.head(300)).alias("trace_id"),
    )  # fmt: skip
