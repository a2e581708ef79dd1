"""An answer of any length on its way out, batch by batch: rows as text, or Arrow and Parquet as bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import BinaryIO, TextIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from console.output import csv_cell, plain
from storage.answer import Answer


class Form(StrEnum):
    """The forms in which an answer is written whole; `arrow` is an IPC file, or a stream where it cannot be sought."""

    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    arrow = "arrow"
    parquet = "parquet"

    @property
    def is_text(self) -> bool:
        """Whether a terminal can show it."""
        return self not in (Form.arrow, Form.parquet)


def write(answer: Answer, form: Form, out: BinaryIO, limit: int | None = None) -> tuple[int, bool]:
    """Write an answer, at most `limit` rows of it; returns the rows written, and whether there were more.

    Raises QueryError where the query fails on its way, OSError where the target does.
    """
    count = _Count(limit)
    if form.is_text:
        text = io.TextIOWrapper(out, "utf-8", newline="", write_through=False)
        try:
            _WRITERS[form](answer, count.frames(answer), text)
            text.flush()
        finally:
            text.detach()
    elif form is Form.parquet:
        with pq.ParquetWriter(_Counted(out), answer.arrow_schema, compression="zstd") as parquet:
            for batch in count.batches(answer):
                parquet.write_batch(batch)
    else:
        make = pa.ipc.new_file if out.seekable() else pa.ipc.new_stream
        with make(_Counted(out), answer.arrow_schema) as arrow:
            for batch in count.batches(answer):
                arrow.write_batch(batch)
    return count.written, count.more


class _Count:
    """Counts rows on their way and stops after so many."""

    def __init__(self, limit: int | None) -> None:
        self.left = limit or None
        self.written = 0
        self.more = False

    def frames(self, answer: Answer) -> Iterator[pl.DataFrame]:
        for frame in answer:
            if (kept := self._take(frame.height)) is not None:
                yield frame.head(kept)
            if self.more:
                return

    def batches(self, answer: Answer) -> Iterator[pa.RecordBatch]:
        for batch in answer.arrow():
            if (kept := self._take(batch.num_rows)) is not None:
                yield batch.slice(0, kept)
            if self.more:
                return

    def _take(self, rows: int) -> int | None:
        """How many of the next rows are kept; None for none."""
        kept = rows if self.left is None else min(rows, self.left)
        if self.left is not None:
            self.left -= kept
        self.written += kept
        self.more = kept < rows
        return kept or None


def _json(answer: Answer, frames: Iterator[pl.DataFrame], out: TextIO) -> None:
    del answer
    before = "["
    for frame in frames:
        for row in frame.iter_rows(named=True):
            out.write(before + json.dumps(plain(row), ensure_ascii=True))
            before = ", "
    out.write("[]\n" if before == "[" else "]\n")


def _jsonl(answer: Answer, frames: Iterator[pl.DataFrame], out: TextIO) -> None:
    del answer
    for frame in frames:
        out.writelines(json.dumps(plain(row), ensure_ascii=True) + "\n" for row in frame.iter_rows(named=True))


def _csv(answer: Answer, frames: Iterator[pl.DataFrame], out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.schema.names())
    for frame in frames:
        writer.writerows([csv_cell(value) for value in row] for row in frame.iter_rows())


_WRITERS: dict[Form, Callable[[Answer, Iterator[pl.DataFrame], TextIO], None]] = {
    Form.csv: _csv, Form.json: _json, Form.jsonl: _jsonl,
}  # fmt: skip


class _Counted(io.RawIOBase):
    """A file that knows its place without being asked to seek: a pipe has none."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out = out
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]  # any buffer; its type has no name before Python 3.12
        self._out.write(view)
        self._at += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        self._out.flush()
