"""The arithmetic under queue-anomaly: windows, quantiles, counts, and where the log was cut."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.detectors.queue_anomaly import QueueAnomaly
from engine.queue import words
from engine.queue.runs import Runs, clean, cleaned
from engine.queue.windows import CHUNK, grouped, neighbours, quantiles
from engine.queue.workers import Nearby, company, rising
from storage.schema import JOBS
from tests.engine.test_queue_anomaly import START, judge, stream

VERDICT = ["subject", "window_start", "window_end", "score", "reason", "evidence"]


def runs_of(groups: list[int], seconds: list[float]) -> Runs:
    frame = pl.DataFrame({"ts": [START + timedelta(seconds=s) for s in seconds], "job_id": map(str, range(len(groups))),
                          "worker": map(str, groups)})  # fmt: skip
    return clean(cleaned(JOBS.conform(frame).lazy()).collect())


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=7, max_size=7), min_size=1, max_size=9))
def test_quantiles_are_numpys(rows: list[list[float | None]]) -> None:
    window: Any = np.array(rows, dtype=np.float64)
    found, known = quantiles(window.copy(), (0.25, 0.5, 0.9))
    for row, count, *values in zip(window, known, *found, strict=True):
        held = row[~np.isnan(row)]
        assert count == len(held)
        if len(held):
            assert values == pytest.approx(np.quantile(held, [0.25, 0.5, 0.9]), abs=1e-6)
        else:
            assert np.isnan(values).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=40),
       st.integers(0, 5), st.integers(0, 5), st.integers(0, 9), st.integers(0, 9))  # fmt: skip
def test_company_is_what_counting_by_hand_gives(
    given_rows: list[tuple[int, int]], before: int, after: int, back: int, settle: int
) -> None:
    ordered = sorted(given_rows, key=lambda row: row[1])
    runs = runs_of([g for g, _ in ordered], [float(s) for _, s in ordered])
    nearby = Nearby(before, after, back * 1_000_000, settle * 1_000_000)
    near = company(runs, grouped(runs.worker), runs.worker, nearby)
    total, count = near.counted(np.arange(len(ordered)) % 2.0)
    ends = runs.end_us
    for i in range(len(ordered)):
        mates = [j for j in range(len(ordered)) if runs.worker[j] == runs.worker[i]]
        place = mates.index(i)
        chosen = [j for k, j in enumerate(mates) if -before <= k - place <= after
                  and ends[i] - nearby.back_us <= ends[j] <= ends[i] + nearby.settle_us]  # fmt: skip
        assert count[i] == len(chosen)
        assert total[i] == sum(j % 2 for j in chosen)


def test_neighbours_are_a_row_for_each_place() -> None:
    column: Any = np.arange(4.0)
    wanted = np.array([[np.nan, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, np.nan], [2, 3, np.nan, np.nan]])
    assert np.array_equal(neighbours(column, 1, 2, np.nan), wanted, equal_nan=True)


def test_a_steady_rise_has_a_large_z_and_noise_has_not() -> None:
    runs = runs_of([0] * 200, [float(i) for i in range(200)])
    order = grouped(runs.worker)
    values: Any = np.arange(200) / 50.0
    rise, z = rising(values, runs, order, 10**12)
    assert rise[-1] > 0.5
    assert z[-1] > 4.0
    noise: Any = np.random.default_rng(1).normal(0.0, 0.3, 200)
    assert np.nanmax(np.abs(rising(noise, runs, order, 10**12)[1])) < 3.6
    assert np.isnan(z[:7]).all()


def shuffled(events: pl.DataFrame) -> pl.DataFrame:
    return events.sample(fraction=1.0, shuffle=True, seed=3)


def verdicts(events: pl.DataFrame) -> pl.DataFrame:
    return judge(events).select(VERDICT)


def test_order_and_doubles_change_nothing() -> None:
    events = stream(500)
    again = pl.concat([shuffled(events), events.sample(200, seed=5)])
    assert verdicts(again).equals(verdicts(events))


@pytest.mark.parametrize(("rows", "days"), [(1500, 0.1), (900, 25.0)])
def test_a_limited_past_gives_the_same_verdict(rows: int, days: float) -> None:
    """Only what lies between the lookback before a run and `settle` after it may matter."""
    events = stream(rows, seconds=days * 86_400)
    whole = verdicts(events)
    kind = QueueAnomaly
    for through in events["ts"].gather_every(rows // 6)[1:].to_list():
        low = through - (events["ts"].max() - events["ts"].min()) / 12
        held = events.filter(pl.col("ts").is_between(low - kind.span - kind.lookback, through))
        final = pl.col("window_end").is_between(low, through - kind.settle)
        assert verdicts(held).filter(final).equals(whole.filter(final))


def test_more_runs_than_a_chunk_are_judged_alike() -> None:
    """Chunks of the windows' matrices leave no seam."""
    events = stream(CHUNK * 2 + 100, seconds=60_000.0)
    part = events.head(CHUNK + 50)
    settled = pl.col("window_end") <= part["ts"].max() - QueueAnomaly.settle
    assert verdicts(part).filter(settled).equals(verdicts(events).head(part.height).filter(settled.head(part.height)))


def test_all_runs_of_one_type_at_one_moment_are_judged() -> None:
    rows = 30_000
    events = JOBS.conform(pl.DataFrame({"ts": [START] * rows, "job_id": [str(i) for i in range(rows)],
                                        "job_type": ["mail"] * rows, "execution_ms": [50.0] * rows}))  # fmt: skip
    judged = judge(events)
    assert judged.height == rows
    assert not judged["flagged"].any()


WILD = st.one_of(st.none(), st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 1e300, 5e-324]),
                 st.floats(0, 1e7))  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["a", "b", None]), st.sampled_from(["w", None]),
                          st.sampled_from(["done", "failed", "", None]), WILD, WILD, WILD, WILD, WILD),
                max_size=30))  # fmt: skip
def test_nothing_a_log_may_hold_breaks_it(rows: list[tuple[object, ...]]) -> None:
    names = ["second", "job_type", "worker", "status", "execution_ms", "wait_ms", "memory_mb", "cpu_ms", "payload_kb"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names), orient="row", strict=False)
    later = pl.duration(seconds=pl.col("second").cast(pl.Int64))
    named = pl.int_range(pl.len()).cast(pl.String).alias("job_id")
    events = JOBS.conform(frame.with_columns((pl.lit(START) + later).alias("ts"), named))
    judged = judge(events)
    assert judged.height == len(rows)
    assert judged["score"].is_between(0.0, 1.0).all()
    assert judged.select(VERDICT).null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0.4, "0.4 ms"), (850.2, "850 ms"), (12_800.0, "12.8 s"), (864_000.0, "14.4 min"), (9e6, "2.5 h"), (None, "?")],
)
def test_durations_are_said_as_people_say_them(ms: float | None, said: str) -> None:
    assert pl.select(words.duration(pl.lit(ms, dtype=pl.Float64))).item() == said


def test_sizes_shares_and_counts_are_said_as_people_say_them() -> None:
    figures = pl.select(
        words.size(pl.lit(1536.0)), words.share(pl.lit(0.0213)).alias("b"), words.count(pl.lit(3.0)).alias("c")
    )
    assert figures.row(0) == ("1.5 GB", "2.1 %", "3")
