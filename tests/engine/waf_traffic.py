"""Made web traffic for the tests of the WAF detector."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from engine.detectors.waf_behavioral import WafBehavioral
from storage.schema import REQUESTS

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def request(path: str = "/", at_s: float = 0.0, **columns: Any) -> dict[str, Any]:
    """A request `at_s` seconds after START, of a browser that is served unless `columns` say otherwise."""
    given = {"client_ip": "203.0.113.7", "method": "GET", "status": 200, "user_agent": BROWSER} | columns
    return {"ts": START + timedelta(seconds=at_s), "path": path} | given


def log(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """`rows` as they would land: table requests, an offset each."""
    placed = [{"source": "access.log", "byte_offset": i * 100} | row for i, row in enumerate(rows)]
    return REQUESTS.conform(pl.DataFrame(placed, infer_schema_length=None))


def judged(events: pl.DataFrame) -> pl.DataFrame:
    """What the detector says of every client and minute."""
    detector = WafBehavioral()
    return detector.score(detector.features(events.lazy())).collect()


def verdicts(*rows: dict[str, Any]) -> dict[str, tuple[float, str]]:
    """The highest score and its reason, a client."""
    best = judged(log(rows)).sort("score", descending=True).unique("subject", keep="first", maintain_order=True)
    return {subject: (score, reason) for subject, score, reason in best.select("subject", "score", "reason").rows()}


def verdicts_by_case(cases: dict[str, list[dict[str, Any]]]) -> dict[str, tuple[float, str]]:
    """The highest score and its reason, a case: one run, each case's requests from a client of its own."""
    client_of = {case: f"2001:db8::{i:x}" for i, case in enumerate(cases)}
    found = verdicts(*(row | {"client_ip": client_of[case]} for case, rows in cases.items() for row in rows))
    return {case: found[client] for case, client in client_of.items()}
