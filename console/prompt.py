"""The SQL prompt: statements typed one after another, with history and completion by readline."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from console.exits import told
from console.output import say
from storage.errors import WatchroomError

if TYPE_CHECKING:
    from engine.room import Room

KEPT = 1_000
"""Statements of the history that are kept."""
FIRST, MORE = "watchroom> ", "      ...> "
ENDS = frozenset({"exit", "quit", ".exit", ".quit", r"\q"})
WORDS = (
    "SELECT", "FROM", "WHERE", "GROUP BY ALL", "ORDER BY", "LIMIT", "JOIN", "USING", "WITH", "HAVING", "DISTINCT",
    "DESCRIBE", "SUMMARIZE", "SHOW TABLES", "count(*)", "date_trunc(", "quantile_cont(",
)  # fmt: skip


def prompt(room: Room, answer: Callable[[str], None]) -> None:
    """Ask for statements and have each answered, until the end of input; an error ends the statement, not the prompt.

    Ctrl-C drops the line that is being typed, or interrupts the query that runs.
    """
    remember = _History(room)
    say("SQL over the lake and the ledger; `SHOW TABLES;` lists them, `;` ends a statement, Ctrl-D the prompt")
    while True:
        try:
            statement = _read()
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
            continue
        if statement.rstrip("; ").lower() in ENDS:
            return
        if not statement.strip("; \n"):
            continue
        try:
            remember.add(statement)
            answer(statement)
        except KeyboardInterrupt:
            say("interrupted")
        except WatchroomError as error:
            say(f"watchroom: {told(error)}")


def _read() -> str:
    """One statement, which may take several lines; it ends where SQL says that it is complete."""
    lines = [input(FIRST)]
    while lines[0].strip() and lines[0].strip().lower() not in ENDS:
        text = "\n".join(lines)
        if sqlite3.complete_statement(text) or not lines[-1].strip():
            break
        lines.append(input(MORE))
    return "\n".join(lines)


class _History:
    """What was asked before, in the home and readable by its owner only; nothing where there is no readline."""

    def __init__(self, room: Room) -> None:
        self._path = room.home.history
        try:
            import readline
        except ImportError:  # a Python built without it
            self._readline = None
            return
        self._readline = readline
        readline.set_auto_history(False)
        readline.set_history_length(KEPT)
        with suppress(OSError):
            readline.read_history_file(self._path)
        readline.set_completer_delims(" \t\n,()=<>+-*/.;'\"")
        readline.set_completer(_Names(room).complete)
        readline.parse_and_bind("tab: complete")

    def add(self, statement: str) -> None:
        """Remember a statement, as one line, at once: the prompt may be killed."""
        line = " ".join(statement.split())
        if self._readline is None:
            return
        last = self._readline.get_current_history_length()
        if not last or self._readline.get_history_item(last) != line:
            self._readline.add_history(line)
        with suppress(OSError):
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._readline.write_history_file(self._path)
            self._path.chmod(0o600)


class _Names:
    """The names of tables, views and columns that begin as what was typed."""

    def __init__(self, room: Room) -> None:
        from storage.fence import catalogue
        from storage.schema import TABLES

        columns = {column for table in TABLES.values() for column in table.columns}
        self._names = [*catalogue(room.reader)["name"].to_list(), *sorted(columns), *WORDS]
        self._found: list[str] = []

    def complete(self, typed: str, state: int) -> str | None:
        """Called by readline with 0, 1, 2, ... until there are no more."""
        if state == 0:
            self._found = [n for n in self._names if n.lower().startswith(typed.lower())]
        return self._found[state] if state < len(self._found) else None
