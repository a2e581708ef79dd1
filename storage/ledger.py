"""The ledger: SQLite with what is true. One transaction commits a segment with its offset.

WAL and synchronous FULL: what `write` returned from survives a power cut. Writers take the lock at once
(`BEGIN IMMEDIATE`), readers see one consistent snapshot and block nobody.
"""

from __future__ import annotations

import importlib.resources
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import UnavailableError

BUSY_TIMEOUT_S = 10.0
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM,
})  # fmt: skip


class Ledger:
    """An open ledger. Safe to share between threads: each gets its own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._migrate()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes: committed and durable when the block ends, undone whole if it raises."""
        with self._unavailable():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent snapshot to read from. Inside a `write` of the same thread it sees that transaction."""
        with self._unavailable():
            connection = self._connection()
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                _roll_back(connection)

    def close(self) -> None:
        """Close this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
        return connection

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        """What SQLite says of the file, not of our SQL, becomes one clear line."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None and code & 0xFF in _DAMAGED:
                raise UnavailableError(
                    f"the ledger {self.path} is damaged ({error}); run `watchroom doctor`"
                ) from error
            if code is not None and code & 0xFF in _BUSY:
                raise UnavailableError(f"the ledger {self.path} cannot be used now ({error}); try again") from error
            raise

    def _migrate(self) -> None:
        """Bring the schema up to the newest migration; each runs once, in its own transaction."""
        migrations = _migrations()
        with self.read() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise UnavailableError(f"the ledger {self.path} was written by a newer watchroom; upgrade to open it")
        for number, script in enumerate(migrations[version:], start=version + 1):
            with self.write() as connection:
                (now,) = connection.execute("PRAGMA user_version").fetchone()
                if now >= number:
                    continue
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number:d}")


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # SQLite ends it by itself on a full or failing disk
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _migrations() -> list[str]:
    """The migration scripts in order; file names begin with their number."""
    folder = importlib.resources.files("storage") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [f.read_text(encoding="utf-8") for f in files]


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, cut where SQLite says that one is complete (triggers hold semicolons)."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending
