"""Logs that travel inside another one: docker's JSON, Kubernetes' CRI files, syslog, and any format within.

    outer lines --unwrap--> inner lines --the inner format's ends--> inner records --its parse--> rows

Offsets are mapped back, so a row's `byte_offset` is where its record's first line starts in the file as it is.
A name such as `docker-json+postgresql` means the second inside the first; the envelope alone lands `logs`.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
import polars as pl

from storage.format import NO_CONTEXT, RECORDS, Context, LogFormat, Offsets, Parsed, rejected
from storage.formats import _applog
from storage.formats._cells import trace
from storage.formats._lines import LineFormat, unblank
from storage.records import Text, to_records
from storage.schema import TIME

LINES = pl.Schema({"ts": TIME, "text": pl.String(), "glued": pl.Boolean(), "open": pl.Boolean(), "told": pl.String()})
"""What `unwrap` gives a line: when the envelope says it was written, the text within (null where it is no such
envelope), whether it goes on from the line before it, whether the next line goes on from it (neither with a line end
between), and who wrote it (a stream, a program)."""

_SOME_TIME = Context(written_at=datetime(2000, 1, 1, tzinfo=UTC))
"""For a look at the lines within, where it does not matter when they were written."""


class Envelope(LineFormat):
    """A format whose records carry a line of another log."""

    mixed: ClassVar[bool] = False
    """Whether several programs write into one file: what the inner format cannot read is a log record then."""

    @abstractmethod
    def unwrap(self, records: pl.DataFrame, context: Context) -> pl.DataFrame:
        """`byte_offset` and the columns of LINES, a row for each of `records`."""

    def inner_head(self, head: pl.Series, context: Context = _SOME_TIME) -> bytes:
        """The first lines of the log within, to find its format by."""
        records = pl.DataFrame({"byte_offset": pl.int_range(head.len(), eager=True), "record": head})
        lines = self.unwrap(records.with_columns(pl.lit(False).alias("damaged")), context)
        return _join(lines.filter(pl.col("text").is_not_null()))[0]

    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Every line a log record: what to do where nobody knows the format within."""
        lines = records.select("record").hstack(self.unwrap(records, context))
        good = lines["ts"].is_not_null() & lines["text"].is_not_null()
        return Parsed({"logs": _logs(lines.filter(good))}, rejected(lines.filter(~good), self.reason()))

    def reason(self) -> pl.Expr:
        """Why a record is no such envelope."""
        return pl.when(pl.col("text").is_null()).then(pl.lit(f"not a line of {self.name}")).otherwise(
            pl.lit("the envelope's time cannot be read, or it names no year and the file's date is not known")
        )  # fmt: skip


class Wrapped(LogFormat):
    """The format `inner` inside the envelope `outer`. Made by name, not found in the folder."""

    def __init__(self, outer: Envelope, inner: LogFormat) -> None:
        self.outer, self.inner = outer, inner
        self.name = f"{outer.name}+{inner.name}"  # type: ignore[misc]
        self.title = f"{inner.title}, inside {outer.title}"  # type: ignore[misc]
        self.tables = tuple(dict.fromkeys((*inner.tables, *(outer.tables if outer.mixed else ()))))  # type: ignore[misc]
        self.samples = ()  # type: ignore[misc]

    def sniff(self, head: pl.Series) -> float:
        """How well the lines within fit the inner format, times how well the envelope fits."""
        inner = self.outer.inner_head(head).decode("utf-8", "replace").split("\n")
        lines = pl.Series(inner, dtype=pl.String)
        lines = lines.filter(lines.str.contains(r"\S"))
        return self.outer.sniff(head) * self.inner.sniff(lines) if lines.len() else 0.0

    def stops_at(self, record: str) -> int | None:
        """Where the line within ceases to fit the inner format, or the whole line the envelope."""
        inner = self.inner.stops_at(record)
        return self.outer.stops_at(record) if inner is None else inner

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """The inner format's rows, with offsets of this file; an unfinished inner record is held."""
        records = unblank(records)
        lines = records.select("record").hstack(self.outer.unwrap(records, context))
        good = lines["text"].is_not_null()
        refused = rejected(lines.filter(~good), self.outer.reason())
        block, starts, offsets = _join(lines.filter(good))
        ends = self.inner.ends(block)
        rest = int(ends[-1]) if len(ends) else 0
        if final and rest < len(block):
            ends = np.append(ends, len(block)).astype(np.int64)
        inner = to_records(Text(block, 0), ends) if len(ends) else RECORDS.to_frame()
        parsed = self.inner.parse(inner, final=final, context=context)
        held = None
        if not final and (rest < len(block) or parsed.held_from is not None):
            first = rest if parsed.held_from is None else min(rest, parsed.held_from)
            held = int(offsets[np.searchsorted(starts, first, side="right") - 1])
            refused = refused.filter(pl.col("byte_offset") < held)

        def outside(frame: pl.DataFrame) -> pl.DataFrame:
            at = np.searchsorted(starts, frame["byte_offset"].to_numpy(), side="right") - 1
            return frame.with_columns(pl.Series("byte_offset", offsets[at], dtype=pl.Int64))

        frames = {name: outside(frame) for name, frame in parsed.frames.items() if frame.height}
        unread = outside(parsed.rejects) if parsed.rejects.height else parsed.rejects
        if self.outer.mixed and unread.height:
            said = lines.filter(good & lines["ts"].is_not_null()).join(unread.select("byte_offset"), on="byte_offset")
            frames["logs"] = pl.concat([f for f in (frames.get("logs"), _logs(said)) if f is not None], how="diagonal")
            frames["logs"] = frames["logs"].sort("byte_offset", maintain_order=True)
            unread = unread.join(said.select("byte_offset"), on="byte_offset", how="anti", maintain_order="left")
        return Parsed(frames, pl.concat([refused, unread]).sort("byte_offset", maintain_order=True), held)


def _logs(lines: pl.DataFrame) -> pl.DataFrame:
    text = _applog.plain(pl.col("text"))
    return lines.select(
        "byte_offset", "ts", _applog.level(text.str.head(120)).alias("level"), pl.col("told").alias("logger"),
        text.alias("message"), trace(text.str.head(200)).alias("trace_id"),
    ).filter(pl.col("message") != "")  # fmt: skip


def _join(lines: pl.DataFrame) -> tuple[bytes, Offsets, Offsets]:
    """The inner log's bytes, where each line starts in them, and the offsets of those lines outside."""
    goes_on = pl.col("open") | pl.col("glued").shift(-1, fill_value=False)
    ended = lines.select(pl.when(goes_on).then(pl.col("text")).otherwise(pl.col("text") + "\n")).to_series()
    sizes = ended.str.len_bytes().to_numpy().astype(np.int64)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])[:-1]
    return "".join(ended.to_list()).encode(), starts, lines["byte_offset"].to_numpy()
