"""Settings that are not what they were meant to be, and every change of them since a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import polars as pl

from engine import detector, versions
from engine.config import Config
from engine.deployment import Deployment, config_changes
from engine.registry import Registry
from storage.sql import Reader

Row = dict[str, Any]


def drift(reader: Reader, registry: Registry, config: Config) -> list[Row]:
    """A row for each way in which what runs differs from what it was registered or configured as.

    `against` is default (the version's registered settings), configuration (`[models.NAME.settings]` of the home),
    staging (the same version there), code (the source that was registered) or live (view `config_drift`: what the
    newest verdicts were given with).
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
    return rows + _not_live(reader)


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


def _not_live(reader: Reader) -> list[Row]:
    """Deployments whose newest verdicts were given with something else."""
    found = reader.query("SELECT * FROM config_drift WHERE state = 'OutOfSync'")
    return [
        {
            "model": row["model"], "environment": row["environment"], "version": row["version"], "against": "live",
            "setting": row["differs"],
            "value": f"{row['live_version']} config {row['live_config_revision']} threshold {row['live_threshold']}",
            "meant": f"{row['version']} config {row['config_revision']} threshold {row['threshold']}",
            "since": row["live_ts"], "by": None, "kind": None,
            "reason": "the newest verdicts were not given with what is deployed; the next ones should be",
            "config_revision": row["config_revision"],
        }
        for row in found.iter_rows(named=True)
    ]  # fmt: skip


def changes(reader: Reader, since: datetime, model: str | None = None) -> pl.DataFrame:
    """Every version, setting and alert limit that changed since a moment, newest first: before, after, who and why.

    View `config_changes`, first deployments, and the alert limits from the event log.
    """
    return reader.query(CHANGES, {"since": since, "model": model})


CHANGES = """
WITH firsts AS (
    SELECT started_ts AS ts, model, environment, 'version' AS setting, NULL AS before, version AS after, kind, actor,
        reason
    FROM deployments QUALIFY row_number() OVER (PARTITION BY model, environment ORDER BY id) = 1
), limits AS (
    SELECT ts, subject AS model, NULL AS environment, s.name AS setting,
        json_extract_string(body, '$.from[' || s.place || ']') AS before,
        json_extract_string(body, '$.to[' || s.place || ']') AS after, 'alert' AS kind, actor,
        json_extract_string(body, '$.reason') AS reason
    FROM events, (VALUES ('alert_accuracy', 0), ('alert_severity', 1)) AS s(name, place)
    WHERE kind = 'model.alert_changed'
)
SELECT * FROM (
    SELECT ts, model, environment, setting, before, after, kind, actor, reason FROM config_changes
    UNION ALL SELECT * FROM firsts
    UNION ALL SELECT * FROM limits WHERE before <> after
)
WHERE ts >= $since AND ($model IS NULL OR model = $model)
ORDER BY ts DESC, model, environment, setting
"""
