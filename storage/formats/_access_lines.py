"""The access log line as nearly all of them are, read by the places of its quotes.

    client - - [22/Nov/2026:16:03:47 +0000] "GET /a?b HTTP/1.1" 200 17 "referer" "agent" what trails

`regular` tells which lines are exactly so; only those are read here. Every other line is `combined`'s own business, by
rules that are slower and forgive more. On a regular line both say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from storage.format import Offsets
from storage.formats import _access, _times
from storage.formats._cells import present, present_in
from storage.formats._cuts import Flags, Lines, Marks, begins, numbers_at, runs_of, words_at

_TIME_WIDTH = len("22/Nov/2026:16:03:47 +0000")
_COMMON, _COMBINED = 2, 6
"""Quotes in a line of the common and of the combined format; what trails the latter may bring more, in pairs."""
_NOBODY = " - - "
_BLANK = ord(" ")
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
    request = _requests(lines, quotes, rows)
    good = request.fits & _head_fits(lines, rows, quotes.nth(0, rows)) & _tail_fits(lines, quotes, rows, shape)
    rows, request = rows[good], request.only(good)
    frame = _head(lines, rows, quotes.nth(0, rows)).hstack(request.frame(lines))
    frame = frame.hstack(_numbers(lines, quotes, rows, shape)).hstack(_quoted(lines, quotes, rows, shape))
    readable = frame.select(
        pl.col("ts").is_not_null() & pl.col("bytes_fit")
        & ~pl.any_horizontal(pl.col("client_ip", "path", "query").str.contains(" ", literal=True).fill_null(False))
    ).to_series()  # fmt: skip
    flags = np.zeros(len(line), dtype=np.bool_)
    flags[rows[readable.to_numpy()]] = True
    frame = frame.drop("bytes_fit").with_columns(present(pl.col("client_ip")))
    return flags, frame if readable.all() else frame.filter(readable)


def _head_fits(lines: Lines, rows: Offsets, quote: Offsets) -> Flags:
    """Whether `client - - [time] ` stands before the first quote."""
    bracket = quote - _TIME_WIDTH - 3
    fits: Flags = (
        (bracket - len(_NOBODY) > lines.starts[rows])
        & begins(words_at(lines, bracket - len(_NOBODY)), _NOBODY + "[")
        & begins(words_at(lines, quote - 2), '] "')
    )
    return fits


def _head(lines: Lines, rows: Offsets, quote: Offsets) -> pl.DataFrame:
    bracket = quote - _TIME_WIDTH - 3
    first, lengths = runs_of(lines, bracket + 1, _TIME_WIDTH)
    times = _times.clf(lines.cut((bracket + 1)[first], (quote - 2)[first]))
    return pl.DataFrame([
        lines.cut(lines.starts[rows], bracket - len(_NOBODY)).alias("client_ip"),
        times.gather(np.repeat(np.arange(len(first)), lengths)).alias("ts"),
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Requests:
    """Where the target of each request line begins and stops, which method it has, and whether it is a plain one."""

    fits: Flags
    method: npt.NDArray[np.int64]
    starts: Offsets
    stops: Offsets

    def only(self, good: Flags) -> _Requests:
        return _Requests(self.fits[good], self.method[good], self.starts[good], self.stops[good])

    def frame(self, lines: Lines) -> pl.DataFrame:
        """`method`, `path` and `query`."""
        ask = lines.marks("?").next_after(self.starts, self.stops)
        asking = np.flatnonzero(ask < self.stops)
        query = present_in(lines.cut(ask[asking] + 1, self.stops[asking]))
        nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(ask))
        return pl.DataFrame([
            _METHODS.gather(self.method), lines.cut(self.starts, ask).alias("path"),
            nothing.scatter(asking, query).alias("query"),
        ])  # fmt: skip


def _requests(lines: Lines, quotes: Marks, rows: Offsets) -> _Requests:
    """The request between the first two quotes: one of the usual methods, a target, a version."""
    opens, closes = quotes.nth(0, rows) + 1, quotes.nth(1, rows)
    method, starts = np.full(len(rows), -1), opens.copy()
    first = words_at(lines, opens)
    for number, name in enumerate(_access.METHODS):
        known = begins(first, f"{name} ")
        method[known] = number
        starts[known] = opens[known] + len(name) + 1
    stops = closes.copy()
    for width, versions in _VERSIONS.items():
        last = words_at(lines, closes - width)
        named = np.zeros(len(rows), dtype=np.bool_)
        for version in versions:
            named |= begins(last, version)
        named &= lines.data[closes - width - 1] == _BLANK
        stops[named] = closes[named] - width - 1
    return _Requests((method >= 0) & (stops < closes) & (starts <= stops), method, starts, stops)


def _tail_fits(lines: Lines, quotes: Marks, rows: Offsets, shape: int) -> Flags:
    """Whether ` 200 ` follows the request, and what is between the other quotes is one blank each."""
    after = quotes.nth(1, rows) + 1
    numbers = words_at(lines, after)
    fits = begins(numbers, " ") & (((numbers >> np.uint64(32)) & np.uint64(255)) == _BLANK)
    for place in (1, 2, 3):
        digit = (numbers >> np.uint64(8 * place)) & np.uint64(255)
        fits &= (digit >= ord("0")) & (digit <= ord("9"))
    stop = lines.stops[rows]
    if shape == _COMBINED:
        stop = quotes.nth(2, rows) - 1
        fits &= (lines.data[stop] == _BLANK) & (lines.data[quotes.nth(3, rows) + 1] == _BLANK)
        fits &= quotes.nth(4, rows) == quotes.nth(3, rows) + 2
    inside: Flags = fits & (after + 5 < stop)
    return inside


def _numbers(lines: Lines, quotes: Marks, rows: Offsets, shape: int) -> pl.DataFrame:
    """`status`, `bytes_sent`, and in `bytes_fit` whether the latter is a number or a dash."""
    after = quotes.nth(1, rows) + 1
    digits = [lines.data[after + place].astype(np.int16) - 48 for place in (1, 2, 3)]
    code = pl.Series("status", 100 * digits[0] + 10 * digits[1] + digits[2])
    starts, stops = after + 5, quotes.nth(2, rows) - 1 if shape == _COMBINED else lines.stops[rows]
    count, fits = numbers_at(lines, starts, stops)
    dash = (stops - starts == 1) & (lines.data[starts] == ord("-"))
    sent = pl.Series("bytes_sent", count)
    return pl.DataFrame([
        code.set(code == 0, None), sent.set(pl.Series(dash), None) if dash.any() else sent,
        pl.Series("bytes_fit", fits | dash),
    ])  # fmt: skip


def _quoted(lines: Lines, quotes: Marks, rows: Offsets, shape: int) -> pl.DataFrame:
    """`referer`, `user_agent` and `extra`."""
    if shape == _COMMON:
        nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(rows))
        return pl.DataFrame(
            [nothing.alias("referer"), nothing.alias("user_agent"), nothing.fill_null("").alias("extra")]
        )
    texts = [
        lines.cut(quotes.nth(2, rows) + 1, quotes.nth(3, rows)).alias("referer"),
        lines.cut(quotes.nth(4, rows) + 1, quotes.nth(5, rows)).alias("user_agent"),
        lines.cut(quotes.nth(5, rows) + 1, lines.stops[rows]).alias("extra"),
    ]
    return pl.DataFrame(texts).select(
        present(pl.col("referer")), present(pl.col("user_agent")), pl.col("extra").str.strip_chars(" ")
    )
