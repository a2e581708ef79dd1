"""Models and their versions in the ledger: what may run. A version never changes; only its state moves on.

A detector's version is bound to its source by sha256, so that other code under the same number is noticed. A model that
runs elsewhere (`external`) has no source here; its predictions land from outside.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine import detector
from storage.audit import By, append, canonical
from storage.clock import parse_rfc3339
from storage.errors import ConfigError, RefusedError, UsageError


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model: accuracy under `alert_accuracy` raises an alert; tuning moves within the threshold range."""

    name: str
    kind: str
    title: str
    primary_metric: str
    alert_accuracy: float
    alert_severity: str
    threshold_low: float
    threshold_high: float
    threshold_step: float
    row_version: int
    newest_version: str
    """The version registered last."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model; `defaults` are the settings it was registered with, `sha256` its source's (or None)."""

    model: str
    version: str
    state: str
    sha256: str | None
    defaults: Mapping[str, Any]
    created_ts: datetime
    created_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Card:
    """What is written down of a model and a version when it is registered."""

    name: str
    version: str
    kind: str
    title: str
    alert_accuracy: float
    alert_severity: str
    threshold_low: float
    threshold_high: float
    threshold_step: float
    defaults: Mapping[str, Any]
    sha256: str | None = None
    size_bytes: int | None = None
    data_sha256: str | None = None
    """Of the data it was trained on; null where nothing is learnt."""


def detector_card(name: str, version: str | None = None) -> Card:
    """The card of the detector of that name, as its code is now. Raises UsageError for an unknown name."""
    kind = detector.load(name)
    sha256, size_bytes = source_hash(kind)
    return Card(
        name, version or kind.version, "detector", kind.title, kind.alert_accuracy, kind.alert_severity,
        kind.threshold.low, kind.threshold.high, kind.threshold.step, kind.defaults(), sha256, size_bytes,
        kind.learnt_from() or None,
    )  # fmt: skip


def external_card(name: str, version: str, *, threshold: float, title: str = "",
                  alert_accuracy: float = 0.85, alert_severity: str = "warning") -> Card:  # fmt: skip
    """The card of a model that runs elsewhere; its predictions land, e.g. from JSON lines with `event: prediction`.

    Its threshold is tuned between 0.5 and 0.9 as a detector's is, or from a tenth under `threshold` if that is lower.
    """
    if name in detector.names():
        raise UsageError(f"{name} is a detector; `watchroom register-model {name}` registers it")
    if not 0.0 <= threshold <= 1.0 or not 0.0 < alert_accuracy < 1.0:
        raise UsageError("threshold and accuracy lie between 0 and 1")
    low = min(0.5, round(max(0.0, threshold - 0.1), 2))
    return Card(
        name, version, "external", title or "runs elsewhere", alert_accuracy, alert_severity, low, 0.9, 0.05,
        {"threshold": threshold},
    )  # fmt: skip


def source_hash(kind: type[detector.Detector]) -> tuple[str, int]:
    """sha256 and size in bytes of the file that defines a detector."""
    content = Path(inspect.getfile(kind)).read_bytes()
    return hashlib.sha256(content).hexdigest(), len(content)


