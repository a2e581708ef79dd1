"""The access log line as nearly all of them are, read by the places of its quotes.

    client - - [22/Nov/2026:16:03:47 +0000] "GET /a?b HTTP/1.1" 200 17 "referer" "agent" what trails

`regular` tells which lines are exactly so; only those are read here. Every other line is `combined`'s own business, by
rules that are slower and forgive more. On a regular line both say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from storage.format import Offsets
from storage.formats import _access, _times
from storage.formats._cells import nulls, present, present_in
from storage.formats._cuts import (
    Flags,
    Lines,
    Marks,
    Words,
    begins,
    first_blank,
    numbers_at,
    parted,
    runs_of,
    words_at,
)

_TIME_WIDTH = len("22/Nov/2026:16:03:47 +0000")
_COMMON, _COMBINED = 2, 6
"""Quotes in a line of the common and of the combined format; what trails the latter may bring more, in pairs."""
_NOBODY = " - - "
_BLANK, _BYTE = np.uint64(32), np.uint64(255)
_VERSIONS = {8: ("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/3.0", "HTTP/0.9"), 6: ("HTTP/2", "HTTP/3")}
_METHODS = pl.Series("method", _access.METHODS)


def regular(line: pl.Series) -> tuple[Flags, pl.DataFrame]:
    """Which of `line` are regular, and columns of `requests` for those, in order.

    Columns: client_ip, ts, method, path, query, status, bytes_sent, referer, user_agent, extra (what trails, a text).
    """
    lines = Lines.of(line)
    quotes = lines.marks('"')
    shape = _COMBINED if (quotes.count >= _COMBINED).any() else _COMMON
    many = (quotes.count >= _COMBINED) & (quotes.count % 2 == 0)
    plain = many if shape == _COMBINED else quotes.count == _COMMON
    rows = np.flatnonzero(plain & ~lines.holding("\\"))
    at = _look(lines, quotes, rows, shape)
    frame = _texts(lines, quotes, at, shape)
    readable = frame.select(
        pl.col("ts").is_not_null()
        & ~pl.any_horizontal(pl.col("path", "query").str.contains(" ", literal=True).fill_null(False))
    ).to_series()  # fmt: skip
    flags = np.zeros(len(line), dtype=np.bool_)
    flags[at.rows[readable.to_numpy()]] = True
    frame = frame.with_columns(present(pl.col("client_ip")))
    return flags, frame if readable.all() else frame.filter(readable)


@dataclass(frozen=True, slots=True)
class _Places:
    """Regular rows, where their parts stand, and the numbers among them."""

    rows: Offsets
    bracket: Offsets
    target: Offsets
    target_stop: Offsets
    method: npt.NDArray[np.int64]
    status: npt.NDArray[np.int64]
    bytes_sent: npt.NDArray[np.int64]
    second_begins: Flags
    """Whether a line tells another time than the one before it."""

    def only(self, good: Flags) -> _Places:
        return _Places(*(getattr(self, name)[good] for name in self.__slots__))

    @classmethod
    def joined(cls, parts: Sequence[_Places]) -> _Places:
        """Parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


def _look(lines: Lines, quotes: Marks, rows: Offsets, shape: int) -> _Places:
    """Which of `rows` are regular, and where their parts stand."""
    return _Places.joined([_look_at(lines, quotes, part, shape) for part in parted(rows)])


def _look_at(lines: Lines, quotes: Marks, rows: Offsets, shape: int) -> _Places:
    method, target, target_stop = _request(lines, quotes.nth(0, rows) + 1, quotes.nth(1, rows))
    after = quotes.nth(1, rows) + 1
    sent = quotes.nth(2, rows) - 1 if shape == _COMBINED else lines.stops[rows]
    status, status_fits = _status(words_at(lines, after))
    count, count_fits = numbers_at(lines, after + len(" 200 "), sent)
    dash = (sent - after == len(" 200 -")) & (lines.data[sent - 1] == ord("-"))
    good = (method >= 0) & (target <= target_stop) & (target_stop < quotes.nth(1, rows))
    good &= status_fits & (count_fits | dash) & _head_fits(lines, rows, quotes.nth(0, rows))
    if shape == _COMBINED:
        good &= (lines.data[sent] == _BLANK) & (lines.data[quotes.nth(3, rows) + 1] == _BLANK)
        good &= quotes.nth(4, rows) == quotes.nth(3, rows) + 2
    bracket = quotes.nth(0, rows) - _TIME_WIDTH - 3
    begun = np.zeros(len(rows), dtype=np.bool_)
    begun[runs_of(lines, bracket + 1, _TIME_WIDTH)[0]] = True
    found = _Places(rows, bracket, target, target_stop, method, status, np.where(dash, -1, count), begun)
    return found if good.all() else _again(found.only(good))


