"""The outbox: notices on their way. Queued in the transaction that made them, sent after it, tried again for a day.

A notice is queued once per channel. Whoever delivers claims it first; a claim whose process died is free again after
five minutes. Whether the dead one had sent it is then asked of the channel: the log looks for its line, a webhook and a
mail carry the same key, by which the receiver can tell, a chat may show it twice.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from engine.channel import Channel, DeliveryError, Notice
from storage.clock import Clock, parse_rfc3339, rfc3339, utc_now
from storage.ledger import Ledger

RETRIES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
GIVEN_UP_AFTER = timedelta(hours=24)
CLAIM = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one attempt: delivered, queued (to be tried again) or dead."""

    id: int
    channel: str
    notice: Notice
    state: str
    error: str | None


def put(connection: sqlite3.Connection, notice: Notice, channel: str, due: datetime, state: str = "queued") -> None:
    """Queue a notice for a channel in the open transaction; one that is there already stays as it is."""
    connection.execute(
        "INSERT INTO outbox (notice_key, channel, alert_id, severity, body, created_ts, next_ts, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (notice.key, channel, notice.alert_ids[0] if notice.alert_ids else None, notice.severity,
         json.dumps(asdict(notice)), notice.created_ts, rfc3339(due), state),
    )  # fmt: skip


def was_told(connection: sqlite3.Connection, channel: str, alert_id: int) -> bool:
    """Whether a channel was, or is about to be, told of an alert at once."""
    row = connection.execute(
        "SELECT 1 FROM outbox WHERE channel = ? AND alert_id = ? AND state IN ('queued', 'sending', 'delivered')"
        " AND json_extract(body, '$.kind') <> 'changed'",
        (channel, alert_id),
    ).fetchone()
    return row is not None


def count_since(connection: sqlite3.Connection, channels: Sequence[str], since: datetime) -> int:
    """How many different notices that are not critical went out at once to any of the channels since then."""
    marks = ", ".join("?" * len(channels))
    row = connection.execute(
        "SELECT count(DISTINCT notice_key) AS n FROM outbox WHERE created_ts > ? AND severity = 'warning'"
        " AND state IN ('queued', 'sending', 'delivered', 'dead')"
        f" AND json_extract(body, '$.kind') IN ('fired', 'repeated', 'flapping') AND channel IN ({marks})",
        (rfc3339(since), *channels),
    ).fetchone()
    return int(row["n"])


def deliver(ledger: Ledger, channels: Sequence[Channel], clock: Clock = utc_now) -> list[Delivery]:
    """Send what is due, oldest first; returns what became of each."""
    by_label = {channel.label: channel for channel in channels}
    done = []
    while (row := _claim(ledger, list(by_label), clock())) is not None:
        notice = _notice(row["body"])
        error: DeliveryError | None = None
        if not _is_moot(ledger, by_label[row["channel"]], notice):
            try:
                sender = by_label[row["channel"]]
                (sender.send_again if row["state"] == "sending" else sender.send)(notice)
            except DeliveryError as failure:
                error = failure
            except Exception as failure:
                error = DeliveryError(f"{type(failure).__name__}: {failure}")
        done.append(_settle(ledger, row, notice, error, clock()))
    return done


def _claim(ledger: Ledger, labels: Sequence[str], now: datetime) -> sqlite3.Row | None:
    """The oldest notice that is due for one of the channels, now ours alone."""
    marks = ", ".join("?" * len(labels))
    due = (
        f"SELECT * FROM outbox WHERE channel IN ({marks}) AND ((state = 'queued' AND next_ts <= ?)"
        " OR (state = 'sending' AND claimed_ts <= ?)) ORDER BY id LIMIT 1"
    )
    values = (*labels, rfc3339(now), rfc3339(now - CLAIM))
    with ledger.read() as connection:
        if connection.execute(due, values).fetchone() is None:
            return None
    with ledger.write() as connection:
        row: sqlite3.Row | None = connection.execute(due, values).fetchone()
        if row is not None:
            connection.execute(
                "UPDATE outbox SET state = 'sending', claimed_by = ?, claimed_ts = ? WHERE id = ?",
                (str(os.getpid()), rfc3339(now), row["id"]),
            )
        return row


def _is_moot(ledger: Ledger, channel: Channel, notice: Notice) -> bool:
    """Whether an escalation has become needless: the alert is over or somebody took it on."""
    if not channel.routing.escalate_after_minutes or not notice.alert_ids or notice.kind == "resolved":
        return False
    with ledger.read() as connection:
        row = connection.execute(
            "SELECT state, acknowledged_by FROM alert WHERE id = ?", (notice.alert_ids[0],)
        ).fetchone()
    return row is not None and (row["state"] != "firing" or row["acknowledged_by"] is not None)


def _settle(ledger: Ledger, row: sqlite3.Row, notice: Notice, error: DeliveryError | None, now: datetime) -> Delivery:
    attempts = row["attempts"] + 1
    if error is None:
        state, following = "delivered", now
    else:
        wait = RETRIES[min(attempts, len(RETRIES)) - 1]
        if error.retry_after_s is not None:
            wait = max(wait, timedelta(seconds=error.retry_after_s))
        too_old = now - parse_rfc3339(row["created_ts"]) > GIVEN_UP_AFTER
        state, following = ("dead" if error.permanent or too_old else "queued"), now + wait
    with ledger.write() as connection:
        connection.execute(
            "UPDATE outbox SET state = ?, attempts = ?, next_ts = ?, delivered_ts = ?, last_error = ? WHERE id = ?",
            (state, attempts, rfc3339(following), rfc3339(now) if error is None else None,
             str(error) if error else None, row["id"]),
        )  # fmt: skip
    return Delivery(row["id"], row["channel"], notice, state, str(error) if error else None)


def _notice(body: str) -> Notice:
    values = json.loads(body)
    return Notice(**{**values, "lines": tuple(values["lines"]), "alert_ids": tuple(values["alert_ids"])})
