"""A query from outside, fenced: read-only, nothing but the lake's segments and the ledger, bounded in time and memory.

The wall is the list of what a statement may be made of: one SELECT, and every query inside it a SELECT as well, by
DuckDB's own syntax tree. The statement's type alone is no wall: `EXPLAIN ANALYZE COPY` writes, and so does a SELECT
whose common table expression is a COPY. Behind it DuckDB is locked down: no other files, no network, no extensions, no
Python variables. An answer comes in batches, so a long one needs no more memory than a short one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from storage.answer import Answer, FailedError
from storage.brake import Brake, watched
from storage.errors import QueryError
from storage.schema import TABLES
from storage.sql import Reader, ledger_tables, one_line, views

_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""What a query may be made of. The others (COPY_QUERY_NODE, INSERT_QUERY_NODE, ...) write."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may use."""

    timeout_s: float = 60.0
    memory: str = "1GB"
    threads: int = 2
    answer_bytes: int = 1 << 30
    """The largest answer that `ask` holds; what is read batch by batch may be of any size."""


@contextmanager
def answering(
    reader: Reader, statement: str, limits: Limits | None = None, brake: Brake | None = None
) -> Iterator[Answer]:
    """The answer to one SELECT, to be read inside the block; the time limit counts until its end.

    Raises QueryError when it is no single SELECT, fails, takes too long, or is stopped by its `brake`.
    """
    held, stop = limits or Limits(), brake or Brake()
    text = _single_select(statement, reader)
    with reader.connect(text) as connection:
        _lock(connection, reader, held)
        with watched(connection, held.timeout_s, stop) as late:
            try:
                yield Answer(connection.sql(text))
            except (duckdb.Error, RuntimeError, FailedError) as error:
                if late.is_set():
                    why = f"the query took longer than {held.timeout_s:g} s; raise --timeout"
                elif stop.pulled:
                    why = "the query was interrupted"
                else:
                    why = f"query failed: {one_line(error)}"
                raise QueryError(why) from error


def ask(reader: Reader, statement: str, limits: Limits | None = None, brake: Brake | None = None) -> pl.DataFrame:
    """The whole answer to one SELECT, as `answering` gives it. Raises QueryError, also when it is too large to hold."""
    held = limits or Limits()
    frames: list[pl.DataFrame] = []
    size = 0
    with answering(reader, statement, held, brake) as answer:
        for frame in answer:
            size += int(frame.estimated_size())
            if size > held.answer_bytes:
                raise QueryError(
                    f"the answer is larger than {held.answer_bytes / 1e6:,.0f} MB; add LIMIT, or write it to a file:"
                    " watchroom sql --to answer.parquet"
                )
            frames.append(frame)
        return pl.concat(frames) if frames else answer.schema.to_frame()


def catalogue(reader: Reader) -> pl.DataFrame:
    """Every table and view that a query may name: `name`, `kind`."""
    with reader.lake.ledger.read() as connection:
        names = [(n, "ledger table") for n in ledger_tables(connection)]
    names += [(n, "lake table") for n in TABLES] + [(n, "view") for n in views()]
    return pl.DataFrame(sorted(names, key=lambda n: (n[1], n[0])), schema=["name", "kind"], orient="row")


def _single_select(statement: str, reader: Reader) -> str:
    """The text of the one SELECT in `statement`; SHOW TABLES is answered from the catalogue."""
    with duckdb.connect() as parser:
        try:
            found = parser.extract_statements(statement)
        except duckdb.Error as error:
            raise QueryError(f"cannot parse the query: {one_line(error)}") from None
        if len(found) != 1:
            raise QueryError(f"one statement at a time, not {len(found)}")
        if " ".join(statement.lower().split()).rstrip("; ") == "show tables":
            rows = ", ".join(f"('{n}', '{k}')" for n, k in catalogue(reader).iter_rows())
            return f"SELECT * FROM (VALUES {rows}) AS tables (name, kind)"
        if found[0].type != duckdb.StatementType.SELECT:
            raise QueryError(f"only SELECT is allowed here, not {found[0].type.name}; the lake is read-only")
        _check_reads_only(parser, found[0].query)
    return found[0].query


def _check_reads_only(parser: duckdb.DuckDBPyConnection, text: str) -> None:
    """Raises QueryError unless every query in the statement's syntax tree, common table expressions too, only reads."""
    answer = parser.execute("SELECT json_serialize_sql(?)", [text]).fetchall()
    try:
        tree = json.loads(answer[0][0])
    except RecursionError:
        raise QueryError("the query is nested too deeply") from None
    if tree.get("error"):
        raise QueryError(f"only SELECT is allowed here: {one_line(Exception(tree.get('error_message', '')))}")
    if others := sorted(_nodes(tree) - _QUERIES):
        what = others[0].removesuffix("_NODE").removesuffix("_QUERY")
        raise QueryError(f"only SELECT is allowed here, not {what} inside it; the lake is read-only")


def _nodes(tree: Any) -> set[str]:
    """The kinds of all queries in a syntax tree."""
    found: set[str] = set()
    pending = [tree]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            kind = part.get("type")
            if isinstance(kind, str) and kind.endswith("_NODE"):
                found.add(kind)
            pending += part.values()
        elif isinstance(part, list):
            pending += part
    return found


def _lock(connection: duckdb.DuckDBPyConnection, reader: Reader, limits: Limits) -> None:
    """Close every door but the lake's own files, then throw away the key."""
    try:
        connection.execute("SET memory_limit = $1", [limits.memory])
    except duckdb.Error as error:
        raise QueryError(f"--memory {limits.memory!r}: {one_line(error)}") from None
    connection.execute("SET threads = $1", [limits.threads])
    connection.execute("SET max_temp_directory_size = '0KB'")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET allow_community_extensions = false")
    folder = str(reader.lake.home.lake.resolve()) + "/"
    connection.execute("SET allowed_directories = $1", [[folder]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
