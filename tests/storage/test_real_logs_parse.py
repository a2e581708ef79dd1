"""Every real log at hand is recognised and parses; only lines that are really not of the format are rejected.

The logs are not part of the repository: `WATCHROOM_DATA`, else `../shared/data` beside it, says where they are. Each
file is a test of its own, named by its path; `pytest -rA` prints how many records landed and how many were rejected.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from storage.errors import InputError
from storage.format import Context, LogFormat, Parsed, load, sniff
from storage.opening import SNIFF_BYTES, recognise
from storage.records import Text, to_records
from storage.streams import open_stream

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("WATCHROOM_DATA", REPOSITORY.parent / "shared" / "data"))
CONTEXT = Context(written_at=datetime(2026, 11, 22, 18, 0, tzinfo=UTC))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real logs at {DATA} (set WATCHROOM_DATA)")

REJECTS: dict[str, tuple[int, str]] = {
    "c_rds.stderr.log.gz": (18, "csvlog and jsonlog lines that the server wrote here while its settings changed"),
    "bullmq_5_events_and_job_json.log": (2, "COUNTS and METRICS of the queue are no jobs"),
    "sidekiq_6.4.1_json.log": (24, "warnings that a library printed as plain text"),
    "redis_7.0.15_monitor.log": (1, "the server's OK"),
    "memcached_1.6.18_watch_fetchers_mutations.log": (1, "the server's OK"),
    "redis_7.0.15_slowlog_get.log": (1, "a client's answer, no log"),
    "slowlogs__slow012.txt": (2, "tells no time"),
    "slowlogs__slow020.txt": (3, "tells no time"),
    "slowlogs__slow022.txt": (7, "its times are made unreadable"),
    "slowlogs__slow032-rewritten.txt": (1, "tells no time"),
    "slowlogs__slow046.txt": (1, "tells no time"),
    "slowlogs__slow047.txt": (1, "tells no time"),
    "slowlogs__slow055.txt": (3, "tells no time"),
    "slowlogs__slowlogwriter001.txt": (1, "tells no time"),
    "slow015.log.gz": (2, "tells no time"),
    "slow017.log": (1, "begins in the middle of a statement"),
    "crowdsec_hub/bookstack-logs": (1, "a line of Apache's error log in nginx's"),
    "crowdsec_hub/envoy-logs": (4, "Envoy's text form among its JSON"),
    "crowdsec_hub/litespeed-logs": (2, "LiteSpeed's own error log"),
    "crowdsec_hub/nginx_http-catch-npm": (4, "home-made forms of nginx's access log"),
    "crowdsec_hub/nginx-proxy-manager-logs": (3, "nginx's logs in the proxy manager's"),
    "fail2ban_logs/apache-fakegooglebot": (2, "the times' zone was cut out"),
    "fail2ban_logs/nginx-botsearch": (2, "syslog's lines, their time cut off, among nginx's"),
}
"""How many records of a file may be rejected, and why. Every other file parses whole."""

NO_FORMAT: dict[str, str] = {
    "memcached_1.6.18_vv.log": "output for debugging, without times",
    "redis_7.0.15_info.log": "the answer of INFO, no log",
    "slowlogs__slow006-session-1.txt": "a tool's output, without times",
    "slowlogs__slow006-session-2.txt": "a tool's output, without times",
    "slowlogs__slow006-session-3.txt": "a tool's output, without times",
    "slowlogs__slow015.txt": "cut off in its header",
    "crowdsec_hub/baserow-logs": "Baserow's lines have no format yet",
    "fail2ban_logs/horde": "syslog's time with no program and colon after it",
    "fail2ban_logs/openhab": "months in French",
    "fail2ban_logs/squirrelmail": "10/06/2013 is June or October",
}
"""Files that nothing fits, and why."""

NO_LOGS = (
    "*.md", "*.parquet", "ip_facts.csv", "expected*.json*", "pt_query_digest.json", "meta.json", "whitelisted.jsonl",
    "*.expected_requests.jsonl", "fingerprints.jsonl", "messages.jsonl", "query_tags.jsonl", "prefix_lines.jsonl",
)  # fmt: skip
"""Files beside the logs: labels, counts that other tools made, requests and statements taken apart, and lines of
another server each (a test of their own reads those)."""

LINES_OF = {"fail2ban_logs": "line", "heroku_logplex.jsonl": "raw"}
"""Files (or all of a folder) whose log lines are values of a key, each with what a test of another tool expects."""


def files() -> Iterator[Path]:
    """Every file of the public halves that holds a log, in whatever wrapping."""
    roots = [*(DATA / "queries").glob("*log*"), DATA / "ops/log_format_samples", *(DATA / "waf").iterdir()]
    for root in sorted(roots):
        found = (p for p in (root / "public").rglob("*") if p.is_file())
        yield from sorted(p for p in found if not any(p.match(pattern) for pattern in NO_LOGS))


def key(path: Path) -> str:
    """How the tables above name a file: with its folder where all of them are called input.log, or after a filter."""
    for folder, name in (("crowdsec_hub", path.parent.name), ("fail2ban_logs", path.stem)):
        if folder in path.parts:
            return f"{folder}/{name}"
    return path.name


def read(path: Path) -> bytes:
    """A log's bytes, uncompressed."""
    wrapped = next((k for name, k in LINES_OF.items() if name in path.parts), None)
    if wrapped is not None:
        told = [json.loads(line)[wrapped] for line in path.read_text().splitlines()]
        return "".join(line.rstrip("\n").replace("\n", "\n\t") + "\n" for line in told).encode()
    with closing(open_stream(path)) as stream:
        return stream.read(0, 1 << 30)


@cache
def parse(path: Path, name: str | None) -> tuple[str | None, int, Parsed | None]:
    """The format found (or named), the records, and what they became."""
    raw = read(path)
    found = load(name) if name else _found(path, raw)
    if found is None:
        return None, 0, None
    ends = found.ends(raw)
    if not len(ends) or ends[-1] < len(raw):
        ends = np.append(ends, len(raw)).astype(np.int64)
    records = to_records(Text(raw, 0), ends)
    return found.name, records.height, found.parse(records, final=True, context=CONTEXT)


def _found(path: Path, raw: bytes) -> LogFormat | None:
    """The format that landing this file finds, binary files refused and all."""
    if any(name in path.parts for name in LINES_OF):
        return sniff(raw[:SNIFF_BYTES])
    try:
        with closing(open_stream(path)) as stream:
            return recognise(stream, None)
    except InputError as error:
        assert "no known format" in str(error), error
        return None


def rows(path: Path, table: str, name: str | None = None) -> pl.DataFrame:
    """The rows of one table."""
    parsed = parse(path, name)[2]
    assert parsed is not None
    return parsed.frames[table]


@needs_data
@pytest.mark.parametrize("path", list(files()) if DATA.is_dir() else [], ids=lambda p: "/".join(p.parts[-3:]))
def test_a_real_log_parses(path: Path) -> None:
    """The file is recognised, and no more is rejected than the table says."""
    name, records, parsed = parse(path, None)
    if not read(path):
        assert parsed is None
        return
    if key(path) in NO_FORMAT:
        assert parsed is None, f"{name} fits now: take it off the list"
        return
    assert parsed is not None, "no format fits"
    landed = {table: frame.height for table, frame in parsed.frames.items() if frame.height}
    print(f"{name}: {records} records, {landed}, {parsed.rejects.height} rejected")
    expected = REJECTS.get(key(path), (0, ""))[0]
    assert parsed.rejects.height == expected, parsed.rejects.head(3).rows()
    assert landed or expected


def told_apart(found: pl.DataFrame) -> list[tuple[object, ...]]:
    """What each execution was, in no order: backends that write at once need not do so in the same order everywhere."""
    return found.select("ts", "sql", "params", "duration_ms").sort(pl.all(), nulls_last=True).rows()


