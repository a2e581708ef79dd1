"""Degradation: size and certainty must both say so, and a stream without a change stays quiet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import alerts, degradation, evidence, verification
from engine.alert_rules import default_rules
from engine.deployment import active
from engine.intervals import confidence_sequence, wilson
from tests.modelops import JOB, Room, card, labels, predictions, room

BASE = degradation.Baseline("accuracy", 0.92, 50_000, "validation")


def _items(right: np.ndarray, per_day: float = 14_400.0) -> pl.DataFrame:
    """Labelled predictions that flag every item; `right` says which are right."""
    at = (np.arange(right.size) / per_day * 86_400e6).astype("datetime64[us]")
    return pl.DataFrame({"ts": at, "flagged": np.ones(right.size, bool), "truth": right})


def test_wilson_looked_at_once_covers_and_the_sequence_covers_at_every_look() -> None:
    rng = np.random.default_rng(3)
    looks = np.unique(np.geomspace(20, 4_000, 40).astype(int))
    missed_once = missed_ever = sequence_missed = 0
    for _ in range(60):
        hits = np.cumsum(rng.random(4_000) < 0.9)
        bounds = [wilson(hits[n - 1], n) for n in looks]
        missed = [not b.low <= 0.9 <= b.high for b in bounds]
        missed_once += missed[-1]
        missed_ever += any(missed)
        always = [confidence_sequence(hits[n - 1], n) for n in looks]
        sequence_missed += any(not b.low <= 0.9 <= b.high for b in always)
    assert missed_once / 60 < 0.12
    assert missed_ever / 60 > 0.20, "the plain interval lies to who looks often"
    assert sequence_missed / 60 <= 0.05


@given(st.integers(1, 3_000), st.floats(0, 1))
def test_both_intervals_hold_the_share_and_the_sequence_is_the_wider(n: int, share: float) -> None:
    hits = round(share * n)
    once, always = wilson(hits, n), confidence_sequence(hits, n)
    assert 0.0 <= once.low <= hits / n + 1e-9
    assert hits / n - 1e-9 <= once.high <= 1.0
    assert always.low <= once.low + 0.02
    assert always.high >= once.high - 0.02


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(evidence.METRICS), st.integers(0, 2**32), st.floats(0.3, 0.97), st.integers(1, 1_400))
def test_the_whole_stream_at_once_equals_one_label_at_a_time(name: str, seed: int, level: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    gained = evidence.gains(name, rng.random(n) < 0.4, rng.random(n) < 0.4, level)
    fortunes = np.zeros(len(evidence.BETS))
    for i, z in enumerate(gained.z):
        fortunes = (1 + fortunes) * (1 - np.array(evidence.BETS) * z / gained.largest)
        if (i + 1) % evidence._CHUNK == 0:
            fortunes = np.minimum(fortunes, 10.0 * 5_000.0)
    expected = min(np.log10(fortunes.mean() / 5_000.0), 1.0)
    assert evidence.evidence(gained, 5_000.0)[-1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", evidence.METRICS)
def test_the_mean_gain_is_zero_exactly_where_the_metric_is_at_the_level(name: str) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(5_000) < 0.3
    flagged = np.where(rng.random(5_000) < 0.8, truth, ~truth)
    level = evidence.metric(name, flagged, truth)
    assert level is not None
    assert evidence.gains(name, flagged, truth, level).z.mean() == pytest.approx(0.0, abs=1e-9)
    assert evidence.gains(name, flagged, truth, level - 0.1).z.mean() > 0
    assert evidence.gains(name, flagged, truth, level + 0.1).z.mean() < 0


def test_alarms_without_a_change_come_no_more_often_than_stated() -> None:
    rng, length, alarms, n = np.random.default_rng(5), 2_000.0, 0, 0
    for _ in range(60):
        gained = evidence.gains("accuracy", np.ones(4_000, bool), rng.random(4_000) < 0.9, 0.9)
        found = evidence.evidence(gained, length) >= 0
        alarms += bool(found.any())
        n += int(found.argmax()) if found.any() else 4_000
    assert alarms > 0, "the test must be able to fail"
    assert n / alarms >= length, "items between alarms"


def test_a_drop_of_a_tenth_is_found_within_a_thousand_labels_and_one_of_a_fifth_within_six_hundred() -> None:
    for drop, limit in ((0.10, 1_000), (0.20, 600)):
        delays = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            right = np.concatenate([rng.random(5_000) < 0.92, rng.random(4_000) < 0.92 * (1 - drop)])
            looks = degradation.replay("accuracy", _items(right), BASE, 50)
            bad = (looks["level"] == "degraded").to_numpy()
            twice = np.flatnonzero(bad[1:] & bad[:-1]) + 1
            delays.append(int(looks["labels"][int(twice[0])]) - 5_000)
        assert min(delays) > 0
        assert np.median(delays) <= limit


def test_a_small_drop_is_watched_and_no_alarm() -> None:
    rng = np.random.default_rng(2)
    right = np.concatenate([rng.random(3_000) < 0.92, rng.random(30_000) < 0.90])
    looks = degradation.replay("accuracy", _items(right), BASE, 500)
    assert "watch" in looks["level"].tail(20).to_list()
    assert (looks["level"] == "degraded").sum() == 0


def _land(r: Room, right: np.ndarray, first: int, minute: float) -> None:
    made = predictions([(minute + i / 100, 0.9) for i in range(right.size)], first=first)
    truth = labels([bool(x) for x in right], first=first, minute=minute + right.size / 100)
    r.lake.append({"predictions": made, "labels": truth}, kind="judge")


def _check(r: Room) -> dict[str, str]:
    found = degradation.check(r.reader, r.ledger, JOB, r.clock)
    alerts.evaluate(r.reader, r.ledger, r.clock, JOB, job="ml-degradation-detection", rules=default_rules())
    return {c.metric: c.level for _, c in found}


def test_a_model_that_grows_worse_is_found_told_and_verified_with_later_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    r = room(tmp_path)
    assert _check(r) == {"accuracy": "no_data", "f1": "no_data"}
    _land(r, rng.random(1_200) < 0.93, 0, 0)
    assert _check(r) == {"accuracy": "ok", "f1": "ok"}
    assert r.reader.query("SELECT source, n FROM baseline ORDER BY metric").rows() == [
        ("first_labels", 300), ("first_labels", 285)]  # fmt: skip
    assert verification.verify(r.reader, r.ledger, "census", JOB, r.clock).verdict == "no_alarm"
    _land(r, rng.random(1_200) < 0.70, 1_200, 20)
    for _ in range(2):
        r.clock.tick(minutes=15)
        assert _check(r)["accuracy"] == "degraded"
    (alarm,) = r.reader.query("SELECT * FROM open_alerts").iter_rows(named=True)
    assert (alarm["rule"], alarm["state"]) == ("model_performance_degraded", "firing")
    assert "Performance Degraded: census" in alarm["summary"]
    assert verification.verify(r.reader, r.ledger, "census", JOB, r.clock).verdict == "no_labels"
    _land(r, rng.random(800) < 0.70, 2_400, 40)
    verdict = verification.verify(r.reader, r.ledger, "census", JOB, r.clock)
    assert (verdict.verdict, verdict.n, verdict.alert_id) == ("confirmed", 800, alarm["id"])
    assert r.reader.query("SELECT verdict FROM alert").item() == "confirmed"
    r.registry.update_config("census", "production", {"threshold": 0.4}, reason="try")
    assert verification.verify(r.reader, r.ledger, "census", JOB, r.clock).verdict == "superseded"


def test_a_new_threshold_is_held_against_what_it_would_have_said_before(tmp_path: Path) -> None:
    r = room(tmp_path)
    _land(r, np.random.default_rng(0).random(400) < 0.8, 0, 0)
    r.registry.update_config("census", "production", {"threshold": 0.95}, reason="flags nothing")
    degradation.check(r.reader, r.ledger, JOB, r.clock)
    with r.ledger.read() as connection:
        now = active(connection, "census", "production")
        assert now is not None
        frozen = degradation.frozen(connection, now, "accuracy")
    assert frozen is not None
    assert (frozen.source, frozen.n) == ("history", 400)
    assert frozen.value == pytest.approx(0.2, abs=0.06), "nothing flagged, a fifth benign"


def test_a_release_that_is_worse_than_the_one_before_has_degraded(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    r = room(tmp_path)
    _land(r, rng.random(1_000) < 0.95, 0, 0)
    r.registry.register_card(card(version="1.1.0"))
    r.registry.deploy("census", "1.1.0", "production", reason="better, they said")
    made = predictions([(20 + i / 100, 0.9) for i in range(400)], first=5_000, version="1.1.0")
    truth = labels([bool(x) for x in rng.random(400) < 0.75], first=5_000, minute=30)
    r.lake.append({"predictions": made, "labels": truth}, kind="judge")
    assert _check(r)["accuracy"] == "degraded"
    assert r.reader.query("SELECT DISTINCT source FROM baseline").item() == "predecessor"


def test_a_frozen_baseline_stays(tmp_path: Path) -> None:
    r = room(tmp_path)
    (now,) = r.registry.deployed()
    degradation.freeze(r.ledger, now, BASE, JOB, r.clock)
    degradation.freeze(r.ledger, now, degradation.Baseline("accuracy", 0.5, 10, "validation"), JOB, r.clock)
    with r.ledger.read() as connection:
        assert degradation.frozen(connection, now, "accuracy") == BASE
    assert r.reader.query("SELECT * FROM events WHERE kind = 'baseline.changed'").height == 1


def test_labels_of_an_hour_that_is_hardly_labelled_do_not_count_yet(tmp_path: Path) -> None:
    r = room(tmp_path)
    made = predictions([(i / 10, 0.9) for i in range(600)] + [(60 + i / 10, 0.9) for i in range(500)])
    r.lake.append({"predictions": made, "labels": labels([True] * 700, minute=90)}, kind="judge")
    (now,) = r.registry.deployed()
    assert degradation.matured(r.reader, now).height == 600


@pytest.mark.parametrize(("truth", "expected"), [(0.92, "false_alarm"), (0.80, "confirmed")])
def test_a_verdict_on_a_thousand_fresh_labels_is_right(truth: float, expected: str) -> None:
    right = 0
    for seed in range(40):
        items = _items(np.random.default_rng(seed).random(1_000) < truth)
        right += verification.decide(items, BASE)[0] == expected
    assert right >= 38


def test_few_labels_settle_nothing() -> None:
    items = _items(np.random.default_rng(0).random(200) < 0.6)
    assert verification.decide(items, BASE)[0] == "inconclusive"
    assert verification.decide(items[:0], BASE)[0] == "no_labels"


def test_the_sample_size_is_the_textbooks() -> None:
    # One-sided 5 %, power 90 %, 0.92 against 0.874: 359 (normal approximation, worked by hand).
    assert verification.sample_size(0.92, 0.874) == 359
