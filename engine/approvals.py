"""Four eyes: changes of a protected environment are asked for by one person and approved by another.

An approval is bound to the hash of what exactly was asked for, lapses after three days and is used once. A rollback and
the revert of a tuning need none: the way back must never wait. `break_glass` does without, and says so in the log.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.actor import Actor
from storage.audit import append, canonical, digest
from storage.clock import Clock, parse_rfc3339, rfc3339, utc_now
from storage.errors import ConflictError, RefusedError, UsageError
from storage.ledger import Ledger

LAPSE = timedelta(hours=72)
FREE_KINDS = ("rollback", "revert")


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for a change and what became of it: open, approved, rejected, used or lapsed."""

    id: int
    subject: str
    diff: Mapping[str, Any]
    requested_by: str
    requested_ts: str
    expires_ts: str
    decision: str | None
    decided_by: str | None
    used_ts: str | None


def claim(connection: sqlite3.Connection, environment: str, body: Mapping[str, Any], ts: str,
          break_glass: str) -> int | None:  # fmt: skip
    """The approval that covers a change, now used up; None where none is needed. Raises RefusedError otherwise."""
    protected = connection.execute("SELECT is_protected FROM environment WHERE name = ?", (environment,)).fetchone()
    if protected is None or not protected["is_protected"] or body["kind"] in FREE_KINDS or break_glass:
        return None
    row = connection.execute(
        "SELECT id FROM approval WHERE diff_sha256 = ? AND decision = 'approved' AND used_ts IS NULL"
        " AND expires_ts > ? ORDER BY id DESC LIMIT 1",
        (digest(dict(body)), ts),
    ).fetchone()
    if row is None:
        raise RefusedError(
            f"{environment} is protected: a second person must approve this {body['kind']} of {body['model']};"
            f" `watchroom approvals request {body['model']}` asks, --break-glass REASON does without"
        )
    connection.execute("UPDATE approval SET used_ts = ? WHERE id = ?", (ts, row["id"]))
    return int(row["id"])


class Approvals:
    """The approvals of one home, as `actor` sees them."""

    def __init__(self, ledger: Ledger, actor: Actor, clock: Clock = utc_now) -> None:
        self.ledger = ledger
        self.actor = actor
        self.clock = clock

    def protect(self, environment: str, *, protected: bool = True, reason: str) -> None:
        """Demand (or no longer demand) a second person for changes of an environment."""
        ts = rfc3339(self.clock())
        with self.ledger.write() as connection:
            done = connection.execute(
                "UPDATE environment SET is_protected = ?, row_version = row_version + 1 WHERE name = ?",
                (int(protected), environment),
            )
            if done.rowcount == 0:
                raise UsageError(f"no environment {environment!r}; there are production, staging")
            append(connection, self.actor, ts=ts, kind="environment.protected", subject=environment,
                   body={"protected": protected, "reason": reason})  # fmt: skip

    def request(self, body: Mapping[str, Any]) -> Approval:
        """Ask for the change that `engine.rollout.approval_body` describes; one that still waits is not doubled."""
        now = self.clock()
        subject = f"{body['model']} {body['environment']}"
        with self.ledger.write() as connection:
            waiting = connection.execute(
                "SELECT id FROM approval WHERE diff_sha256 = ? AND requested_by = ? AND decision IS NULL"
                " AND expires_ts > ?",
                (digest(dict(body)), self.actor.name, rfc3339(now)),
            ).fetchone()
            if waiting is not None:
                return _get(connection, waiting["id"])
            done = connection.execute(
                "INSERT INTO approval (action, subject, diff_sha256, diff, requested_by, requested_ts, expires_ts)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (body["kind"], subject, digest(dict(body)), canonical(dict(body)), self.actor.name, rfc3339(now),
                 rfc3339(now + LAPSE)),
            ).lastrowid  # fmt: skip
            assert done is not None
            append(connection, self.actor, ts=rfc3339(now), kind="approval.requested", subject=subject,
                   body={"id": done, **body})  # fmt: skip
            return _get(connection, done)

    def decide(self, number: int, decision: str, *, comment: str = "") -> Approval:
        """Approve or reject a request as another person than the one who asked."""
        if decision not in ("approved", "rejected"):
            raise UsageError(f"a request is approved or rejected, not {decision!r}")
        now = self.clock()
        with self.ledger.write() as connection:
            asked = _get(connection, number)
            if asked.decision is not None:
                raise ConflictError(f"request {number} was {asked.decision} by {asked.decided_by} already")
            if parse_rfc3339(asked.expires_ts) <= now:
                raise RefusedError(f"request {number} lapsed at {asked.expires_ts}; ask again")
            if not self.actor.is_person or asked.requested_by == self.actor.name:
                raise RefusedError(f"request {number} was made by {asked.requested_by}; another person must decide")
            connection.execute(
                "UPDATE approval SET decision = ?, decided_by = ?, decided_ts = ?, comment = ? WHERE id = ?",
                (decision, self.actor.name, rfc3339(now), comment, number),
            )
            kind = "approval.granted" if decision == "approved" else "approval.rejected"
            append(connection, self.actor, ts=rfc3339(now), kind=kind, subject=asked.subject,
                   body={"id": number, "comment": comment, **asked.diff})  # fmt: skip
            return _get(connection, number)

    def open(self) -> list[Approval]:
        """Requests that wait for a decision and have not lapsed, oldest first."""
        with self.ledger.read() as connection:
            rows = connection.execute(
                "SELECT * FROM approval WHERE decision IS NULL AND expires_ts > ? ORDER BY id", (rfc3339(self.clock()),)
            )
            return [_from_row(row) for row in rows]


def _get(connection: sqlite3.Connection, number: int) -> Approval:
    row = connection.execute("SELECT * FROM approval WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise UsageError(f"no approval request {number}")
    return _from_row(row)


def _from_row(row: sqlite3.Row) -> Approval:
    return Approval(
        row["id"], row["subject"], json.loads(row["diff"]), row["requested_by"], row["requested_ts"],
        row["expires_ts"], row["decision"], row["decided_by"], row["used_ts"],
    )  # fmt: skip
