"""What is deployed: a version and a config revision in an environment, and what taking it back would change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from storage.clock import parse_rfc3339
from storage.errors import RefusedError

What = Literal["both", "version", "config"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version and a config revision that ran (`ended`) or run (`active`) in an environment since `started_ts`.

    `kind` is deploy, config, rollback, tune or revert; `of_id` names the deployment whose pair a rollback brought back.
    """

    id: int
    model: str
    environment: str
    version: str
    config_revision: int
    config: Mapping[str, Any]
    kind: str
    of_id: int | None
    actor: str
    reason: str
    started_ts: datetime
    ended_ts: datetime | None
    status: str
    row_version: int
    origin: str = ""

    @property
    def threshold(self) -> float:
        """The cut-off its scores are held against."""
        return float(self.config["threshold"])

    @property
    def pair(self) -> tuple[str, int]:
        """Version and config revision."""
        return self.version, self.config_revision

    def __str__(self) -> str:
        return f"{self.model} {self.version} config {self.config_revision} in {self.environment}"


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """From where to where a rollback goes; `config_changes` maps a setting to its value now and after."""

    model: str
    environment: str
    current: Deployment
    target: Deployment
    version_changes: bool
    config_changes: Mapping[str, tuple[Any, Any]]

    def __str__(self) -> str:
        return f"{self.model} in {self.environment}: {_pair(self.current)} -> {_pair(self.target)}"


def plan(current: Deployment, target: Deployment) -> RollbackPlan:
    """What putting `target`'s pair in place of `current` would change."""
    return RollbackPlan(
        current.model, current.environment, current, target,
        version_changes=current.version != target.version,
        config_changes=config_changes(current.config, target.config),
    )  # fmt: skip


def config_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Each setting that differs, with its value before and after; one that is not there is None."""
    return {
        key: (before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    }


def rollback_target(current: Deployment, earlier: Sequence[Deployment], what: What,
                    to_version: str | None) -> Deployment:  # fmt: skip
    """The pair that a rollback brings back, of the `earlier`, newest first. Raises RefusedError if none fits."""
    where = f"{current.model} in {current.environment}"
    if to_version is not None:
        if to_version == current.version:
            raise RefusedError(f"{to_version} is what runs of {where}; nothing to roll back")
        fitting = [d for d in earlier if d.version == to_version]
        sought = f"version {to_version}"
    elif what == "config":
        fitting = [replace(d, version=current.version) for d in earlier if d.config != current.config]
        sought = "other settings"
    elif what == "version":
        fitting = [d for d in earlier if d.version != current.version]
        sought = "other version"
    else:
        fitting = [d for d in earlier if d.pair != current.pair]
        sought = "other deployment"
    if not fitting:
        raise RefusedError(f"there was no {sought} of {where} before; nothing to roll back to")
    return fitting[0]


SELECT = (
    "SELECT d.*, c.body AS config FROM deployment d"
    " JOIN config_revision c ON c.model = d.model AND c.revision = d.config_revision"
)
"""Deployments with their settings; `from_row` reads its rows."""


def from_row(row: sqlite3.Row) -> Deployment:
    """A row of `SELECT` as a Deployment."""
    return Deployment(
        row["id"], row["model"], row["environment"], row["version"], row["config_revision"], json.loads(row["config"]),
        row["kind"], row["of_id"], row["actor"], row["reason"], parse_rfc3339(row["started_ts"]),
        parse_rfc3339(row["ended_ts"]) if row["ended_ts"] else None, row["status"], row["row_version"], row["origin"],
    )  # fmt: skip


def active(connection: sqlite3.Connection, model: str, environment: str) -> Deployment | None:
    """What is deployed now, if anything."""
    row = connection.execute(
        f"{SELECT} WHERE d.model = ? AND d.environment = ? AND d.status = 'active'", (model, environment)
    ).fetchone()
    return from_row(row) if row else None


def _pair(deployment: Deployment) -> str:
    return f"{deployment.version} config {deployment.config_revision}"
