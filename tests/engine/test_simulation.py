"""What the rules would have told of the past, and tests of rules written beside them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine import degradation, evidence
from engine.alert_rules import default_rules, load_rules
from engine.degradation import Baseline
from engine.rule_tests import own_tests, run_tests
from engine.simulation import ACCURACY, DEGRADED, SIMULATED, Stream, answers, simulate
from storage.errors import ConfigError
from tests.modelops import JOB, START, labels, predictions, room

CENSUS = Path(__file__).parent / "data" / "census_employment_ma.parquet"


def _items(right: np.ndarray, every: timedelta) -> pl.DataFrame:
    return pl.DataFrame({"flagged": np.ones(right.size, bool), "truth": right}).select(
        (pl.lit(START) + pl.int_range(pl.len()) * every).alias("ts"), "flagged", "truth"
    )


def test_the_census_stream_tells_far_less_than_five_notices_a_day() -> None:
    known = pl.read_parquet(CENSUS).select((pl.col("score") >= 0.5).alias("flagged"), "truth", "part")
    reference, items = (known.filter(part=part).drop("part") for part in ("reference", "analysis"))
    stream = items.select((pl.lit(START) + pl.int_range(pl.len()) * timedelta(seconds=6)).alias("ts"), pl.all())
    baseline = Baseline(
        "accuracy",
        float((reference["flagged"] == reference["truth"]).to_numpy().mean()),
        reference.height,
        "validation",
    )
    outcome = simulate([Stream("census", stream, 0.75, baseline)])
    assert outcome.days == pytest.approx(14.5, abs=0.1)
    assert outcome.by_day.filter(rule=DEGRADED)["fired"].sum() in (1, 2)
    assert outcome.told_per_day < 1.0


def test_a_model_exactly_at_its_limit_alarms_hardly_ever_however_often_one_looks() -> None:
    rng, alarms, plain = np.random.default_rng(12), 0, 0
    for _ in range(4):
        right = rng.random(24 * 600) < 0.90
        known = _items(right, timedelta(seconds=6))
        outcome = simulate([Stream("waf", known, 0.90)], rules=[r for r in default_rules() if r.name == ACCURACY])
        alarms += int(outcome.by_day["fired"].sum())
        at_once = pl.Series(right).cast(pl.Float64).rolling_mean(100).to_numpy()[99::150]
        plain += int(((at_once[1:] < 0.9) & (at_once[:-1] >= 0.9)).sum())
    assert alarms <= 1, "four days at the limit itself, where one false alarm in 30 is allowed"
    assert plain > 60, "the plain comparison"


@pytest.mark.parametrize(("accuracy", "labels_needed"), [(0.80, 600), (0.70, 300)])
def test_a_fall_under_the_limit_is_sure_soon(accuracy: float, labels_needed: int) -> None:
    rng = np.random.default_rng(13)
    right = np.concatenate([rng.random(6_000) < 0.95, rng.random(1_200) < accuracy])
    looks = answers(Stream("waf", _items(right, timedelta(seconds=6)), 0.90), timedelta(minutes=5)).filter(
        rule=ACCURACY
    )
    found = looks.filter(pl.col("bad"))["n"][0] + degradation.FIRST_LABELS - 6_000
    assert 0 < found <= labels_needed


def test_three_models_that_are_fine_tell_almost_nothing_in_a_week() -> None:
    rng = np.random.default_rng(11)
    streams = [
        Stream(name, _items(rng.random(7 * 24 * 120) < accuracy, timedelta(seconds=30)), limit)
        for name, accuracy, limit in (("n1", 0.92, 0.85), ("waf", 0.95, 0.90), ("queue", 0.86, 0.80))
    ]
    outcome = simulate(streams)
    assert outcome.told_per_day <= 0.5


def test_a_model_that_breaks_is_told_once_by_each_rule_and_then_again_after_hours() -> None:
    rng = np.random.default_rng(1)
    right = np.concatenate([rng.random(6_000) < 0.95, rng.random(3_000) < 0.70])
    outcome = simulate([Stream("waf", _items(right, timedelta(seconds=30)), 0.90, severity="critical")])
    fired = outcome.by_day.group_by("rule").agg(pl.col("fired").sum()).sort("rule")
    assert fired.rows() == [(ACCURACY, 1), (DEGRADED, 1)]
    assert outcome.fired < outcome.told <= 2 * (1 + 25 // 4)


def test_the_simulation_answers_what_the_rules_would(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    r = room(tmp_path)
    right = np.concatenate([rng.random(1_400) < 0.95, rng.random(600) < 0.75])
    made = predictions([(i / 20, 0.9) for i in range(right.size)])
    known = labels([bool(x) for x in right], minute=right.size / 20)
    r.lake.append({"predictions": made, "labels": known}, kind="judge")
    items = made.select("ts", "flagged", pl.Series("truth", right))
    for _ in range(2):
        degradation.check(r.reader, r.ledger, JOB, r.clock)
    said = answers(Stream("census", items, 0.85), timedelta(minutes=1))
    for name in SIMULATED:
        rule = next(rule for rule in default_rules() if rule.name == name)
        real = r.reader.query(rule.query, rule.bound(r.clock())).row(0, named=True)
        last = said.filter(rule=name).row(-1, named=True)
        assert (last["bad"], last["clear"]) == (real["bad"], real["clear"])
        if real.get("metric", "accuracy") == "accuracy":
            assert last["value"] == pytest.approx(real["value"])
            assert last["limit_value"] == pytest.approx(real["limit_value"])


def test_a_rule_is_tested_by_what_it_says_and_what_must_come_of_it() -> None:
    text = (
        '[[test]]\nrule = "model_accuracy_below_threshold"\nevery_minutes = 5\n'
        'said  = "bbb-cccccccc"\nstate = "pfffrrrrrr.."\n'
    )
    (result,) = run_tests(text, "t.toml", default_rules())
    assert result.ok, result.got
    (wrong,) = run_tests(text.replace("pfff", "ffff"), "t.toml", default_rules())
    assert (wrong.ok, wrong.got) == (False, "pfffrrrrrr..")


def test_every_rule_that_comes_with_watchroom_has_a_test_beside_it_and_passes(tmp_path: Path) -> None:
    results = own_tests(tmp_path / "rules.toml", default_rules())
    assert {result.rule for result in results} == {rule.name for rule in default_rules()}
    assert [result.rule for result in results if not result.ok] == []
    (tmp_path / "rules.toml").write_text(
        '[[rule]]\nname = "no_data"\ntitle = "t"\nquery = "SELECT true AS bad"\nmessage = "m"\n'
        '[[test]]\nrule = "no_data"\nevery_minutes = 5\nsaid = "bb"\nstate = "pp"\n'
    )
    results = own_tests(tmp_path / "rules.toml", load_rules(tmp_path / "rules.toml"))
    assert [(r.said, r.ok) for r in results if r.rule == "no_data"] == [("bb", False)], "the file's own takes its place"


def test_the_evidence_that_sql_sums_up_is_the_detectors(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    r = room(tmp_path)
    right = rng.random(1_500) < 0.8
    r.lake.append(
        {"predictions": predictions([(i / 10, 0.9) for i in range(right.size)]),
         "labels": labels([bool(x) for x in right], minute=150)}, kind="judge",
    )  # fmt: skip
    (row,) = r.reader.query("SELECT * FROM accuracy_evidence").iter_rows(named=True)
    gained = evidence.gains("accuracy", np.ones(right.size, bool), right, 0.85)
    found = evidence.evidence(gained, 1e12)[-1] + 12
    assert (row["model"], row["n"], row["accuracy_limit"]) == ("census", 1_500, 0.85)
    assert row["log10_fortune"] == pytest.approx(found, abs=1e-9)
    assert row["labels_per_day"] == pytest.approx(1_500 * 24 / 2.5, rel=0.01)


@pytest.mark.parametrize(("text", "what"), [
    ("", "no .*test"), ("[[test]]\nrule='x'\n", "needs exactly the keys"), ("[[", "t.toml"),
    ("[[test]]\nrule='x'\nevery_minutes=5\nsaid='b'\nstate='p'\n", "no rule 'x'"),
    ("[[test]]\nrule='no_data'\nevery_minutes=5\nsaid='x'\nstate='p'\n", "written with b, c and -"),
])  # fmt: skip
def test_a_wrong_test_file_is_named_with_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        run_tests(text, "t.toml", default_rules())
