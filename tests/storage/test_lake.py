"""Segments, manifest and snapshots: what a commit promises."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from storage.errors import UnavailableError
from storage.home import Home
from storage.lake import Lake, Origin
from storage.schema import TABLES
from storage.segments import checksum_file, read_metadata
from tests.conftest import HeldClock


def logs(*moments: datetime | None) -> pl.DataFrame:
    return TABLES["logs"].conform(
        pl.DataFrame({"ts": moments, "message": [f"m{n}" for n in range(len(moments))]}, schema_overrides={"ts": TIME})
    )


TIME = pl.Datetime("us", "UTC")
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_rows_of_several_days_go_to_their_days_and_those_without_a_time_to_today(lake: Lake) -> None:
    lake.append({"logs": logs(NINE, NINE - timedelta(days=1), None, NINE)}, kind="land")
    days = {s.path.parent.name: s.row_count for s in lake.snapshot().of("logs")}
    assert days == {"date=2026-03-02": 3, "date=2026-03-01": 1}


def test_a_window_reads_only_segments_that_may_hold_it(lake: Lake) -> None:
    for day in range(5):
        lake.append({"logs": logs(NINE + timedelta(days=day))}, kind="land")
    snapshot = lake.snapshot()
    since, until = NINE + timedelta(days=2), NINE + timedelta(days=3)
    assert len(snapshot.of("logs", since=since, until=until)) == 1
    assert lake.scan("logs", since=since, until=until).collect()["ts"].to_list() == [since]
    assert len(snapshot.of("logs", after_commit=3)) == 2


def test_a_commit_that_fails_leaves_neither_rows_nor_files(lake: Lake) -> None:
    def broken(connection: sqlite3.Connection, commit_id: int) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        lake.append({"logs": logs(NINE), "rejects": TABLES["rejects"].empty()}, kind="land", also=broken)
    assert lake.snapshot().segments == () and not list(lake.home.lake.rglob("*.p*"))


def test_an_empty_commit_moves_what_it_moves_and_writes_no_file(lake: Lake) -> None:
    seen: list[int] = []
    number = lake.append({"logs": logs()}, kind="judge", also=lambda c, n: seen.append(n))
    assert seen == [number] and lake.snapshot().commit_id == number and lake.snapshot().segments == ()


def test_a_snapshot_does_not_change_while_others_commit(lake: Lake) -> None:
    lake.append({"logs": logs(NINE)}, kind="land")
    before = lake.snapshot()
    lake.append({"logs": logs(NINE)}, kind="land")
    assert lake.scan("logs", snapshot=before).collect().height == 1
    assert lake.scan("logs").collect().height == 2


def test_a_segment_tells_where_it_comes_from(lake: Lake) -> None:
    with lake.ledger.write() as connection:
        columns = "id, path, place, head, head_bytes, first_ts, updated_ts"
        connection.execute(f"INSERT INTO source ({columns}) VALUES (7, 'a', 'a', x'', 0, '', '')")
    lake.append({"logs": logs(NINE)}, kind="land", origin=Origin(7, 10, 90, {"path": "a", "generation": 0}))
    (segment,) = lake.snapshot().segments
    about = read_metadata(segment.path)
    assert about["origins"] == [{"path": "a", "generation": 0, "start_offset": 10, "end_offset": 90}]
    assert about["files"] == [str(segment.path.relative_to(lake.home.lake))]
    with lake.ledger.read() as connection:
        (known,) = connection.execute("SELECT checksum FROM segment").fetchone()
        (landed,) = connection.execute("SELECT source_id, start_offset, end_offset FROM landed").fetchall()
    assert known == checksum_file(segment.path) and tuple(landed) == (7, 10, 90)


def test_an_older_segment_lacks_a_column_and_reads_as_null(lake: Lake) -> None:
    lake.append({"logs": logs(NINE)}, kind="land")
    (segment,) = lake.snapshot().segments
    pl.read_parquet(segment.path).drop("context").with_columns(pl.lit(1).alias("new")).write_parquet(segment.path)
    frame = lake.scan("logs").collect()
    assert frame.columns == list(TABLES["logs"].columns) and frame["context"].to_list() == [None]


def test_files_of_a_home_are_private(lake: Lake) -> None:
    lake.append({"logs": logs(NINE)}, kind="land")
    for path in [lake.home.path, *lake.home.path.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_lease_ends_with_its_reader(lake: Lake, clock: HeldClock) -> None:
    lake.append({"logs": logs(NINE)}, kind="land")
    with lake.reading() as snapshot:
        assert lake.oldest_lease() == snapshot.commit_id
    (lake.home.state / "readers" / "dead").write_text("1")
    assert lake.oldest_lease() is None
    assert not list((lake.home.state / "readers").iterdir())


def test_a_home_that_is_a_file_or_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UnavailableError, match="--home") as caught:
            Lake.open(Home(path))
        assert "\n" not in str(caught.value)
    with pytest.raises(UnavailableError, match="no watchroom home"):
        Home(tmp_path / "none").require()


def test_the_lake_is_read_without_watchroom_as_its_page_says(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "lake.md").read_text()
    rows = TABLES["requests"].conform(pl.DataFrame({"ts": [NINE] * 3, "status": [200, 200, 404]}))
    lake.append({"requests": rows}, kind="land")
    code = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict[str, object] = {}
    assert [bool(re.search(r"^spark", snippet)) for snippet in code] == [False, False, False, True, True]
    for snippet in code[:3]:
        exec(snippet.replace("HOME", str(lake.home.path)), names)
    said = capsys.readouterr().out
    assert "3" in said and "404" in said