@needs_data
@pytest.mark.parametrize("phase", ["a_default", "e_edge", "g_concurrent", "c_rds"])
def test_postgresql_counts_are_those_of_its_twins_and_of_pgbadger(phase: str) -> None:
    """Statements and executions, each once, with the summed duration that the csvlog tells; errors once each."""
    folder = DATA / "queries/pglog_redmine_pg15/public"
    told = json.loads((folder / "expected.json").read_text())[phase]
    found = rows(folder / f"{phase}.stderr.log.gz", "queries")
    if "from_csvlog" not in told:  # statements and their durations on lines of their own: pgBadger cannot time them
        assert found.height == told["pgbadger_stderr"]["query_total"]
        assert found["duration_ms"].null_count() == 0
        return
    twin = told["from_csvlog"]
    bare = twin["duration_records"].get("bare", 0)
    executed = twin["duration_records"]["statement"] + twin["duration_records"]["execute"] + bare
    lone_plans = found.filter(pl.col("plan").is_not_null() & pl.col("sql").str.contains("slow_f|n")).height
    assert executed <= found.height <= executed + lone_plans
    for kind, name in (("csvlog.csv", "postgresql-csv"), ("jsonlog.json", "postgresql-json")):
        other = folder / f"{phase}.{kind}.gz"
        if other.exists():
            same = rows(other, "queries", name)
            assert same.height == found.height
            assert told_apart(same) == told_apart(found)


@needs_data
@pytest.mark.parametrize(
    ("file", "queries"),
    [("light.postgres.log.bz2", 629), ("rds.log.bz2", 114_594), ("multiline_param.log", 5), ("pg-syslog.1.bz2", 59_871),
     ("logplex.gz", 4), ("pg-timezones.log", 2), ("csv_statement_without_duration.log", 2)],
)  # fmt: skip
def test_postgresql_counts_are_those_of_pgbadger(file: str, queries: int) -> None:
    """As many executions as pgBadger 12 counts, in whatever envelope they travel, and the same time in all."""
    folder = DATA / "queries/pglog_pgbadger_fixtures/public"
    told = json.loads((folder / "expected.json").read_text())[file]["pgbadger_run"]
    found = rows(folder / file, "queries")
    assert found.height == queries == told["queries_number"]
    if file != "csv_statement_without_duration.log":  # there pgBadger lends one statement's time to the other
        spent = found.filter(pl.col("sql") != "")["duration_ms"].sum()  # pgBadger leaves empty statements out
        assert spent == pytest.approx(told["total_duration_ms"], rel=1e-6)


@needs_data
def test_mariadb_events_and_time_are_those_of_pt_query_digest() -> None:
    """Every event of the slow log, with the rows and the database that its header names."""
    folder = DATA / "queries/mysqllog_redmine_mariadb/public"
    told = json.loads((folder / "pt_query_digest.json").read_text())
    found = rows(folder / "mariadb-slow.log.gz", "queries")
    assert found.height == told["global_query_count"]
    assert found["database"].drop_nulls().unique().to_list() == ["redmine"]
    assert found["duration_ms"].null_count() == 0 and found["plan"].drop_nulls().len() > 100


@needs_data
def test_mysql_counts_are_those_of_pt_query_digest() -> None:
    """Every dated sample of Percona's toolkit has the events that its own tool counts, commands among them."""
    folder = DATA / "queries/mysqllog_percona_toolkit/public"
    told = json.loads((folder / "pt_query_digest.json").read_text())
    wrong = {}
    for path in sorted(folder.glob("slowlogs__*")):
        if path.name in NO_FORMAT or path.name in REJECTS or not path.stat().st_size:
            continue
        parsed = parse(path, None)[2]
        assert parsed is not None
        count = sum(frame.height for frame in parsed.frames.values())
        if count != told[path.name].get("global_query_count"):
            wrong[path.name] = (count, told[path.name].get("global_query_count"))
    # pt-query-digest refuses the one whose Query_time overflowed; its event is a row here, without a duration
    assert wrong == {"slowlogs__slow017.txt": (1, 0)}


@needs_data
@pytest.mark.parametrize("phase", ["a_default", "c_rds", "my_mariadb"])
def test_rails_statements_a_request_are_those_expected(phase: str) -> None:
    """Per request: as many statements as the log has, without those that the query cache answered."""
    folder = DATA / "queries/applog_rails_redmine/public"
    found = rows(folder / f"{phase}.rails.log.gz", "queries")
    counts = dict(found.group_by("trace_id").len().rows())
    for line in (folder / f"{phase}.expected_requests.jsonl").read_text().splitlines():
        told = json.loads(line)
        assert counts.get(told["request_id"], 0) == told["sql_lines"] - told["cached"], told["request_id"]


