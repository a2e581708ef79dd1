"""Files land once, to their end, whatever they hold."""

from __future__ import annotations

import threading
from pathlib import Path

import polars as pl
import pytest

from storage.errors import ConflictError, InputError
from storage.lake import Lake
from storage.landing import Landing
from storage.tally import Progress
from tests.storage.following import AT_ONCE, following, landing, restart, sweep_to_rest
from tests.storage.numbered import append, line, lines, seen


def rows(lake: Lake, name: str) -> pl.DataFrame:
    return lake.scan(name).collect()


def test_the_same_file_twice_lands_once(lake: Lake, tmp_path: Path) -> None:
    append(tmp_path / "app.log", range(100))
    first = landing(lake).ingest([tmp_path / "app.log"])
    second = landing(lake).ingest([tmp_path])
    assert (first.rows, first.files) == ({"logs": 100}, 1)
    assert (second.rows, second.bytes, second.commits) == ({}, 0, 0)
    assert seen(lake) == list(range(100))


def test_what_was_added_since_lands_alone(lake: Lake, tmp_path: Path) -> None:
    append(tmp_path / "app.log", range(10))
    landing(lake).ingest([tmp_path / "app.log"])
    append(tmp_path / "app.log", range(10, 30))
    assert landing(lake).ingest([tmp_path / "app.log"]).rows == {"logs": 20}
    assert seen(lake) == list(range(30))


