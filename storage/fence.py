"""A query from outside, fenced: read-only, nothing but the lake's segments and the ledger, bounded in time and memory.

The wall is the list of statement types: only a single SELECT passes (EXPLAIN is refused because `EXPLAIN ANALYZE COPY`
writes). Behind it DuckDB is locked down: no other files, no network, no extensions, no Python variables.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import duckdb
import polars as pl

from storage.errors import QueryError
from storage.schema import TABLES
from storage.sql import Reader, ledger_tables, one_line, to_frame, views


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may use."""

    timeout_s: float = 60.0
    memory: str = "1GB"
    threads: int = 2


def ask(reader: Reader, statement: str, limits: Limits | None = None) -> pl.DataFrame:
    """The answer to one SELECT. Raises QueryError when it is no single SELECT, fails, or takes too long."""
    held = limits if limits is not None else Limits()
    text = _single_select(statement, reader)
    with reader.connect(text) as connection:
        _lock(connection, reader, held)
        late = threading.Event()

        def stop() -> None:
            late.set()
            connection.interrupt()

        timer = threading.Timer(held.timeout_s, stop)
        timer.daemon = True
        timer.start()
        try:
            return to_frame(connection.sql(text))
        except duckdb.InterruptException:
            why = f"took longer than {held.timeout_s:g} s; raise --timeout" if late.is_set() else "was interrupted"
            raise QueryError(f"the query {why}") from None
        except (duckdb.Error, RuntimeError) as error:
            raise QueryError(f"query failed: {one_line(error)}") from error
        except KeyboardInterrupt:
            connection.interrupt()
            raise
        finally:
            timer.cancel()


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
    return statement


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
