"""A site's own labelled traffic can be learnt from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from engine.waf.own import own_requests
from storage.errors import InputError
from storage.lake import Lake
from storage.schema import LABELS, REQUESTS

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def land(lake: Lake, requests: list[dict[str, object]], labels: list[dict[str, object]]) -> None:
    frames = {"requests": REQUESTS.conform(pl.DataFrame(requests)), "labels": LABELS.conform(pl.DataFrame(labels))}
    lake.append(frames, kind="land")


def label(subject: str, truth: bool, minute: datetime | None, ts: datetime = NINE) -> dict[str, object]:
    return {"ts": ts, "model": "waf-behavioral", "subject": subject, "window_start": minute, "truth": truth}


def test_a_label_counts_for_its_minute_and_the_newest_one_wins(lake: Lake) -> None:
    rows: list[dict[str, object]] = [
        {"ts": NINE + timedelta(seconds=5), "client_ip": "203.0.113.1", "path": "/a", "query": "id=1"},
        {"ts": NINE + timedelta(seconds=65), "client_ip": "203.0.113.1", "path": "/b", "query": "id=2"},
        {"ts": NINE, "client_ip": "203.0.113.2", "path": "/c", "query": None},
        {"ts": NINE, "client_ip": "203.0.113.3", "path": "/d", "query": None},
    ]
    labels = [
        label("203.0.113.1", False, NINE),
        label("203.0.113.1", True, NINE, NINE + timedelta(hours=1)),
        label("203.0.113.2", False, None),
    ]
    land(lake, rows, labels)
    found = own_requests(lake)
    assert dict(zip(found["path"], found["attack"], strict=True)) == {"/a": True, "/c": False}


def test_without_labels_it_says_what_gives_them(lake: Lake) -> None:
    with pytest.raises(InputError, match="watchroom label"):
        own_requests(lake)
