"""What judging costs while a log comes in: processor seconds a second, with the three detectors on.

    POLARS_MAX_THREADS=2 python -m bench.detect_live                20,000 lines a second for two minutes

Half of the lines are requests, a fortieth jobs, the rest statements. They are landed a second's worth at a time, as
fast as it goes; after each the pipeline takes a step, without the rest that the service gives it between two, so this
is what judging costs when it comes every second. A step reads what its verdicts depend on and judges who is there.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import polars as pl

from bench import detect_n1, detect_queue, detect_waf
from engine.pipeline import Pipeline
from engine.room import Room

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SHARES = {"requests": (detect_waf, 0.5), "queries": (detect_n1, 0.475), "jobs": (detect_queue, 0.025)}
SHOWN_EVERY = 15


def second_of(case: ModuleType, rows: int, number: int) -> pl.DataFrame:
    """`rows` events of one second, spread over it."""
    frame = case.events(number, rows)
    at = pl.int_range(pl.len()) * (1_000_000 // max(rows, 1))
    return frame.with_columns(ts=pl.lit(START + timedelta(seconds=number)) + pl.duration(microseconds=at))


def main() -> None:
    """Land, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=120)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        room = Room.open(Path(folder) / "home", create=True)
        pipeline, deployed = Pipeline(room.lake), room.registry.deployed("production")
        print(f"{'second':>7} {'landing':>9} {'judging':>9}   cpu seconds a second; by model the last step's ms")
        landing = judging = 0.0
        for number in range(given.seconds):
            rows = {name: second_of(case, int(given.rate * share), number) for name, (case, share) in SHARES.items()}
            began = time.process_time()
            room.lake.append(rows, kind="land")
            landed = time.process_time()
            through = START + timedelta(seconds=number + 1)
            steps = pipeline.step(deployed, lambda _table, through=through: through)
            landing, judging = landing + landed - began, judging + time.process_time() - landed
            if (number + 1) % SHOWN_EVERY == 0:
                told = ", ".join(f"{step.model} {step.analysis_ms:.0f}" for step in steps)
                print(f"{number + 1:7} {landing / SHOWN_EVERY:9.2f} {judging / SHOWN_EVERY:9.2f}   {told}", flush=True)
                landing = judging = 0.0


if __name__ == "__main__":
    main()
