"""Thresholds tune themselves, carefully: searched every hour, proved on other data, applied in small steps, watched.

    matured labels --gates.examine--> finding --verdict--> applied | proposed | no_improvement | inconclusive
                                                             | infeasible | blocked
Each run is written down with its curve and every gate. What is applied is a deployment of kind `tune`, so it is rolled
back like any other; `engine/tuning_check.py` watches it for a day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from engine.deployment import Deployment
from engine.gates import MIN_OF_CLASS, MIN_PREDICTIONS, Finding, Gate, examine
from engine.registry import Registry
from engine.review import evened
from engine.sweep import grid, objective
from storage.audit import append, canonical
from storage.clock import rfc3339
from storage.errors import ConflictError, RefusedError
from storage.sql import Reader

WINDOWS = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24), timedelta(days=7))
"""The last hour of matured labels; further back if that holds too few."""
COOL_DOWN = timedelta(hours=24)
MIN_COVERAGE = 0.9


@dataclass(frozen=True, slots=True)
class Options:
    """How to tune: what for, whether to apply, at the grid or at the exact plateau (`exact`), with which chance."""

    objective: str = "f1"
    apply: bool = True
    exact: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TuningRun:
    """What one search came to; `threshold` is what runs afterwards."""

    id: int
    model: str
    environment: str
    verdict: str
    detail: str
    finding: Finding
    gates: Mapping[str, Gate]
    window_from: datetime | None
    window_to: datetime | None
    threshold: float
    applied: Deployment | None


def tune(reader: Reader, registry: Registry, now: Deployment, options: Options | None = None) -> TuningRun:
    """Search once for a better threshold of a running deployment; apply it if every gate is passed."""
    options = options or Options()
    found = search(reader, registry, now, options)
    if found.verdict != "applied":
        return _record(registry, now, found, options)
    exact = found.finding.exact
    target = exact if options.exact and exact is not None else found.finding.best
    reason = f"auto-tuned {options.objective}: {found.detail}"
    try:
        applied = registry.update_config(
            now.model, now.environment, {"threshold": target}, reason=reason, expected=now.id, kind="tune"
        )
    except ConflictError as error:
        return _record(registry, now, replace(found, verdict="blocked", detail=str(error)), options)
    except RefusedError:
        changes = {"threshold": target}
        asked = registry.request_config(now.model, now.environment, changes, reason=reason, kind="tune")
        words = f"{found.detail}; request {asked.id} waits for a second person"
        return _record(registry, now, replace(found, verdict="proposed", detail=words), options)
    return _record(registry, now, replace(found, applied=applied, threshold=applied.threshold), options)


def search(reader: Reader, registry: Registry, now: Deployment, options: Options | None = None) -> TuningRun:
    """What `tune` would find; `applied` as verdict means that it would be. Changes and records nothing."""
    options = options or Options()
    aim = objective(options.objective)
    model = registry.model(now.model)
    places = grid(model.threshold_low, model.threshold_high, model.threshold_step)
    items = window(matured(reader, now))
    rng = np.random.default_rng([options.seed, now.id, items.height])
    finding = examine(items["score"].to_numpy(), items["truth"].to_numpy(), now.threshold, places, aim, rng)
    gates = finding.gates | {
        "G2 window": Gate(True, span_in_words(items)),
        "G6 repetition": _repeated(reader, now, finding),
        "G8 calm": _calm(reader, registry, now),
    }
    verdict, detail = _verdict(finding, gates, options)
    edges = (items["ts"].min(), items["ts"].max()) if items.height else (None, None)
    return TuningRun(
        0, now.model, now.environment, verdict, detail, finding, gates,
        edges[0] if isinstance(edges[0], datetime) else None, edges[1] if isinstance(edges[1], datetime) else None,
        now.threshold, None,
    )  # fmt: skip


def matured(reader: Reader, now: Deployment) -> pl.DataFrame:
    """The matured labelled scores of a deployment's version, whatever their threshold was, as if drawn evenly."""
    found = reader.query(
        "SELECT ts, score, truth, propensity, prediction_id FROM matured_predictions"
        " WHERE model = $1 AND version = $2 AND environment = $3"
        " AND score IS NOT NULL ORDER BY ts, prediction_id",
        [now.model, now.version, now.environment],
    )
    return evened(found)


def window(items: pl.DataFrame) -> pl.DataFrame:
    """The newest of `items`: the last hour, or as far back as it takes to have enough of both classes."""
    newest = items["ts"].max()
    if not isinstance(newest, datetime):
        return items
    for span in WINDOWS:
        part = items.filter(pl.col("ts") > newest - span)
        positive = int(part["truth"].sum())
        if part.height >= MIN_PREDICTIONS and min(positive, part.height - positive) >= MIN_OF_CLASS:
            return part
    return items.filter(pl.col("ts") > newest - WINDOWS[-1])


