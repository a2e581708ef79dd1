"""The newest rows of followed logs, before they land: for eyes only, never for the lake.

Whoever lands a log commits about once a second, perhaps in another process. Whoever looks on reads the same bytes with
the same format and the same masking, from where the ledger says that landing is, and forgets a row once the reader says
that it has the landed one. So a row is there within milliseconds, and never twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from storage.errors import InputError, UsageError
from storage.format import load
from storage.lake import Lake
from storage.manner import Manner
from storage.masking import Masking
from storage.parsing import Frames
from storage.sources import Source, read_source
from storage.streams import Stream, open_stream
from storage.tail import BLOCK_BYTES, RewrittenError, Tail

MOST_BYTES = BLOCK_BYTES
"""A log of which more than this has not landed is not looked at: landing has to catch up first."""
MOST_ROWS = 50_000
"""Rows of one log that are held; of more, the newest."""
MOST_OPEN = 64
"""Files kept open; of more, those with nothing to show are closed and opened again when they grow."""


@dataclass(slots=True)
class _Item:
    """An open log: what was read of it that has not landed, and the unfinished record at its end."""

    source: Source
    tail: Tail
    start: int
    """Rows before that are the reader's or the lake's."""
    size: int = -1
    parts: list[Frames] = field(default_factory=list)
    rest: Frames = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing to show."""
        return not self.parts and not self.rest

    def moved(self, source: Source) -> None:
        """Where landing is further than this look, go on from there."""
        self.source = source
        if source.read_to.offset > self.tail.place.offset:
            self.tail.place, self.rest, self.size = source.read_to, {}, -1

    def read(self, now: datetime, masking: Masking) -> None:
        """Read what has come; an unfinished record at the end is read as far as it goes, and again next time.

        Raises RewrittenError and OSError.
        """
        while (batch := self.tail.step(now)) is not None:
            self.parts.append(_from(masking.apply(batch.frames), self.start))
        last = self.tail.step(now, final=True)
        self.rest = _from(masking.apply(last.frames), self.start) if last is not None else {}
        while len(self.parts) > 1 and sum(_height(part) for part in self.parts) > MOST_ROWS:
            del self.parts[0]

    def newest(self, rows: int) -> list[Frames]:
        """The newest parts that together have at least so many rows, oldest first."""
        kept = [self.rest]
        for part in reversed(self.parts):
            if sum(_height(p) for p in kept) >= rows:
                break
            kept.append(part)
        return kept[::-1]

    def forget(self, before: int) -> None:
        """Let go of the rows that begin before this offset: the reader has them."""
        self.start = before
        self.parts = [part for part in (_from(part, before) for part in self.parts) if part]
        self.rest = _from(self.rest, before)


def _from(frames: Frames, offset: int) -> Frames:
    kept = {name: frame.filter(pl.col("byte_offset") >= offset) for name, frame in frames.items()}
    return {name: frame for name, frame in kept.items() if frame.height}


def _height(frames: Frames) -> int:
    return sum(frame.height for frame in frames.values())


class Peek:
    """Looks at the live logs of one home. One thread's."""

    def __init__(self, lake: Lake, manner: Manner | None = None) -> None:
        self.lake = lake
        self.manner = manner or Manner()
        self._sources: Sequence[Source] = ()
        self._shown: Mapping[int, int] = {}
        self._version = -1
        self._open: dict[int, _Item] = {}
        self._rewritten: dict[int, int] = {}

    def look(self, shown: Mapping[int, int], newest: int = MOST_ROWS) -> dict[str, pl.DataFrame] | None:
        """The rows that are in the logs and not `shown`, by table, with their `source_id`; None: as at the last look.

        `shown` says up to which offset of each source, by its number, the reader has the landed rows. Of each log at
        least the `newest` rows are given, if it has so many.
        """
        changed = self._refresh()
        for source in self._sources:
            changed = self._look_at(source) or changed
        if shown is not self._shown:
            changed, self._shown = True, shown
            for key, item in self._open.items():
                item.forget(shown.get(key, item.start))
        return self._frames(newest) if changed else None

    def folders(self) -> set[Path]:
        """Where the logs lie."""
        return {source.place.parent for source in self._sources}

    def close(self) -> None:
        """Let go of all files."""
        for key in list(self._open):
            self._close(key)

    def _refresh(self) -> bool:
        """Ask the ledger again how far landing is, if anything was committed since; whether it was."""
        with self.lake.ledger.read() as connection:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version == self._version:
                return False
            rows = connection.execute("SELECT * FROM source WHERE state = 'live' AND format IS NOT NULL").fetchall()
        self._version = version
        self._sources = [read_source(row) for row in rows]
        for key in self._open.keys() - {source.id for source in self._sources}:
            self._close(key)
        for source in self._sources:
            if source.id in self._open:
                self._open[source.id].moved(source)
        return True

    def _look_at(self, source: Source) -> bool:
        """Read on in one log; whether there is anything else to show of it."""
        item = self._open.get(source.id)
        try:
            size = item.tail.stream.status().st_size if item else source.place.stat().st_size
            if size == (item.size if item else source.landed_to):
                return False
            if not source.landed_to <= size <= source.landed_to + MOST_BYTES:
                self._close(source.id)
                return item is not None and not item.is_empty
            item = item or self._opened(source)
            if item is None:
                return False
            item.size = size
            item.read(self.lake.clock(), self.manner.masking)
        except RewrittenError:
            self._rewritten[source.id] = source.landed_to
            self._close(source.id)
        except (OSError, InputError, UsageError):
            self._close(source.id)
        return True

    def _opened(self, source: Source) -> _Item | None:
        """The log, opened at the place where landing is; None for what is no plain file of this source any more."""
        if self._rewritten.get(source.id) == source.landed_to:
            return None
        stream: Stream = open_stream(source.place)
        if stream.is_archive or not source.is_file(stream.status()):
            stream.close()
            return None
        for key in [key for key, item in self._open.items() if item.is_empty][: len(self._open) - MOST_OPEN + 1]:
            self._close(key)
        log_format = load(source.format or "")
        tail = Tail(
            stream, log_format, source=str(source.path), place=source.read_to, time_zone=self.manner.time_zone,
            keys=self.manner.keys,
        )  # fmt: skip
        self._open[source.id] = _Item(source, tail, source.landed_to)
        return self._open[source.id]

    def _frames(self, newest: int) -> dict[str, pl.DataFrame]:
        parts: dict[str, list[pl.DataFrame]] = {}
        for key, item in self._open.items():
            number = pl.lit(key, pl.Int64).alias("source_id")
            for part in item.newest(newest):
                for name, frame in part.items():
                    parts.setdefault(name, []).append(frame.with_columns(number))
        return {name: pl.concat(frames) for name, frames in parts.items()}

    def _close(self, key: int) -> None:
        item = self._open.pop(key, None)
        if item is not None:
            with suppress(OSError):
                item.tail.stream.close()
