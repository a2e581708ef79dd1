"""Land bytes of a source a second time, because the segment that held their rows is gone."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from storage.errors import InputError
from storage.format import load
from storage.lake import Lake, Origin
from storage.masking import Masking
from storage.opening import find_rest
from storage.parsing import Frames
from storage.sources import Source, get_source, identity
from storage.streams import Stream, open_stream
from storage.tail import Place, Tail


class Bounded:
    """A stream that ends at an offset, whatever comes after."""

    is_archive = True  # nothing can come after its end

    def __init__(self, stream: Stream, end: int) -> None:
        self.stream = stream
        self.path: Path = stream.path
        self.end = end

    def read(self, offset: int, size: int) -> bytes:
        """See Stream."""
        return self.stream.read(offset, max(min(size, self.end - offset), 0))

    def size(self) -> int | None:
        """See Stream."""
        return self.end

    def skip_nuls(self, offset: int) -> int | None:
        """See Stream."""
        first = self.stream.skip_nuls(offset)
        return first if first is not None and first < self.end else None

    def damage(self) -> str | None:
        """See Stream."""
        return self.stream.damage()

    def status(self) -> os.stat_result:
        """See Stream."""
        return self.stream.status()

    def close(self) -> None:
        """See Stream."""
        self.stream.close()


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of a source whose rows of `table_name` and `day` (None: all) are to be landed again."""

    source: Source
    start: int
    end: int
    table_name: str | None = None
    day: str | None = None


def ranges_of(connection: sqlite3.Connection, segment_id: int, path: Path, table_name: str) -> list[Range]:
    """The bytes whose rows a segment held; none for one that rows were taken out of: they must not come back."""
    rows = connection.execute(
        "SELECT landed.* FROM landed JOIN segment ON id = segment_id WHERE id = ? AND NOT redacted"
        " ORDER BY source_id, start_offset", (segment_id,),
    ).fetchall()  # fmt: skip
    day = path.parent.name.removeprefix("date=")
    return [
        Range(get_source(connection, row["source_id"]), row["start_offset"], row["end_offset"], table_name, day)
        for row in rows
    ]


def reland(lake: Lake, wanted: Range, masking: Masking | None = None) -> int | None:
    """Land the rows of a range again, masked; returns how many, or None if the source is not there any more."""
    stream = _open(wanted.source)
    if stream is None or wanted.source.format is None:
        return None
    rows = 0
    with closing(stream):
        # The marker of the range's start is not known; that of the landed offset was checked when the file was found.
        place = Place(wanted.start, Place().marker, 0)
        tail = Tail(
            Bounded(stream, wanted.end), load(wanted.source.format), source=str(wanted.source.path), place=place
        )  # fmt: skip
        final = False
        while True:
            batch = tail.step(lake.clock(), final=final)
            if batch is None:
                if final:
                    break
                final = True
                continue
            frames = _absent(lake, (masking or Masking()).apply(_only(batch.frames, wanted, lake)))
            origin = Origin(wanted.source.id, batch.start, batch.after.offset, identity(wanted.source, batch.after))
            if frames:
                lake.append(frames, kind="land", origin=origin)
            rows += sum(frame.height for frame in frames.values())
    return rows


def _open(source: Source) -> Stream | None:
    """The file that holds a source's bytes, at its place or beside it."""
    try:
        stream = open_stream(source.place)
    except InputError:
        return find_rest(source)
    if source.holds(stream):
        return stream
    stream.close()
    return find_rest(source)


def _only(frames: Frames, wanted: Range, lake: Lake) -> Frames:
    if wanted.table_name is None:
        return frames
    day = pl.col("ts").dt.strftime("%Y-%m-%d").fill_null(f"{lake.clock():%Y-%m-%d}")
    kept = frames.get(wanted.table_name)
    if kept is not None and wanted.day is not None:
        kept = kept.filter(day == wanted.day)
    return {} if kept is None or kept.is_empty() else {wanted.table_name: kept}


_SAME = {"rejects": ["source", "byte_offset", "raw"], "labels": ["model", "subject", "window_start", "truth", "actor"]}
"""Columns that tell whether two rows are one, where `ts` may be the time of landing."""


def _absent(lake: Lake, frames: Frames) -> Frames:
    """Those rows that are not in the lake already: after several losses, ranges may overlap."""
    kept = {}
    for name, frame in frames.items():
        key = _SAME.get(name, ["source", "byte_offset", "ts"] if "byte_offset" in frame.columns else frame.columns)
        known = lake.scan(name).select(key)
        if "byte_offset" in key:
            span = frame["byte_offset"].min(), frame["byte_offset"].max()
            known = known.filter(pl.col("source") == frame["source"][0], pl.col("byte_offset").is_between(*span))
        rest = frame.join(known.collect(), on=key, how="anti", nulls_equal=True, maintain_order="left")
        if rest.height:
            kept[name] = rest
    return kept
