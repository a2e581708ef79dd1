"""The event log: who changed what, when and why. Appended only, each event chained to the one before by its hash.

A changed, inserted or removed event breaks the chain at its place, and so does a log cut at its end, for SQLite keeps
the highest number that it ever gave (`sqlite_sequence`). Whoever can rewrite the file whole can rewrite the chain
whole: keep `head` somewhere else to notice that.

An event that named somebody who must be forgotten is redacted and keeps its hash; a later event, itself in the chain,
tells the digest of what it reads since.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

FIRST_HASH = "0" * 64
FORGOTTEN = "subject.forgotten"
"""The kind of the event that vouches for redacted ones: its body's `redacted` has their digests by number."""
_CONTENT = ("ts", "actor", "origin", "host", "kind", "subject", "body")


class By(Protocol):
    """Who acts: a user's name, from where (`cli`, `console`, `scheduler`), on which host."""

    @property
    def name(self) -> str:
        """The user's name."""

    @property
    def origin(self) -> str:
        """From where."""

    @property
    def host(self) -> str:
        """On which host, and from which terminal and address."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What `verify` found: how many events, the newest hash, and where and why the chain first breaks, if it does."""

    events: int
    head: str
    broken_seq: int | None = None
    reason: str = ""

    @property
    def intact(self) -> bool:
        """Whether every event is as it was written."""
        return self.broken_seq is None


def canonical(value: object) -> str:
    """`value` as JSON that is always the same text for the same value: sorted keys, no blanks, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)


def digest(value: object) -> str:
    """sha256 of `value` in canonical JSON, hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def append(connection: sqlite3.Connection, by: By, *, ts: str, kind: str, subject: str,
           body: Mapping[str, Any]) -> int:  # fmt: skip
    """Add one event in the open transaction of `connection`; returns its number. `ts` is RFC 3339."""
    last = connection.execute("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    previous = last["hash"] if last else FIRST_HASH
    text = canonical(dict(body))
    fields = (ts, by.name, by.origin, by.host, kind, subject, text)
    done = connection.execute(
        "INSERT INTO event (ts, actor, origin, host, kind, subject, body, prev_hash, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*fields, previous, _hash(previous, fields)),
    ).lastrowid
    assert done is not None
    return done


def verify(connection: sqlite3.Connection) -> Chain:
    """Recompute the whole chain, oldest first; stops at the first event that is not as it was written."""
    previous, number, count = FIRST_HASH, 0, 0
    vouched = _vouched(connection)
    for row in connection.execute("SELECT * FROM event ORDER BY seq"):
        if row["seq"] != number + 1:
            return Chain(count, previous, number + 1, "events are missing")
        if row["prev_hash"] != previous:
            return Chain(count, previous, row["seq"], "it does not follow the event before it")
        fields = content(row)
        if row["hash"] != _hash(previous, fields) and digest(fields) not in vouched.get(row["seq"], ()):
            return Chain(count, previous, row["seq"], "its content was changed")
        previous, number, count = row["hash"], row["seq"], count + 1
    given = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    if given is not None and given["seq"] > number:
        return Chain(count, previous, number + 1, "events at the end are missing")
    return Chain(count, previous)


def content(row: sqlite3.Row) -> tuple[str, ...]:
    """What an event says, as its hash covers it."""
    return tuple(row[name] for name in _CONTENT)


def _vouched(connection: sqlite3.Connection) -> dict[int, set[str]]:
    """The digests that redacted events may have, by their number."""
    found: dict[int, set[str]] = {}
    for (body,) in connection.execute("SELECT body FROM event WHERE kind = ?", (FORGOTTEN,)):
        for number, text in json.loads(body).get("redacted", {}).items():
            found.setdefault(int(number), set()).add(text)
    return found


def head(connection: sqlite3.Connection) -> str:
    """The hash of the newest event; the whole log is as it was as long as this one is found in it."""
    last = connection.execute("SELECT hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    return str(last["hash"]) if last else FIRST_HASH


def _hash(previous: str, fields: tuple[str, ...]) -> str:
    return hashlib.sha256((previous + canonical(list(fields))).encode()).hexdigest()
