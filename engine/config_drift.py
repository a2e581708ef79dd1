"""Settings that are not what they were meant to be, and every change of them since a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from engine import detector, versions
from engine.config import Config
from engine.deployment import Deployment, config_changes
from engine.registry import Registry
from storage.sql import Reader

Row = dict[str, Any]


def drift(registry: Registry, config: Config) -> list[Row]:
    """A row for each way in which what runs differs from what it was registered or configured as.

    `against` is default (the version's registered settings), configuration (`[models.NAME.settings]` of the home),
    staging (the same version there) or code (the source that was registered).
    """
    running = registry.deployed()
    rows: list[Row] = []
    for now in running:
        past = registry.history(now.model, now.environment)
        version = next(v for v in registry.versions(now.model) if v.version == now.version)
        rows += _against("default", now, version.defaults, past)
        wanted = {k: v for k, v in config.models.of(now.model).settings.items() if k in now.config}
        rows += _against("configuration", now, dict(now.config) | wanted, past)
        if now.environment == "production":
            rows += _against_staging(now, running, past)
        code = _code(now, version.sha256)
        rows += [code] if code else []
    return rows


def _against(what: str, now: Deployment, meant: Mapping[str, Any], past: Sequence[Deployment]) -> Iterator[Row]:
    for key, (value, wanted) in config_changes(now.config, meant).items():
        changed = _last_change(key, past)
        yield {
            "model": now.model, "environment": now.environment, "version": now.version, "against": what,
            "setting": key, "value": value, "meant": wanted, "since": changed.started_ts, "by": str(changed.actor),
            "kind": changed.kind, "reason": changed.reason, "config_revision": now.config_revision,
        }  # fmt: skip


def _against_staging(now: Deployment, running: Sequence[Deployment], past: Sequence[Deployment]) -> Iterator[Row]:
    """Only for the same version: another version in staging is a release on its way, not drift."""
    for other in running:
        if (other.model, other.version, other.environment) == (now.model, now.version, "staging"):
            yield from _against("staging", now, other.config, past)


def _last_change(key: str, past: Sequence[Deployment]) -> Deployment:
    """The deployment (of `past`, newest first) from which on a setting has had its present value."""
    for newer, older in pairwise(past):
        if newer.config.get(key) != older.config.get(key):
            return newer
    return past[-1]


def _code(now: Deployment, registered: str | None) -> Row | None:
    if registered is None or now.model not in detector.names():
        return None
    sha256, _ = versions.source_hash(detector.load(now.model))
    if sha256 == registered:
        return None
    return {
        "model": now.model, "environment": now.environment, "version": now.version, "against": "code",
        "setting": "source", "value": sha256[:12], "meant": registered[:12], "since": None, "by": None, "kind": None,
        "reason": "the installed code is not what was registered; register it as a new version",
        "config_revision": now.config_revision,
    }  # fmt: skip


def changes(reader: Reader, registry: Registry, since: datetime, model: str | None = None) -> list[Row]:
    """Every setting, version and alert limit that changed since a moment, newest first: before, after, who and why."""
    rows: list[Row] = []
    for known in registry.models():
        if model not in (None, known.name):
            continue
        history = registry.history(known.name)
        for environment in sorted({d.environment for d in history}):
            line = [d for d in history if d.environment == environment]
            for new, old in zip(line, [*line[1:], None], strict=True):
                if new.started_ts >= since:
                    rows += _changed(new, old)
    rows += _alert_limits(reader, since, model)
    return sorted(rows, key=lambda row: (row["ts"], row["model"], row["setting"]), reverse=True)


def _changed(new: Deployment, old: Deployment | None) -> Iterator[Row]:
    before = {"version": old.version, **old.config} if old else {}
    after = {"version": new.version, **new.config} if old else {"version": new.version}
    for key, (was, now) in config_changes(before, after).items():
        yield {
            "ts": new.started_ts, "model": new.model, "environment": new.environment, "setting": key, "before": was,
            "after": now, "kind": new.kind, "actor": new.actor, "origin": new.origin, "reason": new.reason,
        }  # fmt: skip


def _alert_limits(reader: Reader, since: datetime, model: str | None) -> list[Row]:
    found = reader.query(
        """
        SELECT ts, subject AS model, NULL::VARCHAR AS environment, s.name AS setting,
            json_extract_string(body, '$.from[' || s.place || ']') AS before,
            json_extract_string(body, '$.to[' || s.place || ']') AS after, 'alert' AS kind, actor, origin,
            json_extract_string(body, '$.reason') AS reason
        FROM events, (VALUES ('alert_accuracy', 0), ('alert_severity', 1)) AS s(name, place)
        WHERE kind = 'model.alert_changed' AND ts >= $1 AND ($2 IS NULL OR subject = $2) AND before <> after
        """,
        [since, model],
    )
    return found.to_dicts()
