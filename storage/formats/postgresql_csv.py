"""PostgreSQL's csvlog: 22 to 26 columns by version, quotes doubled, newlines inside quotes."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import polars as pl

from storage.format import NO_CONTEXT, Context, LogFormat, Offsets, Parsed, Sample, newline_ends, rejected
from storage.formats import _postgres, _times
from storage.formats._cells import nulls, patched, present, share
from storage.formats._cuts import Lines, Marks
from storage.formats._lines import unblank

_COLUMNS = (
    "log_time", "db_user", "database", "pid", "connection", "session", "line", "command", "session_start",
    "transaction_id", "txid", "severity", "code", "message", "detail", "hint", "internal_query", "internal_position",
    "context", "statement", "position", "location",
)  # fmt: skip
"""Those of 8.3; application (9.0), backend_type (13), leader_pid and query_id (14) follow."""

_ALL = [*_COLUMNS, "application"]
_USED = {"log_time", "severity", "message", *_postgres.EVENTS.names()}
_CELL = r'((?:[^",]|"(?:[^"]|"")*")*)'
_PATTERN = "(?s)^" + ",".join(_CELL for _ in _COLUMNS) + f"(?:,{_CELL})?(?:,.*)?$"
_START = r'^"?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z+\-0-9:]+"?,(?:[^,]*,){2}\d*,(?:[^,]*,){7}[A-Z]+\d?,'
_BEGINS = re.compile(rb'\n(?="?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z+\-0-9:]+"?,)')


class PostgresqlCsv(LogFormat):
    """A record ends at a newline outside quotes. Each is read by itself, so a damaged one spoils no other."""

    name: ClassVar[str] = "postgresql-csv"
    title: ClassVar[str] = "PostgreSQL csvlog (log_destination = csvlog)"
    tables: ClassVar[tuple[str, ...]] = ("queries", "logs")
    specificity: ClassVar[int] = 70
    samples: ClassVar[tuple[Sample, ...]] = (
        Sample(
            "good",
            '2021-01-01 07:13:44.120 GMT,"ann","shop",77962,"10.200.48.82:39364",60e2b128.1308a,13,"SELECT",'
            '2021-07-05 07:13:44 GMT,4/187623,0,LOG,00000,"duration: 0.576 ms  execute p3: select * from ""users""\n'
            'where id = $1","parameters: $1 = \'foo, bar\'",,,,,,,,"web","client backend",,0\n',
            {"queries": [{"ts": "2021-01-01T07:13:44.120000Z", "db_user": "ann", "database": "shop", "duration_ms": 0.576,  # noqa: E501
                          "session": "60e2b128.1308a", "transaction_id": "4/187623", "application": "web",
                          "sql": 'select * from "users"\nwhere id = $1', "params": '["foo, bar"]'}]},
        ),
        Sample(
            "edge",
            '2021-01-01 07:13:44.120 GMT,,,24090,,6b03115f.5e1a,19,,2021-01-01 07:00:00 GMT,,0,LOG,00000,'
            '"parameter ""log_destination"" changed",,,,,,,,,""\n'
            '2021-01-01 07:13:44.120 GMT,"ann","shop",7,"[local]",6b03115f.7,1,"SELECT",2021-01-01 07:00:00 GMT,4/1,0,ERROR,'  # noqa: E501
            '22012,"division by zero",,,,,,"select 1/0",,,"psql"\n',
            {"logs": [{"level": "log", "message": 'parameter "log_destination" changed'},
                      {"level": "error", "message": "division by zero"}]},
            "a background process; an error with its statement; the 23 columns of 9.0",
        ),
        Sample("reject", "pg_ctl: could not start server\n"),
        Sample("reject", "2021-01-01 07:13:44.120 XYZT,,,1,,a.b,1,,,,0,LOG,00000,x,,,,,,,,,\n", about="an unknown zone"),  # noqa: E501
    )  # fmt: skip

    def sniff(self, head: pl.Series) -> float:
        """The share of lines from the first that starts a record on, all of them when at least one does."""
        return _share_with_continuations(head, _START)

    def ends(self, block: bytes) -> Offsets:
        """The newlines with an even number of quotes before them."""
        ends = newline_ends(block)
        quotes = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 34)
        outside: Offsets = ends[np.searchsorted(quotes, ends) % 2 == 0]
        return outside

    def resumes(self, block: bytes) -> int | None:
        """Before a line that begins with a time: whether quotes are open is not known in the middle of a log."""
        found = _BEGINS.search(block)
        return found.end() if found is not None else None

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """Cells by the commas outside quotes, counted from the start of their own record."""
        records = unblank(records)
        cells = _cells(records["record"])
        bare = pl.all().str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
        cells = cells.with_columns(present(pl.col(name)) for name in cells.columns if name != "message").with_columns(
            bare
        )
        cells = cells.with_columns(present(pl.all()))
        events = records.select("byte_offset").hstack(cells)
        events = events.with_columns(_times.iso(events["log_time"], context).alias("ts"))
        readable = events["ts"].is_not_null() & events["severity"].is_not_null() & events["message"].is_not_null()
        told = _postgres.tell(_postgres.kinds(events.filter(readable).select(_postgres.EVENTS.names())), final=final)
        bad = records.filter(~readable).hstack(events.filter(~readable).select("log_time"))
        if told.held_from is not None:
            bad = bad.filter(pl.col("byte_offset") < told.held_from)
        why = pl.when(pl.col("log_time").is_null()).then(
            pl.lit("not the 22 or more comma-separated columns of csvlog")
        ).otherwise(pl.lit("the first column is no readable time, or severity or message are empty"))  # fmt: skip
        return Parsed({"queries": told.queries, "logs": told.logs}, rejected(bad, why), told.held_from)


def _cells(records: pl.Series) -> pl.DataFrame:
    """The columns used, quotes and all, a row for each record; nulls where it has fewer than 22."""
    if records.is_empty():
        return pl.DataFrame([nulls(0).alias(name) for name in _ALL if name in _USED])
    lines = Lines.of(records)
    quoted = np.cumsum(lines.data == ord('"'), dtype=np.uint8) & 1
    before, after = quoted[lines.starts - 1], quoted[lines.stops - 1]
    before[:1] = 0
    commas = lines.marks(",")
    places = commas.places[commas.first[0] :][: commas.count.sum()]
    outside = Marks.of(lines, places[quoted[places] == np.repeat(before, commas.count)])
    even = before == after
    rows = np.flatnonzero(even & (outside.count >= len(_COLUMNS) - 1))
    cells = {name: _cell(lines, outside, rows, place) for place, name in enumerate(_ALL) if name in _USED}
    frame = pl.DataFrame([nulls(records.len()).alias(name) for name in cells])
    frame = frame.with_columns(frame[name].scatter(rows, cell) for name, cell in cells.items())
    if even.all():
        return frame
    odd = pl.Series(~even)
    torn = records.filter(odd).alias("record").to_frame().select(pl.col("record").str.extract_groups(_PATTERN))
    found = torn.to_series().struct.rename_fields(_ALL).struct.unnest()
    return patched(frame, odd, found.select(frame.columns))


def _cell(lines: Lines, commas: Marks, rows: Offsets, place: int) -> pl.Series:
    """The cell of that place in each of `rows`; null where the record ends before it."""
    there = commas.count[rows] >= place
    having = rows[there]
    starts = commas.nth(place - 1, having) + 1 if place else lines.starts[having]
    stops = lines.stops[having].copy()
    ended = commas.count[having] > place
    stops[ended] = commas.nth(place, having[ended])
    found = lines.cut(starts, stops)
    return found if there.all() else nulls(len(rows)).scatter(np.flatnonzero(there), found)


def _share_with_continuations(head: pl.Series, start: str) -> float:
    starts = head.str.contains(start)
    if not starts.any():
        return 0.0
    inside = head.str.count_matches('"', literal=True).cum_sum().shift(1, fill_value=0) % 2 == 1
    return max(share(head, start), float((starts | inside).sum()) / head.len())
