"""The newest rows of followed logs, before they land: for eyes only, never for the lake.

Whoever lands a log commits about once a second, perhaps in another process. Whoever looks on reads the end of the same
bytes with the same format and the same masking, from where the ledger says that landing is, and forgets a row once the
reader says that it has the landed one. So a row is there within milliseconds, and never twice.

A look reads anew what it shows, and no more than the end of a log: what is further back comes when it lands. So its
price depends neither on how fast a log grows nor on how far behind landing is. Logs of one format whose records stand
alone are parsed together, for a small block costs as much as a larger one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from storage.errors import InputError, UsageError
from storage.format import Context, LogFormat, load
from storage.formats._lines import LineFormat
from storage.identity import HEAD_BYTES, has_marker
from storage.lake import Lake
from storage.manner import Manner
from storage.parsing import Frames, Surroundings, parse_records
from storage.records import Text, bom_bytes, encoding_of, to_records, to_text
from storage.sources import Source, read_source
from storage.streams import Stream, open_stream
from storage.tail import Place, RewrittenError

LEAST_BYTES, MOST_BYTES = 16 << 10, 1 << 20
"""So much of a log's end is read: as much as holds the rows that are asked for, within these bounds."""
MOST_OPEN = 64
"""Files kept open; of more, those with nothing to show are closed and opened again when they grow."""
_LEAD = 8
"""Of an end, the first one in so many bytes is read and not shown: what belongs to those records may lie before it."""
_OFFSET_BITS = 48
"""Of logs that are parsed together, a row's offset has the number of its log above these bits."""


