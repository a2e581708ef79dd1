"""Merging, cleaning up and retention: quick over months, and no reader sees a row twice or not at all."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from storage import compaction
from storage.compaction import compact, plan, prune_commits, remove_superseded, retain
from storage.doctor import repair
from storage.errors import ConflictError
from storage.home import Home
from storage.lake import Lake
from storage.schema import TABLES
from tests.conftest import HeldClock
from tests.storage.following import AT_ONCE, following, landing, sweep_to_rest
from tests.storage.numbered import append, line, seen


def rows_of(start: int, count: int, at: datetime) -> pl.DataFrame:
    frame = pl.DataFrame({"message": [f"n{n}" for n in range(start, start + count)]})
    return TABLES["logs"].conform(frame.with_columns(pl.lit(at).dt.replace_time_zone("UTC").alias("ts")))


def fill(lake: Lake, commits: int, rows: int = 3, start: int = 0) -> int:
    for number in range(commits):
        at = lake.clock().replace(tzinfo=None) + timedelta(seconds=number % 60)
        lake.append({"logs": rows_of(start + number * rows, rows, at)}, kind="land")
    return start + commits * rows


def test_seconds_become_minutes_and_a_closed_day_becomes_one(lake: Lake, clock: HeldClock) -> None:
    total = fill(lake, 100)
    done = compact(lake)
    assert (done.merged, done.into) == (100, 1) or len(lake.snapshot().of("logs")) < 40
    assert seen(lake) == list(range(total))
    clock.forward(days=2)
    compact(lake)
    assert len(lake.snapshot().of("logs")) == 1
    assert seen(lake) == list(range(total))


def test_scan_keeps_the_order_of_the_commits(lake: Lake) -> None:
    total = fill(lake, 70)
    compact(lake)
    fill(lake, 3, start=total)
    messages = lake.scan("logs").collect()["message"].to_list()
    assert messages == [f"n{n}" for n in range(total + 9)]


def test_files_outlive_their_readers_and_then_go(lake: Lake, clock: HeldClock) -> None:
    total = fill(lake, 40)
    before = lake.snapshot()
    with lake.reading() as leased:
        compact(lake)
        assert lake.scan("logs", snapshot=before).collect().height == total
        clock.forward(hours=5)
        assert remove_superseded(lake) == 0
        assert lake.scan("logs", snapshot=leased).collect().height == total
    assert remove_superseded(lake) == 40
    assert set(lake.home.lake.rglob("*.parquet")) == {s.path for s in lake.snapshot().segments}


def test_what_a_detector_has_not_seen_is_not_hidden_behind_what_it_has(lake: Lake) -> None:
    total = fill(lake, 60)
    with lake.ledger.write() as connection:
        connection.execute("INSERT INTO watermark VALUES ('m', 'production', 45, NULL, 'x')")
    compact(lake, fan=5)
    snapshot = lake.snapshot()
    unseen = snapshot.of("logs", after_commit=45)
    assert sum(s.row_count for s in unseen) == 15 * 3
    assert seen(lake) == list(range(total)) and len(snapshot.of("logs")) < 20


def test_an_unfinished_last_record_is_not_merged_before_it_is_whole(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    for number in range(10):
        append(log, [number])
        landing(lake).ingest([log])
    log.open("ab").write(line(10).rstrip(b"\n"))
    with following(lake, [log], AT_ONCE) as follower:
        sweep_to_rest(follower)
    compact(lake, fan=3)
    log.open("ab").write(b"\n" + line(11))
    landing(lake).ingest([log])
    assert seen(lake) == list(range(12))


def test_merging_while_others_land_and_read_shows_every_row_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    lake = Lake.open(home)
    stop = threading.Event()
    wrong: list[str] = []
    landed = [0]

    def write() -> None:
        mine = Lake.open(home)
        while not stop.is_set():
            fill(mine, 1, start=landed[0])
            landed[0] += 3
        mine.ledger.close()

    def read() -> None:
        mine = Lake.open(home)
        while not stop.is_set():
            low = landed[0]
            numbers = seen(mine)
            if numbers != list(range(len(numbers))) or len(numbers) < low:
                wrong.append(f"{len(numbers)} rows of {low}")
        mine.ledger.close()

    threads = [threading.Thread(target=t) for t in (write, read)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        compact(lake, fan=4)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert seen(lake) == list(range(landed[0]))


def test_files_are_cleaned_up_under_load_and_never_under_a_reader(tmp_path: Path) -> None:
    """Superseded files go at once here, so only the leases stand between readers and the clean-up."""
    home = Home(tmp_path / "home")
    lake = Lake.open(home)
    stop = threading.Event()
    wrong: list[str] = []
    landed, reads = [fill(lake, 20)], [0]

    def write() -> None:
        mine = Lake.open(home)
        while not stop.is_set():
            landed[0] = fill(mine, 1, start=landed[0])
        mine.ledger.close()

    def read() -> None:
        mine = Lake.open(home)
        while not stop.is_set():
            low = landed[0]
            try:
                with mine.reading() as snapshot:
                    messages = mine.scan("logs", snapshot=snapshot).collect()["message"]
            except FileNotFoundError as error:
                wrong.append(f"a file went under its reader: {error}")
                continue
            numbers = sorted(int(text[1:]) for text in messages)
            if numbers != list(range(len(numbers))) or len(numbers) < low:
                wrong.append(f"{len(numbers)} rows of {low}")
            reads[0] += 1
        mine.ledger.close()

    threads = [threading.Thread(target=t) for t in (write, read, read)]
    for thread in threads:
        thread.start()
    gone = 0
    for turn in range(500):
        compact(lake, fan=3)
        gone += remove_superseded(lake, timedelta(0))
        if turn >= 12 and gone and reads[0] > 5:
            break
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert gone and reads[0]
    assert seen(lake) == list(range(landed[0]))


def test_two_processes_that_merge_the_same_leave_every_row_once(lake: Lake) -> None:
    total = fill(lake, 40)
    group = plan(lake, lake.snapshot())[0]
    compaction.replace(lake, group, [compaction.merge(group)], kind="compact")
    with pytest.raises(ConflictError):
        compaction.replace(lake, group, [compaction.merge(group)], kind="compact")
    assert seen(lake) == list(range(total))
    known = {lake.home.lake / r for r in _paths(lake)}
    assert set(lake.home.lake.rglob("*.parquet")) == known


def _paths(lake: Lake) -> list[str]:
    with lake.ledger.read() as connection:
        return [row[0] for row in connection.execute("SELECT path FROM segment")]


def test_a_merged_lake_comes_back_from_its_segments(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    for number in range(0, 200, 10):
        append(log, range(number, number + 10))
        landing(lake).ingest([log])
    compact(lake, fan=8)
    append(log, range(200, 220))
    landing(lake).ingest([log])
    lake.ledger.close()
    lake.home.ledger.unlink()
    again = Lake.open(lake.home, lake.clock)
    assert seen(again) == list(range(220))
    assert landing(again).ingest([log]).rows == {}


def test_what_was_merged_lost_and_landed_again_is_there_once_after_the_loss_of_the_ledger(
    lake: Lake, tmp_path: Path
) -> None:
    logs = [tmp_path / f"{name}.log" for name in "ab"]
    for number in range(0, 80, 10):
        for place, log in enumerate(logs):
            append(log, range(100 * place + number, 100 * place + number + 10))
        landing(lake).ingest(logs)
        if number in (30, 60):
            compact(lake, fan=3)
    compact(lake, fan=2)
    max(lake.snapshot().of("logs"), key=lambda s: s.row_count).path.unlink()
    repair(lake.home, clock=lake.clock)
    for _ in range(2):
        lake.ledger.close()
        lake.home.ledger.unlink()
        lake = Lake.open(lake.home, lake.clock)
        assert seen(lake) == [*range(80), *range(100, 180)]
        compact(lake, fan=2)


def test_old_rows_go_a_segment_at_a_time(lake: Lake, clock: HeldClock) -> None:
    clock.moment = datetime(2026, 1, 1, 9, tzinfo=UTC)
    fill(lake, 3)
    clock.moment = datetime(2026, 3, 1, 9, tzinfo=UTC)
    fill(lake, 2, start=100)
    assert retain(lake, {"logs": 30, "requests": 1}) == {"logs": 9}
    assert seen(lake) == list(range(100, 106))
    assert retain(lake, {"logs": 30}) == {}
    clock.forward(hours=2)
    assert remove_superseded(lake) == 3


def test_a_segment_that_cannot_be_read_stops_no_other_merge(lake: Lake, clock: HeldClock) -> None:
    fill(lake, 5)
    lake.snapshot().of("logs")[2].path.write_bytes(b"PAR1 no more")
    clock.forward(days=1)
    fill(lake, 5, start=100)
    clock.forward(days=2)
    assert compact(lake).merged == 5
    assert len(lake.snapshot().of("logs")) == 6


def test_old_commits_go_once_no_segment_names_them(lake: Lake, clock: HeldClock) -> None:
    total = fill(lake, 50)
    clock.forward(days=10)
    fill(lake, 1, start=total)
    compact(lake)
    clock.forward(hours=2)
    remove_superseded(lake)
    assert prune_commits(lake) >= 48 and prune_commits(lake) == 0
    assert seen(lake) == list(range(total + 3))
    newest = lake.snapshot().commit_id
    assert lake.append({}, kind="land") == newest + 1


def test_rows_without_a_time_stay_in_their_day_when_merged(lake: Lake, clock: HeldClock) -> None:
    frame = TABLES["logs"].conform(pl.DataFrame({"message": ["n1"]}))
    for _ in range(4):
        lake.append({"logs": frame}, kind="land")
    clock.forward(days=3)
    compact(lake)
    (segment,) = lake.snapshot().of("logs")
    assert segment.path.parent.name == "date=2026-03-02" and segment.row_count == 4
    assert retain(lake, {"logs": 1}) == {"logs": 4}
