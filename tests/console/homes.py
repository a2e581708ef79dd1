"""A small home with everything the console shows: real lake, real ledger, fixed times, nothing random."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from engine import estimate_check
from engine.actor import Actor
from engine.alert_rules import Rule
from engine.alerts import evaluate
from engine.registry import Card, Registry
from engine.room import Room
from storage.home import Home
from storage.lake import Lake
from storage.schema import TABLES
from storage.sql import Reader

NOW = datetime(2026, 3, 2, 2, 14, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Hands:
    """A clock whose hands are moved by the test."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def open_room(path: Path, clock: Hands, *, actor: str = "mara", read_only: bool = False) -> Room:
    """The room over a home at `path`, as `actor` would have it."""
    lake = Lake.open(Home(path), clock)
    registry = Registry(lake.ledger, Actor(actor, "console", "web-3"), clock)
    return Room(lake.home, lake, lake.ledger, Reader(lake), registry, clock, read_only)


CARDS = (
    Card("waf-behavioral", "1.0.0", "external", "Clients that attack", 0.90, "critical", 0.5, 0.9, 0.05,
         {"threshold": 0.65, "rate_limit_per_min": 90}),
    Card("waf-behavioral", "1.1.0", "external", "Clients that attack", 0.90, "critical", 0.5, 0.9, 0.05,
         {"threshold": 0.70, "rate_limit_per_min": 120}),
    Card("n1-detector", "1.0.0", "external", "N+1 queries", 0.85, "warning", 0.5, 0.9, 0.05, {"threshold": 0.6}),
    Card("queue-anomaly", "1.0.0", "external", "Jobs unlike their kind", 0.80, "warning", 0.4, 0.8, 0.05,
         {"threshold": 0.5}),
)  # fmt: skip


def fill(room: Room, clock: Hands) -> Room:
    """Three models with a past, two hours of verdicts, labels, an alert, and a few lines of each log."""
    registry, end = room.registry, clock.now
    clock.now = end - timedelta(days=19)
    for card in CARDS:
        registry.register_card(card, reason="first light")
    for name in ("n1-detector", "queue-anomaly", "waf-behavioral"):
        registry.deploy(name, "1.0.0", "production", reason="first light")
    clock.now = end - timedelta(minutes=42)
    registry.deploy("waf-behavioral", "1.1.0", "production", reason="fewer false alarms wanted",
                    config={"threshold": 0.70, "rate_limit_per_min": 120})  # fmt: skip
    clock.now = end
    land(room, verdicts(end), "land")
    land(room, {"labels": truths(end)}, "label")
    land(room, traffic(end), "land")
    _alert(room, clock)
    estimate_check.record(room.reader, room.ledger, clock)
    return room


def land(room: Room, frames: dict[str, pl.DataFrame], kind: str) -> int:
    """Commit rows, conformed to their tables."""
    return room.lake.append({k: TABLES[k].conform(v) for k, v in frames.items()}, kind=kind)


