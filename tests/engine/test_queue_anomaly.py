"""What queue-anomaly finds, what it leaves alone, and how it says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine.detectors.queue_anomaly import QueueAnomaly
from storage.schema import JOBS

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
USUAL_MS = {"mail": 60.0, "report": 400.0, "resize": 120.0}
RECORDING = Path(__file__).parents[2] / "sample_data" / "recording"


def stream(rows: int = 600, seed: int = 7, seconds: float = 1800.0) -> pl.DataFrame:
    """A calm queue: three types on three workers, times that grow with the payload, short waits, few failed tries."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(list(USUAL_MS), rows, p=[0.6, 0.15, 0.25])
    payload = rng.lognormal(3.0, 0.8, rows)
    execution = np.array([USUAL_MS[k] for k in kinds]) * np.sqrt(payload / 20.0) * rng.lognormal(0.0, 0.2, rows)
    frame = pl.DataFrame(
        {
            "ts": [START + timedelta(seconds=float(s)) for s in np.sort(rng.uniform(0.0, seconds, rows))],
            "job_id": [f"j{i:05d}" for i in range(rows)],
            "job_type": kinds,
            "queue": "default",
            "worker": rng.choice(["w1", "w2", "w3"], rows),
            "status": "done",
            "execution_ms": execution,
            "wait_ms": rng.lognormal(2.0, 0.6, rows),
            "memory_mb": 60.0 + 0.2 * payload + rng.normal(0.0, 0.5, rows),
            "cpu_ms": execution * rng.normal(0.6, 0.03, rows).clip(0.3, 0.9),
            "retry_count": 0,
            "payload_kb": payload,
        }
    )
    return JOBS.conform(frame)


def change(events: pl.DataFrame, which: pl.Expr, **values: pl.Expr) -> pl.DataFrame:
    """`events` with other values where `which` holds."""
    return JOBS.conform(events.with_columns(
        pl.when(which).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()
    ))  # fmt: skip


def judge(events: pl.DataFrame, **settings: float) -> pl.DataFrame:
    """Verdicts with `flagged` and `found`, the kinds named in the evidence."""
    detector = QueueAnomaly.configured(settings)
    rows = detector.score(detector.features(events.lazy())).collect()
    found = pl.Series("found", [[a["type"] for a in json.loads(text)["anomalies"]] for text in rows["evidence"]])
    return rows.with_columns(found, (pl.col("score") >= detector.settings.threshold).alias("flagged"))


def of(rows: pl.DataFrame, subject: str) -> dict[str, object]:
    return rows.filter(pl.col("subject") == subject).row(0, named=True)


JOB = pl.col("job_id") == "j00500"


def test_a_calm_queue_stays_quiet() -> None:
    rows = judge(stream(3000, seconds=9000.0))
    assert rows.height == 3000
    assert rows["flagged"].mean() < 0.01


def test_a_slow_run_is_named_with_what_is_usual() -> None:
    found = of(judge(change(stream(), JOB, execution_ms=pl.col("execution_ms") * 12)), "j00500")
    assert found["flagged"]
    assert found["found"] == ["execution_time_spike"]
    anomaly = json.loads(str(found["evidence"]))["anomalies"][0]
    assert anomaly["feature"] == "execution_ms"
    assert 5 * anomaly["usual"] < anomaly["value"] == pytest.approx(found["execution_ms"], rel=1e-3)
    assert anomaly["runs"] > 30
    assert anomaly["confidence"] >= 0.6
    assert "usually" in str(found["reason"])


def test_a_type_that_is_slow_as_a_whole_stays_found() -> None:
    """An hour of a slow partner: neighbours soon are as slow, the week is not."""
    slow = (pl.col("job_type") == "mail") & (pl.int_range(pl.len()) > 1380)
    rows = judge(change(stream(1600, seconds=7200.0), slow, execution_ms=pl.col("execution_ms") * 10))
    late = rows.filter((pl.col("job_type") == "mail") & (pl.col("subject") > "j01440"))
    assert late["flagged"].mean() > 0.8
    assert "runs of its type around it" in late["reason"][20]
    assert rows.filter(pl.col("subject") < "j01380")["flagged"].mean() < 0.02