@dataclass(slots=True)
class _Item:
    """An open log: what of its end is to be shown."""

    source: Source
    stream: Stream
    log_format: LogFormat
    place: Place
    """Behind it lie the rows that are not shown as landed."""
    start: int
    """Rows before that are the reader's or the lake's."""
    size: int = -1
    window: int = LEAST_BYTES
    since: int = 0
    """Where the rows begin that the end holds, if it does not reach back to `place`; else 0."""
    is_cut: bool = False
    """Whether the last line was left out, for it was being written: it is read once the log rests."""
    frames: Frames = field(default_factory=dict)

    def shown(self, offset: int) -> None:
        """The reader shows what has landed up to this offset."""
        if offset >= self.source.landed_to:
            self.place = self.source.read_to
        if offset != self.start:
            self.start = offset
            self.frames = {
                name: rest for name, frame in self.frames.items()
                if (rest := frame.filter(pl.col("byte_offset") >= offset)).height
            }  # fmt: skip

    def read(self) -> pl.DataFrame:
        """The records at the end of the log, schema RECORDS; of one that goes on, the whole lines.

        Raises RewrittenError and OSError.
        """
        if not has_marker(self.stream, self.place.offset, self.place.marker, self.place.marker_bytes):
            raise RewrittenError
        text = self._text(self._begin())
        ends = self.log_format.ends(text.data)
        stop = len(text.data) if self.is_cut else text.data.rfind(b"\n") + 1
        self.is_cut = stop < len(text.data)
        return to_records(text, np.append(ends, np.int64(stop)) if stop > (ends[-1] if len(ends) else 0) else ends)

    def _begin(self) -> int:
        """Where to read from: where landing is, or where a record begins near the end; the end itself if none does."""
        at, self.since = self.place.offset, 0
        if self.size - at <= self.window:
            return at
        at = (self.size - self.window) & ~1  # UTF-16 has two bytes a unit
        self.since = at + self.window // _LEAD
        text = self._text(at)
        found = self.log_format.resumes(text.data)
        return self.size if found is None else int(text.offsets(np.array([found]))[0])

    def _text(self, at: int) -> Text:
        raw = self.stream.read(at, self.size - at)
        mark = bom_bytes(raw) if at == 0 else 0
        return to_text(raw[mark:], at + mark, encoding_of(self.stream.read(0, HEAD_BYTES)))

    def reads_further(self, newest: int) -> bool:
        """After a look: whether too few rows were found, and more of the log may hold more."""
        rows = sum(frame.height for frame in self.frames.values())
        if rows < newest and self.since and self.window < MOST_BYTES:
            self.window *= 4
            return True
        if rows > 8 * newest:
            self.window = max(self.window // 4, LEAST_BYTES)
        return False


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

    def look(self, shown: Mapping[int, int], newest: int) -> dict[str, pl.DataFrame] | None:
        """The newest rows that are in the logs and not `shown`, by table, with their `source_id`; None: as at the last
        look.

        `shown` says up to which offset of each source, by its number, the reader has the landed rows. Of each log and
        table at most `newest` rows are given, and all that there are if they lie in the last MOST_BYTES of it.
        """
        changed = self._refresh()
        if shown is not self._shown:
            changed, self._shown = True, shown
        for key, open_ in self._open.items():
            open_.shown(shown.get(key, open_.start))
        before = len(self._open)
        grown = [item for source in self._sources if (item := self._grown(source)) is not None]
        changed = changed or bool(grown) or len(self._open) < before
        while grown:
            self._read(grown, newest)
            grown = [item for item in grown if item.reads_further(newest)]
        return self._frames() if changed else None

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
                self._open[source.id].source = source
        return True

    def _grown(self, source: Source) -> _Item | None:
        """The log, open, if there is anything else to show of it."""
        item = self._open.get(source.id)
        try:
            size = item.stream.status().st_size if item else source.place.stat().st_size
            if size == (item.size if item else source.landed_to) and not (item and item.is_cut):
                return None
            if size < source.landed_to:
                self._close(source.id)
                return None
            item = item or self._opened(source)
        except (OSError, InputError, UsageError):
            self._close(source.id)
            return None
        if item is not None:
            item.is_cut = item.is_cut and item.size == size
            item.size = size
        return item

    def _opened(self, source: Source) -> _Item | None:
        """The log, opened; None for what is no plain file of this source any more."""
        if self._rewritten.get(source.id) == source.landed_to:
            return None
        log_format, stream = load(source.format or ""), open_stream(source.place)
        if stream.is_archive or not source.is_file(stream.status()):
            stream.close()
            return None
        idle = [key for key, item in self._open.items() if not item.frames]
        for key in idle[: len(self._open) - MOST_OPEN + 1]:
            self._close(key)
        self._open[source.id] = _Item(source, stream, log_format, source.read_to, source.landed_to)
        return self._open[source.id]

    def _read(self, items: Collection[_Item], newest: int) -> None:
        """Read the ends of these logs."""
        together: dict[object, list[tuple[_Item, pl.DataFrame]]] = {}
        for item in items:
            item.frames = {}
            try:
                records = item.read()
            except RewrittenError:
                self._rewritten[item.source.id] = item.source.landed_to
                self._close(item.source.id)
            except OSError:
                self._close(item.source.id)
            else:
                alone = not isinstance(item.log_format, LineFormat)
                together.setdefault(item.source.id if alone else item.log_format.name, []).append((item, records))
        for group in together.values():
            self._parse(group, newest)

    def _parse(self, group: Sequence[tuple[_Item, pl.DataFrame]], newest: int) -> None:
        """Parse the ends of logs of one format at once, and give each log the newest of its rows."""
        numbered = [
            records.replace_column(0, records["byte_offset"] + (number << _OFFSET_BITS))
            for number, (_, records) in enumerate(group)
        ]
        last = group[-1][0]
        written_at = datetime.fromtimestamp(last.stream.status().st_mtime, UTC)
        context = Context(self.manner.time_zone, self.manner.keys, written_at)
        around = Surroundings("", self.lake.clock(), context)
        frames = parse_records(pl.concat(numbered), last.log_format, around, final=True).frames
        for name, frame in frames.items():
            if name != "rejects" and "byte_offset" in frame.columns:  # labels and predictions have no place in a log
                self._share(name, frame, [item for item, _ in group], newest)

    def _share(self, name: str, frame: pl.DataFrame, items: Sequence[_Item], newest: int) -> None:
        """Give each log the newest rows of this table that are its own."""
        marked = frame["byte_offset"].to_numpy()
        order = np.argsort(marked, kind="stable")
        marked = marked[order]
        number, offsets = marked >> _OFFSET_BITS, marked & ((1 << _OFFSET_BITS) - 1)
        stops = np.searchsorted(number, np.arange(len(items)), side="right")
        since = np.array([max(item.start, item.since) for item in items])
        kept = (offsets >= since[number]) & (stops[number] - np.arange(len(marked)) <= newest)
        number = number[kept]
        rows = frame[order[kept]].with_columns(
            pl.Series("source", [str(item.source.path) for item in items])[number],
            pl.Series("source_id", [item.source.id for item in items], dtype=pl.Int64)[number],
            pl.Series("byte_offset", offsets[kept]),
        )
        rows = self.manner.masking.apply({name: rows})[name]
        for at, item in enumerate(items):
            start, stop = np.searchsorted(number, [at, at + 1])
            if stop > start:
                item.frames = {**item.frames, name: rows[start:stop]}

    def _frames(self) -> dict[str, pl.DataFrame]:
        parts: dict[str, list[pl.DataFrame]] = {}
        for item in self._open.values():
            for name, frame in item.frames.items():
                parts.setdefault(name, []).append(frame)
        return {name: pl.concat(frames) for name, frames in parts.items()}

    def _close(self, key: int) -> None:
        item = self._open.pop(key, None)
        if item is not None:
            with suppress(OSError):
                item.stream.close()
