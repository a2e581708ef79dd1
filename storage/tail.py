"""A log that grows, read a block at a time: bytes from the last offset, cut at record ends, parsed.

Nothing is remembered between steps but the place that was read to: offset and marker. After every read the marked
bytes before the offset are looked at again, so a file that was rewritten under the reader is noticed at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from storage.format import RECORDS, Context, Keys, LogFormat, Offsets
from storage.identity import HEAD_BYTES, MARKER_BYTES, marker_of
from storage.parsing import Frames, Landed, Surroundings, parse_records, reject_row, restore_raw
from storage.records import CAP_BYTES, Text, bom_bytes, cut_mark, encoding_of, to_records, to_text
from storage.streams import Stream

BLOCK_BYTES = 8 << 20
MAX_BLOCK_BYTES = 32 << 20
"""A record, or a group of records held back, that is longer than this is cut."""


class RewrittenError(Exception):
    """The bytes before the offset are not those that were landed: another file, or another life of this one."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a source was read: the offset, and the marker of the `marker_bytes` bytes before it."""

    offset: int = 0
    marker: bytes = marker_of(b"")
    marker_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of the bytes from `start` to `after.offset`.

    `provisional`: more bytes may turn the last record into another one, so these rows must be replaced if more come.
    """

    frames: Frames
    start: int
    after: Place
    provisional: bool

    @property
    def rows(self) -> Mapping[str, int]:
        """How many rows each table gets."""
        return {name: frame.height for name, frame in self.frames.items()}


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes of a source from offset `base` on; `ends_file`: there were no more when they were read."""

    raw: bytes
    base: int
    ends_file: bool


@dataclass(frozen=True, slots=True)
class Ahead:
    """Whole records that were read and cut, but not parsed yet: from `start` to `after.offset`."""

    block: Block
    text: Text
    ends: Offsets
    start: int
    after: Place