def test_a_large_payload_explains_a_long_run() -> None:
    """Six times the time at 36 times the payload is what this type does; at its own payload it is not."""
    long = pl.col("execution_ms") * 6
    explained = judge(change(stream(), JOB, execution_ms=long, payload_kb=pl.col("payload_kb") * 36))
    assert not of(explained, "j00500")["flagged"]
    assert of(judge(change(stream(), JOB, execution_ms=long)), "j00500")["flagged"]


def test_a_memory_peak_is_found() -> None:
    found = of(judge(change(stream(), JOB, memory_mb=pl.col("memory_mb") * 6)), "j00500")
    assert found["found"] == ["memory_leak"]


def test_memory_that_rises_from_run_to_run_of_a_worker_is_found() -> None:
    events = stream(900)
    place = pl.int_range(pl.len()).over("worker")
    leaking = (pl.col("worker") == "w2") & (pl.int_range(pl.len()) > 600)
    rows = judge(change(events, leaking, memory_mb=pl.col("memory_mb") + (place - 190) * 1.5))
    during = pl.col("subject").is_between(pl.lit("j00640"), pl.lit("j00840"))
    late = rows.filter((pl.col("worker") == "w2") & during)
    assert late["reason"].str.contains("rises from run to run").mean() > 0.5
    assert rows.filter(pl.col("worker") != "w2")["flagged"].mean() < 0.02


def test_a_run_that_waits_while_others_do_not_is_starved() -> None:
    found = of(judge(change(stream(), JOB, wait_ms=pl.lit(90_000.0))), "j00500")
    assert found["found"] == ["starvation"]
    assert "waited 90 s while" in str(found["reason"])


def test_a_queue_that_serves_large_runs_first_starves_only_the_large_ones_that_wait() -> None:
    """Its small runs wait for minutes, as they always do; a large one that waits as long is overtaken by its equals."""
    small = pl.col("payload_kb") < pl.col("payload_kb").median().over("job_type")
    mails = pl.col("job_type") == "mail"
    served = change(stream(), small & mails, wait_ms=pl.col("wait_ms") * 20_000.0)
    large = served.filter(mails & ~small)["job_id"][120]
    rows = judge(change(served, pl.col("job_id") == large, wait_ms=pl.lit(150_000.0)))
    assert of(rows, large)["found"] == ["starvation"]
    others = rows.filter(
        pl.col("subject").is_between(pl.lit("j00200"), pl.lit("j00599")) & (pl.col("subject") != large)
    )
    assert others["found"].list.contains("starvation").mean() < 0.02


def test_a_run_that_ends_later_changes_no_verdict_that_was_final() -> None:
    """A run of an hour starts amid short ones; its end, beyond their `settle`, is not known when they are judged."""
    events = stream()
    late = START + timedelta(hours=1)
    long = change(events.filter(JOB), pl.lit(True), ts=pl.lit(late), execution_ms=pl.lit(3_000_000.0))
    assert (
        judge(pl.concat([events, change(long, pl.lit(True), job_id=pl.lit("long"))]))
        .filter(pl.col("subject") != "long")
        .equals(judge(events))
    )


def test_a_backlog_is_found_over_all_types_of_the_queue() -> None:
    behind = pl.int_range(pl.len()).is_between(400, 440)
    rows = judge(change(stream(), behind, wait_ms=pl.lit(20_000.0)))
    inside = rows.filter(pl.col("subject").is_between(pl.lit("j00405"), pl.lit("j00435")))
    assert inside["found"].list.contains("backlog").mean() > 0.8
    assert inside["job_type"].n_unique() == 3
    assert rows.filter(pl.col("subject") < "j00400")["flagged"].mean() < 0.02


def test_retries_above_the_usual_are_found() -> None:
    found = of(judge(change(stream(), JOB, retry_count=pl.lit(4))), "j00500")
    assert found["found"] == ["rising_retries"]
    assert found["reason"] == f"{found['job_type']}: retried 4 times, usually 0"


def test_failures_in_a_series_are_found_and_a_single_one_is_not() -> None:
    mails = pl.col("job_type") == "mail"
    nth = mails.cum_sum()
    rows = judge(change(stream(), mails & (nth.is_between(250, 257) | (nth == 100)), status=pl.lit("failed")))
    series = rows.filter(pl.col("failed") & (pl.col("subject") > "j00300"))
    assert series.height == 8
    assert series["found"].list.contains("high_failure_rate").mean() > 0.7
    alone = rows.filter(pl.col("failed") & (pl.col("subject") < "j00300"))
    assert alone["flagged"].to_list() == [False]


