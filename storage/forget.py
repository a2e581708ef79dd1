"""Forgetting one client or user: every row that names them leaves the home, and so does every copy of it.

The logs themselves are not ours and are not touched; what has landed of them is not landed again.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from storage import backup
from storage.compaction import remove_superseded, replace
from storage.errors import RefusedError
from storage.home import DELTA_LOG
from storage.lake import Lake
from storage.schema import TABLES, Table, table
from storage.segments import Draft, Segment, name_segment, read_segments


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went from each table, and how many segments were written anew or removed."""

    rows: Mapping[str, int]
    segments: int


def forget(lake: Lake, subject: str) -> Forgotten:
    """Remove every row of the lake in which `subject` occurs as a word of its own, in any column, rejects included.

    Then go: superseded files, `aside/`, and the backups (a new one is made). Readers that hold an older snapshot fail.
    Raises RefusedError for a subject so short that it would take strangers along.
    """
    if len(subject.strip()) < 3:
        raise RefusedError(f"{subject!r} is too short to forget safely; give at least three characters")
    rows: dict[str, int] = {}
    changed = 0
    for segment in lake.snapshot().segments:
        kind = table(segment.table_name)
        gone = _forget_in(lake, kind, segment, subject)
        if gone:
            changed += 1
            rows[kind.name] = rows.get(kind.name, 0) + gone
    _remove_copies(lake)
    return Forgotten(rows, changed)


def _forget_in(lake: Lake, kind: Table, segment: Segment, subject: str) -> int:
    """Write a segment anew without the rows that name the subject; returns how many they were."""
    rows = read_segments(kind, [segment]).collect()
    named = rows.select(names_subject(kind, subject)).to_series()
    if not named.any():
        return 0
    kept = rows.filter(~named)
    day = segment.path.parent.name.removeprefix("date=")
    drafts = [Draft(kind, day, kept, name_segment(kind, day))] if kept.height else []
    replace(lake, [segment], drafts, kind="forget")
    return rows.height - kept.height


def names_subject(kind: Table, subject: str) -> pl.Expr:
    """Whether a row of a table names the subject: as a whole word, so that 10.0.0.1 is not found in 10.0.0.12."""
    escaped = pl.lit(subject).str.escape_regex()
    pattern = pl.concat_str(pl.lit(r"(^|[^0-9A-Za-z_])"), escaped, pl.lit(r"([^0-9A-Za-z_]|$)"))
    tests = []
    for name, dtype in kind.columns.items():
        if dtype == pl.String:
            tests.append(pl.col(name).str.contains(pl.lit(subject), literal=True) & pl.col(name).str.contains(pattern))
        elif dtype == pl.Binary:
            tests.append(pl.col(name).bin.contains(subject.encode()))
    return pl.any_horizontal(*(test.fill_null(False) for test in tests)) if tests else pl.lit(False)


def _remove_copies(lake: Lake) -> None:
    """Remove what still holds forgotten rows: superseded files at once, what was set aside, and the backups."""
    remove_superseded(lake, timedelta(0))
    for name in TABLES:  # a Delta log is written anew by the next export; this one names files that are gone
        shutil.rmtree(lake.home.lake / name / DELTA_LOG, ignore_errors=True)
    if lake.home.aside.is_dir():
        shutil.rmtree(lake.home.aside)
    for copy in backup.copies(lake.home):
        copy.unlink()
    ledger = sqlite3.connect(lake.ledger.path, timeout=10.0)
    try:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        ledger.close()
    backup.back_up(lake.home, lake.clock())
