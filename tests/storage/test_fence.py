"""Ad-hoc SQL is fenced: it reads the lake and the ledger, and nothing else can be read, written or exhausted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from storage.errors import QueryError
from storage.fence import Limits, ask
from storage.lake import Lake
from storage.schema import REQUESTS
from storage.sql import Reader

ROW = {"ts": datetime(2026, 3, 2, 9, tzinfo=UTC), "client_ip": "203.0.113.1", "path": "/a", "status": 200}


@pytest.fixture
def reader(lake: Lake) -> Reader:
    lake.append({"requests": REQUESTS.conform(pl.DataFrame([ROW]))}, kind="land")
    return Reader(lake)


def test_tables_of_lake_and_ledger_answer(reader: Reader) -> None:
    joined = ask(reader, "SELECT r.path, s.table_name FROM requests r, segment s")
    assert joined.rows() == [("/a", "requests")]
    assert ask(reader, "SELECT count(*) AS n FROM jobs").item() == 0
    assert "performance_now" in ask(reader, "SHOW TABLES")["name"].to_list()
    assert ask(reader, "WITH x AS (FROM requests) SELECT ts FROM x").item() == ROW["ts"]


OUTSIDE = Path("/etc/passwd")
ESCAPES = [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM read_text('{lake}/../ledger.sqlite3')",
    "SELECT * FROM read_text('{lake}/link')",
    "SELECT * FROM read_parquet('https://example.org/x.parquet')",
    "SELECT * FROM read_csv('s3://bucket/x.csv')",
    "COPY requests TO '/tmp/out.parquet'",
    "COPY requests TO '{lake}/requests/over.parquet'",
    "COPY (SELECT 1) TO '{segment}'",
    "EXPLAIN ANALYZE COPY requests TO '{lake}/x.parquet'",
    "ATTACH '/tmp/other.db' AS other",
    "ATTACH '{home}/ledger.sqlite3' AS ledger (TYPE sqlite)",
    "EXPORT DATABASE '/tmp/dump'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "CREATE TABLE t AS SELECT 1",
    "DROP VIEW requests",
    "SELECT 1; COPY requests TO '/tmp/out.csv'",
    "PRAGMA database_list; SELECT 1",
    "CALL pragma_version()",
    "SELECT getenv('PATH')",
    "SELECT * FROM reader",
    "SELECT * FROM query('COPY requests TO ''/tmp/out.csv''')",
    "INSERT INTO requests SELECT * FROM requests",
]


@pytest.mark.parametrize("attempt", ESCAPES)
def test_an_escape_fails_and_leaves_no_trace(attempt: str, reader: Reader, tmp_path: Path) -> None:
    home = reader.lake.home
    (home.lake / "link").symlink_to(OUTSIDE)
    segment = reader.lake.snapshot().segments[0].path
    before = {p: p.read_bytes() for p in home.path.rglob("*") if p.is_file() and p.suffix == ".parquet"}
    text = attempt.format(lake=home.lake, home=home.path, segment=segment)
    with pytest.raises(QueryError) as refused:
        ask(reader, text)
    assert "\n" not in str(refused.value)
    after = {p: p.read_bytes() for p in home.path.rglob("*") if p.is_file() and p.suffix == ".parquet"}
    assert after == before


def test_a_query_without_end_is_interrupted(reader: Reader) -> None:
    with pytest.raises(QueryError, match="longer than"):
        ask(reader, "SELECT count(*) FROM range(10000000000) a, range(10000000000) b", Limits(timeout_s=0.3))


def test_a_hungry_query_is_stopped(reader: Reader) -> None:
    with pytest.raises(QueryError, match=r"(?i)memory"):
        ask(reader, "SELECT list(range) FROM range(100000000)", Limits(memory="50MB"))


@pytest.mark.parametrize("text", ["", "SELEC 1", "SELECT * FROM nowhere", "-- nothing"])
def test_what_is_no_query_is_one_clear_line(text: str, reader: Reader) -> None:
    with pytest.raises(QueryError) as refused:
        ask(reader, text)
    assert str(refused.value)
    assert "\n" not in str(refused.value)
