"""What may go after a while: looks, runs and notices that are done. What was decided is kept for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine import versions
from engine.actor import Actor
from engine.deployment import SELECT, Deployment, from_row
from storage.audit import append, verify
from storage.clock import Clock, rfc3339, utc_now
from storage.ledger import Ledger

_OLD = {
    "degradation_check": "ts < ?1 AND id NOT IN (SELECT max(id) FROM degradation_check GROUP BY deployment_id, metric)",
    "job_run": "slot_ts < ?1 AND outcome <> 'running' AND id NOT IN (SELECT max(id) FROM job_run GROUP BY job)",
    "outbox": "created_ts < ?1 AND state IN ('delivered', 'dead', 'digested')",
    "estimate_check": "ts < ?1 AND id NOT IN (SELECT max(id) FROM estimate_check GROUP BY deployment_id, metric)",
    "cache_count": "minute < ?1",
    "analysis_count": "minute < ?1",
    "silence": "until_ts < ?1",
}
"""Tables with what may go, and which of their rows are old enough; the newest of each kind stays."""


def cleanup(ledger: Ledger, actor: Actor, older_than: timedelta, clock: Clock = utc_now, *,
            dry_run: bool = False) -> dict[str, int]:  # fmt: skip
    """Delete what is older than `older_than`; returns how many rows of each table went, or would go."""
    now = clock()
    with ledger.write() as connection:
        counts = {}
        for table, old in _OLD.items():
            before = _before(now, older_than)
            found = connection.execute(f"SELECT count(*) AS n FROM {table} WHERE {old}", (before,)).fetchone()
            counts[table] = int(found["n"])
            if not dry_run:
                connection.execute(f"DELETE FROM {table} WHERE {old}", (before,))
        if not dry_run:
            append(connection, actor, ts=rfc3339(now), kind="cleanup.finished", subject="ledger",
                   body={"older_than_days": older_than / timedelta(days=1), **counts})  # fmt: skip
    return counts


def check_integrity(ledger: Ledger) -> list[str]:
    """What is not as it was written down: the event log, and detectors whose code is not what was registered."""
    with ledger.read() as connection:
        chain = verify(connection)
        running = [from_row(row) for row in connection.execute(f"{SELECT} WHERE d.status = 'active'")]
        found = [] if chain.intact else [f"the event log is broken at event {chain.broken_seq}: {chain.reason}"]
        for deployment in running:
            registered = versions.find(connection, deployment.model, deployment.version)
            is_ours = versions.get(connection, deployment.model).kind == "detector"  # others' files are not here
            if is_ours and registered.sha256 is not None and not _is_same_code(deployment, registered.sha256):
                found.append(f"the code of {deployment} is not the code that was registered")
    return found


def _is_same_code(deployment: Deployment, sha256: str) -> bool:
    from engine import detector

    if deployment.model not in detector.names():
        return False
    return versions.source_hash(detector.load(deployment.model))[0] == sha256


def _before(now: datetime, older_than: timedelta) -> str:
    return rfc3339(now - older_than)
