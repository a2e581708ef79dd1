"""The life of an alert, as a pure function: pending -> firing -> recovering -> resolved, or expired.

pending     the condition holds, not yet often or long enough
firing      it holds; stays so while the answer is neither bad nor clear (hysteresis) and while it flaps
recovering  it is clear, not yet for long enough; one bad answer and it fires again, without a new notice
resolved    it was clear for long enough (a pending one at once)
expired     nothing is known of its cause any more, which is not the same as being fine
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.alert_rules import Rule, Seen
from storage.clock import parse_rfc3339, rfc3339

OPEN = ("pending", "firing", "recovering")
FLAP_WINDOW = 21
FLAP_START, FLAP_END = 0.30, 0.15
"""Nagios' and Naemon's flap detection: weighted share of changes over the last 21 checks, with two limits."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: a cause, its state, and since when. `evaluations` counts answers in a row that kept the state."""

    id: int
    dedup_key: str
    rule: str
    severity: str
    model: str | None
    environment: str | None
    subject: str
    state: str
    value: float | None
    limit_value: float | None
    n: int | None
    summary: str
    pending_ts: datetime
    fired_ts: datetime | None
    recovering_ts: datetime | None
    resolved_ts: datetime | None
    evaluated_ts: datetime
    evaluations: int
    acknowledged_by: str | None
    acknowledged_ts: datetime | None
    acknowledged_until: datetime | None
    silenced_by: str | None
    silenced_until: datetime | None
    recent: str
    is_flapping: int
    notices: int
    noticed_ts: datetime | None
    verdict: str | None
    row_version: int

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.state in OPEN


def begin(seen: Seen, now: datetime, recent: str = "") -> Alert:
    """A new alert for a bad answer; `recent` is what an earlier alert of the same cause last saw."""
    new = Alert(
        0, seen.key, seen.rule.name, seen.severity, seen.model, seen.environment, seen.subject, "pending", seen.value,
        seen.limit, seen.n, seen.summary, now, None, None, None, now, 0, None, None, None, None, None, recent, 0, 0,
        None, None, 1,
    )  # fmt: skip
    return step(new, seen, now)


def step(alert: Alert, seen: Seen, now: datetime) -> Alert:
    """The alert after one more answer of its rule."""
    recent = (alert.recent + ("1" if seen.bad else "0"))[-FLAP_WINDOW:]
    share = changes(recent)
    flapping = share > FLAP_START or (bool(alert.is_flapping) and share >= FLAP_END)
    told = replace(
        alert, value=seen.value, limit_value=seen.limit, n=seen.n, severity=seen.severity, evaluated_ts=now,
        summary=seen.summary if seen.bad else alert.summary, recent=recent, is_flapping=int(flapping),
    )  # fmt: skip
    state = _next_state(told, seen, now)
    evaluations = alert.evaluations + 1 if state == alert.state else 1
    told = replace(told, state=state, evaluations=evaluations)
    if state == alert.state:
        return told
    if state == "firing":
        return replace(told, fired_ts=told.fired_ts or now, recovering_ts=None)
    if state == "recovering":
        return replace(told, recovering_ts=now)
    return replace(told, resolved_ts=now)


def give_up(alert: Alert, rule: Rule, now: datetime) -> Alert:
    """The alert when its rule had nothing to say of its cause: expired once that lasted long enough."""
    if now - alert.evaluated_ts < timedelta(hours=rule.expire_hours):
        return alert
    return replace(alert, state="expired", resolved_ts=now)


def changes(recent: str) -> float:
    """The weighted share (0..1) of changes in a row of answers; the newest weighs 1.2, the oldest 0.8."""
    if len(recent) < FLAP_WINDOW:
        return 0.0
    steps = len(recent) - 1
    weights = [0.8 + 0.4 * i / (steps - 1) for i in range(steps)]
    return sum(w for w, a, b in zip(weights, recent, recent[1:], strict=False) if a != b) / steps


def _next_state(alert: Alert, seen: Seen, now: datetime) -> str:
    rule = seen.rule
    if alert.state == "pending":
        if not seen.bad:
            return "resolved"
        often = alert.evaluations + 1 >= rule.for_evaluations
        return "firing" if often and now - alert.pending_ts >= timedelta(minutes=rule.for_minutes) else "pending"
    if alert.state == "firing":
        if not seen.clear or alert.is_flapping:
            return "firing"
        return "recovering" if rule.keep_minutes > 0 else "resolved"
    if seen.bad:
        return "firing"
    since = alert.recovering_ts or now
    kept = now - since >= timedelta(minutes=rule.keep_minutes)
    return "resolved" if seen.clear and kept and not alert.is_flapping else "recovering"


_TIMES = (
    "pending_ts", "fired_ts", "recovering_ts", "resolved_ts", "evaluated_ts", "acknowledged_ts", "acknowledged_until",
    "silenced_until", "noticed_ts",
)  # fmt: skip


def from_row(row: sqlite3.Row) -> Alert:
    """A row of the ledger's table `alert`."""
    values = {name: row[name] for name in Alert.__slots__}
    for name in _TIMES:
        values[name] = parse_rfc3339(values[name]) if values[name] else None
    return Alert(**values)


def save(connection: sqlite3.Connection, alert: Alert) -> Alert:
    """Write an alert down, a new one (id 0) with its number; returns it as it stands then."""
    names = [name for name in Alert.__slots__ if name not in ("id", "row_version")]
    values = [rfc3339(v) if isinstance(v := getattr(alert, name), datetime) else v for name in names]
    if alert.id == 0:
        marks = ", ".join("?" * len(names))
        done = connection.execute(f"INSERT INTO alert ({', '.join(names)}) VALUES ({marks})", values).lastrowid
        assert done is not None
        return replace(alert, id=done)
    sets = ", ".join(f"{name} = ?" for name in names)
    connection.execute(f"UPDATE alert SET {sets}, row_version = row_version + 1 WHERE id = ?", [*values, alert.id])
    return alert
