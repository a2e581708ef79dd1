"""Loops remembered across traces (view `n1_patterns`), and the word of a person that one is fixed.

Nothing is kept but predictions and what people said of a pattern in the event log, so a pattern is the same in any home
that holds the same logs, and taking back a word is one more event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from engine.actor import Actor
from storage.audit import append
from storage.clock import Clock, rfc3339
from storage.errors import RefusedError, UsageError
from storage.ledger import Ledger
from storage.sql import Reader

STATES = ("open", "regressed", "quiet", "fixed")
"""open: last seen in its place's last visit; regressed: back after it was called fixed; quiet: not seen in the last
visits, too few to tell; fixed."""
_FIXED, _REOPENED = "pattern.fixed", "pattern.reopened"


def patterns(reader: Reader, environment: str, state: str | None = None) -> pl.DataFrame:
    """The patterns of an environment, the worst first; those of one `state` only, if given."""
    chosen = " AND state = ?" if state else ""
    given = [environment, *([state] if state else [])]
    return reader.query(f"SELECT * EXCLUDE (environment) FROM n1_patterns WHERE environment = ?{chosen}", given)


def find(reader: Reader, environment: str, name: str) -> Mapping[str, Any]:
    """The pattern whose hash begins with `name`. Raises UsageError where none or several do."""
    rows = patterns(reader, environment)
    found = rows.filter(pl.col("pattern").str.starts_with(name.lower()))
    if found.height != 1 or not name:
        many = f"{found.height} patterns begin with {name!r}" if found.height else f"no pattern {name!r}"
        raise UsageError(f"{many} in {environment}; `watchroom patterns` lists them")
    return found.row(0, named=True)


def of_finding(reader: Reader, environment: str, evidence: str | None) -> list[Mapping[str, Any]]:
    """The patterns whose loops the evidence of a verdict tells, the worst first; none where it tells none."""
    try:
        groups = json.loads(evidence or "{}").get("groups") or []
    except (ValueError, AttributeError):
        return []
    told = {_named(group) for group in groups if isinstance(group, dict)}
    return [row for row in patterns(reader, environment).to_dicts() if _named(row) in told]


def _named(loop: Mapping[str, Any]) -> tuple[str, str]:
    """What the view tells patterns apart by."""
    return str(loop.get("template") or "").lower(), str(loop.get("parent") or "").lower()


def is_marked(pattern: Mapping[str, Any]) -> bool:
    """Whether a person said that it is fixed, and it has not come back since."""
    return pattern["fixed_ts"] is not None and pattern["state"] != "regressed"


def mark(ledger: Ledger, pattern: Mapping[str, Any], *, fixed: bool, actor: Actor, clock: Clock,
         reason: str = "") -> int:  # fmt: skip
    """Say that a pattern is fixed, or that it is not after all; returns the event's number.

    Raises RefusedError where that was said already and still holds.
    """
    if is_marked(pattern) if fixed else pattern["fixed_ts"] is None:
        raise RefusedError(f"pattern {pattern['pattern']} is {'' if fixed else 'not '}marked as fixed already")
    body = {"template": pattern["template"], "detections": pattern["detections"], "reason": reason}
    with ledger.write() as connection:
        return append(connection, actor, ts=rfc3339(clock()), kind=_FIXED if fixed else _REOPENED,
                      subject=str(pattern["pattern"]), body=body)  # fmt: skip