def _verdict(finding: Finding, gates: Mapping[str, Gate], options: Options) -> tuple[str, str]:
    """The verdict and the reason for it, the first gate that is closed deciding."""
    if not gates["G1 data"].ok:
        return "inconclusive", gates["G1 data"].why
    if not finding.feasible:
        return "infeasible", f"no threshold meets {options.objective}"
    if finding.best == finding.current:
        words = f"{finding.current:.2f} is the best within reach"
        if finding.anywhere != finding.current:
            words += (
                f"; {finding.anywhere:.2f} would be better on these labels, but not in one step or not inside the rails"
            )
        return "no_improvement", words
    for name in ("G3 honest gain", "G4 certainty", "G5 agreement"):
        if not gates[name].ok:
            return "no_improvement", f"{name}: {gates[name].why}"
    for name in ("G7 rails", "G8 calm"):
        if not gates[name].ok:
            return "blocked", f"{name}: {gates[name].why}"
    words = f"{finding.current:.2f} -> {finding.best:.2f}, {100 * (finding.crossfit_gain or 0):.1f} % better"
    if not gates["G6 repetition"].ok:
        return "proposed", f"{words}; {gates['G6 repetition'].why}"
    return ("applied" if options.apply else "proposed"), words


def _repeated(reader: Reader, now: Deployment, finding: Finding) -> Gate:
    """Whether the run before, on other labels, wanted to go the same way."""
    before = reader.query(
        "SELECT best_threshold, current_threshold, gates, window_to FROM tuning_run WHERE deployment_id = $1"
        " ORDER BY id DESC LIMIT 1",
        [now.id],
    )
    if before.is_empty():
        return Gate(False, "to be confirmed by the next run")
    last = before.row(0, named=True)
    gates = json.loads(last["gates"])
    passed = all(gates[name]["ok"] for name in ("G1 data", "G3 honest gain", "G4 certainty", "G5 agreement"))
    same = (last["best_threshold"] - last["current_threshold"]) * (finding.best - finding.current) > 0
    if passed and same:
        return Gate(True, "the run before found the same")
    return Gate(False, "the run before did not find it; to be confirmed by the next run")


def _calm(reader: Reader, registry: Registry, now: Deployment) -> Gate:
    """No alert of the model is firing, and no tuning was applied within a day."""
    firing = reader.query(
        "SELECT rule FROM open_alerts WHERE model = $1 AND environment = $2 AND state <> 'pending'"
        " AND rule IN ('model_performance_degraded', 'no_data', 'stale_labels')",
        [now.model, now.environment],
    )
    if firing.height:
        return Gate(False, f"the alert {firing['rule'][0]} is open")
    if now.kind in ("tune", "revert") and registry.clock() - now.started_ts < COOL_DOWN:
        return Gate(False, f"a {now.kind} of {now.started_ts:%Y-%m-%d %H:%M} UTC is watched for a day")
    return Gate(True, "nothing is in the way")


def span_in_words(items: pl.DataFrame) -> str:
    """How many matured labels of how many hours, in words."""
    if items.is_empty():
        return "no matured labels"
    hours = items.select((pl.col("ts").max() - pl.col("ts").min()).dt.total_seconds()).item() / 3_600
    return f"{items.height} matured labels of {hours:.1f} h"


def _record(registry: Registry, now: Deployment, done: TuningRun, options: Options) -> TuningRun:
    found, ts = done.finding, rfc3339(registry.clock())
    gates = {name: {"ok": gate.ok, "why": gate.why} for name, gate in sorted(done.gates.items())}
    values: dict[str, Any] = {
        "ts": ts, "model": now.model, "environment": now.environment, "deployment_id": now.id,
        "window_from": rfc3339(done.window_from) if done.window_from else None,
        "window_to": rfc3339(done.window_to) if done.window_to else None, "n": found.n, "n_positive": found.n_positive,
        "objective": options.objective, "current_threshold": found.current, "best_threshold": found.best,
        "exact_threshold": found.exact, "current_metric": found.metric_current, "best_metric": found.metric_best,
        "apparent_gain": found.apparent_gain, "crossfit_gain": found.crossfit_gain, "gain_low": found.gain_low,
        "gates": canonical(gates), "curve": canonical({"threshold": found.places, "metric": found.curve}),
        "verdict": done.verdict, "detail": done.detail, "applied_deployment_id": done.applied and done.applied.id,
        "check_verdict": "watching" if done.applied else None,
    }  # fmt: skip
    with registry.ledger.write() as connection:
        marks = ", ".join("?" * len(values))
        number = connection.execute(
            f"INSERT INTO tuning_run ({', '.join(values)}) VALUES ({marks})", list(values.values())
        ).lastrowid
        assert number is not None
        body = {"run": number, "verdict": done.verdict, "detail": done.detail, "best": found.best}
        append(connection, registry.actor, ts=ts, kind="tuning.finished", subject=f"{now.model} {now.environment}",
               body=body)  # fmt: skip
    return TuningRun(
        number, done.model, done.environment, done.verdict, done.detail, found, done.gates, done.window_from,
        done.window_to, done.threshold, done.applied,
    )  # fmt: skip
