"""Ad-hoc SQL is fenced: it reads the lake and the ledger, and nothing else can be read, written or exhausted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from storage.brake import Brake
from storage.errors import QueryError
from storage.fence import Limits, answering, ask
from storage.home import Home
from storage.lake import Lake
from storage.schema import REQUESTS
from storage.sql import Reader

OUTSIDE = Path("/etc/passwd")
ROW = {"ts": datetime(2026, 3, 2, 9, tzinfo=UTC), "client_ip": "203.0.113.1", "path": "/a", "status": 200}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """One lake for all: nothing here may change it."""
    lake = Lake.open(Home(tmp_path_factory.mktemp("fenced") / "home"))
    lake.append({"requests": REQUESTS.conform(pl.DataFrame([ROW]))}, kind="land")
    (lake.home.lake / "link").symlink_to(OUTSIDE)
    lake.home.config.write_text("# the configuration holds keys\n")
    yield Reader(lake)
    lake.ledger.close()


def test_tables_of_lake_and_ledger_answer(reader: Reader) -> None:
    joined = ask(reader, "SELECT r.path, s.table_name FROM requests r, segment s")
    assert joined.rows() == [("/a", "requests")]
    assert ask(reader, "SELECT count(*) AS n FROM jobs").item() == 0
    assert "performance_now" in ask(reader, "SHOW TABLES")["name"].to_list()
    assert ask(reader, "WITH x AS (FROM requests) SELECT ts FROM x").item() == ROW["ts"]


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
    "WITH x AS (COPY (SELECT 1 AS a) TO '{segment}') SELECT * FROM x",
    "WITH x AS MATERIALIZED (COPY requests TO '{lake}/new.csv') SELECT 1",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '{lake}/new.csv') SELECT * FROM x)",
    "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{lake}/new.csv'') SELECT * FROM x')",
    "WITH x AS (DELETE FROM segment RETURNING *) SELECT * FROM x",
    "WITH x AS (INSERT INTO segment SELECT * FROM segment RETURNING *) SELECT * FROM x",
    "SELECT * FROM enable_logging('QueryLog', storage='file', storage_path='{lake}/log')",
    "SELECT * FROM enable_profiling(format='json', save_location='{lake}/profile.json')",
    "SELECT * FROM read_text('{lake}/../watchroom.toml')",
    "SELECT * FROM read_text(['{segment}', '/etc/passwd'])",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_duckdb('/tmp/other.db')",
    "SELECT * FROM glob('{lake}/../*')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''/etc/passwd'')'))",
]


def every_file(reader: Reader) -> dict[Path, bytes]:
    """What the home holds but for SQLite's own files."""
    files = [p for p in reader.lake.home.path.rglob("*") if p.is_file() and "ledger" not in p.name]
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize("attempt", ESCAPES)
def test_an_escape_fails_and_leaves_no_trace(attempt: str, reader: Reader) -> None:
    home = reader.lake.home
    before = every_file(reader)
    text = attempt.format(lake=home.lake, home=home.path, segment=reader.lake.snapshot().segments[0].path)
    with pytest.raises(QueryError) as refused:
        ask(reader, text)
    assert "\n" not in str(refused.value)
    assert every_file(reader) == before


def test_a_query_without_end_is_interrupted(reader: Reader) -> None:
    with pytest.raises(QueryError, match="longer than"):
        ask(reader, "SELECT count(*) FROM range(10000000000) a, range(10000000000) b", Limits(timeout_s=0.3))


ENDLESS = "SELECT sum(range % 7) FROM range(1000000000000)"


def test_a_running_query_is_stopped_from_another_thread_at_once(reader: Reader) -> None:
    brake = Brake()
    pulled = threading.Timer(0.2, brake.pull)
    pulled.start()
    with pytest.raises(QueryError, match="interrupted"):
        ask(reader, ENDLESS, Limits(timeout_s=60), brake)
    assert not pulled.is_alive()
    with pytest.raises(QueryError, match="interrupted"):
        ask(reader, ENDLESS, Limits(timeout_s=60), brake)


def test_an_answer_of_any_length_is_read_in_pieces_and_one_too_large_to_hold_is_refused(reader: Reader) -> None:
    long = "SELECT range AS n, 'padding of this row' AS text FROM range(300000)"
    with answering(reader, long) as answer:
        heights = [frame.height for frame in answer]
    assert sum(heights) == 300_000
    assert len(heights) > 10
    with pytest.raises(QueryError, match="larger than"):
        ask(reader, long, Limits(answer_bytes=1_000_000))


def test_a_query_that_fails_midway_says_so_and_not_before(reader: Reader) -> None:
    with pytest.raises(QueryError, match="boom"), answering(
        reader, "SELECT CASE WHEN range = 200000 THEN error('boom') ELSE 'a' END AS x FROM range(300000)"
    ) as answer:  # fmt: skip
        assert next(iter(answer)).height > 0
        list(answer)


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT INTERVAL 90 MINUTE AS a", [{"a": "01:30:00"}]),
        ("SELECT {'x': INTERVAL 1 DAY} AS a", [{"a": "{'x': 1 day}"}]),
        ("SELECT 1 AS a, 2 AS a, 3 AS a_1", [{"a": 1, "a_1": 2, "a_1_1": 3}]),
        ("SELECT 1 AS a WHERE false", []),
        ("FROM requests SELECT path ORDER BY path; -- the rest is a comment", [{"path": "/a"}]),
        ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) FROM t SELECT max(n) AS n",
         [{"n": 3}]),
    ],
)  # fmt: skip
def test_whatever_a_select_gives_can_be_shown(statement: str, rows: list[object], reader: Reader) -> None:
    assert ask(reader, statement).to_dicts() == rows


def test_tables_can_be_described(reader: Reader) -> None:
    assert "client_ip" in ask(reader, "DESCRIBE requests")["column_name"].to_list()
    assert ask(reader, "SUMMARIZE requests").height == len(REQUESTS.columns)


def test_times_that_no_calendar_has_are_an_error_and_no_crash(reader: Reader) -> None:
    with pytest.raises(QueryError, match="VARCHAR"):
        ask(reader, "SELECT TIMESTAMPTZ 'infinity' AS t")


def test_a_hungry_query_is_stopped(reader: Reader) -> None:
    with pytest.raises(QueryError, match=r"(?i)memory"):
        ask(reader, "SELECT list(range) FROM range(100000000)", Limits(memory="50MB"))


@pytest.mark.parametrize(
    "text", ["", "SELEC 1", "SELECT * FROM nowhere", "-- nothing", pytest.param("SELECT " + "(" * 900, id="nested")]
)
def test_what_is_no_query_is_one_clear_line(text: str, reader: Reader) -> None:
    with pytest.raises(QueryError) as refused:
        ask(reader, text)
    assert str(refused.value)
    assert "\n" not in str(refused.value)
