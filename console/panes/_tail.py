"""What the Live pane reads: the newest rows of every event log as one stream, and which of them were flagged since.

Rows come in the order they landed; only segments newer than the last look are opened. A run of statements of one trace
that differ in their values only becomes one row with its count: that is what an N+1 loop looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from storage.lake import Segment, Snapshot, read_segments
from storage.schema import TABLES

if TYPE_CHECKING:
    from engine.room import Room
    from storage.peek import Peek

MOST_ROWS = 2_000
"""Rows of each table read at once; of more, the newest of each log: nobody reads as fast."""
FAIR_ROWS = 10 * MOST_ROWS
"""So many of the newest rows are looked through for the newest of each log."""

UNLANDED_ROWS, UNLANDED_OF_LOG = 300, 100
"""Rows of each table that are shown before they landed, in all and of one log: the newest, the others come when they
land."""

TEXT_LIMIT = 400
"""Characters of a text that are kept for a row; the rest is counted."""

_LIST = r"(?is)^(\s*select\s).{24,}?(\sfrom\s)"
"""A list of columns that says little and takes a line."""
_LITERALS = r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the stream: `kind` is web, db, job or log; `parts` are its texts as `panes/_lines.py` lays them out.

    `subjects` are the names under which a detector may flag it, as (kind of subject, value).
    """

    key: str
    ts: datetime | None
    kind: str
    parts: tuple[str, ...]
    subjects: tuple[tuple[str, str], ...]
    bad: bool
    source_id: int = 0
    """Of a row that has not landed: its log's number in the ledger."""
    byte_offset: int = 0


@dataclass(frozen=True, slots=True)
class Flag:
    """A flagged prediction: it marks the events of its subject within its window."""

    model: str
    subject: str
    start: datetime | None
    end: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Tail:
    """What is new: `commit_id` is where the next look goes on; `skipped` rows landed but were too many to show."""

    commit_id: int
    first: bool
    events: Sequence[Event]
    flags: Sequence[Flag]
    skipped: int
    sources: Sequence[tuple[str, int]]
    landed: Mapping[int, int] = field(default_factory=dict)
    """How far each live log had landed at that moment, by its number in the ledger."""


@dataclass(frozen=True, slots=True)
class Unlanded:
    """The newest rows that are not among the landed ones shown.

    `landed` is how far each log had landed then: once more of it is shown, these rows are old.
    """

    events: Sequence[Event]
    landed: Mapping[int, int]


def read_tail(room: Room, environment: str, after_commit: int) -> Tail:
    """What landed after a commit; with `after_commit` 0, the newest rows there are."""
    with room.ledger.read():  # one moment: what landed, and how far each log had landed then
        snapshot, sources, landed = room.lake.snapshot(), *_sources(room)
    if after_commit and snapshot.commit_id == after_commit:
        return Tail(after_commit, False, (), (), 0, ())
    frames, skipped = [], 0
    for name, shape in SHAPES.items():
        segments, over = _newest(snapshot, name, after_commit)
        if segments:
            rows = _shares(read_segments(TABLES[name], segments).tail(FAIR_ROWS), MOST_ROWS)
            frames.append(shape(rows.with_columns(pl.lit(0, pl.Int64).alias("source_id"))).collect())
            skipped += over
    events = pl.concat(frames).sort("ts", nulls_last=False, maintain_order=True) if frames else None
    return Tail(
        snapshot.commit_id, after_commit == 0, _events(events) if events is not None else (),
        _flags(snapshot, after_commit, environment), skipped if after_commit else 0, sources, landed,
    )  # fmt: skip


def read_unlanded(peek: Peek, landed: Mapping[int, int]) -> Unlanded | None:
    """What is in the logs behind `landed`, as it is now; None if that is as it was at the last look."""
    found = peek.look(landed, UNLANDED_OF_LOG)
    if found is None:
        return None
    known = {name: rows.lazy() for name, rows in found.items() if name in SHAPES}
    frames = pl.collect_all([SHAPES[name](_shares(rows, UNLANDED_ROWS)) for name, rows in known.items()])
    events = pl.concat(frames).sort("ts", nulls_last=False, maintain_order=True) if frames else None
    return Unlanded(_events(events) if events is not None else (), landed)


def _shares(rows: pl.LazyFrame, most: int) -> pl.LazyFrame:
    """About `most` of the rows, the newest of every log: a busy one must not crowd out the others."""
    back = pl.int_range(pl.len(), 0, -1).over("source")
    return rows.filter(back <= back.bottom_k(most).max())


def _newest(snapshot: Snapshot, name: str, after_commit: int) -> tuple[list[Segment], int]:
    """The segments to read, oldest first, and how many rows of those are left out."""
    chosen: list[Segment] = []
    rows = 0
    for segment in reversed(snapshot.of(name, after_commit=after_commit)):
        if rows < MOST_ROWS:
            chosen.append(segment)
        rows += segment.row_count
    return chosen[::-1], max(0, rows - MOST_ROWS)


def _text(name: str) -> pl.Expr:
    """A column's text, its tail cut off and counted."""
    text = pl.col(name).fill_null("")
    size = text.str.len_chars()
    return (
        pl.when(size > TEXT_LIMIT)
        .then(text.str.slice(0, TEXT_LIMIT) + "…+" + (size - TEXT_LIMIT).cast(pl.String))
        .otherwise(text)
    )


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).fill_null("")


