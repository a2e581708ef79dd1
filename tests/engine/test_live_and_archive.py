"""The same log gives the same predictions, whether it came a little at a time or all at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from engine.detector import load, names
from engine.pipeline import ENDLESS, Pipeline, Stamp, predict
from engine.room import Room
from engine.slices import slices
from storage.schema import table
from tests.conftest import HeldClock
from tests.engine.test_every_detector import START, some_events

VERDICT = ["prediction_id", "subject", "window_start", "window_end", "score", "flagged", "reason"]


def predictions(room: Room, model: str) -> pl.DataFrame:
    rows = room.lake.scan("predictions").filter(pl.col("model") == model).collect()
    return rows.select(VERDICT).sort("prediction_id")


def room_at(path: Path, clock: HeldClock) -> Room:
    return Room.open(path, create=True, clock=clock)


@pytest.mark.parametrize("model", names())
@pytest.mark.parametrize("pieces", [3, 14])
def test_a_stream_and_its_archive_are_judged_alike(model: str, pieces: int, tmp_path: Path, clock: HeldClock) -> None:
    kind = load(model)
    events = some_events(kind.table, 600)
    archive, live = room_at(tmp_path / "a", clock), room_at(tmp_path / "b", clock)
    archive.lake.append({kind.table: events}, kind="land")
    Pipeline(archive.lake).drain(archive.registry.deployed("production"))

    pipeline = Pipeline(live.lake)
    size = -(-events.height // pieces)
    for start in range(0, events.height, size):
        part = events.slice(start, size)
        live.lake.append({kind.table: part}, kind="land")
        newest = part["ts"].max()
        assert isinstance(newest, datetime)
        pipeline.step(live.registry.deployed("production"), settled_at(newest))
    pipeline.drain(live.registry.deployed("production"))

    assert predictions(live, model).equals(predictions(archive, model))


def test_a_session_that_never_falls_silent_is_judged_alike(tmp_path: Path, clock: HeldClock) -> None:
    """One statement a second for minutes: the windows it is cut into are known as soon as each is over."""
    rows = [
        {"ts": START + timedelta(seconds=30 + i), "source": "t", "byte_offset": i, "session": "11", "sql": "SELECT 7"}
        for i in range(200)
    ]
    events = table("queries").conform(pl.DataFrame(rows))
    archive, live = room_at(tmp_path / "a", clock), room_at(tmp_path / "b", clock)
    archive.lake.append({"queries": events}, kind="land")
    Pipeline(archive.lake).drain(archive.registry.deployed("production"))
    pipeline, deployed = Pipeline(live.lake), live.registry.deployed("production")
    for second in range(0, 200, 25):
        live.lake.append({"queries": events.slice(second, 25)}, kind="land")
        pipeline.step(deployed, settled_at(START + timedelta(seconds=30 + second + 24)))
    pipeline.drain(deployed)
    assert predictions(live, "n1-detector").equals(predictions(archive, "n1-detector"))
    assert predictions(live, "n1-detector").height == 5


def test_a_long_archive_is_committed_slice_by_slice_and_once(tmp_path: Path, clock: HeldClock) -> None:
    """Its verdicts are those of one step, and judging again adds none."""
    events = some_events("queries", 600)
    whole, sliced = room_at(tmp_path / "a", clock), room_at(tmp_path / "b", clock)
    for room, rows in ((whole, 10_000), (sliced, 100)):
        room.lake.append({"queries": events}, kind="land")
        deployed = room.registry.deployed("production")
        before = room.lake.snapshot().commit_id
        Pipeline(room.lake, slice_rows=rows).drain(deployed)
        commits = room.lake.snapshot().commit_id - before
        assert commits == 1 if rows > 600 else commits > 3
        assert [step.judged for step in Pipeline(room.lake).drain(deployed)] == [0, 0, 0]
    assert predictions(sliced, "n1-detector").equals(predictions(whole, "n1-detector"))


@pytest.mark.parametrize("model", names())
def test_slices_of_a_log_give_what_the_whole_gives(model: str) -> None:
    """Cut anywhere in event time, and with what was judged before left out."""
    detector = load(model)()
    events = some_events(detector.table, 600)

    def source(since: datetime | None, until: datetime | None) -> pl.LazyFrame:
        low = pl.col("ts") >= since if since is not None else pl.lit(True)
        return events.lazy().filter(low & (pl.col("ts") < until if until is not None else pl.lit(True)))

    stamp = Stamp("production", 1, "test")
    whole = predict(detector, events.lazy(), stamp)
    cut = list(slices(detector, source, None, rows=100, shortest=timedelta(0)))
    assert len(cut) > 3
    parts = pl.concat(predict(detector, piece.events(detector, source), stamp, piece) for piece in cut)
    columns = [*VERDICT, "features"]
    assert parts.select(columns).equals(whole.select(columns))


def settled_at(moment: datetime) -> Callable[[str], datetime]:
    return lambda _table: moment


def test_a_step_that_runs_again_adds_nothing(tmp_path: Path, clock: HeldClock) -> None:
    room = room_at(tmp_path, clock)
    room.lake.append({"jobs": some_events("jobs")}, kind="land")
    deployed = room.registry.deployed("production")
    Pipeline(room.lake).drain(deployed)
    once = room.lake.scan("predictions").collect().height
    Pipeline(room.lake).drain(deployed)
    with room.ledger.write() as connection:
        connection.execute("UPDATE watermark SET commit_id = 0, judged_through = NULL")
    Pipeline(room.lake).drain(deployed)
    assert room.lake.scan("predictions").collect().height == once > 0


def test_rows_that_come_late_are_judged_still(tmp_path: Path, clock: HeldClock) -> None:
    """An archive of last week, landed today, gets its verdicts."""
    room = room_at(tmp_path, clock)
    deployed = room.registry.deployed("production")
    pipeline = Pipeline(room.lake)
    today = some_events("jobs", 50)
    room.lake.append({"jobs": today}, kind="land")
    pipeline.step(deployed, lambda _table: ENDLESS)
    last_week = today.with_columns(pl.col("ts") - timedelta(days=7), pl.col("job_id") + "-old")
    room.lake.append({"jobs": table("jobs").conform(last_week)}, kind="land")
    pipeline.step(deployed, lambda _table: ENDLESS)
    judged = room.lake.scan("predictions").filter(pl.col("model") == "queue-anomaly").collect()
    assert set(judged["subject"]) == set(today["job_id"]) | set(last_week["job_id"])


def test_what_waited_when_a_process_ended_is_judged_by_the_next(tmp_path: Path, clock: HeldClock) -> None:
    room = room_at(tmp_path, clock)
    deployed = room.registry.deployed("production")
    events = some_events("jobs", 80)
    middle = events["ts"][40]
    room.lake.append({"jobs": events}, kind="land")
    Pipeline(room.lake).step(deployed, settled_at(middle))
    assert 0 < room.lake.scan("predictions").collect().height < 80
    Pipeline(room.lake).drain(deployed)
    assert set(room.lake.scan("predictions").collect()["subject"]) == set(events["job_id"])
