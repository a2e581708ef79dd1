"""Estimates without labels, written down at each look: console, rules and SQL read the same (view `estimates_now`)."""

from __future__ import annotations

from engine.deployment import SELECT, Deployment, from_row
from engine.estimate import Estimate, estimates
from storage.clock import Clock, rfc3339, utc_now
from storage.ledger import Ledger
from storage.sql import Reader


def record(reader: Reader, ledger: Ledger, clock: Clock = utc_now) -> list[tuple[Deployment, Estimate]]:
    """Estimate every metric of every active deployment once, and write down what came of it."""
    with ledger.read() as connection:
        active = [from_row(row) for row in connection.execute(f"{SELECT} WHERE d.status = 'active' ORDER BY d.id")]
    found = [(deployment, said) for deployment in active for said in estimates(reader, deployment)]
    ts = rfc3339(clock())
    with ledger.write() as connection:
        connection.executemany(
            "INSERT INTO estimate_check (ts, model, environment, deployment_id, metric, value, low, high, n, realised,"
            " calibration, is_calibrated_band, warnings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (ts, d.model, d.environment, d.id, e.metric, e.value, e.low, e.high, e.n, e.realised, e.calibration,
                 int(e.is_calibrated_band), "; ".join(e.warnings))
                for d, e in found
            ],
        )  # fmt: skip
    return found
