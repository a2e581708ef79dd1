"""The ledger: transactions, migrations, and clear words when SQLite cannot."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from storage import ledger as module
from storage.errors import UnavailableError
from storage.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite3")


def count(ledger: Ledger) -> int:
    with ledger.read() as connection:
        return int(connection.execute("SELECT count(*) FROM landing_commit").fetchone()[0])


def insert(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO landing_commit (ts, kind) VALUES ('', 'land')")


def test_a_transaction_that_raises_is_undone_whole(ledger: Ledger) -> None:
    with pytest.raises(KeyError), ledger.write() as connection:
        insert(connection)
        raise KeyError
    assert count(ledger) == 0
    with ledger.write() as connection:
        insert(connection)
    assert count(ledger) == 1


def test_a_reader_sees_one_moment_and_blocks_nobody(ledger: Ledger) -> None:
    with ledger.read() as connection:
        before = connection.execute("SELECT count(*) FROM landing_commit").fetchone()[0]

        def write() -> None:
            with ledger.write() as mine:
                insert(mine)
            ledger.close()

        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        assert connection.execute("SELECT count(*) FROM landing_commit").fetchone()[0] == before
    assert count(ledger) == 1


def test_it_is_synced_with_every_commit(ledger: Ledger) -> None:
    with ledger.read() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_migrations_run_once_and_a_second_opening_changes_nothing(ledger: Ledger) -> None:
    with ledger.read() as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    again = Ledger(ledger.path)
    with again.read() as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == version == len(module._migrations())


def test_a_locked_ledger_is_unavailable_and_a_broken_rule_is_not(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.05)
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="try again"), Ledger(ledger.path).write():
        pass
    other.execute("ROLLBACK")
    with pytest.raises(sqlite3.IntegrityError), ledger.write() as connection:
        connection.execute("INSERT INTO landing_commit (ts, kind) VALUES (NULL, 'land')")


def test_a_file_that_is_no_ledger_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no ledger at all" * 500)
    with pytest.raises(UnavailableError, match="watchroom doctor") as caught:
        Ledger(tmp_path / "x")
    assert "\n" not in str(caught.value)
