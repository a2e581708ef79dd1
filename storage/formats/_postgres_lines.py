"""PostgreSQL's records of executions as nearly all of them are, read by the places of their colons and line ends.

    <prefix>LOG:  duration: 0.093 ms  statement: SELECT ...
    <TAB>continued
    <prefix>DETAIL:  parameters: $1 = '7'

`regular` tells which records are exactly so, and which are the parse and bind steps before them, which are no
executions; only those are read here. On a regular record this and the rules of `_postgres` say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from storage.format import Context, Offsets
from storage.formats import _pgprefix
from storage.formats._cells import nulls, number_in
from storage.formats._cuts import Flags, Lines, Marks, begins, first_blank, words_at

_SEVERITY = "LOG:  du"
_DURATION = "ration: "
_AFTER = " ms  "
_STATEMENT = ("statemen", "t: ")
_EXECUTE = "execute "
_STEPS = ("parse ", "bind ")
_TAB, _RETURN, _BLANK = 9, 13, 32


@dataclass(frozen=True, slots=True)
class Regular:
    """`executions` and `steps` flag records; `rows` are the executions, in order.

    Columns of `rows`: pid, session, database, db_user, application, transaction_id, ts, duration_ms, sql, more (the
    lines after the record's first, with DETAIL and the like; null where there are none).
    """

    executions: Flags
    steps: Flags
    rows: pl.DataFrame


def regular(record: pl.Series, context: Context) -> Regular:
    """The regular ones of `record`."""
    lines = Lines.of(record)
    breaks, colons = lines.marks("\n"), lines.marks(": ")
    stop = _first_line_stop(lines, breaks)
    rows, colon = _timed(lines, colons, stop)
    number = colon + len(":  duration: ")
    blank = first_blank(lines, number)
    rest = blank + len(_AFTER)
    word = words_at(lines, rest)
    after = begins(words_at(lines, blank), _AFTER) & (blank > number)
    named = begins(word, _EXECUTE)
    stated = begins(word, _STATEMENT[0]) & begins(words_at(lines, rest + 8), _STATEMENT[1])
    sql = np.where(named, colons.next_after(rest, stop[rows]) + 2, rest + len("".join(_STATEMENT)))
    execution = after & (named | stated) & (sql <= stop[rows]) & (lines.data[stop[rows] - 1] != _RETURN)
    step = after & (begins(word, _STEPS[0]) | begins(word, _STEPS[1]))
    places = _Places(rows, lines.starts[rows], colon - 3, number, blank, sql, stop[rows], lines.stops[rows])
    found = places.only(execution)
    step[step] = lines.cut(number[step], blank[step]).str.contains(r"^[\d.]+$").to_numpy()
    return _read(lines, found, breaks.count[found.rows] > 0, rows[step], context)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the parts of some rows begin and stop."""

    rows: Offsets
    start: Offsets
    severity: Offsets
    number: Offsets
    blank: Offsets
    sql: Offsets
    stop: Offsets
    end: Offsets

    def only(self, good: Flags) -> _Places:
        return _Places(*(getattr(self, name)[good] for name in self.__slots__))


def _first_line_stop(lines: Lines, breaks: Marks) -> Offsets:
    """Where the first line of each record and its TAB-led continuation end."""
    ending = breaks.places[lines.data[breaks.places + 1] != _TAB]
    return Marks.of(lines, ending).next_after(lines.starts, lines.stops)


def _timed(lines: Lines, colons: Marks, stop: Offsets) -> tuple[Offsets, Offsets]:
    """The records whose first `:  ` is that of `LOG:  duration: `, and where it is."""
    severity = Marks.of(lines, colons.places[lines.data[colons.places + 2] == _BLANK])
    rows = np.flatnonzero(severity.count > 0)
    colon = severity.nth(0, rows)
    fits = begins(words_at(lines, colon - 3), _SEVERITY) & begins(words_at(lines, colon + 5), _DURATION)
    fits &= (colon - 3 >= lines.starts[rows]) & (colon < stop[rows])
    return rows[fits], colon[fits]


def _read(lines: Lines, at: _Places, broken: Flags, steps: Offsets, context: Context) -> Regular:
    """The columns of the executions at these places; those without a readable duration or time are not regular."""
    duration = number_in(lines.cut(at.number, at.blank)).alias("duration_ms")
    told = _pgprefix.read(lines.cut(at.start, at.severity), context)
    sql = lines.cut(at.sql, at.stop).alias("sql")
    folded = np.flatnonzero(broken)
    if len(folded):
        sql = sql.scatter(folded, sql.gather(folded).str.replace_all("\n\t", "\n", literal=True))
    more = nulls(len(at.rows))
    tailed = np.flatnonzero(at.stop < at.end)
    if len(tailed):
        more = more.scatter(tailed, lines.cut(at.stop[tailed] + 1, at.end[tailed]))
    frame = told.hstack([duration, sql, more.alias("more")])
    readable = frame.select(pl.col("ts").is_not_null() & pl.col("duration_ms").is_not_null()).to_series()
    executions, dropped = np.zeros((2, len(lines.starts)), dtype=np.bool_)
    executions[at.rows[readable.to_numpy()]] = True
    dropped[steps] = True
    return Regular(executions, dropped, frame if readable.all() else frame.filter(readable))
