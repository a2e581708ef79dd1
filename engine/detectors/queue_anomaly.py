"""queue-anomaly: job runs that deviate from their type's own past, their neighbours and their worker's peers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

import polars as pl

from engine.detector import VERDICT, Detector, Settings, Threshold
from engine.queue.kinds import Limits
from engine.queue.runs import clean
from engine.queue.signals import FEATURES, signals
from engine.queue.verdict import judged

_KEY = {name: VERDICT[name] for name in ("subject", "window_start", "window_end")}


@dataclass(frozen=True, slots=True)
class QueueSettings(Settings):
    """The settings of queue-anomaly."""

    job_anomaly_min_confidence: float = 0.6
    """An anomaly is named in the reason and the evidence from this confidence on."""
    job_anomaly_threshold: float = 50.0
    """Points out of 100 that a deviation exactly at its limits is worth; fewer make the detector stricter."""
    job_anomaly_zscore_threshold: float = 3.0
    """The limit in robust standard deviations."""
    job_anomaly_iqr_multiplier: float = 1.5
    """The limit in interquartile ranges beyond the third quartile (Tukey's fence); both limits must be passed."""


class QueueAnomaly(Detector):
    """Finds job runs that are slow, heavy, starved, retried, failing in a series, or on a sick worker."""

    name: ClassVar[str] = "queue-anomaly"
    version: ClassVar[str] = "1.0.0"
    title: ClassVar[str] = "Queue jobs that break with their own past"
    table: ClassVar[str] = "jobs"
    subject: ClassVar[str] = "one run of a job (job_id)"
    settle: ClassVar[timedelta] = timedelta(seconds=60)
    span: ClassVar[timedelta] = timedelta(days=1)
    lookback: ClassVar[timedelta] = timedelta(days=7, minutes=10)
    threshold: ClassVar[Threshold] = Threshold(0.6, 0.4, 0.8)
    alert_accuracy: ClassVar[float] = 0.80
    alert_severity: ClassVar[Literal["warning", "critical"]] = "warning"
    settings_type: ClassVar[type[Settings]] = QueueSettings

    def features(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """One row a run: its figures, what was usual, and how far it is from that."""
        settle_us = round(self.settle.total_seconds() * 1_000_000)
        return events.map_batches(
            lambda frame: signals(clean(frame), settle_us), schema=pl.Schema(_KEY | dict(FEATURES))
        )

    def score(self, features: pl.LazyFrame) -> pl.LazyFrame:
        """The union of the confidences in each kind of anomaly."""
        given = self.settings
        assert isinstance(given, QueueSettings)
        limits = Limits(given.job_anomaly_min_confidence, given.job_anomaly_threshold,
                        given.job_anomaly_zscore_threshold, given.job_anomaly_iqr_multiplier)  # fmt: skip
        added = {"score": pl.Float64, "reason": pl.String, "evidence": pl.String}
        return features.map_batches(
            lambda frame: judged(frame, limits), schema=pl.Schema(_KEY | dict(FEATURES) | added)
        )
