"""Django's `django.db.backends` debug log, behind whatever prefix the formatter gives it."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample
from storage.formats import _applog, _sqlcomment
from storage.formats._cells import milliseconds, number
from storage.formats._lines import LineFormat, ends_before, matched, parted, share_with_continuations

_SQL = (
    r"(?s)^(?P<head>.*?)\((?P<seconds>\d+\.\d{3})\) (?P<sql>.*?)"
    r"(?:; args=(?P<args>.*?))?(?:; alias=(?P<alias>[\w-]+))?\s*$"
)
_START = rf"^[\[({{]?(?:[A-Z]+ )?[\[({{]?[A-Za-z]* ?{_applog.STAMP}"


class Django(LineFormat):
    """`(0.001) SELECT ...; args=(1,); alias=default`. A record begins with a level and a time, or a time."""

    name: ClassVar[str] = "django"
    title: ClassVar[str] = "Django log with SQL (django.db.backends at debug level)"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 60
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "DEBUG 2026-11-22 16:17:32,550 django.db.backends 7772 140652967308160 (0.002) SELECT 1 AS \"a\"\n"
            "FROM \"t\" WHERE b = 'x'; args=(1, 'x', None); alias=default\n",
            {"queries": [{"ts": "2026-11-22T16:17:32.550000Z", "session": "7772 140652967308160", "duration_ms": 2.0,
                          "sql": "SELECT 1 AS \"a\"\nFROM \"t\" WHERE b = 'x'", "params": '[1, "x", null]',
                          "database": "default"}]},
        ),
        Sample(
            "edge",
            "[2026-11-22 16:17:32] [DEBUG] django.db.backends: (0.000) SELECT %s; args=(datetime.date(2026, 1, 2),); alias=other\n"  # noqa: E501
            "[2026-11-22 16:17:33] [INFO] django.server: \"GET / HTTP/1.1\" 200 5\n"
            "DEBUG 2026-11-22 16:17:32,550 django.db.backends.schema 7772 140 CREATE TABLE t (id int); (params None)\n",
            {"queries": [{"duration_ms": 0.0, "params": '"(datetime.date(2026, 1, 2),)"', "database": "other"}],
             "logs": [{"level": "info", "logger": "django.server"}, {"logger": "django.db.backends.schema"}]},
            "parameters that are no JSON; other loggers in the same file",
        ),
        Sample("reject", "(0.001) SELECT 1; args=(); alias=default\n", about="the default formatter tells no time"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Lines with a time, where some name the logger of statements."""
        ours = head.str.contains(r"django\.db\.backends|\(\d+\.\d{3}\) .*; args=")
        return share_with_continuations(head, _START) if ours.any() else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time at its front."""
        return ends_before(block, _START)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Statements by their duration in parentheses."""
        text = pl.col("record").str.replace_all("\r\n", "\n", literal=True)
        rows = matched(records.with_columns(text), _SQL)
        rows = rows.with_columns(_applog.time_of(rows["record"].str.head(120), context).alias("ts"))
        good, rejects = parted(rows, "no time at the front of the record")
        executed = good["seconds"].is_not_null() & good["head"].str.len_chars().lt(200)
        return Parsed({"queries": _queries(good.filter(executed)), "logs": _logs(good.filter(~executed))}, rejects)


def _queries(rows: pl.DataFrame) -> pl.DataFrame:
    tags = _sqlcomment.read(rows["sql"].fill_null("").str.strip_chars())
    params = _applog.python_value(rows["args"])
    session = pl.col("head").str.extract(r"\b(\d{1,10} \d{5,20})\b")
    return (
        rows.drop("sql")
        .hstack(tags)
        .hstack([params])
        .select(
            "byte_offset",
            "ts",
            "trace_id",
            "parent_span_id",
            session.alias("session"),
            pl.col("alias").alias("database"),
            "sql",
            "params",
            milliseconds(number(pl.col("seconds"))).alias("duration_ms"),
            "caller",
        )
    )


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    front = pl.col("record").str.head(120)
    return _applog.log_rows(
        rows.with_columns(_applog.level(front).alias("level")),
        front.str.extract(r"\b([a-z_]\w*(?:\.\w+)+)\b"),
        pl.col("record"),
    )
