"""The daily digest and the weekly summary: what was held back, and how the models did."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from engine import outbox
from engine.channel import Channel, Notice
from engine.notices import clean
from storage.clock import Clock, rfc3339, utc_now
from storage.ledger import Ledger
from storage.sql import Reader

DAILY_AT_HOUR = 8
"""UTC."""
MONDAY = 0
_WEEKS = """SELECT model, environment,
    sum(weight * CAST(flagged = truth AS INTEGER)) FILTER (ts >= $1) / sum(weight) FILTER (ts >= $1) AS accuracy,
    sum(weight * CAST(flagged = truth AS INTEGER)) FILTER (ts < $1) / sum(weight) FILTER (ts < $1) AS accuracy_before
FROM matured_predictions WHERE ts >= $1 - INTERVAL 7 DAY AND ts < $2 GROUP BY ALL"""
MOST_LINES = 40


def send_due(reader: Reader, ledger: Ledger, channels: Sequence[Channel], clock: Clock = utc_now) -> list[Notice]:
    """Queue the digest of the day and the summary of the week once each is due; asking again changes nothing."""
    now = clock()
    due = now.replace(hour=DAILY_AT_HOUR, minute=0, second=0, microsecond=0)
    due = due if due <= now else due - timedelta(days=1)
    people = [channel for channel in channels if not channel.every_change]
    queued = []
    with ledger.write() as connection:
        for channel in people:
            held = _held(connection, channel.label, due)
            if held:
                queued.append(_queue_digest(connection, channel, held, due, now))
    if due.weekday() == MONDAY:
        weekly = weekly_summary(reader, due)
        with ledger.write() as connection:
            for channel in people:
                outbox.put(connection, weekly, channel.label, now)
        queued.append(weekly)
    return queued


def weekly_summary(reader: Reader, due: datetime) -> Notice:
    """How the models that run now did beside the week before, and the alerts and tunings of the week before `due`."""
    since = due - timedelta(days=7)
    now = reader.query("SELECT * FROM performance_now")
    alerts = reader.query(
        "SELECT rule, count(*) AS n FROM alert_history WHERE to_state = 'firing' AND from_state IS DISTINCT FROM"
        " 'recovering' AND ts >= $1 AND ts < $2 GROUP BY rule ORDER BY n DESC",
        [since, due],
    )
    tuned = reader.query(
        "SELECT verdict, count(*) AS n FROM tuning_runs WHERE ts >= $1 AND ts < $2 GROUP BY verdict ORDER BY n DESC",
        [since, due],
    )
    weeks = {(r["model"], r["environment"]): r for r in reader.query(_WEEKS, [since, due]).to_dicts()}
    lines = [
        f"{r['model']} {r['version']} in {r['environment']}: {r['state']}, accuracy {_share(r['acc1000'])}"
        f" (limit {r['accuracy_limit']:.2f}), F1 {_share(r['f1'])}, {r['predictions']:,} predictions;"
        f" {_trend(weeks.get((r['model'], r['environment']), {}))}"
        for r in now.iter_rows(named=True)
    ]
    lines.append(f"alerts: {_counts(alerts, 'rule')}")
    lines.append(f"tuning runs: {_counts(tuned, 'verdict')}")
    week = f"{since:%G-W%V}"
    title = f"watchroom, week {week}: {int(alerts['n'].sum() or 0)} alerts"
    return Notice(f"weekly-{week}", "weekly", "info", title, tuple(lines), f"weekly-{week}", rfc3339(due))


def _trend(week: Mapping[str, Any]) -> str:
    """This week's accuracy beside the one before, in words."""
    return f"this week {_share(week.get('accuracy'))}, the week before {_share(week.get('accuracy_before'))}"


def _held(connection: sqlite3.Connection, channel: str, due: datetime) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT * FROM outbox WHERE channel = ? AND state = 'digest' AND created_ts <= ? ORDER BY id",
        (channel, rfc3339(due)),
    ).fetchall()


def _queue_digest(connection: sqlite3.Connection, channel: Channel, held: Sequence[sqlite3.Row], due: datetime,
                  now: datetime) -> Notice:  # fmt: skip
    lines = [
        f"{row['created_ts'][:16]} [{row['severity']}] {clean(title)}"
        for row, title in ((row, _title(connection, row)) for row in held[:MOST_LINES])
    ]
    if len(held) > MOST_LINES:
        lines.append(f"and {len(held) - MOST_LINES} more")
    key = f"digest-{due:%Y-%m-%d}"
    notice = Notice(key, "digest", "info", f"watchroom, {due:%Y-%m-%d}: {len(held)} notices were held back",
                    tuple(lines), key, rfc3339(now))  # fmt: skip
    outbox.put(connection, notice, channel.label, now)
    connection.executemany("UPDATE outbox SET state = 'digested' WHERE id = ?", [(row["id"],) for row in held])
    return notice


def _title(connection: sqlite3.Connection, row: sqlite3.Row) -> str:
    found = connection.execute("SELECT json_extract(?, '$.title') AS title", (row["body"],)).fetchone()
    return str(found["title"])


def _counts(frame: pl.DataFrame, name: str) -> str:
    return ", ".join(f"{n} {what}" for what, n in frame.select(name, "n").rows()) or "none"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
