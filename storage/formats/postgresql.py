"""PostgreSQL's stderr log under any usual `log_line_prefix`, which is learnt from each line by itself."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from storage.format import NO_CONTEXT, Context, LogFormat, Offsets, Parsed, Sample, newline_ends, rejected
from storage.formats import _pgprefix, _postgres, _postgres_lines
from storage.formats._cells import patched
from storage.formats._lines import unblank

_MAIN = ("LOG", "ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "INFO", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4",
         "DEBUG5")  # fmt: skip
_ATTACHED = ("DETAIL", "HINT", "CONTEXT", "STATEMENT", "QUERY", "LOCATION", "BACKTRACE")
_TIME = _pgprefix.TIME
_START = rf"^(?:.{{0,200}}?[\s:\]-])?(?:{'|'.join(_MAIN + _ATTACHED)}):  ?\S"
_STEP = r"^duration: [\d.]+ ms  (?:parse|bind) "
_OTHER = rf"(?s)^(?P<prefix>.*?)\b(?P<severity>{'|'.join(_MAIN + _ATTACHED)}): {{1,2}}(?P<message>.*)$"
_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]
_LINE_BREAK = "\uf8f2"  # private use: stands for the newline and TAB that continue a message


class Postgresql(LogFormat):
    """A record is a line with a severity, its TAB-led continuation, and the DETAIL, HINT, CONTEXT, STATEMENT lines that
    PostgreSQL writes after it in the same breath."""

    name: ClassVar[str] = "postgresql"
    title: ClassVar[str] = "PostgreSQL stderr log (any usual log_line_prefix), with durations, parameters and plans"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 60
    steps: ClassVar[tuple[str, ...]] = (
        rf".*?{_TIME}",
        r".*?\b(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG[1-5]?): ",
    )
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            "2026-11-22 16:03:55.563 UTC [26639] shop@shop app=web vxid=3/12 LOG:  duration: 0.510 ms  execute a1: SELECT *\n"  # noqa: E501
            "\tFROM users WHERE id = $1 AND b = $2 /*controller='carts',action='show',"
            "traceparent='00-620d8b73a2062652b8e9da84cbb00a5e-9d3535c247b4a259-03'*/\n"
            "2026-11-22 16:03:55.563 UTC [26639] shop@shop app=web vxid=3/12 DETAIL:  parameters: $1 = 'O''Hara\n"
            "\tx', $2 = NULL\n",
            {"queries": [{
                "ts": "2026-11-22T16:03:55.563000Z", "session": "26639", "db_user": "shop", "database": "shop",
                "application": "web", "transaction_id": "3/12", "duration_ms": 0.51,
                "sql": "SELECT *\nFROM users WHERE id = $1 AND b = $2", "params": '["O\'Hara\\nx", null]',
                "caller": "carts#show", "trace_id": "620d8b73a2062652b8e9da84cbb00a5e",
                "parent_span_id": "9d3535c247b4a259",
            }]},
        ),
        Sample(
            "good",
            "2026-11-22 16:06:50 CET:10.0.0.1(44160):shop@shop:[28423]:LOG:  duration: 0.3 ms\n"
            "2026-11-22 16:06:50 CET:10.0.0.1(44160):shop@shop:[28423]:LOG:  execute a: SELECT 1\n"
            "2026-11-22 16:06:50 CET:10.0.0.1(44160):shop@shop:[28423]:LOG:  duration: 0.717 ms\n",
            {"queries": [{"ts": "2026-11-22T15:06:50Z", "session": "28423", "sql": "SELECT 1", "duration_ms": 0.717}],
             "logs": [{"message": "duration: 0.3 ms"}]},
            "RDS; log_statement and log_duration: the text and its duration are two records; a parse's belongs to none",
        ),
        Sample(
            "edge",
            "2026-11-22 16:03:55.563 UTC [7] LOG:  duration: 0.5 ms  parse <unnamed>: SELECT 1\n"
            "2026-11-22 16:03:55.564 UTC [7] LOG:  duration: 0.5 ms  statement: SELECT 'a\n"
            "\t2026-11-22 16:03:55.563 UTC [7] LOG:  duration: 9 ms  statement: SELECT fake'\n"
            "2026-11-22 16:03:55.565 UTC [7] ERROR:  division by zero\n"
            "2026-11-22 16:03:55.565 UTC [7] STATEMENT:  SELECT 1/0\n",
            {
                "queries": [{"duration_ms": 0.5}],
                "logs": [{"level": "error", "message": "division by zero",
                          "context": '{"statement":"SELECT 1/0","session":"7"}'}],
            },
            "a parse is no execution; a record inside a literal is none; an error's statement is not an execution",
        ),
        Sample(
            "edge",
            "2020-06-21 22:37:10 UTC-5eefe116.22f4-LOG:  could not receive data from client: Connection reset\n"
            "2026-11-22 11:10:49.845 EST [31] x@y LOG:  duration: 2.9 ms  plan:\n"
            "\tQuery Text: insert into t select 1;\n\tInsert on t  (cost=0.00..35.00 rows=0 width=0)\n"
            "2026-11-22 11:10:49.847 EST [31] x@y LOG:  duration: 7.5 ms  statement: insert into t select 1;\n",
            {
                "queries": [{"ts": "2026-11-22T16:10:49.847000Z", "duration_ms": 7.5,
                             "plan": "Insert on t  (cost=0.00..35.00 rows=0 width=0)"}],
                "logs": [{"ts": "2020-06-21T22:37:10Z", "level": "log"}],
            },
            "Azure's prefix; auto_explain reports the execution that the next record counts",
        ),
        Sample("reject", "pg_ctl: could not start server\n", about="no severity"),
        Sample("reject", "2026-11-22 16:03:55.563 XYZT [7] LOG:  duration: 0.5 ms  statement: SELECT 1\n"),
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """The share of lines with a time and a severity, and of continuations after them."""
        starts = head.str.contains(_START) & head.str.contains(_TIME)
        more = head.str.starts_with("\t")
        return float((starts | more).sum()) / max(head.len(), 1) if starts.any() else 0.0

    def ends(self, block: bytes) -> Offsets:
        """The newlines before a line that is no continuation and no DETAIL, HINT, ... of the record before it."""
        ends = newline_ends(block)
        data = np.frombuffer(block, dtype=np.uint8)
        ends = ends[ends < len(block)]
        ends = ends[data[ends] != 9]
        attached, told = _attached(data, ends)
        if len(ends) and not told[-1] and block.find(b"\n", int(ends[-1])) < 0:
            attached[-1] = True  # the line that has begun may still turn out to be a DETAIL
        sure: Offsets = ends[~attached]
        return sure

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """Regular executions by position, all else by its rules; what the messages mean says `_postgres`."""
        quick = _postgres_lines.regular(records["record"], context)
        others = unblank(records.filter(pl.Series(~(quick.executions | quick.steps))))
        rows = _executions(records["byte_offset"].filter(pl.Series(quick.executions)), quick.rows)
        if others.is_empty():
            return Parsed({"queries": rows}, rejected(others, ""))
        events = _events(others, context)
        told = _postgres.kinds(_readable(events))
        if _postgres.any_waiting(told):  # what lacks its duration or plan may belong to a record that is regular
            return self.by_rules(records, final=final, context=context)
        return _parsed(others, events, _postgres.tell(told, final=final), rows)

    def by_rules(self, records: pl.DataFrame, *, final: bool, context: Context) -> Parsed:
        """The same as `parse`, whatever the records are like."""
        records = unblank(records)
        events = _events(records, context)
        return _parsed(records, events, _postgres.tell(_postgres.kinds(_readable(events)), final=final), None)


def _readable(events: pl.DataFrame) -> pl.DataFrame:
    """The events with a time and a severity of their own."""
    good = events["ts"].is_not_null() & events["severity"].is_in(_MAIN)
    return events.filter(good).select(_postgres.EVENTS.names())


def _executions(byte_offset: pl.Series, rows: pl.DataFrame) -> pl.DataFrame:
    """Regular executions as `queries`."""
    more = rows["more"]
    detail = more if more.null_count() == len(more) else _details(more)
    nothing = (pl.lit(None, dtype=pl.String).alias(name) for name in ("error", "plan"))
    return _postgres.queries(rows.drop("more").with_columns(byte_offset, detail.alias("detail"), *nothing))


def _details(more: pl.Series) -> pl.Series:
    told = more.is_not_null()
    texts = more.filter(told).str.replace_all("\n\t", _LINE_BREAK, literal=True)
    return more.clone().scatter(told.arg_true(), _attachments(texts)["detail"])


def _parsed(records: pl.DataFrame, events: pl.DataFrame, told: _postgres.Told, rows: pl.DataFrame | None) -> Parsed:
    """What was told and the regular `rows`, with the events that no rule could read as rejects."""
    readable = events["ts"].is_not_null() & events["severity"].is_in(_MAIN)
    bad = events.filter(~readable).select("byte_offset", "severity").join(records, on="byte_offset")
    if told.held_from is not None:
        bad = bad.filter(pl.col("byte_offset") < told.held_from)
    why = (
        pl.when(pl.col("severity").is_null()).then(pl.lit("no severity (LOG:, ERROR:, ...) after a line prefix"))
        .when(~pl.col("severity").is_in(_MAIN)).then(pl.format("a {} without its record", "severity"))
        .otherwise(pl.lit("no readable time (%m, %t or %n) in the line prefix"))
    )  # fmt: skip
    queries = told.queries if rows is None else pl.concat([rows, told.queries], how="vertical_relaxed")
    if rows is not None and told.queries.height:
        queries = queries.sort("byte_offset")
    return Parsed({"queries": queries, "logs": told.logs}, rejected(bad, why), told.held_from)


def _word_code(word: str) -> int:
    """The last three bytes of a severity as one number."""
    return int.from_bytes(word[-3:].encode(), "big")


_ATTACHED_CODES = np.array([_word_code(word) for word in _ATTACHED])
_MAIN_CODES = np.array([_word_code(word) for word in _MAIN])


def _attached(data: _Bytes, starts: Offsets) -> tuple[_Flags, _Flags]:
    """Whether the line at each of `starts` begins a DETAIL, HINT, ..., and whether it has shown a severity at all.

    The first severity before a `: ` on the line decides; later ones are part of its text.
    """
    none = np.zeros(len(starts), dtype=np.bool_)
    colons = np.flatnonzero((data[3:-1] == 58) & (data[4:] == 32)) + 3
    before = data[colons - 1]
    colons = colons[((before >= 65) & (before <= 90)) | ((before >= 49) & (before <= 53))]
    code = (data[colons - 3].astype(np.int64) << 16) | (data[colons - 2].astype(np.int64) << 8) | data[colons - 1]
    attached = np.isin(code, _ATTACHED_CODES)
    known = attached | np.isin(code, _MAIN_CODES)
    colons, attached = colons[known], attached[known]
    if not len(colons) or not len(starts):
        return none, none.copy()
    first = np.searchsorted(colons, starts)
    at = np.minimum(first, len(colons) - 1)
    line_end = np.append(starts[1:], len(data))  # the next line that is no continuation
    told = (first < len(colons)) & (colons[at] < line_end)
    return told & attached[at], told


def _events(records: pl.DataFrame, context: Context) -> pl.DataFrame:
    """`records` as `_postgres.EVENTS`, with the `prefix` that was read. Parse and bind steps are left out here."""
    flat = records["record"].str.replace_all("\n\t", _LINE_BREAK, literal=True)
    lines = flat.str.splitn("\n", 2).struct.rename_fields(["main", "more"]).struct.unnest()
    cut = lines["main"].str.splitn(":  ", 2).struct.rename_fields(["prefix", "message"]).struct.unnest()
    plain = cut["prefix"].str.ends_with("LOG").fill_null(False)
    step = plain & cut["message"].str.contains(_STEP)
    if step.any():
        kept = ~step
        records, lines, cut, plain = records.filter(kept), lines.filter(kept), cut.filter(kept), plain.filter(kept)
    cut = cut.with_columns(pl.col("prefix").str.strip_suffix("LOG"), pl.lit("LOG").alias("severity"))
    if not plain.all():
        again = lines.filter(~plain).select(pl.col("main").str.extract_groups(_OTHER).alias("again")).unnest("again")
        cut = patched(cut, ~plain, again)
    cut = cut.with_columns(_unfold("message").str.strip_suffix("\r"))
    return (
        records.select("byte_offset")
        .hstack(cut)
        .hstack(_attachments(lines["more"]))
        .hstack(_pgprefix.read(cut["prefix"], context))
    )


def _unfold(name: str) -> pl.Expr:
    return pl.col(name).str.replace_all(_LINE_BREAK, "\n", literal=True)


def _attachments(more: pl.Series) -> pl.DataFrame:
    """DETAIL, HINT, CONTEXT and STATEMENT of the lines after the first; nearly always there is one, or none."""
    names = {"detail": "DETAIL", "hint": "HINT", "context": "CONTEXT", "statement": "STATEMENT"}
    head, text = pl.col("head"), pl.col("text")
    cut = more.str.splitn(":  ", 2).struct.rename_fields(["head", "text"]).struct.unnest()
    found = cut.select(pl.when(head.str.ends_with(word)).then(text).alias(name) for name, word in names.items())
    several = more.str.contains("\n", literal=True).fill_null(False)
    if several.any():
        by_line = (pl.col("more").str.extract(rf"(?m)^[^\n]*?\b{word}:  ?([^\n]*)$").alias(name)
                   for name, word in names.items())  # fmt: skip
        found = patched(found, several, more.filter(several).alias("more").to_frame().select(by_line))
    return found.select(_unfold(name).str.strip_suffix("\r") for name in names)
