"""Rails' development and debug log: SQL with durations and binds, request by request."""

from __future__ import annotations

import re
from typing import ClassVar

import polars as pl

from storage.format import NO_CONTEXT, Context, LogFormat, Offsets, Parsed, Sample
from storage.formats import _applog, _sqlcomment, _times
from storage.formats._cells import number
from storage.formats._lines import ends_before, matched, parted, unblank

_TAGS = r"(?P<tags>(?:\[[^\]\n]*\] ?)*)"
_LOGGER = r"(?:[A-Z], \[(?P<when>[\d:T.-]+) #(?P<pid>\d+)\] +(?P<severity>[A-Z]+) -- : ?)?"
_LABEL = r"^\s*(?P<label>[^\n(]*?) ?\((?P<millis>\d+\.\d+)$"
_LINE = rf"(?s)^{_LOGGER}{_TAGS}(?P<text>.*)$"
_ARROW = r"↳|\\u21b3"
_OURS = r"(?:Started [A-Z]+ \"|Processing by |Completed \d{3} |  Rendered |  Parameters: |Redirected to )"
_START = (
    r"^(?:[A-Z], \[\d{4}-|\[[0-9a-f-]{8,}\]|# Logfile created|Started [A-Z]+ |Processing by |Completed \d|Redirected |"
    r"Creating |\s+(?:\x1b\[[\d;]*m)*[\w:?! ]*\(\d+\.\d+ms\)|  Rendering |  Rendered |  Parameters: )"
)
_CODE = r"^(?:[A-Z], \[\d{4}-[^\n]*? -- : ?)?(?:\[[^\]\n]*\] ?)*\s+(?:\xe2\x86\xb3|\\u21b3)"
"""The arrow before a line of code; `ends_before` sees its bytes as Latin-1."""


