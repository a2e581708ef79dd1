"""The general query log of MySQL and MariaDB: every statement as it arrives, without its duration."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from storage.format import NO_CONTEXT, Context, LogFormat, Offsets, Parsed, Sample
from storage.formats import _json, _sqlcomment, _times
from storage.formats._lines import ends_before, matched, parted, share_with_continuations

_COMMANDS = (
    "Query|Execute|Prepare|Connect|Quit|Init DB|Statistics|Ping|Close stmt|Reset stmt|Long Data|Field List|Refresh|"
    "Shutdown|Kill|Change user|Binlog Dump(?: GTID)?|Table Dump|Register Slave|Set option|Fetch|Daemon|Error|Sleep|"
    "Reset Connection|Processlist|Debug|Create DB|Drop DB|Time|Delayed insert|Connect Out"
)
_LEAD = r"(?:\d{6} [ \d]\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*)?[\t ]+\d+ (?:" + _COMMANDS + r")(?:[\t ]|$)"
_START = r"^(?:" + _LEAD + r"|\S*(?:mysqld|mariadbd)\S*, Version: )"
_RECORD = (
    r"(?s)^(?P<when>\d{6} [ \d]\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*)?[\t ]+(?P<session>\d+) "
    rf"(?P<command>{_COMMANDS})(?:[\t ]+(?P<argument>.*))?$"
)


class MysqlGeneral(LogFormat):
    """A record begins with a time (or none, within the same second), a connection's number and a command.

    What has no time of its own has that of the record before it, so what follows the last time is held.
    """

    name: ClassVar[str] = "mysql-general"
    title: ClassVar[str] = "MySQL and MariaDB general query log"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 70
    steps: ClassVar[tuple[str, ...]] = (r"(?:\d{6} [ \d]\d:\d\d:\d\d|\d{4}-\S+)?[\t ]+", r"\d+ ", rf"(?:{_COMMANDS})\b")
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2018-09-07T18:45:40.098613+08:00\t257426 Query\tset autocommit=1\n"
            "2018-09-07T18:45:40.101009+08:00\t257426 Quit\t\n",
            {"queries": [{"ts": "2018-09-07T10:45:40.098613Z", "session": "257426", "sql": "set autocommit=1"}],
             "logs": [{"message": "Quit"}]},
        ),
        Sample(
            "edge",
            "mariadbd, Version: 10.11.19. started with:\nTcp port: 1  Unix socket: /tmp/s\nTime\t\t    Id Command\tArgument\n"  # noqa: E501
            "261122 16:11:36\t    10 Connect\tann@localhost on shop using TCP/IP\n\t\t    10 Query\tSELECT column_name\n"  # noqa: E501
            "FROM t\nWHERE a = 1\n\t\t    10 Execute\tSELECT 2\n\t\t    10 Prepare\tSELECT ?\n",
            {"queries": [{"ts": "2026-11-22T16:11:36Z", "sql": "SELECT column_name\nFROM t\nWHERE a = 1", "session": "10"},  # noqa: E501
                         {"ts": "2026-11-22T16:11:36Z", "sql": "SELECT 2"}],
             "logs": [{"message": "Connect ann@localhost on shop using TCP/IP"}, {"message": "Prepare SELECT ?"}]},
            "a banner, the same second written once, a statement of several lines",
        ),
        Sample("reject", "\t\t    10 Query\tSELECT 1\n", about="no time yet"),
        Sample("reject", "tail of something\nelse\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Lines that begin with a connection and a command, and what follows them."""
        return share_with_continuations(head, f"^{_LEAD}")

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line with a connection and a command, or a server's banner."""
        return ends_before(block, _START)

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """Executions are `Query` and `Execute`; a `Prepare` is none."""
        text = pl.col("record").str.replace_all("\r\n", "\n", literal=True)
        records = records.filter(pl.col("record").str.contains(r"\S") & ~pl.col("record").str.contains(r", Version: "))
        rows = matched(records.with_columns(text), _RECORD)
        own = _times.iso(rows["when"], context).fill_null(
            _times.shaped(rows["when"].str.replace("  ", " 0", literal=True), "%y%m%d %H:%M:%S", context)
        )
        rows = rows.with_columns(pl.when(pl.col("command").is_not_null()).then(own.forward_fill()).alias("ts"))
        held = None
        if not final:
            timed = rows.filter(own.is_not_null())["byte_offset"]
            held = int(timed[-1]) if timed.len() else None
            rows = rows.filter(pl.col("byte_offset") < held) if held is not None else rows
        why = pl.when(pl.col("command").is_null()).then(
            pl.lit("no connection number and command")
        ).otherwise(pl.lit("no time yet: it is written only when the second changes"))  # fmt: skip
        good, rejects = parted(rows, why)
        executed = pl.col("command").is_in(["Query", "Execute"])
        return Parsed(
            {"queries": _queries(good.filter(executed)), "logs": _logs(good.filter(~executed))}, rejects, held
        )


def _queries(rows: pl.DataFrame) -> pl.DataFrame:
    tags = _sqlcomment.read(rows["argument"].fill_null("").str.strip_chars().alias("sql"))
    return rows.hstack(tags).select("byte_offset", "ts", "session", "sql", "trace_id", "parent_span_id", "caller")


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    message = pl.concat_str("command", "argument", separator=" ", ignore_nulls=True).str.strip_chars()
    return rows.select(
        "byte_offset", "ts", pl.lit("info").alias("level"), pl.lit("mysql").alias("logger"), message.alias("message"),
        _json.objects(session=pl.col("session")).alias("context"),
    )  # fmt: skip
