"""Who is told of an alert, when, and how often: from alerts to the outbox.

    fired      told once, in one notice with what else fired for the same rule and environment at that moment
    repeated   still firing, nobody took it on: after the rule's `repeat_hours`, three times at most
               a channel with `escalate_after_minutes` is told of critical ones that nobody took on for so long
    flapping   told once; then held until it settles
    resolved   told only where the firing was told

An acknowledged, silenced or inhibited alert is told no more. Critical ones always pass; of the others at most four a
day and three in four hours go out at once, the rest waits for the daily digest, as do those of severity `info`. Nothing
is dropped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from engine import outbox
from engine.alert_life import Alert, save
from engine.alert_rules import Rule, fill
from engine.channel import RANK, Channel, Notice
from storage.clock import rfc3339

DAILY_BUDGET = 4
"""Under the specification's five a day."""
BURST, BURST_WINDOW = 3, timedelta(hours=4)
MOST_REPEATS = 3
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), " ")


def tell(connection: sqlite3.Connection, alerts: Iterable[tuple[str, Alert]], rules: Mapping[str, Rule],
         channels: Sequence[Channel], now: datetime) -> list[Notice]:  # fmt: skip
    """Queue what is to be told of these alerts, each with how it changed (a state, or "" if it did not)."""
    told: list[tuple[str, Alert]] = []
    for change, alert in alerts:
        kind = _kind(change, alert, rules.get(alert.rule), now)
        hushed = _is_hushed(connection, alert, now) or _is_inhibited(connection, alert, rules.get(alert.rule))
        if kind and not hushed:
            told.append((kind, alert))
        elif change:
            _to_logs(connection, alert, change, channels, now)
    notices = []
    for (kind, _, _), group in groupby(
        sorted(told, key=lambda t: (t[0], t[1].rule, t[1].environment or "")),
        key=lambda t: (t[0], t[1].rule, t[1].environment),
    ):
        members = [alert for _, alert in group]
        notice = compose(kind, members, rules.get(members[0].rule), now)
        _queue(connection, notice, members, channels, now, held=kind == "fired" and all(
            _was_told_lately(connection, alert, rules.get(alert.rule), now) for alert in members
        ))  # fmt: skip
        for alert in members:
            save(connection, replace(alert, notices=alert.notices + 1, noticed_ts=now))
        notices.append(notice)
    return notices


def compose(kind: str, alerts: Sequence[Alert], rule: Rule | None, now: datetime) -> Notice:
    """One notice of alerts of the same rule and environment."""
    first = alerts[0]
    severity = max((a.severity for a in alerts), key=RANK.__getitem__)
    prefix = {
        "resolved": "resolved: ",
        "repeated": "still: ",
        "flapping": "flapping, held: ",
        "escalated": "not taken on: ",
    }
    title = prefix.get(kind, "") + clean(first.summary)
    if len(alerts) > 1:
        title += f" (and {len(alerts) - 1} more)"
    lines = [f"also: {clean(alert.summary)}" for alert in alerts[1:]]
    since = first.fired_ts or first.pending_ts
    lines.append(f"since {since:%Y-%m-%d %H:%M} UTC, alert {', '.join(str(a.id) for a in alerts)}")
    if rule is not None and rule.look and kind != "resolved":
        lines.append(f"look: {clean(fill(rule.look, {'model': first.model, 'environment': first.environment}))}")
        lines.append(f"take on: watchroom acknowledge {first.id}")
    number = sum(alert.notices for alert in alerts)
    key = f"{first.dedup_key}-{first.id}-{kind}-{number}"
    return Notice(key, kind, severity, title, tuple(lines), f"{first.dedup_key}-{first.id}-fired-0", rfc3339(now),
                  tuple(alert.id for alert in alerts))  # fmt: skip


def clean(text: str) -> str:
    """`text` in one line without control characters, so that nothing of a log steers a terminal or a mail."""
    return " ".join(text.translate(_CONTROL).split())[:500]


def _kind(change: str, alert: Alert, rule: Rule | None, now: datetime) -> str:
    if change == "resolved" and alert.notices and alert.fired_ts:
        return "resolved"
    if alert.state != "firing":
        return ""
    if not alert.notices:
        return "fired"
    if alert.is_flapping:
        return "flapping" if alert.notices == 1 else ""
    since = now - (alert.noticed_ts or now)
    repeat = timedelta(hours=rule.repeat_hours) if rule is not None and rule.repeat_hours else None
    return "repeated" if repeat and since >= repeat and alert.notices <= MOST_REPEATS else ""


