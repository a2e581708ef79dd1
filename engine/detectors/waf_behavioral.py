"""Attacks in web requests: what they carry, what their client does, and what it did before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from engine.detector import Detector, Settings, Threshold
from engine.waf.assess import assessed, told
from engine.waf.events import LOOKBACK


@dataclass(frozen=True, slots=True)
class WafSettings(Settings):
    """Settings of waf-behavioral."""


class WafBehavioral(Detector):
    """One verdict a client and minute: payload signals and model, behaviour against leaky buckets, history."""

    name = "waf-behavioral"
    version = "1.0.0"
    title = "Attacks in web requests, by payload and by behaviour"
    table = "requests"
    subject = "a client in a one-minute window"
    settle = timedelta(seconds=5)
    span = timedelta(minutes=1)
    lookback = LOOKBACK
    threshold = Threshold(0.5, 0.5, 0.9)
    alert_accuracy = 0.90
    alert_severity = "critical"
    settings_type = WafSettings

    def features(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """One row a client and minute: traffic figures, `parts` of evidence, and what the log did not tell."""
        return assessed(events).lazy()

    def score(self, features: pl.LazyFrame) -> pl.LazyFrame:
        """`features` with the probability of an attack, the reason in words, and the evidence part by part."""
        return told(features)
