"""Forgetting one client or user: every row that names them leaves the home, and so does every copy of it.

The logs themselves are not ours and are not touched; what has landed of them is not landed again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from storage import backup
from storage.audit import By
from storage.compaction import remove_superseded, replace
from storage.errors import ConflictError
from storage.home import DELTA_LOG
from storage.lake import Lake
from storage.redaction import redact_ledger, redact_notes, wipe
from storage.schema import TABLES, table
from storage.segments import Draft, Segment, name_segment, read_segments
from storage.subject import names, pattern


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went from each table, how many segments were written anew or removed, and what was redacted."""

    rows: Mapping[str, int]
    segments: int
    ledger_rows: int = 0
    note_lines: int = 0


def forget(lake: Lake, subject: str, by: By, *, also: Sequence[str] = ()) -> Forgotten:
    """Remove every row of the lake in which `subject` occurs as a word of its own, in any column, rejects included.

    `also` are other names of the same subject, e.g. its pseudonym. Then the name goes out of the ledger's texts, of
    the home's notes, and with superseded files, `aside/`, Delta logs and the backups (a new one is made). Readers that
    hold an older snapshot fail. Raises RefusedError for a subject so short that it would take strangers along, and
    UnavailableError while another process keeps old pages of the ledger in use; then it is to be run again.
    """
    subjects = (subject, *also)
    words = pattern(subjects)
    rows: dict[str, int] = {}
    looked_at: set[int] = set()
    changed = 0
    while fresh := [s for s in lake.snapshot().segments if s.id not in looked_at]:
        for segment in fresh:
            try:
                gone = _forget_in(lake, segment, subjects)
            except ConflictError:
                continue  # merged meanwhile: what it became is looked at in the next turn
            looked_at.add(segment.id)
            if gone:
                changed += 1
                rows[segment.table_name] = rows.get(segment.table_name, 0) + gone
    redacted = redact_ledger(lake.ledger, words, by, lake.clock)
    lines = redact_notes(lake.home, words)
    _remove_copies(lake)
    return Forgotten(rows, changed, redacted, lines)


def _forget_in(lake: Lake, segment: Segment, subjects: Sequence[str]) -> int:
    """Write a segment anew without the rows that name the subject; returns how many they were."""
    kind = table(segment.table_name)
    rows = read_segments(kind, [segment]).collect()
    named = names(rows, subjects)
    if not named.any():
        return 0
    kept = rows.filter(~named)
    day = segment.path.parent.name.removeprefix("date=")
    drafts = [Draft(kind, day, kept, name_segment(kind, day))] if kept.height else []
    replace(lake, [segment], drafts, kind="forget")
    return rows.height - kept.height


def _remove_copies(lake: Lake) -> None:
    """Remove what still holds forgotten rows: superseded files at once, what was set aside, and the backups."""
    remove_superseded(lake, timedelta(0))
    for name in TABLES:  # a Delta log is written anew by the next export; this one names files that are gone
        shutil.rmtree(lake.home.lake / name / DELTA_LOG, ignore_errors=True)
    if lake.home.aside.is_dir():
        shutil.rmtree(lake.home.aside)
    for copy in backup.copies(lake.home):
        copy.unlink()
    wipe(lake.ledger.path)
    backup.back_up(lake.home, lake.clock())
