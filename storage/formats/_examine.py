"""How a format fits the first part of a log, for people."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl

from storage import format as formats
from storage.format import Context, Examination, LogFormat, RejectedRecord
from storage.records import Text, to_records

_SHOWN = 20
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands in for the file's last change: an examination counts rows and shows no times."""


def examination(head: bytes, named: LogFormat | None, context: Context) -> Examination:
    """See `storage.format.examine`. A record that `head` cuts short is left out, unless it is the only one."""
    shares = {name: share for share, name in formats.fitting(head, context.keys) if share > 0}
    chosen = named or formats.sniff(head, context.keys)
    if chosen is None or not head:
        return Examination(chosen.name if chosen else None, shares, 0, {}, 0, ())
    ends = chosen.ends(head)
    if not len(ends) or (ends[-1] < len(head) and head.endswith(b"\n")):
        ends = np.append(ends, len(head)).astype(np.int64)
    records = to_records(Text(head, 0), ends)
    around = context if context.written_at else replace(context, written_at=_SOME_TIME)
    parsed = chosen.parse(records, final=True, context=around)
    shown = parsed.rejects.head(_SHOWN)
    return Examination(
        format=chosen.name,
        shares=shares,
        records=records.height,
        rows={name: frame.height for name, frame in parsed.frames.items() if frame.height},
        rejected=parsed.rejects.height,
        rejects=_shown(shown, head, chosen),
    )


def _shown(rejects: pl.DataFrame, head: bytes, chosen: LogFormat) -> tuple[RejectedRecord, ...]:
    found = []
    for offset, reason, record in rejects.select("byte_offset", "reason", "record").iter_rows():
        column = (chosen.stops_at(record) or 0) + 1
        found.append(RejectedRecord(head.count(b"\n", 0, offset) + 1, offset, reason, record, column))
    return tuple(found)