def checked_config(connection: sqlite3.Connection, model: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` over the model's defaults, every setting checked. Raises ConfigError with the nearest known key."""
    known = get(connection, model)
    for key, value in config.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{model}: {key} must be a number, not {value}")
    if known.kind == "detector":
        return asdict(detector.load(model).configured(config).settings)
    body = dict(config)
    threshold = body.get("threshold", 0.5)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0.0 <= threshold <= 1.0:
        raise ConfigError(f"{model}: threshold must be between 0 and 1, not {threshold!r}")
    return body | {"threshold": float(threshold)}


def insert(connection: sqlite3.Connection, card: Card, by: By, *, ts: str, reason: str) -> bool:
    """Write a card down; False if that version was there already with the same source. Raises RefusedError if not."""
    row = connection.execute(
        "SELECT sha256 FROM model_version WHERE model = ? AND version = ?", (card.name, card.version)
    ).fetchone()
    if row is not None:
        if row["sha256"] != card.sha256:
            raise RefusedError(
                f"{card.name} {card.version} is registered with other code ({_short(row['sha256'])}, here "
                f"{_short(card.sha256)}); a registered version never changes, so give the new code a new version"
            )
        return False
    connection.execute(
        "INSERT INTO model (name, kind, title, alert_accuracy, alert_severity, threshold_low, threshold_high,"
        " threshold_step, created_ts, updated_ts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (card.name, card.kind, card.title, card.alert_accuracy, card.alert_severity, card.threshold_low,
         card.threshold_high, card.threshold_step, ts, ts),
    )  # fmt: skip
    connection.execute(
        "INSERT INTO model_version VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (card.name, card.version, card.sha256, card.size_bytes, canonical(dict(card.defaults)), ts, by.name, reason),
    )
    connection.execute(
        "INSERT INTO version_state (model, version, state, since_ts) VALUES (?, ?, 'registered', ?)",
        (card.name, card.version, ts),
    )
    append(connection, by, ts=ts, kind="model_version.created", subject=f"{card.name} {card.version}",
           body={"sha256": card.sha256, "data_sha256": card.data_sha256, "defaults": dict(card.defaults),
                 "reason": reason})  # fmt: skip
    return True


SELECT_MODEL = (
    "SELECT m.*, (SELECT v.version FROM model_version v WHERE v.model = m.name ORDER BY v.rowid DESC LIMIT 1)"
    " AS newest_version FROM model m"
)
"""Models as `model_from_row` reads them."""


def get(connection: sqlite3.Connection, name: str) -> Model:
    """The model of that name. Raises UsageError saying how to register it."""
    row = connection.execute(f"{SELECT_MODEL} WHERE m.name = ?", (name,)).fetchone()
    if row is None:
        known = [r["name"] for r in connection.execute("SELECT name FROM model ORDER BY name")]
        there = f"registered are {', '.join(known)}" if known else "none is registered yet"
        raise UsageError(f"no model {name!r}; {there}; `watchroom register-model {name}` registers it")
    return model_from_row(row)


def model_from_row(row: sqlite3.Row) -> Model:
    """A row of `SELECT_MODEL`."""
    return Model(**{field: row[field] for field in Model.__slots__})


def list_of(connection: sqlite3.Connection, model: str) -> list[Version]:
    """The versions of a model in the order they were registered."""
    rows = connection.execute(
        "SELECT v.*, s.state FROM model_version v JOIN version_state s USING (model, version)"
        " WHERE v.model = ? ORDER BY v.rowid",
        (model,),
    )
    return [
        Version(r["model"], r["version"], r["state"], r["sha256"], json.loads(r["defaults"]),
                parse_rfc3339(r["created_ts"]), r["created_by"], r["reason"])
        for r in rows
    ]  # fmt: skip


def find(connection: sqlite3.Connection, model: str, version: str) -> Version:
    """That version of that model. Raises UsageError naming the versions there are."""
    get(connection, model)
    there = list_of(connection, model)
    for known in there:
        if known.version == version:
            return known
    raise UsageError(f"{model} has no version {version!r}; registered are {', '.join(v.version for v in there)}")


def move(connection: sqlite3.Connection, version: Version, state: str, by: By, *, ts: str, reason: str) -> None:
    """Put a version into another state, as the transitions allow. Raises RefusedError naming where it may go."""
    now = connection.execute(
        "SELECT state FROM version_state WHERE model = ? AND version = ?", (version.model, version.version)
    ).fetchone()["state"]
    if now == state:
        return
    allowed = [
        row["to_state"]
        for row in connection.execute("SELECT to_state FROM version_transition WHERE from_state = ?", (now,))
    ]
    if state not in allowed:
        where = f"can only become {', '.join(sorted(allowed))}" if allowed else "stays as it is"
        raise RefusedError(f"{version.model} {version.version} is {now} and {where}, not {state}")
    connection.execute(
        "UPDATE version_state SET state = ?, since_ts = ?, row_version = row_version + 1"
        " WHERE model = ? AND version = ?",
        (state, ts, version.model, version.version),
    )
    append(connection, by, ts=ts, kind="model_version.moved", subject=f"{version.model} {version.version}",
           body={"from": now, "to": state, "reason": reason})  # fmt: skip


def _short(sha256: str | None) -> str:
    return sha256[:12] if sha256 else "no source"