def test_one_retry_amid_many_is_found_and_a_lonely_one_is_not() -> None:
    mails = pl.col("job_type") == "mail"
    nth = mails.cum_sum()
    rows = judge(change(stream(), mails & (nth.is_between(250, 259) | (nth == 100)), retry_count=pl.lit(1)))
    retried = rows.filter(pl.col("retry_count") > 0)
    assert retried.height == 11
    assert retried["found"][1:].list.contains("rising_retries").mean() > 0.7
    assert "runs of its type around it are retries" in retried["reason"][5]
    assert not retried["flagged"][0]


def test_a_worker_on_which_everything_fails_is_found() -> None:
    """Each type still succeeds elsewhere."""
    broken = (pl.col("worker") == "w2") & pl.int_range(pl.len()).is_between(400, 430)
    rows = judge(change(stream(), broken, status=pl.lit("failed")))
    failed = rows.filter("failed")
    assert failed["found"].list.contains("high_failure_rate").mean() > 0.8
    assert failed["reason"].str.contains("on its worker").any()
    assert rows.filter(~pl.col("failed"))["flagged"].mean() < 0.02


def test_a_slow_worker_is_found_without_cpu_times() -> None:
    sick = (pl.col("worker") == "w3") & pl.int_range(pl.len()).is_between(350, 400)
    events = JOBS.conform(stream().with_columns(pl.lit(None, dtype=pl.Float64).alias("cpu_ms")))
    rows = judge(change(events, sick, execution_ms=pl.col("execution_ms") * 6))
    between = rows.filter(pl.col("subject").is_between(pl.lit("j00355"), pl.lit("j00395")))
    assert between.filter(pl.col("worker") == "w3")["flagged"].mean() > 0.8
    assert between["found"].list.contains("worker_degradation").any()
    assert between.filter(pl.col("worker") != "w3")["flagged"].mean() < 0.1


def test_a_worker_with_a_stalled_cpu_is_found_and_its_peers_are_not() -> None:
    """Three times the time with no more CPU time, on all runs of one worker."""
    sick = (pl.col("worker") == "w3") & pl.int_range(pl.len()).is_between(350, 450)
    rows = judge(change(stream(), sick, execution_ms=pl.col("execution_ms") * 3))
    between = rows.filter(pl.col("subject").is_between(pl.lit("j00360"), pl.lit("j00440")))
    sick_runs = between.filter(pl.col("worker") == "w3")
    assert sick_runs["found"].list.contains("worker_degradation").mean() > 0.9
    assert "worker w3 is degraded" in sick_runs["reason"][0]
    assert between.filter(pl.col("worker") != "w3")["flagged"].mean() < 0.1


def test_withheld_cores_show_in_missing_cpu_time() -> None:
    sick = (pl.col("worker") == "w3") & pl.int_range(pl.len()).is_between(350, 450)
    rows = judge(change(stream(), sick, cpu_ms=pl.col("cpu_ms") * 0.2))
    between = rows.filter(pl.col("subject").is_between(pl.lit("j00360"), pl.lit("j00440")))
    assert between.filter(pl.col("worker") == "w3")["flagged"].mean() > 0.6
    assert between.filter(pl.col("worker") != "w3")["flagged"].mean() < 0.05


def test_a_faint_sign_on_all_runs_of_a_worker_is_a_suspicion_and_no_finding() -> None:
    """Long runs lack a little CPU time on one worker: at most a half, for they may only stand beside the sick one."""
    long = change(stream(3000, seconds=300_000.0), pl.lit(True), execution_ms=pl.col("execution_ms") * 300.0,
                  cpu_ms=pl.col("cpu_ms") * 300.0)  # fmt: skip
    faint = change(long, (pl.col("worker") == "w2") & (pl.col("job_id") > "j02000"), cpu_ms=pl.col("cpu_ms") * 0.95)
    rows = judge(faint).filter((pl.col("subject") > "j02050") & (pl.col("execution_ms") > 30_000.0))
    score = dict(rows.group_by("worker").agg(pl.col("score").median()).iter_rows())
    assert score["w1"] < 0.2 < score["w2"] < 0.5
    assert rows.filter(pl.col("worker") == "w2")["flagged"].mean() < 0.05
    assert judge(faint, job_anomaly_worker_share=0.0)["score"].median() < 0.01


def test_names_of_workers_do_not_matter() -> None:
    """Only behaviour does: any other names give the same scores."""
    events = stream()
    renamed = events.with_columns(pl.col("worker").replace({"w1": "zeta", "w2": "alpha", "w3": "mid"}))
    assert judge(events)["score"].equals(judge(renamed)["score"])


def test_what_is_missing_is_listed_and_not_taken_for_zero() -> None:
    lost = {"memory_mb": None, "cpu_ms": None, "payload_kb": None}
    events = JOBS.conform(stream().with_columns(pl.lit(v).alias(k) for k, v in lost.items()))
    rows = judge(change(events, JOB, execution_ms=pl.col("execution_ms") * 15))
    assert rows["flagged"].sum() < 8
    found = of(rows, "j00500")
    assert found["found"] == ["execution_time_spike"]
    assert json.loads(str(found["evidence"]))["lacked"] == ["memory_mb", "cpu_ms", "payload_kb"]


@pytest.mark.parametrize("column", ["wait_ms", "memory_mb", "cpu_ms", "payload_kb"])
def test_a_column_of_zeros_carries_no_information(column: str) -> None:
    events = JOBS.conform(stream().with_columns(pl.lit(0.0).alias(column)))
    without = JOBS.conform(stream().with_columns(pl.lit(None, dtype=pl.Float64).alias(column)))
    zeros, nulls = judge(events), judge(without)
    assert zeros["flagged"].mean() < 0.01
    assert (zeros["score"] - nulls["score"]).abs().max() < 1e-9


def test_few_runs_give_no_alarm_and_say_so() -> None:
    rows = judge(change(stream(4), pl.col("job_id") == "j00003", execution_ms=pl.col("execution_ms") * 3))
    assert not rows["flagged"].any()
    assert "too few earlier runs" in rows["reason"][0]


def test_stricter_limits_flag_less() -> None:
    events = change(stream(), pl.int_range(pl.len()) % 40 == 0, execution_ms=pl.col("execution_ms") * 6)
    usual = judge(events)["flagged"].sum()
    assert usual > 10
    assert judge(events, job_anomaly_zscore_threshold=8.0)["flagged"].sum() < usual
    assert judge(events, job_anomaly_iqr_multiplier=6.0)["flagged"].sum() < usual
    assert judge(events, job_anomaly_threshold=95.0)["flagged"].sum() < usual


def test_a_deviation_at_both_limits_has_fifty_points() -> None:
    detector = QueueAnomaly()
    one = detector.features(stream(40).lazy()).collect().tail(1)
    at = one.with_columns(
        pl.lit(value, dtype=pl.Float32).alias(name)
        for name, value in {
            "time_z": 3.0,
            "time_fence": 1.5,
            "memory_z": 0,
            "wait_z": 0,
            "late_z": 0,
            "worker_z": 0,
        }.items()
    )
    assert detector.score(at.lazy()).collect()["score"].item() == pytest.approx(0.5, abs=1e-3)


def test_only_what_is_sure_enough_is_named() -> None:
    events = change(stream(), JOB, execution_ms=pl.col("execution_ms") * 8)
    named = of(judge(events, job_anomaly_min_confidence=0.1), "j00500")
    assert named["found"]
    assert of(judge(events, job_anomaly_min_confidence=1.0), "j00500")["found"] == []


def test_on_the_recorded_sample_it_is_right_more_often_than_promised() -> None:
    """The seed promises 82 to 88 percent; silence alone would be right in nine of ten, so recall is held as well."""
    jobs = pl.read_ndjson(RECORDING / "jobs.jsonl", infer_schema_length=None)
    events = JOBS.conform(jobs.with_columns(pl.col("ts").str.to_datetime(time_unit="us", time_zone="UTC")))
    labels = pl.read_ndjson(RECORDING / "labels.jsonl", infer_schema_length=None)
    truth = labels.filter(pl.col("model") == "queue-anomaly").select("subject", "truth")
    rows = judge(events).join(truth, on="subject")
    assert rows.height == jobs.height
    right = (rows["flagged"] == rows["truth"]).mean()
    assert right is not None
    assert right >= 0.95
    assert rows.filter("truth")["flagged"].mean() >= 0.75
    assert rows.filter("flagged")["truth"].mean() >= 0.9
