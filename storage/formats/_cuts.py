"""Texts cut by position: where a line's form is regular, its fields are slices of one buffer and nothing is copied.

Splitting text by column expressions copies every part; finding the few bytes that cut a line once, for a whole block,
and handing out slices is two to three times as fast. Lines that are not regular take the slower way by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from storage.format import Offsets
from storage.records import handed

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
_WIDTH = 8
_AT_ONCE = 8_192
_PAD = "\0" * 64
"""Stands behind the last text, so that looking a few bytes on needs no check for the end."""
_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_BLANKS = np.uint64(0x2020202020202020)
_ZEROS = np.uint64(0x3030303030303030)


@dataclass(frozen=True, slots=True)
class Lines:
    """Texts end to end in one buffer, padded at the end; `starts` and `stops` are where each lies in `data`."""

    data: Bytes
    starts: Offsets
    stops: Offsets

    @classmethod
    def of(cls, texts: pl.Series) -> Lines:
        """The texts of a String column without nulls."""
        array = pl.concat([texts, pl.Series(texts.name, [_PAD])]).to_arrow()
        _, edges, body = array.buffers()
        places = np.frombuffer(edges, dtype=np.int64)[array.offset : array.offset + len(array)]
        return cls(np.frombuffer(body, dtype=np.uint8), places[:-1], places[1:])

    def marks(self, text: str) -> Marks:
        """Where `text` (ASCII) begins, by line; one that would run on into the next line counts as well."""
        places = np.flatnonzero(self.data == ord(text[0]))
        for ahead, character in enumerate(text[1:], 1):
            places = places[self.data[np.minimum(places + ahead, len(self.data) - 1)] == ord(character)]
        return Marks.of(self, places)

    def holding(self, byte: str) -> Flags:
        """Which of the texts hold `byte`."""
        if not (self.data == ord(byte)).any():
            return np.zeros(len(self.starts), dtype=np.bool_)
        return self.marks(byte).count > 0

    def cut(self, starts: Offsets, stops: Offsets) -> pl.Series:
        """The texts from `starts` to `stops`, which ascend and do not overlap, as a String column.

        The cuts must lie beside ASCII bytes, so that no character is cut in two.
        """
        edges = np.empty(2 * len(starts) + 1, dtype=np.int64)
        edges[0:-1:2] = starts
        edges[1::2] = stops
        edges[-1] = len(self.data)
        array = pa.LargeStringArray.from_buffers(2 * len(starts), pa.py_buffer(edges), pa.py_buffer(self.data))
        return pl.Series(handed(array)).gather_every(2)


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a byte stands in `Lines`: all places, the index of each line's first one, and how many each line has."""

    places: Offsets
    first: Offsets
    count: Offsets

    @classmethod
    def of(cls, lines: Lines, places: Offsets) -> Marks:
        """The marks at `places`, which ascend."""
        first = np.searchsorted(places, lines.starts)
        stop = np.searchsorted(places, lines.stops[-1:]) if len(lines.stops) else first[:0]
        return cls(places, first, np.append(first[1:], stop) - first)

    def nth(self, number: int, rows: Offsets) -> Offsets:
        """The place of the mark of that number (from 0) in each of `rows`, which must have so many."""
        found: Offsets = self.places[self.first[rows] + number]
        return found

    def next_after(self, positions: Offsets, stops: Offsets) -> Offsets:
        """The first place at or after each of `positions`, or the stop where there is none before it."""
        if not len(self.places):
            return stops
        at = np.searchsorted(self.places, positions)
        found = self.places[np.minimum(at, len(self.places) - 1)]
        return np.where((at < len(self.places)) & (found < stops), found, stops)


def parted(rows: Offsets) -> Iterator[Offsets]:
    """`rows` in parts, at least one, of so few lines that one part's bytes are still in the processor's cache when the
    next look at the same lines comes: ten looks at all lines of a block one by one fetch the block ten times.
    """
    for begin in range(0, max(len(rows), 1), _AT_ONCE):
        yield rows[begin : begin + _AT_ONCE]