class Tail:
    """One source being read with one format. `place` is where the next step begins."""

    def __init__(
        self, stream: Stream, log_format: LogFormat, *, source: str, place: Place | None = None,
        time_zone: str = "UTC", keys: Keys = (),
    ) -> None:  # fmt: skip
        self.stream = stream
        self.log_format = log_format
        self.source = source
        self.time_zone = time_zone
        self.keys = keys
        self.place = place or Place()
        self._encoding: str | None = None
        self._scanned_to = 0

    def step(self, now: datetime, *, final: bool = False, block_bytes: int = BLOCK_BYTES) -> Batch | None:
        """The next batch, or None where the bytes that are there hold no whole record; `place` moves along.

        With `final` what remains at the end is taken as it is, unfinished lines and held records included; `place`
        then stays, for only who lands it knows whether more may come. Raises RewrittenError.
        """
        size = block_bytes
        while (block := self._block(self.place, size)) is not None:
            last = final and block.ends_file
            batch = self._cut(block, now, last=last, forced=size >= MAX_BLOCK_BYTES)
            if batch is None and not block.ends_file and size >= MAX_BLOCK_BYTES:
                batch = self._overlong(block, now, final=final)
            if batch is not None or block.ends_file or size >= MAX_BLOCK_BYTES:
                return batch
            size *= 4
        return None

    def read_ahead(self, place: Place) -> Ahead | None:
        """The next records from `place`, as if nothing before it was held back; None where the file ends, or a record
        is longer than a block: that is for `step`. Raises RewrittenError."""
        block = self._block(place, BLOCK_BYTES)
        if block is None or block.ends_file:
            return None
        text = to_text(block.raw, block.base, self._encoding or "utf-8")
        ends = self.log_format.ends(text.data)
        if not len(ends):
            return None
        end = int(text.offsets(ends[-1:])[0])
        return Ahead(block, text, ends, place.offset, self._place_at(block, end))

    def parse_ahead(self, ahead: Ahead, now: datetime) -> Batch | None:
        """The batch of what was read ahead; None if all of it must wait for what follows. Changes nothing here, so
        several threads may do it at once."""
        records, block = to_records(ahead.text, ahead.ends), ahead.block
        landed = self.parse(records, now, final=False)
        if landed.held_from is not None and landed.held_from <= records["byte_offset"][0]:
            return None
        after = ahead.after if landed.held_from is None else self._place_at(block, landed.held_from)
        return Batch(restore_raw(landed.frames, records, block.raw, block.base), ahead.start, after, provisional=False)

    def _cut(self, block: Block, now: datetime, *, last: bool, forced: bool) -> Batch | None:
        """The batch of the whole records of `block`; None if there are none or all are held back."""
        text = to_text(block.raw, block.base, self._encoding or "utf-8")
        ends = self.log_format.ends(text.data)
        if last:
            ends = _with_rest(ends, len(text.data))
        if not len(ends):
            return None
        records = to_records(text, ends)
        landed = self.parse(records, now, final=last)
        if landed.held_from is not None and landed.held_from <= records["byte_offset"][0]:
            if not forced:
                return None
            landed = self.parse(records, now, final=True)
        end = int(text.offsets(ends[-1:])[0]) if landed.held_from is None else landed.held_from
        frames = restore_raw(landed.frames, records, block.raw, block.base)
        return self._batch(frames, block, end, provisional=last and not self.stream.is_archive)

    def _block(self, place: Place, size: int) -> Block | None:
        """The next bytes, behind a byte order mark and NULs; None if there are none now. Raises RewrittenError."""
        if self._encoding is None:
            self._encoding = encoding_of(self.stream.read(0, HEAD_BYTES))
        raw, base = self.stream.read(place.offset, size), place.offset
        # Looked at after the block was read: were it before, a rewrite between the two would pass.
        if marker_of(self.stream.read(base - place.marker_bytes, place.marker_bytes)) != place.marker:
            raise RewrittenError
        ends_file = len(raw) < size
        if base == 0 and (mark := bom_bytes(raw)):
            raw, base = raw[mark:], mark
        if raw[:1] == b"\0" and self._encoding == "utf-8":
            first = self.stream.skip_nuls(base)
            if first is None:
                return None
            raw, base = self.stream.read(first, size), first
            ends_file = len(raw) < size
        return Block(raw, base, ends_file) if raw else None

    @property
    def written_at(self) -> datetime:
        """When the file was last written."""
        return datetime.fromtimestamp(self.stream.status().st_mtime, UTC)

    def parse(self, records: pl.DataFrame, now: datetime, *, final: bool) -> Landed:
        """`records` of this source as the rows they hold."""
        around = Surroundings(self.source, now, Context(self.time_zone, self.keys, self.written_at))
        return parse_records(records, self.log_format, around, final=final)

    def _batch(self, frames: Frames, block: Block, end: int, *, provisional: bool) -> Batch:
        batch = Batch(frames, self.place.offset, self._place_at(block, end), provisional)
        if not provisional:
            self.place = batch.after
        return batch

    def _place_at(self, block: Block, end: int) -> Place:
        marked = min(MARKER_BYTES, end)
        cut = end - block.base
        inside = marked <= cut <= len(block.raw)
        tail = block.raw[cut - marked : cut] if inside else self.stream.read(end - marked, marked)
        return Place(end, marker_of(tail), marked)

    def _overlong(self, block: Block, now: datetime, *, final: bool) -> Batch | None:
        """One record longer than any block: its head and tail as one record, the rest passed over unread in memory."""
        half = CAP_BYTES // 2
        at, window = max(block.base + len(block.raw), self._scanned_to), block.raw[-half:]
        if self._scanned_to > block.base + len(block.raw):
            window = self.stream.read(at - half, half)
        ended = False
        while True:
            chunk = self.stream.read(at, BLOCK_BYTES)
            text = to_text(window + chunk, at - len(window), self._encoding or "utf-8")
            ends = self.log_format.ends(text.data)
            ends = ends[text.offsets(ends) > at]
            if len(ends):
                end = int(text.offsets(ends[:1])[0])
                break
            if len(chunk) < BLOCK_BYTES:
                if not final:
                    self._scanned_to = at
                    return None
                end, ended = at + len(chunk), True
                break
            at, window = at + len(chunk), chunk[-half:]
        tail = self.stream.read(end - half, half).rstrip(b"\r\n")
        record = block.raw[:half] + cut_mark(end - block.base - half - len(tail)) + tail
        body = to_text(record, 0, self._encoding or "utf-8").data.decode("utf-8", "replace")
        records = pl.DataFrame({"byte_offset": [block.base], "record": [body], "damaged": [True]}, schema=RECORDS)
        landed = self.parse(records, now, final=True)
        return self._batch(landed.frames, block, end, provisional=ended and not self.stream.is_archive)


def _with_rest(ends: Offsets, length: int) -> Offsets:
    """`ends` and the end of the block, where an unfinished record ends."""
    if length == 0 or (len(ends) and ends[-1] == length):
        return ends
    return np.append(ends, np.int64(length))


def damage_row(tail: Tail, now: datetime) -> tuple[Frames, str]:
    """The one reject of a damaged archive, with the half record before the damage, and why, in words."""
    end, at = tail.stream.size() or 0, tail.place.offset
    reason = f"the archive is damaged after {end} bytes: {tail.stream.damage()}"
    return {"rejects": reject_row(tail.source, at, reason, now, tail.stream.read(at, CAP_BYTES))}, reason
