"""How the periodic jobs fare: view `job_health` beside the schedule, the clock, and whether anybody runs them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.jobs import schedule
from engine.slots import next_slot
from storage.sql import Reader

FAILURES, STALE_INTERVALS, SUCCESS_RATE = 3, 2.5, 0.95
"""As the rules job_failed_consecutively, job_stale and ml_success_rate_low have them."""
SHOWN_RUNS = 20


def status(reader: Reader, now: datetime) -> list[dict[str, Any]]:
    """A row a job: when it ran last and how, when it is due next, failures in a row, and `trend`, its last durations.

    `state` is ok, running, paused, never_ran, failing (3 in a row, or never a success),
    unreliable (under 95 % of a day's runs succeeded) or stale (no success for 2.5 intervals).
    """
    known = {row["job"]: row for row in reader.query("SELECT * FROM job_health").iter_rows(named=True)}
    lasted = reader.query(
        "SELECT job, list(duration_s ORDER BY id) AS trend FROM ("
        " SELECT job, id, duration_s FROM job_runs WHERE duration_s IS NOT NULL"
        " QUALIFY row_number() OVER (PARTITION BY job ORDER BY id DESC) <= $1) GROUP BY job",
        [SHOWN_RUNS],
    )
    trends = dict(lasted.iter_rows())
    rows = []
    for job in schedule(lambda _: {}):
        row = known.get(job.name, {})
        rows.append({
            "job": job.name, "about": job.about, "every_min": job.every / timedelta(minutes=1),
            "state": _state(row, job.every, now), "last_outcome": row.get("last_outcome"),
            "last_ended": row.get("last_ended_ts"), "last_duration_s": row.get("last_duration_s"),
            "last_success": row.get("last_success_ts"), "next_run": next_slot(now, job.every),
            "consecutive_failures": row.get("consecutive_failures", 0), "runs_24h": row.get("runs_24h", 0),
            "success_rate_24h": row.get("success_rate_24h"), "missed": row.get("missed", 0),
            "skipped": row.get("skipped", 0), "paused_until": row.get("paused_until"),
            "last_error": row.get("last_error"), "trend": trends.get(job.name, []),
        })  # fmt: skip
    return rows


def is_healthy(row: dict[str, Any]) -> bool:
    """Whether a job needs nobody: it runs well, or was paused on purpose."""
    return row["state"] in ("ok", "running", "paused")


def _state(row: dict[str, Any], every: timedelta, now: datetime) -> str:
    if row.get("paused_until") is not None and row["paused_until"] > now:
        return "paused"
    if row.get("consecutive_failures", 0) >= FAILURES:
        return "failing"
    if row.get("is_running"):
        return "running"
    if row.get("last_outcome") is None:
        return "never_ran"
    if row["last_success_ts"] is None:
        return "failing"
    if now - row["last_success_ts"] > every * STALE_INTERVALS:
        return "stale"
    rate = row.get("success_rate_24h")
    return "unreliable" if rate is not None and rate < SUCCESS_RATE else "ok"
