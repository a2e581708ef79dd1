"""The N+1 detector: one query for a list, then one more for each of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, cast

import polars as pl

from engine.about import About
from engine.detector import Detector, Settings, Threshold
from engine.n1.about import ABOUT
from engine.n1.features import FEATURES, features
from engine.n1.rows import narrow, parts, still_there
from engine.n1.verdict import judge
from engine.n1.windows import Cut, windowed


@dataclass(frozen=True, slots=True)
class N1Settings(Settings):
    """Settings of the N+1 detector."""

    min_repeats: int = 2
    """Statements of one template and call site from which a loop is looked at (Prosopite: 2, Sentry: 5)."""
    min_wasted_ms: float = 0.0
    """A loop known to waste less is never flagged (Sentry: 50); one without durations is not held back."""
    idle_ms: float = 200.0
    """Silence that ends a request in a session without trace ids."""
    max_loops: int = 5
    """Loops told in the evidence, the surest first."""


class N1Detector(Detector):
    """Finds traces in which a statement is repeated once for each row of an earlier one.

    Statements of a trace are grouped by template and, where logged, call site. A group counts by its different values,
    so that a query asked again with the same ones (a cache miss, polling, a retry) is no loop; look-ups by a list of
    keys, the next page of a list, validations, writes and locks are none either. A logistic over a few features
    (`engine.n1.model`) weighs what is left.

    >>> from datetime import datetime, UTC
    >>> from storage.schema import QUERIES
    >>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    >>> sql = ["SELECT id, author_id FROM posts"] + [f"SELECT * FROM users WHERE id = {i}" for i in range(11)]
    >>> events = QUERIES.conform(pl.DataFrame({"ts": [at + timedelta(milliseconds=i) for i in range(12)],
    ...     "trace_id": ["t1"] * 12, "sql": sql, "duration_ms": [0.5] * 12}))
    >>> detector = N1Detector()
    >>> verdict = detector.score(detector.features(events.lazy())).collect()
    >>> verdict["score"].item() > 0.9
    True
    >>> verdict["reason"].item().split(" after ")[0]
    'N+1: 11 x SELECT * FROM users WHERE id = ? with 11 different values'

    References: Sentry's N+1 and M-N+1 detectors, Prosopite, Bullet, AppMap's scanner, perf-sentinel; what each counts,
    and how they compare, is in docs/detectors/n1-detector.md. Cost: about 2 microseconds a statement on two cores.
    """

    name: ClassVar[str] = "n1-detector"
    version: ClassVar[str] = "1.0.0"
    title: ClassVar[str] = "N+1 queries: one more statement for each row of an earlier one"
    about: ClassVar[About] = ABOUT
    table: ClassVar[str] = "queries"
    subject: ClassVar[str] = "trace_id, else a session's burst of statements"
    settle: ClassVar[timedelta] = timedelta(seconds=5)
    span: ClassVar[timedelta] = timedelta(seconds=60)
    lookback: ClassVar[timedelta] = timedelta(seconds=20)
    threshold: ClassVar[Threshold] = Threshold(default=0.5, low=0.5, high=0.9, step=0.05)
    alert_accuracy: ClassVar[float] = 0.85
    alert_severity: ClassVar[Literal["warning", "critical"]] = "warning"
    settings_type: ClassVar[type[Settings]] = N1Settings

    @property
    def _settings(self) -> N1Settings:
        return cast(N1Settings, self.settings)

    def features(self, events: pl.LazyFrame, since: datetime | None = None) -> pl.LazyFrame:
        """One row a trace or burst (`engine.n1.features.FEATURES`): what it holds, and the possible loops in it."""
        cut = Cut(self.settle, self.span, timedelta(milliseconds=self._settings.idle_ms))
        least = max(self._settings.min_repeats, 2)

        def judged(rows: pl.DataFrame) -> pl.DataFrame:
            told = pl.concat(features(windowed(part, cut), least) for part in parts(rows))
            return (told if since is None else told.filter(pl.col("window_end") >= since)).sort(
                "window_start", "subject"
            )

        asked = events if since is None else still_there(events, since, self.settle)
        return narrow(asked).map_batches(judged, schema=FEATURES)

    def score(self, features: pl.LazyFrame) -> pl.LazyFrame:
        """The surest loop's probability, a reason that names it, and the loops as evidence."""
        return judge(features, self._settings.min_wasted_ms, self._settings.max_loops)
