"""JSON lines of few skeletons, read by the places of their quotes.

A program writes its records from few places, so nearly every line of a log has the skeleton of one before it, and its
values are slices. Every other line is `_json.decode`'s, with which this agrees to the letter.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl

from storage.format import Offsets
from storage.formats._cuts import Flags, Lines, Marks, numbers_at, stands
from storage.formats._skeleton import Skeleton, Slot, Value

ROW = "_row"
_SKELETONS = 16
"""Skeletons that are tried in a block; lines that have none of these are decoded."""
_EXACT = r"^(?:0|-?[1-9]\d{0,14}|-?(?:0|[1-9]\d{0,8})\.(?:0|\d{0,3}[1-9])|-?[1-9]\d{0,8}\.\d{4}[1-9]|true|false|null)$"
"""Scalars that a decoder writes as they came, so that both ways tell the same text."""
_LOOSE = r"^(?:-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?|true|false|null)$"
_ESCAPES = {'\\"': '"', "\\/": "/", "\\n": "\n", "\\r": "\r", "\\t": "\t"}
_ESCAPED = np.frombuffer(b'"/nrt', dtype=np.uint8)
_OPEN, _CLOSE, _BACKSLASH, _ZERO, _CONTROLS = ord("{"), ord("}"), ord("\\"), ord("0"), 32


def regular(lines: pl.Series, names: Collection[str], *, loose: Collection[str] = ()) -> pl.DataFrame:
    """The lines that have one of the block's first skeletons: their number as `_row`, and as text the values of those
    of the keys `names` that occur. Of the keys `loose`, which are numbers, any spelling of the value will do.
    """
    text = Lines.of(lines)
    slashed = text.holding("\\")
    quotes, sound = _quotes(text, has_escapes=bool(slashed.any()))
    left = np.flatnonzero(
        sound & (quotes.count > 0) & (quotes.count % 2 == 0) & (text.stops - text.starts > 1)
        & (text.data[text.starts] == _OPEN) & (text.data[text.stops - 1] == _CLOSE)
    )  # fmt: skip
    parts: list[pl.DataFrame] = []
    for _ in range(_SKELETONS):
        if not len(left):
            break
        first, rows = left[0], left[:0]
        skeleton = Skeleton.of(lines[int(first)], names, loose)
        if skeleton is not None and skeleton.quotes == quotes.count[first]:
            same = left[quotes.count[left] == skeleton.quotes]
            rows, at = _fitting(text, quotes, same, skeleton)
            if skeleton.has_containers:
                plain = ~slashed[rows]
                rows, at = rows[plain], [places[plain] for places in at]
            cells = {value.name: _value(text, at, value, slashed[rows]) for value in skeleton.values}
            parts.append(pl.DataFrame({ROW: rows, **cells}))
        taken = np.zeros(len(lines), dtype=np.bool_)
        taken[rows], taken[first] = True, True
        left = left[~taken[left]]
    return pl.concat(parts, how="diagonal") if parts else pl.DataFrame(schema={ROW: pl.Int64})


def _quotes(text: Lines, *, has_escapes: bool) -> tuple[Marks, Flags]:
    """The quotes that begin and end strings, and which lines hold neither control characters nor rare escapes."""
    sound = np.ones(len(text.starts), dtype=np.bool_)
    quotes = text.marks('"')
    odd = np.flatnonzero(text.data < _CONTROLS)
    if has_escapes:
        slashes = text.marks("\\").places
        odd = np.concatenate([odd, slashes[~np.isin(text.data[slashes + 1], _ESCAPED)]])
        quotes = Marks.of(text, quotes.places[text.data[quotes.places - 1] != _BACKSLASH])
    inside = odd[odd < text.stops[-1]] if len(text.stops) else odd[:0]
    sound[np.searchsorted(text.starts, inside, side="right") - 1] = False
    return quotes, sound


def _fitting(text: Lines, quotes: Marks, rows: Offsets, skeleton: Skeleton) -> tuple[Offsets, list[Offsets]]:
    """Those of `rows` (all with so many quotes) that have this skeleton, and where its literals begin in them."""
    starts, good = _literals(text, quotes, rows, skeleton)
    for number, slot in enumerate(skeleton.slots):
        begin, end = starts[number] + len(skeleton.literals[number]), starts[number + 1]
        good &= end >= begin
        if slot.kind == "scalar":
            good[good] = _scalars(text, begin[good], end[good], slot)
    return (rows, starts) if good.all() else (rows[good], [place[good] for place in starts])


def _literals(text: Lines, quotes: Marks, rows: Offsets, skeleton: Skeleton) -> tuple[list[Offsets], Flags]:
    """Where each literal must begin, by the quotes, and in which rows all of them stand there."""
    starts: list[Offsets] = []
    good = np.ones(len(rows), dtype=np.bool_)
    seen = 0
    for number, literal in enumerate(skeleton.literals):
        quote = literal.find(b'"')
        if number == 0:
            place = text.starts[rows]
        elif quote >= 0:
            place = quotes.nth(seen, rows) - quote
        else:
            place = text.stops[rows] - len(literal)
        good &= stands(text, place, literal)
        if number == len(skeleton.literals) - 1:
            good &= place + len(literal) == text.stops[rows]
        starts.append(place)
        seen += literal.count(b'"')
    return starts, good


def _scalars(text: Lines, starts: Offsets, stops: Offsets, slot: Slot) -> Flags:
    """Where a JSON scalar stands, spelled as a decoder would if that matters."""
    _, fits = numbers_at(text, starts, stops)
    fits &= (stops - starts == 1) | (text.data[starts] != _ZERO)
    other = np.flatnonzero(~fits)
    if len(other):
        texts = text.cut(starts[other], stops[other])
        fits[other] = texts.str.contains(_EXACT if slot.exact else _LOOSE).to_numpy()
    return fits


def _value(text: Lines, starts: list[Offsets], value: Value, slashed: Flags) -> pl.Series:
    """The texts of one value; a null is null. `slashed` tells which of the lines hold escapes."""
    (begin, ahead), (end, behind) = value.start, value.stop
    cut = text.cut(starts[begin] + ahead, starts[end] + behind).alias(value.name)
    if value.kind == "scalar":
        return cut.set(cut == "null", None)
    if value.kind == "string" and slashed.any():
        escaped = cut.str.contains("\\", literal=True)
        return cut.scatter(escaped.arg_true(), cut.filter(escaped).str.replace_many(_ESCAPES)) if escaped.any() else cut
    return cut
