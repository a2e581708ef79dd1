"""Words taken out of the ledger and of watchroom's own notes: what was decided stays, whom it named does not.

Immutable rows are held by triggers, which are put aside for the one transaction. An event that is redacted keeps its
place and its hash in the chain, and a new event vouches for what it reads now (storage/audit.py).
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from storage import audit
from storage.clock import Clock, rfc3339
from storage.errors import UnavailableError
from storage.home import Home
from storage.ledger import Ledger

PATIENCE_S = 10.0
"""How long others may go on reading before their old pages are told to be in the way."""
FORGOTTEN = "[forgotten]"
KEPT = frozenset({"source", "segment", "landed", "gap", "landing_commit", "watermark", "sqlite_sequence"})
"""Tables that name logs and files, and no subject of theirs."""
NOTES = ("sql_history", "watchroom.log*", "state/*.log")
"""Files of the home in which people or watchroom write text."""


def redact_ledger(ledger: Ledger, words: re.Pattern[str], by: audit.By, clock: Clock) -> int:
    """Put `[forgotten]` in the place of the words in every text of the ledger; returns the rows that changed.

    The event that tells of it names who asked, and not whom.
    """
    with ledger.write() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.create_function("names_it", 1, lambda text: bool(text) and words.search(text) is not None)
        connection.create_function("without_it", 1, lambda text: words.sub(FORGOTTEN, text))
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        changed = sum(_redact_table(connection, name) for name in tables if name not in {*KEPT, "event"})
        vouched = _redact_events(connection)
        body = {"rows": changed, "redacted": vouched}
        audit.append(connection, by, ts=rfc3339(clock()), kind=audit.FORGOTTEN, subject="a subject", body=body)
    return changed + len(vouched)


def redact_notes(home: Home, words: re.Pattern[str]) -> int:
    """Take the lines that hold the words out of the home's text files; returns how many went."""
    gone = 0
    for path in sorted(found for glob in NOTES for found in home.path.glob(glob)):
        lines = path.read_text("utf-8", "surrogateescape").splitlines(keepends=True)
        kept = [line for line in lines if words.search(line) is None]
        if len(kept) < len(lines):
            gone += len(lines) - len(kept)
            _write_in_place(path, "".join(kept))
    return gone


def wipe(ledger: Path) -> None:
    """Write the ledger anew without the free pages in which old texts remain, and empty its log.

    Raises UnavailableError while another process keeps the old pages in use.
    """
    connection = sqlite3.connect(ledger, timeout=PATIENCE_S)
    try:
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        raise UnavailableError(
            f"the ledger {ledger} is in use ({error}); run this again, or stop the daemon first"
        ) from error
    finally:
        connection.close()
    if busy:
        raise UnavailableError(f"somebody reads the ledger {ledger}; run this again, or stop the daemon first")


def _redact_table(connection: sqlite3.Connection, table: str) -> int:
    """Redact every text column of a table, its triggers put aside; returns the rows that changed."""
    columns = [row["name"] for row in connection.execute(f'PRAGMA table_info("{table}")') if row["type"] == "TEXT"]
    test = " OR ".join(f'names_it("{column}")' for column in columns)
    if not columns or not connection.execute(f'SELECT 1 FROM "{table}" WHERE {test} LIMIT 1').fetchone():
        return 0
    changes = ", ".join(f'"{c}" = CASE WHEN names_it("{c}") THEN without_it("{c}") ELSE "{c}" END' for c in columns)
    triggers = _put_aside(connection, table)
    changed = connection.execute(f'UPDATE "{table}" SET {changes} WHERE {test}').rowcount
    for statement in triggers:
        connection.execute(statement)
    return changed


def _redact_events(connection: sqlite3.Connection) -> dict[str, str]:
    """Redact the event log; returns the digest of each redacted event as it reads now, by its number."""
    numbers = [
        row[0] for row in connection.execute("SELECT seq FROM event WHERE names_it(subject) OR names_it(body)"
                                             " OR names_it(actor) OR names_it(host)")
    ]  # fmt: skip
    if numbers:
        _redact_table(connection, "event")
    marks = ",".join("?" * len(numbers))
    rows = connection.execute(f"SELECT * FROM event WHERE seq IN ({marks})", numbers)
    return {str(row["seq"]): audit.digest(audit.content(row)) for row in rows}


def _put_aside(connection: sqlite3.Connection, table: str) -> list[str]:
    """Drop a table's triggers; returns the statements that make them again."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,))
    found = [(row["name"], row["sql"]) for row in rows]
    for name, _ in found:
        connection.execute(f'DROP TRIGGER "{name}"')
    return [statement for _, statement in found]


def _write_in_place(path: Path, text: str) -> None:
    """Write a file anew where it is: a process that has it open goes on appending to it."""
    with path.open("r+", encoding="utf-8", errors="surrogateescape") as out:
        out.write(text)
        out.truncate()