def words_at(lines: Lines, places: Offsets) -> Words:
    """The eight bytes from each of `places`, the first one lowest; zero where they would leave the buffer."""
    last = len(lines.data) - _WIDTH
    if last < 0 or not len(places):
        return np.zeros(len(places), dtype=np.uint64)
    words = np.ndarray((last + 1,), np.dtype("<u8"), lines.data, strides=(1,))
    inside = (places >= 0) & (places <= last)
    if inside.all():
        return words[places]
    return np.where(inside, words[np.clip(places, 0, last)], np.uint64(0))


def first_blank(lines: Lines, places: Offsets) -> Offsets:
    """Where the first blank stands from each of `places` on, if within 16 bytes; else the place itself.

    The zero byte of a word by its borrow: H. S. Warren, Hacker's Delight, 6-1.
    """
    found = places.copy()
    for part in (_WIDTH, 0):
        words = words_at(lines, places + part) ^ _BLANKS
        zero = (words - _ONES) & ~words & _HIGHS
        lowest = zero & (~zero + np.uint64(1))
        byte = np.log2(lowest, where=zero > 0, out=np.zeros(len(places))).astype(np.int64) >> 3
        found = np.where(zero > 0, places + part + byte, found)
    return found


def begins(words: Words, text: str) -> Flags:
    """Which of `words` begin with `text`, at most eight ASCII bytes."""
    return _has(words, text.encode("ascii"))


def _has(words: Words, code: bytes) -> Flags:
    mask = np.uint64((1 << (8 * len(code))) - 1)
    found: Flags = (words & mask) == np.uint64(int.from_bytes(code, "little"))
    return found


def numbers_at(lines: Lines, starts: Offsets, stops: Offsets) -> tuple[npt.NDArray[np.int64], Flags]:
    """The whole numbers of one to eight digits from `starts` to `stops`, and which of them are such numbers.

    Eight digits are added up in three steps, two, four and eight at a time (D. Lemire, "Quickly parsing eight digits").
    """
    width = stops - starts
    words = words_at(lines, stops - _WIDTH)
    unused = np.clip(_WIDTH - width, 0, _WIDTH - 1).astype(np.uint64) * np.uint64(8)
    kept = (words >> unused) << unused
    digits = kept - ((_ZEROS >> unused) << unused)
    over = digits + np.uint64(0x7676767676767676)  # 10 or more sets the high bit of its byte
    fits: Flags = (width >= 1) & (width <= _WIDTH) & ((digits | over) & _HIGHS == 0)
    pairs = (digits * np.uint64(10)) + (digits >> np.uint64(8))
    low = (pairs & np.uint64(0x000000FF000000FF)) * np.uint64(0x000F424000000064)
    high = ((pairs >> np.uint64(16)) & np.uint64(0x000000FF000000FF)) * np.uint64(0x0000271000000001)
    return ((low + high) >> np.uint64(32)).astype(np.int64), fits


def runs_of(lines: Lines, starts: Offsets, width: int) -> tuple[Offsets, Offsets]:
    """Where runs of equal texts of one width begin, as indices into `starts`, and how long each is.

    Logs tell whole seconds, so a time is read once a run.
    """
    changed = np.zeros(len(starts), dtype=np.bool_)
    changed[:1] = True
    for place in (*range(0, width - _WIDTH, _WIDTH), width - _WIDTH):
        words = words_at(lines, starts + place)
        changed[1:] |= words[1:] != words[:-1]
    begins = np.flatnonzero(changed)
    return begins, np.diff(np.append(begins, len(starts)))


def stands(lines: Lines, places: Offsets, literal: bytes) -> Flags:
    """Whether `literal` stands at each of `places`."""
    found = np.ones(len(places), dtype=np.bool_)
    for ahead in range(0, len(literal), _WIDTH):
        code = literal[ahead : ahead + _WIDTH]
        found &= _has(words_at(lines, places + ahead), code)
    return found
