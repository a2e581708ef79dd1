"""What tuning has brought: its runs and their verdicts, the gain it claimed and the gain that came true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from engine import tuning
from engine.deployment import Deployment
from engine.gates import MIN_OF_CLASS, MIN_PREDICTIONS, examine
from engine.registry import Registry
from engine.sweep import grid, objective
from engine.tuning import TuningRun
from storage.sql import Reader

STAGNANT_RUNS, STAGNANT_GAIN = 3, 0.01
"""As the rule `tuning_stagnant`: so many searches in a row that gained less."""


def history(reader: Reader, model: str | None = None, environment: str | None = None) -> pl.DataFrame:
    """View `tuning_runs`, newest first."""
    return reader.query(
        "SELECT * FROM tuning_runs WHERE ($1 IS NULL OR model = $1) AND ($2 IS NULL OR environment = $2)"
        " ORDER BY id DESC",
        [model, environment],
    )


def effect(reader: Reader, since: datetime) -> pl.DataFrame:
    """A row a model and environment: how often searched and applied, claimed and realised gain, the threshold's way.

    `trend` is the threshold that ran at each search; `stagnant` is as the alert rule `tuning_stagnant` has it.
    """
    return reader.query(
        """
        WITH runs AS (
            SELECT *, row_number() OVER (PARTITION BY model, environment ORDER BY id DESC) AS place
            FROM tuning_runs WHERE ts >= $1
        )
        SELECT model, environment, count(*) AS runs, count(*) FILTER (verdict = 'applied') AS applied,
            count(*) FILTER (verdict = 'applied') / count(*) AS applied_share,
            count(*) FILTER (verdict = 'proposed') AS proposed,
            count(*) FILTER (verdict = 'no_improvement') AS no_improvement,
            count(*) FILTER (verdict IN ('inconclusive', 'infeasible', 'blocked')) AS undecided,
            avg(crossfit_gain) FILTER (verdict = 'applied') AS claimed_gain,
            avg(realised_gain) FILTER (verdict = 'applied') AS realised_gain,
            avg(apparent_gain - crossfit_gain) AS optimism,
            count(*) FILTER (check_verdict = 'reverted') AS reverted,
            count(*) FILTER (place <= $2) = $2
                AND coalesce(max(crossfit_gain) FILTER (place <= $2), 0) < $3 AS stagnant,
            arg_max(best_metric, id) AS best_metric, arg_max(verdict, id) AS last_verdict,
            arg_max(detail, id) AS last_detail, list(current_threshold ORDER BY id) AS trend
        FROM runs GROUP BY model, environment ORDER BY environment, model
        """,
        [since, STAGNANT_RUNS, STAGNANT_GAIN],
    )


def thresholds(reader: Reader) -> pl.DataFrame:
    """What is deployed with its cut-off, the range that tuning keeps to, and the accuracy that raises an alert."""
    return reader.query(
        """
        SELECT p.model, p.environment, p.version, p.threshold, m.threshold_low, m.threshold_high, m.threshold_step,
            m.primary_metric, p.accuracy_limit, m.alert_severity AS severity, p.acc1000, d.kind AS set_by_kind,
            d.actor AS set_by, d.started_ts AS since,
            (SELECT t.exact_threshold FROM tuning_runs t WHERE t.model = p.model AND t.environment = p.environment
                ORDER BY t.id DESC LIMIT 1) AS exact_threshold
        FROM performance_now p JOIN model m ON m.name = p.model JOIN deployments d ON d.id = p.deployment_id
        ORDER BY p.environment, p.model
        """
    )


def run_row(run: TuningRun) -> dict[str, Any]:
    """A search as commands show it, its curve as `trend` over the thresholds `places`."""
    found = run.finding
    return {
        "model": run.model, "environment": run.environment, "verdict": run.verdict, "detail": run.detail, "n": found.n,
        "n_positive": found.n_positive, "current_threshold": found.current, "best_threshold": found.best,
        "exact_threshold": found.exact, "current_metric": found.metric_current, "best_metric": found.metric_best,
        "apparent_gain": found.apparent_gain, "crossfit_gain": found.crossfit_gain, "gain_low": found.gain_low,
        "threshold": run.threshold, "window_from": run.window_from, "window_to": run.window_to,
        "gates": {name: {"ok": gate.ok, "why": gate.why} for name, gate in sorted(run.gates.items())},
        "places": list(found.places), "trend": list(found.curve),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """Whether there is enough to tune on: matured labels, those of the rarer class, and what is missing."""

    model: str
    environment: str
    version: str
    predictions: int
    coverage: float | None
    labels: int
    window: str
    window_n: int
    window_rarer: int
    missing: int
    missing_rarer: int
    n_for_gain: int | None
    hours_to_go: float | None
    sufficient: bool
    detail: str


def sufficiency(reader: Reader, registry: Registry, now: Deployment) -> Sufficiency:
    """How far the data of a deployment reach for tuning, and how long until they do at the present rate of labels.

    View `data_sufficiency`, beside the window that the next search would take.

    `n_for_gain` estimates how many labels would make the honest gain that was found certain: the gain's distance from
    its lower bound shrinks with the square root of the labels. None where no gain was found.
    """
    items = tuning.matured(reader, now)
    part = tuning.window(items)
    positive = int(part["truth"].sum())
    rarer = min(positive, part.height - positive)
    missing, missing_rarer = max(0, MIN_PREDICTIONS - part.height), max(0, MIN_OF_CLASS - rarer)
    known = reader.query(
        "SELECT s.predictions, s.labels, s.coverage, (SELECT epoch(max(hour)) - epoch(min(hour)) + 3600"
        " FROM label_cohorts c WHERE c.model = s.model AND c.version = s.version AND c.environment = s.environment)"
        " AS span_s FROM data_sufficiency s WHERE model = $1 AND environment = $2",
        [now.model, now.environment],
    ).row(0, named=True)
    enough = not missing and not missing_rarer
    per_hour = items.height / (known["span_s"] / 3_600) if known["span_s"] and items.height else 0.0
    share = max(rarer, 1) / max(part.height, 1)
    short = max(missing, missing_rarer / share)
    return Sufficiency(
        now.model, now.environment, now.version, known["predictions"], known["coverage"], known["labels"],
        tuning.span_in_words(part), part.height, rarer,
        missing, missing_rarer, _n_for_gain(registry, now, part) if enough else None,
        0.0 if enough else short / per_hour if per_hour else None, enough, _words(enough, missing, missing_rarer),
    )  # fmt: skip


def _words(enough: bool, missing: int, missing_rarer: int) -> str:
    if enough:
        return "enough to search for a better threshold"
    parts = [f"{missing} more labelled predictions"] if missing else []
    parts += [f"{missing_rarer} more of the rarer class"] if missing_rarer else []
    return " and ".join(parts) + " are needed"


def _n_for_gain(registry: Registry, now: Deployment, part: pl.DataFrame) -> int | None:
    import numpy as np

    model = registry.model(now.model)
    places = grid(model.threshold_low, model.threshold_high, model.threshold_step)
    found = examine(
        part["score"].to_numpy(), part["truth"].to_numpy(), now.threshold, places, objective("f1"),
        np.random.default_rng([0, now.id, part.height]),
    )  # fmt: skip
    if found.crossfit_gain is None or found.gain_low is None or found.crossfit_gain <= 0:
        return None
    spread = found.crossfit_gain - found.gain_low
    return part.height if spread <= 0 else max(1, round(part.height * (spread / found.crossfit_gain) ** 2))
