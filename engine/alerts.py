"""Alerts: the rules are asked, each cause has one alert, and every change of it is written down.

rules --queries of views--> what is seen --alert_life--> changes --outbox--> channels
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from engine import alert_life, notices
from engine.actor import Actor
from engine.alert_life import Alert
from engine.alert_rules import Rule, Seen, default_rules, seen
from engine.channel import Channel
from storage.audit import append
from storage.clock import Clock, rfc3339, utc_now
from storage.errors import RefusedError, UsageError
from storage.ledger import Ledger
from storage.sql import Reader, one_line, to_frame

ACKNOWLEDGED_FOR = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class AlertChange:
    """What happened to an alert: `to_state` is a state of its life, acknowledged, released, silenced, unsilenced,
    verified or noticed."""

    alert: Alert
    from_state: str | None
    to_state: str
    ts: datetime
    actor: str
    note: str = ""


SHARED = ("predictions_with_maturity",)
"""Views that several rules read and that cost most of their time."""

RULE_ERROR = Rule(
    "rule_error", "a rule cannot be asked", "-", "the rule {subject} cannot be asked: {reason}", "warning",
    for_evaluations=3, keep_minutes=0.0,
)  # fmt: skip


def evaluate(reader: Reader, ledger: Ledger, clock: Clock, actor: Actor, *, rules: Sequence[Rule] | None = None,
             job: str | None = None, channels: Sequence[Channel] = ()) -> list[AlertChange]:  # fmt: skip
    """Ask the rules (of one job, or all) once and move every alert on; returns what changed, in order.

    What `channels` are to be told is queued in the same transaction; `engine.outbox.deliver` sends it.
    """
    asked = [r for r in (default_rules() if rules is None else rules) if job is None or r.job == job]
    now = clock()
    with reader.connect("\n".join(rule.query for rule in asked)) as connection:
        hold(connection)
        answers = [found for rule in asked for found in ask(connection, rule, now)]
    with ledger.write() as connection:
        changes = settle(connection, answers, (*asked, RULE_ERROR), actor, now)
        if channels:
            _tell(connection, changes, {rule.name: rule for rule in asked}, channels, now)
        return changes


def report(ledger: Ledger, clock: Clock, actor: Actor, rule: Rule, rows: Sequence[Mapping[str, Any]], *,
           channels: Sequence[Channel] = ()) -> list[AlertChange]:  # fmt: skip
    """Move the alerts of a rule that no view can answer on by `rows` of what its query would have said."""
    now = clock()
    with ledger.write() as connection:
        changes = settle(connection, [seen(rule, row) for row in rows], [rule], actor, now)
        if channels:
            _tell(connection, changes, {rule.name: rule}, channels, now)
        return changes


def _tell(connection: sqlite3.Connection, changes: Sequence[AlertChange], rules: Mapping[str, Rule],
          channels: Sequence[Channel], now: datetime) -> None:  # fmt: skip
    """Queue notices of what changed, and of what still fires."""
    over = [(change.to_state, change.alert) for change in changes if not change.alert.is_open]
    states = {change.alert.id: change.to_state for change in changes}
    still = [(states.get(alert.id, ""), alert) for alert in open_alerts(connection) if alert.rule in rules]
    notices.tell(connection, [*over, *still], rules, channels, now)


def hold(connection: duckdb.DuckDBPyConnection) -> None:
    """Work out once what the views behind several rules share, for all questions of this connection."""
    known = {name for (name,) in connection.execute("SELECT view_name FROM duckdb_views()").fetchall()}
    for view in SHARED:
        if view in known:
            connection.execute(f'CREATE TEMP TABLE "{view}" AS SELECT * FROM "{view}"')


def ask(connection: duckdb.DuckDBPyConnection, rule: Rule, now: datetime) -> list[Seen]:
    """What a rule says of each cause now; a rule that fails says so of itself."""
    fine = seen(RULE_ERROR, {"subject": rule.name, "bad": False})
    try:
        rows = to_frame(connection.sql(rule.query, params=rule.bound(now)))
        return [*(seen(rule, row) for row in rows.iter_rows(named=True)), fine]
    except (duckdb.Error, ValueError, TypeError) as error:
        return [seen(RULE_ERROR, {"subject": rule.name, "bad": True, "reason": one_line(error)})]


def settle(connection: sqlite3.Connection, answers: Iterable[Seen], rules: Iterable[Rule], actor: Actor,
           now: datetime) -> list[AlertChange]:  # fmt: skip
    """Move the alerts of `rules` on by their answers, in the open transaction."""
    by_rule = {rule.name: rule for rule in rules}
    known = {a.dedup_key: a for a in open_alerts(connection) if a.rule in by_rule}
    changes: list[AlertChange] = []
    for answer in answers:
        before = known.pop(answer.key, None)
        if before is None and not answer.bad:
            continue
        after = (
            alert_life.begin(answer, now, _last_seen(connection, answer.key))
            if before is None
            else alert_life.step(before, answer, now)
        )
        changes += _record(connection, before, after, actor, now)
    for before in known.values():
        if before.rule != RULE_ERROR.name:
            after = alert_life.give_up(before, by_rule[before.rule], now)
            changes += _record(connection, before, after, actor, now) if after is not before else []
    return changes


def open_alerts(connection: sqlite3.Connection) -> list[Alert]:
    """All alerts that are not over, oldest first."""
    rows = connection.execute("SELECT * FROM alert WHERE state IN ('pending', 'firing', 'recovering') ORDER BY id")
    return [alert_life.from_row(row) for row in rows]


def get(connection: sqlite3.Connection, number: int) -> Alert:
    """The alert of that number. Raises UsageError if there is none."""
    row = connection.execute("SELECT * FROM alert WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise UsageError(f"no alert {number}; `watchroom alerts` lists them")
    return alert_life.from_row(row)


def acknowledge(ledger: Ledger, number: int, actor: Actor, clock: Clock = utc_now, *, note: str = "",
                lasting: timedelta = ACKNOWLEDGED_FOR) -> AlertChange:  # fmt: skip
    """Take an open alert on: it is not told again for as long as `lasting`, unless it grows more severe."""
    now = clock()
    with ledger.write() as connection:
        before = _require_open(get(connection, number))
        after = replace(before, acknowledged_by=actor.name, acknowledged_ts=now, acknowledged_until=now + lasting)
        return _mark(connection, after, "acknowledged", actor, now, note)


def silence(ledger: Ledger, number: int, actor: Actor, until: datetime, clock: Clock = utc_now, *,
            note: str = "") -> AlertChange:  # fmt: skip
    """Tell nobody of an open alert until that moment; its state goes on."""
    now = clock()
    if until <= now:
        raise UsageError("a silence ends in the future")
    with ledger.write() as connection:
        before = _require_open(get(connection, number))
        after = replace(before, silenced_by=actor.name, silenced_until=until)
        return _mark(connection, after, "silenced", actor, now, note)


def silence_all(ledger: Ledger, actor: Actor, until: datetime, clock: Clock = utc_now, *, rule: str | None = None,
                model: str | None = None, environment: str | None = None, reason: str) -> int:  # fmt: skip
    """Tell nobody of any alert that fits, open or to come, until that moment; returns the silence's number."""
    now = clock()
    if until <= now:
        raise UsageError("a silence ends in the future")
    with ledger.write() as connection:
        number = connection.execute(
            "INSERT INTO silence (rule, model, environment, until_ts, actor, reason, created_ts)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (rule, model, environment, rfc3339(until), actor.name, reason, rfc3339(now)),
        ).lastrowid
        assert number is not None
        body = {"rule": rule, "model": model, "environment": environment, "until": rfc3339(until), "reason": reason}
        append(connection, actor, ts=rfc3339(now), kind="silence.created", subject=str(number), body=body)
        return number