def _row(kind: str, parts: Sequence[pl.Expr], subjects: Sequence[tuple[str, str]], bad: pl.Expr) -> list[pl.Expr]:
    """The columns of an event: the same for every table."""
    return [
        pl.concat_str(pl.lit(kind), pl.col("source").fill_null(""), _number("byte_offset"), separator=" ").alias("key"),
        pl.col("ts"), pl.lit(kind).alias("kind"), pl.concat_list([p.cast(pl.String) for p in parts]).alias("parts"),
        pl.concat_list([pl.lit(name) for name, _ in subjects]).alias("names"),
        pl.concat_list([pl.col(column).cast(pl.String).fill_null("") for _, column in subjects]).alias("values"),
        bad.fill_null(False).alias("bad"), pl.col("source_id"), pl.col("byte_offset").fill_null(0),
    ]  # fmt: skip


def _requests(rows: pl.LazyFrame) -> pl.LazyFrame:
    query = pl.when(pl.col("query").fill_null("") != "").then(pl.lit("?") + _text("query")).otherwise(pl.lit(""))
    return rows.select(_row(
        "web",
        [_text("client_ip"), _text("method"), _text("path") + query, _number("status"), _number("duration_ms")],
        [("client", "client_ip"), ("trace", "trace_id")], pl.col("status") >= 400,
    ))  # fmt: skip


def _queries(rows: pl.LazyFrame) -> pl.LazyFrame:
    template = pl.col("sql").fill_null("").str.slice(0, 4 * TEXT_LIMIT).str.replace_all(_LITERALS, "?")
    second = pl.when(pl.col("trace_id").is_null()).then(pl.col("ts").dt.truncate("1s"))
    alone = pl.when(pl.coalesce("trace_id", "session").is_null()).then(pl.int_range(pl.len()))
    same = (pl.col("trace_id"), pl.col("session"), template.alias("template"), second.alias("at"), alone.alias("alone"))
    runs = rows.group_by(*same, maintain_order=True).agg(
        pl.exclude("duration_ms", "sql").first(), pl.col("duration_ms").sum(), pl.len().alias("times"),
        pl.col("sql").first(), pl.col("error").is_not_null().any().alias("failed"),
    )  # fmt: skip
    shown = pl.when(pl.col("times") > 1).then(_text("template")).otherwise(_text("sql")).str.replace(_LIST, "${1}…${2}")
    return runs.select(_row(
        "db",
        [pl.coalesce("trace_id", "session", pl.lit("")), _text("database"), shown, _number("times"),
         _number("duration_ms"), _text("sql")],
        [("trace", "trace_id"), ("session", "session")], pl.col("failed"),
    ))  # fmt: skip


def _jobs(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select(_row(
        "job",
        [_text("job_type"), _text("worker"), _number("execution_ms"), _number("memory_mb"), _text("status"),
         _text("error")],
        [("job", "job_id")], pl.col("error").is_not_null() | pl.col("status").is_in(["failed", "error"]),
    ))  # fmt: skip


def _logs(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select(_row(
        "log", [_text("level"), _text("logger"), _text("message")], [("trace", "trace_id")],
        pl.col("level").is_in(["error", "critical", "fatal"]),
    ))  # fmt: skip


SHAPES: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "requests": _requests, "queries": _queries, "jobs": _jobs, "logs": _logs,
}  # fmt: skip
"""How each table becomes events."""


def _events(frame: pl.DataFrame) -> list[Event]:
    return [
        Event(key, ts, kind, tuple(parts), tuple(zip(names, values, strict=True)), bad, source_id, byte_offset)
        for key, ts, kind, parts, names, values, bad, source_id, byte_offset in frame.iter_rows()
    ]


def _flags(snapshot: Snapshot, after_commit: int, environment: str) -> list[Flag]:
    """What was flagged since, by subject."""
    segments, _ = _newest(snapshot, "predictions", after_commit)
    if not segments:
        return []
    rows = (
        read_segments(TABLES["predictions"], segments)
        .filter(pl.coalesce("flagged", pl.col("score") >= pl.col("threshold")))
        .filter(pl.col("environment").fill_null("production") == environment)
        .select("model", pl.col("subject").fill_null(""), "window_start", "window_end", pl.col("reason").fill_null(""))
        .tail(MOST_ROWS)
        .collect()
    )
    return [Flag(*row) for row in rows.iter_rows()]


def _sources(room: Room) -> tuple[list[tuple[str, int]], dict[int, int]]:
    """The logs that are followed with the bytes of each that are not landed yet, and how far each has landed."""
    with room.ledger.read() as ledger:
        rows = ledger.execute(
            "SELECT id, path, place, max(byte_offset, coalesce(provisional_offset, 0)) AS landed FROM source"
            " WHERE state = 'live' ORDER BY path"
        ).fetchall()
    behind = []
    for row in rows:
        try:
            size = Path(row["place"]).stat().st_size
        except OSError:
            continue
        behind.append((Path(row["path"]).name, max(0, size - row["landed"])))
    return behind, {row["id"]: row["landed"] for row in rows}
