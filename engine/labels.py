"""Ground truth given by a person: a label is appended, never edited; the newest one of a subject and window counts."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import polars as pl

from engine import versions
from engine.actor import Actor
from storage.audit import append
from storage.clock import rfc3339
from storage.errors import UsageError
from storage.lake import Lake
from storage.schema import LABELS


def label(lake: Lake, model: str, subject: str, truth: bool | None, *, actor: Actor,
          window_start: datetime | None = None, note: str = "", propensity: float | None = None) -> int:  # fmt: skip
    """Say what a subject truly was; returns the commit's number.

    Without `window_start` it holds for every window of the subject; `truth` None takes earlier labels back;
    `propensity` is the chance with which `engine.review` drew it. Raises UsageError for an unknown model or an empty
    subject.
    """
    if not subject.strip():
        raise UsageError("a label needs a subject, as `watchroom findings` shows it")
    with lake.ledger.read() as connection:
        versions.get(connection, model)
    ts = lake.clock()
    row = pl.DataFrame(
        [(ts, model, subject, window_start, truth, propensity, str(actor), note)], schema=LABELS.schema, orient="row"
    )

    def log(connection: sqlite3.Connection, _commit: int) -> None:
        start = rfc3339(window_start) if window_start else None
        body = {"subject": subject, "truth": truth, "window_start": start, "note": note}
        append(connection, actor, ts=rfc3339(ts), kind="label.added", subject=model, body=body)

    return lake.append({"labels": row}, kind="label", also=log)