def _is_hushed(connection: sqlite3.Connection, alert: Alert, now: datetime) -> bool:
    """Whether somebody took the alert on, silenced it, or silenced its like."""
    if alert.acknowledged_until is not None and alert.acknowledged_until > now and alert.is_open:
        return True
    if alert.silenced_until is not None and alert.silenced_until > now:
        return True
    return (
        connection.execute(
            "SELECT 1 FROM silence WHERE until_ts > ? AND (rule IS NULL OR rule = ?) AND (model IS NULL OR model = ?)"
            " AND (environment IS NULL OR environment = ?)",
            (rfc3339(now), alert.rule, alert.model, alert.environment),
        ).fetchone()
        is not None
    )


def _is_inhibited(connection: sqlite3.Connection, alert: Alert, rule: Rule | None) -> bool:
    """Whether a firing alert of another rule about the same cause says enough."""
    if rule is None or not rule.inhibited_by or not alert.is_open:
        return False
    marks = ", ".join("?" * len(rule.inhibited_by))
    found = connection.execute(
        f"SELECT 1 FROM alert WHERE state = 'firing' AND rule IN ({marks}) AND model IS ? AND environment IS ?"
        " AND subject = ?",
        (*rule.inhibited_by, alert.model, alert.environment, alert.subject),
    )
    return found.fetchone() is not None


def _was_told_lately(connection: sqlite3.Connection, alert: Alert, rule: Rule | None, now: datetime) -> bool:
    """Whether an earlier alert of the same cause was told within the rule's `again_hours`."""
    if rule is None or not rule.again_hours:
        return False
    row = connection.execute(
        "SELECT 1 FROM alert WHERE dedup_key = ? AND id <> ? AND notices > 0 AND noticed_ts > ?",
        (alert.dedup_key, alert.id, rfc3339(now - timedelta(hours=rule.again_hours))),
    ).fetchone()
    return row is not None


def _queue(connection: sqlite3.Connection, notice: Notice, alerts: Sequence[Alert], channels: Sequence[Channel],
           now: datetime, *, held: bool) -> None:  # fmt: skip
    people = [channel.label for channel in channels if not channel.every_change]
    for channel in channels:
        if channel.every_change:
            outbox.put(connection, notice, channel.label, now)
            continue
        if RANK[notice.severity] < RANK[channel.routing.min_severity]:
            continue
        if notice.kind == "resolved" and not outbox.was_told(connection, channel.label, alerts[0].id):
            continue
        due = now
        if channel.routing.escalate_after_minutes and notice.kind != "resolved":
            if notice.severity != "critical":
                continue
            due = now + timedelta(minutes=channel.routing.escalate_after_minutes)
        state = "queued" if not held and _may_go(connection, notice, channel, people, now) else "digest"
        outbox.put(connection, notice, channel.label, due, state)


def _may_go(connection: sqlite3.Connection, notice: Notice, channel: Channel, people: Sequence[str],
            now: datetime) -> bool:  # fmt: skip
    if notice.severity == "critical" or notice.kind == "resolved":
        return True
    if notice.severity == "info":
        return False
    day = outbox.count_since(connection, people, now - timedelta(days=1))
    burst = outbox.count_since(connection, [channel.label], now - BURST_WINDOW)
    return day < DAILY_BUDGET and burst < BURST


def _to_logs(connection: sqlite3.Connection, alert: Alert, change: str, channels: Sequence[Channel],
             now: datetime) -> None:  # fmt: skip
    """A change that nobody is told of still goes to the log."""
    severity = "info" if change in ("pending", "recovering", "resolved", "expired") else alert.severity
    notice = Notice(
        f"{alert.dedup_key}-{alert.id}-{change}-{rfc3339(now)}", "changed", severity,
        f"alert {alert.id} {alert.rule} is {change}: {clean(alert.summary)}", (), alert.dedup_key, rfc3339(now),
        (alert.id,),
    )  # fmt: skip
    for channel in channels:
        if channel.every_change:
            outbox.put(connection, notice, channel.label, now)
