"""queue-anomaly: job runs that break with their type's own past, with their neighbours, or with their worker's peers.

>>> from datetime import UTC, datetime, timedelta
>>> from storage.schema import JOBS
>>> start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
>>> rows = {"ts": [start + timedelta(seconds=10 * i) for i in range(12)], "job_id": [f"j{i}" for i in range(12)],
...         "execution_ms": [900.0 + i % 7 for i in range(11)] + [12_800.0]}
>>> events = JOBS.conform(pl.DataFrame(rows).with_columns(job_type=pl.lit("mail"), queue=pl.lit("default")))
>>> detector = QueueAnomaly()
>>> last = detector.score(detector.features(events.lazy())).collect().row(11, named=True)
>>> last["reason"], last["score"] > detector.settings.threshold
('mail: ran 12.8 s, usually 902 ms (median of 11 runs)', True)
>>> last["evidence"][:99]
'{"anomalies":[{"type":"execution_time_spike","feature":"execution_ms","value":12800.0,"usual":902.0'

Sources: the modified z-score by Iglewicz and Hoaglin (1993) and Tukey's fences (1977) for single runs; Brown and Mood's
resistant line (1951) for what the payload explains; bounded slowdown by Feitelson and Rudolph (1998) for waits; Mann
(1945) and Kendall (1975) for memory that rises from run to run. Which figures tell of a sick worker was seen on
Flow-Bench (arXiv:2306.09930); its labels gave the two numbers that say what a faint sign on all of a worker's runs is
worth (`engine/queue/calibration.py`).

Cost: 11 microseconds of CPU time a run in memory, 20 from Parquet slice by slice; linear in the runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

import polars as pl

from engine.about import About
from engine.detector import VERDICT, Detector, Settings, Threshold
from engine.queue.about import ABOUT
from engine.queue.kinds import Limits
from engine.queue.runs import clean, cleaned
from engine.queue.signals import FEATURES, signals
from engine.queue.verdict import judged

_SHOWN = pl.Schema(
    [(name, VERDICT[name]) for name in ("subject", "window_start", "window_end")] + list(FEATURES.items())
)
_JUDGED = pl.Schema([*_SHOWN.items(), *((name, VERDICT[name]) for name in ("score", "reason", "evidence"))])


@dataclass(frozen=True, slots=True)
class QueueSettings(Settings):
    """The settings of queue-anomaly."""

    job_anomaly_min_confidence: float = 0.6
    """An anomaly is named in the reason and the evidence from this confidence on."""
    job_anomaly_threshold: float = 50.0
    """Points out of 100 from which a deviation counts as more likely an anomaly than not; more are stricter.

    A deviation exactly at its limits (the next two settings) has 50 points, one half over them 92.
    """
    job_anomaly_zscore_threshold: float = 3.0
    """The limit in robust standard deviations."""
    job_anomaly_iqr_multiplier: float = 1.5
    """The limit in interquartile ranges beyond the third quartile (Tukey's fence); both limits must be passed."""
    job_anomaly_worker_share: float = 0.5
    """How many of the long runs that look faintly like those of a degraded worker are on it and not beside it: that
    much of the suspicion enters the score. 0 where workers are known to be well."""


class QueueAnomaly(Detector):
    """Finds job runs that are slow, heavy, starved, retried, failing in a series, or on a sick worker."""

    name: ClassVar[str] = "queue-anomaly"
    version: ClassVar[str] = "1.0.0"
    title: ClassVar[str] = "Queue jobs that break with their own past"
    about: ClassVar[About] = ABOUT
    table: ClassVar[str] = "jobs"
    subject: ClassVar[str] = "one run of a job (job_id)"
    settle: ClassVar[timedelta] = timedelta(seconds=60)
    span: ClassVar[timedelta] = timedelta(days=1)
    lookback: ClassVar[timedelta] = timedelta(days=8, minutes=10)
    threshold: ClassVar[Threshold] = Threshold(0.6, 0.4, 0.8)
    alert_accuracy: ClassVar[float] = 0.80
    alert_severity: ClassVar[Literal["warning", "critical"]] = "warning"
    settings_type: ClassVar[type[Settings]] = QueueSettings

    def features(self, events: pl.LazyFrame, since: datetime | None = None) -> pl.LazyFrame:
        """One row a run: its figures, what was usual, and how far it is from that (`engine/queue/signals.py`)."""
        settle_us = round(self.settle.total_seconds() * 1_000_000)
        return cleaned(events).map_batches(lambda frame: signals(clean(frame, since), settle_us), schema=_SHOWN)

    def score(self, features: pl.LazyFrame) -> pl.LazyFrame:
        """The union of the confidences in each kind of anomaly (`engine/queue/kinds.py`), and the words for them."""
        given = self.settings
        assert isinstance(given, QueueSettings)
        limits = Limits(given.job_anomaly_min_confidence, given.job_anomaly_threshold,
                        given.job_anomaly_zscore_threshold, given.job_anomaly_iqr_multiplier,
                        given.job_anomaly_worker_share)  # fmt: skip
        return features.map_batches(lambda frame: judged(frame, limits), schema=_JUDGED)
