"""The N+1 detector: one query for a list, then one more for each of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

import polars as pl

from engine.detector import Detector, Settings, Threshold
from engine.n1 import loops, model, verdict


@dataclass(frozen=True, slots=True)
class N1Settings(Settings):
    """Settings of the N+1 detector."""

    min_repeats: int = 2
    """Statements of one template and call site from which a loop is looked at; 5 is what Sentry asks for, 2 what Prosopite does."""
    min_wasted_ms: float = 0.0
    """A loop known to waste less is never flagged (Sentry asks for 50); one without durations is not held back."""
    idle_ms: float = 200.0
    """Silence that ends a request in a session without trace ids."""
    max_loops: int = 5
    """Loops told in the evidence, the surest first."""


class N1Detector(Detector):
    """Finds traces in which a statement is repeated once a row of an earlier one.

    Statements of a trace are grouped by template and, where logged, call site. A group counts by its different values, so that
    a query asked again with the same ones (a cache miss, polling, a retry) is none; look-ups by a list of keys, validations,
    writes and locks are none either. A logistic over a few features (`engine.n1.model`) weighs what is left.

    >>> from datetime import datetime, timedelta, UTC
    >>> from storage.schema import QUERIES
    >>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    >>> sql = ["SELECT id, author_id FROM posts"] + [f"SELECT * FROM users WHERE id = {i}" for i in range(11)]
    >>> events = QUERIES.conform(pl.DataFrame({"ts": [at + timedelta(milliseconds=i) for i in range(12)],
    ...     "trace_id": ["t1"] * 12, "sql": sql, "duration_ms": [0.5] * 12}))
    >>> detector = N1Detector()
    >>> found = detector.score(detector.features(events.lazy())).collect()
    >>> found["score"].item() > 0.9, found["reason"].item()
    (True, 'N+1: 11 x SELECT * FROM users WHERE id = ? with 11 different values after SELECT id, author_id FROM posts; about 5.0 ms wasted')

    References: Sentry's N+1 and M-N+1 detectors, Prosopite, Bullet, AppMap's scanner; measured in docs/detectors/n1-detector.md.
    Cost: about 2 microseconds a statement on two cores, about 100 bytes of memory each.
    """

    name: ClassVar[str] = "n1-detector"
    version: ClassVar[str] = "1.0.0"
    title: ClassVar[str] = "N+1 queries: one more statement for each row of an earlier one"
    table: ClassVar[str] = "queries"
    subject: ClassVar[str] = "trace_id, else a session's burst of statements"
    settle: ClassVar[timedelta] = timedelta(seconds=5)
    span: ClassVar[timedelta] = timedelta(seconds=60)
    lookback: ClassVar[timedelta] = timedelta(0)
    threshold: ClassVar[Threshold] = Threshold(default=0.5, low=0.5, high=0.9, step=0.05)
    alert_accuracy: ClassVar[float] = 0.85
    alert_severity: ClassVar[Literal["warning", "critical"]] = "warning"
    settings_type: ClassVar[type[Settings]] = N1Settings
    settings: N1Settings

    def features(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """One row a trace (or burst): how many statements, templates and milliseconds, and the possible `loops` in it."""
        cut = loops.Cut(self.settle, self.span, timedelta(milliseconds=self.settings.idle_ms))
        least = max(self.settings.min_repeats, 2)
        return loops.narrow(events).map_batches(
            lambda rows: verdict.describe(loops.windowed(rows, cut), least), schema=verdict.FEATURES
        )

    def score(self, features: pl.LazyFrame) -> pl.LazyFrame:
        """The surest loop's probability, told in words, with the loops as evidence."""
        return verdict.judge(features, self.settings.min_wasted_ms, self.settings.max_loops)


__all__ = ["N1Detector", "N1Settings", "model"]