class Rails(LogFormat):
    """`Name Load (0.4ms)  SELECT ...  [["id", 1]]`, tagged or not, with a logger's prefix or not.

    Without that prefix only some lines tell the time (`Started GET ...`); the others have that of the line before, so
    what follows the last time is held. A request's id is its first tag of 32 hex digits or UUID. What the query cache
    answered was not sent to the database: it is left out.
    """

    name: ClassVar[str] = "rails"
    title: ClassVar[str] = "Rails log with SQL (ActiveRecord at debug level)"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 60
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            'Started GET "/login" for 127.0.0.1 at 2026-11-22 16:03:55 +0000\n'
            '  \x1b[1m\x1b[36mUser Load (2.2ms)\x1b[0m  \x1b[1m\x1b[34mSELECT "users".* FROM "users" WHERE "id" = $1\x1b[0m  [["id", nil]]\n'  # noqa: E501
            '  CACHE User Load (0.0ms)  SELECT "users".* FROM "users" WHERE "id" = $1  [["id", 1]]\n',
            {"queries": [{"ts": "2026-11-22T16:03:55Z", "duration_ms": 2.2, "params": '[["id", null]]',
                          "sql": 'SELECT "users".* FROM "users" WHERE "id" = $1'}],
             "logs": [{"message": 'Started GET "/login" for 127.0.0.1 at 2026-11-22 16:03:55 +0000'}]},
            "colours; the query cache",
        ),
        Sample(
            "edge",
            "D, [2026-11-22T16:07:02.699038 #28209] DEBUG -- : [63bc70c9-d2dd-4cde-a56c-31a28e32da96]    (6.2ms)  SELECT COUNT(*)\n"  # noqa: E501
            "FROM t\n"
            "D, [2026-11-22T16:07:02.699100 #28209] DEBUG -- : [63bc70c9-d2dd-4cde-a56c-31a28e32da96]   ↳ app/models/a.rb:3\n"  # noqa: E501
            "I, [2026-11-22T16:07:03.000000 #28209]  INFO -- : [63bc70c9-d2dd-4cde-a56c-31a28e32da96] Completed 200 OK in 9ms\n",  # noqa: E501
            {"queries": [{"ts": "2026-11-22T16:07:02.699038Z", "trace_id": "63bc70c9-d2dd-4cde-a56c-31a28e32da96",
                          "session": "28209", "sql": "SELECT COUNT(*)\nFROM t", "caller": "app/models/a.rb:3"}],
             "logs": [{"level": "info", "trace_id": "63bc70c9-d2dd-4cde-a56c-31a28e32da96"}]},
            "a logger's prefix, a tag, two lines of SQL, the line of code",
        ),
        Sample("reject", "  User Load (2.2ms)  SELECT 1\n", about="no line with a time before it"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """Lines of a logger or of tags, where some are unmistakably of Rails."""
        text = head.str.replace_all(r"\x1b\[[0-9;]*m", "")
        lead = re.sub(r"\?P<\w+>", "?:", f"{_LOGGER}{_TAGS}")
        sure = text.str.contains(rf"^{lead}(?:{_OURS}|\s+(?:[\w:?!]+ )*\(\d+\.\d+ms\)  \S)")
        near = head.str.contains(_START)
        return min(1.0, (float((sure | near).sum()) + 0.3 * float(sure.sum())) / head.len()) if sure.any() else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The ends before a line that Rails begins, but not before the arrow that names the line of code."""
        return ends_before(block, _START, unless=_CODE)

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """Statements by their `(0.4ms)`, everything else as log lines."""
        text = _applog.plain(pl.col("record")).str.replace_all("\r\n", "\n", literal=True)
        records = unblank(records).with_columns(text)
        rows = matched(records, _LINE)
        own = _times.iso(rows["when"], context)
        said = rows["text"].str.extract(r"(?:^Started .* at |^# Logfile created on )(\d{4}-\S+ [\d:]+ [+-]\d{4})")
        own = own.fill_null(_times.iso(said, context))
        rows = rows.with_columns(own.forward_fill().alias("ts"))
        held = None
        if not final:
            timed = rows.filter(own.is_not_null())["byte_offset"]
            held = int(timed[-1]) if timed.len() else None
            rows = rows.filter(pl.col("byte_offset") < held) if held is not None else rows
        good, rejects = parted(rows, "no line with a time (`Started ...`) before it")
        sql = _timed(good)
        is_sql = sql["millis"].is_not_null() & ~sql["label"].str.contains("CACHE", literal=True).fill_null(False)
        cached = sql["millis"].is_not_null() & ~is_sql
        return Parsed(
            {"queries": _queries(sql.filter(is_sql)), "logs": _logs(good.filter(~is_sql & ~cached))}, rejects, held
        )


def _timed(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with `label`, `millis` and `rest` of a statement and its time; null where there is none."""
    cut = pl.col("text").str.splitn("ms)  ", 2)
    front, rest = cut.struct.field("field_0"), cut.struct.field("field_1")
    lead = pl.when(rest.str.contains(r"^\S")).then(front).str.extract_groups(_LABEL).alias("lead")
    return rows.with_columns(lead, rest.alias("rest")).unnest("lead")


def _trace() -> pl.Expr:
    return pl.col("tags").str.extract(r"\[([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})\]")


def _queries(rows: pl.DataFrame) -> pl.DataFrame:
    arrow = pl.col("rest").str.extract(rf"\n[^\n]*(?:{_ARROW}) ?([^\n]+?)\s*$")
    rest = pl.col("rest").str.replace(rf"(?s)\n[^\n]*(?:{_ARROW}).*$", "")
    rows = rows.with_columns(arrow.alias("arrow"), rest.str.strip_chars_end().alias("rest"))
    cut = pl.col("rest").str.splitn("  [[", 2)
    bound = pl.col("rest").str.ends_with("]]") & cut.struct.field("field_1").is_not_null()
    rows = rows.with_columns(
        pl.when(bound).then(cut.struct.field("field_0")).otherwise("rest").alias("sql"),
        pl.when(bound).then("[[" + cut.struct.field("field_1")).alias("binds"),
    )
    tags = _sqlcomment.read(rows["sql"].fill_null("")).rename({"caller": "said", "trace_id": "told"})
    params = _applog.python_value(rows["binds"])
    return (
        rows.drop("sql")
        .hstack(tags)
        .hstack([params])
        .select(
            "byte_offset",
            "ts",
            pl.coalesce("told", _trace()).alias("trace_id"),
            "parent_span_id",
            pl.col("pid").alias("session"),
            "sql",
            "params",
            number(pl.col("millis")).alias("duration_ms"),
            pl.coalesce("arrow", "said").alias("caller"),
        )
    )


def _logs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "byte_offset", "ts", pl.col("severity").str.to_lowercase().alias("level"), pl.lit("rails").alias("logger"),
        pl.col("text").str.strip_chars().alias("message"), _trace().alias("trace_id"),
    )  # fmt: skip
