"""Labels that were drawn with known chances: the figures that follow are fair, the plain share is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine import review
from engine.labels import label
from tests.modelops import MARA, labels, predictions, room

CENSUS = Path(__file__).parent / "data" / "census_employment_ma.parquet"


def _sampled(rng: np.random.Generator, stream: pl.DataFrame, budget: int) -> pl.DataFrame:
    """5,000 predictions of the stream, of which about `budget` are labelled, the uncertain ones rather."""
    start = int(rng.integers(0, stream.height - 5_000))
    part = stream[start : start + 5_000]
    chance = review.chances(part["score"].to_numpy(), 0.5, budget, explore=0.2)
    drawn = pl.Series(rng.random(part.height) < chance)
    return part.with_columns(
        pl.Series("propensity", chance), pl.when(drawn).then(pl.col("truth")).alias("truth"), truth_all=pl.col("truth")
    )


def test_the_fair_estimate_is_unbiased_and_its_interval_honest_where_the_plain_share_is_neither() -> None:
    rng = np.random.default_rng(0)
    stream = pl.read_parquet(CENSUS).filter(part="analysis").with_columns(
        pl.col("score").cast(pl.Float64), (pl.col("score") >= 0.5).alias("flagged")
    )  # fmt: skip
    gaps, plain, held = [], [], 0
    for _ in range(200):
        known = _sampled(rng, stream, 400)
        real = np.mean((known["flagged"] == known["truth_all"]).to_numpy())
        found = review.fair_accuracy(known)
        assert found is not None
        gaps.append(found.value - real)
        plain.append(found.naive - real)
        held += found.low <= real <= found.high
    assert abs(np.mean(gaps)) < 0.01
    assert np.mean(plain) < -0.05
    assert 0.90 <= held / 200 <= 0.995


def test_the_chances_add_up_to_the_budget_and_the_uncertain_are_drawn_rather() -> None:
    score = np.linspace(0, 1, 2_001)
    chance = review.chances(score, 0.5, 100)
    assert chance.sum() == pytest.approx(100, rel=0.01)
    assert chance[1_000] > 3 * chance[0] > 0
    assert review.chances(np.array([0.5, 0.5]), 0.5, 10).tolist() == [1.0, 1.0]


def test_what_is_drawn_is_unlabelled_and_carries_its_chance_to_its_label(tmp_path: Path) -> None:
    r = room(tmp_path)
    assert review.draw(r.reader, "census", 10).is_empty()
    made = predictions([(i / 100, i / 400) for i in range(400)])
    r.lake.append({"predictions": made, "labels": labels([True] * 100)}, kind="judge")
    drawn = review.draw(r.reader, "census", 40)
    assert 15 <= drawn.height <= 50, "of 40 that are drawn of all a quarter is labelled"
    assert review.draw(r.reader, "census", 40).equals(drawn), "asking again draws the same"
    assert not set(drawn["subject"]) & {f"s{i}" for i in range(100)}
    first = drawn.row(0, named=True)
    label(r.lake, "census", first["subject"], True, actor=MARA, propensity=first["propensity"])
    got = r.reader.query("SELECT propensity FROM labelled_predictions WHERE subject = $1", [first["subject"]])
    assert got.item() == pytest.approx(first["propensity"])
    assert review.draw(r.reader, "census", 40).height == drawn.height - 1, "none comes for the one that is labelled"
    found = review.fair(r.reader, "census")
    assert found is not None
    assert (found.labels, found.predictions) == (101, 400)


def test_thinning_gives_an_even_sample_and_always_the_same_one(tmp_path: Path) -> None:
    n = 20_000
    score = np.random.default_rng(1).random(n)
    items = pl.DataFrame({"prediction_id": [f"p{i}" for i in range(n)], "score": score}).with_columns(
        pl.when(pl.col("score") > 0.5).then(1.0).otherwise(0.25).alias("propensity")
    )
    drawn = items.filter(pl.Series(np.random.default_rng(2).random(n) < items["propensity"].to_numpy()))
    kept = review.evened(drawn)
    assert drawn["score"].mean() > 0.6
    assert kept["score"].mean() == pytest.approx(0.5, abs=0.02)
    assert kept.equals(review.evened(drawn))
    plain = items.with_columns(pl.lit(None, dtype=pl.Float64).alias("propensity"))
    assert review.evened(plain).height == n


def test_a_few_drawn_labels_cost_none_of_those_that_were_bound_to_come() -> None:
    items = pl.DataFrame({"prediction_id": [f"p{i}" for i in range(1_000)]}).with_columns(
        pl.when(pl.int_range(pl.len()) < 20).then(0.02).alias("propensity")
    )
    assert review.evened(items).height == 980
