"""The slow query log of MySQL, Percona Server and MariaDB, from 5.0 on."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import polars as pl

from storage.format import NO_CONTEXT, Context, LogFormat, Offsets, Parsed, Sample, newline_ends, rejected
from storage.formats import _json, _sqlcomment, _times
from storage.formats._cells import integer, milliseconds, number, present
from storage.formats._lines import unblank

_BANNER = (
    r"(?m)^\S*(?:mysqld|mariadbd)\S*, Version: .*\n(?:Tcp port: .*\n)?(?:Time\s+Id\s+Command\s+Argument\s*(?:\n|$))?"
)
_SET = r"(?is)^\s*SET (?:\w+=[\d.]+,)*timestamp=([\d.]+)[^;\n]*;\s*"
_TIMED = r"^# Time: \d{6} +\d{1,2}:"
_FIELDS = {
    "time": r"(?m)^# Time: (\S+(?: +\d{1,2}:\d\d:\d\d)?)",
    "db_user": r"# User@Host: (\S*?)(?:\[| @)",
    "session": r"(?:Id:|Thread_id:)\s*(\d+)",
    "database": r"Schema: (\S+)(?:  |\s*\n|\s*$)",
    "seconds": r"# Query_time: ([\d.]+)",
    "sent": r"Rows_sent: (\d+)",
    "examined": r"Rows_examined: (\d+)",
    "errno": r"Last_errno: ([1-9]\d*)",
}
_BEHIND = re.compile(rb";\r?\n(?=# (?:Time: +[0-9]|User@Host: ))")


class MysqlSlow(LogFormat):
    """A record is a run of `# ` lines with a `# Query_time`, and the statement after it.

    Old servers write `# Time` only when the second changes; a statement without it and without `SET timestamp` has the
    time of the record before it. So what follows the last such `# Time` is held until the next one is there.
    """

    name: ClassVar[str] = "mysql-slow"
    title: ClassVar[str] = "MySQL, Percona Server and MariaDB slow query log"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 70
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "# Time: 2017-12-13T02:41:18.673330Z\n# User@Host: test[test] @  [127.0.0.1]  Id:    17\n"
            "# Schema: shop  Last_errno: 0  Killed: 0\n"
            "# Query_time: 1.000249  Lock_time: 0.000000  Rows_sent: 1  Rows_examined: 2  Rows_affected: 0\n"
            "SET timestamp=1513132878;\nselect 1\n\nfrom t /* a */;\n",
            {"queries": [{"ts": "2017-12-13T02:41:18.673330Z", "session": "17", "database": "shop", "db_user": "test",
                          "duration_ms": 1000.249, "rows_examined": 2, "rows_returned": 1, "error": None,
                          "sql": "select 1\n\nfrom t /* a */"}]},
        ),
        Sample(
            "edge",
            "mariadbd, Version: 10.11.19-MariaDB (Debian 12). started with:\nTcp port: 3306  Unix socket: /tmp/s\n"
            "Time\t\t    Id Command\tArgument\n# Time: 261122 16:11:36\n# User@Host: ann[ann] @ localhost []\n"
            "# Thread_id: 10  Schema: shop  QC_hit: No\n# Query_time: 0.5  Lock_time: 0  Rows_sent: 0  Rows_examined: 0\n#\n"  # noqa: E501
            "# explain: id\tselect_type\n# explain: 1\tSIMPLE\n#\nuse `shop`;\nSET timestamp=1795363896;\nSELECT 1;\n"
            "# User@Host: ann[ann] @ localhost []\n# Query_time: 2  Lock_time: 0  Rows_sent: 1  Rows_examined: 0\n"
            "select '\n# Time: inside';\n# User@Host: ann[ann] @ localhost []\n# Query_time: 0.1  Lock_time: 0\n"
            "# administrator command: Quit;\n",
            {
                "queries": [{"ts": "2026-11-22T16:11:36Z", "database": "shop", "plan": "id\tselect_type\n1\tSIMPLE"},
                            {"ts": "2026-11-22T16:11:36Z", "sql": "select '\n# Time: inside'", "duration_ms": 2000.0}],
                "logs": [{"message": "administrator command: Quit"}],
            },
            "a server's banner, a plan, no time of its own, a literal that looks like a header, no statement at all",
        ),
        Sample("reject", "# User@Host: a[a] @ localhost []\n# Query_time: 1.0  Lock_time: 0\nselect 1;\n", about="no time"),  # noqa: E501
        Sample("reject", "INSERT INTO t VALUES (1);\n", about="the end of a statement whose header is gone"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """All of it, if there are times of queries among lines of `# ` headers."""
        timed = head.str.contains(r"^# Query_time: [\d.]+ +Lock_time: |^# Query_time: [\d.]+$")
        marked = head.str.contains(r"^# (?:Time|User@Host|Query_time|Thread_id|Client|Schema): ")
        return 1.0 if timed.any() and float(marked.sum()) >= 0.02 * head.len() else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The ends before runs of `#` lines that hold a `# Query_time`."""
        ends = newline_ends(block)
        lines = np.concatenate([np.zeros(1, dtype=np.int64), ends])
        lines = lines[lines < len(block)]
        if not len(lines):
            return lines
        data = np.concatenate([np.frombuffer(block, dtype=np.uint8), np.zeros(9, dtype=np.uint8)])
        key = data[lines + 2]
        hashed = (data[lines] == 35) & (key != ord("a"))  # `# administrator command` is a statement
        run = np.cumsum(hashed & ~np.concatenate([np.zeros(1, dtype=np.bool_), hashed[:-1]]))
        told = np.zeros(run[-1] + 1, dtype=np.bool_)
        told[run[hashed & (key == ord("Q"))]] = True
        dated = (key == ord("T")) & (data[lines + 8] >= ord("0")) & (data[lines + 8] <= ord("9"))
        opening = hashed & told[run] & (dated | np.isin(key, [ord(c) for c in "UQCS"]) | (data[lines + 3] == ord("h")))
        starts: Offsets = lines[opening][np.unique(run[opening], return_index=True)[1]]
        return starts[starts > 0]

    def resumes(self, block: bytes) -> int | None:
        """Behind a statement: what a run of `#` lines that is cut begins with is not known."""
        found = _BEHIND.search(block)
        return found.end() if found is not None else None

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """Headers by key, the statement behind `use` and `SET timestamp`."""
        cells = _cells(unblank(records), context)
        held = None
        if not final:
            old = cells.filter(pl.col("record").str.contains(_TIMED))["byte_offset"]
            held = int(old[-1]) if old.len() else None
        if held is not None:
            cells = cells.filter(pl.col("byte_offset") < held)
        cells = cells.filter((pl.col("seconds_there")) | (pl.col("sql") != ""))
        good = (cells["ts"].is_not_null() & cells["seconds_there"]).fill_null(False)
        why = pl.when(pl.col("seconds_there")).then(
            pl.lit("no time: neither `# Time` before it nor `SET timestamp`")
        ).otherwise(pl.lit("no `# Query_time` header before the statement"))  # fmt: skip
        rows = cells.filter(good)
        admin = pl.col("sql").str.starts_with("# administrator command")
        return Parsed(
            {"queries": _queries(rows.filter(~admin)), "logs": _logs(rows.filter(admin))},
            rejected(cells.filter(~good), why), held,
        )  # fmt: skip