def _again(found: _Places) -> _Places:
    """Of rows that were picked, any may tell another time than the one before it."""
    return replace(found, second_begins=np.ones(len(found.rows), dtype=np.bool_))


def _head_fits(lines: Lines, rows: Offsets, quote: Offsets) -> Flags:
    """Whether `client - - [time] ` stands before the first quote, and no blank in the client."""
    starts, nobody = lines.starts[rows], quote - _TIME_WIDTH - 3 - len(_NOBODY)
    fits: Flags = (nobody > starts) & begins(words_at(lines, nobody), _NOBODY + "[")
    fits &= begins(words_at(lines, quote - 2), '] "')
    blank = first_blank(lines, starts)
    fits &= (blank == nobody) | (blank == starts)
    unknown = np.flatnonzero(fits & (blank == starts))
    if len(unknown):
        fits[unknown] = ~lines.cut(starts[unknown], nobody[unknown]).str.contains(" ", literal=True).to_numpy()
    return fits


def _request(lines: Lines, opens: Offsets, closes: Offsets) -> tuple[npt.NDArray[np.int64], Offsets, Offsets]:
    """Of a request line its method, by number (-1: none of the usual), and where its target begins and stops."""
    method, starts = np.full(len(opens), -1), opens.copy()
    first = words_at(lines, opens)
    for number, name in enumerate(_access.METHODS):
        known = begins(first, f"{name} ")
        method[known] = number
        starts[known] = opens[known] + len(name) + 1
    stops = closes.copy()
    for width, versions in _VERSIONS.items():
        last = words_at(lines, closes - width)
        named = np.zeros(len(opens), dtype=np.bool_)
        for version in versions:
            named |= begins(last, version)
        named &= lines.data[closes - width - 1] == _BLANK
        stops[named] = closes[named] - width - 1
    return method, starts, stops


def _status(words: Words) -> tuple[npt.NDArray[np.int64], Flags]:
    """The status in ` 200 `, and whether there is one."""
    fits = begins(words, " ") & (((words >> np.uint64(32)) & _BYTE) == _BLANK)
    code = np.zeros(len(words), dtype=np.int64)
    for place in (1, 2, 3):
        digit = ((words >> np.uint64(8 * place)) & _BYTE).astype(np.int64) - ord("0")
        fits &= (digit >= 0) & (digit <= 9)
        code = 10 * code + digit
    return code, fits


def _texts(lines: Lines, quotes: Marks, at: _Places, shape: int) -> pl.DataFrame:
    """The columns of regular rows."""
    rows, time = at.rows, at.bracket + 1
    second = np.flatnonzero(at.second_begins)
    lengths = np.diff(np.append(second, len(rows)))
    times = _times.clf(lines.cut(time[second], time[second] + _TIME_WIDTH))
    ask = lines.marks("?").next_after(at.target, at.target_stop)
    asking = np.flatnonzero(ask < at.target_stop)
    asked, nothing = nulls(len(rows)), nulls(len(rows))
    status, sent = pl.Series(at.status, dtype=pl.Int16), pl.Series(at.bytes_sent)
    columns = {
        "client_ip": lines.cut(lines.starts[rows], at.bracket - len(_NOBODY)),
        "ts": times.gather(np.repeat(np.arange(len(second)), lengths)),
        "method": _METHODS.gather(at.method),
        "path": lines.cut(at.target, ask),
        "query": asked.scatter(asking, present_in(lines.cut(ask[asking] + 1, at.target_stop[asking]))),
        "status": status.set(status == 0, None),
        "bytes_sent": sent.set(sent < 0, None),
    }
    if shape == _COMMON:
        return pl.DataFrame(columns | {"referer": nothing, "user_agent": nothing, "extra": nothing.fill_null("")})
    columns["referer"] = lines.cut(quotes.nth(2, rows) + 1, quotes.nth(3, rows))
    columns["user_agent"] = lines.cut(quotes.nth(4, rows) + 1, quotes.nth(5, rows))
    columns["extra"] = _trailing(lines, quotes.nth(5, rows) + 1, lines.stops[rows])
    return pl.DataFrame(columns).with_columns(present(pl.col("referer")), present(pl.col("user_agent")))


def _trailing(lines: Lines, starts: Offsets, stops: Offsets) -> pl.Series:
    """What stands behind the agent, without the blanks around it; most logs have nothing there."""
    if (starts == stops).all():
        return nulls(len(starts)).fill_null("")
    return lines.cut(starts, stops).str.strip_chars(" ")
