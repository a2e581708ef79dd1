"""Attacks in web requests: what they carry, what their client does, and what it did before.

Three witnesses speak for a client and minute, and the reason names each:
- payload: path, query, body, headers, user agent and referer, decoded layer by layer, are held against signals by
  attack class; a logistic model over the signals gives the probability (engine/waf/payloads.py, `watchroom train`);
- behaviour: leaky buckets and slow counts a client for probing, crawling, guessing passwords, floods, rotation of user
  agents, many clients at one target (engine/waf/behaviour.py);
- history: what the same client did in the minutes before.
They are put together as independent witnesses: 1 - product of (1 - weight) (engine/waf/verdict.py).

Sources: OWASP Core Rule Set 4 (attack classes), CrowdSec hub b03cb59 (bucket parameters), libinjection, RFC 3986.

>>> from datetime import UTC, datetime
>>> from storage.schema import REQUESTS
>>> at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
>>> lines = [("10.0.0.1", "/search", "q=O'Brien"), ("10.0.0.2", "/item", "id=1' UNION SELECT name FROM users--")]
>>> lines += [("10.0.0.3", f"/old-{i}.php", None) for i in range(12)]
>>> rows = [{"ts": at, "byte_offset": i, "client_ip": c, "method": "GET", "path": p, "query": q,
...          "status": 404 if "old" in p else 200} for i, (c, p, q) in enumerate(lines)]
>>> judge = WafBehavioral()
>>> verdicts = judge.score(judge.features(REQUESTS.conform(pl.DataFrame(rows)).lazy())).collect().sort("subject")
>>> for v in verdicts.iter_rows(named=True):
...     print(v["subject"], v["score"] >= 0.5, v["reason"].split(";")[0])
10.0.0.1 False nothing suspicious in 1 requests
10.0.0.2 True SQL injection: UNION SELECT joins a second query
10.0.0.3 True probing: 12 different paths that do not exist (4xx)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from engine.detector import Detector, Settings, Threshold
from engine.waf.about import ABOUT
from engine.waf.assess import assessed, told
from engine.waf.events import LOOKBACK
from engine.waf.model import shipped_model, stored_model


@dataclass(frozen=True, slots=True)
class WafSettings(Settings):
    """Settings of waf-behavioral."""

    model: str = ""
    """File of a payload model made by `watchroom train`, say from a site's own history; empty: the one that ships."""


class WafBehavioral(Detector):
    """One verdict a client and minute: payload signals and model, behaviour against leaky buckets, history."""

    name = "waf-behavioral"
    version = "1.0.0"
    title = "Attacks in web requests, by payload and by behaviour"
    about = ABOUT
    table = "requests"
    subject = "a client in a one-minute window"
    settle = timedelta(seconds=5)
    span = timedelta(minutes=1)
    lookback = LOOKBACK
    grid = timedelta(minutes=1)
    threshold = Threshold(0.5, 0.5, 0.9)
    alert_accuracy = 0.90
    alert_severity = "critical"
    settings_type = WafSettings

    @classmethod
    def learnt_from(cls) -> str:
        """Of the licensed data sets that the shipped payload model was fitted on."""
        return shipped_model().data_sha256

    def features(self, events: pl.LazyFrame, since: datetime | None = None) -> pl.LazyFrame:
        """One row a client and minute: traffic figures, `parts` of evidence, and what the log did not tell."""
        settings = self.settings
        path = settings.model if isinstance(settings, WafSettings) else ""
        return assessed(events, stored_model(Path(path)) if path else None, since).lazy()

    def score(self, features: pl.LazyFrame) -> pl.LazyFrame:
        """`features` with the probability of an attack, the reason in words, and the evidence part by part."""
        return told(features)
