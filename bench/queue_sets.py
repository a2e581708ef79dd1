"""How well the queue detector judges, against one robust z a job type and an isolation forest: the tables of its page.

    python bench/queue_sets.py OPS_DATA_DIR

Labelled worker degradation (Flow-Bench) by workflow and fault, faults injected into real task traces (Nextflow) over
several draws, and the recorded sample. Nothing is fitted here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.detect_queue import robust_z  # noqa: E402

FAULTS = ("cpu_2", "cpu_3", "hdd_5", "hdd_10")
INJECTED = ("execution_time_spike", "memory_leak", "queue_wait", "retries")
SEEDS = (2026, *range(1, 21))
"""The exam's draw of faults, and twenty more that say how much of it is luck."""


def detect(frame: pl.DataFrame) -> pl.DataFrame:
    """The detector's verdicts, in order of time."""
    from engine.detectors.queue_anomaly import QueueAnomaly

    detector = QueueAnomaly()
    return detector.score(detector.features(frame.lazy())).collect()


def area(truth: np.ndarray, score: np.ndarray) -> float:
    """The area under the ROC curve by ranks (ties share a rank)."""
    ranks, positive = pl.Series(score).rank("average").to_numpy(), int(truth.sum())
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * (len(truth) - positive)))


def forest(frame: pl.DataFrame) -> np.ndarray:
    """An isolation forest over the logarithms of the figures, each less its type's median: fitted on all it judges."""
    from sklearn.ensemble import IsolationForest

    names = ("execution_ms", "wait_ms", "cpu_ms", "payload_kb")
    logs = frame.select((pl.col(n).log1p() - pl.col(n).log1p().median().over("job_type")).fill_null(0.0) for n in names)
    return -IsolationForest(random_state=7).fit(logs.to_numpy()).score_samples(logs.to_numpy())


def flow_sets(data: Path) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Flow-Bench by workflow as job events, and their labels, in order of time."""
    from storage.schema import JOBS

    jobs = pl.read_parquet(data / "flowbench_jobs" / "public" / "jobs.parquet").sort("execute_end")
    for (name,), part in jobs.partition_by("workflow", as_dict=True).items():
        held = part.filter(pl.col("execute_end").is_not_null() & pl.col("runtime").is_not_null()).with_row_index("i")
        frame = held.select(
            ts=pl.from_epoch((pl.col("execute_end") * 1e6).cast(pl.Int64), time_unit="us").dt.replace_time_zone("UTC"),
            job_id=pl.format("{}", pl.col("i") + 10**7), queue=pl.lit(name), worker="kickstart_hostname",
            job_type=pl.coalesce("kickstart_transformations", "type"), execution_ms=pl.col("runtime") * 1000.0,
            wait_ms=pl.col("queue_delay").fill_null(0.0) * 1000.0,
            payload_kb=pl.col("stage_in_bytes").fill_null(0.0) / 1024.0,
            cpu_ms=pl.col("kickstart_executables_cpu_time").fill_null(0.0) * 1000.0,
        )  # fmt: skip
        yield str(name), JOBS.conform(frame), held.select("type", "anomaly_type", "is_anomaly")


def flow_bench(data: Path) -> None:
    """AUC by workflow over all jobs, and over compute jobs by fault, beside two peers."""
    print("| workflow | jobs | all | compute | " + " | ".join(FAULTS) + " | robust z, all | isolation forest, all |")
    print("|---" * 10 + "|")
    rows = []
    for name, frame, labels in flow_sets(data):
        verdicts = detect(frame).sort("subject")
        truth, score = labels["is_anomaly"].to_numpy(), verdicts["score"].to_numpy()
        compute = (labels["type"] == "compute").to_numpy()
        row = [area(truth, score), area(truth[compute], score[compute])]
        for fault in FAULTS:
            held = compute & labels["anomaly_type"].is_in(["normal", fault]).to_numpy()
            row.append(area(truth[held], score[held]))
        row += [area(truth, robust_z(frame).to_numpy()), area(truth, forest(frame))]
        rows.append(row)
        print(f"| {name} | {frame.height:,} | " + " | ".join(f"{value:.3f}" for value in row) + " |")
    print("| **mean** | | " + " | ".join(f"{value:.3f}" for value in np.mean(rows, axis=0)) + " |")


def injected(data: Path, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Nextflow tasks with the exam's faults: 4 % of the runs of a type after its thirtieth."""
    from storage.schema import JOBS

    random = np.random.default_rng(seed)
    tasks = pl.read_parquet(data / "nextflow_sizey" / "public" / "tasks.parquet")
    tasks = tasks.filter(pl.col("complete").is_not_null() & (pl.col("execution_ms") > 0)).sort("complete")
    seen: dict[str, int] = {}
    rows: list[dict[str, object]] = []
    for row in tasks.iter_rows(named=True):  # the draws depend on each other, as in the exam
        seen[row["process"]] = seen.get(row["process"], 0) + 1
        drawn = INJECTED[int(random.integers(4))] if seen[row["process"]] > 30 and random.random() < 0.04 else ""
        factor = float(random.uniform(5, 12))
        more = 3 + int(random.integers(4)) if drawn == "retries" else 0
        if row["status"] == "FAILED" and not drawn:
            continue
        memory, wait = (row["peak_rss"] or 0.0) / 2**20, max(row["queue_wait_ms"] or 0.0, 0.0)
        rows.append(
            {
                "ts": row["complete"] * 1e3, "job_type": row["process"], "queue": row["workflow"], "fault": drawn,
                "worker": row["hostname"], "payload_kb": (row["rchar"] or 0.0) / 1024.0,
                "execution_ms": row["execution_ms"] * (factor if drawn == INJECTED[0] else 1.0),
                "memory_mb": max(memory, 64.0) * factor if drawn == INJECTED[1] else memory,
                "wait_ms": max(wait, 5_000.0) * factor * 10 if drawn == INJECTED[2] else wait,
                "retry_count": int(row["retry_count"] or 0) + more,
            }
        )  # fmt: skip
    frame = pl.DataFrame(rows, infer_schema_length=None).with_row_index("i").with_columns(
        pl.from_epoch(pl.col("ts").cast(pl.Int64), time_unit="us").dt.replace_time_zone("UTC"),
        (pl.col("i") + 10**7).cast(pl.String).alias("job_id"), pl.lit("done").alias("status"),
    )  # fmt: skip
    return JOBS.conform(frame), frame.select("fault")


def faults(data: Path) -> None:
    """Precision, recall and F1 over SEEDS, recall by kind; their means and minima."""
    print("| seed | F1 | precision | recall | AUC | " + " | ".join(INJECTED) + " |")
    print("|---" * 9 + "|")
    rows = []
    for seed in SEEDS:
        frame, labels = injected(data, seed)
        verdicts = detect(frame).sort("subject")
        truth, score = (labels["fault"] != "").to_numpy(), verdicts["score"].to_numpy()
        flagged = score >= 0.6
        hit = int((truth & flagged).sum())
        precision, recall = hit / flagged.sum(), hit / truth.sum()
        by_kind = [flagged[(labels["fault"] == kind).to_numpy()].mean() for kind in INJECTED]
        figures = [2 * precision * recall / (precision + recall), precision, recall, area(truth, score), *by_kind]
        rows.append(figures)
        print(f"| {seed} | " + " | ".join(f"{value:.3f}" for value in figures) + " |")
        if seed == 2026:
            kept = truth, score
    for name, over in (("mean", np.mean), ("least", np.min)):
        print(f"| **{name}** | " + " | ".join(f"{value:.3f}" for value in over(rows, axis=0)) + " |")
    reliability(*kept)


def recording() -> None:
    """The recorded sample: confusion by what was provoked, and reliability."""
    from storage.schema import JOBS

    folder = ROOT / "sample_data" / "recording"
    jobs = pl.read_ndjson(folder / "jobs.jsonl", infer_schema_length=None)
    frame = JOBS.conform(jobs.with_columns(pl.col("ts").str.to_datetime(time_unit="us", time_zone="UTC")))
    labels = pl.read_ndjson(folder / "labels.jsonl", infer_schema_length=None).filter(
        pl.col("model") == "queue-anomaly"
    )
    rows = detect(frame).join(labels.select("subject", "truth", "note"), on="subject")
    rows = rows.with_columns((pl.col("score") >= 0.6).alias("flagged"))
    for note, flagged, total in rows.group_by("note").agg(pl.col("flagged").sum(), pl.len()).sort("note").iter_rows():
        print(f"| {note} | {flagged} of {total} |")
    print(rows.group_by("truth", "flagged").len().sort("truth", "flagged").rows())
    reliability(rows["truth"].to_numpy(), rows["score"].to_numpy())


def reliability(truth: np.ndarray, score: np.ndarray) -> None:
    """A table of score against truth in tenths, and the expected calibration error."""
    tenth = np.minimum((score * 10).astype(int), 9)
    error = 0.0
    for k in range(10):
        held = tenth == k
        if held.any():
            error += held.mean() * abs(truth[held].mean() - score[held].mean())
            print(f"| {k / 10:.1f}-{(k + 1) / 10:.1f} | {held.sum():,} ", end="")
            print(f"| {score[held].mean():.2f} | {truth[held].mean():.2f} |")
    print(f"expected calibration error {error:.3f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    flow_bench(data)
    faults(data)
    recording()


if __name__ == "__main__":
    main()
