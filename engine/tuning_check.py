"""Was a tuning right? For a day the old threshold is kept in mind, and both judge the same new items.

The score of an item is stored, so what either threshold would have said is known without splitting traffic. Only items
on which they differ tell: b where the old one was right, c where the new one was. If neither were better, each would
be a fair coin, and the e-value 2^(b+c) B(b+1, c+1) passes 20 with a chance of at most 1 in 20, however often one looks
(a sequential McNemar test with a uniform mixture).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import exp, lgamma, log

import numpy as np
import polars as pl

from engine.deployment import Deployment, active
from engine.registry import Registry
from engine.sweep import Bools, Floats, counts_at, objective
from storage.clock import parse_rfc3339
from storage.sql import Reader

WATCHED_FOR = timedelta(hours=24)
DECIDES = 20.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two thresholds on the same items: how often only the one or the other was right, the e-value, and the gain."""

    n: int
    old_right: int
    new_right: int
    e_value: float
    gain: float | None

    @property
    def new_is_worse(self) -> bool:
        """Whether the new threshold is worse for sure, in errors and in what it was tuned for."""
        return self.e_value >= DECIDES and self.old_right > self.new_right and (self.gain is None or self.gain < 0.0)


def compare(score: Floats, truth: Bools, old: float, new: float, aim: str = "f1") -> Comparison:
    """How threshold `new` does against `old` on the same items."""
    before, after = score >= old, score >= new
    old_right = int(((before == truth) & (after != truth)).sum())
    new_right = int(((before != truth) & (after == truth)).sum())
    values = objective(aim).of(counts_at(score, truth, np.array([old, new])))
    gain = float(values[1] / values[0] - 1.0) if np.isfinite(values).all() and values[0] > 0 else None
    return Comparison(score.size, old_right, new_right, e_mcnemar(old_right, new_right), gain)


def e_mcnemar(b: int, c: int) -> float:
    """2^(b+c) B(b+1, c+1): the fortune of who bet, with a uniform prior, that the coin is not fair."""
    return exp(min(700.0, (b + c) * log(2.0) + lgamma(b + 1) + lgamma(c + 1) - lgamma(b + c + 2)))


def check(reader: Reader, registry: Registry) -> list[tuple[int, str, Comparison]]:
    """Look at every tuning that is watched: reverted if it is worse, kept after a day; returns run and verdict."""
    watched = reader.query("SELECT * FROM tuning_run WHERE check_verdict = 'watching' ORDER BY id")
    done = []
    for run in watched.iter_rows(named=True):
        found, aim = _on_new_items(reader, run), str(run["objective"])
        with registry.ledger.read() as connection:
            now = active(connection, run["model"], run["environment"])
        old, new = run["current_threshold"], _threshold(reader, run["applied_deployment_id"])
        result = compare(found["score"].to_numpy(), found["truth"].to_numpy(), old, new, aim)
        over = registry.clock() - parse_rfc3339(run["ts"]) >= WATCHED_FOR
        if now is None or now.id != run["applied_deployment_id"]:
            verdict = "superseded"
        elif result.new_is_worse:
            _revert(registry, now, old, result)
            verdict = "reverted"
        else:
            verdict = "kept" if over else "watching"
        _note(registry, run["id"], verdict, result)
        done.append((int(run["id"]), verdict, result))
    return done


def _on_new_items(reader: Reader, run: dict[str, object]) -> pl.DataFrame:
    return reader.query(
        "SELECT p.score, p.truth FROM labelled_predictions p JOIN deployment d ON d.id = $1"
        " WHERE p.model = d.model AND p.version = d.version AND p.environment = d.environment AND p.score IS NOT NULL"
        " AND p.ts > CAST($2 AS TIMESTAMPTZ) ORDER BY p.ts",
        [run["applied_deployment_id"], run["window_to"]],
    )


def _threshold(reader: Reader, deployment_id: int) -> float:
    sql = "SELECT json_extract(config, '$.threshold') AS threshold FROM deployments WHERE id = $1"
    found = reader.query(sql, [deployment_id])
    return float(found.item())


def _revert(registry: Registry, now: Deployment, old: float, result: Comparison) -> None:
    reason = (
        f"tuning was worse on {result.n} new items: {result.old_right} only the old threshold had right, "
        f"{result.new_right} only the new one"
    )
    registry.update_config(
        now.model, now.environment, {"threshold": old}, reason=reason, expected=now.id, kind="revert"
    )


def _note(registry: Registry, run: int, verdict: str, result: Comparison) -> None:
    words = f"{result.n} new items, old right {result.old_right}, new right {result.new_right}, e {result.e_value:.3g}"
    with registry.ledger.write() as connection:
        connection.execute(
            "UPDATE tuning_run SET check_verdict = ?, check_detail = ?, realised_gain = ? WHERE id = ?",
            (verdict, words, result.gain, run),
        )