def release(ledger: Ledger, number: int, actor: Actor, clock: Clock = utc_now, *, note: str = "") -> AlertChange:
    """Hand an alert that was taken on back: it is told again. Raises RefusedError where nobody has it."""
    with ledger.write() as connection:
        before = _require_open(get(connection, number))
        if before.acknowledged_by is None:
            raise RefusedError(f"nobody has taken alert {number} on; nothing was changed")
        after = replace(before, acknowledged_by=None, acknowledged_ts=None, acknowledged_until=None)
        return _mark(connection, after, "released", actor, clock(), note)


def end_silence(ledger: Ledger, number: int, actor: Actor, clock: Clock = utc_now, *, note: str = "") -> AlertChange:
    """Let an alert be told again. Raises RefusedError where it is not silenced by its number."""
    with ledger.write() as connection:
        before = _require_open(get(connection, number))
        if before.silenced_by is None:
            raise RefusedError(f"alert {number} is not silenced; nothing was changed")
        after = replace(before, silenced_by=None, silenced_until=None)
        return _mark(connection, after, "unsilenced", actor, clock(), note)


def end_silences(ledger: Ledger, actor: Actor, clock: Clock = utc_now, *, rule: str | None = None,
                 model: str | None = None, environment: str | None = None, reason: str = "") -> int:  # fmt: skip
    """End every silence that was laid on just that rule, model and environment; returns how many. What they were stays
    in the event log. Raises RefusedError where there is none.
    """
    ts = rfc3339(clock())
    with ledger.write() as connection:
        ended = connection.execute(
            "UPDATE silence SET until_ts = ? WHERE until_ts > ? AND rule IS ? AND model IS ? AND environment IS ?"
            " RETURNING id", (ts, ts, rule, model, environment),
        ).fetchall()  # fmt: skip
        if not ended:
            raise RefusedError("no such silence is in force; nothing was changed")
        for row in ended:
            append(connection, actor, ts=ts, kind="silence.ended", subject=str(row["id"]), body={"reason": reason})
        return len(ended)