@needs_data
def test_otlp_traces_hold_the_statements_expected() -> None:
    """No trace has more statements of one text than its label tells, and every labelled trace is there."""
    folder = DATA / "queries/otlp_zeal_traces/public"
    found = rows(folder / "traces.otlp.jsonl.gz", "queries")
    most = dict(found.group_by("trace_id", "sql").len().group_by("trace_id").agg(pl.col("len").max()).rows())
    for line in (folder / "labels.jsonl").read_text().splitlines():
        told = json.loads(line)
        assert 1 <= most[told["trace_id"]] <= told["max_same_template"]


@needs_data
def test_postgresql_prefixes_are_understood() -> None:
    """User, database and application of pganalyze's prefixes: all but three that tell no time and a LOCATION alone."""
    wrong, unread = [], 0
    for line in (DATA / "queries/pglog_pganalyze_lines/public/prefix_lines.jsonl").read_text().splitlines():
        told = json.loads(line)
        if not told["expected_ok"]:
            continue
        raw = (told["line"].replace("\n", "\n\t") + "\n").encode()
        fmt = load("postgresql")
        parsed = fmt.parse(to_records(Text(raw, 0), np.array([len(raw)], dtype=np.int64)), final=True)
        found = [row for frame in parsed.frames.values() for row in frame.rows(named=True)]
        if not found:
            unread += 1
            continue
        have = found[0] if "sql" in found[0] else json.loads(found[0]["context"] or "{}")
        want = {"db_user": "Username", "database": "Database", "application": "Application"}
        if any((told["expected"].get(name) or None) != have.get(column) for column, name in want.items()):
            wrong.append(told["line"][:80])
    assert unread == 4 and len(wrong) <= 1, wrong


@needs_data
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("queries/pglog_redmine_pg15/public/e_edge.stderr.log.gz", "postgresql"),
        ("queries/pglog_redmine_pg15/public/c_rds.stderr.log.gz", "postgresql"),
        ("queries/pglog_redmine_pg15/public/e_edge.csvlog.csv.gz", "postgresql-csv"),
        ("queries/mysqllog_redmine_mariadb/public/mariadb-slow.log.gz", "mysql-slow"),
        ("queries/mysqllog_redmine_mariadb/public/mariadb-general.log.gz", "mysql-general"),
        ("queries/applog_rails_redmine/public/c_rds.rails.log.gz", "rails"),
        ("queries/applog_django_sqlalchemy/public/sqlalchemy_engine_echo.log.gz", "sqlalchemy"),
        ("queries/pglog_pgbadger_fixtures/public/logplex.gz", "syslog+postgresql"),
    ],
)
def test_a_real_log_read_in_pieces_gives_the_same_rows(file: str, name: str) -> None:
    """Tailed in pieces of any size, what is unfinished or held given again: row for row what the whole log gives."""
    path = DATA / file
    raw, fmt = read(path), load(name)
    whole = parse(path, name)[2]
    assert whole is not None
    rng = np.random.default_rng(7)
    parts, start, seen = [], 0, 0
    while seen < len(raw):
        seen = min(len(raw), seen + int(rng.integers(1, max(2, len(raw) // 8))))
        ends = fmt.ends(raw[start:seen])
        last = seen == len(raw)
        if last and (not len(ends) or ends[-1] < seen - start):
            ends = np.append(ends, seen - start).astype(np.int64)
        if not len(ends):
            continue
        part = fmt.parse(to_records(Text(raw[start:seen], start), ends), final=last, context=CONTEXT)
        parts.append(part)
        start = part.held_from if part.held_from is not None else start + int(ends[-1])
    for table, frame in whole.frames.items():
        pieces = [p.frames[table] for p in parts if table in p.frames and p.frames[table].height]
        found = pl.concat(pieces, how="diagonal_relaxed") if pieces else frame.clear()
        assert found.select(frame.columns).rows() == frame.rows(), table
    assert pl.concat([p.rejects for p in parts]).rows() == whole.rejects.rows()
