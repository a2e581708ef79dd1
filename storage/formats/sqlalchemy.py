"""SQLAlchemy's engine echo: a record with the statement, one with its parameters."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import Context, Offsets, Parsed, Sample
from storage.formats import _applog, _sqlcomment
from storage.formats._lines import LineFormat, ends_before, matched, parted

_LEAD = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
_NAMES = r"(?P<severity>[A-Z]+):? (?P<logger>[\w.]*)"
_ENGINE = r"[A-Z]+:? sqlalchemy\.engine\S* "
_START = rf"^{_LEAD}[A-Z]+:? "
_PARAMETERS = (
    rf"^{_LEAD}{_ENGINE}(?:\[(?:generated|cached|raw|no key|dialect|caching)[^\]]*\]|\(|\{{|\[\(|\[\{{|\[\.\.\.)"
)
_RECORD = rf"(?s)^(?P<when>{_LEAD.strip()}) {_NAMES} (?P<text>.*)$"
_PAIR = rf"(?s)^(?P<sql>.*?)\n{_LEAD}{_ENGINE}(?:\[(?P<how>[^\]\n]*)\] ?)?(?P<params>[^\n]*)(?:\n.*)?$"


class Sqlalchemy(LineFormat):
    """`... INFO sqlalchemy.engine.Engine SELECT ...`, then `... [generated in 0.0001s] (1,)`: together one statement.

    The echo does not tell how long a statement took. `BEGIN (implicit)` sends nothing and is left out.
    """

    name: ClassVar[str] = "sqlalchemy"
    title: ClassVar[str] = "SQLAlchemy engine echo"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 60
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2026-11-22 16:16:57,263 INFO sqlalchemy.engine.Engine BEGIN (implicit)\n"
            "2026-11-22 16:16:57,264 INFO sqlalchemy.engine.Engine SELECT users.id \nFROM users \nWHERE users.id = ?\n"
            "2026-11-22 16:16:57,264 INFO sqlalchemy.engine.Engine [generated in 0.00010s] (1, 'x')\n",
            {"queries": [{"ts": "2026-11-22T16:16:57.264000Z", "sql": "SELECT users.id \nFROM users \nWHERE users.id = ?",  # noqa: E501
                          "params": '[1, "x"]', "duration_ms": None}]},
        ),
        Sample(
            "edge",
            "2026-11-22 16:16:57,266 INFO sqlalchemy.engine.base.Engine \nCREATE TABLE t (\n\tid INTEGER\n)\n\n\n"
            "2026-11-22 16:16:57,266 INFO sqlalchemy.engine.base.Engine ()\n"
            "2026-11-22 16:16:57,266 INFO sqlalchemy.engine.base.Engine COMMIT\n"
            "2026-11-22 16:16:57,267 DEBUG sqlalchemy.pool.impl.QueuePool Connection checked out\n",
            {"queries": [{"sql": "CREATE TABLE t (\n\tid INTEGER\n)", "params": "[]"}, {"sql": "COMMIT", "params": None}],  # noqa: E501
             "logs": [{"logger": "sqlalchemy.pool.impl.QueuePool", "level": "debug"}]},
            "SQLAlchemy 1.3, a statement that begins on its second line, the pool's log",
        ),
        Sample("reject", "SELECT 1\n", about="no time"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """The engine's name on lines with a time, and the lines after them."""
        return 1.0 if float(head.str.contains(rf"^{_LEAD}{_ENGINE}").sum()) >= max(1, 0.1 * head.len()) else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a time that holds no parameters of the statement before it."""
        return ends_before(block, _START, unless=_PARAMETERS)

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Statements of the engine; other loggers are log records."""
        text = pl.col("record").str.replace_all("\r\n", "\n", literal=True)
        rows = matched(records.with_columns(text), _RECORD)
        rows = rows.with_columns(_applog.time_of(rows["when"], context).alias("ts"))
        good, rejects = parted(rows, "no time and logger at the front of the record")
        engine = good["logger"].str.starts_with("sqlalchemy.engine")
        implicit = good["text"].str.contains(r"^\s*BEGIN \(implicit\)")
        return Parsed(
            {"queries": _queries(good.filter(engine & ~implicit)), "logs": _logs(good.filter(~engine))}, rejects
        )


def _queries(rows: pl.DataFrame) -> pl.DataFrame:
    pair = rows.select(pl.col("text").str.extract_groups(_PAIR).alias("pair")).unnest("pair")
    sql = pl.coalesce(pair["sql"], rows["text"])
    told = _sqlcomment.read(rows.select(sql.str.strip_chars().alias("sql")).to_series())
    return rows.select("byte_offset", "ts").hstack(told).hstack([_applog.python_value(pair["params"])])


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return _applog.log_rows(
        rows.with_columns(pl.col("severity").str.to_lowercase().replace({"warning": "warn"}).alias("level")),
        pl.col("logger"), pl.col("text"),
    )  # fmt: skip