def verified(ledger: Ledger, number: int, verdict: str, actor: Actor, now: datetime, note: str) -> AlertChange:
    """Write down what `engine.verification` found of an alert, open or over."""
    with ledger.write() as connection:
        return _mark(connection, replace(get(connection, number), verdict=verdict), "verified", actor, now, note)


def _require_open(alert: Alert) -> Alert:
    if not alert.is_open:
        raise RefusedError(f"alert {alert.id} is {alert.state} already; nothing was changed")
    return alert


def _last_seen(connection: sqlite3.Connection, key: str) -> str:
    row = connection.execute("SELECT recent FROM alert WHERE dedup_key = ? ORDER BY id DESC LIMIT 1", (key,)).fetchone()
    return str(row["recent"]) if row else ""


def _record(connection: sqlite3.Connection, before: Alert | None, after: Alert, actor: Actor,
            now: datetime) -> list[AlertChange]:  # fmt: skip
    saved = alert_life.save(connection, after)
    if before is not None and before.state == after.state:
        return []
    return [_log(connection, AlertChange(saved, before.state if before else None, after.state, now, str(actor)), actor)]


def _mark(connection: sqlite3.Connection, alert: Alert, what: str, actor: Actor, now: datetime,
          note: str) -> AlertChange:  # fmt: skip
    saved = alert_life.save(connection, alert)
    return _log(connection, AlertChange(saved, alert.state, what, now, str(actor), note), actor)


def _log(connection: sqlite3.Connection, change: AlertChange, actor: Actor) -> AlertChange:
    alert, ts = change.alert, rfc3339(change.ts)
    connection.execute(
        "INSERT INTO alert_change (alert_id, ts, from_state, to_state, actor, value, note)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (alert.id, ts, change.from_state, change.to_state, change.actor, alert.value, change.note),
    )
    body = {
        "id": alert.id, "from": change.from_state, "to": change.to_state, "severity": alert.severity, "n": alert.n,
        "value": alert.value, "limit": alert.limit_value, "summary": alert.summary, "note": change.note,
    }  # fmt: skip
    subject = " ".join(part for part in (alert.rule, alert.model, alert.environment, alert.subject) if part)
    append(connection, actor, ts=ts, kind=f"alert.{change.to_state}", subject=subject, body=body)
    return change
