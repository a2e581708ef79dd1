"""How a change of what runs is written: a config revision, a deployment, the states of versions, one event.

Everything here happens inside the caller's transaction; `engine/registry.py` decides what is to happen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import approvals, deployment, versions
from engine.actor import Actor
from engine.deployment import Deployment
from engine.versions import Version
from storage.audit import append, canonical, digest
from storage.errors import ConfigError, ConflictError, UsageError

EVENTS = {"deploy": "created", "config": "config_changed", "rollback": "rolled_back", "tune": "tuned",
          "revert": "tuning_reverted"}  # fmt: skip
"""The event that each kind of deployment leaves behind, after `deployment.`."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to run where, why, and under which heading; `of_id` is the deployment that a rollback brings back."""

    model: str
    environment: str
    version: str
    config_revision: int
    kind: str
    reason: str
    of_id: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """An open transaction, who writes in it, and its time (RFC 3339)."""

    connection: sqlite3.Connection
    actor: Actor
    ts: str
    break_glass: str = ""


def current(connection: sqlite3.Connection, model: str, environment: str, expected: int | None) -> Deployment | None:
    """What runs, if it is what the caller expects (an id, 0 for nothing, None for anything). Raises ConflictError."""
    versions.get(connection, model)
    known = [row["name"] for row in connection.execute("SELECT name FROM environment ORDER BY name")]
    if environment not in known:
        raise UsageError(f"no environment {environment!r}; there are {', '.join(known)}")
    found = deployment.active(connection, model, environment)
    if expected is not None and expected != (found.id if found else 0):
        raise ConflictError(_conflict(model, environment, found))
    return found


def running(connection: sqlite3.Connection, model: str, environment: str, expected: int | None = None) -> Deployment:
    """What runs, as `current`. Raises UsageError if nothing does."""
    found = current(connection, model, environment, expected)
    if found is None:
        raise UsageError(
            f"{model} is not deployed in {environment}; `watchroom deploy {model} --env {environment}` deploys it"
        )
    return found


def history(connection: sqlite3.Connection, model: str, environment: str | None = None) -> list[Deployment]:
    """All deployments of a model, newest first."""
    rows = connection.execute(
        f"{deployment.SELECT} WHERE d.model = ?1 AND (?2 IS NULL OR d.environment = ?2) ORDER BY d.id DESC",
        (model, environment),
    )
    return [deployment.from_row(row) for row in rows]


def config_for(connection: sqlite3.Connection, version: Version, now: Deployment | None) -> dict[str, Any]:
    """The settings a version last ran with, else its defaults with what was changed of those that run now.

    A setting that runs at the default of its own version was never chosen, so the new version's default takes its place
    (say, the payload model it was trained with).
    """
    for earlier in history(connection, version.model):
        if earlier.version == version.version:
            return dict(earlier.config)
    if now is not None:
        try:
            usual = versions.find(connection, now.model, now.version).defaults
            chosen = {key: value for key, value in now.config.items() if key not in usual or usual[key] != value}
            return versions.checked_config(connection, version.model, dict(version.defaults) | chosen)
        except ConfigError:
            return dict(version.defaults)
    return dict(version.defaults)


def revision(moment: Moment, model: str, config: Mapping[str, Any], reason: str, parent: int | None = None) -> int:
    """The number of the revision that holds `config`, checked and complete; written if the model has none like it."""
    body = versions.checked_config(moment.connection, model, config)
    row = moment.connection.execute(
        "SELECT coalesce(max(revision), 0) AS newest, max(CASE WHEN sha256 = ? THEN revision END) AS same"
        " FROM config_revision WHERE model = ?",
        (digest(body), model),
    ).fetchone()
    if row["same"] is not None:
        return int(row["same"])
    number = int(row["newest"]) + 1
    moment.connection.execute(
        "INSERT INTO config_revision VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (model, number, canonical(body), digest(body), parent, moment.ts, moment.actor.name, reason),
    )
    return number


def put(moment: Moment, change: Change) -> Deployment:
    """End what runs, start what the change says, and write the event."""
    if not change.reason.strip():
        raise UsageError("a change needs a reason; give one with --reason")
    connection, actor, ts = moment.connection, moment.actor, moment.ts
    old = deployment.active(connection, change.model, change.environment)
    approval = approvals.claim(connection, change.environment, approval_body(change), ts, moment.break_glass)
    connection.execute(
        "UPDATE deployment SET status = 'ended', ended_ts = ?, row_version = row_version + 1"
        " WHERE model = ? AND environment = ? AND status = 'active'",
        (ts, change.model, change.environment),
    )
    connection.execute(
        "INSERT INTO deployment (model, environment, version, config_revision, kind, of_id, actor, origin, host,"
        " reason, approval_id, started_ts, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'active')",
        (change.model, change.environment, change.version, change.config_revision, change.kind, change.of_id,
         actor.name, actor.origin, actor.host, change.reason, approval, ts),
    )  # fmt: skip
    new = running(connection, change.model, change.environment)
    _move_states(moment, new, old)
    body = {
        "id": new.id, "version": new.version, "config_revision": new.config_revision, "config": dict(new.config),
        "of": change.of_id, "approval": approval, "break_glass": moment.break_glass or None, "reason": change.reason,
        "before": None if old is None else {"id": old.id, "version": old.version, "config": dict(old.config)},
    }  # fmt: skip
    append(connection, actor, ts=ts, kind=f"deployment.{EVENTS[change.kind]}",
           subject=f"{change.model} {change.environment}", body=body)  # fmt: skip
    return new


def approval_body(change: Change) -> dict[str, Any]:
    """What a second person approves: exactly this, nothing else."""
    return {
        "kind": change.kind, "model": change.model, "environment": change.environment, "version": change.version,
        "config_revision": change.config_revision,
    }  # fmt: skip


def _move_states(moment: Moment, new: Deployment, old: Deployment | None) -> None:
    """The new version takes its environment's state; a version that runs nowhere any more becomes `validated`."""
    connection = moment.connection
    found = versions.find(connection, new.model, new.version)
    places = _places(connection, new.model, new.version)
    state = "production" if "production" in places else "staging"
    if found.state == "archived" and state == "production":
        versions.move(connection, found, "validated", moment.actor, ts=moment.ts, reason=new.reason)
    versions.move(connection, found, state, moment.actor, ts=moment.ts, reason=new.reason)
    if old is None or old.version == new.version:
        return
    left = _places(connection, old.model, old.version)
    rest = "production" if "production" in left else "staging" if left else "validated"
    replaced = versions.find(connection, old.model, old.version)
    versions.move(connection, replaced, rest, moment.actor, ts=moment.ts, reason=f"replaced by {new.version}")


def _places(connection: sqlite3.Connection, model: str, version: str) -> set[str]:
    rows = connection.execute(
        "SELECT environment FROM deployment WHERE model = ? AND version = ? AND status = 'active'", (model, version)
    )
    return {row["environment"] for row in rows}


def _conflict(model: str, environment: str, found: Deployment | None) -> str:
    if found is None:
        return f"{model} does not run in {environment} any more; nothing was changed, look again"
    return (
        f"{found.actor} ({found.origin}) changed {model} in {environment} at {found.started_ts:%Y-%m-%d %H:%M:%S} UTC "
        f"to {found.version} config {found.config_revision} ({found.kind}); nothing was changed, look again"
    )