def test_rows_carry_their_source_and_the_offset_of_their_record(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    append(path, range(50))
    landing(lake).ingest([path])
    data = path.read_bytes()
    for row in rows(lake, "logs").iter_rows(named=True):
        assert row["source"] == str(path)
        assert data[row["byte_offset"] :].startswith(line(int(row["message"][1:])))


def test_labels_and_predictions_land_in_their_own_tables(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(
        '{"event":"label","ts":"2026-03-02T08:00:00Z","model":"n1-detector","subject":"t1","truth":true}\n'
        '{"event":"prediction","ts":"2026-03-02T09:00:01Z","model":"n1-detector","subject":"t1","score":0.9,'
        '"window_start":"2026-03-02T09:00:00Z","window_end":"2026-03-02T09:00:01Z"}\n'
    )
    landing(lake).ingest([path])
    assert rows(lake, "labels").select("subject", "truth").rows() == [("t1", True)]
    assert rows(lake, "predictions").select("score", pl.col("ts") == pl.col("window_end")).rows() == [(0.9, True)]


def test_what_no_format_reads_lands_as_rejects_with_its_bytes(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    bad = b"half of a line \xff\xfe\x80"
    path.write_bytes(line(1) + bad + b"\n" + line(2))
    summary = landing(lake).ingest([path])
    assert summary.rows == {"logs": 2, "rejects": 1}
    (reject,) = rows(lake, "rejects").rows(named=True)
    assert (reject["raw"], reject["byte_offset"], reject["source"]) == (bad, len(line(1)), str(path))
    assert reject["reason"]


def test_a_last_line_without_newline_lands_and_is_replaced_when_it_comes_whole(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    whole = line(2)
    path.write_bytes(line(1) + whole.rstrip(b"\n"))
    landing(lake).ingest([path])
    assert seen(lake) == [1, 2]
    assert landing(lake).ingest([path]).rows == {}
    path.write_bytes(line(1) + whole + line(3))
    landing(lake).ingest([path])
    assert seen(lake) == [1, 2, 3]


def test_half_a_line_is_a_reject_only_until_the_rest_comes(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(line(1) + line(2)[:20])
    landing(lake).ingest([path])
    assert (seen(lake), rows(lake, "rejects").height) == ([1], 1)
    path.write_bytes(line(1) + line(2))
    landing(lake).ingest([path])
    assert (seen(lake), rows(lake, "rejects").height) == ([1, 2], 0)


def test_a_long_line_keeps_head_and_tail_and_its_neighbours(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    with path.open("wb") as out:
        out.write(line(1) + b'{"event":"log","message":"')
        for _ in range(50):
            out.write(b"x" * (1 << 20))
        out.write(b'"}\n' + line(2))
    summary = landing(lake).ingest([path])
    assert seen(lake) == [1, 2] and summary.rows["rejects"] == 1
    raw = rows(lake, "rejects")["raw"][0]
    assert len(raw) < 1_100_000 and raw.startswith(b'{"event"') and raw.endswith(b'"}') and b"bytes cut" in raw


def test_an_empty_file_is_no_error_and_a_binary_one_is(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    assert Landing(lake).ingest([tmp_path / "empty.log"]).files == 0
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(InputError, match="binary"):
        Landing(lake).ingest([tmp_path / "data.bin"])


def test_an_unknown_format_is_an_error_before_anything_lands(lake: Lake, tmp_path: Path) -> None:
    append(tmp_path / "a.log", range(3))
    (tmp_path / "b.log").write_text("the quick brown fox\njumps over\nthe lazy dog\n" * 9)
    with pytest.raises(InputError, match="--format") as caught:
        Landing(lake).ingest([tmp_path / "a.log", tmp_path / "b.log"])
    assert "watchroom formats test" in str(caught.value)
    assert seen(lake) == []


def test_in_a_folder_what_cannot_land_is_passed_over_with_a_notice(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    append(tmp_path / "logs" / "a.log", range(3))
    (tmp_path / "logs" / "b.bin").write_bytes(bytes(range(256)))
    summary = Landing(lake).ingest([tmp_path / "logs"])
    assert seen(lake) == [0, 1, 2]
    assert len(summary.notices) == 1 and "b.bin" in summary.notices[0]


def test_progress_is_told_and_ends_at_the_file_size(lake: Lake, tmp_path: Path) -> None:
    append(tmp_path / "app.log", range(1000))
    told: list[Progress] = []
    landing(lake).ingest([tmp_path / "app.log"], on_progress=told.append)
    assert told[-1].done_bytes == told[-1].total_bytes == (tmp_path / "app.log").stat().st_size
    assert told[-1].rows == 1000


def test_an_interrupted_ingest_goes_on_where_it_stopped(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.landing.BLOCK_BYTES", 4096)
    path = tmp_path / "app.log"
    append(path, range(2000))

    def stop_early(progress: Progress) -> None:
        if progress.rows >= 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        landing(lake).ingest([path], on_progress=stop_early)
    assert 500 <= len(seen(lake)) < 2000
    landing(lake).ingest([path])
    assert seen(lake) == list(range(2000))


def test_two_landings_of_one_home_never_land_a_line_twice(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    append(path, range(10))
    with following(lake, [path]) as one, following(lake, [path]) as other:
        one.sweep()
        other.sweep()
        append(path, range(10, 20))
        other.sweep()
        one.sweep()
        one.sweep()
        append(path, range(20, 30))
        one.sweep()
        other.sweep()
    assert seen(lake) == list(range(30))


def test_a_commit_that_lost_the_race_leaves_no_segment(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    append(path, range(10))
    from storage.opening import open_source
    from storage.tally import Tally

    work = landing(lake)
    reading = open_source(lake.ledger, path, work.terms, lake.clock())
    assert reading is not None
    batch = reading.tail.step(lake.clock())
    assert batch is not None
    landing(lake).ingest([path])
    with pytest.raises(ConflictError):
        work.commit([(reading, batch)], work.prepare([(reading, batch)]), Tally())
    reading.close()
    assert len(list(lake.home.lake.rglob("*.parquet"))) == len(lake.snapshot().segments)
    assert seen(lake) == list(range(10))


def test_follow_lands_new_files_of_a_folder_and_drains_at_the_stop(lake: Lake, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    stop, committed = threading.Event(), threading.Event()
    numbers: list[int] = []

    def on_commit(number: int) -> None:
        numbers.append(number)
        committed.set()

    work = landing(lake, AT_ONCE)
    thread = threading.Thread(target=work.follow, args=([logs],), kwargs={"stop": stop, "on_commit": on_commit})
    thread.start()
    append(logs / "a.log", range(10))
    assert committed.wait(20)
    append(logs / "b.log", range(10, 20))
    append(logs / "a.log", range(20, 30))
    (logs / "a.log").open("ab").write(line(30).rstrip(b"\n"))
    stop.set()
    thread.join(20)
    assert seen(lake) == list(range(31))
    assert numbers == sorted(set(numbers)) and numbers[-1] == lake.snapshot().commit_id


def test_lags_say_how_far_a_source_is_behind(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    append(path, range(10))
    with following(lake, [path]) as follower:
        sweep_to_rest(follower)
        (lag,) = follower.lags()
        assert (lag.path, lag.bytes_behind, lag.seconds_behind, lag.rows, lag.state) == (path, 0, 0.0, 10, "live")
        path.open("ab").write(lines([10])[:-5])
        follower.sweep()
        (lag,) = follower.lags()
        assert lag.bytes_behind == len(lines([10])) - 5 and lag.seconds_behind >= 0


def test_a_file_that_is_not_there_yet_is_waited_for(lake: Lake, tmp_path: Path) -> None:
    with following(lake, [tmp_path / "later.log"]) as follower:
        follower.sweep()
        append(tmp_path / "later.log", range(5))
        sweep_to_rest(follower)
    assert seen(lake) == list(range(5))


def test_a_stopped_follower_lands_everything_again_from_nowhere(lake: Lake, tmp_path: Path) -> None:
    append(tmp_path / "app.log", range(5))
    for end in (10, 20, 30):
        restart(lake, [tmp_path / "app.log"])
        append(tmp_path / "app.log", range(end - 5 if end == 10 else end - 10, end))
    restart(lake, [tmp_path / "app.log"])
    assert seen(lake) == list(range(30))
