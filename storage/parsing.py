"""Records to conformed frames: the rows of each table with their source, and `rejects` for what no format read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from storage.format import NO_CONTEXT, Context, LogFormat, Parsed, rejected
from storage.schema import TABLES, TIME, concat

Frames = Mapping[str, pl.DataFrame]
"""Conformed, non-empty frames by table name."""

_log = logging.getLogger("watchroom")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the text of a log cannot tell: its source, the moment of reading, and what its format may need to know."""

    source: str
    now: datetime
    context: Context = NO_CONTEXT


@dataclass(frozen=True, slots=True)
class Landed:
    """What a block of records became, and from which offset on its records were held back."""

    frames: Frames
    held_from: int | None


def parse_records(records: pl.DataFrame, log_format: LogFormat, around: Surroundings, *, final: bool) -> Landed:
    """`records` (schema RECORDS) as the rows they hold.

    A format that fails on a record is a defect: it is logged, that record is rejected, and its neighbours land.
    """
    parsed = _parse(records, log_format, around.context, final=final)
    frames = {
        name: _complete(name, frame, around.source, around.now) for name, frame in parsed.frames.items() if frame.height
    }  # fmt: skip
    if parsed.rejects.height:
        refused = parsed.rejects.select(
            pl.col("byte_offset"), pl.col("reason"), pl.col("record").cast(pl.Binary).alias("raw")
        )
        frames["rejects"] = _complete("rejects", refused, around.source, around.now)
    return Landed(frames, parsed.held_from)


def restore_raw(frames: Frames, records: pl.DataFrame, raw: bytes, base: int) -> Frames:
    """`frames` with the original bytes in `rejects.raw` where a damaged record was rejected.

    `raw` starts at offset `base` of the source and holds all of `records`.
    """
    if "rejects" not in frames or not records["damaged"].any():
        return frames
    starts = records["byte_offset"].to_numpy()
    damaged = records["damaged"].to_numpy()
    refused = frames["rejects"]
    column = refused["raw"].to_list()
    offsets = refused["byte_offset"].to_numpy()
    for row, at in enumerate(np.searchsorted(starts, offsets)):
        if at < len(starts) and starts[at] == offsets[row] and damaged[at]:
            stop = starts[at + 1] - base if at + 1 < len(starts) else len(raw)
            original = raw[starts[at] - base : stop].rstrip(b"\r\n\0")
            column[row] = original if len(original) <= len(column[row]) + 64 else column[row]
    whole = refused.with_columns(pl.Series("raw", column, dtype=pl.Binary))
    return {**frames, "rejects": whole}


def reject_row(source: str, byte_offset: int, reason: str, now: datetime, raw: bytes = b"") -> pl.DataFrame:
    """One row of `rejects` for trouble that is not a record's, e.g. a damaged archive."""
    row = {"ts": now, "source": source, "byte_offset": byte_offset, "reason": reason, "raw": raw}
    return TABLES["rejects"].conform(pl.DataFrame([row], schema_overrides={"ts": TIME}))


def merge(parts: list[Frames]) -> Frames:
    """The frames of several blocks as one, in the order given."""
    if len(parts) == 1:
        return parts[0]
    named = {name for part in parts for name in part}
    return {name: concat(name, (part[name] for part in parts if name in part)) for name in sorted(named)}


def _complete(name: str, frame: pl.DataFrame, source: str, now: datetime) -> pl.DataFrame:
    """`frame` as its table wants it; labels, predictions and rejects without a time get the landing's."""
    kind = TABLES[name]
    whole = kind.conform(frame.with_columns(pl.lit(source).alias("source")))
    if name == "predictions":
        return whole.with_columns(pl.coalesce("ts", "window_end", pl.lit(now, dtype=TIME)).alias("ts"))
    if name in ("labels", "rejects"):
        return whole.with_columns(pl.col("ts").fill_null(pl.lit(now, dtype=TIME)))
    return whole


def _parse(records: pl.DataFrame, log_format: LogFormat, context: Context, *, final: bool) -> Parsed:
    try:
        return log_format.parse(records, final=final, context=context)
    except Exception as error:
        if records.height <= 1:
            _log.exception("format %s failed on one record", log_format.name)
            return Parsed({}, rejected(records, f"the format failed: {type(error).__name__}"))
        middle = records.height // 2
        halves = [_parse(part, log_format, context, final=True) for part in (records[:middle], records[middle:])]
        names = {name for half in halves for name in half.frames}
        frames = {n: pl.concat([h.frames[n] for h in halves if n in h.frames], how="diagonal_relaxed") for n in names}
        return Parsed(frames, pl.concat([half.rejects for half in halves]))