def _cells(records: pl.DataFrame, context: Context) -> pl.DataFrame:
    text = records["record"]
    if text.str.contains("\r\n", literal=True).any():
        text = text.str.replace_all("\r\n", "\n", literal=True)
    if text.str.contains(", Version: ", literal=True).any():
        text = text.str.replace_all(_BANNER, "")
    frame = records.select("byte_offset", "record", text.alias("text"))
    raw, at = pl.col("text").cast(pl.Binary), _body_at(text).cast(pl.Int64)
    frame = frame.with_columns(raw.bin.head(at).cast(pl.String).alias("head"))
    body = raw.bin.slice(at, None).cast(pl.String)
    frame = frame.with_columns(
        *(pl.col("head").str.extract(pattern).alias(name) for name, pattern in _FIELDS.items()),
        pl.col("head").str.contains("# Query_time: ", literal=True).alias("seconds_there"),
        body.alias("body"),
    )
    used = pl.col("body").str.extract(r"(?i)^use `?([^;`\n]+)`?;")
    rest = pl.col("body").str.replace(r"(?i)^use [^;\n]+;\n?", "")
    frame = frame.with_columns(
        pl.coalesce("database", used).alias("database"), rest.str.extract(_SET).alias("set"),
        pl.coalesce(
            pl.when(~rest.str.contains("# administrator command", literal=True)).then(rest.str.replace(_SET, "")),
            rest.str.extract(r"(# administrator command: [^;\n]*)"),
        ).str.strip_chars().str.strip_suffix(";").alias("sql"),
    )  # fmt: skip
    exact = _times.iso(frame["time"], context)
    old = _times.shaped(frame["time"].str.replace(" +", " "), "%y%m%d %H:%M:%S", context)
    return frame.with_columns(pl.coalesce(exact, _times.epoch(frame["set"]), old.forward_fill()).alias("ts"))


def _body_at(text: pl.Series) -> pl.Series:
    """The byte at which the first line begins that is neither empty nor of the header; else the last line, unended."""
    at = (text.str.find(r"\n[^#\n]") + 1).set(text.str.contains(r"^[^#\n]"), 0)
    if at.has_nulls():
        at = at.fill_null(text.str.len_bytes() - text.str.extract(r"([^\n]*)$").str.len_bytes())
    return at


def _queries(rows: pl.DataFrame) -> pl.DataFrame:
    tags = _sqlcomment.read(rows["sql"])
    plan = pl.col("head").str.extract_all(r"(?m)^# explain: .*$").list.eval(pl.element().str.slice(11)).list.join("\n")
    return rows.drop("sql").hstack(tags).select(
        "byte_offset", "ts", "trace_id", "parent_span_id", "session", "database", present(pl.col("db_user")), "sql",
        milliseconds(number(pl.col("seconds"))).alias("duration_ms"),
        integer(pl.col("examined")).alias("rows_examined"), integer(pl.col("sent")).alias("rows_returned"),
        "caller", pl.format("errno {}", "errno").alias("error"), present(plan).alias("plan"),
    )  # fmt: skip


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.lit("info").alias("level"), pl.lit("mysql").alias("logger"),
        pl.col("sql").str.strip_prefix("# ").alias("message"),
        _json.objects(session=pl.col("session"), db_user=pl.col("db_user")).alias("context"),
    )  # fmt: skip
