"""The same segments as a Delta table, by metadata alone, read back by deltalake and Polars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from storage.compaction import compact, remove_superseded
from storage.delta import export_delta, keep_up
from storage.doctor import examine, repair
from storage.forget import forget
from storage.lake import Lake
from storage.schema import LOGS, REQUESTS, TABLES
from storage.upkeep import keep_up as upkeep
from tests.conftest import HeldClock
from tests.modelops import MARA

deltalake = pytest.importorskip("deltalake")
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def land(lake: Lake, start: int, count: int = 5) -> None:
    rows = [{"ts": START + timedelta(minutes=n), "message": f"n{n}"} for n in range(start, start + count)]
    lake.append({"logs": LOGS.conform(pl.DataFrame(rows))}, kind="land")


def read(folder: Path) -> list[str]:
    """What deltalake finds, by its own list of files."""
    files = deltalake.DeltaTable(folder).file_uris()
    return sorted(pl.concat([pl.read_parquet(f, hive_partitioning=False) for f in files])["message"].to_list())


def inodes(lake: Lake) -> dict[Path, int]:
    return {p: p.stat().st_ino for p in lake.home.lake_files()}


def test_the_segments_are_a_delta_table_and_none_is_copied(lake: Lake) -> None:
    for n in range(0, 20, 5):
        land(lake, n)
    before = inodes(lake)
    done = export_delta(lake, "logs")
    assert (done.version, done.files, done.added, done.removed, done.rows) == (0, 4, 4, 0, 20)
    assert inodes(lake) == before
    assert read(done.folder) == sorted(f"n{n}" for n in range(20))
    table = deltalake.DeltaTable(done.folder)
    assert [field.name for field in table.schema().fields] == list(LOGS.columns)
    late = pl.scan_delta(str(done.folder)).filter(pl.col("ts") >= START + timedelta(minutes=15))
    assert sorted(late.collect()["message"].to_list()) == [f"n{n}" for n in range(15, 20)]
    actions = pl.DataFrame(pl.Series(table.get_add_actions(flatten=True))).to_series().struct.unnest()
    assert set(actions["num_records"].to_list()) == {5}
    told = {c for c in actions.columns if c.startswith(("min.", "max.")) and actions[c].null_count() < 4}
    assert told == {"min.ts", "max.ts"}, "no other value of the rows is told"


def test_it_follows_landing_merging_and_forgetting(lake: Lake, clock: HeldClock) -> None:
    for n in range(0, 20, 5):
        land(lake, n)
    folder = export_delta(lake, "logs").folder
    assert export_delta(lake, "logs").version == 0, "nothing to say"
    compact(lake, fan=4)
    assert read(folder) == sorted(f"n{n}" for n in range(20)), "files of a version stay for an hour"
    land(lake, 20)
    done = export_delta(lake, "logs")
    assert (done.version, done.added, done.removed) == (1, 2, 4)
    clock.forward(hours=2)
    assert remove_superseded(lake) == 4
    assert read(folder) == sorted(f"n{n}" for n in range(25))
    forget(lake, "n17", MARA)
    assert not list(lake.home.lake.rglob("_delta_log"))
    assert export_delta(lake, "logs").rows == 24
    assert "n17" not in read(folder)


def test_upkeep_brings_an_old_log_up_to_date_and_the_doctor_leaves_it_alone(lake: Lake, clock: HeldClock) -> None:
    land(lake, 0)
    clock.moment = datetime.now(UTC)
    export_delta(lake, "logs")
    land(lake, 5)
    assert keep_up(lake) == [], "young enough"
    clock.forward(hours=1)
    upkeep(lake)
    folder = lake.home.lake / "logs"
    assert deltalake.DeltaTable(folder).version() == 1
    assert read(folder) == sorted(f"n{n}" for n in range(10))
    deltalake.DeltaTable(folder).create_checkpoint()
    clock.forward(hours=24)
    assert examine(lake.home, clock=clock).sound
    lake.ledger.close()
    lake.home.ledger.unlink()
    repair(lake.home, clock=clock)
    assert deltalake.DeltaTable(folder).version() == 1
    assert Lake.open(lake.home, clock).scan("logs").collect().height == 10


def test_a_column_that_the_lake_got_later_is_null_before(lake: Lake) -> None:
    land(lake, 0)
    folder = export_delta(lake, "logs").folder
    older = pl.Schema({k: v for k, v in LOGS.columns.items() if k != "context"})
    for path in (folder / "_delta_log").iterdir():
        path.unlink()
    deltalake.DeltaTable.create(folder, older.to_frame().to_arrow().schema)
    export_delta(lake, "logs")
    assert "context" in [field.name for field in deltalake.DeltaTable(folder).schema().fields]
    assert pl.scan_delta(str(folder)).select("context").collect().height == 5


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_a_delta_schema(name: str, lake: Lake) -> None:
    done = export_delta(lake, name)
    assert (done.version, done.files) == (0, 0)
    assert [f.name for f in deltalake.DeltaTable(done.folder).schema().fields] == list(TABLES[name].columns)


def test_vacuum_takes_nothing_that_lives(lake: Lake) -> None:
    rows = REQUESTS.conform(pl.DataFrame([{"ts": START, "path": "/a"}]))
    lake.append({"requests": rows}, kind="land")
    folder = export_delta(lake, "requests").folder
    lake.append({"requests": rows}, kind="land")
    assert deltalake.DeltaTable(folder).vacuum(dry_run=True, full=True) == []
