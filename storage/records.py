"""Bytes to records: a block, cut at record ends, becomes a frame of texts with exact offsets. Nothing is rejected here.

What a log may hold is made harmless for a column of text: a byte order mark goes, UTF-16 becomes UTF-8, bytes that are
no UTF-8 are replaced, the NULs before a record (the hole that a truncated file leaves) are skipped, a record over
`CAP_BYTES` keeps its head and tail. Where bytes were replaced or cut out the record is flagged `damaged`.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from storage.format import RECORDS, Offsets

CAP_BYTES = 1 << 20
"""A longer record is kept as its first and last `CAP_BYTES / 2` bytes with a mark between them."""

_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Text:
    """A block as UTF-8 (perhaps not valid yet) that starts at `base` of the source's uncompressed bytes.

    `units` is None where a byte is a byte; for UTF-16 it holds how many 16-bit units lie before each byte of `data`.
    """

    data: bytes
    base: int
    units: Offsets | None = None

    def offsets(self, positions: Offsets) -> Offsets:
        """Positions in `data` as offsets in the source."""
        if self.units is None:
            return positions + self.base
        return self.base + 2 * self.units[positions]


def encoding_of(head: bytes) -> str:
    """`utf-16-le`, `utf-16-be` or `utf-8`, by the byte order mark that a file starts with."""
    return _BOMS.get(head[:2], "utf-8")


def bom_bytes(head: bytes) -> int:
    """The length of the byte order mark that a file starts with, in bytes."""
    return 2 if head[:2] in _BOMS else 3 if head.startswith(codecs.BOM_UTF8) else 0


def to_text(raw: bytes, base: int, encoding: str) -> Text:
    """`raw`, which starts at `base`, as UTF-8. Of UTF-16 an incomplete last unit is left out."""
    if encoding == "utf-8":
        return Text(raw, base)
    whole = raw[: len(raw) & ~1]
    last = int.from_bytes(whole[-2:], "little" if encoding.endswith("le") else "big")
    if 0xD800 <= last < 0xDC00:  # the first half of a pair: the other half is still to come
        whole = whole[:-2]
    data = whole.decode(encoding, "replace").encode("utf-8")
    lead = np.frombuffer(data, dtype=np.uint8)
    width = ((lead & 0xC0) != 0x80).astype(np.int64) + (lead >= 0xF0)
    return Text(data, base, np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(width)]))


def to_records(text: Text, ends: Offsets, *, cap_bytes: int = CAP_BYTES) -> pl.DataFrame:
    """The records of `text` that end at `ends` (ascending positions just past each line end), schema RECORDS."""
    if not len(ends):
        return RECORDS.to_frame()
    data = np.frombuffer(text.data, dtype=np.uint8)
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1]
    stops = _without_line_ends(data, starts, ends)
    shifted = np.zeros(len(ends), dtype=bool)
    if b"\0" in text.data:
        starts, shifted = _without_leading_nuls(data, starts, stops)
    long = stops - starts > cap_bytes
    bad = _not_utf8(text.data, starts, stops)
    column = _column(text.data, starts, np.where(long | bad, starts, stops))
    odd = np.flatnonzero(long | bad)
    if len(odd):
        column = column.scatter(odd, [_repaired(text.data[starts[i] : stops[i]], cap_bytes) for i in odd])
    damaged = shifted | long | bad
    return pl.DataFrame(
        {"byte_offset": text.offsets(starts), "record": column, "damaged": damaged}, schema=RECORDS
    )  # fmt: skip


def cut_mark(byte_count: int) -> bytes:
    """What stands where `byte_count` bytes of an overlong record were cut out."""
    return f" ...[{byte_count} bytes cut]... ".encode()


def _repaired(record: bytes, cap_bytes: int) -> str:
    if len(record) <= cap_bytes:
        return record.decode("utf-8", "replace")
    half = cap_bytes // 2
    kept = record[:half] + cut_mark(len(record) - 2 * half) + record[-half:]
    return kept.decode("utf-8", "replace")


def _without_line_ends(data: np.ndarray[tuple[int], np.dtype[np.uint8]], starts: Offsets, ends: Offsets) -> Offsets:
    """Where each record's text stops: before `\\n` or `\\r\\n`; the last record may have neither."""
    stops: Offsets = ends - (data[ends - 1] == 10)
    before = np.maximum(stops - 1, 0)
    stops -= (stops > starts) & (stops < ends) & (data[before] == 13)
    return stops


def _without_leading_nuls(
    data: np.ndarray[tuple[int], np.dtype[np.uint8]], starts: Offsets, stops: Offsets
) -> tuple[Offsets, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Starts moved past the NULs that stand before a record's text, and which ones moved."""
    filled = np.flatnonzero(data)
    where = np.searchsorted(filled, starts)
    first = np.append(filled, len(data))[where]
    empty = (starts < stops) & (data[np.minimum(starts, len(data) - 1)] == 0)
    moved = np.where(empty, np.minimum(first, stops), starts)
    return moved, moved != starts


def _column(data: bytes, starts: Offsets, stops: Offsets) -> pl.Series:
    """The texts `data[start:stop]`, all of them UTF-8, as one String column that shares the block's memory."""
    edges = np.empty(2 * len(starts) + 1, dtype=np.int64)
    edges[0:-1:2] = starts
    edges[1::2] = stops
    edges[-1] = len(data)
    array = pa.LargeStringArray.from_buffers(2 * len(starts), pa.py_buffer(edges), pa.py_buffer(data))
    # Every other element is a record, those between are line ends: gathering moves views, not bytes.
    return pl.Series("record", handed(array)).gather_every(2)


def handed(array: pa.Array) -> _Handed:
    """`array` as Polars takes it over without copying."""
    return _Handed(array)


class _Handed:
    """An Arrow array by the C interface alone: given a pyarrow array, Polars loads all of `pyarrow.compute` first."""

    def __init__(self, array: pa.Array) -> None:
        self._array = array

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """See the Arrow PyCapsule interface."""
        return self._array.__arrow_c_array__(requested_schema)  # type: ignore[no-any-return]


def _not_utf8(data: bytes, starts: Offsets, stops: Offsets) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which records are not valid UTF-8. Sound stretches are passed over in one call each."""
    bad = np.zeros(len(starts), dtype=bool)
    if data.isascii():
        return bad
    view, at = memoryview(data), 0
    while at < len(data):
        try:
            codecs.utf_8_decode(view[at:], "strict", True)
            break
        except UnicodeDecodeError as error:
            row = int(np.searchsorted(stops, at + error.start, side="right"))
            if row >= len(starts):
                break
            bad[row] = True
            at = int(stops[row])
    return bad
