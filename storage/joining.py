"""A record that a rotation cut in two: its first half ends one file, the other half begins the next one there.

Neither half is a record that its format reads, but the two together are. Then, and only then, they are joined: the row
belongs to the first file, and the next file is read from behind the other half.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from storage.format import Offsets
from storage.identity import marker_at
from storage.opening import Reading
from storage.parsing import Landed
from storage.records import Text, encoding_of, to_records
from storage.streams import Stream
from storage.tail import Batch, Place, Tail

HALF_BYTES = 1 << 20
"""Longer halves are left as they are."""

Halves = list[tuple[Reading, Batch]]


def join(former: Reading, successor: Reading, now: datetime, *, rests: bool) -> Halves | None:
    """The batches that land the halves as one record and go past both; None where nothing is to be joined.

    `successor` has not landed anything yet. Where it `rests`, what it holds so far is taken for the whole other half.
    A copy is not joined with what the file it was made of holds now: bytes that came between may be in neither, and
    then halves of two records would read as one that nobody wrote.
    """
    if not former.source.is_file(former.stream.status()):
        return None
    rest, begun = _rest_of(former), successor.stream.read(0, HALF_BYTES)
    if not rest or not begun or encoding_of(begun) != "utf-8" or begun.startswith(b"\0"):
        return None
    ends = former.tail.log_format.ends(rest + begun)
    if len(rest) in ends:
        return None
    length = _other_half(ends, rest, begun, rests=rests)
    if length is None or _lands(successor.tail, begun[:length], 0, now):
        return None
    whole = _parse(former.tail, rest + begun[:length], former.tail.place.offset, now)
    if "rejects" in whole.frames or not whole.frames:
        return None
    start = former.tail.place.offset
    first = Batch(whole.frames, start, _place(former.stream, start + len(rest)), provisional=False)
    return [(former, first), (successor, Batch({}, 0, _place(successor.stream, length), provisional=False))]


def _rest_of(former: Reading) -> bytes:
    """The unfinished record at the end of a plain file of UTF-8; nothing where there is none, or a very long one."""
    if former.stream.is_archive or encoding_of(former.stream.read(0, 2)) != "utf-8":
        return b""
    rest = former.stream.read(former.tail.place.offset, HALF_BYTES + 1)
    return rest if len(rest) <= HALF_BYTES else b""


def _other_half(ends: Offsets, rest: bytes, begun: bytes, *, rests: bool) -> int | None:
    """How many bytes of the next file belong to the record; None where that cannot be told yet."""
    after = ends[ends > len(rest)]
    if len(after):
        return int(after[0]) - len(rest)
    return (begun.rfind(b"\n") + 1 or len(begun)) if rests and len(begun) < HALF_BYTES else None


def _lands(tail: Tail, data: bytes, base: int, now: datetime) -> bool:
    """Whether `data` has rows by itself."""
    return any(name != "rejects" for name in _parse(tail, data, base, now).frames)


def _parse(tail: Tail, data: bytes, base: int, now: datetime) -> Landed:
    ends = tail.log_format.ends(data)
    if not len(ends) or ends[-1] < len(data):
        ends = np.append(ends, np.int64(len(data)))
    return tail.parse(to_records(Text(data, base), ends), now, final=True)


def _place(stream: Stream, offset: int) -> Place:
    marker, marker_bytes = marker_at(stream, offset)
    return Place(offset, marker, marker_bytes)
