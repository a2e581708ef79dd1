"""DuckDB over one snapshot of the lake and the ledger: what is asked for by name is there, nothing else.

Tables of the lake have plural names (`requests`, `predictions`), tables of the ledger singular ones (`deployment`,
`segment`), and every file in `storage/views/` is a view named like the file. Each process opens its own in-memory
DuckDB, for DuckDB locks other processes out of a database file. Only what a query names is opened, so a small question
over a large home stays cheap.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import sqlite3
from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from storage.errors import QueryError, UnavailableError
from storage.lake import Lake, Snapshot
from storage.schema import SCHEMA_VERSION, TABLES

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SQLITE_TYPES: Mapping[str, type[pl.DataType]] = {
    "INTEGER": pl.Int64, "REAL": pl.Float64, "TEXT": pl.String, "BLOB": pl.Binary,
}  # fmt: skip


@functools.cache
def views() -> Mapping[str, str]:
    """Every view's SELECT by its name; leading `--` lines of the file say what it shows."""
    folder = importlib.resources.files("storage") / "views"
    return {
        f.name.removesuffix(".sql"): f.read_text(encoding="utf-8")
        for f in sorted(folder.iterdir(), key=lambda f: f.name)
        if f.name.endswith(".sql")
    }


def about(view: str) -> str:
    """What a view shows: the comment at the head of its file."""
    lines = views()[view].splitlines()
    return " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))


def ledger_tables(connection: sqlite3.Connection) -> list[str]:
    """The names of the ledger's tables."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return sorted(row[0] for row in rows)


class Reader:
    """Reads with SQL. Every `query` sees one consistent moment of lake and ledger."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def query(self, sql: str, params: Sequence[object] | Mapping[str, object] = ()) -> pl.DataFrame:
        """The answer as a frame; times are UTC. Raises QueryError with DuckDB's reason in one line."""
        with self.connect(sql) as connection:
            try:
                return to_frame(connection.sql(sql, params=params))
            except duckdb.Error as error:
                raise QueryError(f"query failed: {one_line(error)}") from error

    def connect(self, sql: str) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB that holds whatever of lake, ledger and views the text `sql` names."""
        wanted = _needed(sql)
        connection = duckdb.connect(config={"python_enable_replacements": False})
        connection.execute("SET TimeZone = 'UTC'")
        with self.lake.ledger.read() as ledger:
            snapshot = self.lake.snapshot()
            alike = _of_this_schema(ledger)
            for name in ledger_tables(ledger):
                if name in wanted:
                    connection.register(name, _ledger_rows(ledger, name).to_arrow())
        for name in TABLES:
            if name in wanted:
                try:
                    _open_table(connection, name, snapshot, alike=name in alike)
                except duckdb.Error as error:
                    text = f"a segment of {name} cannot be read ({one_line(error)}); run `watchroom doctor --repair`"
                    raise UnavailableError(text) from error
        for name in _in_order(wanted):
            connection.execute(f'CREATE VIEW "{name}" AS {views()[name]}')
        return connection


def to_frame(answer: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """A relation's rows as a Polars frame."""
    frame = pl.from_arrow(answer.to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def one_line(error: BaseException) -> str:
    """The first line of an error's text, without DuckDB's own heading of causes below it."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _needed(sql: str) -> set[str]:
    """All names of tables and views that `sql` may touch, those behind views included."""
    wanted: set[str] = set()
    pending = [sql]
    while pending:
        for word in {w.lower() for w in _WORD.findall(pending.pop())} - wanted:
            wanted.add(word)
            if word in views():
                pending.append(views()[word])
    return wanted


def _in_order(wanted: set[str]) -> list[str]:
    """The wanted views, each after the views it reads."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        for word in sorted({w.lower() for w in _WORD.findall(_code(views()[name]))}):
            if word != name and word in views():
                visit(word)
        done.append(name)

    for name in sorted(wanted & views().keys()):
        visit(name)
    return done


def _code(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))


def _of_this_schema(ledger: sqlite3.Connection) -> set[str]:
    """The tables of which every live segment was written with the columns of today."""
    rows = ledger.execute(
        "SELECT table_name FROM segment WHERE superseded_by IS NULL GROUP BY table_name"
        " HAVING min(schema_version) = ?1 AND max(schema_version) = ?1",
        (SCHEMA_VERSION,),
    )
    return {row[0] for row in rows}


def _open_table(connection: duckdb.DuckDBPyConnection, name: str, snapshot: Snapshot, *, alike: bool) -> None:
    """The live segments of a lake table as a DuckDB view; an empty table keeps its columns.

    Segments that are `alike` need not be looked into one by one for their columns.
    """
    segments = snapshot.of(name)
    empty = TABLES[name].empty().to_arrow()
    if not segments:
        connection.register(name, empty)
        return
    if alike:
        connection.read_parquet([str(s.path) for s in segments], hive_partitioning=False).create_view(name)
        return
    connection.register(f"_{name}_columns", empty)
    files = connection.read_parquet([str(s.path) for s in segments], union_by_name=True, hive_partitioning=False)
    files.create_view(f"_{name}_segments")
    connection.execute(
        f'CREATE VIEW "{name}" AS SELECT * FROM "_{name}_columns" UNION ALL BY NAME SELECT * FROM "_{name}_segments"'
    )


def _ledger_rows(ledger: sqlite3.Connection, name: str) -> pl.DataFrame:
    columns = ledger.execute(f'PRAGMA table_info("{name}")').fetchall()
    schema = {c["name"]: _SQLITE_TYPES.get(c["type"], pl.String) for c in columns}
    rows = [tuple(row) for row in ledger.execute(f'SELECT * FROM "{name}"')]
    return pl.DataFrame(rows, schema=schema, orient="row", strict=False)