def _wrong(model: str, i: int, late: bool) -> bool:
    """Whether the verdict is wrong: every so many, and more of them for the WAF since its new version."""
    every = {"waf-behavioral": 5 if late else 15, "n1-detector": 13, "queue-anomaly": 6}[model]
    return (i * 7 + i // 10) % every == 0


def _verdict(model: str, i: int, ts: datetime, late: bool) -> dict[str, object]:
    truth = i % 4 == 0
    flagged = truth != _wrong(model, i, late)
    version = "1.1.0" if model == "waf-behavioral" and late else "1.0.0"
    subject = {"waf-behavioral": f"203.0.113.{i % 40}", "n1-detector": f"trace{i:05d}", "queue-anomaly": f"job-{i}"}
    reason = {
        "waf-behavioral": "probing: 126 paths, 100 % 404 in 60 s",
        "n1-detector": "48 times SELECT … FROM items WHERE order_id = ? (96 ms) for each row of orders",
        "queue-anomaly": "12.8 s where 0.9 s is usual for SendInvoice",
    }
    return {
        "ts": ts, "prediction_id": f"{model}-{i}", "model": model, "version": version, "environment": "production",
        "config_revision": 2 if version == "1.1.0" else 1, "subject": subject[model],
        "window_start": ts - timedelta(minutes=1), "window_end": ts, "score": 0.93 if flagged else 0.12,
        "threshold": 0.7, "flagged": flagged, "reason": reason[model] if flagged else "nothing unusual",
        "evidence": json.dumps({"paths": ["/wp-login.php", "/.env"], "count": i}), "features": json.dumps({"rate": i}),
        "analysis_ms": 1.5, "run_id": "run",
    }  # fmt: skip


def verdicts(end: datetime) -> dict[str, pl.DataFrame]:
    """Two hours of predictions, one model busier than the other."""
    rows = []
    for model, per_minute in (("waf-behavioral", 9), ("n1-detector", 4), ("queue-anomaly", 2)):
        for i in range(120 * per_minute):
            ts = end - 2 * HOUR + timedelta(seconds=i * 60 / per_minute)
            rows.append(_verdict(model, i, ts, ts > end - timedelta(minutes=42)))
    return {"predictions": pl.DataFrame(rows)}


def truths(end: datetime) -> pl.DataFrame:
    """The truth of every prediction, known four minutes later; of the newest it is not known yet."""
    shown = pl.concat(list(verdicts(end).values())).filter(pl.col("ts") <= end - timedelta(minutes=4))
    index = pl.col("prediction_id").str.extract(r"-(\d+)$").cast(pl.Int64)
    return shown.select(
        (pl.col("ts") + timedelta(minutes=4)).alias("ts"), "model", "subject", "window_start",
        (index % 4 == 0).alias("truth"), pl.lit("mara").alias("actor"),
    )  # fmt: skip


def traffic(end: datetime) -> dict[str, pl.DataFrame]:
    """Some requests, statements and jobs of the last minute; a burst of statements of one trace among them."""
    at = [end - timedelta(seconds=80 - i) for i in range(40)]
    requests = pl.DataFrame([
        {"ts": t, "source": "access.log", "byte_offset": i * 100, "client_ip": f"203.0.113.{i % 40}", "method": "GET",
         "path": f"/item/{i}" if i % 5 else "/wp-login.php", "status": 200 if i % 5 else 404, "duration_ms": 3.0 + i,
         "trace_id": f"req{i}", "user_agent": "Mozilla/5.0"}
        for i, t in enumerate(at)
    ])  # fmt: skip
    queries = pl.DataFrame([
        {"ts": at[19] + timedelta(milliseconds=2 * i), "source": "postgresql.log", "byte_offset": i * 80,
         "trace_id": "trace00476", "session": "s1", "database": "shop", "duration_ms": 2.0,
         "sql": f"SELECT * FROM items WHERE order_id = {i}"}
        for i in range(48)
    ])  # fmt: skip
    jobs = pl.DataFrame([
        {"ts": end - timedelta(seconds=125), "source": "jobs.jsonl", "byte_offset": 0, "job_id": "job-236",
         "job_type": "SendInvoice", "queue": "mail", "worker": "w-3", "status": "done", "execution_ms": 12_800.0,
         "wait_ms": 40.0, "memory_mb": 214.0, "retry_count": 0},
    ])  # fmt: skip
    return {"requests": requests, "queries": queries, "jobs": jobs}


ACCURACY = Rule(
    "accuracy", "accuracy under the limit",
    "SELECT model, environment, severity, acc100 AS value, accuracy_limit AS limit_value, 100 AS n,"
    " acc100 < accuracy_limit AS bad FROM performance_now",
    "{model} accuracy {value:.3f} under {limit_value:.2f} (last {n} labelled, {environment})", "model",
)  # fmt: skip


def _alert(room: Room, clock: Hands) -> None:
    """The accuracy of the WAF's new version has been under its limit for five minutes."""
    end = clock.now
    clock.now = end - timedelta(minutes=5)
    evaluate(room.reader, room.ledger, clock, Actor("watchroom", "scheduler", "web-3"), rules=[ACCURACY])
    clock.now = end
